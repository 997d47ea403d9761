/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/store_schema.h"

/* From one user_version to the next; never changed once released. */
const char *const store_migrations[STORE_VERSION] = {
    /* certificate: any that was seen. address: whom it is for. peer: what the last mail from
     * an address said: whom to encrypt to, and what can be read, one to a line. */
    "PRAGMA application_id = 0x53676e74;"
    "CREATE TABLE certificate ("
    "  id INTEGER PRIMARY KEY,"
    "  fingerprint BLOB NOT NULL UNIQUE,"
    "  der BLOB NOT NULL,"
    "  source TEXT NOT NULL,"
    "  learnt INTEGER NOT NULL) STRICT;"
    "CREATE TABLE address ("
    "  address TEXT NOT NULL,"
    "  certificate INTEGER NOT NULL REFERENCES certificate ON DELETE CASCADE,"
    "  PRIMARY KEY (address, certificate)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE peer ("
    "  address TEXT PRIMARY KEY NOT NULL,"
    "  certificate INTEGER REFERENCES certificate ON DELETE SET NULL,"
    "  capabilities TEXT,"
    "  signed INTEGER NOT NULL,"
    "  source TEXT NOT NULL,"
    "  learnt INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE INDEX peer_certificate ON peer (certificate);",
    /* Finding certificates: spki and sha1 are hashes; subject and issuer X509_NAME_hash_ex of
     * the names as RFC 5280 7.1 compares them, serial the number's bytes with a sign before
     * them (trust/store_cert.c, which fills them in). mark: what a person said of one. */
    "ALTER TABLE certificate ADD COLUMN sha1 BLOB;"
    "ALTER TABLE certificate ADD COLUMN spki BLOB;"
    "ALTER TABLE certificate ADD COLUMN subject INTEGER;"
    "ALTER TABLE certificate ADD COLUMN issuer INTEGER;"
    "ALTER TABLE certificate ADD COLUMN serial BLOB;"
    "CREATE INDEX certificate_sha1 ON certificate (sha1);"
    "CREATE INDEX certificate_spki ON certificate (spki);"
    "CREATE INDEX certificate_subject ON certificate (subject);"
    "CREATE INDEX certificate_issuer ON certificate (issuer, serial);"
    "CREATE INDEX address_certificate ON address (certificate);"
    "CREATE TABLE mark ("
    "  certificate INTEGER PRIMARY KEY REFERENCES certificate ON DELETE CASCADE,"
    "  trust INTEGER NOT NULL,"
    "  marked INTEGER NOT NULL) STRICT;"
    "CREATE INDEX mark_trust ON mark (trust);",
    /* Revocation (trust/store_revocation.h). crl: all but the entries in header; issuer:
     * X509_NAME_hash_ex; spki: SHA-256 of the key it was verified with. crl_page: entries sorted
     * by hash, the first one's in first. ocsp: by SHA-256 of the SHA-1 CertID. */
    "CREATE TABLE crl ("
    "  id INTEGER PRIMARY KEY,"
    "  sha256 BLOB NOT NULL UNIQUE,"
    "  issuer INTEGER NOT NULL,"
    "  header BLOB NOT NULL,"
    "  digest BLOB NOT NULL,"
    "  spki BLOB,"
    "  this_update INTEGER NOT NULL,"
    "  next_update INTEGER NOT NULL,"
    "  scope BLOB NOT NULL,"
    "  entries INTEGER NOT NULL,"
    "  source TEXT NOT NULL,"
    "  learnt INTEGER NOT NULL) STRICT;"
    "CREATE INDEX crl_issuer ON crl (issuer, this_update);"
    "CREATE TABLE crl_page ("
    "  id INTEGER PRIMARY KEY,"
    "  crl INTEGER NOT NULL REFERENCES crl ON DELETE CASCADE,"
    "  first INTEGER NOT NULL,"
    "  data BLOB NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX crl_page_first ON crl_page (crl, first);"
    "CREATE TABLE ocsp ("
    "  certid BLOB PRIMARY KEY NOT NULL,"
    "  der BLOB NOT NULL,"
    "  this_update INTEGER NOT NULL,"
    "  next_update INTEGER NOT NULL,"
    "  source TEXT NOT NULL,"
    "  learnt INTEGER NOT NULL) STRICT, WITHOUT ROWID;",
};

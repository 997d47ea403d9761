/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is known of correspondents: their certificates and what their programs can read,
 * learnt from mails whose verdict was good. It is the file certs.db in the state folder.
 *
 * Life: store_open; the other calls in any order; store_close. Each call is one transaction,
 * which is on the disk when it returns (store_begin: when the store_end returns); any number of
 * processes may use the store at once (trust/sql.h).
 *
 * Trust: nothing here is trusted for being here. A certificate was good when it was
 * learnt; whoever uses it judges it again. Of two mails from one address the one that
 * was signed later counts (RFC 8551 2.7.1), whatever the order they are read in; a time
 * in the future counts as now.
 *
 * Addresses are compared as certificates' are: local parts to the byte, domains
 * in any case. Errors: E_OUTPUT, E_TIMEOUT, E_CONFIG (damaged, or a newer Signet's),
 * E_SYSTEM, E_NOMEM, with sentences. One struct store belongs to one thread.
 */
#ifndef SIGNET_TRUST_STORE_H
#define SIGNET_TRUST_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include <openssl/x509.h>

#include "base/err.h"

#define STORE_FILE "certs.db"
/* Most capabilities kept of one correspondent. */
#define STORE_CAPABILITIES_MAX 64

struct store;

/* In this folder, made when it is missing. With existing_only *ret is NULL, and 0
 * returned, when there is no store yet. */
int store_open(struct store **ret, const char *folder, bool existing_only,
               struct err *err) must_check;
void store_close(struct store **);
#define autoclose_store __attribute__((cleanup(store_close)))

struct store_news {
    const char *address;
    X509 *cert;                        /* to encrypt to; NULL: none is known */
    const char *const *capabilities;   /* text as in mail/capability.h, ended by NULL; NULL:
                                          the mail said nothing */
    time_t signed_at;                  /* 0: the mail did not say */
    const char *source;                /* where from: "mail <message-id>" */
};
int store_learn(struct store *, const struct store_news *, struct err *err) must_check;

/* Appends the certificates of that address, the one to encrypt to first. None is no
 * error. */
int store_find(struct store *, const char *address, STACK_OF(X509) *out,
               struct err *err) must_check;

/* Calls each(arg, capability) for all that is known of whoever has the certificate; they
 * are nobody's order. */
int store_capabilities(struct store *, const X509 *, void (*each)(void *arg, const char *text),
                       void *arg, struct err *err) must_check;

/* Certificates, for `signet certs`, for paths and for recipients. What was added is there
 * whether or not it can be trusted; trust is a mark of its own, which a person sets. */
#define STORE_FINGERPRINT 32

enum store_trust { STORE_NO_MARK, STORE_TRUSTED, STORE_DISTRUSTED };

/* A certificate as the store has it; valid in the callback. */
struct store_cert {
    X509 *cert;
    const uint8_t *fingerprint;     /* SHA-256, STORE_FINGERPRINT bytes */
    const char *source;             /* "mail <message-id>", "file ca.p7b", "ldap://..." */
    time_t learnt;
    enum store_trust trust;
    time_t marked;                  /* when the mark was set; 0: no mark */
    bool preferred;                 /* by address: the one its owner signed with last */
};

/* Adds it if it is not there; *ret_new (may be NULL) says which. store_begin and store_end
 * around many make one transaction of them; they may nest, and the outermost counts. */
int store_add(struct store *, X509 *, const char *source, bool *ret_new,
              struct err *err) must_check;
/* The same for one that is this address' whatever is in it. */
int store_add_for(struct store *, X509 *, const char *address, const char *source, bool *ret_new,
                  struct err *err) must_check;
int store_begin(struct store *, struct err *err) must_check;
/* rc 0: keeps what was done since; else takes it back and returns rc. */
int store_end(struct store *, int rc, struct err *err) must_check;

/* What to look for: one of these. */
struct store_query {
    enum { STORE_ALL, STORE_BY_ADDRESS, STORE_BY_KEY, STORE_BY_SUBJECT, STORE_BY_ISSUER_SERIAL,
           STORE_BY_FINGERPRINT, STORE_BY_TRUST } by;
    const char *address;
    const uint8_t *bytes;           /* BY_KEY: SHA-256 of SubjectPublicKeyInfo; BY_FINGERPRINT:
                                       SHA-256 or SHA-1; or four or more bytes of the beginning */
    size_t len;
    const X509_NAME *name;          /* BY_SUBJECT, BY_ISSUER_SERIAL; compared as RFC 5280 7.1 */
    const ASN1_INTEGER *serial;
    enum store_trust trust;         /* BY_TRUST: a mark, STORE_NO_MARK is none */
};
/* Calls each(arg, cert) for what answers, in a stable order (of an address: the one that its
 * owner signed with last, then what was learnt last; else what was learnt first), until it
 * returns non-zero, which is then returned. limit 0: all. each may search, but not write. */
int store_search(struct store *, const struct store_query *, size_t limit,
                 int (*each)(void *arg, const struct store_cert *), void *arg,
                 struct err *err) must_check;

/* E_NO_CERT when it is not there. */
int store_remove(struct store *, const uint8_t fingerprint[STORE_FINGERPRINT],
                 struct err *err) must_check;
/* The certificate is added when it is not there. */
int store_mark(struct store *, X509 *, enum store_trust, const char *source,
               struct err *err) must_check;

/* When a certificate of that key (SHA-256 of its SubjectPublicKeyInfo) was marked as distrusted,
 * the latest; 0: none was. */
int store_distrusted(struct store *, const uint8_t spki[STORE_FINGERPRINT], time_t *ret,
                     struct err *err) must_check;

/* The database, for trust/'s other tables of it (their statements are in store_schema.c). */
struct sql;
struct sql *store_sql(struct store *);

#endif

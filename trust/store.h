/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is known of correspondents: their certificates and what their programs can read,
 * learnt from mails whose verdict was good. It is the file certs.db in the state folder.
 *
 * Life: store_open; store_learn, store_find and store_capabilities in any order;
 * store_close. Each call is one transaction; any number of processes may use the store at
 * once (trust/sql.h).
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

#endif

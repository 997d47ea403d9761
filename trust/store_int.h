/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the store share (store.c, store_cert.c, store_peer.c). */
#ifndef SIGNET_TRUST_STORE_INT_H
#define SIGNET_TRUST_STORE_INT_H

#include "trust/sql.h"
#include "trust/store.h"

struct store {
    struct sql *db;
    unsigned depth;     /* of store_begin */
    int spoiled;        /* what failed within; the outermost takes all back */
};

int store_no_memory(struct err *);
/* A column that is one number, to an int64_t. */
int store_take_number(void *arg, const struct sql_row *);

/* The address as it is compared, the caller's to free: its domain in the form that
 * trust/domain.h gives it. NULL when memory is out. */
char *store_address(const char *);
int store_fingerprint(const X509 *, uint8_t out[STORE_FINGERPRINT], struct err *) must_check;

/* Within a transaction: the certificate's row, made when it is missing. */
int store_put_cert(struct store *, X509 *, const char *source, int64_t *ret_id, bool *ret_new,
                   struct err *) must_check;
/* And that it is one of this address, which is in its compared form. */
int store_put_address(struct store *, const char *address, int64_t id,
                      struct err *) must_check;
/* Computes what the rows lack that an older Signet wrote. */
int store_fill(struct store *, struct err *) must_check;

/* The statement of a search, by store_query.by; NULL behind the last (a test asks SQLite how
 * it goes about it). */
const char *store_question(unsigned by);

#endif

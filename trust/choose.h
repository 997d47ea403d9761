/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Choosing the certificate to encrypt to, of those that answer to an address.
 *
 * Life: choose_list_add for each candidate; choose_best; choose_refuse when what is best is not
 * fit; choose_list_clear.
 *
 * A certificate is fit when its key can be encrypted to and is strong enough, its key usage
 * (RFC 5280 4.2.1.3) lets it, it is valid now, was not revoked as far as is known (in "hard": it is
 * known), and nobody distrusts it; and, when it was merely found somewhere, when a path leads to
 * an anchor. Anybody can put a certificate for any address into a directory or beside another
 * one: only what the user gave, or what came with a mail or an answer that proved itself, is taken
 * without.
 *
 * Of those that are fit the one is best that its owner signed with last (RFC 8551 2.7.1), then one
 * with a path to an anchor, then the newest.
 *
 * One thread.
 */
#ifndef SIGNET_TRUST_CHOOSE_H
#define SIGNET_TRUST_CHOOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <openssl/x509.h>

#include "trust/path.h"

/* Candidates whose paths are judged; the others are taken for untrusted. */
#define CHOOSE_PATHS_MAX 16

enum choose_origin {
    CHOOSE_GIVEN,   /* the user's own, on a token or in a file */
    CHOOSE_LEARNT,  /* from a verified mail, or proved by DNSSEC */
    CHOOSE_FOUND,   /* anywhere else */
};
/* By the word that trust/store.h has for it. */
enum choose_origin choose_origin_of(const char *source);

struct choose_item {
    X509 *cert;
    enum choose_origin origin;
    bool preferred;             /* by its owner */
};

struct choose_list {
    struct choose_item *items;
    size_t count, room;
};

/* The certificate gets a reference. One that is there already is not added. E_NOMEM. */
int choose_list_add(struct choose_list *, X509 *, enum choose_origin, bool preferred) must_check;
void choose_list_clear(struct choose_list *);

struct choose_wish {
    bool allow_expired;         /* and those not valid yet */
    /* Borrowed; NULL: no path is judged. The purpose is set here. */
    const struct anchors *anchors;
    const struct path_options *path;
};

/* What speaks against a certificate, the least first. */
enum choose_fault {
    CHOOSE_FIT, CHOOSE_UNTRUSTED, CHOOSE_STATE_UNKNOWN, CHOOSE_EXPIRED, CHOOSE_NOT_YET,
    CHOOSE_TOO_WEAK, CHOOSE_NOT_MEANT, CHOOSE_NO_SUCH_KEY, CHOOSE_REVOKED, CHOOSE_DISTRUSTED,
};

struct choice {
    const struct choose_item *best;     /* NULL: there was none at all */
    const struct choose_item *rival;    /* as good as the best; NULL: none is */
    size_t fit;                         /* how many would do */
    enum choose_fault fault;
    bool trusted;                       /* a path leads to an anchor */
    char detail[256];                   /* of the path's fault */
};

/* 0 whatever the choice is; E_* only when nothing could be judged. */
int choose_best(const struct choose_list *, const struct choose_wish *, struct choice *ret,
                struct err *err) must_check;
/* Says what is wrong with the best and what to do; E_NO_CERT, E_WEAK or E_UNTRUSTED. */
int choose_refuse(const char *who, const struct choice *, struct err *err) must_check;

#endif

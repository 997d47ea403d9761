/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside a snapshot: snapshot.c reads listings, snapshot_join.c joins them. */
#ifndef SIGNET_AGENT_SNAPSHOT_IMPL_H
#define SIGNET_AGENT_SNAPSHOT_IMPL_H

#include <stdatomic.h>

#include "agent/arena.h"
#include "agent/snapshot.h"

/* A key as one token lists it. */
struct found {
    const char *name;
    struct key_place place;
    json_t *json;           /* owned */
    size_t order;           /* of the listings */
};

struct snapshot {
    atomic_uint refs;
    struct arena arena;
    struct token *tokens[SNAPSHOT_TOKENS_MAX];
    unsigned token_count;
    struct key *keys;
    unsigned key_count;
    char *certs_json;
    /* While it is being made: */
    bool out_of_memory;
    struct found *found;
    size_t found_count, found_max;
    json_t *certs;
};

/* The text member of an object as a string of the snapshot's, "" when missing. */
const char *snapshot_text(struct snapshot *, const json_t *object, const char *name);
/* Adds certificates to the list for CERTS. key: the name of the key they belong
 * to, or NULL when they say it themselves or belong to none. */
int snapshot_add_certs(struct snapshot *, const struct token *, const json_t *certs,
                       const char *key) must_check;
/* Frees what only the making needed. */
void snapshot_drop_working(struct snapshot *);

#endif

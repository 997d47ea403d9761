/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One private-key operation from the request to the audited result: chooses the
 * place of the key (logged in before not, less busy before busier), logs in when
 * the token wants it, goes on to the next place when one fails, looks at the
 * tokens again when all have gone, and writes the audit line. Only when that is
 * written does the result leave.
 */
#ifndef SIGNET_AGENT_OPERATE_H
#define SIGNET_AGENT_OPERATE_H

#include "agent/connection.h"

struct operation {
    const char *verb;        /* the hosts' command: "SIGN" */
    const char *name;        /* in the audit log: "sign" */
    const char *scheme;      /* in the audit log; NULL: none */
    const char *digest;      /* in the audit log: what is signed, in hex; NULL: none */
    const char *rest;        /* what follows slot and key on the line */
    struct lane_answer data; /* the inquiry the host may make; keyword NULL: none */
    struct buf *out;         /* the result goes to one of these */
    struct secret *secret;
};

/* snap holds key; both are borrowed. */
int operate(struct connection *, const struct snapshot *snap, const struct key *key,
            const struct operation *, struct err *err) must_check;

/* A command to the token's host, with the login it may want. again: it may be run
 * twice (host_call). For what is no operation of a key; unaudited. */
int operate_on_token(struct connection *, const struct snapshot *, const struct token *,
                     const struct lane_command *, bool again, struct err *err) must_check;

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A command that lists what the agent knows: a table for people, JSON for programs. */
#ifndef SIGNET_CLI_LISTING_H
#define SIGNET_CLI_LISTING_H

#include "cli/cli.h"

struct listing {
    const char *what;   /* "keys", for the sentence of a failure */
    const char *none;   /* what a person is told when there is nothing */
    int (*fetch)(struct client *, json_t **ret, struct err *err);
    /* Appends the array as a table; E_NOMEM. */
    int (*put)(const json_t *list, struct buf *out);
};

/* Asks the agent, prints as the command line wants it. */
int listing_run(struct cli *, const struct listing *, struct err *err) must_check;

/* The object's member as a string; NULL when it is none. */
const char *listing_string(const json_t *object, const char *member);

#endif

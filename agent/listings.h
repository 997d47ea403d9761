/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What each token host lists, asked of all at once, so that a module that hangs holds up
 * none but itself: who has not answered within LISTINGS_MS is late, and what it listed
 * last stands for it until it does.
 *
 * Life: listings_new, then listings_ask and listings_get in turn, by one thread at a
 * time; listings_free when the hosts have been stopped. listings_await: any thread.
 */
#ifndef SIGNET_AGENT_LISTINGS_H
#define SIGNET_AGENT_LISTINGS_H

#include <jansson.h>

#include "agent/hosts.h"
#include "base/err.h"

/* Milliseconds a host has to list its tokens; one that has never done so, which reads all
 * of its tokens for the first time, has longer. */
#define LISTINGS_MS 5000u
#define LISTINGS_FIRST_MS 15000u

struct listings;

/* What one host said. tokens is the caller's, NULL when there is no listing. */
struct listing {
    json_t *tokens;
    unsigned generation; /* of the host that listed them */
    bool late;           /* they are its last ones, it has not answered now */
    int rc;              /* why it has no listing: see err */
    struct err err;
};

/* late: called by some thread when one that was late has answered otherwise than last
 * time; must not wait. */
struct listings *listings_new(void (*late)(void *arg), void *arg) must_check;
void listings_free(struct listings **);

/* Asks every host, but those still at an earlier question, and waits for the answers. */
void listings_ask(struct listings *, struct hosts *);
/* The i-th host's answer. False when there is no such host. */
bool listings_get(struct listings *, unsigned i, struct host **ret_host, struct listing *ret);
/* Until no host is late any more, as the hosts' own deadlines have it. False when none
 * was. */
bool listings_await(struct listings *);

#endif

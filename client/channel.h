/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How our processes move Assuan lines: libassuan's reading and writing with
 * three habits changed.
 *
 *  - Writing: libassuan writes a line in up to three pieces. Here what is written
 *    is held until a line is complete that the other end waits for; data and
 *    status lines wait for the line behind them. A reply is then one write(2)
 *    and wakes its reader once.
 *  - Reading: libassuan takes EAGAIN for a reason to sleep and try again, so a
 *    receive timeout on the socket (SO_RCVTIMEO) never ends a read. Here it does:
 *    the read fails with ETIMEDOUT.
 *  - Watching: a read can be tied to a second descriptor; when that one is hung up
 *    the read fails with ECANCELED (a prompt whose asker has gone).
 *
 * Life: channel_init; assuan_new_ext with channel_malloc_hooks; then
 * channel_attach, before the context connects or accepts; at the end
 * assuan_release and channel_clear. PINs pass here: the held bytes, like the
 * context's own lines, live in locked memory and are wiped when they are out.
 * A write to a closed socket gives EPIPE and no signal.
 */
#ifndef SIGNET_CLIENT_CHANNEL_H
#define SIGNET_CLIENT_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <assuan.h>

#include "base/err.h"

struct channel {
    char *held;        /* bytes not yet written */
    size_t len;
    char kind[2];      /* how the line that is being written begins */
    unsigned kind_len; /* bytes of kind that are known */
    int watch;         /* the second descriptor, or -1 */
    int withdraw;      /* a third one, whose being readable does the same, or -1 */
    int patience;      /* milliseconds that a read waits (ETIMEDOUT); 0: for ever */
    bool keep_open;    /* the owner closes the descriptor, not libassuan */
};

/* malloc hooks on base/secret.h, for assuan_new_ext. */
extern struct assuan_malloc_hooks channel_malloc_hooks;

/* E_NOMEM when there is no memory to hold lines in. */
int channel_init(struct channel *) must_check;
void channel_clear(struct channel *);

/* Takes over ctx's reading and writing. owner becomes the context's pointer
 * (assuan_get_pointer) and must begin with the struct channel. */
void channel_attach(assuan_context_t ctx, void *owner);

#endif

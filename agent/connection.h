/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One client's connection: its Assuan context, who it is, what it said of itself,
 * and buffers that its commands reuse. It belongs to its thread; only the
 * descriptor is also the server's (to hang up at the end).
 */
#ifndef SIGNET_AGENT_CONNECTION_H
#define SIGNET_AGENT_CONNECTION_H

#include <assuan.h>
#include <stdbool.h>

#include "agent/agent.h"
#include "client/channel.h"

/* Longest value of a text option (ttyname, display, ...), with NUL. */
#define CONNECTION_OPTION_MAX 256

/* Seconds that a client may want to wait for a card, at most: a day. */
#define CONNECTION_WAIT_MAX 86400u

/* What the client said by OPTION. */
struct client_says {
    bool batch;              /* never ask */
    bool inquire;            /* the client can ask for a PIN itself */
    bool confirm;            /* ... and for a yes or no */
    unsigned wait;           /* seconds to wait for a card that is not there */
    char ttyname[CONNECTION_OPTION_MAX];
    char ttytype[CONNECTION_OPTION_MAX];
    char display[CONNECTION_OPTION_MAX];
    char lc_ctype[CONNECTION_OPTION_MAX];
    char wayland_display[CONNECTION_OPTION_MAX];
    char xauthority[CONNECTION_OPTION_MAX];
};

struct connection {
    struct channel channel;  /* first: the context's pointer */
    assuan_context_t ctx;
    struct agent *agent;
    int fd;
    struct peer peer;
    struct client_says says;
    struct buf *out;         /* for answers that are no secret */
    const struct key *key;   /* what is being used, for questions; NULL: no key */
    const char *doing;       /* ... and what for: "sign" */
};

/* Serves the client until it leaves. The descriptor stays open: it is the server's
 * to close. peer.exe is found out here. */
void connection_serve(struct agent *, int fd, const struct peer *);

/* Whether the client has hung up. arg: the struct connection. */
bool connection_gone(void *arg);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inside the client library: the connection and one transaction on it. A
 * transaction is a command line, then data, status lines and inquiries in any
 * order, then OK or ERR.
 *
 * libassuan reads and unescapes; the loop is ours because assuan_transact loses
 * step when a cancelled inquiry is answered by a status line before the ERR.
 * Not thread-safe: a connection belongs to one thread at a time.
 */
#ifndef SIGNET_CLIENT_ASK_H
#define SIGNET_CLIENT_ASK_H

#include "client/channel.h"
#include "client/client.h"
#include "client/wire.h"

struct client {
    struct channel channel; /* first: ctx's pointer is to it */
    assuan_context_t ctx;
    int fd;                 /* ctx's socket, borrowed */
    struct client_options opts;
    unsigned unanswered;    /* OPTION lines sent ahead whose OK is still to come */
    bool dead;              /* lost or out of step */
    void (*meanwhile)(void *arg); /* what to do while the next answer is awaited */
    void *meanwhile_arg;
};

struct ask {
    const char *doing;      /* "signing", for the sentence about a lost agent */
    struct buf *out;        /* where data lines go ... */
    struct secret *secret;  /* ... or there (and the lines are wiped); or NULL */
    const char *keyword;    /* the inquiry that `data` answers, or NULL */
    const uint8_t *data;
    size_t len;
    int (*event)(void *arg, const char *json); /* EVENT lines; other than 0 ends it, or NULL */
    void *arg;
};

/* Runs the command (without line end; E_LIMIT over the protocol's line). */
int client_ask(struct client *, const struct ask *, const char *command,
               struct err *err) must_check;

/* Reads the greeting and makes ctx ready on a connected socket. `ahead`, lines
 * with their line ends, is sent before: their answers are read with the first
 * command. Returns 0 or a gpg_error_t; takes the descriptor either way. */
gpg_error_t client_attach(struct client *, int fd, const struct buf *ahead, unsigned lines);
void client_detach(struct client *);

/* Starts an agent for the home and waits until it listens, or until one that
 * somebody else started meanwhile does. ret_fd: a connection to it. */
int client_spawn(const struct home *, int *ret_fd, struct err *err) must_check;

/* Connects; 0 or -1 with errno. */
int client_connect(const struct home *, int *ret_fd) must_check;

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The commands of the agent's protocol (docs/protocol.md), one record each. A
 * handler gets its arguments as words and the place for a sentence; it returns 0
 * or an E_*, which wire_reply carries to the client.
 */
#ifndef SIGNET_AGENT_COMMANDS_H
#define SIGNET_AGENT_COMMANDS_H

#include <assuan.h>

#include "agent/connection.h"

/* Arguments of a command at most. */
#define COMMAND_WORDS_MAX 6u

struct words {
    char *word[COMMAND_WORDS_MAX]; /* unescaped; NULL behind the last */
    unsigned count;
};

struct command {
    const char *name;
    int (*run)(struct connection *, struct words *, struct err *err);
    unsigned least, most;  /* arguments */
    const char *help;
    bool not_locked;       /* refused while the agent is locked (lockdown.h) */
    bool manages;          /* on the machine's agent for its own user and root alone */
};

extern const struct command commands_list[];    /* TOKENS, KEYS, ...; NULL name ends */
extern const struct command commands_key[];     /* SIGN, DECRYPT, DERIVE */
extern const struct command commands_manage[];  /* CREATE_TOKEN, ... */
extern const struct command commands_pin[];     /* CHANGE_PIN, UNBLOCK_PIN */
extern const struct command commands_lock[];    /* LOCK, UNLOCK */
extern const struct command commands_policy[];  /* RELOAD, POLICY */
extern const struct command commands_approve[]; /* PENDING, APPROVE, REFUSE */
extern const struct command commands_agent[];   /* GETINFO, STATUS, WATCH, STOP */

gpg_error_t commands_register(assuan_context_t);

/* What a client's line says: the words of a command (the line is changed and kept in the
 * words; E_USAGE), and an option of the connection. */
int command_split(char *line, const struct command *, struct words *ret,
                  struct err *err) must_check;
gpg_error_t command_option(struct connection *, const char *name, const char *value);

/* Sends data lines; E_CANCELLED when the client has gone. */
int command_send(struct connection *, const void *data, size_t len, struct err *err) must_check;
/* Status lines wait for the line behind them (client/channel.h): a comment. */
void command_flush(struct connection *);
/* Inquires data of at most max bytes; *ret is freed with secret_release. */
int command_inquire(struct connection *, const char *keyword, size_t max,
                    unsigned char **ret, size_t *ret_len, struct err *err) must_check;

#endif

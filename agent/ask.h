/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asking the person behind a connection for a PIN: through pinentry where one is
 * usable, else by inquiry at the client, which has a terminal of its own. The
 * question is withdrawn when the client hangs up (pinentry) or with it (inquiry).
 */
#ifndef SIGNET_AGENT_ASK_H
#define SIGNET_AGENT_ASK_H

#include "agent/connection.h"

struct question {
    const char *token;       /* label */
    const char *detail;      /* further lines for a dialog: which token, for whom */
    const char *what;        /* "Enter the PIN of token" */
    const char *prompt;      /* "PIN:" */
    const char *warning;     /* "That PIN was wrong.", "This is the last try ..."; or NULL */
    const char *remedy;      /* what else would do when nobody can be asked, if it is no
                                pin-source; or NULL */
};

/* E_PIN_NEEDED when nobody can be asked; E_PIN_CANCELLED; E_CANCELLED when the
 * client went away. *ret_source (may be NULL): "pinentry" or "client". */
int ask_pin(struct connection *, const struct question *, struct secret *ret,
            const char **ret_source, struct err *err) must_check;

/* Tells the person to use the reader's keypad, as far as the client shows it (a NOTICE
 * status line). what: "Enter the PIN". */
void ask_keypad(struct connection *, const char *token, const char *what);
/* A sentence for the person, without a question. */
void ask_notice(struct connection *, const char *sentence);

#endif

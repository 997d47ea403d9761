/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asking the person behind a connection, for a PIN or for a yes: through pinentry where
 * one is usable, else by inquiry at the client, which has a terminal of its own.
 *
 * What is shown names the token, the key that is to be used, what is known of the tries
 * left, and who asks: program, process, user and front. Whatever comes from a token or a
 * client is made safe.
 *
 * Dialogs queue (agent/prompts.h): one window at a time over the whole agent. A question
 * is withdrawn when its client hangs up, also while it waits in the queue; when the agent
 * is locked; and when nobody answers for ASK_PATIENCE_DEFAULT ([agent] prompt-timeout).
 */
#ifndef SIGNET_AGENT_ASK_H
#define SIGNET_AGENT_ASK_H

#include "agent/connection.h"

/* Seconds that a question waits for its answer, unless prompt-timeout says otherwise. */
#define ASK_PATIENCE_DEFAULT 300u

struct question {
    const char *token;       /* label, any text; NULL: it is about no token */
    const char *detail;      /* further lines for a dialog, or NULL. Foreign words in it were
                                made safe (text_put_safe) by who composed it */
    const char *what;        /* "Enter the PIN of token"; the label follows */
    const char *prompt;      /* "PIN:" */
    const char *warning;     /* "That PIN was wrong.", "This is the last try ..."; or NULL */
    const char *remedy;      /* what else would do when nobody can be asked, if it is no
                                pin-source; or NULL */
    bool while_locked;       /* asked although the agent is locked: what unlocks it */
};

/* E_PIN_NEEDED when nobody can be asked; E_PIN_CANCELLED; E_LOCKED; E_CANCELLED when the
 * client went away. *ret_source (may be NULL): "pinentry" or "client". */
int ask_pin(struct connection *, const struct question *, struct secret *ret,
            const char **ret_source, struct err *err) must_check;

/* Yes or no: 0 for yes. what: "Allow to sign with a key of token". E_DENIED for no, for a
 * dialog that was closed, and when nobody answered; E_PIN_NEEDED when nobody can be asked
 * (--batch, or neither pinentry nor terminal); E_LOCKED; E_CANCELLED when the client went
 * away. `prompt` is not used. */
int ask_confirm(struct connection *, const struct question *, struct err *err) must_check;

/* Tells the person to use the reader's keypad, as far as the client shows it (a NOTICE
 * status line). what: "Enter the PIN". */
void ask_keypad(struct connection *, const char *token, const char *what);
/* A sentence for the person, without a question. */
void ask_notice(struct connection *, const char *sentence);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asking a person through pinentry, GnuPG's family of PIN dialogs: a program that
 * speaks Assuan on its standard input and output. One process per question. The
 * PIN goes from its socket into a secret and nowhere else. Thread-safe.
 */
#ifndef SIGNET_AGENT_PINENTRY_H
#define SIGNET_AGENT_PINENTRY_H

#include <sys/types.h>

#include "base/err.h"
#include "base/secret.h"

/* Where the person is, as the client told, each text may be NULL or empty; and who the
 * client is, so that a dialog may stay with its window. */
struct pinentry_place {
    const char *ttyname, *ttytype, *display, *lc_ctype, *wayland_display, *xauthority;
    pid_t pid;
    uid_t uid;
};

/* What to show; prompt and error may be NULL. Texts are safe and may hold line feeds. */
struct pinentry_text {
    const char *description, *prompt, *error;
};

struct pinentry_job {
    const char *program;
    const struct pinentry_place *place;
    const struct pinentry_text *show;
    int watch;               /* a socket whose hang-up withdraws the question, or -1 */
    int withdraw;            /* a descriptor that does it by being readable, or -1 */
    unsigned patience;       /* seconds to wait for an answer; 0: for ever */
};

/* E_CANCELLED when it was withdrawn; E_PIN_CANCELLED when the person gives up; E_TIMEOUT;
 * E_PIN_NEEDED when the program does not work. */
int pinentry_ask(const struct pinentry_job *, struct secret *ret, struct err *err) must_check;
/* The same with a yes or no: E_DENIED for no. */
int pinentry_confirm(const struct pinentry_job *, struct err *err) must_check;

#endif

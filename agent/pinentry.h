/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asking a person through pinentry, GnuPG's family of PIN dialogs: a program that
 * speaks Assuan on its standard input and output. One process per question. The
 * PIN goes from its socket into a secret and nowhere else. Thread-safe.
 */
#ifndef SIGNET_AGENT_PINENTRY_H
#define SIGNET_AGENT_PINENTRY_H

#include "base/err.h"
#include "base/secret.h"

/* Where the person is, as the client told; each may be NULL. */
struct pinentry_place {
    const char *ttyname, *ttytype, *display, *lc_ctype;
};

/* What to show; error may be NULL. Texts are safe and may hold line feeds. */
struct pinentry_text {
    const char *description, *prompt, *error;
};

/* watch: a descriptor whose hang-up withdraws the question (E_CANCELLED), or -1.
 * E_PIN_CANCELLED when the person gives up; E_PIN_NEEDED when the program does not
 * work. */
int pinentry_ask(const char *program, const struct pinentry_place *,
                 const struct pinentry_text *, int watch, struct secret *ret,
                 struct err *err) must_check;

#endif

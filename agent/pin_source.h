/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PINs that no person enters: the token's pin-source in signet.conf.
 *
 *     file:/run/secrets/demo        the first line of a file, which must belong to the user
 *                                   or to root, and nobody else may write it or, others
 *                                   than its group, read it
 *     credential:demo               the same of a systemd credential (systemd.exec(5),
 *                                   LoadCredential=), in the folder $CREDENTIALS_DIRECTORY
 *     command:/usr/bin/vault read   the first line that a program prints. No shell: words
 *                                   are split at blanks, quotes ("" or '') keep them
 *                                   together. The program is held to the file's rules, has
 *                                   PIN_COMMAND_SECONDS, finds the token's label and serial
 *                                   number in SIGNET_TOKEN and SIGNET_TOKEN_SERIAL, and its
 *                                   output goes into locked memory and nowhere else.
 *
 * Whether a PIN from here may be risked is login.h's matter. Thread-safe.
 */
#ifndef SIGNET_AGENT_PIN_SOURCE_H
#define SIGNET_AGENT_PIN_SOURCE_H

#include "base/err.h"
#include "base/secret.h"

#define PIN_COMMAND_SECONDS 30u
/* What a command may print at most, in bytes, and its words. */
#define PIN_COMMAND_OUTPUT_MAX 4096u
#define PIN_COMMAND_WORDS_MAX 32u

struct pin_source {
    const char *text;            /* the setting */
    const char *label, *serial;  /* of the token */
    int watch;                   /* a socket whose hang-up ends a command, or -1 */
    unsigned seconds;            /* a command may take; 0: PIN_COMMAND_SECONDS */
};

/* E_INPUT: no such file, or the command failed; E_DENIED: its permissions; E_PIN_INVALID:
 * empty or too long; E_TIMEOUT; E_CANCELLED; E_CONFIG: a source of another kind. */
int pin_source_read(const struct pin_source *, struct secret *ret, struct err *err) must_check;
int pin_file_read(const char *path, struct secret *ret, struct err *err) must_check;

/* "file", "credential", "command"; "?" for no known one. */
const char *pin_source_kind(const char *text);
/* What to correct: "the file", "what the command prints". */
const char *pin_source_culprit(const char *text);
/* The setting without what stands behind a command: its arguments are nobody's business. */
int pin_source_name_length(const char *text);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Telling a bare CMS message (DER, BER, PEM, base64) from a mail by its start. */
#ifndef SIGNET_CLI_RECOGNISE_H
#define SIGNET_CLI_RECOGNISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the input that are enough to tell. */
#define RECOGNISE_BYTES 512

/* Whether an input that starts so is CMS; anything else is taken for a mail. Pure. */
bool recognise_cms(const uint8_t *data, size_t len);

/* Longest label, and most bytes of the input that are searched for it. */
#define RECOGNISE_LABEL_MAX 64
#define RECOGNISE_PEM_BYTES (64u * 1024)

/* Whether a PEM block begins there, maybe behind text that explains it (but not behind
 * what looks like a mail's header): its label, "CERTIFICATE". Pure. */
bool recognise_pem(const uint8_t *data, size_t len, char label[RECOGNISE_LABEL_MAX]);

#endif

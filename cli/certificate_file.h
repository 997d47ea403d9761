/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A certificate in a file that a person names, PEM or DER. */
#ifndef SIGNET_CLI_CERTIFICATE_FILE_H
#define SIGNET_CLI_CERTIFICATE_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <openssl/crypto.h>

#include "base/err.h"

/* Largest file, in bytes. */
#define CERTIFICATE_FILE_MAX (1024u * 1024)

/* Reads the first certificate of the file ("-": standard input) as DER, to be
 * freed with OPENSSL_free; *ret_others: how many more the file holds. E_INPUT when
 * it cannot be read, E_MALFORMED when it holds none. */
int certificate_file_read(const char *path, uint8_t **ret_der, size_t *ret_len,
                          size_t *ret_others, struct err *err) must_check;

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `signet decrypt`, one run: what its files share.
 *
 * Life: the command (decrypt.c) fills the struct; decrypt_cms or decrypt_mail reads the
 * input to its end, writes the content to the output (which nobody sees before it is
 * committed) and adds what was found to the report; decrypt_clear. One thread.
 */
#ifndef SIGNET_CLI_DECRYPT_H
#define SIGNET_CLI_DECRYPT_H

#include <stdbool.h>
#include <jansson.h>

#include "base/io.h"
#include "cli/opener.h"
#include "cli/recognise.h"
#include "cli/trust_options.h"
#include "cli/verdict_print.h"
#include "cms/reader.h"
#include "trust/verdict.h"

struct decrypt {
    struct cli *cli;
    bool cms;                    /* a bare message, no mail */
    bool require_authenticated;
    bool anyway;                 /* also what is no whole MIME entity */
    struct infile *in;
    struct outfile *out;         /* NULL: the content is dropped */
    struct opener *opener;
    uint8_t start[RECOGNISE_BYTES]; /* what was read to tell what it is */
    size_t start_len;
    struct trust *trust;
    struct verdict_style style;
    /* The report. */
    json_t *layers;
    struct verdict *verdict;     /* NULL: nothing was signed inside */
};

/* E_UNSUPPORTED: it is not encrypted. Sentences name the input. */
int decrypt_cms(struct decrypt *, struct err *err) must_check;
int decrypt_mail(struct decrypt *, struct err *err) must_check;
void decrypt_clear(struct decrypt *);

/* The whole input from its first byte. */
int decrypt_pump(struct decrypt *, const struct sink *to, struct err *err) must_check;
/* Puts the input's name and advice into a reader's sentence; returns rc. */
int decrypt_name_input(const struct decrypt *, int rc, struct err *err);

/*
 * The report (decrypt_report.c).
 */

/* Adds a layer of any type to it and tells on standard error what should be known of it.
 * E_UNSUPPORTED when it is not authenticated and must be; *ret_encrypted is set when the
 * layer is an encrypted one. */
int decrypt_report_layer(struct decrypt *, struct cms_reader *, bool *ret_encrypted,
                         struct err *err) must_check;
/* Without JSON: the verdict, if there is one, to standard error. With JSON: the object
 * to standard output; status: "decrypted", "bad" (a signature inside is), "undecryptable"
 * (then with a reason, else NULL), "no-key". */
int decrypt_report(const struct decrypt *, const char *status, const char *reason,
                   struct err *err) must_check;

#endif

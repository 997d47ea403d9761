/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PEM (RFC 7468) and base64 (RFC 4648, section 4) as streams, both ways.
 *
 * cms_armor turns bytes into text: cms_armor_new, _update, _finish, _free.
 * cms_dearmor turns text into bytes the same way; with CMS_FORM_AUTO it looks at
 * the first bytes and lets binary through untouched, so that one chain
 *
 *     file -> cms_dearmor -> cms_reader
 *
 * reads DER, BER, PEM and bare base64. Lines may end in LF, CRLF or CR and be of
 * any length; blanks and tabs are ignored; the last line end may be missing.
 * Anything else that is no base64 is E_MALFORMED with its offset; padding that
 * is wrong or missing, and a BEGIN without its END, too. Explanatory text before
 * BEGIN is allowed in CMS_FORM_PEM alone, and in CMS_FORM_AUTO when it has
 * no more than CMS_PEM_PREAMBLE_MAX bytes; one PEM block is read, and after it
 * only white space may follow. Encapsulated headers (RFC 1421) are E_UNSUPPORTED.
 *
 * Memory is constant. One object belongs to one thread at a time.
 */
#ifndef SIGNET_CMS_PEM_H
#define SIGNET_CMS_PEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/sink.h"

/* Longest text before BEGIN, bytes. */
#define CMS_PEM_PREAMBLE_MAX (64u * 1024)
/* Longest label, as in "CMS" of "-----BEGIN CMS-----". */
#define CMS_PEM_LABEL_MAX 63

struct cms_armor_options {
    const char *label;     /* "CMS", "CERTIFICATE", ...; NULL: base64 without BEGIN and END */
    unsigned columns;      /* line length, a multiple of 4; 0 is 64 (PEM), 76 for mail */
    bool crlf;             /* lines end in CRLF */
};

struct cms_armor;
int cms_armor_new(struct cms_armor **ret, const struct cms_armor_options *,
                  const struct sink *out, struct err *err) must_check;
int cms_armor_update(struct cms_armor *, const void *data, size_t len, struct err *err) must_check;
/* Writes the rest; the text ends with a line end (empty input: no line). */
int cms_armor_finish(struct cms_armor *, struct err *err) must_check;
void cms_armor_free(struct cms_armor **);
#define autofree_cms_armor __attribute__((cleanup(cms_armor_free)))
/* A sink that is cms_armor_update. */
struct sink cms_armor_sink(struct cms_armor *);

enum cms_form {
    CMS_FORM_AUTO,      /* find out; cms_dearmor_form then tells */
    CMS_FORM_BINARY,    /* pass through */
    CMS_FORM_PEM,
    CMS_FORM_BASE64,    /* no BEGIN: a body of a mail part */
};

struct cms_dearmor;
int cms_dearmor_new(struct cms_dearmor **ret, enum cms_form, const struct sink *out,
                    struct err *err) must_check;
int cms_dearmor_update(struct cms_dearmor *, const void *data, size_t len,
                       struct err *err) must_check;
int cms_dearmor_finish(struct cms_dearmor *, struct err *err) must_check;
void cms_dearmor_free(struct cms_dearmor **);
#define autofree_cms_dearmor __attribute__((cleanup(cms_dearmor_free)))
struct sink cms_dearmor_sink(struct cms_dearmor *);

/* What it is; CMS_FORM_AUTO while too little came to say. */
enum cms_form cms_dearmor_form(const struct cms_dearmor *);
/* The label of the PEM block, "" when none was read. */
const char *cms_dearmor_label(const struct cms_dearmor *);

#endif

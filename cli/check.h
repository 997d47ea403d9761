/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One check of a signed message: reads the input to its end, sends the content to
 * the output (which nobody sees until the caller commits it) and fills the verdict.
 *
 * Life: the caller opens input, output, trust and verdict in the struct, calls
 * check_cms or check_mail once, asks the verdict, and calls check_clear. A return
 * of 0 means that a verdict was reached, whatever it is; E_MALFORMED, E_TRUNCATED,
 * E_LIMIT and E_UNSUPPORTED that the message could not be read as a signed one;
 * E_USAGE that a detached signature came without content, or content with one that
 * brings its own. One thread.
 */
#ifndef SIGNET_CLI_CHECK_H
#define SIGNET_CLI_CHECK_H

#include <stdbool.h>

#include "base/io.h"
#include "cli/harvest.h"
#include "cli/trust_options.h"
#include "mail/read.h"
#include "trust/path.h"
#include "trust/verdict.h"

struct check {
    bool cms;                       /* a bare message, no mail */
    struct infile *in;
    struct infile *content;         /* of a detached signature, or NULL */
    struct outfile *out;            /* NULL: the content is dropped */
    struct trust *trust;
    struct verdict *verdict;
    struct verdict_options options; /* anchors and path filled by the caller (trust_fill) */
    struct harvest *harvest;        /* NULL: nothing is learnt of the sender */
};

int check_cms(struct check *, struct err *err) must_check;
int check_mail(struct check *, struct err *err) must_check;
void check_clear(struct check *);

/* Of one layer of a mail, for cli/peel.h as well: its signatures, with the revocation data that
 * the message brings; what its signature does not
 * cover; and mail_reader_verify_at, whose own reasons go to the verdict, too. */
int check_judge(struct verdict *, const struct cms_signed *, const struct verdict_options *,
                struct err *err) must_check;
int check_coverage(struct verdict *, const struct mail_reader *, struct err *err) must_check;
int check_verify(struct verdict *, struct mail_reader *, size_t i, const struct cms_signed **ret,
                 struct err *err) must_check;

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One candidate path, judged by libcrypto (RFC 5280 6.1): signatures, validity, constraints,
 * policies; and beside it purpose, distrust and, when nothing speaks against it,
 * revocation. Which certificates follow one another is fixed: libcrypto builds nothing of
 * its own.
 *
 * Pure but for what revocation fetches and the store is asked. One thread.
 */
#ifndef SIGNET_TRUST_JUDGE_H
#define SIGNET_TRUST_JUDGE_H

#include "trust/builder.h"
#include "trust/path.h"

struct judge {
    const struct anchors *anchors;
    const struct path_options *options;
    STACK_OF(X509) *message;  /* among which issuers of CRLs may be; or NULL */
};

/* No bad link. */
#define JUDGE_LINKS_HOLD SIZE_MAX

/* Fills *ret, without ret->tried. *ret_bad: the depth of the lowest certificate that is not
 * signed by the next, or JUDGE_LINKS_HOLD. */
int judge_candidate(const struct judge *, const struct candidate *, struct path *ret,
                    size_t *ret_bad, struct err *err) must_check;

#endif

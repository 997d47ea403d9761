/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside of verification: one SignerInfo against what it is over. */
#ifndef SIGNET_CMS_VERIFY_INT_H
#define SIGNET_CMS_VERIFY_INT_H

#include "cms/reader_int.h"

/* What is signed, and where the signer's certificate may be. */
struct signed_subject {
    const struct cms_digests *content;  /* was fed with it; NULL: it is not there */
    bool in_message;                    /* its digests had to be announced */
    const ASN1_OBJECT *content_type;    /* NULL: another signature, which has no type */
    const STACK_OF(X509) *certs;        /* of the message */
    const STACK_OF(X509) *known;        /* of the caller */
    unsigned *extra_tries;              /* certificates that may yet be tried in this message
                                           beyond the first of each signer */
};

/* Fills *ret, which was zero, with the verdict. 0 or E_NOMEM. */
int verify_signer(const struct signed_subject *, const struct signer *,
                  struct cms_signature *ret) must_check;

/* Verdicts on the countersignatures of one signer, whose own verdict *ret is; *left
 * counts what the message may still have. 0, E_NOMEM, E_LIMIT. */
int countersigned_verify(const struct signed_subject *, const struct signer *,
                         struct cms_signature *ret, size_t *left,
                         struct err *err) must_check;
/* Frees what countersigned_verify put into the verdicts, and them. Accepts NULL. */
void verdicts_free(struct cms_signature *, size_t count);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Those who sign one message: the keys that -u or the configuration names, each made
 * ready (cli/signer.h), and the certificates that go with them.
 *
 * Life: signers_load; signers_options for cms/sign.h; signers_clear, in every case. The
 * options key, pss, digest, certs, label and request-receipt are heeded where the command
 * has them. One thread.
 */
#ifndef SIGNET_CLI_SIGNERS_H
#define SIGNET_CLI_SIGNERS_H

#include "cli/cli.h"
#include "cli/ess.h"
#include "cli/signer.h"

/* Signers of one message. */
#define SIGNERS_MAX 16

enum which_certs { CERTS_NONE, CERTS_SIGNER, CERTS_CHAIN };

struct signers {
    struct signer list[SIGNERS_MAX];
    struct cms_signer cms[SIGNERS_MAX];
    struct cms_signer outer[SIGNERS_MAX]; /* without what belongs into the inner signature */
    X509 *preferred[SIGNERS_MAX];  /* to encrypt to, when the signer's is not for that */
    size_t count;
    enum which_certs certs;
    STACK_OF(X509) *chain;
    struct ess ess;
};

/* mail: with what a mail's reader learns from a signature (RFC 8551 2.5.2, 2.5.3): what
 * can be read, and the certificate to encrypt to. */
int signers_load(struct signers *, struct cli *, const struct options *, bool mail,
                 struct err *err) must_check;
/* Borrows; detached and content_size are the caller's to set. */
struct cms_sign_options signers_options(const struct signers *);
/* The same for the outer signature of a triple wrap (RFC 2634 1.3.4). */
struct cms_sign_options signers_outer_options(const struct signers *);
/* All their certificates: their own, those to encrypt to, and the chain. Owned by the
 * caller with all in it. */
int signers_certs(const struct signers *, STACK_OF(X509) **ret, struct err *err) must_check;
void signers_clear(struct signers *);

#endif

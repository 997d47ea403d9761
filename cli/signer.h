/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A key on a token, made ready to sign: which certificate goes with it, which
 * scheme is used, and the callback that the CMS and mail layers call.
 *
 * Life: signer_load; signer_cms for the struct that cms/ wants; signer_clear. The
 * client must outlive it. One thread.
 */
#ifndef SIGNET_CLI_SIGNER_H
#define SIGNET_CLI_SIGNER_H

#include <stdbool.h>
#include <openssl/x509.h>

#include "base/alg.h"
#include "cli/cli.h"
#include "cms/sign.h"

struct signer {
    struct client *client;      /* borrowed */
    struct client_key key;
    struct cms_certificate *cert; /* NULL after signer_load_key */
    const struct client_cert *source; /* what cert was made of, in key */
    const struct alg_sig *scheme;
    json_t *listing;            /* all certificates on the tokens, once they were asked for */
};

struct signer_wish {
    const char *key;     /* -u's value; NULL: the only key */
    const char *digest;  /* by name; NULL: what suits the key */
    bool pss;
};

/* Key and scheme, without certificate: a certification request. E_WEAK for what is
 * too weak to sign with, E_USAGE for a wish that the key cannot fulfil. */
int signer_load_key(struct signer *, struct client *, const struct signer_wish *,
                    struct err *err) must_check;
/* And the certificate: the newest on the tokens that is valid now and made for
 * signing. E_NO_CERT says why there is none and how to get one. */
int signer_load(struct signer *, struct client *, const struct signer_wish *,
                struct err *err) must_check;
void signer_clear(struct signer *);

/* Borrows from the signer. */
struct cms_signer signer_cms(struct signer *);
/* The certificate for libcrypto, newly made; NULL when memory is out. */
X509 *signer_x509(const struct signer *) must_check;

/* The certificates above the signer's, as far as the tokens hold them, without the
 * root; appended to chain (up_refs; no duplicates). */
int signer_put_chain(struct signer *, STACK_OF(X509) *chain, struct err *err) must_check;

/* The certificate to encrypt to when the signer's own is not made for that: the newest
 * on the tokens of the same address that is (the caller's, X509_free); *ret is NULL when
 * the signer's own will do, or there is none. */
int signer_preferred(struct signer *, X509 **ret, struct err *err) must_check;

#endif

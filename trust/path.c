/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "base/io.h"
#include "base/text.h"
#include "trust/certificate.h"

/* libcrypto's level of 112 bits: no RSA under 2048, no SHA-1. */
#define STRENGTH_LEVEL 2

struct anchors {
    X509_STORE *store;
    size_t count;
};

/* What each of libcrypto's findings is called here; all others are path-invalid. */
static const struct {
    int code;
    const char *word;
} words[] = {
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, "untrusted-root"},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, "untrusted-root"},
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, "untrusted-root"},
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, "untrusted-root"},
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, "untrusted-root"},
    {X509_V_ERR_CERT_UNTRUSTED, "untrusted-root"},
    {X509_V_ERR_CERT_REJECTED, "untrusted-root"},
    {X509_V_ERR_CERT_HAS_EXPIRED, "expired"},
    {X509_V_ERR_CERT_NOT_YET_VALID, "not-yet-valid"},
    {X509_V_ERR_EE_KEY_TOO_SMALL, "weak-algorithm"},
    {X509_V_ERR_CA_KEY_TOO_SMALL, "weak-algorithm"},
    {X509_V_ERR_CA_MD_TOO_WEAK, "weak-algorithm"},
    {X509_V_ERR_INVALID_PURPOSE, "wrong-purpose"},
};

int
anchors_new(struct anchors **ret, struct err *err)
{
    struct anchors *a = calloc(1, sizeof *a);
    if (a == NULL || (a->store = X509_STORE_new()) == NULL) {
        free(a);
        return err_set(err, E_NOMEM, "out of memory for trust anchors");
    }
    *ret = a;
    return 0;
}

void
anchors_free(struct anchors **a)
{
    if (a == NULL || *a == NULL)
        return;
    X509_STORE_free((*a)->store);
    free(*a);
    *a = NULL;
}

size_t
anchors_count(const struct anchors *a)
{
    return a->count;
}

static int
add(struct anchors *a, X509 *cert, const char *path, struct err *err)
{
    int ok = X509_STORE_add_cert(a->store, cert);
    X509_free(cert);
    if (ok != 1)
        return err_set_ossl(err, E_CRYPTO, "anchor file \"%s\": cannot be used", path);
    a->count++;
    return 0;
}

/* An encrypted block is no certificate of ours: nobody is asked for a passphrase. */
static int
no_passphrase(char *out, int max, int writing, void *arg)
{
    (void)out, (void)max, (void)writing, (void)arg;
    return -1;
}

static int
add_pem(struct anchors *a, BIO *bio, const char *path, struct err *err)
{
    X509 *cert;
    while ((cert = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL)) != NULL) {
        int rc = add(a, cert, path, err);
        if (rc != 0)
            return rc;
    }
    if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        return err_set_ossl(err, E_MALFORMED, "anchor file \"%s\": damaged certificate", path);
    ERR_clear_error();
    return 0;
}

int
anchors_add_file(struct anchors *a, const char *path, struct err *err)
{
    autofree_buf struct buf *file = buf_new();
    if (file == NULL)
        return err_set(err, E_NOMEM, "out of memory for anchor file \"%s\"", path);
    int rc = io_read_file(path, ANCHOR_FILE_MAX, file, err);
    if (rc != 0)
        return rc;

    size_t before = a->count;
    const unsigned char *der = buf_data(file);
    X509 *cert = d2i_X509(NULL, &der, (long)buf_len(file));
    if (cert != NULL)
        return add(a, cert, path, err);
    ERR_clear_error();
    BIO *bio = BIO_new_mem_buf(buf_data(file), (int)buf_len(file));
    if (bio == NULL)
        return err_set(err, E_NOMEM, "out of memory for anchor file \"%s\"", path);
    rc = add_pem(a, bio, path, err);
    BIO_free(bio);
    if (rc == 0 && a->count == before)
        rc = err_set(err, E_MALFORMED,
                     "anchor file \"%s\": holds no certificate in PEM or DER", path);
    return rc;
}

static const char *
word_of(int code)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (words[i].code == code)
            return words[i].word;
    return "path-invalid";
}

static void
note(struct path *p, int code, const X509 *cert)
{
    const char *word = word_of(code);
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(p->problems[i].word, word) == 0)
            return;
    if (p->count == PATH_PROBLEMS_MAX)
        return;
    struct path_problem *problem = &p->problems[p->count++];
    problem->word = word;
    autofree_buf struct buf *name = buf_new();
    if (cert == NULL || name == NULL ||
        certificate_put_name(name, X509_get_subject_name(cert)) != 0)
        snprintf(problem->text, sizeof problem->text, "%s",
                 X509_verify_cert_error_string(code));
    else
        snprintf(problem->text, sizeof problem->text, "certificate \"%.150s\": %s",
                 buf_cstr(name), X509_verify_cert_error_string(code));
}

/* Notes a fault and lets libcrypto go on, so that all of them are seen. */
static int
on_finding(int ok, X509_STORE_CTX *ctx)
{
    if (!ok)
        note(X509_STORE_CTX_get_app_data(ctx), X509_STORE_CTX_get_error(ctx),
             X509_STORE_CTX_get_current_cert(ctx));
    return 1;
}

static void
set_parameters(X509_STORE_CTX *ctx, const struct path_options *options)
{
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
    X509_VERIFY_PARAM_set_depth(param, PATH_DEPTH_MAX);
    X509_VERIFY_PARAM_set_auth_level(param, options->allow_weak ? 0 : STRENGTH_LEVEL);
    if (options->at != 0)
        X509_VERIFY_PARAM_set_time(param, options->at);
    X509_STORE_CTX_set_purpose(ctx, X509_PURPOSE_SMIME_SIGN);
}

int
path_check(struct path *ret, const struct anchors *anchors, X509 *signer,
           STACK_OF(X509) *untrusted, const struct path_options *options, struct err *err)
{
    struct path path = {0};
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    if (ctx == NULL || X509_STORE_CTX_init(ctx, anchors->store, signer, untrusted) != 1) {
        X509_STORE_CTX_free(ctx);
        return err_set_ossl(err, E_CRYPTO, "certification path: cannot be checked");
    }
    set_parameters(ctx, options);
    X509_STORE_CTX_set_app_data(ctx, &path);
    X509_STORE_CTX_set_verify_cb(ctx, on_finding);
    int ok = X509_verify_cert(ctx);
    /* Without a callback's word, libcrypto gave up before judging. */
    if (ok <= 0 && path.count == 0)
        note(&path, X509_STORE_CTX_get_error(ctx), signer);
    path.chain = X509_STORE_CTX_get1_chain(ctx);
    X509_STORE_CTX_free(ctx);
    ERR_clear_error();
    *ret = path;
    return 0;
}

void
path_clear(struct path *path)
{
    sk_X509_pop_free(path->chain, X509_free);
    *path = (struct path){0};
}

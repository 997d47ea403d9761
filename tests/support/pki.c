/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/support/pki.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#define DAY 86400L

static void
need(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "tests/support/pki: %s failed\n", what);
    ERR_print_errors_fp(stderr);
    abort();
}

EVP_PKEY *
pki_key(const char *type)
{
    static const struct {
        const char *type, *alg, *group;
        size_t bits;
    } kinds[] = {
        {"rsa1024", "RSA", NULL, 1024}, {"rsa2048", "RSA", NULL, 2048},
        {"rsa3072", "RSA", NULL, 3072}, {"rsa4096", "RSA", NULL, 4096},
        {"p256", "EC", "P-256", 0},     {"p384", "EC", "P-384", 0},
        {"p521", "EC", "P-521", 0},     {"ed25519", "ED25519", NULL, 0},
        {"ed448", "ED448", NULL, 0},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i].type, type) != 0)
            continue;
        EVP_PKEY *key = kinds[i].bits != 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", kinds[i].bits)
                        : kinds[i].group != NULL
                            ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", kinds[i].group)
                            : EVP_PKEY_Q_keygen(NULL, NULL, kinds[i].alg);
        need(key != NULL, type);
        return key;
    }
    need(false, type);
    return NULL;
}

static void
extension(X509 *cert, const X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, (X509 *)(uintptr_t)issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    need(ext != NULL && X509_add_ext(cert, ext, -1) == 1, value);
    X509_EXTENSION_free(ext);
}

static void
name(X509_NAME *subject, const struct pki_request *r)
{
    need(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                    (const unsigned char *)r->cn, -1, -1, 0) == 1, "CN");
    if (r->subject_email != NULL)
        need(X509_NAME_add_entry_by_txt(subject, "emailAddress", MBSTRING_ASC,
                                        (const unsigned char *)r->subject_email, -1, -1,
                                        0) == 1, "emailAddress");
}

static void
extensions(X509 *cert, const X509 *issuer, const struct pki_request *r)
{
    extension(cert, issuer, NID_basic_constraints,
              r->ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    extension(cert, issuer, NID_key_usage,
              r->usage != NULL ? r->usage
              : r->ca          ? "critical,keyCertSign,cRLSign"
                               : "critical,digitalSignature");
    extension(cert, issuer, NID_subject_key_identifier, "hash");
    const char *eku = r->eku != NULL ? r->eku : r->ca ? NULL : "emailProtection";
    if (eku != NULL)
        extension(cert, issuer, NID_ext_key_usage, eku);
    if (r->email != NULL) {
        char value[512];
        snprintf(value, sizeof value, "email:%s", r->email);
        extension(cert, issuer, NID_subject_alt_name, value);
    }
}

X509 *
pki_cert(const struct pki_request *r, EVP_PKEY *key, const X509 *issuer, EVP_PKEY *issuer_key)
{
    X509 *cert = X509_new();
    need(cert != NULL && X509_set_version(cert, X509_VERSION_3) == 1, "X509_new");
    unsigned char serial[8];
    need(RAND_bytes(serial, sizeof serial) == 1, "RAND_bytes");
    serial[0] &= 0x7f;
    BIGNUM *bn = BN_bin2bn(serial, sizeof serial, NULL);
    need(BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(cert)) != NULL, "serial");
    BN_free(bn);

    bool dated = r->not_before != 0 || r->not_after != 0;
    X509_gmtime_adj(X509_getm_notBefore(cert), dated ? r->not_before : -DAY);
    X509_gmtime_adj(X509_getm_notAfter(cert), dated ? r->not_after : DAY);
    name(X509_get_subject_name(cert), r);
    const X509 *by = issuer != NULL ? issuer : cert;
    need(X509_set_issuer_name(cert, X509_get_subject_name(by)) == 1, "issuer");
    need(X509_set_pubkey(cert, key) == 1, "public key");
    extensions(cert, by, r);

    EVP_PKEY *with = issuer_key != NULL ? issuer_key : key;
    int id = EVP_PKEY_get_id(with);
    const EVP_MD *md = id == EVP_PKEY_ED25519 || id == EVP_PKEY_ED448 ? NULL
                       : r->md != NULL                                ? r->md
                                                                      : EVP_sha256();
    need(X509_sign(cert, with, md) > 0, "X509_sign");
    return cert;
}

void
pki_write_pem(const char *path, const X509 *cert, bool append)
{
    FILE *f = fopen(path, append ? "a" : "w");
    need(f != NULL && PEM_write_X509(f, cert) == 1, path);
    fclose(f);
}

void
pki_write_der(const char *path, const X509 *cert)
{
    FILE *f = fopen(path, "w");
    need(f != NULL && i2d_X509_fp(f, cert) == 1, path);
    fclose(f);
}

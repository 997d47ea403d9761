/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/crl_method.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "cms/algid.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static X509_CRL_METHOD *method;

/* What a look-up is for. */
struct question {
    struct crl *crl;
    const ASN1_INTEGER *serial;
    const X509_NAME *issuer;
    X509_REVOKED *found;
};

static bool
names_issuer(const X509_REVOKED *r, const X509_NAME *issuer, const X509_NAME *otherwise)
{
    GENERAL_NAMES *names = X509_REVOKED_get_ext_d2i(r, NID_certificate_issuer, NULL, NULL);
    bool same = names == NULL && X509_NAME_cmp(issuer, otherwise) == 0;

    for (int i = 0; !same && i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        same = name->type == GEN_DIRNAME && X509_NAME_cmp(name->d.directoryName, issuer) == 0;
    }
    GENERAL_NAMES_free(names);
    return same;
}

static int
keep_hit(struct crl *c, X509_CRL *x)
{
    X509_CRL **more;

    if (c->hit_count == CRL_HITS_MAX)
        return E_LIMIT;
    more = realloc(c->hits, (c->hit_count + 1) * sizeof *more);
    if (more == NULL)
        return E_NOMEM;
    c->hits = more;
    c->hits[c->hit_count++] = x;
    return 0;
}

/* The entry in an X509_CRL of its own: only there libcrypto reads its reason. */
static int
take_found(void *arg, const struct crl_entry *entry, struct span issuer)
{
    struct question *q = arg;
    autofree_buf struct buf *one = buf_new(), *der = buf_new();
    struct span alone = entry->whole;
    int rc = one != NULL && der != NULL ? 0 : E_NOMEM;

    if (rc == 0 && issuer.len > 0) {
        rc = crl_der_put_entry(entry, issuer, one);
        alone = (struct span){buf_data(one), buf_len(one)};
    }
    if (rc == 0)
        rc = crl_der_put(&q->crl->der, &alone, 1, der);
    if (rc != 0)
        return rc;
    const unsigned char *at = buf_data(der);
    X509_CRL *x = d2i_X509_CRL(NULL, &at, (long)buf_len(der));
    X509_REVOKED *r = x == NULL ? NULL : sk_X509_REVOKED_value(X509_CRL_get_REVOKED(x), 0);
    if (r == NULL) {
        X509_CRL_free(x);
        return E_MALFORMED;
    }
    if (ASN1_INTEGER_cmp(X509_REVOKED_get0_serialNumber(r), q->serial) != 0 ||
        !names_issuer(r, q->issuer, X509_CRL_get_issuer(x))) {
        X509_CRL_free(x);
        return 0;
    }
    rc = keep_hit(q->crl, x);
    if (rc != 0) {
        X509_CRL_free(x);
        return rc;
    }
    q->found = r;
    return 1;
}

static int
look_up(struct question *q, uint64_t hash)
{
    struct crl *c = q->crl;
    autofree_buf struct buf *page = NULL;
    int rc;

    if (c->index != NULL)
        return crl_index_find(c->index, hash, take_found, q);
    page = buf_new();
    rc = page == NULL ? E_NOMEM : store_crl_page(c->store, c->row, hash, page, NULL);
    return rc != 0 ? rc : crl_page_find(buf_data(page), buf_len(page), hash, take_found, q);
}

/* 0: not in it; 1: revoked; 2: taken off it (RFC 5280 5.3.1). What cannot be looked up makes
 * the CRL refused: an entry that is not read is no absence. */
static int
on_lookup(X509_CRL *x, X509_REVOKED **ret, const ASN1_INTEGER *serial, const X509_NAME *issuer)
{
    struct crl *c = X509_CRL_get_meth_data(x);
    struct question q = {.crl = c, .serial = serial};
    unsigned char *der = NULL;
    uint32_t name;
    int len, rc;

    if (c == NULL)
        return 0;
    c->hit = NULL;
    q.issuer = issuer != NULL ? issuer : X509_CRL_get_issuer(x);
    len = i2d_ASN1_INTEGER(serial, &der);
    rc = len > 0 ? crl_name_hash(q.issuer, &name) : E_MALFORMED;
    if (rc == 0) {
        struct span at = {der, (size_t)len}, content;
        rc = crl_der_content(at, &content);
        if (rc == 0)
            rc = look_up(&q, crl_hash(name, content));
    }
    OPENSSL_free(der);
    c->unreadable = rc < 0;
    c->hit = q.found;
    if (c->looked != NULL)
        c->looked(c->looked_arg, c);
    if (q.found == NULL)
        return 0;
    *ret = q.found;
    return 1;
}

/* As it stands in the certificate that the key is of: libcrypto's encoder, which makes it anew,
 * takes as long as ten signature checks to set up. */
static int
put_key(const struct crl *c, EVP_PKEY *key, unsigned char **der)
{
    for (int i = 0; i < sk_X509_num(c->issuers); i++)
        if (X509_get0_pubkey(sk_X509_value(c->issuers, i)) == key)
            return i2d_X509_PUBKEY(X509_get_X509_PUBKEY(sk_X509_value(c->issuers, i)), der);
    return i2d_PUBKEY(key, der);
}

static bool
hash_key(const struct crl *c, EVP_PKEY *key, uint8_t out[STORE_HASH])
{
    unsigned char *der = NULL;
    int len = put_key(c, key, &der);
    bool ok = len > 0 && EVP_Digest(der, (size_t)len, out, NULL, EVP_sha256(), NULL) == 1;

    OPENSSL_free(der);
    return ok;
}

/* 1: it fits. */
static int
check_signature(struct crl *c, EVP_PKEY *key)
{
    const ASN1_BIT_STRING *value;
    const X509_ALGOR *alg;
    struct algid_sig sig;
    struct span over = {c->digest, c->digest_len};
    struct err err = {0};

    X509_CRL_get0_signature(c->header, &value, &alg);
    if (algid_read_sig(alg, NULL, &sig, &err) != 0)
        return snprintf(c->fault, sizeof c->fault, "%.150s", err_text(&err)), 0;
    if (!c->allow_weak && ((sig.digest != NULL && sig.digest->weak) || algid_key_is_weak(key)))
        return snprintf(c->fault, sizeof c->fault, "it is signed with a weak algorithm"), 0;
    if (sig.digest == NULL && c->index != NULL)
        over = c->der.tbs;
    if (over.len == 0)
        return snprintf(c->fault, sizeof c->fault, "its signature cannot be checked"), 0;
    if (algid_verify(key, &sig, over.at, over.len, ASN1_STRING_get0_data(value),
                     (size_t)ASN1_STRING_length(value), &err) != 1)
        return snprintf(c->fault, sizeof c->fault, "%.150s", err_text(&err)), 0;
    return 1;
}

static bool
is_weak(const struct crl *c, EVP_PKEY *key)
{
    const X509_ALGOR *alg;
    struct algid_sig sig;

    X509_CRL_get0_signature(c->header, NULL, &alg);
    return algid_read_sig(alg, NULL, &sig, NULL) != 0 ||
           (sig.digest != NULL && sig.digest->weak) || algid_key_is_weak(key);
}

static int
on_verify(X509_CRL *x, EVP_PKEY *key)
{
    struct crl *c = X509_CRL_get_meth_data(x);
    uint8_t spki[STORE_HASH];

    if (c == NULL || !hash_key(c, key, spki))
        return -1;
    c->refused = false;
    if (c->verified && memcmp(spki, c->spki, sizeof spki) == 0 &&
        (c->allow_weak || !is_weak(c, key)))
        return 1;
    if (check_signature(c, key) != 1) {
        c->refused = true;
        return 0;
    }
    memcpy(c->spki, spki, sizeof spki);
    c->verified = c->news = true;
    return 1;
}

int
crl_method_read(const uint8_t *der, size_t len, struct crl *c, X509_CRL **ret)
{
    const unsigned char *at = der;
    X509_CRL *x = NULL;

    pthread_mutex_lock(&lock);
    if (method == NULL)
        method = X509_CRL_METHOD_new(NULL, NULL, on_lookup, on_verify);
    if (method != NULL) {
        X509_CRL_set_default_method(method);
        x = d2i_X509_CRL(NULL, &at, (long)len);
        X509_CRL_set_default_method(NULL);
    }
    pthread_mutex_unlock(&lock);
    if (x == NULL)
        return method == NULL ? E_NOMEM : E_MALFORMED;
    X509_CRL_set_meth_data(x, c);
    *ret = x;
    return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/crl.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "cms/algid.h"
#include "trust/crl_method.h"

static int
no_memory(struct err *err)
{
    return err_set(err, E_NOMEM, "out of memory for a CRL");
}

static int
refuse(int rc, struct err *err)
{
    return rc == E_LIMIT ? err_set(err, rc, "the CRL is larger than is read, or repeats itself")
           : rc == E_NOMEM ? no_memory(err)
                           : err_set(err, rc, "the CRL is malformed");
}

/* 0 when there is none or it is not to be read. */
static time_t
seconds(const ASN1_TIME *t)
{
    struct tm tm;

    return t != NULL && ASN1_TIME_to_tm(t, &tm) == 1 ? timegm(&tm) : 0;
}

static bool
add_extension(EVP_MD_CTX *md, const X509_CRL *x, int nid)
{
    int at = X509_CRL_get_ext_by_NID(x, nid, -1);
    const ASN1_OCTET_STRING *value =
        at < 0 ? NULL : X509_EXTENSION_get_data(X509_CRL_get_ext(x, at));
    uint8_t there = value != NULL;

    return EVP_DigestUpdate(md, &there, 1) == 1 &&
           (value == NULL || EVP_DigestUpdate(md, ASN1_STRING_get0_data(value),
                                              (size_t)ASN1_STRING_length(value)) == 1);
}

/* Its issuer, key, distribution point and whether it is a delta. */
static bool
digest_scope(struct crl *c)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    uint8_t delta = X509_CRL_get_ext_by_NID(c->header, NID_delta_crl, -1) >= 0;
    bool ok = md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1 &&
              EVP_DigestUpdate(md, c->der.issuer.at, c->der.issuer.len) == 1 &&
              EVP_DigestUpdate(md, &delta, 1) == 1 &&
              add_extension(md, c->header, NID_authority_key_identifier) &&
              add_extension(md, c->header, NID_issuing_distribution_point) &&
              EVP_DigestFinal_ex(md, c->scope, NULL) == 1;

    EVP_MD_CTX_free(md);
    return ok;
}

static int
take_facts(struct crl *c)
{
    int rc = crl_name_hash(X509_CRL_get_issuer(c->header), &c->issuer);

    c->this_update = seconds(X509_CRL_get0_lastUpdate(c->header));
    c->next_update = seconds(X509_CRL_get0_nextUpdate(c->header));
    return rc != 0 ? rc : digest_scope(c) ? 0 : E_CRYPTO;
}

/* What the signature is over; nothing when that is the message itself (EdDSA) or not known. */
static int
digest_tbs(struct crl *c)
{
    const X509_ALGOR *alg;
    struct algid_sig sig;
    unsigned len = 0;
    EVP_MD *md;
    int ok;

    X509_CRL_get0_signature(c->header, NULL, &alg);
    if (algid_read_sig(alg, NULL, &sig, NULL) != 0 || sig.digest == NULL)
        return 0;
    md = EVP_MD_fetch(NULL, sig.digest->ossl, NULL);
    if (md == NULL)
        return 0;
    ok = EVP_Digest(c->der.tbs.at, c->der.tbs.len, c->digest, &len, md, NULL);
    EVP_MD_free(md);
    c->digest_len = len;
    return ok == 1 ? 0 : E_CRYPTO;
}

static int
make_header(struct crl *c)
{
    autofree_buf struct buf *der = buf_new();
    struct span critical = crl_index_critical(c->index);
    int rc = der == NULL ? E_NOMEM : crl_der_put(&c->der, &critical, critical.len > 0, der);

    return rc != 0 ? rc : crl_method_read(buf_data(der), buf_len(der), c, &c->header);
}

static int
fill(struct crl *c)
{
    int rc = crl_index_new(&c->index, &c->der);

    if (rc == 0)
        rc = make_header(c);
    if (rc == 0)
        rc = take_facts(c);
    if (rc == 0)
        rc = digest_tbs(c);
    if (rc == 0 && EVP_Digest(c->der.whole.at, c->der.whole.len, c->sha256, NULL, EVP_sha256(),
                              NULL) != 1)
        rc = E_CRYPTO;
    return rc;
}

static struct crl *
new_crl(const uint8_t *der, size_t len, bool copy, const char *source)
{
    struct crl *c = calloc(1, sizeof *c);

    if (c == NULL)
        return NULL;
    c->source = strdup(source);
    c->own = copy && len > 0 ? malloc(len) : NULL;
    if (c->source == NULL || (copy && c->own == NULL))
        crl_free(&c);
    else if (copy)
        memcpy(c->own, der, len);
    return c;
}

int
crl_read(struct crl **ret, const uint8_t *der, size_t len, bool copy, const char *source,
         struct err *err)
{
    struct crl_der parts;
    int rc = crl_der_parse(der, len, &parts);
    struct crl *c;

    if (rc != 0)
        return refuse(rc, err);
    c = new_crl(der, len, copy, source);
    if (c == NULL)
        return no_memory(err);
    rc = crl_der_parse(copy ? c->own : der, len, &c->der);
    if (rc == 0)
        rc = fill(c);
    ERR_clear_error();
    if (rc != 0) {
        crl_free(&c);
        return refuse(rc, err);
    }
    *ret = c;
    return 0;
}

int
crl_of_row(struct crl **ret, struct store *store, const struct store_crl *row, struct err *err)
{
    struct crl *c = new_crl(row->header.at, row->header.len, true, row->source);
    int rc;

    if (c == NULL)
        return no_memory(err);
    rc = row->digest.len <= sizeof c->digest ? crl_der_parse(c->own, row->header.len, &c->der)
                                             : E_MALFORMED;
    if (rc == 0)
        rc = crl_method_read(c->own, row->header.len, c, &c->header);
    if (rc == 0)
        rc = take_facts(c);
    ERR_clear_error();
    if (rc != 0) {
        crl_free(&c);
        return refuse(rc, err);
    }
    memcpy(c->sha256, row->sha256, sizeof c->sha256);
    if (row->digest.len > 0)
        memcpy(c->digest, row->digest.at, row->digest.len);
    c->digest_len = row->digest.len;
    c->verified = row->spki != NULL;
    if (c->verified)
        memcpy(c->spki, row->spki, sizeof c->spki);
    c->store = store;
    c->row = row->id;
    *ret = c;
    return 0;
}

int
crl_keep(struct crl *c, struct store *store, struct err *err)
{
    autofree_buf struct buf *header = buf_new();
    struct span critical = {NULL, 0};
    int rc;

    if (c->index == NULL)
        return c->news && c->row != 0 ? store_crl_verified(store, c->row, c->spki, err) : 0;
    critical = crl_index_critical(c->index);
    if (header == NULL)
        return no_memory(err);
    rc = crl_der_put(&c->der, &critical, critical.len > 0, header);
    if (rc != 0)
        return refuse(rc, err);
    struct store_crl row = {
        .sha256 = c->sha256,
        .issuer = c->issuer,
        .header = {buf_data(header), buf_len(header)},
        .digest = {c->digest, c->digest_len},
        .spki = c->verified ? c->spki : NULL,
        .this_update = c->this_update,
        .next_update = c->next_update,
        .scope = c->scope,
        .source = c->source,
    };
    return store_crl_add(store, &row, c->index, err);
}

void
crl_free(struct crl **c)
{
    if (c == NULL || *c == NULL)
        return;
    for (size_t i = 0; i < (*c)->hit_count; i++)
        X509_CRL_free((*c)->hits[i]);
    free((*c)->hits);
    X509_CRL_free((*c)->header);
    crl_index_free(&(*c)->index);
    free((*c)->own);
    free((*c)->source);
    free(*c);
    *c = NULL;
}

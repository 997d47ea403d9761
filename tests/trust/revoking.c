/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/trust/revoking.h"

#include <check.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct ca
ca_new(const char *cn, const struct ca *issuer)
{
    struct ca ca = {.key = pki_key("p256")};
    struct pki_request r = {.cn = cn, .ca = true, .not_before = -400 * DAY,
                            .not_after = 400 * DAY};

    ca.cert = pki_cert(&r, ca.key, issuer != NULL ? issuer->cert : NULL,
                       issuer != NULL ? issuer->key : NULL);
    return ca;
}

void
ca_clear(struct ca *ca)
{
    EVP_PKEY_free(ca->key);
    X509_free(ca->cert);
}

X509 *
leaf_new(const char *cn, const struct ca *ca)
{
    EVP_PKEY *key = pki_key("p256");
    struct pki_request r = {.cn = cn, .not_before = -300 * DAY, .not_after = 300 * DAY};
    X509 *cert = pki_cert(&r, key, ca->cert, ca->key);

    EVP_PKEY_free(key);
    return cert;
}

/* Into a new one: what libcrypto keeps of a certificate's extensions is from before. */
static void
sign_again(X509 **cert, const struct ca *ca)
{
    unsigned char *der = NULL;
    const unsigned char *at;
    int len;

    ck_assert_int_gt(X509_sign(*cert, ca->key, EVP_sha256()), 0);
    len = i2d_X509(*cert, &der);
    X509_free(*cert);
    at = der;
    *cert = d2i_X509(NULL, &at, len);
    ck_assert_ptr_nonnull(*cert);
    OPENSSL_free(der);
}

void
leaf_extend(X509 **cert, int nid, const char *value, const struct ca *ca)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, ca->cert, *cert, NULL, NULL, 0);
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);

    ck_assert(ext != NULL && X509_add_ext(*cert, ext, -1) == 1);
    X509_EXTENSION_free(ext);
    sign_again(cert, ca);
}

static DIST_POINT_NAME *
point_name(const char *name)
{
    DIST_POINT_NAME *point = DIST_POINT_NAME_new();
    GENERAL_NAME *uri = GENERAL_NAME_new();
    ASN1_IA5STRING *text = ASN1_IA5STRING_new();
    char url[128];

    snprintf(url, sizeof url, "http://%s/", name);
    ASN1_STRING_set(text, url, -1);
    GENERAL_NAME_set0_value(uri, GEN_URI, text);
    point->type = 0;
    point->name.fullname = GENERAL_NAMES_new();
    sk_GENERAL_NAME_push(point->name.fullname, uri);
    return point;
}

static ASN1_BIT_STRING *
bits(unsigned reasons)
{
    ASN1_BIT_STRING *value = ASN1_BIT_STRING_new();

    for (int i = 0; i < 9; i++)
        if ((reasons >> i & 1) != 0)
            ASN1_BIT_STRING_set_bit(value, i, 1);
    return value;
}

static GENERAL_NAMES *
directory_name(const X509_NAME *name)
{
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    GENERAL_NAME *one = GENERAL_NAME_new();

    GENERAL_NAME_set0_value(one, GEN_DIRNAME, X509_NAME_dup(name));
    sk_GENERAL_NAME_push(names, one);
    return names;
}

void
leaf_point(X509 **cert, const char *name, unsigned reasons, const struct ca *issuer,
           const struct ca *ca)
{
    CRL_DIST_POINTS *points = X509_get_ext_d2i(*cert, NID_crl_distribution_points, NULL, NULL);
    DIST_POINT *point = DIST_POINT_new();

    if (points == NULL)
        points = CRL_DIST_POINTS_new();
    point->distpoint = point_name(name);
    point->reasons = reasons != 0 ? bits(reasons) : NULL;
    point->CRLissuer =
        issuer != NULL ? directory_name(X509_get_subject_name(issuer->cert)) : NULL;
    sk_DIST_POINT_push(points, point);
    ck_assert_int_eq(X509_add1_ext_i2d(*cert, NID_crl_distribution_points, points, 0,
                                       X509V3_ADD_REPLACE), 1);
    CRL_DIST_POINTS_free(points);
    sign_again(cert, ca);
}

static void
add_number(X509_CRL *x, int nid, long number, int critical)
{
    ASN1_INTEGER *value = ASN1_INTEGER_new();

    ASN1_INTEGER_set(value, number);
    ck_assert_int_eq(X509_CRL_add1_ext_i2d(x, nid, value, critical, 0), 1);
    ASN1_INTEGER_free(value);
}

static void
add_odd(X509_REVOKED *r)
{
    ASN1_OCTET_STRING *data = ASN1_OCTET_STRING_new();
    ASN1_OBJECT *oid = OBJ_txt2obj("1.3.6.1.4.1.99999.1", 1);

    ASN1_OCTET_STRING_set(data, (const uint8_t *)"\x05\x00", 2);
    X509_EXTENSION *ext = X509_EXTENSION_create_by_OBJ(NULL, oid, 1, data);
    ck_assert_int_eq(X509_REVOKED_add_ext(r, ext, -1), 1);
    X509_EXTENSION_free(ext);
    ASN1_OBJECT_free(oid);
    ASN1_OCTET_STRING_free(data);
}

static void
add_revoked(X509_CRL *x, const struct revoked *one)
{
    X509_REVOKED *r = X509_REVOKED_new();
    ASN1_TIME *when = ASN1_TIME_adj(NULL, time(NULL), 0, one->when);

    X509_REVOKED_set_serialNumber(r, (ASN1_INTEGER *)(uintptr_t)X509_get0_serialNumber(one->cert));
    X509_REVOKED_set_revocationDate(r, when);
    ASN1_TIME_free(when);
    if (one->reason != 0) {
        ASN1_ENUMERATED *reason = ASN1_ENUMERATED_new();
        ASN1_ENUMERATED_set(reason, one->reason);
        X509_REVOKED_add1_ext_i2d(r, NID_crl_reason, reason, 0, 0);
        ASN1_ENUMERATED_free(reason);
    }
    if (one->issuer != NULL) {
        GENERAL_NAMES *names = directory_name(X509_get_subject_name(one->issuer));
        X509_REVOKED_add1_ext_i2d(r, NID_certificate_issuer, names, 1, 0);
        GENERAL_NAMES_free(names);
    }
    if (one->odd)
        add_odd(r);
    ck_assert_int_eq(X509_CRL_add0_revoked(x, r), 1);
}

static void
add_scope(X509_CRL *x, const struct list *l)
{
    ISSUING_DIST_POINT *idp;

    if (l->point == NULL && !l->indirect && l->reasons == 0)
        return;
    idp = ISSUING_DIST_POINT_new();
    idp->distpoint = l->point != NULL ? point_name(l->point) : NULL;
    idp->indirectCRL = l->indirect ? 0xff : 0;
    idp->onlysomereasons = l->reasons != 0 ? bits(l->reasons) : NULL;
    ck_assert_int_eq(X509_CRL_add1_ext_i2d(x, NID_issuing_distribution_point, idp, 1, 0), 1);
    ISSUING_DIST_POINT_free(idp);
}

static void
set_time(X509_CRL *x, int (*set)(X509_CRL *, const ASN1_TIME *), long offset)
{
    ASN1_TIME *t = ASN1_TIME_adj(NULL, time(NULL), 0, offset);

    ck_assert_int_eq(set(x, t), 1);
    ASN1_TIME_free(t);
}

size_t
list_new(const struct list *l, const struct ca *ca, uint8_t **ret)
{
    X509_CRL *x = X509_CRL_new();
    bool dated = l->from != 0 || l->until != 0;
    int len;

    X509_CRL_set_version(x, X509_CRL_VERSION_2);
    X509_CRL_set_issuer_name(x, X509_get_subject_name(ca->cert));
    set_time(x, X509_CRL_set1_lastUpdate, dated ? l->from : -DAY);
    set_time(x, X509_CRL_set1_nextUpdate, dated ? l->until : DAY);
    for (size_t i = 0; i < 4 && l->revoked[i].cert != NULL; i++)
        add_revoked(x, &l->revoked[i]);
    if (l->number != 0)
        add_number(x, NID_crl_number, l->number, 0);
    if (l->base != 0)
        add_number(x, NID_delta_crl, l->base, 1);
    add_scope(x, l);
    ck_assert_int_gt(X509_CRL_sign(x, l->key != NULL ? l->key : ca->key,
                                   l->md != NULL ? l->md : EVP_sha256()), 0);
    *ret = NULL;
    len = i2d_X509_CRL(x, ret);
    ck_assert_int_gt(len, 0);
    X509_CRL_free(x);
    return (size_t)len;
}

void
judge_path(struct revocation *r, X509 *const *certs, size_t count, STACK_OF(X509) *others,
           struct revocation_finding *ret)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    STACK_OF(X509) *chain = sk_X509_new_null();
    struct err err = {0};

    for (size_t i = 0; i < count; i++) {
        X509_up_ref(certs[i]);
        sk_X509_push(chain, certs[i]);
    }
    ck_assert_int_eq(X509_STORE_CTX_init(ctx, store, certs[0], others), 1);
    X509_STORE_CTX_set0_verified_chain(ctx, chain);
    ck_assert_msg(revocation_judge(r, ctx, ret, count, &err) == 0, "%s", err_text(&err));
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
}

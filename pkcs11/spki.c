/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pkcs11/spki.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/param_build.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include "base/hex.h"

/* Longest EC_POINT with its wrapping, in bytes. */
#define POINT_MAX 512

/* Edwards and Montgomery curves as CKA_EC_PARAMS names them: RFC 8410's
 * identifiers, the older ones of GnuPG and OpenSC, and names in a
 * PrintableString (PKCS#11 3.0, 2.3.5). */
static const struct {
    const char *params;
    size_t len;
    int pkey;
} named[] = {
#define DER(s) s, sizeof(s) - 1
    {DER("\x06\x03\x2b\x65\x70"), EVP_PKEY_ED25519},
    {DER("\x06\x03\x2b\x65\x71"), EVP_PKEY_ED448},
    {DER("\x06\x03\x2b\x65\x6e"), EVP_PKEY_X25519},
    {DER("\x06\x03\x2b\x65\x6f"), EVP_PKEY_X448},
    {DER("\x06\x09\x2b\x06\x01\x04\x01\xda\x47\x0f\x01"), EVP_PKEY_ED25519},
    {DER("\x06\x0a\x2b\x06\x01\x04\x01\x97\x55\x01\x05\x01"), EVP_PKEY_X25519},
    {DER("\x13\x0c" "edwards25519"), EVP_PKEY_ED25519},
    {DER("\x13\x0a" "edwards448"), EVP_PKEY_ED448},
    {DER("\x13\x0a" "curve25519"), EVP_PKEY_X25519},
    {DER("\x13\x08" "curve448"), EVP_PKEY_X448},
#undef DER
};

static const struct {
    int pkey;
    enum alg_key_type type;
    const char *curve;
} types[] = {
    {EVP_PKEY_RSA, ALG_KEY_RSA, ""},          {EVP_PKEY_EC, ALG_KEY_EC, NULL},
    {EVP_PKEY_ED25519, ALG_KEY_ED25519, "Ed25519"}, {EVP_PKEY_ED448, ALG_KEY_ED448, "Ed448"},
    {EVP_PKEY_X25519, ALG_KEY_X25519, "X25519"},    {EVP_PKEY_X448, ALG_KEY_X448, "X448"},
};

/* "P-256" where NIST gave such a name, else libcrypto's. */
static void
name_curve(char out[SPKI_CURVE_MAX], EVP_PKEY *pkey)
{
    char group[64] = "";
    const char *nist;

    if (EVP_PKEY_get_group_name(pkey, group, sizeof group, NULL) != 1)
        group[0] = '\0';
    nist = EC_curve_nid2nist(OBJ_sn2nid(group));
    snprintf(out, SPKI_CURVE_MAX, "%.*s", SPKI_CURVE_MAX - 1, nist ? nist : group);
}

static int
describe(struct spki *s)
{
    int base = EVP_PKEY_get_base_id(s->pkey);

    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (types[i].pkey != base)
            continue;
        s->type = types[i].type;
        s->bits = (unsigned)EVP_PKEY_get_bits(s->pkey);
        if (types[i].curve)
            snprintf(s->curve, sizeof s->curve, "%s", types[i].curve);
        else
            name_curve(s->curve, s->pkey);
        return s->type == ALG_KEY_EC && s->curve[0] == '\0' ? E_UNSUPPORTED : 0;
    }
    return E_UNSUPPORTED;
}

int
spki_from_pkey(struct spki *ret, EVP_PKEY *pkey)
{
    struct spki s = {0};
    uint8_t digest[SHA256_DIGEST_LENGTH];
    int rc, len;

    if (EVP_PKEY_get_size(pkey) > SPKI_RSA_MAX)
        return E_UNSUPPORTED;
    if (EVP_PKEY_up_ref(pkey) != 1)
        return E_NOMEM;
    s.pkey = pkey;
    rc = describe(&s);
    if (rc == 0) {
        len = i2d_PUBKEY(pkey, &s.der);
        rc = len > 0 ? 0 : E_MALFORMED;
        s.len = len > 0 ? (size_t)len : 0;
    }
    if (rc != 0) {
        spki_clear(&s);
        ERR_clear_error();
        return rc;
    }
    SHA256(s.der, s.len, digest);
    hex_encode(digest, sizeof digest, s.name);
    *ret = s;
    return 0;
}

static int
from_params(struct spki *ret, const char *type, OSSL_PARAM_BLD *bld)
{
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *pkey = NULL;
    int rc = E_MALFORMED;

    if (!params || !ctx)
        rc = E_NOMEM;
    else if (EVP_PKEY_fromdata_init(ctx) == 1 &&
             EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) == 1)
        rc = spki_from_pkey(ret, pkey);
    EVP_PKEY_free(pkey);
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    ERR_clear_error();
    return rc;
}

static int
from_rsa_numbers(struct spki *ret, const BIGNUM *n, const BIGNUM *e)
{
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    int rc = E_NOMEM;

    if (BN_num_bytes(n) > SPKI_RSA_MAX || BN_is_zero(n) || BN_is_zero(e))
        rc = E_MALFORMED;
    else if (bld && OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
             OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e) == 1)
        rc = from_params(ret, "RSA", bld);
    OSSL_PARAM_BLD_free(bld);
    return rc;
}

int
spki_from_rsa(struct spki *ret, const uint8_t *n, size_t n_len, const uint8_t *e, size_t e_len)
{
    BIGNUM *bn_n, *bn_e;
    int rc = E_NOMEM;

    if (n_len == 0 || n_len > SPKI_RSA_MAX + 1 || e_len == 0 || e_len > SPKI_RSA_MAX)
        return E_MALFORMED;
    bn_n = BN_bin2bn(n, (int)n_len, NULL);
    bn_e = BN_bin2bn(e, (int)e_len, NULL);
    if (bn_n && bn_e)
        rc = from_rsa_numbers(ret, bn_n, bn_e);
    BN_free(bn_n);
    BN_free(bn_e);
    return rc;
}

/* A certificate may bind the key to RSASSA-PSS (RFC 4055, 1.2); on the token it
 * is an RSA key like any other and must get the same name. */
static int
from_rsa_pss(struct spki *ret, EVP_PKEY *pkey)
{
    BIGNUM *n = NULL, *e = NULL;
    int rc = E_MALFORMED;

    if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
        EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) == 1)
        rc = from_rsa_numbers(ret, n, e);
    BN_free(n);
    BN_free(e);
    return rc;
}

int
spki_from_der(struct spki *ret, const uint8_t *der, size_t len)
{
    const uint8_t *p = der;
    EVP_PKEY *pkey;
    int rc;

    if (len > LONG_MAX)
        return E_MALFORMED;
    pkey = d2i_PUBKEY(NULL, &p, (long)len);
    if (!pkey || p != der + len)
        rc = E_MALFORMED;
    else if (EVP_PKEY_get_base_id(pkey) == EVP_PKEY_RSA_PSS)
        rc = from_rsa_pss(ret, pkey);
    else
        rc = spki_from_pkey(ret, pkey);
    EVP_PKEY_free(pkey);
    ERR_clear_error();
    return rc;
}

/* Takes the OCTET STRING off a point that has one. `want` is the raw length, or 0
 * when any will do. Raw points start with 04 too, so the length decides. */
static int
unwrap_point(const uint8_t **point, size_t *len, size_t want)
{
    const uint8_t *p = *point;
    ASN1_OCTET_STRING *os;
    int n;

    if (*len == 0 || *len > POINT_MAX)
        return E_MALFORMED;
    if (*len == want)
        return 0;
    os = d2i_ASN1_OCTET_STRING(NULL, &p, (long)*len);
    n = os ? ASN1_STRING_length(os) : 0;
    ASN1_OCTET_STRING_free(os);
    ERR_clear_error();
    if (!os || p != *point + *len || n <= 0)
        return want == 0 ? 0 : E_MALFORMED;
    *point += *len - (size_t)n;
    *len = (size_t)n;
    return want != 0 && *len != want ? E_MALFORMED : 0;
}

static int
from_raw(struct spki *ret, int type, const uint8_t *point, size_t len)
{
    size_t want = type == EVP_PKEY_ED448 ? 57 : type == EVP_PKEY_X448 ? 56 : 32;
    EVP_PKEY *pkey;
    int rc = unwrap_point(&point, &len, want);

    if (rc != 0)
        return rc;
    pkey = EVP_PKEY_new_raw_public_key(type, NULL, point, len);
    rc = pkey ? spki_from_pkey(ret, pkey) : E_UNSUPPORTED;
    EVP_PKEY_free(pkey);
    ERR_clear_error();
    return rc;
}

/* The curve's identifier in EC_PARAMS, written as such or as its name. */
static int
curve_nid(const uint8_t *params, size_t len)
{
    const uint8_t *p = params;
    ASN1_OBJECT *obj;
    char name[SPKI_CURVE_MAX];
    int nid;

    if (len > 2 && len - 2 < sizeof name && params[0] == V_ASN1_PRINTABLESTRING &&
        params[1] == len - 2) {
        memcpy(name, params + 2, len - 2);
        name[len - 2] = '\0';
        nid = EC_curve_nist2nid(name);
        return nid != NID_undef ? nid : OBJ_txt2nid(name);
    }
    obj = d2i_ASN1_OBJECT(NULL, &p, (long)len);
    nid = obj && p == params + len ? OBJ_obj2nid(obj) : NID_undef;
    ASN1_OBJECT_free(obj);
    ERR_clear_error();
    return nid;
}

static int
from_group(struct spki *ret, int nid, const uint8_t *point, size_t len)
{
    EC_GROUP *group = EC_GROUP_new_by_curve_name(nid);
    OSSL_PARAM_BLD *bld;
    size_t want;
    int rc;

    ERR_clear_error();
    if (!group)
        return E_UNSUPPORTED;
    want = 1 + 2 * (((size_t)EC_GROUP_get_degree(group) + 7) / 8);
    EC_GROUP_free(group);
    rc = unwrap_point(&point, &len, want);
    if (rc != 0)
        return rc;
    bld = OSSL_PARAM_BLD_new();
    if (!bld || OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME,
                                                OBJ_nid2sn(nid), 0) != 1 ||
        OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point, len) != 1)
        rc = E_NOMEM;
    else
        rc = from_params(ret, "EC", bld);
    OSSL_PARAM_BLD_free(bld);
    return rc;
}

int
spki_from_ec(struct spki *ret, const uint8_t *params, size_t params_len, const uint8_t *point,
             size_t point_len)
{
    int nid;

    for (size_t i = 0; i < sizeof named / sizeof *named; i++)
        if (params_len == named[i].len && memcmp(params, named[i].params, params_len) == 0)
            return from_raw(ret, named[i].pkey, point, point_len);
    nid = params_len <= POINT_MAX ? curve_nid(params, params_len) : NID_undef;
    return nid == NID_undef ? E_UNSUPPORTED : from_group(ret, nid, point, point_len);
}

int
spki_copy(struct spki *ret, const struct spki *from)
{
    struct spki s = *from;

    s.der = OPENSSL_memdup(from->der, from->len);
    if (!s.der || EVP_PKEY_up_ref(from->pkey) != 1) {
        OPENSSL_free(s.der);
        return E_NOMEM;
    }
    *ret = s;
    return 0;
}

void
spki_clear(struct spki *s)
{
    OPENSSL_free(s->der);
    EVP_PKEY_free(s->pkey);
    *s = (struct spki){0};
}

size_t
spki_size(const struct spki *s)
{
    return ((size_t)s->bits + 7) / 8;
}

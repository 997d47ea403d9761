/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <limits.h>
#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/cms.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "cms/attributes_int.h"
#include "cms/ber.h"
#include "cms/der.h"
#include "cms/ess.h"

#define SEQUENCE (BER_SEQUENCE | BER_CONSTRUCTED)
#define SET (BER_SET | BER_CONSTRUCTED)
/* allOrFirstTier's values (RFC 2634, 2.7). */
#define ALL_RECEIPTS 0
#define FIRST_TIER 1
/* Octets of a fresh signedContentIdentifier. */
#define FRESH_ID 20

/* Receipt (2.8). */
typedef struct {
    int32_t version;
    ASN1_OBJECT *content_type;
    ASN1_OCTET_STRING *id;
    ASN1_OCTET_STRING *signature;
} SN_RECEIPT;
DECLARE_ASN1_FUNCTIONS(SN_RECEIPT)

ASN1_SEQUENCE(SN_RECEIPT) = {
    ASN1_EMBED(SN_RECEIPT, version, INT32),
    ASN1_SIMPLE(SN_RECEIPT, content_type, ASN1_OBJECT),
    ASN1_SIMPLE(SN_RECEIPT, id, ASN1_OCTET_STRING),
    ASN1_SIMPLE(SN_RECEIPT, signature, ASN1_OCTET_STRING),
} ASN1_SEQUENCE_END(SN_RECEIPT)

IMPLEMENT_ASN1_FUNCTIONS(SN_RECEIPT)

#define RECEIPT_VERSION 1

int
cms_receipt_request_id(struct cms_receipt_request *r)
{
    r->id_len = FRESH_ID;
    return RAND_bytes(r->id, FRESH_ID) == 1 ? 0 : E_CRYPTO;
}

static GENERAL_NAMES *
address_names(const char *address)
{
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *text = ASN1_IA5STRING_new();

    if (names != NULL && name != NULL && text != NULL &&
        ASN1_STRING_set(text, address, -1) == 1 && sk_GENERAL_NAME_push(names, name) > 0) {
        GENERAL_NAME_set0_value(name, GEN_EMAIL, text);
        return names;
    }
    ASN1_IA5STRING_free(text);
    GENERAL_NAME_free(name);
    sk_GENERAL_NAME_free(names);
    return NULL;
}

static void
free_people(STACK_OF(GENERAL_NAMES) *people)
{
    sk_GENERAL_NAMES_pop_free(people, GENERAL_NAMES_free);
}

/* A GeneralNames for each address. */
static STACK_OF(GENERAL_NAMES) *
people_of(const char addresses[][CMS_RECEIPT_ADDRESS_MAX + 1], size_t count)
{
    STACK_OF(GENERAL_NAMES) *people = sk_GENERAL_NAMES_new_null();

    for (size_t i = 0; people != NULL && i < count; i++) {
        GENERAL_NAMES *one = address_names(addresses[i]);

        if (one == NULL || sk_GENERAL_NAMES_push(people, one) <= 0) {
            GENERAL_NAMES_free(one);
            free_people(people);
            return NULL;
        }
    }
    return people;
}

/* libcrypto's request takes the id and both stacks over when it is made. */
static CMS_ReceiptRequest *
make_request(const struct cms_receipt_request *r)
{
    STACK_OF(GENERAL_NAMES) *listed = NULL, *to = people_of(r->to, r->to_count);
    CMS_ReceiptRequest *request = NULL;
    uint8_t *id = OPENSSL_memdup(r->id, r->id_len);
    bool all = r->from == CMS_RECEIPTS_ALL;

    if (r->from == CMS_RECEIPTS_LISTED)
        listed = people_of(r->listed, r->listed_count);
    if (id != NULL && to != NULL && (listed != NULL || r->from != CMS_RECEIPTS_LISTED))
        request = CMS_ReceiptRequest_create0(id, (int)r->id_len, all ? ALL_RECEIPTS : FIRST_TIER,
                                             listed, to);
    if (request == NULL) {
        free_people(listed);
        free_people(to);
        OPENSSL_free(id);
    }
    return request;
}

int
cms_receipt_request_put(struct buf *out, const struct cms_receipt_request *r)
{
    CMS_ReceiptRequest *request;
    uint8_t *der = NULL;
    int len, rc;

    if (r->id_len == 0 || r->to_count == 0 ||
        (r->from == CMS_RECEIPTS_LISTED && r->listed_count == 0))
        return E_USAGE;
    request = make_request(r);
    len = request == NULL ? 0 : i2d_CMS_ReceiptRequest(request, &der);
    rc = len <= 0 ? E_NOMEM : buf_put(out, der, (size_t)len);
    OPENSSL_free(der);
    CMS_ReceiptRequest_free(request);
    ERR_clear_error();
    return rc;
}

static int
take_address(const GENERAL_NAME *name, char ret[][CMS_RECEIPT_ADDRESS_MAX + 1], size_t *count)
{
    const ASN1_IA5STRING *text;
    int type;

    text = GENERAL_NAME_get0_value(name, &type);
    if (type != GEN_EMAIL)
        return 0;
    if (*count == CMS_RECEIPT_ADDRESSES_MAX || ASN1_STRING_length(text) > CMS_RECEIPT_ADDRESS_MAX)
        return E_LIMIT;
    if (memchr(ASN1_STRING_get0_data(text), 0, (size_t)ASN1_STRING_length(text)) != NULL)
        return E_MALFORMED;
    memcpy(ret[*count], ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text));
    ret[(*count)++][ASN1_STRING_length(text)] = '\0';
    return 0;
}

static int
take_people(const STACK_OF(GENERAL_NAMES) *people, char ret[][CMS_RECEIPT_ADDRESS_MAX + 1],
            size_t *count)
{
    for (int i = 0; i < sk_GENERAL_NAMES_num(people); i++) {
        const GENERAL_NAMES *one = sk_GENERAL_NAMES_value(people, i);

        for (int j = 0; j < sk_GENERAL_NAME_num(one); j++) {
            int rc = take_address(sk_GENERAL_NAME_value(one, j), ret, count);

            if (rc != 0)
                return rc;
        }
    }
    return 0;
}

static int
take_request(CMS_ReceiptRequest *request, struct cms_receipt_request *ret)
{
    STACK_OF(GENERAL_NAMES) *listed = NULL, *to = NULL;
    ASN1_STRING *id = NULL;
    int who = -1, rc;

    CMS_ReceiptRequest_get0_values(request, &id, &who, &listed, &to);
    if (id == NULL || ASN1_STRING_length(id) == 0 ||
        ASN1_STRING_length(id) > CMS_RECEIPT_ID_MAX)
        return E_MALFORMED;
    ret->id_len = (size_t)ASN1_STRING_length(id);
    memcpy(ret->id, ASN1_STRING_get0_data(id), ret->id_len);
    if (listed == NULL && who != ALL_RECEIPTS && who != FIRST_TIER)
        return E_MALFORMED;
    ret->from = listed != NULL ? CMS_RECEIPTS_LISTED
                : who == ALL_RECEIPTS ? CMS_RECEIPTS_ALL
                                      : CMS_RECEIPTS_FIRST_TIER;
    rc = take_people(listed, ret->listed, &ret->listed_count);
    return rc != 0 ? rc : take_people(to, ret->to, &ret->to_count);
}

/* libcrypto reads whole elements; the attribute's value came without its header. */
static int
put_sequence(struct buf *out, uint8_t id, const struct part *contents)
{
    return id != SEQUENCE ? E_MALFORMED : der_put(out, SEQUENCE, contents->data, contents->len);
}

int
cms_receipt_request_read(const struct cms_signature *s, struct cms_receipt_request *ret)
{
    autofree_buf struct buf *der = buf_new();
    CMS_ReceiptRequest *request;
    const uint8_t *at;
    struct part value;
    uint8_t id;
    int rc = attributes_find(s, CMS_OID_RECEIPT_REQUEST, &id, &value);

    if (rc != 1)
        return rc;
    memset(ret, 0, sizeof *ret);
    rc = der == NULL ? E_NOMEM : put_sequence(der, id, &value);
    if (rc != 0)
        return rc;
    at = buf_data(der);
    request = d2i_CMS_ReceiptRequest(NULL, &at, (long)buf_len(der));
    rc = request == NULL || at != buf_data(der) + buf_len(der) ? E_MALFORMED
                                                               : take_request(request, ret);
    CMS_ReceiptRequest_free(request);
    ERR_clear_error();
    return rc == 0 ? 1 : rc;
}

/* One Attribute as it was signed: its type and the SET of its values. */
static int
put_attribute(struct buf *out, const struct cms_attribute *a)
{
    autofree_buf struct buf *inside = buf_new();
    ASN1_OBJECT *type = OBJ_txt2obj(a->oid, 1);
    int rc = inside == NULL ? E_NOMEM : type == NULL ? E_MALFORMED : 0;

    if (rc == 0)
        rc = der_put(inside, BER_OID, OBJ_get0_data(type), OBJ_length(type));
    if (rc == 0)
        rc = buf_put(inside, a->der, a->len);
    if (rc == 0)
        rc = der_put(out, SEQUENCE, buf_data(inside), buf_len(inside));
    ASN1_OBJECT_free(type);
    return rc;
}

/* The digest that was signed: of the signed attributes' DER (RFC 5652, 5.4), by the
 * signer's digest algorithm. */
static int
attributes_digest(const struct cms_signature *s, uint8_t ret[EVP_MAX_MD_SIZE], unsigned *ret_len)
{
    autofree_buf struct buf *list = buf_new(), *set = buf_new();
    int rc = list == NULL || set == NULL ? E_NOMEM : 0;
    EVP_MD *md;

    if (s->digest == NULL || !s->has_attributes)
        return E_USAGE;
    for (size_t i = 0; rc == 0 && i < s->attribute_count; i++)
        if (s->attributes[i].is_signed)
            rc = put_attribute(list, &s->attributes[i]);
    if (rc == 0)
        rc = der_put_set(set, SET, list);
    if (rc != 0)
        return rc;
    md = EVP_MD_fetch(NULL, s->digest->ossl, NULL);
    rc = md != NULL && EVP_Digest(buf_data(set), buf_len(set), ret, ret_len, md, NULL) == 1
             ? 0
             : E_CRYPTO;
    EVP_MD_free(md);
    return rc;
}

int
cms_receipt_put_digest(struct buf *out, const struct cms_signature *original)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    int rc = attributes_digest(original, digest, &len);

    return rc != 0 ? rc : der_put(out, BER_OCTET_STRING, digest, len);
}

int
cms_receipt_put(struct buf *out, const struct cms_signature *original, const char *content_oid)
{
    struct cms_receipt_request request;
    SN_RECEIPT *receipt;
    uint8_t *der = NULL;
    int len = 0, rc = cms_receipt_request_read(original, &request);

    if (rc != 1)
        return rc == 0 ? E_USAGE : rc;
    receipt = SN_RECEIPT_new();
    if (receipt == NULL)
        return E_NOMEM;
    receipt->version = RECEIPT_VERSION;
    ASN1_OBJECT_free(receipt->content_type);
    receipt->content_type = OBJ_txt2obj(content_oid, 1);
    if (receipt->content_type != NULL &&
        ASN1_OCTET_STRING_set(receipt->id, request.id, (int)request.id_len) == 1 &&
        ASN1_OCTET_STRING_set(receipt->signature, original->value,
                              (int)original->value_len) == 1)
        len = i2d_SN_RECEIPT(receipt, &der);
    rc = len <= 0 ? E_NOMEM : buf_put(out, der, (size_t)len);
    OPENSSL_free(der);
    SN_RECEIPT_free(receipt);
    ERR_clear_error();
    return rc;
}

static int
malformed(struct err *err, const char *what)
{
    return err_set(err, E_MALFORMED, "receipt: %s malformed", what);
}

static bool
same_octets(const ASN1_OCTET_STRING *a, const uint8_t *data, size_t len)
{
    return (size_t)ASN1_STRING_length(a) == len && memcmp(ASN1_STRING_get0_data(a), data,
                                                          len) == 0;
}

/* The signature that the receipt repeats. */
static const struct cms_signature *
find_original(const SN_RECEIPT *receipt, const struct cms_signed *original, size_t *ret_index)
{
    for (size_t i = 0; i < original->count; i++) {
        const struct cms_signature *s = &original->signatures[i];

        if (same_octets(receipt->signature, s->value, s->value_len)) {
            *ret_index = i;
            return s;
        }
    }
    return NULL;
}

/* msgSigDigest, that the receipt's signer signed. */
static int
compare_digest(const struct cms_signature *receipt, const struct cms_signature *original,
               struct err *err)
{
    uint8_t digest[EVP_MAX_MD_SIZE], id;
    struct part value;
    unsigned len = 0;
    int rc = attributes_find(receipt, CMS_OID_RECEIPT_DIGEST, &id, &value);

    if (rc != 1 || id != BER_OCTET_STRING)
        return malformed(err, "its msgSigDigest is missing or");
    rc = attributes_digest(original, digest, &len);
    if (rc != 0)
        return err_set(err, rc, "receipt: the message's signature cannot be compared with it");
    if (value.len == len && CRYPTO_memcmp(value.data, digest, len) == 0)
        return 1;
    err_set(err, E_ALTERED, "receipt: what its signer saw signed is not what was signed in this "
            "message");
    return 0;
}

static int
compare(const SN_RECEIPT *r, const struct cms_signature *receipt,
        const struct cms_signed *original, size_t *ret_index, struct err *err)
{
    const struct cms_signature *s = find_original(r, original, ret_index);
    struct cms_receipt_request request;
    char type[CMS_OID_MAX] = "";

    if (s == NULL)
        return err_set(err, E_ALTERED, "receipt: it is for another message"), 0;
    OBJ_obj2txt(type, sizeof type, r->content_type, 1);
    if (strcmp(type, original->content_oid) != 0)
        return err_set(err, E_ALTERED, "receipt: it is for content of another type"), 0;
    if (cms_receipt_request_read(s, &request) != 1)
        return err_set(err, E_ALTERED, "receipt: the message did not ask for one"), 0;
    if (!same_octets(r->id, request.id, request.id_len))
        return err_set(err, E_ALTERED, "receipt: its identifier is not the one that the message "
                       "asked for"), 0;
    return compare_digest(receipt, s, err);
}

int
cms_receipt_matches(const struct cms_signature *receipt, const uint8_t *content, size_t len,
                    const struct cms_signed *original, size_t *ret_index, struct err *err)
{
    const uint8_t *at = content;
    SN_RECEIPT *r = len > LONG_MAX ? NULL : d2i_SN_RECEIPT(NULL, &at, (long)len);
    int rc;

    if (r == NULL || at != content + len || r->version != RECEIPT_VERSION)
        rc = malformed(err, "its content is");
    else
        rc = compare(r, receipt, original, ret_index, err);
    SN_RECEIPT_free(r);
    ERR_clear_error();
    return rc;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Damaged, forged and hostile messages: an error or a bad verdict, never a crash. */
#include "tests/cms/kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cms/asn1.h"
#include "cms/attr.h"
#include "cms/ber.h"
#include "cms/der.h"

static const char text[] = "Pay 100 to Alice.\r\n";
#define TEXT_LEN (sizeof text - 1)

/* Messages to damage; index by _i. */
static const struct {
    const char *scheme;
    bool detached, known_size, no_attributes, ski;
} makes[] = {
    { "ecdsa-sha256", false, false, false, false },
    { "ed25519", false, true, false, false },
    { "ed25519", true, false, false, true },
    { "ecdsa-sha384", false, false, true, false },
    { "rsa-pss-sha256", false, true, false, false },
    { "rsa-pkcs1-sha256", true, false, true, false },
};
#define MAKES ((int)(sizeof makes / sizeof *makes))

static struct buf *
make(int i)
{
    struct cms_signer signer = person_signer(person_of(makes[i].scheme));
    struct cms_sign_options options = {
        .signers = &signer, .count = 1, .detached = makes[i].detached,
        .content_size = makes[i].known_size ? (int64_t)TEXT_LEN : -1,
        .no_attributes = makes[i].no_attributes,
    };

    signer.ski = makes[i].ski;
    return sign_content(&options, text, TEXT_LEN, 5);
}

static struct reading
judge(int i, const void *data, size_t len)
{
    return read_message(data, len, len / 2, makes[i].detached ? text : NULL, TEXT_LEN);
}

/* A verdict of intact must be over exactly what was signed, by whom it was signed. */
static void
assert_never_fooled(int i, const struct reading *r, size_t place)
{
    if (r->rc != 0) {
        ck_assert_msg(r->err.text[0] != '\0', "no sentence at byte %zu", place);
        return;
    }
    for (size_t s = 0; s < r->result->count; s++) {
        if (r->result->signatures[s].state != CMS_INTACT)
            continue;
        /* without attributes nothing but its key binds the certificate */
        if (!makes[i].no_attributes)
            ck_assert_int_eq(X509_cmp(r->result->signatures[s].cert,
                                      person_of(makes[i].scheme)->cert), 0);
        ck_assert_int_eq(EVP_PKEY_eq(X509_get0_pubkey(r->result->signatures[s].cert),
                                     person_of(makes[i].scheme)->key), 1);
        if (makes[i].detached)
            continue;
        ck_assert_msg(buf_len(r->content) == TEXT_LEN &&
                      memcmp(buf_data(r->content), text, TEXT_LEN) == 0,
                      "altered content is intact, byte %zu", place);
    }
}

START_TEST(no_changed_byte_fools)
{
    static const uint8_t values[] = { 0x00, 0x01, 0x30, 0x7f, 0x80, 0x84, 0xff };
    struct buf *message = make(_i);
    uint8_t *data = buf_mutable(message);

    for (size_t at = 0; at < buf_len(message); at++) {
        uint8_t old = data[at];

        for (size_t v = 0; v < sizeof values + 8; v++) {
            struct reading r;

            data[at] = v < 8 ? old ^ (uint8_t)(1u << v) : values[v - 8];
            if (data[at] == old)
                continue;
            r = judge(_i, data, buf_len(message));
            assert_never_fooled(_i, &r, at);
            reading_clear(&r);
        }
        data[at] = old;
    }
    buf_free(&message);
}
END_TEST

START_TEST(a_flipped_bit_of_content_or_signature_is_bad)
{
    struct buf *message = make(_i);
    uint8_t *data = buf_mutable(message);
    size_t len = buf_len(message);
    uint8_t *content = makes[_i].detached ? NULL : memmem(data, len, text, 4);
    struct reading r;

    if (content != NULL) {
        content[1] ^= 1;
        r = judge(_i, data, len);
        ck_assert_int_eq(r.rc, 0);
        ck_assert_int_eq(r.result->signatures[0].state,
                         makes[_i].no_attributes ? CMS_BAD_SIGNATURE : CMS_ALTERED);
        reading_clear(&r);
        content[1] ^= 1;
    }
    /* the signature is the last thing in the message but for ends */
    while (len > 0 && data[len - 1] == 0)
        len--;
    data[len - 2] ^= 4;
    r = judge(_i, data, buf_len(message));
    ck_assert_int_eq(r.rc, 0);
    ck_assert_int_eq(r.result->signatures[0].state, CMS_BAD_SIGNATURE);
    ck_assert_str_eq(r.result->signatures[0].problems[0], "bad-signature");
    reading_clear(&r);
    buf_free(&message);
}
END_TEST

START_TEST(truncation_is_told_with_its_place)
{
    struct buf *message = make(_i);
    char place[32];

    for (size_t len = 0; len < buf_len(message); len++) {
        struct reading r = judge(_i, buf_data(message), len);

        ck_assert_msg(r.rc == E_TRUNCATED, "cut at %zu: %s", len, err_text(&r.err));
        snprintf(place, sizeof place, "offset %zu,", len);
        if (len > 0)
            ck_assert_msg(strstr(r.err.text, place) != NULL, "%s", r.err.text);
        reading_clear(&r);
    }
    buf_free(&message);
}
END_TEST

START_TEST(bytes_behind_are_refused)
{
    static const char *const tails[] = { "x", "\n", "\r\n", "\0", "\0\0\n" };
    static const size_t lens[] = { 1, 1, 2, 1, 3 };

    for (size_t i = 0; i < 5; i++) {
        struct buf *m = make(_i);
        struct cms_reader_options padding = { .allow_padding = true };
        struct reading r;

        ck_assert_int_eq(buf_put(m, tails[i], lens[i]), 0);
        r = judge(_i, buf_data(m), buf_len(m));
        ck_assert_int_eq(r.rc, E_MALFORMED);
        ck_assert_ptr_nonnull(strstr(r.err.text, "other bytes follow"));
        reading_clear(&r);
        r = read_with(buf_data(m), buf_len(m), 0, NULL, NULL, &padding);
        ck_assert_int_eq(r.rc, i == 0 ? E_MALFORMED : 0);
        reading_clear(&r);
        buf_free(&m);
    }
}
END_TEST

/* Builds SignedData of given raw parts. */
static struct buf *
wrap(const struct buf *digests, const struct buf *encap, const struct buf *certs,
     const struct buf *signers)
{
    struct buf *fields = buf_new(), *data = buf_new(), *info = buf_new(), *out = buf_new();
    static const uint8_t type[] = { 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2 };

    ck_assert_int_eq(buf_put(fields, "\x02\x01\x01", 3), 0);
    ck_assert_int_eq(der_put(fields, 0x31, buf_data(digests), buf_len(digests)), 0);
    ck_assert_int_eq(der_put(fields, 0x30, buf_data(encap), buf_len(encap)), 0);
    if (buf_len(certs) > 0)
        ck_assert_int_eq(der_put(fields, 0xa0, buf_data(certs), buf_len(certs)), 0);
    ck_assert_int_eq(der_put(fields, 0x31, buf_data(signers), buf_len(signers)), 0);
    ck_assert_int_eq(der_put(data, 0x30, buf_data(fields), buf_len(fields)), 0);
    ck_assert_int_eq(buf_put(info, type, sizeof type), 0);
    ck_assert_int_eq(der_put(info, 0xa0, buf_data(data), buf_len(data)), 0);
    ck_assert_int_eq(der_put(out, 0x30, buf_data(info), buf_len(info)), 0);
    buf_free(&fields);
    buf_free(&data);
    buf_free(&info);
    return out;
}

/* encapContentInfo of id-data without content. */
static struct buf *
no_content(void)
{
    static const uint8_t oid[] = { 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1 };
    struct buf *b = buf_new();

    ck_assert_int_eq(buf_put(b, oid, sizeof oid), 0);
    return b;
}

/* count copies of one element in a place: "digests", "certs", "signers". */
static struct reading
read_many(const char *place, const struct buf *element, size_t count)
{
    struct buf *many = buf_new(), *none = buf_new(), *encap = no_content(), *m;
    struct reading r;

    for (size_t i = 0; i < count; i++)
        ck_assert_int_eq(buf_put(many, buf_data(element), buf_len(element)), 0);
    m = wrap(*place == 'd' ? many : none, encap, *place == 'c' ? many : none,
             *place == 's' ? many : none);
    r = read_message(buf_data(m), buf_len(m), 1000, NULL, 0);
    buf_free(&m);
    buf_free(&many);
    buf_free(&none);
    buf_free(&encap);
    return r;
}

/* The DER of the SignerInfo of make(i), opaque. */
static struct buf *
signer_info(int i)
{
    struct buf *message = make(i), *b = buf_new();
    const uint8_t *at = buf_data(message);
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &at, (long)buf_len(message));
    const uint8_t *data = buf_data(message);

    /* certificates are before it; it is the last SEQUENCE that reaches the end */
    ck_assert_ptr_nonnull(cms);
    for (size_t p = buf_len(message) - 2; p > 0; p--) {
        struct ber_header h;

        if (data[p] != 0x31 || ber_read_header(data + p, buf_len(message) - p, &h) != 1 ||
            h.length < 0 || p + h.size + (size_t)h.length + 6 != buf_len(message))
            continue;
        ck_assert_int_eq(buf_put(b, data + p + h.size, (size_t)h.length), 0);
        break;
    }
    ck_assert_uint_gt(buf_len(b), 100);
    CMS_ContentInfo_free(cms);
    buf_free(&message);
    return b;
}

START_TEST(too_many_of_anything)
{
    struct buf *digest = buf_new(), *attribute_cert = buf_new(), *signer = signer_info(0);
    const struct {
        const char *place;
        struct buf *element;
        size_t max;
        const char *says;
    } cases[] = {
        { "digests", digest, CMS_MAX_DIGESTS, "digest algorithms" },
        { "certs", attribute_cert, CMS_MAX_CERTS, "certificates" },
        { "signers", signer, CMS_MAX_SIGNERS, "signers" },
    };

    ck_assert_int_eq(buf_put(digest, "\x30\x04\x06\x02\x2a\x03", 6), 0);
    ck_assert_int_eq(buf_put(attribute_cert, "\xa1\x00", 2), 0);
    for (size_t i = 0; i < 3; i++) {
        struct reading r = read_many(cases[i].place, cases[i].element, cases[i].max);

        ck_assert_msg(r.rc == 0, "%s: %s", cases[i].place, err_text(&r.err));
        reading_clear(&r);
        r = read_many(cases[i].place, cases[i].element, cases[i].max + 1);
        ck_assert_int_eq(r.rc, E_LIMIT);
        ck_assert_ptr_nonnull(strstr(r.err.text, cases[i].says));
        ck_assert_ptr_nonnull(strstr(r.err.text, "offset"));
        reading_clear(&r);
        buf_free((struct buf **)(uintptr_t)&cases[i].element);
    }
}
END_TEST

START_TEST(too_big_of_anything)
{
    struct buf *big = buf_new(), *content = buf_new();
    uint8_t *fill;
    struct reading r;
    struct cms_reader_options options = { .max_content = 10 };
    struct buf *message = make(0);

    /* one certificate that is too long */
    ck_assert_int_eq(buf_reserve(content, CMS_MAX_CERT_SIZE, &fill), 0);
    for (size_t i = 0; i < CMS_MAX_CERT_SIZE; i += 2)
        memcpy(fill + i, "\x05\x00", 2);
    ck_assert_int_eq(der_put(big, 0x30, buf_data(content), buf_len(content)), 0);
    r = read_many("certs", big, 1);
    ck_assert_int_eq(r.rc, E_LIMIT);
    ck_assert_ptr_nonnull(strstr(r.err.text, "certificates"));
    reading_clear(&r);
    /* many that are not, but too much together */
    buf_reset(big);
    ck_assert_int_eq(der_put(big, 0xa1, buf_data(content), 200000), 0);
    r = read_many("certs", big, 50);
    ck_assert_int_eq(r.rc, E_LIMIT);
    ck_assert_ptr_nonnull(strstr(r.err.text, "not content"));
    reading_clear(&r);
    /* content over what the caller wants */
    r = read_with(buf_data(message), buf_len(message), 0, NULL, NULL, &options);
    ck_assert_int_eq(r.rc, E_LIMIT);
    reading_clear(&r);
    options = (struct cms_reader_options){ .max_other = 100 };
    r = read_with(buf_data(message), buf_len(message), 0, NULL, NULL, &options);
    ck_assert_int_eq(r.rc, E_LIMIT);
    reading_clear(&r);
    buf_free(&message);
    buf_free(&big);
    buf_free(&content);
}
END_TEST

#define BYTES(string) string, sizeof(string) - 1
/* SignedData in BER up to a place. */
#define TO_VERSION "\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x80\x30\x80"
#define TO_ENCAP TO_VERSION "\x02\x01\x01\x31\x00"
#define TO_CONTENT TO_ENCAP "\x30\x80\x06\x01\x2a\xa0\x80"
#define TO_SIGNERS TO_ENCAP "\x30\x03\x06\x01\x2a"

static const struct {
    const char *name;
    const char *bytes;
    size_t len;
    int rc;
} hostile[] = {
    { "empty", BYTES(""), E_TRUNCATED },
    { "text", BYTES("Hello, world\n"), E_MALFORMED },
    { "length beyond the file", BYTES("\x30\x84\x7f\xff\xff\xff\x06\x09"), E_TRUNCATED },
    { "2^40 within 2^40",
      BYTES("\x30\x86\x01\x00\x00\x00\x00\x00\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"
            "\xa0\x80\x30\x80\x02\x01\x01\x31\x00\x30\x80\x06\x01\x2a\xa0\x80"
            "\x04\x86\x01\x00\x00\x00\x00\x00"), E_MALFORMED },
    { "2^40", BYTES(TO_CONTENT "\x04\x86\x01\x00\x00\x00\x00\x00"), E_TRUNCATED },
    { "2^64", BYTES("\x30\x88\xff\xff\xff\xff\xff\xff\xff\xff"), E_LIMIT },
    { "data, not signed", BYTES("\x30\x0f\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"
                                "\xa0\x02\x04\x00"), E_UNSUPPORTED },
    { "unknown type", BYTES("\x30\x80\x06\x03\x2a\x03\x04\xa0\x80"), E_UNSUPPORTED },
    { "no content", BYTES("\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"),
      E_MALFORMED },
    { "OID without octets", BYTES("\x30\x80\x06\x00"), E_MALFORMED },
    { "version 6", BYTES(TO_VERSION "\x02\x01\x06"), E_UNSUPPORTED },
    { "version of 9 bytes", BYTES(TO_VERSION "\x02\x09\x01\0\0\0\0\0\0\0\0"), E_LIMIT },
    { "digest that is no SEQUENCE", BYTES(TO_VERSION "\x02\x01\x01\x31\x80\x05\x00"),
      E_MALFORMED },
    { "eContent that is no string", BYTES(TO_CONTENT "\x30\x80"), E_MALFORMED },
    { "segment that is no string", BYTES(TO_CONTENT "\x24\x80\x30\x80"), E_MALFORMED },
    { "signerInfos missing", BYTES(TO_SIGNERS "\x00\x00"), E_MALFORMED },
    { "something behind signerInfos", BYTES(TO_SIGNERS "\x31\x00\x05\x00"), E_MALFORMED },
    { "empty SignerInfo", BYTES(TO_SIGNERS "\x31\x02\x30\x00"), E_MALFORMED },
};

START_TEST(hostile_bytes)
{
    for (size_t split = 0; split <= hostile[_i].len; split++) {
        struct reading r = read_message(hostile[_i].bytes, hostile[_i].len, split, NULL, 0);

        ck_assert_msg(r.rc == hostile[_i].rc, "%s: %s", hostile[_i].name, err_text(&r.err));
        ck_assert_msg(r.rc == E_UNSUPPORTED || hostile[_i].len == 0 ||
                      strstr(r.err.text, "offset") != NULL, "%s", r.err.text);
        /* nothing more is taken */
        ck_assert_int_eq(cms_reader_finish(r.reader, NULL), E_USAGE);
        reading_clear(&r);
    }
}
END_TEST

START_TEST(nested_strings_are_bounded)
{
    static const uint8_t head[] = TO_CONTENT;
    size_t deep = 100000, len = sizeof head - 1 + 2 * deep;
    uint8_t *data = malloc(len);
    struct reading r;

    memcpy(data, head, sizeof head - 1);
    for (size_t i = 0; i < deep; i++)
        memcpy(data + sizeof head - 1 + 2 * i, "\x24\x80", 2);
    r = read_message(data, len, 50, NULL, 0);
    ck_assert_int_eq(r.rc, E_LIMIT);
    ck_assert_ptr_nonnull(strstr(r.err.text, "nested deeper"));
    reading_clear(&r);
    free(data);
}
END_TEST

/* Reads make(0)'s message with its SignerInfo changed by `change` and signed anew
 * by the same key when `resign`. */
static enum cms_state
changed(void (*change)(SN_SIGNER_INFO *), bool resign, struct cms_signature *ret)
{
    struct person *p = person_of(makes[0].scheme);
    struct buf *element = signer_info(0), *signer = buf_new(), *digests = buf_new();
    struct buf *encap = no_content(), *certs = buf_new(), *m, *attrs = buf_new();
    const uint8_t *at = buf_data(element);
    SN_SIGNER_INFO *info = d2i_SN_SIGNER_INFO(NULL, &at, (long)buf_len(element));
    uint8_t *der = NULL, hash[32];
    struct cms_signer s = person_signer(p);
    struct buf *sig = buf_new();
    enum cms_state state;
    struct reading r;
    int len;

    change(info);
    if (resign) {
        ck_assert_int_eq(attr_put_signed_der(info->signed_attrs, attrs), 0);
        EVP_Digest(buf_data(attrs), buf_len(attrs), hash, NULL, EVP_sha256(), NULL);
        ck_assert_int_eq(s.sign(s.arg, s.scheme, hash, 32, sig, NULL), 0);
        ASN1_OCTET_STRING_set(info->signature, buf_data(sig), (int)buf_len(sig));
    }
    len = i2d_SN_SIGNER_INFO(info, &der);
    ck_assert_int_eq(buf_put(signer, der, (size_t)len), 0);
    OPENSSL_free(der);
    der = NULL;
    len = i2d_X509(p->cert, &der);
    ck_assert_int_eq(buf_put(certs, der, (size_t)len), 0);
    OPENSSL_free(der);
    m = wrap(digests, encap, certs, signer);
    r = read_message(buf_data(m), buf_len(m), 100, text, TEXT_LEN);
    ck_assert_msg(r.rc == 0, "%s", err_text(&r.err));
    state = r.result->signatures[0].state;
    if (ret != NULL)
        *ret = r.result->signatures[0];
    reading_clear(&r);
    SN_SIGNER_INFO_free(info);
    buf_free(&sig);
    buf_free(&attrs);
    buf_free(&m);
    buf_free(&signer);
    buf_free(&digests);
    buf_free(&encap);
    buf_free(&certs);
    buf_free(&element);
    return state;
}

static void
nothing(SN_SIGNER_INFO *info)
{
    (void)info;
}

static X509_ATTRIBUTE *
attribute(SN_SIGNER_INFO *info, const char *oid)
{
    for (int i = 0; i < sk_X509_ATTRIBUTE_num(info->signed_attrs); i++) {
        X509_ATTRIBUTE *a = sk_X509_ATTRIBUTE_value(info->signed_attrs, i);
        char got[128];

        OBJ_obj2txt(got, sizeof got, X509_ATTRIBUTE_get0_object(a), 1);
        if (strcmp(got, oid) == 0)
            return a;
    }
    ck_abort_msg("no attribute");
}

static void
drop(SN_SIGNER_INFO *info, const char *oid)
{
    X509_ATTRIBUTE_free(sk_X509_ATTRIBUTE_delete_ptr(info->signed_attrs, attribute(info, oid)));
}

static void
twice(SN_SIGNER_INFO *info, const char *oid)
{
    sk_X509_ATTRIBUTE_push(info->signed_attrs, X509_ATTRIBUTE_dup(attribute(info, oid)));
}

static void
must(int rc)
{
    ck_assert_int_eq(rc, 0);
}

#define CHANGE(name, code) static void name(SN_SIGNER_INFO *info) { code; }
CHANGE(no_type, drop(info, ATTR_CONTENT_TYPE))
CHANGE(no_digest, drop(info, ATTR_MESSAGE_DIGEST))
CHANGE(no_time, drop(info, ATTR_SIGNING_TIME))
CHANGE(no_protection, drop(info, ATTR_PROTECTION))
CHANGE(no_ess, drop(info, ATTR_SIGNING_CERT_V2))
CHANGE(two_types, twice(info, ATTR_CONTENT_TYPE))
CHANGE(two_digests, twice(info, ATTR_MESSAGE_DIGEST))
CHANGE(two_times, twice(info, ATTR_SIGNING_TIME))
CHANGE(two_protections, twice(info, ATTR_PROTECTION))
CHANGE(two_values, X509_ATTRIBUTE_set1_data(attribute(info, ATTR_MESSAGE_DIGEST),
                                            V_ASN1_OCTET_STRING, "12345678901234567890123456789012",
                                            32))
CHANGE(other_type, drop(info, ATTR_CONTENT_TYPE);
       must(attr_add_content_type(&info->signed_attrs, OBJ_nid2obj(NID_pkcs7_signed))))
CHANGE(other_digest, must(attr_set_digest(info->signed_attrs, (const uint8_t *)text, 16)))
CHANGE(other_cert, drop(info, ATTR_SIGNING_CERT_V2);
       must(attr_add_signing_cert(&info->signed_attrs, person_of("ed25519")->cert)))
CHANGE(other_digest_alg, X509_ALGOR_set0(info->digest_alg, OBJ_nid2obj(NID_sha512),
                                         V_ASN1_UNDEF, NULL))
CHANGE(other_sig_alg, X509_ALGOR_set0(info->sig_alg, OBJ_nid2obj(NID_ecdsa_with_SHA384),
                                      V_ASN1_UNDEF, NULL))
CHANGE(rsa_sig_alg, drop(info, ATTR_PROTECTION);
       X509_ALGOR_set0(info->sig_alg, OBJ_nid2obj(NID_rsaEncryption), V_ASN1_NULL, NULL))
CHANGE(unknown_sig_alg, X509_ALGOR_set0(info->sig_alg, OBJ_nid2obj(NID_commonName),
                                        V_ASN1_UNDEF, NULL))
CHANGE(unknown_digest_alg, X509_ALGOR_set0(info->digest_alg, OBJ_nid2obj(NID_commonName),
                                           V_ASN1_UNDEF, NULL))
CHANGE(pss_without_parameters, X509_ALGOR_set0(info->sig_alg, OBJ_nid2obj(NID_rsassaPss),
                                               V_ASN1_UNDEF, NULL))
CHANGE(other_serial, ASN1_INTEGER_set(info->sid->d.issuer_serial->serial, 4711))
CHANGE(unsorted, sk_X509_ATTRIBUTE_push(info->signed_attrs,
                                        sk_X509_ATTRIBUTE_shift(info->signed_attrs)))
CHANGE(unknown_attribute, sk_X509_ATTRIBUTE_push(info->signed_attrs,
       X509_ATTRIBUTE_create_by_txt(NULL, "1.2.3.4", MBSTRING_ASC, (const uint8_t *)"x", 1)))
#undef CHANGE

static const struct {
    void (*change)(SN_SIGNER_INFO *);
    bool resign;
    enum cms_state state;
    const char *problem;
} changes[] = {
    { nothing, false, CMS_INTACT, NULL },
    { nothing, true, CMS_INTACT, NULL },
    { no_time, true, CMS_INTACT, NULL },
    { no_protection, true, CMS_INTACT, NULL },
    { no_ess, true, CMS_INTACT, NULL },
    { unknown_attribute, true, CMS_INTACT, NULL },
    { unsorted, false, CMS_INTACT, NULL },
    { no_time, false, CMS_BAD_SIGNATURE, "bad-signature" },
    { unknown_attribute, false, CMS_BAD_SIGNATURE, "bad-signature" },
    { no_type, true, CMS_MALFORMED, "malformed" },
    { no_digest, true, CMS_MALFORMED, "malformed" },
    { two_types, true, CMS_MALFORMED, "malformed" },
    { two_digests, true, CMS_MALFORMED, "malformed" },
    { two_times, true, CMS_MALFORMED, "malformed" },
    { two_protections, true, CMS_MALFORMED, "malformed" },
    { two_values, true, CMS_MALFORMED, "malformed" },
    { other_type, true, CMS_ALTERED, "content-type-mismatch" },
    { other_digest, true, CMS_ALTERED, "content-altered" },
    { other_cert, true, CMS_BAD_SIGNATURE, "signing-certificate-mismatch" },
    { other_digest_alg, true, CMS_BAD_SIGNATURE, "algorithm-protection-mismatch" },
    { other_sig_alg, true, CMS_BAD_SIGNATURE, "algorithm-protection-mismatch" },
    { rsa_sig_alg, true, CMS_BAD_SIGNATURE, "bad-signature" },
    { unknown_sig_alg, true, CMS_UNSUPPORTED, "unsupported" },
    { unknown_digest_alg, true, CMS_UNSUPPORTED, "unsupported" },
    { pss_without_parameters, true, CMS_MALFORMED, "malformed" },
    { other_serial, false, CMS_NO_CERTIFICATE, "no-certificate" },
};

START_TEST(forged_signer_infos)
{
    struct cms_signature s;
    bool found = changes[_i].problem == NULL;

    ck_assert_msg(changed(changes[_i].change, changes[_i].resign, &s) == changes[_i].state,
                  "%s: %s", cms_state_word(s.state), s.reason);
    for (size_t i = 0; s.problems[i] != NULL && !found; i++)
        found = strcmp(s.problems[i], changes[_i].problem) == 0;
    ck_assert_msg(found, "%s is not among the problems", changes[_i].problem);
    ck_assert((s.reason[0] != '\0') == (s.state != CMS_INTACT));
}
END_TEST

/* Signed attributes in another BER than DER verify, as RFC 5652, 5.4 says. */
START_TEST(attributes_in_ber)
{
    struct buf *element = signer_info(0), *ber = buf_new();
    const uint8_t *data = buf_data(element);
    size_t len = buf_len(element), at;
    struct ber_header h, attrs;
    struct buf *none = buf_new(), *encap = no_content(), *m, *signer = buf_new();
    struct person *p = person_of(makes[0].scheme);
    STACK_OF(X509) *certs = sk_X509_new_null();
    struct cms_digests *digests = digests_of(text, TEXT_LEN);
    struct reading r;

    ck_assert_int_eq(ber_read_header(data, len, &h), 1);
    at = h.size;
    for (;;) {
        ck_assert_int_eq(ber_read_header(data + at, len - at, &attrs), 1);
        if (attrs.id == BER_CONTEXT(0))
            break;
        at += attrs.size + (size_t)attrs.length;
    }
    /* [0] of indefinite length, each attribute with a length of four octets */
    ck_assert_int_eq(buf_put(ber, data + h.size, at - h.size), 0);
    ck_assert_int_eq(buf_put(ber, "\xa0\x80", 2), 0);
    at += attrs.size;
    for (size_t end = at + (size_t)attrs.length; at < end;) {
        struct ber_header a;

        ck_assert_int_eq(ber_read_header(data + at, len - at, &a), 1);
        ck_assert_int_eq(buf_put(ber, "\x30\x84\0\0", 4), 0);
        ck_assert_int_eq(buf_put_byte(ber, (uint8_t)(a.length >> 8)), 0);
        ck_assert_int_eq(buf_put_byte(ber, (uint8_t)a.length), 0);
        ck_assert_int_eq(buf_put(ber, data + at + a.size, (size_t)a.length), 0);
        at += a.size + (size_t)a.length;
    }
    ck_assert_int_eq(buf_put(ber, "\0\0", 2), 0);
    ck_assert_int_eq(buf_put(ber, data + at, len - at), 0);
    ck_assert_int_eq(der_put(signer, 0x30, buf_data(ber), buf_len(ber)), 0);
    m = wrap(none, encap, none, signer);
    sk_X509_push(certs, p->cert);
    r = read_with(buf_data(m), buf_len(m), SPLIT_BYTES, digests, certs, NULL);
    ck_assert_msg(r.rc == 0, "%s", err_text(&r.err));
    ck_assert_msg(r.result->signatures[0].state == CMS_INTACT, "%s",
                  r.result->signatures[0].reason);
    ck_assert(r.result->is_ber);
    reading_clear(&r);
    sk_X509_free(certs);
    cms_digests_free(&digests);
    buf_free(&m);
    buf_free(&signer);
    buf_free(&none);
    buf_free(&encap);
    buf_free(&ber);
    buf_free(&element);
}
END_TEST

static int
stop(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    (void)arg, (void)data, (void)len;
    return err_set(err, E_OUTPUT, "disk is full");
}

START_TEST(the_sink_can_stop)
{
    struct buf *m = make(0);
    struct cms_reader_options options = { .content = { .write = stop } };
    struct cms_reader *r = NULL;
    struct err err = { 0 };

    ck_assert_int_eq(cms_reader_new(&r, &options, &err), 0);
    ck_assert_int_eq(cms_reader_update(r, buf_data(m), buf_len(m), &err), E_OUTPUT);
    ck_assert_str_eq(err.text, "disk is full");
    ck_assert_int_eq(cms_reader_finish(r, &err), E_USAGE);
    cms_reader_free(&r);
    cms_reader_free(&r);
    buf_free(&m);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("cms-bad");
    TCase *tc = tcase_create("bad");

    for (size_t i = 0; i < people_count(); i++)
        (void)people(i);
    tcase_set_timeout(tc, 280);
    tcase_add_loop_test(tc, no_changed_byte_fools, 0, MAKES);
    tcase_add_loop_test(tc, a_flipped_bit_of_content_or_signature_is_bad, 0, MAKES);
    tcase_add_loop_test(tc, truncation_is_told_with_its_place, 0, MAKES);
    tcase_add_loop_test(tc, bytes_behind_are_refused, 0, MAKES);
    tcase_add_test(tc, too_many_of_anything);
    tcase_add_test(tc, too_big_of_anything);
    tcase_add_loop_test(tc, hostile_bytes, 0, (int)(sizeof hostile / sizeof *hostile));
    tcase_add_test(tc, nested_strings_are_bounded);
    tcase_add_loop_test(tc, forged_signer_infos, 0, (int)(sizeof changes / sizeof *changes));
    tcase_add_test(tc, attributes_in_ber);
    tcase_add_test(tc, the_sink_can_stop);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}

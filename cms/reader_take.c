/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/reader_take.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>

#include "cms/der.h"

int
take_version(struct cms_reader *r, const char *what, int newest, const uint8_t *der,
             size_t len, struct err *err)
{
    ASN1_INTEGER *version = d2i_ASN1_INTEGER(NULL, &der, (long)len);
    int64_t value = -1;
    bool ok = version != NULL && ASN1_INTEGER_get_int64(&value, version) == 1;
    char name[64];

    ASN1_INTEGER_free(version);
    snprintf(name, sizeof name, "version of %s", what);
    if (!ok || value < 0)
        return reader_malformed(r, name, err);
    r->has_version = value <= INT_MAX;
    r->version = r->has_version ? (int)value : 0;
    if (value > newest)
        return err_set(err, E_UNSUPPORTED, "message: %s %" PRId64 ", before offset %" PRIu64
                       ", is newer than is known", name, value, r->walk.ber.offset);
    return 0;
}

int
take_too_many(const struct cms_reader *r, const char *what, unsigned max, struct err *err)
{
    return err_set(err, E_LIMIT, "message: more than %u %s, at offset %" PRIu64, max, what,
                   r->walk.ber.offset);
}

int
take_algorithm(const struct cms_reader *r, const char *name, const uint8_t *der, size_t len,
               X509_ALGOR **ret, struct err *err)
{
    const uint8_t *end = der + len;
    X509_ALGOR *alg = d2i_X509_ALGOR(NULL, &der, (long)len);

    if (alg == NULL || der != end) {
        X509_ALGOR_free(alg);
        return reader_malformed(r, name, err);
    }
    *ret = alg;
    return 0;
}

int
take_octets(const struct cms_reader *r, const char *name, const uint8_t *der, size_t len,
            uint8_t *out, size_t max, size_t *ret_len, struct err *err)
{
    const uint8_t *end = der + len;
    ASN1_OCTET_STRING *octets = d2i_ASN1_OCTET_STRING(NULL, &der, (long)len);
    int size = octets == NULL || der != end ? 0 : ASN1_STRING_length(octets);
    bool fits = size > 0 && (size_t)size <= max;

    if (fits) {
        memcpy(out, ASN1_STRING_get0_data(octets), (size_t)size);
        *ret_len = (size_t)size;
    }
    ASN1_OCTET_STRING_free(octets);
    return fits ? 0 : reader_malformed(r, name, err);
}

int
take_attributes(const struct cms_reader *r, const uint8_t *data, size_t len, struct buf *der,
                STACK_OF(X509_ATTRIBUTE) **ret, struct err *err)
{
    autofree_buf struct buf *copy = buf_new();
    const uint8_t *at;
    int rc;

    if (copy == NULL || buf_put(copy, data, len) != 0)
        return err_set(err, E_NOMEM, "message: out of memory for attributes");
    buf_mutable(copy)[0] = BER_SET | BER_CONSTRUCTED;
    rc = der_normalize(buf_data(copy), len, der);
    at = buf_data(der);
    if (rc == 0)
        *ret = d2i_SN_ATTRIBUTES(NULL, &at, (long)buf_len(der));
    if (*ret == NULL)
        return rc == E_NOMEM ? err_set(err, rc, "message: out of memory for attributes")
                             : reader_malformed(r, "a set of attributes", err);
    if (sk_X509_ATTRIBUTE_num(*ret) > CMS_MAX_ATTRIBUTES)
        return take_too_many(r, "attributes", CMS_MAX_ATTRIBUTES, err);
    return 0;
}

int
taken_certs_init(struct taken_certs *t)
{
    t->certs = sk_X509_new_null();
    t->crls = sk_X509_CRL_new_null();
    return t->certs == NULL || t->crls == NULL ? E_NOMEM : 0;
}

void
taken_certs_clear(struct taken_certs *t)
{
    sk_X509_pop_free(t->certs, X509_free);
    sk_X509_CRL_pop_free(t->crls, X509_CRL_free);
    *t = (struct taken_certs){ 0 };
}

static bool
is_sequence(const uint8_t *der)
{
    return der[0] == (BER_SEQUENCE | BER_CONSTRUCTED);
}

/* CertificateChoices (10.2.2): all but X.509 certificates have context tags. What
 * libcrypto cannot parse counts as another form: the wanted one may be beside it. */
int
take_cert(const struct cms_reader *r, struct taken_certs *t, const uint8_t *der, size_t len,
          struct err *err)
{
    const uint8_t *end = der + len;
    X509 *cert = NULL;

    if ((size_t)sk_X509_num(t->certs) + t->other_certs >= CMS_MAX_CERTS)
        return take_too_many(r, "certificates", CMS_MAX_CERTS, err);
    if (is_sequence(der))
        cert = d2i_X509(NULL, &der, (long)len);
    if (cert == NULL || der != end) {
        X509_free(cert);
        ERR_clear_error();
        t->other_certs++;
        return 0;
    }
    if (sk_X509_push(t->certs, cert) > 0)
        return 0;
    X509_free(cert);
    return err_set(err, E_NOMEM, "message: out of memory for certificates");
}

/* RevocationInfoChoice (10.2.1). */
int
take_crl(const struct cms_reader *r, struct taken_certs *t, const uint8_t *der, size_t len,
         struct err *err)
{
    const uint8_t *end = der + len;
    X509_CRL *crl = NULL;

    if ((size_t)sk_X509_CRL_num(t->crls) + t->other_crls >= CMS_MAX_CRLS)
        return take_too_many(r, "revocation lists", CMS_MAX_CRLS, err);
    if (is_sequence(der))
        crl = d2i_X509_CRL(NULL, &der, (long)len);
    if (crl == NULL || der != end) {
        X509_CRL_free(crl);
        ERR_clear_error();
        t->other_crls++;
        return 0;
    }
    if (sk_X509_CRL_push(t->crls, crl) > 0)
        return 0;
    X509_CRL_free(crl);
    return err_set(err, E_NOMEM, "message: out of memory for revocation lists");
}

static int
pass_content(void *reader, const uint8_t *data, size_t len, struct err *err)
{
    struct cms_reader *r = reader;

    return r->kind->content(r, data, len, err);
}

/* PKCS #7 has ANY where CMS has an OCTET STRING (RFC 5652, 5.2.1). */
static int
refuse_any(void *reader, const struct walk_rule **ret, struct err *err)
{
    const struct cms_reader *r = reader;

    (void)ret;
    return err_set(err, E_UNSUPPORTED, "message: its content, of the type %s before offset %"
                   PRIu64 ", is not in an OCTET STRING but stands bare, as PKCS #7 had it before "
                   "CMS; such messages are not read", r->content_oid, r->walk.ber.offset);
}

static const struct walk_rule e_content[] = {
    { .name = "content as in PKCS #7", .id = BER_SEQUENCE, .optional = true,
      .action = WALK_ENTER, .choose = refuse_any },
    { .name = "eContent as OCTET STRING", .id = BER_OCTET_STRING, .action = WALK_STRING,
      .begin = reader_content_begin, .bytes = pass_content },
    { 0 },
};

const struct walk_rule take_encap_content_info[] = {
    { .name = "eContentType", .id = BER_OID, .action = WALK_CAPTURE, .max = ATTR_OID_MAX / 2,
      .element = reader_content_type },
    { .name = "eContent [0]", .id = BER_CONTEXT(0), .optional = true, .action = WALK_ENTER,
      .inside = e_content },
    { 0 },
};

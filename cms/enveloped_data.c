/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/enveloped.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/objects.h>

#include "cms/der.h"

/* Longest version, AlgorithmIdentifier, MAC and set of attributes, octets. */
#define VERSION_MAX 8
#define ALGORITHM_MAX 4096
#define MAC_MAX 64
#define ATTRIBUTES_MAX (1024u * 1024)
/* EnvelopedData's versions (RFC 5652, 6.1) go up to this. */
#define NEWEST_VERSION 4

static int
start(struct cms_reader *r, struct err *err)
{
    struct enveloped *e = calloc(1, sizeof *e);

    if (e == NULL)
        return err_set(err, E_NOMEM, "message: out of memory");
    r->enveloped = e;
    e->aad = buf_new();
    e->out = malloc(CRYPT_PIECE + CRYPT_BLOCK);
    e->result.originator_certs = sk_X509_new_null();
    e->result.authenticated = r->type != NID_pkcs7_enveloped;
    e->result.cipher_oid = e->cipher_oid;
    if (e->aad == NULL || e->out == NULL || e->result.originator_certs == NULL)
        return err_set(err, E_NOMEM, "message: out of memory");
    return 0;
}

static void
free_state(struct cms_reader *r)
{
    struct enveloped *e = r->enveloped;

    if (e == NULL)
        return;
    for (size_t i = 0; i < e->info_count; i++)
        SN_RECIPIENT_free(e->infos[i]);
    free(e->infos);
    free(e->recipients);
    secret_free(&e->key);
    crypt_free(&e->crypt);
    if (e->out != NULL)
        wipe(e->out, CRYPT_PIECE + CRYPT_BLOCK);
    free(e->out);
    sk_X509_ATTRIBUTE_pop_free(e->auth, X509_ATTRIBUTE_free);
    sk_X509_ATTRIBUTE_pop_free(e->unauth, X509_ATTRIBUTE_free);
    attr_list_free(e->attributes, e->result.attribute_count);
    sk_X509_pop_free(e->result.originator_certs, X509_free);
    buf_free(&e->aad);
    free(e);
    r->enveloped = NULL;
}

static int
too_many(const struct cms_reader *r, const char *what, unsigned max, struct err *err)
{
    return err_set(err, E_LIMIT, "message: more than %u %s, at offset %" PRIu64, max, what,
                   r->walk.ber.offset);
}

static int
take_version(void *reader, const uint8_t *der, size_t len, struct err *err)
{
    struct cms_reader *r = reader;
    ASN1_INTEGER *version = d2i_ASN1_INTEGER(NULL, &der, (long)len);
    int64_t value = -1;
    bool ok = version != NULL && ASN1_INTEGER_get_int64(&value, version) == 1;

    ASN1_INTEGER_free(version);
    if (!ok || value < 0)
        return reader_malformed(r, "version of EnvelopedData", err);
    if (value > NEWEST_VERSION)
        return err_set(err, E_UNSUPPORTED,
                       "message: EnvelopedData of version %" PRId64 ", newer than is known",
                       value);
    r->has_version = true;
    r->version = (int)value;
    return 0;
}

/* What libcrypto cannot parse is left out: it is needed for static keys alone. */
static int
take_cert(void *reader, const uint8_t *der, size_t len, struct err *err)
{
    struct cms_reader *r = reader;
    STACK_OF(X509) *certs = r->enveloped->result.originator_certs;
    X509 *cert;

    if (sk_X509_num(certs) >= CMS_MAX_CERTS)
        return too_many(r, "certificates", CMS_MAX_CERTS, err);
    cert = d2i_X509(NULL, &der, (long)len);
    ERR_clear_error();
    if (cert == NULL || sk_X509_push(certs, cert) > 0)
        return 0;
    X509_free(cert);
    return err_set(err, E_NOMEM, "message: out of memory for certificates");
}

static int
take_crl(void *reader, const uint8_t *der, size_t len, struct err *err)
{
    struct cms_reader *r = reader;

    (void)der;
    (void)len;
    if (r->enveloped->result.originator_crls == CMS_MAX_CRLS)
        return too_many(r, "revocation lists", CMS_MAX_CRLS, err);
    r->enveloped->result.originator_crls++;
    return 0;
}

/* Room for n more views and one more RecipientInfo. */
static int
grow(struct enveloped *e, size_t n)
{
    size_t room = e->room == 0 ? 8 : e->room;
    void *more;

    while (room < e->result.count + n || room <= e->info_count)
        room *= 2;
    if (room == e->room)
        return 0;
    more = realloc(e->recipients, room * sizeof *e->recipients);
    if (more == NULL)
        return E_NOMEM;
    e->recipients = more;
    e->result.recipients = more;
    more = realloc(e->infos, room * sizeof *e->infos);
    if (more == NULL)
        return E_NOMEM;
    e->infos = more;
    e->room = room;
    return 0;
}

static int
add_recipient(struct cms_reader *r, SN_RECIPIENT *info, struct err *err)
{
    struct enveloped *e = r->enveloped;
    size_t n = recipient_count(info);

    if (n > CMS_MAX_RECIPIENTS - e->result.count || e->info_count == CMS_MAX_RECIPIENTS)
        return too_many(r, "recipients", CMS_MAX_RECIPIENTS, err);
    if (grow(e, n) != 0)
        return err_set(err, E_NOMEM, "message: out of memory for recipients");
    for (size_t i = 0; i < n; i++) {
        struct cms_recipient *view = &e->recipients[e->result.count++];

        recipient_view(info, i, view);
        view->offset = r->walk.ber.offset;
    }
    e->infos[e->info_count++] = info;
    return 0;
}

static int
take_recipient(void *reader, const uint8_t *der, size_t len, struct err *err)
{
    struct cms_reader *r = reader;
    const uint8_t *end = der + len;
    SN_RECIPIENT *info = d2i_SN_RECIPIENT(NULL, &der, (long)len);
    int rc;

    if (info == NULL || der != end) {
        SN_RECIPIENT_free(info);
        return reader_malformed(r, "RecipientInfo", err);
    }
    rc = add_recipient(r, info, err);
    if (rc != 0)
        SN_RECIPIENT_free(info);
    return rc;
}

/* The cipher is known, and so are all recipients: now the key is wanted. */
static int
open_content(struct cms_reader *r, const X509_ALGOR *alg, struct err *err)
{
    struct enveloped *e = r->enveloped;
    struct err why = { 0 };
    int rc = cipher_read(alg, &e->params, &why);

    if (rc == 0) {
        e->result.cipher = e->params.cipher;
        e->result.weak |= e->params.cipher->weak;
    }
    if (r->options.decrypt == NULL)
        return 0;
    if (rc != 0)
        return err_set(err, rc, "message: %s, before offset %" PRIu64, err_text(&why),
                       r->walk.ber.offset);
    if ((e->params.tag_len != 0) != e->result.authenticated)
        return err_set(err, E_MALFORMED, "message: %s does not belong into this kind of message, "
                       "before offset %" PRIu64, e->params.cipher->name, r->walk.ber.offset);
    if (e->params.cipher->weak && !r->options.decrypt->allow_weak)
        return err_set(err, E_WEAK, "message: its content is encrypted with %s, which is weak "
                       "(before offset %" PRIu64 "); weak algorithms must be allowed explicitly",
                       e->params.cipher->name, r->walk.ber.offset);
    return enveloped_open(r, err);
}

static int
take_cipher(void *reader, const uint8_t *der, size_t len, struct err *err)
{
    struct cms_reader *r = reader;
    const uint8_t *end = der + len;
    X509_ALGOR *alg = d2i_X509_ALGOR(NULL, &der, (long)len);
    int rc;

    if (alg == NULL || der != end) {
        X509_ALGOR_free(alg);
        return reader_malformed(r, "contentEncryptionAlgorithm", err);
    }
    algor_oid(alg, r->enveloped->cipher_oid, sizeof r->enveloped->cipher_oid);
    if (r->enveloped->result.count == 0)
        rc = err_set(err, E_MALFORMED, "message: it has no recipients, at offset %" PRIu64,
                     r->walk.ber.offset);
    else
        rc = open_content(r, alg, err);
    X509_ALGOR_free(alg);
    return rc;
}

/* Octets of the string that begins here, when they are known: -1 in segments. */
static int64_t
string_size(const struct ber *b)
{
    const struct ber_frame *f = &b->frames[b->depth - 1];

    return f->constructed ? -1 : (int64_t)(f->end - b->offset);
}

static int
begin_content(void *reader, struct err *err)
{
    struct cms_reader *r = reader;
    struct enveloped *e = r->enveloped;
    int rc = reader_content_begin(reader, err);

    if (rc != 0 || e->key == NULL)
        return rc;
    rc = crypt_new(&e->crypt, &e->params, e->key, false, string_size(&r->walk.ber), NULL, 0, err);
    secret_wipe(e->key);
    return rc == 0 ? 0 : (err_prefix(err, "message"), rc);
}

static int
flush(struct cms_reader *r, struct err *err)
{
    struct enveloped *e = r->enveloped;
    size_t len = e->fill;

    e->fill = 0;
    return len == 0 ? 0 : reader_content(r, e->out, len, err);
}

/* Deciphers into the one buffer, which goes on when it is full. */
static int
take_content(void *reader, const uint8_t *data, size_t len, struct err *err)
{
    struct cms_reader *r = reader;
    struct enveloped *e = r->enveloped;
    int rc = 0;

    e->ciphertext += len;
    if (e->crypt == NULL)
        return 0;
    while (rc == 0 && len > 0) {
        size_t room = CRYPT_PIECE - e->fill, n = len < room ? len : room, got = 0;

        rc = crypt_update(e->crypt, data, n, e->out + e->fill, &got, err);
        if (rc != 0)
            return err_prefix(err, "message, offset %" PRIu64, r->walk.ber.offset), rc;
        e->fill += got;
        data += n;
        len -= n;
        if (e->fill >= CRYPT_PIECE)
            rc = flush(r, err);
    }
    return rc;
}

/* Attributes with a context tag: as DER with the tag of a SET, and parsed. */
static int
take_attributes(struct cms_reader *r, const uint8_t *data, size_t len, struct buf *der,
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
        return too_many(r, "attributes", CMS_MAX_ATTRIBUTES, err);
    return 0;
}

static int
take_auth_attributes(void *reader, const uint8_t *data, size_t len, struct err *err)
{
    struct cms_reader *r = reader;

    return take_attributes(r, data, len, r->enveloped->aad, &r->enveloped->auth, err);
}

static int
take_other_attributes(void *reader, const uint8_t *data, size_t len, struct err *err)
{
    struct cms_reader *r = reader;
    autofree_buf struct buf *der = buf_new();

    if (der == NULL)
        return err_set(err, E_NOMEM, "message: out of memory for attributes");
    return take_attributes(r, data, len, der, &r->enveloped->unauth, err);
}

static int
take_mac(void *reader, const uint8_t *der, size_t len, struct err *err)
{
    struct cms_reader *r = reader;
    ASN1_OCTET_STRING *mac = d2i_ASN1_OCTET_STRING(NULL, &der, (long)len);
    int size = mac == NULL ? 0 : ASN1_STRING_length(mac);

    if (size > 0 && size <= CIPHER_TAG_MAX) {
        r->enveloped->mac_len = (size_t)size;
        memcpy(r->enveloped->mac, ASN1_STRING_get0_data(mac), (size_t)size);
    }
    ASN1_OCTET_STRING_free(mac);
    return r->enveloped->mac_len > 0 ? 0 : reader_malformed(r, "mac", err);
}

/* RFC 5083, 2.1: when contentType is there, it says what the content is. */
static int
check_content_type(struct cms_reader *r, struct err *err)
{
    const ASN1_TYPE *value = NULL;
    int rc = attr_get(r->enveloped->auth, ATTR_CONTENT_TYPE, V_ASN1_OBJECT, &value);

    if (rc == 0 || (rc == 1 && OBJ_cmp(value->value.object, r->content_type) == 0))
        return 0;
    return err_set(err, E_MALFORMED, "message: its contentType attribute, before offset %" PRIu64
                   ", contradicts the content's type", r->walk.ber.offset);
}

/* Padding or tag; nothing is said of which it was. */
static int
finish_content(struct cms_reader *r, struct err *err)
{
    struct enveloped *e = r->enveloped;
    size_t got = 0;
    int rc = crypt_finish_decrypt(e->crypt, buf_data(e->aad), buf_len(e->aad), e->mac, e->mac_len,
                                  e->out + e->fill, &got, err);

    if (rc == E_DECRYPT)
        return err_set(err, rc, "message: the content before offset %" PRIu64 " cannot be "
                       "decrypted: it was altered, or encrypted with another key",
                       r->walk.ber.offset);
    if (rc != 0)
        return err_prefix(err, "message, offset %" PRIu64, r->walk.ber.offset), rc;
    e->fill += got;
    return flush(r, err);
}

static int
finish(struct cms_reader *r, struct err *err)
{
    struct enveloped *e = r->enveloped;
    int rc = 0;

    if (e->crypt != NULL)
        rc = finish_content(r, err);
    else if (r->options.decrypt != NULL)
        rc = err_set(err, E_UNSUPPORTED, "message: its encrypted content is not in it (offset %"
                     PRIu64 ")", r->walk.ber.offset);
    if (rc == 0 && e->auth != NULL)
        rc = check_content_type(r, err);
    if (rc != 0)
        return rc;
    rc = attr_list(e->auth, e->unauth, &e->attributes, &e->result.attribute_count);
    e->result.attributes = e->attributes;
    return rc == 0 ? 0 : reader_malformed(r, "an attribute", err);
}

const struct cms_encrypted *
cms_reader_encrypted(struct cms_reader *r)
{
    return r->enveloped == NULL ? NULL : &r->enveloped->result;
}

/* OriginatorInfo (RFC 5652, 6.1). */
static const struct walk_rule originator_info[] = {
    { .name = "certs [0]", .id = BER_CONTEXT(0), .optional = true, .action = WALK_EACH,
      .max = CMS_MAX_CERT_SIZE, .element = take_cert },
    { .name = "crls [1]", .id = BER_CONTEXT(1), .optional = true, .action = WALK_EACH,
      .max = CMS_MAX_CRL_SIZE, .element = take_crl },
    { 0 },
};

/* EncryptedContentInfo (6.1). */
static const struct walk_rule encrypted_content_info[] = {
    { .name = "contentType", .id = BER_OID, .action = WALK_CAPTURE, .max = ATTR_OID_MAX / 2,
      .element = reader_content_type },
    { .name = "contentEncryptionAlgorithm", .id = BER_SEQUENCE, .action = WALK_CAPTURE,
      .max = ALGORITHM_MAX, .element = take_cipher },
    { .name = "encryptedContent [0]", .id = BER_CONTEXT(0), .optional = true,
      .action = WALK_STRING, .begin = begin_content, .bytes = take_content },
    { 0 },
};

#define VERSION_RULE { .name = "version of EnvelopedData", .id = BER_INTEGER, \
    .action = WALK_CAPTURE, .max = VERSION_MAX, .element = take_version }
#define ORIGINATOR_RULE { .name = "originatorInfo [0]", .id = BER_CONTEXT(0), .optional = true, \
    .action = WALK_ENTER, .inside = originator_info }
#define RECIPIENTS_RULE { .name = "recipientInfos", .id = BER_SET, .action = WALK_EACH, \
    .max = CMS_MAX_RECIPIENT_SIZE, .element = take_recipient }
#define CONTENT_RULE { .name = "encryptedContentInfo", .id = BER_SEQUENCE, \
    .action = WALK_ENTER, .inside = encrypted_content_info }

/* EnvelopedData (6.1). */
static const struct walk_rule enveloped_fields[] = {
    VERSION_RULE, ORIGINATOR_RULE, RECIPIENTS_RULE, CONTENT_RULE,
    { .name = "unprotectedAttrs [1]", .id = BER_CONTEXT(1), .optional = true,
      .action = WALK_CAPTURE, .max = ATTRIBUTES_MAX, .element = take_other_attributes },
    { 0 },
};

/* AuthEnvelopedData (RFC 5083, 2.1). */
static const struct walk_rule auth_enveloped_fields[] = {
    VERSION_RULE, ORIGINATOR_RULE, RECIPIENTS_RULE, CONTENT_RULE,
    { .name = "authAttrs [1]", .id = BER_CONTEXT(1), .optional = true, .action = WALK_CAPTURE,
      .max = ATTRIBUTES_MAX, .element = take_auth_attributes },
    { .name = "mac", .id = BER_OCTET_STRING, .action = WALK_CAPTURE, .max = MAC_MAX,
      .element = take_mac },
    { .name = "unauthAttrs [2]", .id = BER_CONTEXT(2), .optional = true, .action = WALK_CAPTURE,
      .max = ATTRIBUTES_MAX, .element = take_other_attributes },
    { 0 },
};

static const struct walk_rule enveloped_grammar[] = {
    { .name = "EnvelopedData", .id = BER_SEQUENCE, .action = WALK_ENTER,
      .inside = enveloped_fields },
    { 0 },
};

static const struct walk_rule auth_enveloped_grammar[] = {
    { .name = "AuthEnvelopedData", .id = BER_SEQUENCE, .action = WALK_ENTER,
      .inside = auth_enveloped_fields },
    { 0 },
};

const struct content_kind enveloped_data_kind = {
    .not_signed = "encrypted, not signed; decrypt it",
    .nid = NID_pkcs7_enveloped,
    .grammar = enveloped_grammar,
    .start = start,
    .finish = finish,
    .free = free_state,
};

const struct content_kind auth_enveloped_data_kind = {
    .not_signed = "encrypted, not signed; decrypt it",
    .nid = NID_id_smime_ct_authEnvelopedData,
    .grammar = auth_enveloped_grammar,
    .start = start,
    .finish = finish,
    .free = free_state,
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/encrypt.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/rand.h>

#include "cms/attr.h"
#include "cms/ber.h"
#include "cms/crypt.h"
#include "cms/der.h"
#include "cms/recipient.h"
#include "cms/sign.h"

#define SEQUENCE (BER_SEQUENCE | BER_CONSTRUCTED)
#define CONTEXT_0 (BER_CONTEXT(0) | BER_CONSTRUCTED)
#define CONTEXT_1 (BER_CONTEXT(1) | BER_CONSTRUCTED)
#define CONTEXT_2 (BER_CONTEXT(2) | BER_CONSTRUCTED)

/* A segment is one piece of the cipher. NOLINTNEXTLINE(misc-redundant-expression) */
_Static_assert(CMS_SEGMENT_SIZE == CRYPT_PIECE, "segments and pieces differ");

struct cms_encrypt {
    struct sink out;
    int type;                          /* NID of the ContentInfo */
    const struct cms_cipher *cipher;
    int64_t content_size;
    ASN1_OBJECT *content_type;
    struct cipher_params params;
    struct crypt *crypt;
    struct buf *recipients;            /* originatorInfo and recipientInfos, or empty */
    struct buf *aad;                   /* attributes as a SET OF, or empty */
    struct buf *unprotected;           /* others, likewise */
    uint8_t version;
    uint64_t size;                     /* content so far */
    uint8_t *piece;                    /* room for a header, then ciphertext */
    size_t fill;
    bool begun, done;
};

void
cms_encrypt_free(struct cms_encrypt **pe)
{
    struct cms_encrypt *e;

    if (pe == NULL || *pe == NULL)
        return;
    e = *pe;
    crypt_free(&e->crypt);
    buf_free(&e->recipients);
    buf_free(&e->aad);
    buf_free(&e->unprotected);
    ASN1_OBJECT_free(e->content_type);
    free(e->piece);
    free(e);
    *pe = NULL;
}

static bool
is_aead(const struct cms_encrypt *e)
{
    return e->cipher->tag != 0;
}

/* CCM's nonce shrinks as the content grows (RFC 5084, 3.1): its length needs the rest. */
static size_t
nonce_len(const struct cms_cipher *cipher, int64_t size)
{
    size_t len = cipher->iv;

    if (cipher->mode == CMS_MODE_CCM)
        while (len > 7 && size >> 8 * (15 - len) != 0)
            len--;
    return len;
}

static int
put_recipients(struct cms_encrypt *e, const struct cms_encrypt_options *o,
               const struct secret *key, struct err *err)
{
    /* RFC 5652, 6.1; recipients can make it more */
    long version = buf_len(e->recipients) > 0 || buf_len(e->unprotected) > 0 ? 2 : 0;
    int rc = recipients_put(o->to, o->count, key, e->recipients, &version, err);

    e->version = is_aead(e) ? 0 : (uint8_t)version;
    return rc == 0 ? 0 : (err_prefix(err, "encrypting"), rc);
}

static int
put_der(struct buf *out, const void *object, const ASN1_ITEM *item)
{
    uint8_t *der = NULL;
    int len = ASN1_item_i2d(object, &der, item);
    int rc = len <= 0 ? E_NOMEM : buf_put(out, der, (size_t)len);

    OPENSSL_free(der);
    return rc;
}

/* originatorInfo, before the recipients; SETs in DER's order. */
static int
put_originator(struct cms_encrypt *e, const struct cms_encrypt_options *o, struct err *err)
{
    autofree_buf struct buf *certs = buf_new(), *crls = buf_new(), *both = buf_new();
    int rc = certs == NULL || crls == NULL || both == NULL ? E_NOMEM : 0;

    /* sk_*_num(NULL) is -1 */
    for (int i = 0; rc == 0 && i < sk_X509_num(o->originator_certs); i++)
        rc = put_der(certs, sk_X509_value(o->originator_certs, i), ASN1_ITEM_rptr(X509));
    for (int i = 0; rc == 0 && i < sk_X509_CRL_num(o->originator_crls); i++)
        rc = put_der(crls, sk_X509_CRL_value(o->originator_crls, i), ASN1_ITEM_rptr(X509_CRL));
    if (rc == 0 && buf_len(certs) > 0)
        rc = der_put_set(both, CONTEXT_0, certs);
    if (rc == 0 && buf_len(crls) > 0)
        rc = der_put_set(both, CONTEXT_1, crls);
    if (rc == 0 && buf_len(both) > 0)
        rc = der_put(e->recipients, CONTEXT_0, buf_data(both), buf_len(both));
    return rc == 0 ? 0 : err_set_ossl(err, rc, "encrypting: cannot encode what is known of the "
                                      "originator");
}

/* authAttrs, with contentType (RFC 5083, 2.1: there when the content is no id-data). */
static int
put_attributes(struct cms_encrypt *e, const struct cms_encrypt_options *o, struct err *err)
{
    bool typed = OBJ_obj2nid(e->content_type) != NID_pkcs7_data;
    STACK_OF(X509_ATTRIBUTE) *all = NULL;
    const ASN1_TYPE *there;
    int rc = 0;

    if (!is_aead(e))
        return o->attributes == NULL ? 0 : err_set(err, E_USAGE, "encrypting: %s authenticates no "
                                                   "attributes", e->cipher->name);
    if (o->attributes != NULL)
        all = sk_X509_ATTRIBUTE_deep_copy(o->attributes, X509_ATTRIBUTE_dup, X509_ATTRIBUTE_free);
    if (o->attributes != NULL && all == NULL)
        rc = E_NOMEM;
    if (rc == 0 && typed && (all == NULL || attr_get(all, ATTR_CONTENT_TYPE, 0, &there) == 0))
        rc = attr_add_content_type(&all, e->content_type);
    if (rc == 0 && sk_X509_ATTRIBUTE_num(all) > 0)
        rc = attr_put_signed_der(all, e->aad);
    sk_X509_ATTRIBUTE_pop_free(all, X509_ATTRIBUTE_free);
    return rc == 0 ? 0 : err_set_ossl(err, rc, "encrypting: cannot encode the attributes");
}

static int
put_unprotected(struct cms_encrypt *e, const struct cms_encrypt_options *o, struct err *err)
{
    int rc = sk_X509_ATTRIBUTE_num(o->unprotected) <= 0
                 ? 0 : attr_put_signed_der(o->unprotected, e->unprotected);

    if (o->key != NULL && buf_len(e->unprotected) > 0)
        e->version = 2;
    return rc == 0 ? 0 : err_set_ossl(err, rc, "encrypting: cannot encode the attributes");
}

/* EncryptedData (RFC 5652, 8). */
static int
check_key(const struct cms_encrypt_options *o, struct err *err)
{
    if (o->count != 0)
        return err_set(err, E_USAGE, "encrypting: recipients beside a key that both sides have");
    if (o->originator_certs != NULL || o->originator_crls != NULL)
        return err_set(err, E_USAGE, "encrypting: EncryptedData has no place for certificates");
    if (o->cipher->tag != 0)
        return err_set(err, E_USAGE, "encrypting: %s has a tag, for which EncryptedData has no "
                       "place; take one with CBC", o->cipher->name);
    if (secret_len(o->key) != o->cipher->key)
        return err_set(err, E_USAGE, "encrypting: the key has %zu bytes, but %s needs %u",
                       secret_len(o->key), o->cipher->name, o->cipher->key);
    return 0;
}

/* The key given, or a new one. */
static int
take_key(const struct cms_encrypt_options *o, struct secret *key, struct err *err)
{
    if (o->key != NULL)
        return secret_set(key, secret_data_view(o->key), secret_len(o->key));
    if (RAND_priv_bytes(secret_mutable(key), o->cipher->key) != 1)
        return err_set_ossl(err, E_CRYPTO, "encrypting: no random bytes");
    secret_set_len(key, o->cipher->key);
    return 0;
}

static int
check_options(const struct cms_encrypt_options *o, struct err *err)
{
    if (o->cipher == NULL || o->cipher->weak)
        return err_set(err, o->cipher == NULL ? E_USAGE : E_WEAK, "encrypting: %s is not for new "
                       "messages", o->cipher == NULL ? "no cipher" : o->cipher->name);
    if (o->key != NULL)
        return check_key(o, err);
    if (o->count == 0)
        return err_set(err, E_USAGE, "encrypting: nobody to encrypt to");
    if (o->count > CMS_RECIPIENTS_MAX)
        return err_set(err, E_LIMIT, "encrypting: more than %d recipients", CMS_RECIPIENTS_MAX);
    return 0;
}

static int
prepare(struct cms_encrypt *e, const struct cms_encrypt_options *o, struct err *err)
{
    autofree_secret struct secret *key = secret_new(o->cipher->key);
    int rc;

    e->content_type = OBJ_nid2obj(o->content_type == 0 ? NID_pkcs7_data : o->content_type);
    e->recipients = buf_new();
    e->aad = buf_new();
    e->unprotected = buf_new();
    e->piece = malloc(BER_WRITE_MAX + CRYPT_PIECE + CRYPT_BLOCK);
    e->params = (struct cipher_params){ .cipher = o->cipher, .key_len = o->cipher->key,
                                        .iv_len = nonce_len(o->cipher, o->content_size),
                                        .tag_len = o->cipher->tag };
    if (e->content_type == NULL)
        return err_set_ossl(err, E_USAGE, "encrypting: no such content type");
    if (key == NULL || e->recipients == NULL || e->aad == NULL ||
        e->unprotected == NULL || e->piece == NULL)
        return err_set(err, E_NOMEM, "encrypting: out of memory");
    if (RAND_bytes(e->params.iv, (int)e->params.iv_len) != 1)
        return err_set_ossl(err, E_CRYPTO, "encrypting: no random bytes");
    rc = take_key(o, key, err);
    if (rc == 0)
        rc = put_attributes(e, o, err);
    if (rc == 0)
        rc = put_unprotected(e, o, err);
    if (rc == 0)
        rc = put_originator(e, o, err);
    if (rc == 0 && o->key == NULL)
        rc = put_recipients(e, o, key, err);
    if (rc != 0)
        return rc;
    rc = crypt_new(&e->crypt, &e->params, key, true, o->content_size, buf_data(e->aad),
                   buf_len(e->aad), err);
    return rc == 0 ? 0 : (err_prefix(err, "encrypting"), rc);
}

int
cms_encrypt_new(struct cms_encrypt **ret, const struct cms_encrypt_options *options,
                const struct sink *out, struct err *err)
{
    struct cms_encrypt *e;
    int rc = check_options(options, err);

    if (rc != 0)
        return rc;
    e = calloc(1, sizeof *e);
    if (e == NULL)
        return err_set(err, E_NOMEM, "encrypting: out of memory");
    e->out = *out;
    e->cipher = options->cipher;
    e->type = options->key != NULL ? NID_pkcs7_encrypted
              : is_aead(e)         ? NID_id_smime_ct_authEnvelopedData
                                   : NID_pkcs7_enveloped;
    e->content_size = options->content_size;
    rc = prepare(e, options, err);
    if (rc != 0)
        cms_encrypt_free(&e);
    else
        *ret = e;
    return rc;
}

static bool
is_der(const struct cms_encrypt *e)
{
    return e->content_size >= 0;
}

/* Octets of ciphertext; CBC always pads. */
static uint64_t
sealed_size(const struct cms_encrypt *e)
{
    uint64_t size = (uint64_t)e->content_size;

    return !is_der(e) ? 0 : is_aead(e) ? size : (size / CRYPT_BLOCK + 1) * CRYPT_BLOCK;
}

static int
put_header(const struct cms_encrypt *e, struct buf *out, uint8_t id, uint64_t length)
{
    uint8_t header[BER_WRITE_MAX];
    size_t n = ber_write_header(header, id, is_der(e) ? (int64_t)length : -1);

    return buf_put(out, header, n);
}

static int
put_oid(struct buf *out, const ASN1_OBJECT *oid)
{
    return der_put(out, BER_OID, OBJ_get0_data(oid), OBJ_length(oid));
}

static int
put_cipher(const struct cms_encrypt *e, struct buf *out)
{
    X509_ALGOR *alg = X509_ALGOR_new();
    uint8_t *der = NULL;
    int rc = alg == NULL ? E_NOMEM : cipher_write(&e->params, alg), len = 0;

    if (rc == 0) {
        len = i2d_X509_ALGOR(alg, &der);
        rc = len <= 0 ? E_NOMEM : buf_put(out, der, (size_t)len);
    }
    OPENSSL_free(der);
    X509_ALGOR_free(alg);
    return rc;
}

/* A SET OF attributes with a context tag, unless it is empty. */
static int
put_tagged(struct buf *out, uint8_t tag, const struct buf *set)
{
    size_t at = buf_len(out);
    int rc = buf_put(out, buf_data(set), buf_len(set));

    if (rc == 0 && buf_len(set) > 0)
        buf_mutable(out)[at] = tag;
    return rc;
}

/* Behind the content: authAttrs and mac, and what is not protected. */
static int
put_tail(const struct cms_encrypt *e, const uint8_t *tag, struct buf *out)
{
    int rc;

    if (!is_aead(e))
        return put_tagged(out, CONTEXT_1, e->unprotected);
    rc = put_tagged(out, CONTEXT_1, e->aad);
    if (rc == 0)
        rc = der_put(out, BER_OCTET_STRING, tag, e->params.tag_len);
    return rc != 0 ? rc : put_tagged(out, CONTEXT_2, e->unprotected);
}

/* encryptedContentInfo up to where the ciphertext begins. */
static int
put_content_head(const struct cms_encrypt *e, struct buf *out)
{
    autofree_buf struct buf *inner = buf_new();
    uint64_t sealed = sealed_size(e);
    int rc = inner == NULL ? E_NOMEM : put_oid(inner, e->content_type);

    if (rc == 0)
        rc = put_cipher(e, inner);
    if (rc == 0)
        rc = put_header(e, out, SEQUENCE, buf_len(inner) + ber_element_size(sealed));
    if (rc == 0)
        rc = buf_put(out, buf_data(inner), buf_len(inner));
    return rc != 0 ? rc : put_header(e, out, is_der(e) ? BER_CONTEXT(0) : CONTEXT_0, sealed);
}

/* All before the ciphertext; tail: how long what is behind it will be. */
static int
put_head(const struct cms_encrypt *e, uint64_t tail, struct buf *out)
{
    autofree_buf struct buf *inner = buf_new();
    const ASN1_OBJECT *type = OBJ_nid2obj(e->type);
    uint64_t fields, data;
    int rc = inner == NULL ? E_NOMEM : der_put(inner, BER_INTEGER, &e->version, 1);

    if (rc == 0)
        rc = buf_put(inner, buf_data(e->recipients), buf_len(e->recipients));
    if (rc == 0)
        rc = put_content_head(e, inner);
    if (rc != 0)
        return rc;
    fields = buf_len(inner) + sealed_size(e) + tail;
    data = ber_element_size(fields);
    rc = put_header(e, out, SEQUENCE, ber_element_size(OBJ_length(type)) + ber_element_size(data));
    if (rc == 0)
        rc = put_oid(out, type);
    if (rc == 0)
        rc = put_header(e, out, CONTEXT_0, data);
    if (rc == 0)
        rc = put_header(e, out, SEQUENCE, fields);
    return rc != 0 ? rc : buf_put(out, buf_data(inner), buf_len(inner));
}

static int
begin(struct cms_encrypt *e, struct err *err)
{
    static const uint8_t zero[CIPHER_TAG_MAX];
    autofree_buf struct buf *head = buf_new(), *tail = buf_new();
    int rc = head == NULL || tail == NULL ? E_NOMEM : 0;

    if (e->begun)
        return 0;
    e->begun = true;
    if (rc == 0)
        rc = put_tail(e, zero, tail);
    if (rc == 0)
        rc = put_head(e, buf_len(tail), head);
    return rc != 0 ? err_set(err, rc, "encrypting: out of memory")
                   : sink_write(&e->out, buf_data(head), buf_len(head), err);
}

/* The ciphertext there is, in BER with its segment's header directly before it. */
static int
flush(struct cms_encrypt *e, struct err *err)
{
    uint8_t header[BER_WRITE_MAX] = { 0 }, *at = e->piece + BER_WRITE_MAX;
    size_t n = 0, len = e->fill;

    if (len == 0)
        return 0;
    if (!is_der(e))
        n = ber_write_header(header, BER_OCTET_STRING, (int64_t)len);
    memcpy(at - n, header, n);
    e->fill = 0;
    return sink_write(&e->out, at - n, n + len, err);
}

static int
update(struct cms_encrypt *e, const uint8_t *data, size_t len, struct err *err)
{
    int rc;

    e->size += len;
    if (is_der(e) && e->size > (uint64_t)e->content_size)
        return err_set(err, E_USAGE, "encrypting: the content is longer than the %" PRId64
                       " bytes that were announced; it grew while it was read", e->content_size);
    rc = begin(e, err);
    while (rc == 0 && len > 0) {
        size_t room = CRYPT_PIECE - e->fill, n = len < room ? len : room, got = 0;

        rc = crypt_update(e->crypt, data, n, e->piece + BER_WRITE_MAX + e->fill, &got, err);
        if (rc != 0)
            return err_prefix(err, "encrypting"), rc;
        e->fill += got;
        data += n;
        len -= n;
        if (e->fill >= CRYPT_PIECE)
            rc = flush(e, err);
    }
    return rc;
}

int
cms_encrypt_update(struct cms_encrypt *e, const void *data, size_t len, struct err *err)
{
    int rc;

    if (e->done)
        return err_set(err, E_USAGE, "encrypting: content for a message that is done");
    rc = len == 0 ? 0 : update(e, data, len, err);
    e->done = rc != 0;
    return rc;
}

/* The ends of the indefinite lengths: string and encryptedContentInfo before the tail;
 * the type's SEQUENCE, [0] and ContentInfo behind it. */
static int
finish(struct cms_encrypt *e, struct err *err)
{
    static const uint8_t ends[6];
    autofree_buf struct buf *out = buf_new();
    uint8_t tag[CIPHER_TAG_MAX] = { 0 };
    size_t got = 0;
    int rc = begin(e, err);

    if (rc != 0)
        return rc;
    rc = crypt_finish_encrypt(e->crypt, e->piece + BER_WRITE_MAX + e->fill, &got, tag, err);
    if (rc != 0)
        return err_prefix(err, "encrypting"), rc;
    e->fill += got;
    rc = flush(e, err);
    if (rc != 0)
        return rc;
    rc = out == NULL ? E_NOMEM : 0;
    if (rc == 0 && !is_der(e))
        rc = buf_put(out, ends, 4);
    if (rc == 0)
        rc = put_tail(e, tag, out);
    if (rc == 0 && !is_der(e))
        rc = buf_put(out, ends, 6);
    return rc != 0 ? err_set(err, rc, "encrypting: out of memory")
                   : sink_write(&e->out, buf_data(out), buf_len(out), err);
}

static int
write_sink(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    return cms_encrypt_update(arg, data, len, err);
}

struct sink
cms_encrypt_sink(struct cms_encrypt *e)
{
    return (struct sink){ .write = write_sink, .arg = e };
}

int
cms_encrypt_finish(struct cms_encrypt *e, struct err *err)
{
    if (e->done)
        return err_set(err, E_USAGE, "encrypting: the message is done already");
    e->done = true;
    if (is_der(e) && e->size != (uint64_t)e->content_size)
        return err_set(err, E_USAGE, "encrypting: the content has %" PRIu64 " bytes, not the %"
                       PRId64 " that were announced; it shrank while it was read", e->size,
                       e->content_size);
    return finish(e, err);
}

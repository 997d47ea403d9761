/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/enveloped.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/objects.h>

/* Versions of EnvelopedData, which AuthEnvelopedData shares, and EncryptedData go up to
 * these (RFC 5652, 6.1 and 8; RFC 5083, 2.1). */
#define NEWEST_ENVELOPED 4
#define NEWEST_ENCRYPTED 2

static int
start(struct cms_reader *r, struct err *err)
{
    int rc = enveloped_start(r, err);

    if (rc != 0)
        return rc;
    r->enveloped->out = malloc(CRYPT_PIECE + CRYPT_BLOCK);
    r->enveloped->result.authenticated = r->type == NID_id_smime_ct_authEnvelopedData;
    return r->enveloped->out == NULL ? err_set(err, E_NOMEM, "message: out of memory") : 0;
}

static int
enveloped_version(void *reader, const uint8_t *der, size_t len, struct err *err)
{
    return take_version(reader, "EnvelopedData", NEWEST_ENVELOPED, der, len, err);
}

static int
encrypted_version(void *reader, const uint8_t *der, size_t len, struct err *err)
{
    return take_version(reader, "EncryptedData", NEWEST_ENCRYPTED, der, len, err);
}

/* EncryptedData: the key is one that both sides have. */
static int
use_given_key(struct cms_reader *r, struct err *err)
{
    const struct secret *key = r->options.decrypt->content_key;
    struct enveloped *e = r->enveloped;

    if (key == NULL)
        return err_set(err, E_NO_KEY, "message: it is encrypted with a key that both sides must "
                       "have (EncryptedData), and none was given");
    if (secret_len(key) != e->params.key_len)
        return err_set(err, E_DECRYPT, "message: the given key has %zu bytes, but %s, before "
                       "offset %" PRIu64 ", needs %zu", secret_len(key), e->params.cipher->name,
                       r->walk.ber.offset, e->params.key_len);
    e->key = secret_new(secret_len(key));
    if (e->key == NULL || secret_set(e->key, secret_data_view(key), secret_len(key)) != 0)
        return err_set(err, E_NOMEM, "message: out of memory for a key");
    return 0;
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
    e->key_len = e->params.key_len;
    return r->type == NID_pkcs7_encrypted ? use_given_key(r, err) : enveloped_open(r, err);
}

static int
cipher(void *reader, const uint8_t *der, size_t len, struct err *err)
{
    struct cms_reader *r = reader;
    X509_ALGOR *alg = NULL;
    int rc = take_algorithm(r, "contentEncryptionAlgorithm", der, len, &alg, err);

    if (rc != 0)
        return rc;
    algor_oid(alg, r->enveloped->cipher_oid, sizeof r->enveloped->cipher_oid);
    if (r->type != NID_pkcs7_encrypted)
        rc = enveloped_check_recipients(r, err);
    if (rc == 0)
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

static int
mac(void *reader, const uint8_t *der, size_t len, struct err *err)
{
    struct cms_reader *r = reader;

    return take_octets(r, "mac", der, len, r->enveloped->mac, CIPHER_TAG_MAX,
                       &r->enveloped->mac_len, err);
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
        rc = enveloped_check_content_type(r, err);
    return rc != 0 ? rc : enveloped_list_attributes(r, err);
}

/* EncryptedContentInfo (6.1). */
static const struct walk_rule encrypted_content_info[] = {
    { .name = "contentType", .id = BER_OID, .action = WALK_CAPTURE, .max = ATTR_OID_MAX / 2,
      .element = reader_content_type },
    { .name = "contentEncryptionAlgorithm", .id = BER_SEQUENCE, .action = WALK_CAPTURE,
      .max = TAKE_ALGORITHM_MAX, .element = cipher },
    { .name = "encryptedContent [0]", .id = BER_CONTEXT(0), .optional = true,
      .action = WALK_STRING, .begin = begin_content, .bytes = take_content },
    { 0 },
};

#define CONTENT_RULE { .name = "encryptedContentInfo", .id = BER_SEQUENCE, \
    .action = WALK_ENTER, .inside = encrypted_content_info }
#define UNPROTECTED_RULE { .name = "unprotectedAttrs [1]", .id = BER_CONTEXT(1), \
    .optional = true, .action = WALK_CAPTURE, .max = TAKE_ATTRIBUTES_MAX, \
    .element = enveloped_other_attributes }

/* EnvelopedData (6.1). */
static const struct walk_rule enveloped_fields[] = {
    ENVELOPED_RULES("EnvelopedData", enveloped_version), CONTENT_RULE, UNPROTECTED_RULE, { 0 },
};

/* AuthEnvelopedData (RFC 5083, 2.1). */
static const struct walk_rule auth_enveloped_fields[] = {
    ENVELOPED_RULES("AuthEnvelopedData", enveloped_version), CONTENT_RULE,
    { .name = "authAttrs [1]", .id = BER_CONTEXT(1), .optional = true, .action = WALK_CAPTURE,
      .max = TAKE_ATTRIBUTES_MAX, .element = enveloped_auth_attributes },
    { .name = "mac", .id = BER_OCTET_STRING, .action = WALK_CAPTURE, .max = TAKE_MAC_MAX,
      .element = mac },
    { .name = "unauthAttrs [2]", .id = BER_CONTEXT(2), .optional = true, .action = WALK_CAPTURE,
      .max = TAKE_ATTRIBUTES_MAX, .element = enveloped_other_attributes },
    { 0 },
};

/* EncryptedData (RFC 5652, 8). */
static const struct walk_rule encrypted_fields[] = {
    { .name = "version of EncryptedData", .id = BER_INTEGER, .action = WALK_CAPTURE,
      .max = TAKE_VERSION_MAX, .element = encrypted_version },
    CONTENT_RULE, UNPROTECTED_RULE, { 0 },
};

#define GRAMMAR(type, fields) { \
    { .name = type, .id = BER_SEQUENCE, .action = WALK_ENTER, .inside = fields }, { 0 } }
static const struct walk_rule enveloped_grammar[] = GRAMMAR("EnvelopedData", enveloped_fields);
static const struct walk_rule auth_enveloped_grammar[] = GRAMMAR("AuthEnvelopedData",
                                                                 auth_enveloped_fields);
static const struct walk_rule encrypted_grammar[] = GRAMMAR("EncryptedData", encrypted_fields);

#define KIND(type, rules) { \
    .nid = type, .grammar = rules, .start = start, .finish = finish, .free = enveloped_free, \
    .not_signed = "encrypted, not signed; decrypt it" }
const struct content_kind enveloped_data_kind = KIND(NID_pkcs7_enveloped, enveloped_grammar);
const struct content_kind auth_enveloped_data_kind = KIND(NID_id_smime_ct_authEnvelopedData,
                                                          auth_enveloped_grammar);
const struct content_kind encrypted_data_kind = KIND(NID_pkcs7_encrypted, encrypted_grammar);

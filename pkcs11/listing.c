/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pkcs11/listing.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "base/hex.h"
#include "base/text.h"

static const struct { const char *name; CK_FLAGS flag; } flags[] = {
    {"login_required", CKF_LOGIN_REQUIRED},
    {"initialized", CKF_TOKEN_INITIALIZED},
    {"user_pin_initialized", CKF_USER_PIN_INITIALIZED},
    {"pin_locked", CKF_USER_PIN_LOCKED},
    {"pin_final_try", CKF_USER_PIN_FINAL_TRY},
    {"pin_count_low", CKF_USER_PIN_COUNT_LOW},
    {"pin_to_be_changed", CKF_USER_PIN_TO_BE_CHANGED},
    {"so_pin_locked", CKF_SO_PIN_LOCKED},
    {"so_pin_final_try", CKF_SO_PIN_FINAL_TRY},
    {"so_pin_count_low", CKF_SO_PIN_COUNT_LOW},
    {"protected_path", CKF_PROTECTED_AUTHENTICATION_PATH},
    {"write_protected", CKF_WRITE_PROTECTED},
};

static json_t *
json_hex(const void *data, size_t len)
{
    char *text = malloc(2 * len + 1);
    json_t *j = NULL;

    if (text) {
        hex_encode(data, len, text);
        j = json_string(text);
    }
    free(text);
    return j;
}

static json_t *
json_base64(const uint8_t *data, size_t len)
{
    unsigned char *text = malloc((len + 2) / 3 * 4 + 1);
    json_t *j = NULL;

    if (text && len <= INT_MAX / 2) {
        EVP_EncodeBlock(text, data, (int)len);
        j = json_string((char *)text);
    }
    free(text);
    return j;
}

static json_t *
json_safe(const void *text, size_t len)
{
    autofree_buf struct buf *out = buf_new();

    return out && text_put_safe(out, text, len) == 0 ? json_string(buf_cstr(out)) : NULL;
}

static json_t *
json_name(const X509_NAME *name)
{
    BIO *bio = BIO_new(BIO_s_mem());
    json_t *j = NULL;
    char *text;
    long len;

    /* RFC 2253 order and escapes, but UTF-8 as it is; text_put_safe sees to the rest. */
    if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0) {
        len = BIO_get_mem_data(bio, &text);
        j = json_safe(text, (size_t)len);
    }
    BIO_free(bio);
    return j;
}

static json_t *
json_serial(const X509 *x)
{
    BIGNUM *bn = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), NULL);
    char *hex = bn ? BN_bn2hex(bn) : NULL;
    json_t *j;

    for (char *c = hex; c && *c; c++)
        *c = (char)tolower((unsigned char)*c);
    j = hex ? json_string(hex) : NULL;
    OPENSSL_free(hex);
    BN_free(bn);
    return j;
}

static json_t *
json_time(const ASN1_TIME *at)
{
    char text[TEXT_TIME_LEN];
    struct tm tm;

    if (ASN1_TIME_to_tm(at, &tm) != 1)
        return json_null();
    text_time(timegm(&tm), text);
    return json_string(text);
}

static json_t *
json_digest(const X509 *x, const EVP_MD *md)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    return X509_digest(x, md, digest, &len) == 1 ? json_hex(digest, len) : NULL;
}

static json_t *
json_emails(X509 *x)
{
    STACK_OF(OPENSSL_STRING) *list = X509_get1_email(x);
    json_t *j = json_array();

    for (int i = 0; j && i < sk_OPENSSL_STRING_num(list); i++) {
        const char *mail = sk_OPENSSL_STRING_value(list, i);
        json_array_append_new(j, json_safe(mail, strlen(mail)));
    }
    X509_email_free(list);
    return j;
}

json_t *
listing_cert(const struct cert *c)
{
    json_t *j = json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:s?}",
        "der", json_base64(c->der, c->len),
        "subject", json_name(X509_get_subject_name(c->x509)),
        "issuer", json_name(X509_get_issuer_name(c->x509)),
        "serial", json_serial(c->x509),
        "emails", json_emails(c->x509),
        "fingerprint", json_digest(c->x509, EVP_sha256()),
        "sha1", json_digest(c->x509, EVP_sha1()),
        "not_before", json_time(X509_get0_notBefore(c->x509)),
        "not_after", json_time(X509_get0_notAfter(c->x509)),
        "label", c->label ? c->label : "",
        "id", json_hex(c->id, c->id_len),
        "key", c->spki.pkey ? c->spki.name : NULL);

    ERR_clear_error();
    return j;
}

static json_t *
operations(const struct key *k)
{
    json_t *j = json_array();

    if (j && k->sign)
        json_array_append_new(j, json_string("sign"));
    if (j && k->decrypt)
        json_array_append_new(j, json_string("decrypt"));
    if (j && k->derive)
        json_array_append_new(j, json_string("derive"));
    return j;
}

json_t *
listing_key(const struct keyset *ks, const struct key *k, const char *token)
{
    json_t *certs = json_array();

    for (size_t i = 0; certs && i < ks->cert_count; i++)
        if (ks->certs[i].spki.pkey && strcmp(ks->certs[i].spki.name, k->spki.name) == 0)
            json_array_append_new(certs, listing_cert(&ks->certs[i]));
    return json_pack(
        "{s:s, s:s, s:i, s:s?, s:s, s:o, s:s, s:o, s:o, s:o, s:b, s:o}",
        "name", k->spki.name,
        "type", alg_key_name(k->spki.type),
        "bits", (int)k->spki.bits,
        "curve", k->spki.curve[0] ? k->spki.curve : NULL,
        "label", k->label ? k->label : "",
        "id", json_hex(k->id, k->id_len),
        "token", token,
        "spki", json_base64(k->spki.der, k->spki.len),
        "operations", operations(k),
        "private", k->private_state == KEY_PRIVATE_UNKNOWN
                       ? json_null()
                       : json_boolean(k->private_state == KEY_PRIVATE_YES),
        "always_authenticate", k->always_authenticate,
        "certificates", certs);
}

json_t *
listing_token(struct slot *slot)
{
    json_t *f = json_object();
    struct token t;

    slot_token(slot, &t);
    for (size_t i = 0; f && i < sizeof flags / sizeof *flags; i++)
        json_object_set_new(f, flags[i].name, json_boolean(t.flags & flags[i].flag));
    return json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:o, s:b, s:b, s:b, s:i, s:I, s:I}",
                     "slot", (json_int_t)slot_id(slot),
                     "label", t.label,
                     "manufacturer", t.manufacturer,
                     "model", t.model,
                     "serial", t.serial,
                     "module", module_name(slot_module(slot)),
                     "flags", f,
                     "logged_in", t.logged_in,
                     "removable", t.removable,
                     "hardware", t.hardware,
                     "epoch", (int)t.epoch,
                     "pin_min", (json_int_t)t.pin_min,
                     "pin_max", (json_int_t)t.pin_max);
}

static int
add_contents(struct lane *lane, struct slot *slot, json_t *token)
{
    json_t *keys = json_array(), *certs = json_array();
    struct keyset *ks = NULL;
    struct token t;
    struct err err;

    json_object_set(token, "keys", keys);
    json_object_set(token, "certificates", certs);
    slot_token(slot, &t);
    if ((t.flags & CKF_TOKEN_INITIALIZED) || !(t.flags & CKF_LOGIN_REQUIRED)) {
        if (lane_keys(lane, slot, true, &ks, &err) != 0)
            json_object_set_new(token, "error", json_string(err_text(&err)));
        /* The look may have taught us who is logged in. */
        json_object_set_new(token, "logged_in", json_boolean(slot_logged_in(slot)));
    }
    for (size_t i = 0; ks && i < ks->key_count; i++)
        json_array_append_new(keys, listing_key(ks, &ks->keys[i], t.label));
    for (size_t i = 0; ks && i < ks->cert_count; i++)
        json_array_append_new(certs, listing_cert(&ks->certs[i]));
    keyset_unref(&ks);
    json_decref(keys);
    json_decref(certs);
    return keys && certs ? 0 : E_NOMEM;
}

int
listing_all(struct lane *lane, json_t **ret, struct err *err)
{
    struct slot *slots[MODULE_SLOTS_MAX];
    json_t *all = json_array();
    size_t count;
    int rc;

    module_enter(lane_module(lane));
    rc = module_refresh(lane_module(lane), err);
    module_leave(lane_module(lane));
    if (!all)
        rc = err_set(err, E_NOMEM, "out of memory");
    count = rc == 0 ? module_slots(lane_module(lane), slots) : 0;
    for (size_t i = 0; i < count && rc == 0; i++) {
        json_t *token = listing_token(slots[i]);
        if (!token || add_contents(lane, slots[i], token) != 0)
            rc = err_set(err, E_NOMEM, "out of memory");
        json_array_append_new(all, token);
    }
    if (rc != 0) {
        json_decref(all);
        return rc;
    }
    *ret = all;
    return 0;
}

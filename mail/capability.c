/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mail/capability.h"

#include <stdio.h>
#include <string.h>

#include <openssl/objects.h>

#include "base/hex.h"
#include "cms/ber.h"

#define OAEP "1.2.840.113549.1.1.7"
/* RSASSA-OAEP-params: SHA-256, and MGF1 with it (RFC 4055 4.1). */
#define OAEP_SHA256 \
    "302fa00f300d06096086480165030402010500a11c301a06092a864886f70d010108300d0609" \
    "6086480165030402010500"
#define WRAP_AES256 "300b060960864801650304012d"
#define WRAP_AES128 "300b0609608648016503040105"

/* RFC 8551 2.5.2: symmetric first, each group with the best first. */
const char *const capability_own[] = {
    "2.16.840.1.101.3.4.1.46",               /* AES-256-GCM */
    "1.2.840.113549.1.9.16.3.18",            /* ChaCha20-Poly1305 */
    "2.16.840.1.101.3.4.1.6",                /* AES-128-GCM */
    "2.16.840.1.101.3.4.1.42",               /* AES-256-CBC */
    "2.16.840.1.101.3.4.1.2",                /* AES-128-CBC */
    "1.3.132.1.11.1 " WRAP_AES256,           /* ECDH, X9.63 KDF with SHA-256 */
    "1.3.132.1.11.1 " WRAP_AES128,
    "1.2.840.113549.1.9.16.3.19 " WRAP_AES256, /* X25519, HKDF with SHA-256 */
    OAEP " " OAEP_SHA256,
    OAEP " 3000",                            /* with SHA-1 */
    NULL,
};

/* Best first. CCM is left out: it must know the size before. */
static const char *const preference[] = {
    "aes256-gcm", "chacha20-poly1305", "aes192-gcm", "aes128-gcm",
    "aes256-cbc", "aes192-cbc", "aes128-cbc",
};
/* What RFC 8551 2.7 has everybody read. */
#define COMMON_CIPHER "aes128-cbc"

static const uint8_t sha256_oid[] = {0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01};

static uint32_t
bit_of(const struct cms_cipher *c)
{
    for (size_t i = 0; i < 32 && cms_cipher_at(i) != NULL; i++)
        if (cms_cipher_at(i) == c)
            return UINT32_C(1) << i;
    return 0;
}

void
capability_note(struct capabilities *c, const char *oid, const uint8_t *parameters, size_t len)
{
    bool sha256 = len > 0 && memmem(parameters, len, sha256_oid, sizeof sha256_oid) != NULL;

    c->known = true;
    for (size_t i = 0; i < 32 && cms_cipher_at(i) != NULL; i++)
        if (strcmp(cms_cipher_at(i)->oid, oid) == 0)
            c->ciphers |= UINT32_C(1) << i;
    if (strcmp(oid, OAEP) == 0) {
        c->oaep |= !sha256;
        c->oaep_sha256 |= sha256;
    }
}

void
capability_note_text(struct capabilities *c, const char *text)
{
    const char *blank = strchrnul(text, ' ');
    uint8_t parameters[CAPABILITY_TEXT_MAX / 2];
    char oid[CAPABILITY_TEXT_MAX];
    size_t len = 0;

    if ((size_t)(blank - text) >= sizeof oid ||
        (*blank != '\0' && hex_decode(blank + 1, strlen(blank + 1), parameters,
                                      sizeof parameters, &len) != 0))
        return;
    memcpy(oid, text, (size_t)(blank - text));
    oid[blank - text] = '\0';
    capability_note(c, oid, parameters, len);
}

/* The next element's contents, and what follows it. */
static int
cut(const uint8_t **at, const uint8_t *end, uint8_t id, const uint8_t **ret, size_t *ret_len)
{
    struct ber_header h;

    if (ber_read_header(*at, (size_t)(end - *at), &h) != 1 || **at != id || h.length < 0 ||
        (uint64_t)h.length > (uint64_t)(end - *at) - h.size)
        return E_MALFORMED;
    *ret = *at + h.size;
    *ret_len = (size_t)h.length;
    *at = *ret + h.length;
    return 0;
}

static int
note_one(struct capabilities *c, const uint8_t *one, size_t len)
{
    const uint8_t *start = one, *value, *at = one;
    size_t n;
    char oid[CAPABILITY_TEXT_MAX];
    ASN1_OBJECT *object;

    if (cut(&one, start + len, BER_OID, &value, &n) != 0)
        return E_MALFORMED;
    object = d2i_ASN1_OBJECT(NULL, &at, (long)(one - start));
    if (object == NULL)
        return E_MALFORMED;
    OBJ_obj2txt(oid, sizeof oid, object, 1);
    ASN1_OBJECT_free(object);
    capability_note(c, oid, one, (size_t)(start + len - one));
    return 0;
}

int
capability_from_cert(struct capabilities *c, const X509 *cert)
{
    int at = X509_get_ext_by_NID(cert, NID_SMIMECapabilities, -1);
    const ASN1_OCTET_STRING *value;
    const uint8_t *p, *end, *list, *one;
    size_t len, n;
    int rc;

    if (at < 0)
        return 0;
    value = X509_EXTENSION_get_data(X509_get_ext(cert, at));
    p = ASN1_STRING_get0_data(value);
    end = p + ASN1_STRING_length(value);
    rc = cut(&p, end, BER_SEQUENCE | BER_CONSTRUCTED, &list, &len);
    if (rc != 0 || p != end)
        return E_MALFORMED;
    for (p = list; rc == 0 && p < end;) {
        rc = cut(&p, end, BER_SEQUENCE | BER_CONSTRUCTED, &one, &n);
        if (rc == 0)
            rc = note_one(c, one, n);
    }
    return rc;
}

static void
choose_transport(struct capability_choice *c)
{
    c->pkcs1 = !c->can.oaep && !c->can.oaep_sha256;
    c->digest = alg_digest_by_name(c->can.oaep_sha256 ? "sha256" : "sha1");
}

static bool
all_read(const struct capability_choice *list, size_t count, const struct cms_cipher *cipher)
{
    for (size_t i = 0; i < count; i++)
        if (list[i].can.known && !(list[i].can.ciphers & bit_of(cipher)))
            return false;
    return true;
}

/* The first that nothing is known of, or that is known not to read what authenticates. */
static const struct capability_choice *
hindrance(const struct capability_choice *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!list[i].can.known)
            return &list[i];
    for (size_t i = 0; i < count; i++) {
        bool aead = false;

        for (size_t k = 0; cms_cipher_at(k) != NULL; k++)
            aead |= cms_cipher_at(k)->tag > 0 && (list[i].can.ciphers >> k & 1);
        if (!aead)
            return &list[i];
    }
    return NULL;
}

const struct cms_cipher *
capability_choose(struct capability_choice *list, size_t count, const struct cms_cipher *wanted,
                  char *reason, size_t max)
{
    const struct capability_choice *who = hindrance(list, count);
    const struct cms_cipher *found = NULL;
    bool unknown = who != NULL && !who->can.known;

    for (size_t i = 0; i < count; i++)
        choose_transport(&list[i]);
    if (wanted != NULL) {
        snprintf(reason, max, "encrypts with %s, as asked", wanted->name);
        return wanted;
    }
    for (size_t i = 0; found == NULL && i < sizeof preference / sizeof *preference; i++) {
        const struct cms_cipher *c = cms_cipher_by_name(preference[i]);

        if (c != NULL && !(c->tag > 0 && unknown) && all_read(list, count, c))
            found = c;
    }
    if (found == NULL)
        found = cms_cipher_by_name(COMMON_CIPHER);
    if (found->tag > 0)
        snprintf(reason, max, "encrypts with %s: the strongest that all recipients are known to "
                 "read", found->name);
    else if (unknown)
        snprintf(reason, max, "encrypts with %s, which everybody reads: nothing is known of what "
                 "%s can read", found->name, who->name);
    else if (who != NULL)
        snprintf(reason, max, "encrypts with %s: %s is not known to read anything that is "
                 "authenticated", found->name, who->name);
    else
        snprintf(reason, max, "encrypts with %s: the recipients have nothing authenticated in "
                 "common", found->name);
    return found;
}

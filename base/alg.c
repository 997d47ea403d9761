/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/alg.h"

#include <string.h>
#include <strings.h>

#include <openssl/obj_mac.h>

static const struct alg_digest digests[] = {
    {"md5", "MD5", "md5", NID_md5, 16, true},
    {"sha1", "SHA1", "sha-1", NID_sha1, 20, true},
    {"sha224", "SHA2-224", "sha-224", NID_sha224, 28, false},
    {"sha256", "SHA2-256", "sha-256", NID_sha256, 32, false},
    {"sha384", "SHA2-384", "sha-384", NID_sha384, 48, false},
    {"sha512", "SHA2-512", "sha-512", NID_sha512, 64, false},
    {"sha3-256", "SHA3-256", "sha3-256", NID_sha3_256, 32, false},
    {"sha3-384", "SHA3-384", "sha3-384", NID_sha3_384, 48, false},
    {"sha3-512", "SHA3-512", "sha3-512", NID_sha3_512, 64, false},
};
enum { MD5, SHA1, SHA224, SHA256, SHA384, SHA512, SHA3_256, SHA3_384, SHA3_512 };

#define WITH_DIGEST(name, index) \
    {"rsa-pkcs1-" name, ALG_KEY_RSA, ALG_PAD_PKCS1, &digests[index]}, \
    {"rsa-pss-" name, ALG_KEY_RSA, ALG_PAD_PSS, &digests[index]}, \
    {"ecdsa-" name, ALG_KEY_EC, ALG_PAD_NONE, &digests[index]}

static const struct alg_sig sigs[] = {
    WITH_DIGEST("md5", MD5),
    WITH_DIGEST("sha1", SHA1),
    WITH_DIGEST("sha224", SHA224),
    WITH_DIGEST("sha256", SHA256),
    WITH_DIGEST("sha384", SHA384),
    WITH_DIGEST("sha512", SHA512),
    WITH_DIGEST("sha3-256", SHA3_256),
    WITH_DIGEST("sha3-384", SHA3_384),
    WITH_DIGEST("sha3-512", SHA3_512),
    {"ed25519", ALG_KEY_ED25519, ALG_PAD_NONE, NULL},
    {"ed448", ALG_KEY_ED448, ALG_PAD_NONE, NULL},
};

static const char *const key_names[] = {
    [ALG_KEY_NONE] = "none",       [ALG_KEY_RSA] = "rsa",
    [ALG_KEY_EC] = "ec",           [ALG_KEY_ED25519] = "ed25519",
    [ALG_KEY_ED448] = "ed448",     [ALG_KEY_X25519] = "x25519",
    [ALG_KEY_X448] = "x448",       [ALG_KEY_DSA] = "dsa",
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

const struct alg_digest *
alg_digest_at(size_t i)
{
    return i < COUNT(digests) ? &digests[i] : NULL;
}

const struct alg_sig *
alg_sig_at(size_t i)
{
    return i < COUNT(sigs) ? &sigs[i] : NULL;
}

const struct alg_digest *
alg_digest_by_name(const char *name)
{
    for (size_t i = 0; i < COUNT(digests); i++)
        if (strcasecmp(digests[i].name, name) == 0)
            return &digests[i];
    return NULL;
}

static bool
is(const char *word, const char *text, size_t len)
{
    return strlen(word) == len && strncasecmp(word, text, len) == 0;
}

const struct alg_digest *
alg_digest_by_micalg(const char *micalg, size_t len)
{
    for (size_t i = 0; i < COUNT(digests); i++)
        if (is(digests[i].micalg, micalg, len) || is(digests[i].name, micalg, len))
            return &digests[i];
    return NULL;
}

const struct alg_digest *
alg_digest_by_nid(int nid)
{
    for (size_t i = 0; i < COUNT(digests); i++)
        if (digests[i].nid == nid)
            return &digests[i];
    return NULL;
}

const struct alg_sig *
alg_sig_by_name(const char *name)
{
    for (size_t i = 0; i < COUNT(sigs); i++)
        if (strcasecmp(sigs[i].name, name) == 0)
            return &sigs[i];
    return NULL;
}

const struct alg_sig *
alg_sig_find(enum alg_key_type key, enum alg_padding padding, const struct alg_digest *digest)
{
    for (size_t i = 0; i < COUNT(sigs); i++)
        if (sigs[i].key == key && sigs[i].padding == padding && sigs[i].digest == digest)
            return &sigs[i];
    return NULL;
}

const char *
alg_key_name(enum alg_key_type key)
{
    return (size_t)key < COUNT(key_names) ? key_names[key] : key_names[ALG_KEY_NONE];
}

enum alg_key_type
alg_key_by_name(const char *name)
{
    for (size_t i = ALG_KEY_NONE + 1; i < COUNT(key_names); i++)
        if (strcasecmp(key_names[i], name) == 0)
            return (enum alg_key_type)i;
    return ALG_KEY_NONE;
}

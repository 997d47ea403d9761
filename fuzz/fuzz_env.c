/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Encrypted messages over any bytes, with keys for whatever recipients they name: no
 * crash, and the same result however the input is cut. The first byte says how, the
 * second which type of key the named certificate has.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include "cms/cms.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct outcome {
    int rc;
    uint64_t size, sum;
    size_t recipients;
};

static int
sum(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    uint64_t *total = arg;

    (void)err;
    for (size_t i = 0; i < len; i++)
        *total = *total * 31 + data[i];
    return 0;
}

/* Public keys to choose from; made once. */
static EVP_PKEY *
key_of(unsigned which)
{
    static const char *const types[] = { "RSA", "EC", "X25519", "X448" };
    static EVP_PKEY *keys[4];

    which %= 4;
    if (keys[which] == NULL)
        keys[which] = which == 0   ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048)
                      : which == 1 ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256")
                                   : EVP_PKEY_Q_keygen(NULL, NULL, types[which]);
    return keys[which];
}

/* Services that answer everything with the same octets. */
static int
unwrap(void *arg, const struct cms_unwrap *u, struct secret *key, struct err *err)
{
    (void)arg;
    (void)err;
    memset(secret_mutable(key), 'k', u->expected);
    secret_set_len(key, u->expected);
    return 0;
}

static int
agree(void *arg, const uint8_t *point, size_t len, struct secret *z, struct err *err)
{
    (void)arg;
    (void)err;
    return secret_set(z, point, len < 32 ? len : 32);
}

struct finder {
    X509 *cert;
    unsigned which;
};

/* A certificate that is the first recipient's. */
static int
find(void *arg, const struct cms_recipient *recipients, size_t count, struct cms_opener *ret,
     struct err *err)
{
    struct finder *f = arg;

    (void)err;
    for (size_t i = 0; i < count; i++) {
        if (recipients[i].issuer == NULL && recipients[i].ski == NULL)
            continue;
        f->cert = X509_new();
        if (f->cert == NULL || X509_set_pubkey(f->cert, key_of(f->which)) != 1)
            abort();
        if (recipients[i].issuer != NULL) {
            X509_set_issuer_name(f->cert, recipients[i].issuer);
            X509_set_serialNumber(f->cert, (ASN1_INTEGER *)(uintptr_t)recipients[i].serial);
        } else {
            X509_add1_ext_i2d(f->cert, NID_subject_key_identifier,
                              (void *)(uintptr_t)recipients[i].ski, 0, 0);
        }
        *ret = (struct cms_opener){ .cert = f->cert, .unwrap = unwrap, .agree = agree };
        return 0;
    }
    return E_NO_KEY;
}

static struct secret *
secret_of(int octet, size_t len)
{
    struct secret *s = secret_new(len);

    if (s == NULL)
        abort();
    memset(secret_mutable(s), octet, len);
    secret_set_len(s, len);
    return s;
}

static struct outcome
run(const uint8_t *data, size_t len, size_t piece, unsigned which)
{
    static struct secret *secrets[4];
    struct outcome o = { 0 };
    struct finder finder = { .which = which };
    struct cms_kek keks[3];
    struct cms_decrypt_options decrypt = { .find = find, .find_arg = &finder, .keks = keks,
                                           .kek_count = 3, .allow_weak = true };
    struct cms_reader_options options = { .content = { .write = sum, .arg = &o.sum },
                                          .decrypt = which == 4 ? NULL : &decrypt };
    struct cms_reader *r = NULL;
    struct err err = { 0 };

    for (size_t i = 0; i < 3; i++) {
        if (secrets[i] == NULL)
            secrets[i] = secret_of('k', 16 + 8 * i);
        keks[i] = (struct cms_kek){ .key = secrets[i] };
    }
    if (cms_reader_new(&r, &options, NULL) != 0)
        abort();
    for (size_t at = 0; o.rc == 0 && at < len; at += piece)
        o.rc = cms_reader_update(r, data + at, piece < len - at ? piece : len - at, &err);
    if (o.rc == 0)
        o.rc = cms_reader_finish(r, &err);
    if (o.rc != 0 && err.text[0] == '\0')
        abort();
    if (cms_reader_encrypted(r) != NULL)
        o.recipients = cms_reader_encrypted(r)->count;
    o.size = cms_reader_content_size(r);
    cms_reader_free(&r);
    X509_free(finder.cert);
    return o;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct outcome whole, cut;

    if (len < 2)
        return 0;
    whole = run(data + 2, len - 2, len, data[1] % 5);
    cut = run(data + 2, len - 2, (size_t)data[0] + 1, data[1] % 5);
    /* content is equal only where no random key stood in */
    if (whole.rc != cut.rc && whole.rc != E_DECRYPT && cut.rc != E_DECRYPT)
        abort();
    if (whole.recipients != cut.recipients)
        abort();
    if (whole.rc == 0 && cut.rc == 0 && (whole.size != cut.size || whole.sum != cut.sum))
        abort();
    return 0;
}

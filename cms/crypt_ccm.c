/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/crypt_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#define BLOCK 16

struct ccm {
    struct cipher_params params;
    const struct secret *key;      /* of the crypt */
    bool encrypt, has_aad;
    bool knows_size;
    uint64_t expected, size;
    uint64_t limit;                /* what the nonce leaves of the length field */
    EVP_CIPHER_CTX *counter;
    EVP_CIPHER_CTX *mac;           /* NULL when it has to wait for the size */
    uint8_t first[BLOCK];          /* counter block 0, enciphered: masks the tag */
    uint8_t last[BLOCK];           /* newest block of the MAC */
    struct buf *kept;              /* plaintext, while it is short enough, or NULL */
    uint8_t scratch[CRYPT_PIECE + BLOCK];
};

void
ccm_free(struct ccm **pc)
{
    struct ccm *c = *pc;

    if (c == NULL)
        return;
    EVP_CIPHER_CTX_free(c->counter);
    EVP_CIPHER_CTX_free(c->mac);
    buf_free(&c->kept);
    wipe(c, sizeof *c);
    free(c);
    *pc = NULL;
}

static EVP_CIPHER_CTX *
context(const struct ccm *c, const char *mode, const uint8_t *iv)
{
    char name[16];

    snprintf(name, sizeof name, "AES-%zu-%s", c->params.key_len * 8, mode);
    return crypt_raw(name, c->key, iv, true);
}

/* Chains data into the MAC; libcrypto keeps what is no whole block. */
static int
mac_update(struct ccm *c, const uint8_t *data, size_t len)
{
    while (len > 0) {
        size_t piece = len < CRYPT_PIECE ? len : CRYPT_PIECE;
        int n = 0;

        if (EVP_EncryptUpdate(c->mac, c->scratch, &n, data, (int)piece) != 1)
            return E_CRYPTO;
        if (n >= BLOCK)
            memcpy(c->last, c->scratch + n - BLOCK, BLOCK);
        data += piece;
        len -= piece;
    }
    return 0;
}

static int
mac_pad(struct ccm *c, uint64_t len)
{
    static const uint8_t zero[BLOCK];

    return mac_update(c, zero, (BLOCK - len % BLOCK) % BLOCK);
}

/* The first block: flags, nonce, length of the content (SP 800-38C, A.2.1). */
static void
first_block(const struct ccm *c, bool has_aad, uint64_t size, uint8_t out[BLOCK])
{
    size_t field = 15 - c->params.iv_len;

    memset(out, 0, BLOCK);
    out[0] = (uint8_t)((has_aad ? 0x40 : 0) | (c->params.tag_len - 2) / 2 << 3 | (field - 1));
    memcpy(out + 1, c->params.iv, c->params.iv_len);
    for (size_t i = 0; i < field && i < 8; i++)
        out[15 - i] = (uint8_t)(size >> 8 * i);
}

/* The additional data's length, then they (A.2.2). */
static int
mac_aad(struct ccm *c, const uint8_t *aad, size_t len)
{
    uint8_t head[6] = { 0xff, 0xfe, (uint8_t)(len >> 24), (uint8_t)(len >> 16),
                        (uint8_t)(len >> 8), (uint8_t)len };
    bool is_short = len < 0xff00;
    int rc = mac_update(c, is_short ? head + 4 : head, is_short ? 2 : 6);

    if (rc == 0)
        rc = mac_update(c, aad, len);
    return rc != 0 ? rc : mac_pad(c, len + (is_short ? 2 : 6));
}

static int
mac_start(struct ccm *c, uint64_t size, const uint8_t *aad, size_t aad_len)
{
    static const uint8_t zero[BLOCK];
    uint8_t block[BLOCK];
    int rc;

    EVP_CIPHER_CTX_free(c->mac);
    c->mac = context(c, "CBC", zero);
    if (c->mac == NULL)
        return E_CRYPTO;
    first_block(c, aad_len > 0, size, block);
    c->has_aad = aad_len > 0;
    rc = mac_update(c, block, BLOCK);
    return rc != 0 || aad_len == 0 ? rc : mac_aad(c, aad, aad_len);
}

/* Counter blocks (A.3): 0 masks the tag, the content begins with 1. */
static int
counter_start(struct ccm *c)
{
    static const uint8_t zero[BLOCK];
    uint8_t block[BLOCK] = { (uint8_t)(14 - c->params.iv_len) };
    int n = 0;

    memcpy(block + 1, c->params.iv, c->params.iv_len);
    c->counter = context(c, "CTR", block);
    if (c->counter == NULL || EVP_EncryptUpdate(c->counter, c->first, &n, zero, BLOCK) != 1)
        return E_CRYPTO;
    return 0;
}

static int
start(struct ccm *c, int64_t size, const uint8_t *aad, size_t aad_len, struct err *err)
{
    size_t field = 15 - c->params.iv_len;
    int rc;

    c->limit = field >= 8 ? UINT64_MAX : (UINT64_C(1) << 8 * field) - 1;
    c->knows_size = size >= 0;
    c->expected = size < 0 ? 0 : (uint64_t)size;
    if (c->encrypt && size < 0)
        return err_set(err, E_USAGE, "%s needs to know the content's length before it starts; use "
                       "GCM, or a file instead of a pipe", c->params.cipher->name);
    if (c->expected > c->limit)
        return err_set(err, E_LIMIT, "%s with a nonce of %zu bytes takes no content of %llu bytes",
                       c->params.cipher->name, c->params.iv_len, (unsigned long long)c->expected);
    rc = counter_start(c);
    if (rc == 0 && c->knows_size)
        rc = mac_start(c, c->expected, aad, aad_len);
    if (rc == 0 && !c->encrypt) {
        c->kept = buf_new();
        rc = c->kept == NULL ? E_NOMEM : 0;
    }
    return rc == 0 ? 0 : err_set_ossl(err, rc, "cannot start %s", c->params.cipher->name);
}

int
ccm_new(struct ccm **ret, const struct cipher_params *params, const struct secret *key,
        bool encrypt, int64_t size, const uint8_t *aad, size_t aad_len, struct err *err)
{
    struct ccm *c = calloc(1, sizeof *c);
    int rc;

    if (c == NULL)
        return err_set(err, E_NOMEM, "out of memory for a cipher");
    c->params = *params;
    c->key = key;
    c->encrypt = encrypt;
    rc = start(c, size, aad, aad_len, err);
    if (rc != 0)
        ccm_free(&c);
    else
        *ret = c;
    return rc;
}

/* Keeps the plaintext for another MAC, up to the cap. */
static int
keep(struct ccm *c, const uint8_t *data, size_t len)
{
    if (c->kept == NULL)
        return 0;
    if (buf_len(c->kept) + len <= CRYPT_CCM_KEPT)
        return buf_put(c->kept, data, len);
    buf_free(&c->kept);
    return 0;
}

int
ccm_update(struct ccm *c, const uint8_t *in, size_t len, uint8_t *out, struct err *err)
{
    const uint8_t *plain = c->encrypt ? in : out;
    int n = 0, rc = 0;

    c->size += len;
    if (c->size > c->limit)
        return err_set(err, E_LIMIT, "%s with a nonce of %zu bytes takes no content of %llu bytes",
                       c->params.cipher->name, c->params.iv_len, (unsigned long long)c->size);
    if (EVP_EncryptUpdate(c->counter, out, &n, in, (int)len) != 1)
        rc = E_CRYPTO;
    if (rc == 0 && c->mac != NULL)
        rc = mac_update(c, plain, len);
    if (rc == 0)
        rc = keep(c, plain, len);
    return rc == 0 ? 0 : err_set_ossl(err, rc, "%s failed", c->params.cipher->name);
}

/* The MAC again, now that all of its first blocks is known. */
static int
mac_again(struct ccm *c, const uint8_t *aad, size_t aad_len, struct err *err)
{
    int rc;

    if (c->kept == NULL)
        return err_set(err, E_UNSUPPORTED, "%s with %s can be checked up to %u bytes of content "
                       "only; this one is longer; have it encrypted again with GCM%s",
                       c->params.cipher->name,
                       aad_len > 0 ? "attributes behind the content"
                                   : "content whose length is not given before it",
                       CRYPT_CCM_KEPT, aad_len > 0 ? ", or without attributes"
                                                   : ", or in one piece");
    rc = mac_start(c, c->size, aad, aad_len);
    if (rc == 0)
        rc = mac_update(c, buf_data(c->kept), buf_len(c->kept));
    return rc == 0 ? 0 : err_set_ossl(err, rc, "%s failed", c->params.cipher->name);
}

int
ccm_finish(struct ccm *c, const uint8_t *aad, size_t aad_len, uint8_t *tag, struct err *err)
{
    bool again = !c->encrypt && (aad_len > 0 || !c->knows_size || c->size != c->expected);
    int rc = again ? mac_again(c, aad, aad_len, err) : 0;

    if (rc != 0)
        return rc;
    rc = mac_pad(c, c->size);
    if (rc != 0)
        return err_set_ossl(err, rc, "%s failed", c->params.cipher->name);
    for (size_t i = 0; i < c->params.tag_len; i++)
        tag[i] = c->last[i] ^ c->first[i];
    return 0;
}

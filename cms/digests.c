/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/digests_int.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/obj_mac.h>

#include "base/buf.h"

struct entry {
    const struct alg_digest *digest;
    EVP_MD_CTX *ctx;
    EVP_MD *md;
};

struct cms_digests {
    struct entry entries[CMS_DIGESTS_MAX];
    size_t count;
    uint64_t size;
    EVP_MD_CTX *copy;   /* for digests in mid-stream */
    uint8_t head[DIGESTS_HEAD_MAX];
    struct buf *whole;  /* NULL when it is not wanted or the stream is too long */
};

/* What CMS can name beyond base/alg.h, which knows what tokens can sign with. */
static const struct alg_digest more[] = {
    { "shake256", "SHAKE-256", "shake256", NID_shake256, 64, false },
    { "sha3-224", "SHA3-224", "sha3-224", NID_sha3_224, 28, false },
    { "sha512-256", "SHA2-512/256", "sha-512-256", NID_sha512_256, 32, false },
};

const struct alg_digest *
cms_digest_by_nid(int nid)
{
    const struct alg_digest *d = alg_digest_by_nid(nid);

    for (size_t i = 0; d == NULL && i < sizeof more / sizeof *more; i++)
        if (more[i].nid == nid)
            d = &more[i];
    return d;
}

const struct alg_digest *
cms_scheme_digest(const struct alg_sig *scheme)
{
    if (scheme->digest != NULL)
        return scheme->digest;
    return cms_digest_by_nid(scheme->key == ALG_KEY_ED448 ? NID_shake256 : NID_sha512);
}

int
cms_digests_new(struct cms_digests **ret, struct err *err)
{
    struct cms_digests *s = calloc(1, sizeof *s);

    if (s != NULL)
        s->copy = EVP_MD_CTX_new();
    if (s == NULL || s->copy == NULL) {
        free(s);
        return err_set(err, E_NOMEM, "digests: out of memory");
    }
    *ret = s;
    return 0;
}

void
cms_digests_free(struct cms_digests **ps)
{
    if (ps == NULL || *ps == NULL)
        return;
    for (size_t i = 0; i < (*ps)->count; i++) {
        EVP_MD_CTX_free((*ps)->entries[i].ctx);
        EVP_MD_free((*ps)->entries[i].md);
    }
    EVP_MD_CTX_free((*ps)->copy);
    buf_free(&(*ps)->whole);
    free(*ps);
    *ps = NULL;
}

static const struct entry *
find(const struct cms_digests *s, const struct alg_digest *digest)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->entries[i].digest == digest)
            return &s->entries[i];
    return NULL;
}

bool
cms_digests_has(const struct cms_digests *s, const struct alg_digest *digest)
{
    return find(s, digest) != NULL;
}

size_t
cms_digests_count(const struct cms_digests *s)
{
    return s->count;
}

uint64_t
cms_digests_size(const struct cms_digests *s)
{
    return s->size;
}

int
cms_digests_add(struct cms_digests *s, const struct alg_digest *digest, struct err *err)
{
    struct entry e = { .digest = digest };

    if (find(s, digest) != NULL)
        return 0;
    if (s->size > 0)
        return err_set(err, E_USAGE, "digests: %s added after the content began",
                       digest->name);
    if (s->count == CMS_DIGESTS_MAX)
        return err_set(err, E_LIMIT, "digests: more than %d at once", CMS_DIGESTS_MAX);
    e.md = EVP_MD_fetch(NULL, digest->ossl, NULL);
    if (e.md == NULL)
        return err_set_ossl(err, E_UNSUPPORTED, "digest %s: not in this libcrypto",
                            digest->name);
    e.ctx = EVP_MD_CTX_new();
    if (e.ctx == NULL || EVP_DigestInit_ex2(e.ctx, e.md, NULL) != 1) {
        EVP_MD_CTX_free(e.ctx);
        EVP_MD_free(e.md);
        return err_set_ossl(err, E_CRYPTO, "digest %s: cannot start", digest->name);
    }
    s->entries[s->count++] = e;
    if (s->whole == NULL && (digest->nid == NID_sha512 || digest->nid == NID_shake256))
        s->whole = buf_new();
    return 0;
}

const uint8_t *
digests_head_view(const struct cms_digests *s, size_t *ret_len)
{
    *ret_len = s->size < DIGESTS_HEAD_MAX ? (size_t)s->size : DIGESTS_HEAD_MAX;
    return s->head;
}

const uint8_t *
digests_whole_view(const struct cms_digests *s, size_t *ret_len)
{
    if (s->whole == NULL)
        return NULL;
    *ret_len = buf_len(s->whole);
    return buf_data(s->whole);
}

static void
keep_whole(struct cms_digests *s, const uint8_t *data, size_t len)
{
    if (s->whole == NULL)
        return;
    if (len > CMS_EDDSA_CONTENT_MAX - buf_len(s->whole) || buf_put(s->whole, data, len) != 0)
        buf_free(&s->whole);
}

static void
keep_head(struct cms_digests *s, const uint8_t *data, size_t len)
{
    size_t room = s->size < DIGESTS_HEAD_MAX ? DIGESTS_HEAD_MAX - (size_t)s->size : 0;

    if (room > 0 && len > 0)
        memcpy(s->head + s->size, data, len < room ? len : room);
}

/* With several digests, pieces that stay in the nearest cache are read once. */
#define PIECE (16u * 1024)

int
cms_digests_update(struct cms_digests *s, const void *data, size_t len, struct err *err)
{
    const uint8_t *at = data;
    size_t piece = s->count > 1 ? PIECE : len;

    keep_head(s, data, len);
    keep_whole(s, data, len);
    for (size_t left = len; left > 0;) {
        size_t n = left < piece ? left : piece;

        for (size_t i = 0; i < s->count; i++)
            if (EVP_DigestUpdate(s->entries[i].ctx, at, n) != 1)
                return err_set_ossl(err, E_CRYPTO, "digest %s: libcrypto failed",
                                    s->entries[i].digest->name);
        at += n;
        left -= n;
    }
    s->size += len;
    return 0;
}

int
cms_digests_get(const struct cms_digests *s, const struct alg_digest *digest, uint8_t *out,
                size_t *ret_len, struct err *err)
{
    const struct entry *e = find(s, digest);
    bool ok;

    if (e == NULL)
        return err_set(err, E_USAGE, "digest %s: was not computed", digest->name);
    ok = EVP_MD_CTX_copy_ex(s->copy, e->ctx) == 1;
    if (ok && (EVP_MD_get_flags(e->md) & EVP_MD_FLAG_XOF))
        ok = EVP_DigestFinalXOF(s->copy, out, digest->size) == 1;
    else if (ok)
        ok = EVP_DigestFinal_ex(s->copy, out, NULL) == 1;
    if (!ok)
        return err_set_ossl(err, E_CRYPTO, "digest %s: libcrypto failed", digest->name);
    *ret_len = digest->size;
    return 0;
}

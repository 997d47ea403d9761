/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/compress.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/objects.h>
#include <openssl/x509.h>

#include "cms/compressed.h"
#include "cms/encap.h"
#include "cms/sign.h"
#include "cms/zlib_demand.h"

/* Most bytes given to zlib at once, which counts in an unsigned int. */
#define INPUT_MAX (1u << 30)

struct cms_compress {
    struct encap encap;
    const struct zlib *zlib;
    z_stream z;
    bool started, done;
    uint8_t *out;               /* CMS_SEGMENT_SIZE */
};

void
cms_compress_free(struct cms_compress **pc)
{
    struct cms_compress *c;

    if (pc == NULL || *pc == NULL)
        return;
    c = *pc;
    if (c->started)
        c->zlib->deflate_end(&c->z);
    encap_clear(&c->encap);
    free(c->out);
    free(c);
    *pc = NULL;
}

/* version and compressionAlgorithm. */
static int
put_before(struct buf *out)
{
    static const uint8_t version[] = { 0x02, 0x01, 0x00 };
    X509_ALGOR *alg = X509_ALGOR_new();
    ASN1_OBJECT *oid = OBJ_txt2obj(COMPRESSED_ZLIB, 1);
    uint8_t *der = NULL;
    int len = 0, rc = E_NOMEM;

    if (alg != NULL && oid != NULL && X509_ALGOR_set0(alg, oid, V_ASN1_UNDEF, NULL) == 1) {
        oid = NULL;
        len = i2d_X509_ALGOR(alg, &der);
    }
    if (len > 0)
        rc = buf_put(out, version, sizeof version);
    if (rc == 0)
        rc = buf_put(out, der, (size_t)len);
    OPENSSL_free(der);
    ASN1_OBJECT_free(oid);
    X509_ALGOR_free(alg);
    return rc;
}

static int
prepare(struct cms_compress *c, const struct cms_compress_options *o, const struct sink *out,
        struct err *err)
{
    int rc = encap_init(&c->encap, "compressing", NID_id_smime_ct_compressedData,
                        o->content_type, -1, out, err);

    if (rc == 0)
        rc = zlib_demand(&c->zlib, err);
    if (rc != 0)
        return rc;
    c->out = malloc(CMS_SEGMENT_SIZE);
    c->started = c->zlib->deflate_init(&c->z, o->level == 0 ? Z_DEFAULT_COMPRESSION : o->level,
                                       ZLIB_VERSION, (int)sizeof c->z) == Z_OK;
    if (c->out == NULL || !c->started || put_before(c->encap.before) != 0)
        return err_set(err, E_NOMEM, "compressing: out of memory");
    c->z.next_out = c->out;
    c->z.avail_out = CMS_SEGMENT_SIZE;
    return 0;
}

int
cms_compress_new(struct cms_compress **ret, const struct cms_compress_options *options,
                 const struct sink *out, struct err *err)
{
    struct cms_compress *c;
    int rc;

    if (options->level < 0 || options->level > 9)
        return err_set(err, E_USAGE, "compressing: level %d is not between 1 and 9",
                       options->level);
    c = calloc(1, sizeof *c);
    if (c == NULL)
        return err_set(err, E_NOMEM, "compressing: out of memory");
    rc = prepare(c, options, out, err);
    if (rc != 0)
        cms_compress_free(&c);
    else
        *ret = c;
    return rc;
}

/* Until zlib took all there is and, at the end, gave all there is. */
static int
deflate_piece(struct cms_compress *c, int how, struct err *err)
{
    int z = Z_OK, rc = 0;

    do {
        size_t len;

        z = c->zlib->deflate(&c->z, how);
        if (z == Z_STREAM_ERROR)
            return err_set(err, E_INTERNAL, "compressing: zlib failed");
        len = CMS_SEGMENT_SIZE - c->z.avail_out;
        if (c->z.avail_out > 0 && z != Z_STREAM_END)
            continue;
        rc = encap_put(&c->encap, c->out, len, err);
        c->z.next_out = c->out;
        c->z.avail_out = CMS_SEGMENT_SIZE;
    } while (rc == 0 && (how == Z_FINISH ? z != Z_STREAM_END : c->z.avail_in > 0));
    return rc;
}

int
cms_compress_update(struct cms_compress *c, const void *data, size_t len, struct err *err)
{
    const uint8_t *at = data;
    int rc = 0;

    if (c->done)
        return err_set(err, E_USAGE, "compressing: content for a message that is done");
    while (rc == 0 && len > 0) {
        size_t n = len < INPUT_MAX ? len : INPUT_MAX;

        /* zlib's next_in is const with ZLIB_CONST alone; it changes nothing */
        c->z.next_in = (Bytef *)(uintptr_t)at;
        c->z.avail_in = (uInt)n;
        rc = deflate_piece(c, Z_NO_FLUSH, err);
        at += n;
        len -= n;
    }
    c->done = rc != 0;
    return rc;
}

int
cms_compress_finish(struct cms_compress *c, struct err *err)
{
    int rc;

    if (c->done)
        return err_set(err, E_USAGE, "compressing: the message is done already");
    c->done = true;
    rc = deflate_piece(c, Z_FINISH, err);
    return rc != 0 ? rc : encap_finish(&c->encap, NULL, err);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/compressed.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/objects.h>

#include "cms/cipher.h"
#include "cms/reader_take.h"
#include "cms/zlib_demand.h"

/* CompressedData has one version (RFC 3274, 1.1). */
#define NEWEST_VERSION 0
/* What comes out goes on in pieces of this size, bytes. */
#define PIECE (64u * 1024)
/* Most bytes given to zlib at once, which counts in an unsigned int. */
#define INPUT_MAX (1u << 30)

struct compressed {
    const struct zlib *zlib;
    z_stream z;
    bool ended;
    uint64_t in;                /* bytes of the stream, without those waiting */
    uint8_t *out;
};

static int
start(struct cms_reader *r, struct err *err)
{
    const struct zlib *zlib;
    struct compressed *c;
    int rc = zlib_demand(&zlib, err);

    if (rc != 0)
        return rc;
    c = calloc(1, sizeof *c);
    if (c == NULL)
        return err_set(err, E_NOMEM, "message: out of memory");
    c->zlib = zlib;
    c->out = malloc(PIECE);
    if (c->out == NULL || zlib->inflate_init(&c->z, ZLIB_VERSION, (int)sizeof c->z) != Z_OK) {
        free(c->out);
        free(c);
        return err_set(err, E_NOMEM, "message: out of memory for decompression");
    }
    c->z.next_out = c->out;
    c->z.avail_out = PIECE;
    r->compressed = c;
    return 0;
}

static void
free_state(struct cms_reader *r)
{
    struct compressed *c = r->compressed;

    if (c == NULL)
        return;
    c->zlib->inflate_end(&c->z);
    free(c->out);
    free(c);
    r->compressed = NULL;
}

static int
version(void *reader, const uint8_t *der, size_t len, struct err *err)
{
    return take_version(reader, "CompressedData", NEWEST_VERSION, der, len, err);
}

/* zlib alone is defined, without parameters (RFC 3274, 2); NULL for them is let pass. */
static int
algorithm(void *reader, const uint8_t *der, size_t len, struct err *err)
{
    struct cms_reader *r = reader;
    X509_ALGOR *alg = NULL;
    char oid[ATTR_OID_MAX];
    int rc = take_algorithm(r, "compressionAlgorithm", der, len, &alg, err), type;

    if (rc != 0)
        return rc;
    algor_oid(alg, oid, sizeof oid);
    X509_ALGOR_get0(NULL, &type, NULL, alg);
    X509_ALGOR_free(alg);
    if (strcmp(oid, COMPRESSED_ZLIB) != 0)
        return err_set(err, E_UNSUPPORTED, "message: it is compressed with %s, before offset %"
                       PRIu64 ", but only zlib is known", oid, r->walk.ber.offset);
    if (type != V_ASN1_UNDEF && type != V_ASN1_NULL)
        return err_set(err, E_MALFORMED, "message: zlib with parameters that it does not have, "
                       "before offset %" PRIu64, r->walk.ber.offset);
    return 0;
}

/* Where zlib is in the message. */
static uint64_t
offset(const struct cms_reader *r, size_t behind)
{
    return r->walk.ber.offset - behind;
}

/* Passes on what came out, unless it is too much for what went in. */
static int
flush(struct cms_reader *r, size_t behind, struct err *err)
{
    struct compressed *c = r->compressed;
    uint64_t ratio = r->options.max_inflate_ratio == 0 ? CMS_INFLATE_RATIO
                                                       : r->options.max_inflate_ratio;
    size_t len = PIECE - c->z.avail_out;
    int rc;

    if (ratio != CMS_INFLATE_ANY && r->content_size + len > CMS_INFLATE_FREE &&
        (r->content_size + len - CMS_INFLATE_FREE) / ratio > c->in)
        return err_set(err, E_LIMIT, "message: its content, compressed before offset %" PRIu64
                       ", is more than %" PRIu64 " times as long as what it was compressed to; "
                       "it may be made to fill memory or disk, and is not decompressed further",
                       offset(r, behind), ratio);
    rc = reader_content(r, c->out, len, err);
    c->z.next_out = c->out;
    c->z.avail_out = PIECE;
    return rc;
}

static int
fail(const struct cms_reader *r, int z, size_t behind, struct err *err)
{
    const char *why = r->compressed->z.msg;

    if (z == Z_MEM_ERROR)
        return err_set(err, E_NOMEM, "message: out of memory for decompression");
    if (z == Z_NEED_DICT)
        why = "it wants a dictionary";
    return err_set(err, E_MALFORMED, "message: its compressed content is damaged before offset %"
                   PRIu64 " (%s)", offset(r, behind), why == NULL ? "no zlib stream" : why);
}

static int
fail_behind(const struct cms_reader *r, size_t behind, struct err *err)
{
    return err_set(err, E_MALFORMED, "message: other bytes follow the compressed content at "
                   "offset %" PRIu64 "; it was damaged or added to", offset(r, behind));
}

/* What z.next_in has; behind: bytes of the message that come after those. */
static int
inflate_piece(struct cms_reader *r, size_t behind, struct err *err)
{
    struct compressed *c = r->compressed;
    int rc = 0;

    while (rc == 0) {
        uInt before = c->z.avail_in;
        int z = c->zlib->inflate(&c->z, Z_NO_FLUSH);

        c->in += before - c->z.avail_in;
        if (z == Z_STREAM_END) {
            c->ended = true;
            return c->z.avail_in == 0 ? 0 : fail_behind(r, behind + c->z.avail_in, err);
        }
        if (z != Z_OK && z != Z_BUF_ERROR)
            return fail(r, z, behind + c->z.avail_in, err);
        if (c->z.avail_out > 0)
            return 0;
        rc = flush(r, behind + c->z.avail_in, err);
    }
    return rc;
}

static int
content(struct cms_reader *r, const uint8_t *data, size_t len, struct err *err)
{
    struct compressed *c = r->compressed;
    int rc = 0;

    while (rc == 0 && len > 0) {
        size_t n = len < INPUT_MAX ? len : INPUT_MAX;

        if (c->ended)
            return fail_behind(r, len, err);
        /* zlib's next_in is const with ZLIB_CONST alone; it changes nothing */
        c->z.next_in = (Bytef *)(uintptr_t)data;
        c->z.avail_in = (uInt)n;
        data += n;
        len -= n;
        rc = inflate_piece(r, len, err);
    }
    return rc;
}

static int
finish(struct cms_reader *r, struct err *err)
{
    if (!r->has_content)
        return err_set(err, E_UNSUPPORTED, "message: its compressed content is not in it (offset %"
                       PRIu64 ")", r->walk.ber.offset);
    if (!r->compressed->ended)
        return err_set(err, E_TRUNCATED, "message: its compressed content ends before offset %"
                       PRIu64 ", before it is complete", r->walk.ber.offset);
    return flush(r, 0, err);
}

/* CompressedData (RFC 3274, 1.1). */
static const struct walk_rule fields[] = {
    { .name = "version of CompressedData", .id = BER_INTEGER, .action = WALK_CAPTURE,
      .max = TAKE_VERSION_MAX, .element = version },
    { .name = "compressionAlgorithm", .id = BER_SEQUENCE, .action = WALK_CAPTURE,
      .max = TAKE_ALGORITHM_MAX, .element = algorithm },
    { .name = "encapContentInfo", .id = BER_SEQUENCE, .action = WALK_ENTER,
      .inside = take_encap_content_info },
    { 0 },
};

static const struct walk_rule grammar[] = {
    { .name = "CompressedData", .id = BER_SEQUENCE, .action = WALK_ENTER, .inside = fields },
    { 0 },
};

const struct content_kind compressed_data_kind = {
    .not_signed = "compressed, not signed; look into its content",
    .nid = NID_id_smime_ct_compressedData,
    .grammar = grammar,
    .start = start,
    .content = content,
    .finish = finish,
    .free = free_state,
};

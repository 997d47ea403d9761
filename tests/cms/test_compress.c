/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CompressedData (RFC 3274): written and read at any split; bombs, damage, other algorithms. */
#include "tests/cms/contents_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/objects.h>
#include <zlib.h>

#include "cms/ber.h"
#include "cms/der.h"

#define SEQUENCE (BER_SEQUENCE | BER_CONSTRUCTED)
#define CONTEXT_0 (BER_CONTEXT(0) | BER_CONSTRUCTED)

static const char zlib_oid[] = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x03\x08";

/* Content as text is: half of it repeats. */
static uint8_t *
text(size_t len)
{
    uint8_t *t = some_content(len);

    for (size_t i = 0; i < len; i++)
        if (i / 512 % 2)
            t[i] = (uint8_t)("constant memory\n"[i % 16]);
    return t;
}

/* CompressedData in DER around a zlib stream, as another program would write it. */
static struct buf *
crafted(const char *version, const char *oid, size_t oid_len, const char *parameters,
        size_t parameters_len, const uint8_t *stream, size_t len)
{
    struct buf *alg = buf_new(), *encap = buf_new(), *data = buf_new(), *info = buf_new();
    struct buf *string = buf_new(), *tagged = buf_new(), *out = buf_new();
    const ASN1_OBJECT *type = OBJ_nid2obj(NID_id_smime_ct_compressedData);
    const ASN1_OBJECT *inner = OBJ_nid2obj(NID_pkcs7_data);
    int rc = der_put(alg, BER_OID, oid, oid_len);

    rc |= buf_put(alg, parameters, parameters_len);
    rc |= der_put(encap, BER_OID, OBJ_get0_data(inner), OBJ_length(inner));
    rc |= der_put(string, BER_OCTET_STRING, stream, len);
    rc |= der_put(encap, CONTEXT_0, buf_data(string), buf_len(string));
    rc |= der_put(data, BER_INTEGER, version, 1);
    rc |= der_put(data, SEQUENCE, buf_data(alg), buf_len(alg));
    rc |= der_put(data, SEQUENCE, buf_data(encap), buf_len(encap));
    rc |= der_put(tagged, SEQUENCE, buf_data(data), buf_len(data));
    rc |= der_put(info, BER_OID, OBJ_get0_data(type), OBJ_length(type));
    rc |= der_put(info, CONTEXT_0, buf_data(tagged), buf_len(tagged));
    rc |= der_put(out, SEQUENCE, buf_data(info), buf_len(info));
    ck_assert_int_eq(rc, 0);
    buf_free(&alg);
    buf_free(&encap);
    buf_free(&data);
    buf_free(&info);
    buf_free(&string);
    buf_free(&tagged);
    return out;
}

static struct buf *
crafted_plain(const uint8_t *stream, size_t len)
{
    return crafted("\0", zlib_oid, sizeof zlib_oid - 1, "", 0, stream, len);
}

static struct buf *
zlib_stream(const uint8_t *content, size_t len)
{
    struct buf *out = buf_new();
    uLongf size = compressBound(len);
    uint8_t *room = malloc(size);

    ck_assert_int_eq(compress2(room, &size, content, len, 9), Z_OK);
    ck_assert_int_eq(buf_put(out, room, size), 0);
    free(room);
    return out;
}

START_TEST(round_trip)
{
    static const size_t sizes[] = { 0, 1, 100, 65536, 1000000 };
    static const size_t pieces[] = { 0, 1000, 70000 };

    for (size_t i = 0; i < 5; i++)
        for (size_t p = 0; p < 3; p++) {
            struct cms_compress_options options = { .level = (int)(p * 4) };
            uint8_t *content = text(sizes[i]);
            struct buf *m = compress_content(&options, content, sizes[i], pieces[p]);

            assert_opens(m, NULL, content, sizes[i]);
            if (sizes[i] > 1000)
                ck_assert_uint_lt(buf_len(m), sizes[i] * 2 / 3);
            buf_free(&m);
            free(content);
        }
}
END_TEST

/* What zlib's own one-shot function makes, in DER; parameters absent, and NULL. */
START_TEST(made_elsewhere)
{
    uint8_t *content = text(200000);
    struct buf *stream = zlib_stream(content, 200000);
    struct buf *a = crafted_plain(buf_data(stream), buf_len(stream));
    struct buf *b = crafted("\0", zlib_oid, sizeof zlib_oid - 1, "\5\0", 2, buf_data(stream),
                            buf_len(stream));

    assert_opens(a, NULL, content, 200000);
    assert_opens(b, NULL, content, 200000);
    buf_free(&a);
    buf_free(&b);
    buf_free(&stream);
    free(content);
}
END_TEST

START_TEST(bouncy_castle)
{
    struct buf *m = peer_message("bc-compressed.ber");

    assert_opens(m, NULL, "This is some sample content.", 28);
    buf_free(&m);
}
END_TEST

/* What we write, taken apart by libcrypto and zlib. */
START_TEST(read_elsewhere)
{
    uint8_t *content = text(150000), *got = malloc(150000);
    struct cms_compress_options options = { .content_type = NID_pkcs7_signed };
    struct buf *m = compress_content(&options, content, 150000, 0);
    const uint8_t *at = buf_data(m);
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &at, (long)buf_len(m));
    ASN1_OCTET_STRING **string;
    uLongf size = 150000;

    ck_assert_ptr_nonnull(cms);
    ck_assert_int_eq(OBJ_obj2nid(CMS_get0_type(cms)), NID_id_smime_ct_compressedData);
    ck_assert_int_eq(OBJ_obj2nid(CMS_get0_eContentType(cms)), NID_pkcs7_signed);
    string = CMS_get0_content(cms);
    ck_assert_int_eq(uncompress(got, &size, ASN1_STRING_get0_data(*string),
                                (uLong)ASN1_STRING_length(*string)), Z_OK);
    ck_assert_uint_eq(size, 150000);
    ck_assert_mem_eq(got, content, 150000);
    CMS_ContentInfo_free(cms);
    buf_free(&m);
    free(content);
    free(got);
}
END_TEST

START_TEST(facts)
{
    struct buf *m = compress_content(&(struct cms_compress_options){ 0 }, "abc", 3, 0);
    struct opened o = open_message(buf_data(m), buf_len(m), FEED_WHOLE, NULL);
    const struct cms_signed *verdict;
    struct err err = { 0 };

    ck_assert_int_eq(o.rc, 0);
    ck_assert_int_eq(cms_reader_type(o.reader), NID_id_smime_ct_compressedData);
    ck_assert_int_eq(cms_reader_content_type(o.reader), NID_pkcs7_data);
    ck_assert_uint_eq(cms_reader_content_size(o.reader), 3);
    ck_assert_int_eq(cms_verify(o.reader, &(struct cms_verify_options){ 0 }, &verdict, &err),
                     E_UNSUPPORTED);
    ck_assert_msg(strstr(err_text(&err), "compressed") != NULL, "%s", err_text(&err));
    opened_clear(&o);
    buf_free(&m);
}
END_TEST

START_TEST(damage)
{
    uint8_t *content = text(1500);
    struct buf *m = compress_content(&(struct cms_compress_options){ 0 }, content, 1500, 0);

    assert_survives_damage(m, NULL, content, 1500);
    buf_free(&m);
    free(content);
}
END_TEST

START_TEST(bad_streams)
{
    uint8_t *content = text(5000);
    struct buf *stream = zlib_stream(content, 5000), *m;

    m = crafted_plain(buf_data(stream), buf_len(stream) - 3);
    assert_refused(m, NULL, E_TRUNCATED, "before it is complete");
    buf_free(&m);
    m = crafted_plain((const uint8_t *)"", 0);
    assert_refused(m, NULL, E_TRUNCATED, "before it is complete");
    buf_free(&m);
    m = crafted_plain((const uint8_t *)"this is no zlib", 15);
    assert_refused(m, NULL, E_MALFORMED, "damaged before offset");
    buf_free(&m);
    /* a dictionary that nobody has */
    m = crafted_plain((const uint8_t *)"\x78\xbb\x01\x02\x03\x04\x05\x06", 8);
    assert_refused(m, NULL, E_MALFORMED, "dictionary");
    buf_free(&m);
    ck_assert_int_eq(buf_put(stream, "more", 4), 0);
    m = crafted_plain(buf_data(stream), buf_len(stream));
    assert_refused(m, NULL, E_MALFORMED, "other bytes follow the compressed content at offset");
    buf_free(&m);
    buf_free(&stream);
    free(content);
}
END_TEST

START_TEST(bad_structures)
{
    struct buf *stream = zlib_stream((const uint8_t *)"abc", 3), *m;
    const uint8_t *z = buf_data(stream);
    size_t len = buf_len(stream);

    m = crafted("\0", "\x2a\x86\x48", 3, "", 0, z, len);
    assert_refused(m, NULL, E_UNSUPPORTED, "only zlib is known");
    buf_free(&m);
    m = crafted("\0", zlib_oid, sizeof zlib_oid - 1, "\x04\x01x", 3, z, len);
    assert_refused(m, NULL, E_MALFORMED, "parameters");
    buf_free(&m);
    m = crafted("\1", zlib_oid, sizeof zlib_oid - 1, "", 0, z, len);
    assert_refused(m, NULL, E_UNSUPPORTED, "newer than is known");
    buf_free(&m);
    m = crafted("\xff", zlib_oid, sizeof zlib_oid - 1, "", 0, z, len);
    assert_refused(m, NULL, E_MALFORMED, "version of CompressedData");
    buf_free(&m);
    buf_free(&stream);
}
END_TEST

static int
count(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    (void)data;
    (void)err;
    *(uint64_t *)arg += len;
    return 0;
}

/* Reads m; the content's bytes that came are added to *got. */
static int
read_with_ratio(const struct buf *m, uint32_t ratio, uint64_t max, uint64_t *got, struct err *err)
{
    struct cms_reader_options options = { .content = { .write = count, .arg = got },
                                          .max_inflate_ratio = ratio, .max_content = max };
    struct cms_reader *r = NULL;
    int rc = cms_reader_new(&r, &options, err);

    if (rc == 0)
        rc = cms_reader_update(r, buf_data(m), buf_len(m), err);
    if (rc == 0)
        rc = cms_reader_finish(r, err);
    cms_reader_free(&r);
    return rc;
}

/* Zeroes, a thousand to one: refused soon, unless that is allowed. */
START_TEST(bomb)
{
    size_t size = (size_t)6 * CMS_INFLATE_FREE;
    uint8_t *zeroes = calloc(1, size);
    struct buf *m = compress_content(&(struct cms_compress_options){ .level = 9 }, zeroes, size, 0);
    struct err err = { 0 };
    uint64_t got = 0;

    ck_assert_uint_lt(buf_len(m), size / 900);
    ck_assert_int_eq(read_with_ratio(m, 0, 0, &got, &err), E_LIMIT);
    ck_assert_msg(strstr(err_text(&err), "more than 100 times") != NULL, "%s", err_text(&err));
    ck_assert_msg(strstr(err_text(&err), "offset") != NULL, "%s", err_text(&err));
    ck_assert_uint_le(got, CMS_INFLATE_FREE + CMS_INFLATE_RATIO * buf_len(m));
    got = 0;
    ck_assert_int_eq(read_with_ratio(m, CMS_INFLATE_ANY, 0, &got, &err), 0);
    ck_assert_uint_eq(got, size);
    got = 0;
    ck_assert_int_eq(read_with_ratio(m, 1032, 0, &got, &err), 0);
    ck_assert_uint_eq(got, size);
    got = 0;
    ck_assert_int_eq(read_with_ratio(m, CMS_INFLATE_ANY, 1000000, &got, &err), E_LIMIT);
    ck_assert_uint_le(got, 1000000);
    buf_free(&m);
    free(zeroes);
}
END_TEST

/* Honest content of any size passes whatever it was compressed to. */
START_TEST(honest)
{
    size_t size = (size_t)2 * CMS_INFLATE_FREE;
    uint8_t *content = text(size);
    struct cms_compress_options options = { .level = 1 };
    struct buf *m = compress_content(&options, content, size, 100000);
    struct err err = { 0 };
    uint64_t got = 0;

    ck_assert_msg(read_with_ratio(m, 0, 0, &got, &err) == 0, "%s", err_text(&err));
    ck_assert_uint_eq(got, size);
    buf_free(&m);
    free(content);
}
END_TEST

static int
refuse(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    (void)arg;
    (void)data;
    (void)len;
    return err_set(err, E_OUTPUT, "disk: it is full");
}

START_TEST(writer_misused)
{
    struct buf *out = buf_new();
    struct sink sink = gather_sink(out), full = { .write = refuse };
    struct cms_compress_options options = { .level = 10 };
    struct cms_compress *c = NULL;
    uint8_t *content = some_content(300000);
    struct err err = { 0 };

    ck_assert_int_eq(cms_compress_new(&c, &options, &sink, &err), E_USAGE);
    ck_assert_ptr_null(c);
    options.level = 0;
    ck_assert_int_eq(cms_compress_new(&c, &options, &sink, &err), 0);
    ck_assert_int_eq(cms_compress_finish(c, &err), 0);
    ck_assert_int_eq(cms_compress_finish(c, &err), E_USAGE);
    ck_assert_int_eq(cms_compress_update(c, "x", 1, &err), E_USAGE);
    cms_compress_free(&c);
    ck_assert_int_eq(cms_compress_new(&c, &options, &full, &err), 0);
    ck_assert_int_eq(cms_compress_update(c, content, 300000, &err), E_OUTPUT);
    ck_assert_int_eq(cms_compress_finish(c, &err), E_USAGE);
    cms_compress_free(&c);
    cms_compress_free(&c);
    buf_free(&out);
    free(content);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("cms-compress");
    TCase *tc = tcase_create("compress");

    tcase_set_timeout(tc, 300);
    tcase_add_test(tc, round_trip);
    tcase_add_test(tc, made_elsewhere);
    tcase_add_test(tc, bouncy_castle);
    tcase_add_test(tc, read_elsewhere);
    tcase_add_test(tc, facts);
    tcase_add_test(tc, damage);
    tcase_add_test(tc, bad_streams);
    tcase_add_test(tc, bad_structures);
    tcase_add_test(tc, bomb);
    tcase_add_test(tc, honest);
    tcase_add_test(tc, writer_misused);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}

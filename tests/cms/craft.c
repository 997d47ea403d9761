/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/cms/craft.h"

#include "cms/ber.h"
#include "cms/der.h"

struct buf *
craft_signed_data(const struct buf *digests, const struct buf *encap, const struct buf *certs,
                  const struct buf *signers)
{
    struct buf *fields = buf_new(), *data = buf_new(), *info = buf_new(), *out = buf_new();
    static const uint8_t type[] = { 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2 };

    ck_assert_int_eq(buf_put(fields, "\x02\x01\x01", 3), 0);
    ck_assert_int_eq(der_put(fields, 0x31, buf_data(digests), buf_len(digests)), 0);
    ck_assert_int_eq(der_put(fields, 0x30, buf_data(encap), buf_len(encap)), 0);
    if (buf_len(certs) > 0)
        ck_assert_int_eq(der_put(fields, 0xa0, buf_data(certs), buf_len(certs)), 0);
    ck_assert_int_eq(der_put(fields, 0x31, buf_data(signers), buf_len(signers)), 0);
    ck_assert_int_eq(der_put(data, 0x30, buf_data(fields), buf_len(fields)), 0);
    ck_assert_int_eq(buf_put(info, type, sizeof type), 0);
    ck_assert_int_eq(der_put(info, 0xa0, buf_data(data), buf_len(data)), 0);
    ck_assert_int_eq(der_put(out, 0x30, buf_data(info), buf_len(info)), 0);
    buf_free(&fields);
    buf_free(&data);
    buf_free(&info);
    return out;
}

struct buf *
craft_no_content(void)
{
    static const uint8_t oid[] = { 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1 };
    struct buf *b = buf_new();

    ck_assert_int_eq(buf_put(b, oid, sizeof oid), 0);
    return b;
}

struct buf *
craft_signer_info(struct person *p, const void *content, size_t len)
{
    struct cms_signer signer = person_signer(p);
    struct cms_sign_options options = { .signers = &signer, .count = 1, .content_size = -1 };
    struct buf *message = sign_content(&options, content, len, 0), *b = buf_new();
    const uint8_t *data = buf_data(message);

    /* the SET that reaches the three ends of the outer lengths; what looks like one in
     * the signature is shorter */
    for (size_t at = buf_len(message) - 2; at > 0 && buf_len(b) == 0; at--) {
        struct ber_header h;

        if (data[at] == 0x31 &&
            ber_read_header(data + at, buf_len(message) - at, &h) == 1 && h.length > 100 &&
            at + h.size + (size_t)h.length + 6 == buf_len(message))
            ck_assert_int_eq(buf_put(b, data + at + h.size, (size_t)h.length), 0);
    }
    ck_assert_uint_gt(buf_len(b), 100);
    buf_free(&message);
    return b;
}

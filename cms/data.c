/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Data (RFC 5652, section 4): content with nothing around it but a ContentInfo. */
#include "cms/reader_int.h"

#include <openssl/objects.h>

static int
start(struct cms_reader *r, struct err *err)
{
    (void)err;
    r->content_type = OBJ_nid2obj(NID_pkcs7_data);
    OBJ_obj2txt(r->content_oid, sizeof r->content_oid, r->content_type, 1);
    return 0;
}

static void
free_state(struct cms_reader *r)
{
    (void)r;
}

static int
bytes(void *reader, const uint8_t *data, size_t len, struct err *err)
{
    return reader_content(reader, data, len, err);
}

static const struct walk_rule grammar[] = {
    { .name = "Data", .id = BER_OCTET_STRING, .action = WALK_STRING,
      .begin = reader_content_begin, .bytes = bytes },
    { 0 },
};

const struct content_kind data_kind = {
    .not_signed = "plain data, not signed; look into its content",
    .nid = NID_pkcs7_data,
    .grammar = grammar,
    .start = start,
    .free = free_state,
};

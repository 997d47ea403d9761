/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/reader_int.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/objects.h>

/* Longest OBJECT IDENTIFIER taken, octets. */
#define OID_MAX 64

static const struct content_kind *const kinds[] = {
    &data_kind,
    &signed_data_kind,
    &enveloped_data_kind,
    &auth_enveloped_data_kind,
    &compressed_data_kind,
    &encrypted_data_kind,
    &digested_data_kind,
    &authenticated_data_kind,
};

static const struct content_kind *
kind_of(int nid)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i]->nid == nid)
            return kinds[i];
    return NULL;
}

const struct content_kind *
reader_nested_kind(int nid)
{
    return nid == NID_pkcs7_data ? NULL : kind_of(nid);
}

static int
read_oid(const struct cms_reader *r, const char *name, const uint8_t *der, size_t len,
         ASN1_OBJECT **ret, struct err *err)
{
    const uint8_t *at = der;
    ASN1_OBJECT *oid = d2i_ASN1_OBJECT(NULL, &at, (long)len);

    if (oid == NULL || at != der + len) {
        ASN1_OBJECT_free(oid);
        return reader_malformed(r, name, err);
    }
    *ret = oid;
    return 0;
}

static int
take_type(void *reader, const uint8_t *der, size_t len, struct err *err)
{
    struct cms_reader *r = reader;
    ASN1_OBJECT *oid = NULL;
    char text[ATTR_OID_MAX];
    int rc = read_oid(r, "contentType", der, len, &oid, err);

    if (rc != 0)
        return rc;
    r->type = OBJ_obj2nid(oid);
    OBJ_obj2txt(text, sizeof text, oid, 0);
    OBJ_obj2txt(r->type_oid, sizeof r->type_oid, oid, 1);
    ASN1_OBJECT_free(oid);
    r->kind = kind_of(r->type);
    if (r->kind == NULL)
        return err_set(err, E_UNSUPPORTED, "message: it is CMS of the type %s, which cannot "
                       "be read here", text);
    return r->kind->start(r, err);
}

static int
choose_kind(void *reader, const struct walk_rule **ret, struct err *err)
{
    const struct cms_reader *r = reader;

    (void)err;
    *ret = r->kind->grammar;
    return 0;
}

/* ContentInfo (RFC 5652, section 3). */
static const struct walk_rule content_info_fields[] = {
    { .name = "contentType", .id = BER_OID, .action = WALK_CAPTURE, .max = OID_MAX,
      .element = take_type },
    { .name = "content [0]", .id = BER_CONTEXT(0), .action = WALK_ENTER,
      .choose = choose_kind },
    { 0 },
};

static const struct walk_rule content_info[] = {
    { .name = "ContentInfo", .id = BER_SEQUENCE, .action = WALK_ENTER,
      .inside = content_info_fields },
    { 0 },
};

/* The grammar to begin with: a ContentInfo's, or that of a bare structure. */
static int
begin(struct cms_reader *r, struct err *err)
{
    uint64_t max = CMS_MAX_OTHER_SIZE;
    int rc;

    if (r->options.max_other != 0 && r->options.max_other < max)
        max = r->options.max_other;
    if (r->options.bare == 0)
        return walk_init(&r->walk, content_info, max, r, err);
    r->type = r->options.bare;
    r->kind = reader_nested_kind(r->type);
    if (r->kind == NULL)
        return err_set(err, E_UNSUPPORTED, "message: structures of the type %s cannot be read "
                       "here", OBJ_nid2sn(r->type) == NULL ? "?" : OBJ_nid2sn(r->type));
    OBJ_obj2txt(r->type_oid, sizeof r->type_oid, OBJ_nid2obj(r->type), 1);
    rc = walk_init(&r->walk, r->kind->grammar, max, r, err);
    return rc != 0 ? rc : r->kind->start(r, err);
}

int
cms_reader_new(struct cms_reader **ret, const struct cms_reader_options *options,
               struct err *err)
{
    struct cms_reader *r = calloc(1, sizeof *r);
    int rc;

    if (r == NULL)
        return err_set(err, E_NOMEM, "message: out of memory");
    r->options = *options;
    rc = begin(r, err);
    if (rc != 0)
        cms_reader_free(&r);
    else
        *ret = r;
    return rc;
}

void
cms_reader_free(struct cms_reader **pr)
{
    struct cms_reader *r;

    if (pr == NULL || *pr == NULL)
        return;
    r = *pr;
    if (r->kind != NULL)
        r->kind->free(r);
    walk_clear(&r->walk);
    ASN1_OBJECT_free(r->content_type);
    free(r);
    *pr = NULL;
}

/* What may be behind the message with allow_padding. */
static bool
is_padding(const struct cms_reader *r, uint8_t byte)
{
    return r->options.allow_padding && (byte == 0 || byte == '\r' || byte == '\n');
}

static int
check_behind(const struct cms_reader *r, const uint8_t *data, size_t len, struct err *err)
{
    for (size_t i = 0; i < len; i++)
        if (!is_padding(r, data[i]))
            return err_set(err, E_MALFORMED,
                           "message: it ends at offset %" PRIu64
                           ", but other bytes follow; it was damaged or added to",
                           r->walk.ber.offset);
    return 0;
}

int
cms_reader_update(struct cms_reader *r, const void *data, size_t len, struct err *err)
{
    const uint8_t *at = data;
    int rc;

    if (r->failed || r->finished)
        return err_set(err, E_USAGE, "message: data for a reader that is done");
    rc = walk_update(&r->walk, &at, &len, err);
    if (rc == 0)
        rc = check_behind(r, at, len, err);
    r->failed = rc != 0;
    return rc;
}

static int
write_sink(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    return cms_reader_update(arg, data, len, err);
}

struct sink
cms_reader_sink(struct cms_reader *r)
{
    return (struct sink){ .write = write_sink, .arg = r };
}

int
cms_reader_finish(struct cms_reader *r, struct err *err)
{
    int rc;

    if (r->failed || r->finished)
        return err_set(err, E_USAGE, "message: the reader is done already");
    rc = walk_finish(&r->walk, err);
    if (rc == 0 && r->kind->finish != NULL)
        rc = r->kind->finish(r, err);
    r->failed = rc != 0;
    r->finished = rc == 0;
    return rc;
}

int
reader_malformed(const struct cms_reader *r, const char *name, struct err *err)
{
    ERR_clear_error();
    return err_set(err, E_MALFORMED, "message: %s before offset %" PRIu64 " is malformed",
                   name, r->walk.ber.offset);
}

int
reader_content_type(void *reader, const uint8_t *der, size_t len, struct err *err)
{
    struct cms_reader *r = reader;
    int rc = read_oid(r, "eContentType", der, len, &r->content_type, err);

    if (rc == 0)
        OBJ_obj2txt(r->content_oid, sizeof r->content_oid, r->content_type, 1);
    return rc;
}

int
reader_content_begin(void *reader, struct err *err)
{
    struct cms_reader *r = reader;

    (void)err;
    r->has_content = true;
    r->content_offset = r->walk.ber.offset;
    return 0;
}

int
reader_content(struct cms_reader *r, const uint8_t *data, size_t len, struct err *err)
{
    r->content_size += len;
    if (r->options.max_content != 0 && r->content_size > r->options.max_content)
        return err_set(err, E_LIMIT, "message: more than %" PRIu64 " bytes of content",
                       r->options.max_content);
    return r->options.content.write == NULL ? 0
                                            : sink_write(&r->options.content, data, len, err);
}

int
cms_reader_type(const struct cms_reader *r)
{
    return r->type;
}

int
cms_reader_content_type(const struct cms_reader *r)
{
    return r->content_type == NULL ? 0 : OBJ_obj2nid(r->content_type);
}

const char *
cms_reader_content_oid(const struct cms_reader *r)
{
    return r->content_oid;
}

bool
cms_reader_has_content(const struct cms_reader *r)
{
    return r->has_content;
}

uint64_t
cms_reader_content_size(const struct cms_reader *r)
{
    return r->content_size;
}

bool
cms_reader_is_ber(const struct cms_reader *r)
{
    return r->walk.ber.is_ber;
}

uint64_t
cms_reader_offset(const struct cms_reader *r)
{
    return r->walk.ber.offset;
}

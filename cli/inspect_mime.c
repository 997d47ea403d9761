/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/inspect_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mail/entity.h"
#include "mail/kind.h"
#include "mail/measure.h"

/* Fields of one name that are shown. */
#define FIELDS_MAX 8
/* "1.2.3" at the greatest depth. */
#define NUMBER_MAX 400

struct inspect_mime {
    struct describe *d;
    struct entity_reader *reader;
    unsigned depth;
    bool failed;
    json_t *root;
    json_t *nodes[ENTITY_DEPTH_MAX + 2];    /* of the entities that are open */
    uint64_t body[ENTITY_DEPTH_MAX + 2];    /* where their bodies begin */
    uint64_t offset;
    struct measure measure;                 /* of the leaf that is open */
    struct inspect_cms *cms;                /* in it */
};

static const struct {
    const char *field, *key;
} mail_fields[] = {
    {"From", "from"}, {"Sender", "sender"}, {"To", "to"}, {"Cc", "cc"}, {"Date", "date"},
    {"Subject", "subject"}, {"Message-ID", "message_id"},
};

static const struct {
    const char *param, *key;
} params[] = {
    {"protocol", "protocol"}, {"micalg", "micalg"}, {"smime-type", "smime_type"},
    {"charset", "charset"}, {"name", "name"},
};

/* Leaves that are looked into, beside those that mail/kind.h knows. */
static const char *const types[] = {"pkix-cert", "pkix-crl", "x-x509-ca-cert",
                                    "x-x509-user-cert", "x-pkcs7-certificates"};
static const char *const suffixes[] = {".p7m", ".p7s", ".p7c", ".p7z", ".p7b",
                                       ".cer", ".crt", ".crl"};

static bool
is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The value on one line. */
static void
put_field(struct describe *d, json_t *node, const char *key, const struct header_field *f)
{
    autofree_buf struct buf *line = buf_new();
    size_t from = 0, to = f->value_len;

    while (from < to && is_blank(f->value[from]))
        from++;
    while (from < to && is_blank(f->value[to - 1]))
        to--;
    for (size_t i = from; line != NULL && i < to && i < from + 2 * DESCRIBE_TEXT_MAX; i++)
        if (f->value[i] != '\r' && f->value[i] != '\n' && buf_put_byte(line, f->value[i]) != 0)
            d->no_memory = true;
    if (line == NULL)
        d->no_memory = true;
    else
        describe_append_string(d, node, key, buf_cstr(line));
}

static void
put_fields(struct describe *d, json_t *node, const struct header *h)
{
    struct header_field f;

    for (size_t i = 0; i < sizeof mail_fields / sizeof *mail_fields; i++)
        for (size_t n = 0; n < FIELDS_MAX && header_find(h, mail_fields[i].field, n, &f); n++)
            put_field(d, node, mail_fields[i].key, &f);
}

static bool
has_suffix(const char *name)
{
    size_t len = name == NULL ? 0 : strlen(name);

    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
        if (len >= strlen(suffixes[i]) &&
            strcasecmp(name + len - strlen(suffixes[i]), suffixes[i]) == 0)
            return true;
    return false;
}

/* Content-Disposition; whether its file name says CMS or certificate. */
static bool
put_disposition(struct describe *d, json_t *node, const struct header *h)
{
    struct header_field f;
    struct media *m = NULL;
    bool has = false;
    int rc;

    if (!header_find(h, "Content-Disposition", 0, &f))
        return false;
    rc = media_parse(&m, f.value, f.value_len);
    if (rc == E_NOMEM)
        d->no_memory = true;
    if (rc == 0) {
        describe_string(d, node, "disposition", media_type(m));
        describe_string(d, node, "file_name", media_param(m, "filename"));
        has = has_suffix(media_param(m, "filename"));
    }
    media_free(&m);
    return has;
}

static void
put_type(struct describe *d, json_t *node, const struct media *m)
{
    char type[200];

    if (m == NULL)
        return;
    snprintf(type, sizeof type, "%s/%s", media_type(m), media_subtype(m));
    describe_string(d, node, "type", type);
    for (size_t i = 0; i < sizeof params / sizeof *params; i++)
        describe_string(d, node, params[i].key, media_param(m, params[i].param));
}

/* A leaf that holds CMS or certificates, as far as its header says. */
static bool
is_cms(struct describe *d, const struct entity *e, bool by_disposition)
{
    enum mail_kind kind = KIND_OTHER;

    if (e->kind != ENTITY_LEAF || e->media == NULL)
        return false;
    if (kind_of(e->media, e->header, &kind) != 0)
        d->no_memory = true;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (media_is(e->media, "application", types[i]))
            return true;
    if (media_is(e->media, "application", "octet-stream") &&
        (by_disposition || has_suffix(media_param(e->media, "name"))))
        return true;
    return kind == KIND_CMS || kind == KIND_SIGNATURE;
}

static void
put_number(struct describe *d, json_t *node, const json_t *parent, const struct entity *e)
{
    const char *before = json_string_value(json_object_get(parent, "part"));
    char number[NUMBER_MAX];

    snprintf(number, sizeof number, "%s%s%llu", before != NULL ? before : "",
             before != NULL ? "." : "", (unsigned long long)e->index + 1);
    describe_string(d, node, "part", number);
}

/* The node of an entity: NULL when it is left out, or all is no MIME. */
static json_t *
add_node(struct inspect_mime *m, const struct entity *e)
{
    json_t *parent, *node;

    if (e->depth == 0) {
        struct header_field f;
        bool mime = header_count(e->header) > 0 && !header_absent(e->header) &&
                    (m->depth == 0 || header_find(e->header, "Content-Type", 0, &f) ||
                     header_find(e->header, "MIME-Version", 0, &f));

        m->root = mime ? describe_part(m->d) : NULL;
        return json_incref(m->root);
    }
    parent = m->nodes[e->depth - 1];
    if (m->root == NULL)
        return NULL;
    if (parent == NULL) {
        m->d->parts_left_out++;
        return NULL;
    }
    node = describe_part(m->d);
    if (node == NULL)
        return NULL;
    put_number(m->d, node, parent, e);
    describe_append(m->d, parent, "parts", json_incref(node));
    return node;
}

static void
problem(struct inspect_mime *m, json_t *node, bool is, const char *word)
{
    if (is)
        describe_append_string(m->d, node, "problems", word);
}

static int
on_begin(void *arg, struct entity *e, struct err *err)
{
    struct inspect_mime *m = arg;
    json_t *node = add_node(m, e);
    bool by_disposition;
    size_t len = 0;

    m->nodes[e->depth] = node;
    if (node != NULL) {
        put_type(m->d, node, e->media);
        describe_string(m->d, node, "encoding", transfer_name(e->transfer));
        by_disposition = put_disposition(m->d, node, e->header);
        if (e->depth == 0 || e->parent->kind == ENTITY_MESSAGE)
            put_fields(m->d, node, e->header);
        describe_number(m->d, node, "offset", m->offset);
        problem(m, node, e->broken, "unusable-content-type");
        problem(m, node, e->transfer == TRANSFER_UNKNOWN, "unknown-encoding");
        problem(m, node, header_doubtful(e->header), "doubtful-header");
    }
    if (!header_absent(e->header))
        header_bytes_view(e->header, &len);
    m->offset += len;
    m->body[e->depth] = m->offset;
    measure_init(&m->measure);
    if (node == NULL || !is_cms(m->d, e, by_disposition))
        return 0;
    return inspect_cms_new(&m->cms, m->d, node, e->transfer, m->depth, err);
}

static int
on_body(void *arg, const struct entity *e, const uint8_t *data, size_t len, struct err *err)
{
    struct inspect_mime *m = arg;

    m->offset += len;
    if (m->nodes[e->depth] != NULL)
        measure_update(&m->measure, data, len);
    return m->cms == NULL ? 0 : inspect_cms_update(m->cms, data, len, err);
}

static int
on_gap(void *arg, const struct entity *e, enum entity_gap gap, const uint8_t *data, size_t len,
       struct err *err)
{
    struct inspect_mime *m = arg;
    json_t *node = m->nodes[e->depth];
    const char *key = gap == ENTITY_PREAMBLE ? "preamble_bytes" : "epilogue_bytes";

    (void)data;
    (void)err;
    m->offset += len;
    if (node != NULL && gap != ENTITY_DELIMITER)
        describe_number(m->d, node, key,
                        (uint64_t)json_integer_value(json_object_get(node, key)) + len);
    return 0;
}

/* What a relay would change, or another program read otherwise. */
static void
put_leaf_problems(struct inspect_mime *m, json_t *node, const struct entity *e)
{
    bool binary = e->transfer == TRANSFER_BINARY;

    measure_finish(&m->measure);
    problem(m, node, m->measure.nul && !binary, "nul-bytes");
    problem(m, node, m->measure.eight_bit && !binary && e->transfer != TRANSFER_8BIT,
            "eight-bit-data");
    problem(m, node, m->measure.long_line && !binary, "long-lines");
}

static int
end_cms(struct inspect_mime *m, struct err *err)
{
    int rc = m->cms == NULL ? 0 : inspect_cms_finish(m->cms, err);

    inspect_cms_free(&m->cms);
    return rc;
}

static int
on_end(void *arg, const struct entity *e, struct err *err)
{
    struct inspect_mime *m = arg;
    json_t *node = m->nodes[e->depth];
    int rc = 0;

    if (node != NULL) {
        describe_number(m->d, node, "size", m->offset - m->body[e->depth]);
        problem(m, node, e->unclosed, "no-final-boundary");
        problem(m, node, e->kind == ENTITY_MULTIPART && e->parts == 0, "no-parts");
        if (e->kind == ENTITY_LEAF)
            put_leaf_problems(m, node, e);
        rc = end_cms(m, err);
    }
    json_decref(node);
    m->nodes[e->depth] = NULL;
    return rc;
}

int
inspect_mime_new(struct inspect_mime **ret, struct describe *d, unsigned depth, struct err *err)
{
    struct inspect_mime *m = calloc(1, sizeof *m);
    struct entity_handler handler = {
        .begin = on_begin, .body = on_body, .gap = on_gap, .end = on_end, .arg = m,
    };

    if (m == NULL)
        return err_set(err, E_NOMEM, "out of memory");
    m->d = d;
    m->depth = depth;
    measure_init(&m->measure);
    if (entity_reader_new(&m->reader, &handler, true) != 0) {
        inspect_mime_free(&m);
        return err_set(err, E_NOMEM, "out of memory");
    }
    *ret = m;
    return 0;
}

void
inspect_mime_free(struct inspect_mime **pm)
{
    struct inspect_mime *m;

    if (pm == NULL || *pm == NULL)
        return;
    m = *pm;
    entity_reader_free(&m->reader);
    inspect_cms_free(&m->cms);
    for (size_t i = 0; i < sizeof m->nodes / sizeof *m->nodes; i++)
        json_decref(m->nodes[i]);
    json_decref(m->root);
    free(m);
    *pm = NULL;
}

static int
settle(struct inspect_mime *m, int rc, struct err *err)
{
    struct err room = {0};

    if (rc == 0)
        return 0;
    m->failed = true;
    return describe_fault(m->d, m->root, rc, err != NULL ? err : &room);
}

int
inspect_mime_update(struct inspect_mime *m, const uint8_t *data, size_t len, struct err *err)
{
    return m->failed ? 0 : settle(m, entity_reader_update(m->reader, data, len, err), err);
}

int
inspect_mime_finish(struct inspect_mime *m, struct err *err)
{
    int rc = m->failed ? 0 : settle(m, entity_reader_finish(m->reader, err), err);

    return rc == 0 ? end_cms(m, err) : rc;
}

json_t *
inspect_mime_take(struct inspect_mime *m)
{
    json_t *root = m->root;

    m->root = NULL;
    return root;
}

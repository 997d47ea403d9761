/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mail/entity.h"

#include <stdlib.h>
#include <string.h>

struct node {
    struct entity e;
    struct media *media;
    size_t level;  /* its boundary's, valid for an open multipart */
    bool open;     /* its boundary is being looked for */
};

struct entity_reader {
    struct entity_handler handler;
    bool open_messages;
    struct boundary *boundary;
    struct header *header, *part_header; /* the mail's is allowed to be larger */
    struct node nodes[ENTITY_DEPTH_MAX + 1];
    size_t count; /* nodes in use; the last is being read */
    bool in_header;
};

static struct node *
top(struct entity_reader *r)
{
    return &r->nodes[r->count - 1];
}

static struct header *
current_header(struct entity_reader *r)
{
    return r->count == 1 ? r->header : r->part_header;
}

/* Opens a child of the last node (or the mail): reads its header, or, as one of
 * ENTITY_PARTS, its body. */
static int
open_node(struct entity_reader *r, struct err *err)
{
    struct node *parent = r->count == 0 ? NULL : top(r);
    struct node *n = &r->nodes[r->count++];

    *n = (struct node){.e.kind = ENTITY_LEAF};
    if (parent != NULL) {
        n->e.parent = &parent->e;
        n->e.depth = parent->e.depth + 1;
        n->e.index = parent->e.parts++;
    }
    if (parent != NULL && parent->e.kind == ENTITY_PARTS)
        return r->handler.begin(r->handler.arg, &n->e, err);
    r->in_header = true;
    header_reset(current_header(r));
    boundary_lines(r->boundary, true);
    return 0;
}

static int
close_node(struct entity_reader *r, struct err *err)
{
    struct node *n = top(r);
    int rc;

    if (n->open) {
        n->e.unclosed = true;
        boundary_pop(r->boundary, n->level);
    }
    rc = r->handler.end(r->handler.arg, &n->e, err);
    media_free(&n->media);
    r->count--;
    return rc;
}

/* Content-Type and Content-Transfer-Encoding; a repeated one is nobody's. */
static int
read_fields(struct node *n, const struct header *h)
{
    struct header_field f, other;
    int rc;

    if (header_find(h, "Content-Transfer-Encoding", 0, &f))
        n->e.transfer = header_find(h, "Content-Transfer-Encoding", 1, &other)
                            ? TRANSFER_UNKNOWN
                            : transfer_by_field(f.value, f.value_len);
    if (!header_find(h, "Content-Type", 0, &f))
        return 0;
    n->e.broken = header_find(h, "Content-Type", 1, &other);
    rc = media_parse(&n->media, f.value, f.value_len);
    if (rc == E_NOMEM)
        return rc;
    n->e.broken |= rc != 0 || media_subtype(n->media)[0] == '\0';
    n->e.media = n->media;
    return 0;
}

static enum entity_kind
choose_kind(const struct entity_reader *r, struct node *n)
{
    const struct media *m = n->media;
    const char *text;

    if (m == NULL || n->e.broken)
        return ENTITY_LEAF;
    if (strcmp(media_type(m), "multipart") == 0) {
        text = media_param(m, "boundary");
        n->e.broken = text == NULL || media_param_ambiguous(m, "boundary") ||
                      r->count > ENTITY_DEPTH_MAX || n->e.transfer >= TRANSFER_QP;
        return n->e.broken ? ENTITY_LEAF : ENTITY_MULTIPART;
    }
    if (r->open_messages && r->count <= ENTITY_DEPTH_MAX && n->e.transfer < TRANSFER_QP &&
        media_is(m, "message", "rfc822"))
        return ENTITY_MESSAGE;
    return ENTITY_LEAF;
}

static int
end_header(struct entity_reader *r, struct err *err)
{
    struct node *n = top(r);
    struct header *h = current_header(r);
    int rc;

    r->in_header = false;
    boundary_lines(r->boundary, false);
    if ((rc = read_fields(n, h)) != 0)
        return err_set(err, rc, "out of memory reading a mail");
    n->e.kind = choose_kind(r, n);
    if (n->e.kind == ENTITY_MULTIPART) {
        n->level = boundary_depth(r->boundary);
        n->open = boundary_push(r->boundary, media_param(n->media, "boundary")) == 0;
        if (!n->open) {
            n->e.broken = true;
            n->e.kind = ENTITY_LEAF;
        }
    }
    n->e.header = h;
    rc = r->handler.begin(r->handler.arg, &n->e, err);
    n->e.header = NULL;
    if (rc != 0)
        return rc;
    if (n->e.kind == ENTITY_LEAF && n->open) {
        boundary_pop(r->boundary, n->level);
        n->open = false;
    }
    return n->e.kind == ENTITY_MESSAGE ? open_node(r, err) : 0;
}

/* A block that was no header is the body's first bytes. */
static int
give_back(struct entity_reader *r, struct header *h, struct err *err)
{
    uint8_t copy[HEADER_ABSENT_MAX];
    size_t len;
    const uint8_t *rest = header_rest_view(h, &len);

    memcpy(copy, rest, len);
    boundary_restart(r->boundary);
    return boundary_update(r->boundary, copy, len, err);
}

static int
on_text(void *arg, const uint8_t *data, size_t len, size_t *ret_used, struct err *err)
{
    struct entity_reader *r = arg;
    struct node *n = top(r);
    struct header *h = current_header(r);
    int rc;

    if (r->in_header) {
        rc = header_update(h, data, len, ret_used, err);
        if (rc != 0 || !header_done(h))
            return rc;
        if ((rc = end_header(r, err)) != 0)
            return rc;
        return header_absent(h) ? give_back(r, h, err) : 0;
    }
    if (n->e.kind == ENTITY_LEAF)
        return r->handler.body(r->handler.arg, &n->e, data, len, err);
    return r->handler.gap(r->handler.arg, &n->e, n->open ? ENTITY_PREAMBLE : ENTITY_EPILOGUE,
                          data, len, err);
}

/* The input, or what a delimiter closes, ends while a header is being read. */
static int
cut_header(struct entity_reader *r, struct err *err)
{
    struct header *h = current_header(r);
    size_t len;
    int rc;

    while (r->in_header) {
        if ((rc = header_finish(h, err)) != 0 || (rc = end_header(r, err)) != 0)
            return rc;
        header_rest_view(h, &len);
        if (len > 0 && ((rc = give_back(r, h, err)) != 0 ||
                        (rc = boundary_finish(r->boundary, err)) != 0))
            return rc;
        h = current_header(r);
    }
    return 0;
}

static int
on_found(void *arg, size_t level, bool closing, const uint8_t *data, size_t len,
         struct err *err)
{
    struct entity_reader *r = arg;
    struct node *n;
    int rc;

    if ((rc = cut_header(r, err)) != 0)
        return rc;
    for (n = top(r); !n->open || n->level != level; n = top(r))
        if ((rc = close_node(r, err)) != 0)
            return rc;
    if (closing) {
        n->open = false;
        boundary_pop(r->boundary, level);
    }
    rc = r->handler.gap(r->handler.arg, &n->e, ENTITY_DELIMITER, data, len, err);
    return rc != 0 || closing ? rc : open_node(r, err);
}

int
entity_reader_new(struct entity_reader **ret, const struct entity_handler *handler,
                  bool open_messages)
{
    struct entity_reader *r = calloc(1, sizeof *r);
    struct boundary_sink sink = {.text = on_text, .found = on_found, .arg = r};

    if (r == NULL)
        return E_NOMEM;
    r->handler = *handler;
    r->open_messages = open_messages;
    if (header_new(&r->header, HEADER_MAX) != 0 ||
        header_new(&r->part_header, HEADER_PART_MAX) != 0 ||
        boundary_new(&r->boundary, &sink) != 0 || open_node(r, NULL) != 0) {
        entity_reader_free(&r);
        return E_NOMEM;
    }
    *ret = r;
    return 0;
}

void
entity_reader_free(struct entity_reader **r)
{
    if (r == NULL || *r == NULL)
        return;
    for (size_t i = 0; i < (*r)->count; i++)
        media_free(&(*r)->nodes[i].media);
    header_free(&(*r)->header);
    header_free(&(*r)->part_header);
    boundary_free(&(*r)->boundary);
    free(*r);
    *r = NULL;
}

int
entity_reader_update(struct entity_reader *r, const uint8_t *data, size_t len, struct err *err)
{
    return boundary_update(r->boundary, data, len, err);
}

int
entity_reader_finish(struct entity_reader *r, struct err *err)
{
    int rc = boundary_finish(r->boundary, err);

    if (rc == 0)
        rc = cut_header(r, err);
    while (rc == 0 && r->count > 0)
        rc = close_node(r, err);
    return rc;
}

const struct header *
entity_reader_header(const struct entity_reader *r)
{
    return r->header;
}

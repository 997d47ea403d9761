/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mail/scan.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mail/entity.h"
#include "mail/measure.h"

struct change {
    uint64_t nth;
    enum scan_plan plan;
};

/* One on the path from the mail to the part being read. */
struct step {
    uint64_t nth;
    bool sealed;    /* inside a signature or encryption */
    bool changed;   /* something inside will be encoded */
    bool fragile;   /* something inside stays fragile */
};

struct scan {
    struct entity_reader *reader;
    struct measure whole, body, leaf;
    struct step steps[ENTITY_DEPTH_MAX + 1];
    uint64_t entities;
    struct change *changes;
    size_t count, room;
    bool has_header;
};

static int
add_change(struct scan *s, uint64_t nth, enum scan_plan plan, struct err *err)
{
    if (s->count == SCAN_CHANGES_MAX)
        return err_set(err, E_LIMIT,
                       "the mail has more than %u parts with 8-bit or over-long lines; "
                       "encode them before signing", SCAN_CHANGES_MAX);
    if (s->count == s->room) {
        size_t room = s->room == 0 ? 16 : 2 * s->room;
        struct change *grown = realloc(s->changes, room * sizeof *grown);

        if (grown == NULL)
            return err_set(err, E_NOMEM, "out of memory reading the mail");
        s->changes = grown;
        s->room = room;
    }
    s->changes[s->count++] = (struct change){.nth = nth, .plan = plan};
    return 0;
}

static bool
seals(const struct media *m)
{
    return m != NULL &&
           (media_is(m, "multipart", "signed") || media_is(m, "multipart", "encrypted"));
}

static int
on_begin(void *arg, struct entity *e, struct err *err)
{
    struct scan *s = arg;
    size_t len;

    (void)err;
    s->steps[e->depth] = (struct step){
        .nth = s->entities++,
        .sealed = e->depth > 0 && s->steps[e->depth - 1].sealed,
    };
    s->steps[e->depth].sealed |= seals(e->media);
    measure_init(&s->leaf);
    if (e->depth == 0) {
        s->has_header = header_count(e->header) > 0;
        return 0;
    }
    if (e->header != NULL) {
        const uint8_t *bytes = header_bytes_view(e->header, &len);

        measure_update(&s->body, bytes, len);
    }
    return 0;
}

static int
on_body(void *arg, const struct entity *e, const uint8_t *data, size_t len, struct err *err)
{
    struct scan *s = arg;

    (void)err;
    measure_update(&s->leaf, data, len);
    /* A mail that is one leaf is measured once. */
    if (e->depth > 0)
        measure_update(&s->body, data, len);
    return 0;
}

static int
on_gap(void *arg, const struct entity *e, enum entity_gap gap, const uint8_t *data, size_t len,
       struct err *err)
{
    struct scan *s = arg;
    struct measure m;

    (void)gap;
    (void)err;
    measure_init(&m);
    measure_update(&m, data, len);
    s->steps[e->depth].fragile |= m.eight_bit || m.nul;
    measure_update(&s->body, data, len);
    return 0;
}

/* In UTF-16 and UTF-32 a byte that looks like a line end is none (RFC 2781, 4.1). */
static bool
is_wide(const struct media *m)
{
    static const char *const names[] = {"utf-16", "utf-32", "utf16", "utf32", "iso-10646-ucs"};
    const char *charset = m == NULL ? NULL : media_param(m, "charset");

    for (size_t i = 0; charset != NULL && i < sizeof names / sizeof *names; i++)
        if (strncasecmp(charset, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

static enum scan_plan
plan_leaf(const struct entity *e, const struct measure *m, bool sealed)
{
    const char *type = e->media == NULL ? "text" : media_type(e->media);

    if (sealed || !measure_fragile(m) || e->broken || e->transfer == TRANSFER_UNKNOWN)
        return SCAN_KEEP;
    if (e->transfer == TRANSFER_BASE64)
        return m->eight_bit || m->nul ? SCAN_KEEP : SCAN_BASE64;
    if (strcmp(type, "multipart") == 0 ||
        (e->media != NULL && media_is(e->media, "message", "rfc822")))
        return SCAN_KEEP;
    if (e->transfer == TRANSFER_QP)
        return SCAN_QP;
    if ((strcmp(type, "text") == 0 && !is_wide(e->media)) || strcmp(type, "message") == 0)
        return SCAN_QP;
    return SCAN_BASE64;
}

static int
on_end(void *arg, const struct entity *e, struct err *err)
{
    struct scan *s = arg;
    struct step *step = &s->steps[e->depth];
    enum scan_plan plan = SCAN_KEEP;

    if (e->kind == ENTITY_LEAF) {
        measure_finish(&s->leaf);
        plan = plan_leaf(e, &s->leaf, step->sealed);
        step->changed = plan != SCAN_KEEP;
        step->fragile = !step->changed && measure_fragile(&s->leaf);
        if (e->depth == 0)
            s->body = s->leaf;
    } else if (step->changed && !step->fragile &&
               (e->transfer == TRANSFER_8BIT || e->transfer == TRANSFER_BINARY)) {
        plan = SCAN_LABEL;
    }
    if (e->depth > 0) {
        step[-1].changed |= step->changed;
        step[-1].fragile |= step->fragile;
    }
    return plan == SCAN_KEEP ? 0 : add_change(s, step->nth, plan, err);
}

int
scan_new(struct scan **ret)
{
    struct scan *s = calloc(1, sizeof *s);
    struct entity_handler handler = {
        .begin = on_begin, .body = on_body, .gap = on_gap, .end = on_end, .arg = s,
    };

    if (s == NULL || entity_reader_new(&s->reader, &handler, true) != 0) {
        free(s);
        return E_NOMEM;
    }
    *ret = s;
    return 0;
}

void
scan_free(struct scan **s)
{
    if (s == NULL || *s == NULL)
        return;
    entity_reader_free(&(*s)->reader);
    free((*s)->changes);
    free(*s);
    *s = NULL;
}

int
scan_update(struct scan *s, const uint8_t *data, size_t len, struct err *err)
{
    s->whole.size += len;
    if (s->whole.lf == 0)
        for (size_t i = 0; i < len && s->whole.lf == 0; i++) {
            s->whole.first_crlf = data[i] == '\n' && s->whole.after_cr;
            s->whole.lf += data[i] == '\n';
            s->whole.after_cr = data[i] == '\r';
        }
    return entity_reader_update(s->reader, data, len, err);
}

static int
compare(const void *a, const void *b)
{
    const struct change *x = a, *y = b;

    return x->nth < y->nth ? -1 : x->nth > y->nth;
}

int
scan_finish(struct scan *s, struct err *err)
{
    int rc = entity_reader_finish(s->reader, err);

    measure_finish(&s->body);
    if (s->count > 0)
        qsort(s->changes, s->count, sizeof *s->changes, compare);
    return rc;
}

uint64_t
scan_size(const struct scan *s)
{
    return s->whole.size;
}

bool
scan_has_header(const struct scan *s)
{
    return s->has_header;
}

bool
scan_crlf(const struct scan *s)
{
    return s->whole.first_crlf;
}

uint64_t
scan_body_canonical(const struct scan *s)
{
    return measure_canonical(&s->body);
}

bool
scan_eight_bit(const struct scan *s)
{
    return s->body.eight_bit;
}

bool
scan_utf8(const struct scan *s)
{
    return !s->body.not_utf8;
}

bool
scan_changes(const struct scan *s)
{
    return s->count > 0;
}

bool
scan_fragile(const struct scan *s)
{
    return s->steps[0].fragile;
}

enum scan_plan
scan_plan(const struct scan *s, uint64_t nth)
{
    struct change key = {.nth = nth}, *found;

    found = s->count == 0
                ? NULL
                : bsearch(&key, s->changes, s->count, sizeof *s->changes, compare);
    return found == NULL ? SCAN_KEEP : found->plan;
}

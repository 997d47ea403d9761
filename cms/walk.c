/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/walk.h"

#include <inttypes.h>
#include <string.h>

int
walk_init(struct walk *w, const struct walk_rule *grammar, uint64_t max_other, void *arg,
          struct err *err)
{
    memset(w, 0, sizeof *w);
    ber_init(&w->ber);
    w->frames[0].next = grammar;
    w->max_other = max_other;
    w->arg = arg;
    w->capture = buf_new();
    return w->capture == NULL ? err_set(err, E_NOMEM, "message: out of memory") : 0;
}

void
walk_clear(struct walk *w)
{
    buf_free(&w->capture);
}

static int
fail_expected(const struct walk_rule *rule, uint64_t offset, struct err *err)
{
    if (rule->name == NULL)
        return err_set(err, E_MALFORMED,
                       "message: nothing more belongs where the element at offset %" PRIu64
                       " is", offset);
    return err_set(err, E_MALFORMED, "message: %s was expected at offset %" PRIu64,
                   rule->name, offset);
}

/* Finds the rule for an element of the current frame and advances behind it. */
static int
match(struct walk *w, const struct ber_event *e, const struct walk_rule **ret,
      struct err *err)
{
    struct walk_frame *f = &w->frames[e->depth - 1];
    const struct walk_rule *r = f->next;

    if (f->each) {
        *ret = r;
        return 0;
    }
    while (r->name != NULL && r->id != e->header.id && r->optional)
        r++;
    if (r->name == NULL || r->id != e->header.id)
        return fail_expected(r->name != NULL ? r : f->next, e->offset, err);
    if (r->action != WALK_CAPTURE && r->action != WALK_STRING && !e->header.constructed)
        return fail_expected(r, e->offset, err);
    f->next = r + 1;
    *ret = r;
    return 0;
}

static int
capture_put(struct walk *w, const struct ber_event *e, struct err *err)
{
    if (e->len > w->active->max - buf_len(w->capture))
        return err_set(err, E_LIMIT,
                       "message: %s at offset %" PRIu64 " is longer than %zu bytes",
                       w->active->name, e->offset, w->active->max);
    if (buf_put(w->capture, e->raw, e->len) != 0)
        return err_set(err, E_NOMEM, "message: out of memory for %s", w->active->name);
    return 0;
}

/* A header where rules apply: enters, or starts a capture or a string. */
static int
open_element(struct walk *w, const struct ber_event *e, struct err *err)
{
    struct walk_frame *inner = &w->frames[e->depth];
    const struct walk_rule *rule = NULL;
    int rc = match(w, e, &rule, err);

    if (rule == NULL)
        return rc;
    if (rule->action == WALK_CAPTURE || w->frames[e->depth - 1].each) {
        w->active = rule;
        w->active_depth = e->depth;
        w->capturing = true;
        buf_reset(w->capture);
        return capture_put(w, e, err);
    }
    if (rule->action == WALK_STRING) {
        w->active = rule;
        w->active_depth = e->depth;
        w->capturing = false;
        w->ber.is_ber |= e->header.constructed;
        return rule->begin == NULL ? 0 : rule->begin(w->arg, err);
    }
    inner->each = rule->action == WALK_EACH;
    inner->next = inner->each ? rule : rule->inside;
    return rule->choose == NULL ? 0 : rule->choose(w->arg, &inner->next, err);
}

/* The end of an element that was entered: what was not there must be optional. */
static int
close_entered(const struct walk *w, const struct ber_event *e, struct err *err)
{
    const struct walk_rule *r = w->frames[e->depth].next;

    while (!w->frames[e->depth].each && r->name != NULL && r->optional)
        r++;
    if (w->frames[e->depth].each || r->name == NULL)
        return 0;
    return err_set(err, E_MALFORMED, "message: %s is missing at offset %" PRIu64, r->name,
                   e->offset);
}

static int
close_active(struct walk *w, struct err *err)
{
    const struct walk_rule *rule = w->active;

    w->active = NULL;
    if (!w->capturing)
        return 0;
    return rule->element(w->arg, buf_data(w->capture), buf_len(w->capture), err);
}

/* Within a capture everything is kept; within a string only segments may be. */
static int
event_in_active(struct walk *w, const struct ber_event *e, struct err *err)
{
    bool last = e->kind == BER_END && e->depth == w->active_depth;
    int rc = 0;

    if (w->capturing)
        rc = capture_put(w, e, err);
    else if (e->kind == BER_BYTES)
        rc = w->active->bytes(w->arg, e->raw, e->len, err);
    else if (e->kind == BER_HEADER && e->header.id != BER_OCTET_STRING)
        rc = err_set(err, E_MALFORMED,
                     "message: a segment of %s is no OCTET STRING at offset %" PRIu64,
                     w->active->name, e->offset);
    return rc != 0 || !last ? rc : close_active(w, err);
}

static int
count_other(struct walk *w, const struct ber_event *e, struct err *err)
{
    if (w->active != NULL && !w->capturing)
        return 0;
    w->other += e->len;
    w->elements += e->kind == BER_HEADER;
    if (w->elements > CMS_MAX_ELEMENTS)
        return err_set(err, E_LIMIT, "message: more than %u ASN.1 elements that are not content, "
                       "at offset %" PRIu64, CMS_MAX_ELEMENTS, e->offset);
    if (w->other <= w->max_other)
        return 0;
    return err_set(err, E_LIMIT,
                   "message: more than %" PRIu64
                   " bytes that are not content, at offset %" PRIu64, w->max_other,
                   e->offset);
}

static int
handle(struct walk *w, const struct ber_event *e, struct err *err)
{
    int rc = count_other(w, e, err);

    if (rc != 0)
        return rc;
    if (w->active != NULL)
        return event_in_active(w, e, err);
    if (e->kind == BER_HEADER)
        return open_element(w, e, err);
    return close_entered(w, e, err);
}

int
walk_update(struct walk *w, const uint8_t **data, size_t *len, struct err *err)
{
    struct ber_event event;
    int rc;

    while ((rc = ber_next(&w->ber, data, len, &event, err)) == 1) {
        rc = handle(w, &event, err);
        if (rc != 0)
            return rc;
    }
    return rc;
}

int
walk_finish(const struct walk *w, struct err *err)
{
    return ber_finish(&w->ber, err);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/changes.h"

#include <string.h>

static bool
counts(const struct token *t)
{
    return (t->flags & TOKEN_INITIALIZED) || *t->serial || *t->label;
}

static bool
same(const struct token *a, const struct token *b)
{
    return a->host == b->host && strcmp(a->serial, b->serial) == 0 &&
           strcmp(a->label, b->label) == 0 && strcmp(a->model, b->model) == 0 &&
           strcmp(a->manufacturer, b->manufacturer) == 0 &&
           (a->generation != b->generation || (a->slot == b->slot && a->epoch == b->epoch));
}

static bool
has(const struct snapshot *s, const struct token *t)
{
    for (unsigned i = 0; s && i < snapshot_token_count(s); i++)
        if (same(snapshot_token(s, i), t))
            return true;
    return false;
}

void
changes_find(const struct snapshot *before, const struct snapshot *after,
             bool (*asked)(void *arg, const struct host *),
             void (*went)(void *arg, const struct token *),
             void (*came)(void *arg, const struct token *), void *arg)
{
    for (unsigned i = 0; before && i < snapshot_token_count(before); i++) {
        const struct token *t = snapshot_token(before, i);
        if (counts(t) && asked(arg, t->host) && !has(after, t))
            went(arg, t);
    }
    for (unsigned i = 0; i < snapshot_token_count(after); i++) {
        const struct token *t = snapshot_token(after, i);
        if (counts(t) && !has(before, t))
            came(arg, t);
    }
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mail/layers.h"

#include <stdlib.h>

#include <openssl/obj_mac.h>

struct layer {
    struct mail_layers *all;
    struct mail_reader *reader;
    bool written; /* what may have been payload */
};

struct mail_layers {
    struct mail_layers_options options;
    size_t max;
    bool failed; /* the sentence says already in which layer */
    /* Readers begun. The last has found no layer yet, except behind max. */
    struct layer layers[MAIL_LAYERS_MAX + 1];
    size_t count;
};

static int update_layer(struct layer *, const uint8_t *data, size_t len, struct err *err);

static bool
found(const struct layer *l)
{
    return mail_reader_form(l->reader) != MAIL_NONE;
}

static int
too_many(struct mail_layers *all, struct err *err)
{
    all->failed = true;
    return err_set(err, E_LIMIT, "the mail has more than %u layers", MAIL_LAYERS_MAX);
}

/* What was written of this layer as payload was none. */
static int
forget(struct layer *l, struct err *err)
{
    struct mail_layers *all = l->all;
    int rc;

    if (!l->written)
        return 0;
    l->written = false;
    rc = all->options.restart(all->options.restart_arg, err);
    all->failed |= rc != 0;
    return rc;
}

static int
write_payload(struct mail_layers *all, const uint8_t *data, size_t len, struct err *err)
{
    int rc = 0;

    if (all->options.content.write != NULL)
        rc = sink_write(&all->options.content, data, len, err);
    all->failed |= rc != 0;
    return rc;
}

/* One may hold a thousand times of what comes, so that several would hold anything. */
static int
check_compressed(struct mail_layers *all, struct err *err)
{
    struct cms_reader *cms;
    size_t n = 0;

    for (size_t i = 0; i < all->count; i++)
        for (size_t k = 0; (cms = mail_reader_cms_at(all->layers[i].reader, k)) != NULL; k++)
            n += cms_reader_type(cms) == NID_id_smime_ct_compressedData;
    if (n <= MAIL_COMPRESSED_MAX)
        return 0;
    all->failed = true;
    return err_set(err, E_LIMIT, "the mail is compressed more than %u times",
                   MAIL_COMPRESSED_MAX);
}

/* The content of a layer, which is perhaps a layer itself. */
static int on_content(void *arg, const uint8_t *data, size_t len, struct err *err);

static int
begin_layer(struct mail_layers *all, struct err *err)
{
    struct layer *l = &all->layers[all->count];
    struct mail_reader_options options = {
        .content = {.write = on_content, .arg = l},
        .all_digests = all->options.all_digests,
        .decrypt = all->options.decrypt,
        .root_only = all->count > 0,
        .plain = true,
        .nested = true,
    };
    int rc = check_compressed(all, err);

    l->all = all;
    if (rc == 0)
        rc = mail_reader_new(&l->reader, &options, err);
    all->count += rc == 0;
    return rc;
}

static int
on_content(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    struct layer *l = arg;
    struct mail_layers *all = l->all;
    size_t next = (size_t)(l - all->layers) + 1;
    int rc = forget(l, err);

    if (rc != 0)
        return rc;
    if (next == all->max)
        return write_payload(all, data, len, err);
    if (next > MAIL_LAYERS_MAX)
        return too_many(all, err);
    if (next == all->count)
        rc = begin_layer(all, err);
    return rc != 0 ? rc : update_layer(&all->layers[next], data, len, err);
}

/* Says in which layer something failed: deeper ones have said so already. */
static int
place(struct layer *l, int rc, struct err *err)
{
    struct mail_layers *all = l->all;

    if (rc != 0 && !all->failed && l != all->layers)
        (void)err_prefix(err, "layer %zu", (size_t)(l - all->layers) + 1);
    all->failed |= rc != 0;
    return rc;
}

static int
update_layer(struct layer *l, const uint8_t *data, size_t len, struct err *err)
{
    int rc = place(l, mail_reader_update(l->reader, data, len, err), err);

    if (rc != 0)
        return rc;
    if (found(l))
        return forget(l, err);
    l->written = l->all->options.content.write != NULL;
    return write_payload(l->all, data, len, err);
}

int
mail_layers_new(struct mail_layers **ret, const struct mail_layers_options *options,
                struct err *err)
{
    struct mail_layers *all = calloc(1, sizeof *all);
    int rc;

    if (all == NULL)
        return err_set(err, E_NOMEM, "out of memory reading the mail");
    all->options = *options;
    all->max = options->max_layers == 0 || options->max_layers > MAIL_LAYERS_MAX
                   ? MAIL_LAYERS_MAX + 1
                   : options->max_layers;
    rc = begin_layer(all, err);
    if (rc != 0)
        mail_layers_free(&all);
    else
        *ret = all;
    return rc;
}

void
mail_layers_free(struct mail_layers **all)
{
    if (all == NULL || *all == NULL)
        return;
    for (size_t i = 0; i < (*all)->count; i++)
        mail_reader_free(&(*all)->layers[i].reader);
    free(*all);
    *all = NULL;
}

int
mail_layers_update(struct mail_layers *all, const uint8_t *data, size_t len, struct err *err)
{
    return update_layer(&all->layers[0], data, len, err);
}

/* The outermost first: what it holds back still goes to those within. */
int
mail_layers_finish(struct mail_layers *all, struct err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < all->count; i++) {
        struct layer *l = &all->layers[i];

        rc = place(l, mail_reader_finish(l->reader, err), err);
        if (rc == 0 && found(l))
            rc = i == MAIL_LAYERS_MAX ? too_many(all, err) : forget(l, err);
    }
    return rc;
}

size_t
mail_layers_count(const struct mail_layers *all)
{
    return all->count - !found(&all->layers[all->count - 1]);
}

struct mail_reader *
mail_layers_get(const struct mail_layers *all, size_t i)
{
    return i < mail_layers_count(all) ? all->layers[i].reader : NULL;
}

bool
mail_layers_again(const struct mail_layers *all)
{
    bool again = false;

    for (size_t i = 0; i < all->count; i++)
        again |= mail_reader_again(all->layers[i].reader);
    return again;
}

const struct mail_reader *
mail_layers_payload(const struct mail_layers *all)
{
    const struct layer *last = &all->layers[all->count - 1];

    return found(last) ? NULL : last->reader;
}

const struct header *
mail_layers_header(const struct mail_layers *all)
{
    return mail_reader_header(all->layers[0].reader);
}

void
mail_layers_protected(const struct mail_layers *all, struct protected_header *ret)
{
    size_t count = mail_layers_count(all);
    const struct mail_reader *last = count == 0 ? NULL : all->layers[count - 1].reader;

    protected_find(ret, last == NULL ? NULL : mail_reader_inner(last),
                   last == NULL ? NULL : mail_reader_wrapped(last));
}

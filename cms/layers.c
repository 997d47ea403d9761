/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/layers.h"

#include <inttypes.h>
#include <stdlib.h>

#include <openssl/objects.h>

#include "cms/reader_int.h"

struct layer {
    struct cms_layers *all;
    size_t index;
    struct cms_reader *reader;  /* NULL: not begun */
};

struct cms_layers {
    struct cms_layers_options options;
    size_t max;
    struct layer layers[CMS_MAX_LAYERS];
    size_t count;
    size_t compressed;          /* layers of CompressedData */
    bool blamed;                /* an error has its layer's number, or needs none */
};

static int
blame(struct cms_layers *l, size_t index, int rc, struct err *err)
{
    if (rc != 0 && !l->blamed && index > 0)
        err_prefix(err, "layer %zu", index + 1);
    l->blamed |= rc != 0;
    return rc;
}

/* The reader's content is CMS: its kind, or 0 in *ret_bare for a whole ContentInfo. */
static bool
is_cms(const struct cms_reader *r, int *ret_bare)
{
    int nid = cms_reader_content_type(r);

    *ret_bare = nid == NID_id_smime_ct_contentInfo ? 0 : nid;
    return nid == NID_id_smime_ct_contentInfo || reader_nested_kind(nid) != NULL;
}

/* Compression over compression multiplies: what comes out at last is held against
 * what the message has brought. */
static int
check_expansion(struct layer *layer, size_t len, struct err *err)
{
    struct cms_layers *l = layer->all;
    uint64_t ratio = l->options.reader.max_inflate_ratio, brought, size;

    if (l->compressed < 2 || ratio == CMS_INFLATE_ANY)
        return 0;
    if (ratio == 0)
        ratio = CMS_INFLATE_RATIO;
    brought = cms_reader_offset(l->layers[0].reader);
    size = cms_reader_content_size(layer->reader) + len;
    if (size <= CMS_INFLATE_FREE || (size - CMS_INFLATE_FREE) / ratio <= brought)
        return 0;
    return err_set(err, E_LIMIT, "message: its content, compressed %zu times, is more than %" PRIu64
                   " times as long as the message; it may be made to fill memory or disk, and is "
                   "not decompressed further", l->compressed, ratio);
}

static int content(void *arg, const uint8_t *data, size_t len, struct err *err);

/* The next layer, which is in the last one's content. */
static int
begin(struct cms_layers *l, int bare, struct err *err)
{
    struct layer *layer = &l->layers[l->count];
    struct cms_reader_options options = l->options.reader;
    int rc;

    if (l->count == l->max)
        return err_set(err, E_LIMIT, "message: CMS within CMS, more than %zu layers of it", l->max);
    layer->all = l;
    layer->index = l->count;
    options.content = (struct sink){ .write = content, .arg = layer };
    options.bare = bare;
    if (l->count > 0)
        options.allow_padding = false;
    rc = cms_reader_new(&layer->reader, &options, err);
    if (rc == 0)
        l->count++;
    return rc;
}

/* A layer's content has begun: is there another one in it? */
static int
look_into(struct layer *layer, struct err *err)
{
    struct cms_layers *l = layer->all;
    int bare;

    l->compressed += cms_reader_type(layer->reader) == NID_id_smime_ct_compressedData;
    return is_cms(layer->reader, &bare) ? blame(l, l->count, begin(l, bare, err), err) : 0;
}

/* Octets of a layer's content: for the next layer, or the innermost. */
static int
content(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    struct layer *layer = arg;
    struct cms_layers *l = layer->all;
    bool first = cms_reader_content_size(layer->reader) == len;
    size_t next = layer->index + 1;
    int rc = first ? look_into(layer, err) : 0;

    if (rc == 0)
        rc = blame(l, layer->index, check_expansion(layer, 0, err), err);
    if (rc != 0)
        return rc;
    if (next < l->count)
        return blame(l, next, cms_reader_update(l->layers[next].reader, data, len, err), err);
    if (l->options.reader.content.write == NULL)
        return 0;
    rc = sink_write(&l->options.reader.content, data, len, err);
    l->blamed |= rc != 0;
    return rc;
}

int
cms_layers_new(struct cms_layers **ret, const struct cms_layers_options *options,
               struct err *err)
{
    struct cms_layers *l = calloc(1, sizeof *l);
    int rc;

    if (l == NULL)
        return err_set(err, E_NOMEM, "message: out of memory");
    l->options = *options;
    l->max = options->max_layers == 0 || options->max_layers > CMS_MAX_LAYERS
        ? CMS_MAX_LAYERS : options->max_layers;
    rc = begin(l, options->reader.bare, err);
    if (rc != 0)
        cms_layers_free(&l);
    else
        *ret = l;
    return rc;
}

int
cms_layers_update(struct cms_layers *l, const void *data, size_t len, struct err *err)
{
    return cms_reader_update(l->layers[0].reader, data, len, err);
}

/* CMS should be in the content, but not one octet came of it. */
static bool
lacks_layer(const struct cms_layers *l)
{
    const struct cms_reader *r = l->layers[l->count - 1].reader;
    bool opened = r->enveloped == NULL || r->options.decrypt != NULL;
    int bare;

    return r->has_content && opened && r->content_size == 0 && is_cms(r, &bare);
}

int
cms_layers_finish(struct cms_layers *l, struct err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < l->count; i++)
        rc = blame(l, i, cms_reader_finish(l->layers[i].reader, err), err);
    if (rc == 0 && lacks_layer(l))
        rc = err_set(err, E_TRUNCATED, "layer %zu: message: it is empty", l->count + 1);
    return rc;
}

size_t
cms_layers_count(const struct cms_layers *l)
{
    return l->count;
}

struct cms_reader *
cms_layers_get(const struct cms_layers *l, size_t i)
{
    return i < l->count ? l->layers[i].reader : NULL;
}

void
cms_layers_free(struct cms_layers **pl)
{
    if (pl == NULL || *pl == NULL)
        return;
    for (size_t i = 0; i < CMS_MAX_LAYERS; i++)
        cms_reader_free(&(*pl)->layers[i].reader);
    free(*pl);
    *pl = NULL;
}

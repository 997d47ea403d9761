/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading CMS within CMS: a message whose content is of another CMS type (signed
 * within enveloped, compressed within signed) is opened layer by layer, as a stream
 * and in constant memory, down to content that is no CMS.
 *
 * Life: as cms_reader's. cms_layers_new; cms_layers_update; cms_layers_finish, which
 * finishes every layer, the outermost first, and says whether the whole was whole; then
 * the layers' readers for facts and cms_verify; cms_layers_free. The innermost content goes to
 * options.content BEFORE anything is verified.
 *
 * By RFC 5652 the content of a type such as id-signedData is the bare structure, without a
 * ContentInfo around it (cms_reader_options.bare); id-ct-contentInfo holds a ContentInfo. A
 * layer of detached or absent content is the last, and so is one that is encrypted when
 * there are no options to decrypt. Where a layer says that CMS is in its content, the
 * content must be that, whole: garbage, nothing, or bytes behind it are errors.
 *
 * More than max_layers is E_LIMIT. So is content of several layers of CompressedData
 * that is longer, in relation to the message as a whole, than cms_reader_options lets one such
 * layer be. Bounds of the options are each layer's; allow_padding is the outermost's.
 * Errors carry the layer's offset, and from the second layer on "layer N" before it; what
 * options.content returns comes back as it is. One object belongs to one thread at a
 * time.
 */
#ifndef SIGNET_CMS_LAYERS_H
#define SIGNET_CMS_LAYERS_H

#include "cms/reader.h"

/* Most layers of one message. */
#define CMS_MAX_LAYERS 8

struct cms_layers_options {
    struct cms_reader_options reader;   /* for each layer; .content gets the innermost */
    size_t max_layers;                  /* 0: CMS_MAX_LAYERS, which it cannot exceed */
};

struct cms_layers;

int cms_layers_new(struct cms_layers **ret, const struct cms_layers_options *,
                   struct err *err) must_check;
int cms_layers_update(struct cms_layers *, const void *data, size_t len,
                      struct err *err) must_check;
int cms_layers_finish(struct cms_layers *, struct err *err) must_check;
/* Layers begun so far, and each one's reader: 0 is the outermost. Borrowed. */
size_t cms_layers_count(const struct cms_layers *);
struct cms_reader *cms_layers_get(const struct cms_layers *, size_t i);
/* Accepts NULL and pointer to NULL; nulls the pointer. */
void cms_layers_free(struct cms_layers **);
#define autofree_cms_layers __attribute__((cleanup(cms_layers_free)))

#endif

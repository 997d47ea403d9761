/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A mail through all its layers: signed, encrypted, compressed, and each again in the
 * other (RFC 8551 3.3 to 3.7, triple wrapping of RFC 2634 1.1), opened one within the
 * other as the mail passes, in constant memory.
 *
 * Life: mail_layers_new; mail_layers_update with the mail in pieces of any size;
 * mail_layers_finish; then each layer's reader for its verdict (mail/read.h), and
 * the questions about the payload; mail_layers_free. What it lends lives as long.
 * After an error the layers that were begun may still be asked what they are
 * (mail_reader_type), and nothing else.
 *
 * The first layer is looked for in the mail and its multiparts; every further one must
 * be the whole content of that before it: what lies in a part of a signed or
 * encrypted content belongs to that content, and is not opened. The content of
 * the last layer is the payload, a mail without layers is all payload.
 *
 * The payload goes to the sink as exact bytes BEFORE anything is verified: spool it.
 * Until a layer shows itself, what may be payload is written, too; `restart` then says
 * that all of it was none and must be forgotten.
 *
 * Limits: MAIL_LAYERS_MAX layers, MAIL_COMPRESSED_MAX of them compressed, else E_LIMIT.
 * Errors are those of mail/read.h, with "layer N: " before those of the second and
 * deeper. Not thread-safe.
 */
#ifndef SIGNET_MAIL_LAYERS_H
#define SIGNET_MAIL_LAYERS_H

#include "mail/protected.h"
#include "mail/read.h"

#define MAIL_LAYERS_MAX     10u
#define MAIL_COMPRESSED_MAX 2u

struct mail_layers_options {
    struct sink content;                           /* the payload; .write NULL: dropped */
    int (*restart)(void *arg, struct err *err);    /* must be there if content is */
    void *restart_arg;
    const struct cms_decrypt_options *decrypt;     /* NULL: nothing is decrypted */
    bool all_digests;                              /* as in mail_reader_options */
    size_t max_layers;                             /* 0: MAIL_LAYERS_MAX. One that is
                                                      less stops there; no error */
};

struct mail_layers;
int mail_layers_new(struct mail_layers **ret, const struct mail_layers_options *,
                    struct err *err) must_check;
void mail_layers_free(struct mail_layers **);
#define autofree_mail_layers __attribute__((cleanup(mail_layers_free)))
int mail_layers_update(struct mail_layers *, const uint8_t *data, size_t len,
                       struct err *err) must_check;
int mail_layers_finish(struct mail_layers *, struct err *err) must_check;

/* Layers found; the ith, 0 the outermost. */
size_t mail_layers_count(const struct mail_layers *);
struct mail_reader *mail_layers_get(const struct mail_layers *, size_t i);
/* A signature's digest was not computed: read again with all_digests. After
 * mail_reader_verify of each signed layer. */
bool mail_layers_again(const struct mail_layers *);

/* The payload read as a mail of its own, for mail_reader_whole, _inside and _openpgp.
 * NULL when nothing of it was seen, or max_layers ended the search. */
const struct mail_reader *mail_layers_payload(const struct mail_layers *);

/* The mail's own header, and what the payload says of it; form is PROTECTED_NOT in a mail
 * without layers. */
const struct header *mail_layers_header(const struct mail_layers *);
void mail_layers_protected(const struct mail_layers *, struct protected_header *ret);

#endif

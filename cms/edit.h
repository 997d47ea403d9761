/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inside of what changes a SignedData message (RFC 5652, 5.1) on its way through:
 * the content passes, everything around it is kept as the octets it came in.
 *
 * Life: edit_init; edit_update with the message; edit_finish; edit_clear in every
 * case. In between the actions are called: `prepare` when eContentType is known
 * and nothing was written, `content` as content passes, `change` when all was read
 * and signers and certificates are yet to be written.
 *
 * A message with content comes out with its outer lengths indefinite, for what is
 * behind the content is not known before it; one without comes out in one piece
 * at the end, in DER as far as its parts are. SETs are in order where all
 * their elements have definite lengths and the message is without content.
 */
#ifndef SIGNET_CMS_EDIT_H
#define SIGNET_CMS_EDIT_H

#include <openssl/x509.h>

#include "base/buf.h"
#include "base/sink.h"
#include "cms/certificate.h"
#include "cms/segments.h"
#include "cms/walk.h"

struct edit;

struct edit_actions {
    int (*prepare)(void *arg, struct edit *, struct err *err);      /* may be NULL */
    int (*content)(void *arg, const uint8_t *data, size_t len, struct err *err); /* or NULL */
    int (*change)(void *arg, struct edit *, struct err *err);
};

/* Elements one behind the other, as received. */
struct edit_list {
    struct buf *elements;
    size_t count;
};

struct edit {
    const struct edit_actions *actions;
    void *arg;
    struct sink out;
    struct walk walk;
    struct segments segments;
    ASN1_OBJECT *content_type;
    uint8_t version;
    struct edit_list algorithms, certs, crls, signers;
    bool has_content, segmented, done;
};

int edit_init(struct edit *, const struct edit_actions *, void *arg, const struct sink *out,
              struct err *err) must_check;
int edit_update(struct edit *, const void *data, size_t len, struct err *err) must_check;
int edit_finish(struct edit *, struct err *err) must_check;
void edit_clear(struct edit *);

/* For the actions. Each is put unless it is there; 0, E_NOMEM, E_LIMIT. */
int edit_add_algorithm(struct edit *, const X509_ALGOR *) must_check;
int edit_add_cert(struct edit *, const uint8_t *der, size_t len) must_check;
/* What a new signer brings: its certificate (NULL: left out) and further ones. */
int edit_add_certs(struct edit *, const struct cms_certificate *,
                   const STACK_OF(X509) *further) must_check;

/* The size of the first of these elements, whatever form it has. E_MALFORMED. */
int edit_element_size(const uint8_t *data, size_t len, size_t *ret) must_check;
/* Appends these elements as a SET or what is tagged as one: ordered when `ordered`
 * and all have definite lengths. */
int edit_put_set(struct buf *out, uint8_t id, const struct buf *elements,
                 bool ordered) must_check;

#endif

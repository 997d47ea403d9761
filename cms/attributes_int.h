/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside: the signed attributes that a signer asks for, and looking into those read. */
#ifndef SIGNET_CMS_ATTRIBUTES_INT_H
#define SIGNET_CMS_ATTRIBUTES_INT_H

#include "cms/asn1.h"
#include "cms/sign.h"

/* Appends them to *attrs, which has others. E_USAGE, E_LIMIT, E_NOMEM. */
int attributes_add(STACK_OF(X509_ATTRIBUTE) **attrs, const struct cms_signer *,
                   struct err *err) must_check;

/* DER that shrinks from the front. */
struct part {
    const uint8_t *data;
    size_t len;
};

/* Cuts the first element off: its identifier octet and contents. E_MALFORMED. */
int part_cut(struct part *from, uint8_t *ret_id, struct part *ret) must_check;
/* The one element that a part is. */
int part_only(struct part from, uint8_t *ret_id, struct part *ret) must_check;
/* The one value of a signed attribute: 1, 0 when absent, E_MALFORMED when it is there
 * twice or has not one value. */
int attributes_find(const struct cms_signature *, const char *oid, uint8_t *ret_id,
                    struct part *ret) must_check;

#endif

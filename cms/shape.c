/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/shape.h"

#include "cms/ber.h"

/* Depth of SignerInfo's members, and how many stand before signedAttrs. */
#define MEMBER_DEPTH 2
#define BEFORE_SIGNED_ATTRS 3

#define UNIVERSAL_MAX 0x1e

/* EXTERNAL, EMBEDDED PDV, SEQUENCE and SET; strings are either (8.6, 8.7, 8.23). */
static bool
must_be_constructed(uint8_t id)
{
    return id == 0x08 || id == 0x0b || id == BER_SEQUENCE || id == BER_SET;
}

static bool
fits(const struct ber_header *h)
{
    if (h->id > UNIVERSAL_MAX || ber_is_string(h->id))
        return true;
    return h->constructed == must_be_constructed(h->id);
}

/* signedAttrs [0] and unsignedAttrs [1], but not the subjectKeyIdentifier [0]. */
static bool
is_attributes(const struct ber_header *h, unsigned member)
{
    return member >= BEFORE_SIGNED_ATTRS &&
           (h->id == BER_CONTEXT(0) || h->id == BER_CONTEXT(1));
}

int
shape_check_signer(const uint8_t *der, size_t len)
{
    struct ber ber;
    struct ber_event event;
    unsigned member = 0;
    int rc;

    ber_init(&ber);
    while ((rc = ber_next(&ber, &der, &len, &event, NULL)) == 1) {
        if (event.kind != BER_HEADER)
            continue;
        if (!fits(&event.header))
            return E_MALFORMED;
        if (event.depth != MEMBER_DEPTH)
            continue;
        if (is_attributes(&event.header, member) && !event.header.constructed)
            return E_MALFORMED;
        member++;
    }
    return rc;
}

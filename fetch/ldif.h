/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What libcurl makes of an LDAP answer, read as it comes: entries as lines
 *
 *   DN: <name>
 *   <tab>attribute: printable text
 *   <tab>attribute:: base64
 *
 * with empty lines anywhere. Values of the attributes that were asked for, with or without
 * ";binary" (RFC 4522) whichever way it was asked, go to the answer decoded; others are
 * passed over. Anything else is E_MALFORMED. A name may hold a line end, so a directory can
 * make up lines; its values are its own all the same.
 *
 * Memory is constant. Life: ldif_init, ldif_update for each piece, ldif_finish.
 */
#ifndef SIGNET_FETCH_LDIF_H
#define SIGNET_FETCH_LDIF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "fetch/answer.h"
#include "fetch/url.h"

struct ldif {
    struct answer *out;              /* borrowed, as is url */
    const struct url *url;
    int state;
    bool wanted;                     /* this value is kept */
    char name[URL_ATTRIBUTE_MAX];
    size_t name_len;
    uint32_t bits;                   /* base64 that makes no byte yet */
    unsigned digits;                 /* in the group of four */
    unsigned padding;
};

void ldif_init(struct ldif *, const struct url *, struct answer *out);
int ldif_update(struct ldif *, const void *data, size_t len) must_check;
int ldif_finish(struct ldif *) must_check;

/* Is an attribute, as the directory names it, one that the URL asks for? */
bool ldif_wanted(const struct url *, const char *name);

#endif

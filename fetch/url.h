/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * URLs from certificates and from redirects, held against what may be fetched: http,
 * https, and unless redirected to, ldap and ldaps (RFC 4516) with a server, one to four
 * attributes and no extensions; no user or password, no control characters, at most
 * WIRE_URL_MAX bytes. Spaces and bytes beyond ASCII, which CAs write into LDAP URLs, are
 * percent-encoded. libcurl's own parser reads it, and libcurl is later given what was read,
 * so that nothing is read in two ways.
 *
 * Life: url_read, then the fields; url_clear. Thread-safe.
 */
#ifndef SIGNET_FETCH_URL_H
#define SIGNET_FETCH_URL_H

#include <stdbool.h>
#include <stddef.h>

#include <curl/curl.h>

#include "base/err.h"

#define URL_ATTRIBUTES_MAX 4
#define URL_ATTRIBUTE_MAX 128

struct url {
    CURLU *handle;
    char *text;
    char *scheme;       /* lower case */
    char *host;         /* an IPv6 address in brackets */
    unsigned port;
    bool ldap;          /* ldap or ldaps */
    /* Of LDAP, as asked for. */
    char attributes[URL_ATTRIBUTES_MAX][URL_ATTRIBUTE_MAX];
    size_t attribute_count;
};

/* On failure *ret is empty. E_MALFORMED, E_DENIED, E_UNSUPPORTED, E_NOMEM. */
int url_read(struct url *ret, const char *text, bool redirected, struct err *err) must_check;
void url_clear(struct url *);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which proxy a URL is fetched through. Decided here and not by libcurl, because who goes
 * through a proxy is not held to public addresses: the proxy's own is the user's choice,
 * and the target's is the proxy's business.
 *
 * The configuration's word, a URL or "none", is for all. Without it the environment's, as
 * programs know them: http_proxy (in lower case alone), https_proxy, all_proxy, and no_proxy,
 * a list of "*", names (with all below them), addresses and address blocks.
 * Pure but for getenv.
 */
#ifndef SIGNET_FETCH_PROXY_H
#define SIGNET_FETCH_PROXY_H

#include <stdbool.h>

#include "fetch/url.h"

/* Borrowed from the configuration or the environment; NULL: none. */
const char *proxy_for(const struct url *, const char *configured);

/* Does no_proxy's list name the host (an IPv6 address in brackets or not)? */
bool proxy_excepted(const char *list, const char *host);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fetch/proxy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "fetch/address.h"

#define SEPARATORS ", \t"

static const char *
variable(const char *lower, const char *upper)
{
    const char *value = getenv(lower);
    if ((value == NULL || value[0] == '\0') && upper != NULL)
        value = getenv(upper);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

/* Is the host the name, or below it? A dot before or behind does not matter. */
static bool
is_below(const char *host, size_t host_len, const char *name, size_t len)
{
    if (len > 0 && name[0] == '.') {
        name++;
        len--;
    }
    if (len > 0 && name[len - 1] == '.')
        len--;
    if (host_len > 0 && host[host_len - 1] == '.')
        host_len--;
    if (len == 0 || len > host_len || strncasecmp(host + host_len - len, name, len) != 0)
        return false;
    return len == host_len || host[host_len - len - 1] == '.';
}

bool
proxy_excepted(const char *list, const char *host)
{
    char bare[ADDRESS_TEXT_MAX];
    size_t n = strlen(host);
    const char *address = host;
    if (n >= 2 && n < sizeof bare && host[0] == '[') {
        snprintf(bare, sizeof bare, "%.*s", (int)(n - 2), host + 1);
        address = bare;
    }
    for (const char *p = list + strspn(list, SEPARATORS); *p != '\0'; p += strspn(p, SEPARATORS)) {
        size_t len = strcspn(p, SEPARATORS);
        if ((len == 1 && *p == '*') || address_in(address, p, len) || is_below(host, n, p, len))
            return true;
        p += len;
    }
    return false;
}

const char *
proxy_for(const struct url *u, const char *configured)
{
    if (configured != NULL && configured[0] != '\0')
        return strcmp(configured, "none") == 0 ? NULL : configured;
    const char *except = variable("no_proxy", "NO_PROXY"), *proxy = NULL;
    if (except != NULL && proxy_excepted(except, u->host))
        return NULL;
    if (strcmp(u->scheme, "http") == 0)
        proxy = variable("http_proxy", NULL);
    else if (strcmp(u->scheme, "https") == 0)
        proxy = variable("https_proxy", "HTTPS_PROXY");
    return proxy != NULL ? proxy : variable("all_proxy", "ALL_PROXY");
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fetch/url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "fetch/wire.h"

/* How much of a URL a sentence shows. */
#define SHOWN "%.200s"

static const struct {
    const char *scheme;
    unsigned port;
    bool ldap;
} schemes[] = {{"http", 80, false}, {"https", 443, false}, {"ldap", 389, true}, {"ldaps", 636, true}};

static int
put_encoded(struct buf *out, const char *text)
{
    int rc = 0;
    for (; rc == 0 && *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        rc = c == ' ' || c >= 0x80 ? buf_putf(out, "%%%02X", c) : buf_put_byte(out, c);
    }
    return rc;
}

static bool
has_controls(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return true;
    return false;
}

/* A part as a string of ours; NULL when the URL has none. */
static char *
part(CURLU *handle, CURLUPart which)
{
    char *text = NULL, *copy = NULL;
    if (curl_url_get(handle, which, &text, 0) == CURLUE_OK && text != NULL)
        copy = strdup(text);
    curl_free(text);
    return copy;
}

static int
check_user(const struct url *u, const char *shown, struct err *err)
{
    static const CURLUPart parts[] = {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_OPTIONS};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        char *text = part(u->handle, parts[i]);
        free(text);
        if (text != NULL)
            return err_set(err, E_DENIED, SHOWN ": a URL with a user's name in it is not "
                           "fetched", shown);
    }
    return 0;
}

static int
read_scheme(struct url *u, const char *shown, bool redirected, struct err *err)
{
    char *port = part(u->handle, CURLUPART_PORT);
    unsigned long given = port != NULL ? strtoul(port, NULL, 10) : 0;
    free(port);
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        if (strcasecmp(u->scheme, schemes[i].scheme) != 0)
            continue;
        if (redirected && schemes[i].ldap)
            break;
        u->ldap = schemes[i].ldap;
        u->port = given > 0 && given < 65536 ? (unsigned)given : schemes[i].port;
        return 0;
    }
    return err_set(err, E_DENIED, redirected ? SHOWN ": a redirect there is not followed; only "
                   "to http and https" : SHOWN ": not fetched; only http, https, ldap and "
                   "ldaps are", shown);
}

/* The list behind the first '?', up to the next: "a;binary,b". */
static int
read_attributes(struct url *u, const char *list, size_t len, struct err *err)
{
    while (len > 0) {
        const char *comma = memchr(list, ',', len);
        size_t n = comma != NULL ? (size_t)(comma - list) : len;
        if (n == 0 || n >= URL_ATTRIBUTE_MAX || u->attribute_count == URL_ATTRIBUTES_MAX
            || memchr(list, '%', n) != NULL || memchr(list, '*', n) != NULL)
            return err_set(err, E_UNSUPPORTED, SHOWN ": its attributes are not one to %d plain "
                           "names; not fetched", u->text, URL_ATTRIBUTES_MAX);
        memcpy(u->attributes[u->attribute_count], list, n);
        u->attributes[u->attribute_count++][n] = '\0';
        n += comma != NULL;
        list += n;
        len -= n;
    }
    return 0;
}

/* RFC 4516 2: dn [ ? attributes [ ? scope [ ? filter [ ? extensions ] ] ] ]. */
static int
read_ldap(struct url *u, struct err *err)
{
    const char *at = strchr(u->text, '?'), *p = at;
    for (unsigned i = 0; p != NULL && i < 3; i++)
        p = strchr(p + 1, '?');
    if (p != NULL && p[1] != '\0')
        return err_set(err, E_UNSUPPORTED, SHOWN ": LDAP extensions are not supported; not "
                       "fetched", u->text);
    if (at != NULL && read_attributes(u, at + 1, strcspn(at + 1, "?"), err) != 0)
        return E_UNSUPPORTED;
    if (u->attribute_count == 0)
        return err_set(err, E_UNSUPPORTED, SHOWN ": names no attribute to fetch", u->text);
    return 0;
}

static int
parse(struct url *u, bool redirected, struct err *err)
{
    const char *slashes = strstr(u->text, "://");
    CURLUcode code;
    if (slashes == NULL)
        return err_set(err, E_MALFORMED, SHOWN ": no URL", u->text);
    if (strncasecmp(u->text, "ldap", 4) == 0 && (slashes[3] == '/' || slashes[3] == '?'))
        return err_set(err, E_UNSUPPORTED, SHOWN ": names no server, so there is nobody to ask",
                       u->text);
    if (slashes[3] == '/' && strncasecmp(u->text, "file", 4) != 0)
        return err_set(err, E_MALFORMED, SHOWN ": names no server", u->text);
    u->handle = curl_url();
    if (u->handle == NULL)
        return err_set(err, E_NOMEM, "out of memory");
    code = curl_url_set(u->handle, CURLUPART_URL, u->text, CURLU_NON_SUPPORT_SCHEME);
    if (code != CURLUE_OK)
        return err_set(err, E_MALFORMED, SHOWN ": no URL that can be fetched (%s)", u->text,
                       curl_url_strerror(code));
    curl_url_set(u->handle, CURLUPART_FRAGMENT, NULL, 0);
    u->scheme = part(u->handle, CURLUPART_SCHEME);
    u->host = part(u->handle, CURLUPART_HOST);
    if (u->scheme == NULL)
        return err_set(err, E_NOMEM, "out of memory");
    int rc = read_scheme(u, u->text, redirected, err);
    if (rc == 0)
        rc = check_user(u, u->text, err);
    if (rc == 0 && (u->host == NULL || u->host[0] == '\0'))
        rc = err_set(err, E_MALFORMED, SHOWN ": names no server", u->text);
    return rc == 0 && u->ldap ? read_ldap(u, err) : rc;
}

static char *
encoded(const char *text)
{
    struct buf *out = buf_new();
    char *copy = out != NULL && put_encoded(out, text) == 0 ? strdup(buf_cstr(out)) : NULL;
    buf_free(&out);
    return copy;
}

int
url_read(struct url *ret, const char *text, bool redirected, struct err *err)
{
    *ret = (struct url){0};
    if (strlen(text) > WIRE_URL_MAX)
        return err_set(err, E_MALFORMED, SHOWN "...: a URL longer than %d characters is not "
                       "fetched", text, WIRE_URL_MAX);
    if (has_controls(text))
        return err_set(err, E_MALFORMED, SHOWN ": a URL with control characters is not fetched",
                       text);
    ret->text = encoded(text);
    if (ret->text == NULL)
        return err_set(err, E_NOMEM, "out of memory");
    int rc = parse(ret, redirected, err);
    if (rc != 0)
        url_clear(ret);
    return rc;
}

void
url_clear(struct url *u)
{
    curl_url_cleanup(u->handle);
    free(u->text);
    free(u->scheme);
    free(u->host);
    *u = (struct url){0};
}

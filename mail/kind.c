/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mail/kind.h"

#include <string.h>
#include <strings.h>

static const struct {
    const char *type, *subtype;
    enum mail_kind kind;
} types[] = {
    {"multipart", "signed", KIND_SIGNED},
    {"application", "pkcs7-mime", KIND_CMS},
    {"application", "x-pkcs7-mime", KIND_CMS},
    {"application", "pkcs7-signature", KIND_SIGNATURE},
    {"application", "x-pkcs7-signature", KIND_SIGNATURE},
};

/* RFC 8551 3.2.1: file names tell where types do not. */
static const struct {
    const char *suffix;
    enum mail_kind kind;
} suffixes[] = {
    {".p7m", KIND_CMS},
    {".p7c", KIND_CMS},
    {".p7z", KIND_CMS},
    {".p7s", KIND_SIGNATURE},
};

static enum mail_kind
by_name(const char *name)
{
    size_t len;

    if (name == NULL)
        return KIND_OTHER;
    len = strlen(name);
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        size_t n = strlen(suffixes[i].suffix);

        if (len >= n && strcasecmp(name + len - n, suffixes[i].suffix) == 0)
            return suffixes[i].kind;
    }
    return KIND_OTHER;
}

/* Content-Disposition's parameter filename, to each(name, ret). */
static int
by_disposition(const struct header *h, enum mail_kind (*each)(const char *), enum mail_kind *ret)
{
    struct header_field f;
    struct media *m = NULL;
    int rc;

    if (!header_find(h, "Content-Disposition", 0, &f))
        return 0;
    rc = media_parse(&m, f.value, f.value_len);
    if (rc == 0)
        *ret = each(media_param(m, "filename"));
    media_free(&m);
    return rc == E_NOMEM ? rc : 0;
}

static enum mail_kind
by_type(const struct media *m)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (media_is(m, types[i].type, types[i].subtype))
            return types[i].kind;
    return KIND_OTHER;
}

int
kind_of(const struct media *m, const struct header *h, enum mail_kind *ret)
{
    *ret = KIND_OTHER;
    if (m == NULL)
        return 0;
    *ret = by_type(m);
    if (*ret == KIND_SIGNED && media_param_is(m, "protocol", "application/pgp-signature"))
        *ret = KIND_OPENPGP;
    if (!media_is(m, "application", "octet-stream"))
        return 0;
    *ret = by_name(media_param(m, "name"));
    return *ret == KIND_OTHER ? by_disposition(h, by_name, ret) : 0;
}

/* "smime.p7m", as mail programs write it. */
static enum mail_kind
by_our_name(const char *name)
{
    return name != NULL && strncasecmp(name, "smime.", 6) == 0 ? by_name(name) : KIND_OTHER;
}

bool
kind_is_ours(const struct media *m, const struct header *h)
{
    enum mail_kind kind = by_type(m);

    if (kind == KIND_OTHER)
        kind = by_our_name(media_param(m, "name"));
    return kind != KIND_OTHER || (by_disposition(h, by_our_name, &kind) == 0 && kind != KIND_OTHER);
}

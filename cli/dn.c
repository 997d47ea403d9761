/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/dn.h"

#include <stdbool.h>
#include <string.h>

#include "base/hex.h"

/* One "CN=Alice" of the text, its escapes undone. */
struct part {
    char type[64];
    char value[DN_MAX];
    size_t len;
    bool joined; /* '+' stands before it: same relative name as the part before */
};

struct parser {
    const char *at;
    const char *separators; /* what ends a part: ",+" or "/+" */
};

static int
parse_type(struct parser *p, struct part *part, struct err *err)
{
    size_t len;

    p->at += strspn(p->at, " ");
    len = strcspn(p->at, "=,/+\\ ");
    if (len == 0 || len >= sizeof part->type || p->at[len + strspn(p->at + len, " ")] != '=')
        return err_set(err, E_USAGE, "the subject cannot be read at \"%.40s\"; write it like "
                       "\"CN=Alice Example,O=Acme\"", p->at);
    memcpy(part->type, p->at, len);
    part->type[len] = '\0';
    p->at += len;
    p->at += strspn(p->at, " ") + 1;
    p->at += strspn(p->at, " ");
    return 0;
}

/* One character behind a backslash, or a byte in hex. */
static int
parse_escape(struct parser *p, char *out)
{
    size_t n;

    if (hex_decode(p->at, strnlen(p->at, 2), (uint8_t *)out, 1, &n) == 0 && n == 1) {
        p->at += 2;
        return 0;
    }
    if (!*p->at)
        return E_MALFORMED;
    *out = *p->at++;
    return 0;
}

static int
parse_value(struct parser *p, struct part *part, struct err *err)
{
    size_t kept = 0; /* trailing spaces go, unless escaped */

    part->len = 0;
    while (*p->at && !strchr(p->separators, *p->at)) {
        char c = *p->at++;
        bool escaped = c == '\\';
        if (escaped && parse_escape(p, &c) != 0)
            return err_set(err, E_USAGE, "the subject ends with a backslash; write \\\\ for one");
        if (part->len == sizeof part->value)
            return err_set(err, E_USAGE, "the subject is longer than %d bytes", DN_MAX);
        part->value[part->len++] = c;
        if (escaped || c != ' ')
            kept = part->len;
    }
    part->len = kept;
    if (kept == 0)
        return err_set(err, E_USAGE, "%s in the subject has no value", part->type);
    return 0;
}

/* Puts the part at one end of the name. */
static int
add_part(X509_NAME *name, const struct part *part, bool in_front, struct err *err)
{
    int nid = OBJ_txt2nid(part->type), loc = in_front ? 0 : -1, set = 0;

    if (nid == NID_undef)
        return err_set(err, E_USAGE, "%s in the subject is no known attribute; CN, O, OU, C, ST, "
                       "L, emailAddress, serialNumber, UID, DC are", part->type);
    if (part->joined)
        set = in_front ? 1 : -1;
    if (X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8, (const unsigned char *)part->value,
                                   (int)part->len, loc, set) != 1)
        return err_set_ossl(err, E_USAGE, "%s in the subject cannot be \"%.*s\"", part->type,
                            (int)part->len, part->value);
    return 0;
}

static int
parse_all(struct parser *p, X509_NAME *name, bool reversed, struct err *err)
{
    static const size_t max = DN_PARTS_MAX;
    struct part part = {.joined = false};

    for (size_t i = 0; i < max; i++) {
        int rc = parse_type(p, &part, err);
        if (rc == 0)
            rc = parse_value(p, &part, err);
        if (rc == 0)
            rc = add_part(name, &part, reversed, err);
        if (rc != 0 || !*p->at)
            return rc;
        part.joined = *p->at++ == '+';
    }
    return err_set(err, E_USAGE, "the subject has more than %zu parts", max);
}

int
dn_parse(const char *text, X509_NAME **ret, struct err *err)
{
    bool slashes = *text == '/';
    struct parser p = {.at = text + slashes, .separators = slashes ? "/+" : ",+"};
    X509_NAME *name = X509_NAME_new();
    int rc;

    if (!name)
        return err_set(err, E_NOMEM, "out of memory while reading the subject");
    rc = parse_all(&p, name, !slashes, err);
    if (rc != 0)
        X509_NAME_free(name);
    else
        *ret = name;
    return rc;
}

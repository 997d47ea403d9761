/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keyspec.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/keyspec_uri.h"
#include "base/buf.h"
#include "base/text.h"

/* Candidates that an ambiguity lists. */
#define CANDIDATES_MAX 6u
/* Digits of a key's name in such a list. */
#define SHORT_NAME 16

#define SHA256_DIGITS 64u
#define SHA1_DIGITS 40u

/* Lower-case digits without colons and spaces; 0 when it is not all hex or is longer
 * than a SHA-256. */
static size_t
plain_hex(const char *spec, char out[SHA256_DIGITS + 1])
{
    size_t n = 0;

    for (; *spec; spec++) {
        if (*spec == ':' || *spec == ' ')
            continue;
        if (!isxdigit((unsigned char)*spec) || n == SHA256_DIGITS)
            return 0;
        out[n++] = (char)tolower((unsigned char)*spec);
    }
    out[n] = '\0';
    return n;
}

static bool
hex_matches(const struct key *k, const char *hex, size_t len)
{
    if (len >= KEYSPEC_PREFIX_MIN && strncmp(k->name, hex, len) == 0)
        return true;
    for (unsigned i = 0; i < k->cert_count; i++) {
        if (len == SHA256_DIGITS && strcmp(k->certs[i].fingerprint, hex) == 0)
            return true;
        if (len == SHA1_DIGITS && strcmp(k->certs[i].sha1, hex) == 0)
            return true;
    }
    return false;
}

static bool
label_matches(const struct key *k, const char *spec)
{
    for (unsigned i = 0; i < k->place_count; i++)
        if (strcmp(k->places[i].label, spec) == 0)
            return true;
    for (unsigned i = 0; i < k->cert_count; i++)
        if (strcmp(k->certs[i].label, spec) == 0)
            return true;
    return false;
}

/* "alice@example.org", also as "Alice <alice@example.org>". */
static bool
email_matches(const struct key *k, const char *spec)
{
    const char *open = strrchr(spec, '<'), *start = open ? open + 1 : spec;
    size_t len = strcspn(start, ">");

    if (!memchr(start, '@', len))
        return false;
    for (unsigned i = 0; i < k->cert_count; i++)
        for (const char **e = k->certs[i].emails; *e; e++)
            if (strlen(*e) == len && strncasecmp(*e, start, len) == 0)
                return true;
    return false;
}

static bool
words_match(const struct key *k, const char *spec)
{
    char hex[SHA256_DIGITS + 1];
    size_t digits = plain_hex(spec, hex);

    return (digits > 0 && hex_matches(k, hex, digits)) || label_matches(k, spec) ||
           email_matches(k, spec);
}

int
keyspec_matches(const struct key *k, const char *spec, bool *ret, struct err *err)
{
    struct keyspec_uri *uri = NULL;
    int rc;

    if (!keyspec_is_uri(spec)) {
        *ret = words_match(k, spec);
        return 0;
    }
    rc = keyspec_uri_new(&uri, spec, err);
    if (rc == 0)
        *ret = keyspec_uri_matches_key(uri, k);
    keyspec_uri_free(&uri);
    return rc;
}

/* `"label" on token "demo" (3f2a...)`, or without a label the certificate's
 * subject. Text of tokens is made safe. */
static int
put_candidate(struct buf *out, const struct key *k)
{
    const char *word = *k->label ? k->label : k->cert_count ? k->certs[0].subject : "";
    const char *token = k->places[0].token->label;
    int rc = 0;

    if (*word) {
        rc = buf_put_byte(out, '"');
        if (rc == 0)
            rc = text_put_safe(out, word, strlen(word));
        if (rc == 0)
            rc = buf_put_str(out, "\" ");
    }
    if (rc == 0)
        rc = buf_put_str(out, "on token \"");
    if (rc == 0)
        rc = text_put_safe(out, token, strlen(token));
    if (rc == 0)
        rc = buf_putf(out, "\" (%.*s)", SHORT_NAME, k->name);
    return rc;
}

static int
ambiguous(const char *spec, const struct key *const *found, unsigned count, struct err *err)
{
    autofree_buf struct buf *list = buf_new();

    for (unsigned i = 0; list && i < count && i < CANDIDATES_MAX; i++)
        if ((i > 0 && buf_put_str(list, ", ") != 0) || put_candidate(list, found[i]) != 0)
            break;
    if (list && count > CANDIDATES_MAX && buf_putf(list, " and %u more",
                                                   count - CANDIDATES_MAX) != 0)
        buf_reset(list);
    if (spec)
        return err_set(err, E_AMBIGUOUS, "key \"%.100s\" is one of %u: %s; say which by the "
                       "digits in brackets", spec, count, list ? buf_cstr(list) : "");
    return err_set(err, E_AMBIGUOUS, "there are %u keys: %s; say which one (-u KEY)", count,
                   list ? buf_cstr(list) : "");
}

static int
none(const struct snapshot *s, const char *spec, struct err *err)
{
    unsigned tokens = 0;

    for (unsigned i = 0; i < snapshot_token_count(s); i++)
        if (snapshot_token(s, i)->flags & TOKEN_INITIALIZED)
            tokens++;
    if (tokens == 0)
        return err_set(err, E_NO_TOKEN, "no token is there: insert a card, name a module in "
                       "signet.conf, or make a software token (signet token create)");
    if (!spec)
        return err_set(err, E_NO_KEY, "there is no key on any token; make one (signet key "
                       "generate)");
    return err_set(err, E_NO_KEY, "no key answers to \"%.200s\"; signet keys lists those there "
                   "are", spec);
}

/* Collects the keys that answer, at most max of them; *ret_count counts all. */
static int
collect(const struct snapshot *s, const char *spec, const struct key **found, unsigned max,
        unsigned *ret_count, struct err *err)
{
    struct keyspec_uri *uri = NULL;
    unsigned n = 0;

    if (spec && keyspec_is_uri(spec)) {
        int rc = keyspec_uri_new(&uri, spec, err);
        if (rc != 0)
            return rc;
    }
    for (unsigned i = 0; i < snapshot_key_count(s); i++) {
        const struct key *k = snapshot_key(s, i);
        bool yes = !spec || (uri ? keyspec_uri_matches_key(uri, k) : words_match(k, spec));
        if (yes && n < max)
            found[n] = k;
        n += yes;
    }
    keyspec_uri_free(&uri);
    *ret_count = n;
    return 0;
}

int
keyspec_find(const struct snapshot *s, const char *spec, const struct key **ret,
             struct err *err)
{
    const struct key *found[CANDIDATES_MAX];
    unsigned count;
    int rc;

    if (spec && !*spec)
        spec = NULL;
    if (spec) {
        *ret = snapshot_find(s, spec);
        if (*ret)
            return 0;
    }
    rc = collect(s, spec, found, CANDIDATES_MAX, &count, err);
    if (rc != 0)
        return rc;
    if (count == 0)
        return none(s, spec, err);
    if (count > 1)
        return ambiguous(spec, found, count, err);
    *ret = found[0];
    return 0;
}

unsigned
keyspec_label_count(const struct snapshot *s, const char *label)
{
    unsigned n = 0;

    for (unsigned i = 0; i < snapshot_token_count(s); i++) {
        const struct token *t = snapshot_token(s, i);
        n += (t->flags & TOKEN_INITIALIZED) && strcmp(t->label, label) == 0;
    }
    return n;
}

static int
no_token(const char *spec, struct err *err)
{
    return err_set(err, E_NO_TOKEN, "there is no token \"%.100s\"; insert it, or see signet "
                   "tokens for those there are", spec);
}

static int
two_tokens(const char *spec, const struct token *a, const struct token *b, struct err *err)
{
    return err_set(err, E_AMBIGUOUS, "token \"%.100s\" is there twice: serial number %.64s and "
                   "serial number %.64s; say the serial number instead", spec, a->serial,
                   b->serial);
}

int
keyspec_token(const struct snapshot *s, const char *spec, const struct token **ret,
              struct err *err)
{
    struct keyspec_uri *uri = NULL;
    const struct token *first = NULL, *second = NULL;

    if (keyspec_is_uri(spec)) {
        int rc = keyspec_uri_new(&uri, spec, err);
        if (rc != 0)
            return rc;
    }
    for (unsigned i = 0; i < snapshot_token_count(s) && !second; i++) {
        const struct token *t = snapshot_token(s, i);
        bool yes = uri ? keyspec_uri_matches_token(uri, t)
                       : strcmp(t->label, spec) == 0 || strcmp(t->serial, spec) == 0;
        if (!yes || !(t->flags & TOKEN_INITIALIZED))
            continue;
        if (first)
            second = t;
        else
            first = t;
    }
    keyspec_uri_free(&uri);
    if (!first)
        return no_token(spec, err);
    if (second)
        return two_tokens(spec, first, second, err);
    *ret = first;
    return 0;
}

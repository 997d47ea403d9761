/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which certificates a word of the command line means. */
#include <ctype.h>
#include <string.h>
#include <unistd.h>

#include "base/hex.h"
#include "cli/certs_int.h"
#include "cli/dn.h"
#include "trust/certificate.h"

/* Digits of a fingerprint's beginning, at least. */
#define DIGITS_MIN 8
/* Candidates that a sentence lists. */
#define NAMED_MAX 6

struct taker {
    struct certs_list *list;
    const char *part;       /* of a subject or an address; NULL: all are meant */
    struct err *err;
};

static int
has_part(void *arg, const char *address, bool in_subject)
{
    (void)in_subject;
    return strcasestr(address, arg) ? 1 : 0;
}

static bool
is_part(X509 *cert, const char *part)
{
    autofree_buf struct buf *name = buf_new();

    if (name && certificate_put_name(name, X509_get_subject_name(cert)) == 0 &&
        strcasestr(buf_cstr(name), part))
        return true;
    return certificate_each_email(cert, has_part, (void *)(uintptr_t)part) == 1;
}

static int
take(void *arg, const struct store_cert *c)
{
    struct taker *t = arg;

    return !t->part || is_part(c->cert, t->part) ? certs_list_add(t->list, c, t->err) : 0;
}

/* The digits alone of a fingerprint as people copy it, with colons and blanks; 0 when it is
 * none. */
static size_t
digits_of(const char *who, char out[2 * STORE_FINGERPRINT + 1])
{
    size_t n = 0;

    for (; *who; who++) {
        if (*who == ':' || *who == ' ')
            continue;
        if (!isxdigit((unsigned char)*who) || n == 2 * STORE_FINGERPRINT)
            return 0;
        out[n++] = (char)tolower((unsigned char)*who);
    }
    out[n] = '\0';
    return n < DIGITS_MIN ? 0 : n;
}

/* The digits that do not make a byte are none to search by. */
static int
by_hash(struct store *s, const char *digits, size_t count, struct taker *t, struct err *err)
{
    uint8_t bytes[STORE_FINGERPRINT];
    struct store_query q = {.by = STORE_BY_FINGERPRINT, .bytes = bytes};
    int rc = hex_decode(digits, count & ~(size_t)1, bytes, sizeof bytes, &q.len);

    if (rc != 0)
        return err_set(err, E_INTERNAL, "the digits of a fingerprint are none");
    rc = store_search(s, &q, 0, take, t, err);
    q.by = STORE_BY_KEY;
    return rc == 0 ? store_search(s, &q, 0, take, t, err) : rc;
}

static int
by_subject(struct store *s, const char *who, struct taker *t, struct err *err)
{
    X509_NAME *name = NULL;
    struct store_query q = {.by = STORE_BY_SUBJECT};
    int rc = 0;

    if (dn_parse(who, &name, NULL) == 0) {
        q.name = name;
        rc = store_search(s, &q, 0, take, t, err);
    }
    X509_NAME_free(name);
    return rc;
}

int
certs_who(struct store *s, const char *who, struct certs_list *list, struct err *err)
{
    struct taker t = {.list = list, .err = err};
    struct store_query q = {.by = STORE_BY_ADDRESS, .address = who};
    char digits[2 * STORE_FINGERPRINT + 1];
    size_t before = list->count, count = digits_of(who, digits);
    int rc = 0;

    if (!*who)
        return err_set(err, E_USAGE, "whose certificate? give an address, a fingerprint or a "
                       "part of a name");
    if (!s)
        return 0;
    if (strchr(who, '@'))
        rc = store_search(s, &q, 0, take, &t, err);
    if (rc == 0 && list->count == before && count > 0)
        rc = by_hash(s, digits, count, &t, err);
    if (rc == 0 && list->count == before && strchr(who, '='))
        rc = by_subject(s, who, &t, err);
    /* All are looked at, since nothing better is known of them. */
    q.by = STORE_ALL;
    t.part = who;
    if (rc == 0 && list->count == before && count == 0)
        rc = store_search(s, &q, 0, take, &t, err);
    return rc;
}

static int
ambiguous(const char *who, const struct certs_list *l, struct err *err)
{
    autofree_buf struct buf *names = buf_new();
    int rc = names ? 0 : E_NOMEM;

    for (size_t i = 0; rc == 0 && i < l->count && i < NAMED_MAX; i++) {
        char print[2 * STORE_FINGERPRINT + 1];
        hex_encode(l->items[i].fingerprint, STORE_FINGERPRINT, print);
        rc = buf_putf(names, "%s%.*s (", i > 0 ? ", " : "", CERTS_SHOWN, print);
        if (rc == 0)
            rc = certs_put_short(l->items[i].cert, names);
        if (rc == 0)
            rc = buf_put_byte(names, ')');
    }
    if (rc == 0 && l->count > NAMED_MAX)
        rc = buf_putf(names, " and %zu others", l->count - NAMED_MAX);
    if (rc != 0)
        return err_set(err, rc, "out of memory for certificates");
    return err_set(err, E_AMBIGUOUS, "\"%s\" can be %zu certificates; give the fingerprint of the "
                   "one that is meant: %s", who, l->count, buf_cstr(names));
}

static int
from_file(const char *path, struct certs_list *list, struct err *err)
{
    struct certs_pile pile = {.certs = NULL};
    int rc = certs_pile_file(&pile, NULL, path, NULL, err);

    for (int i = 0; rc == 0 && i < sk_X509_num(pile.certs); i++)
        rc = certs_list_add_found(list, sk_X509_value(pile.certs, i), path, err);
    certs_pile_clear(&pile);
    if (rc == 0 && list->count == 0)
        rc = err_set(err, E_INPUT, "%s holds no certificate", path);
    return rc;
}

int
certs_one(struct store *s, const char *who, bool files, struct certs_list *list, struct err *err)
{
    int rc;

    if (files && (strchr(who, '/') || access(who, F_OK) == 0)) {
        rc = from_file(who, list, err);
        /* What is in the store is known better. */
        if (rc == 0 && s && list->count == 1) {
            struct store_query q = {.by = STORE_BY_FINGERPRINT,
                                    .bytes = list->items[0].fingerprint,
                                    .len = STORE_FINGERPRINT};
            struct certs_list known = {.count = 0};
            struct taker t = {.list = &known, .err = err};
            rc = store_search(s, &q, 0, take, &t, err);
            if (rc == 0 && known.count == 1) {
                certs_list_clear(list);
                *list = known;
            } else {
                certs_list_clear(&known);
            }
        }
    } else {
        rc = certs_who(s, who, list, err);
    }
    if (rc != 0)
        return rc;
    if (list->count == 0)
        return err_set(err, E_NO_CERT, "no certificate of \"%s\" is in the store%s", who,
                       files ? ", and there is no file of that name" : "; signet certs list "
                               "lists them");
    return list->count == 1 ? 0 : ambiguous(who, list, err);
}

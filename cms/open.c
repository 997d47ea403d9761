/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/enveloped.h"

#include <inttypes.h>
#include <string.h>

/* Most tries to open a message: each may be an operation of a token. */
#define TRIES_MAX 16

/* What goes on while a message is being opened. */
struct attempt {
    struct cms_reader *reader;
    struct opening opening;
    unsigned tries;
    int rc;                 /* first failure that does not end it; 0 for none */
    struct err why;
};

/* Failures after which another recipient may still open the message. */
static bool
is_about_recipient(int rc)
{
    return rc == E_DECRYPT || rc == E_MALFORMED || rc == E_UNSUPPORTED || rc == E_WEAK ||
           rc == E_LIMIT;
}

/* After a try: 1 it is open, 0 go on, or the error. */
static int
judge(struct attempt *a, size_t i, int rc, struct err *err)
{
    struct enveloped *e = a->reader->enveloped;
    struct err keep;

    if (rc == 0 && (e->any_key_len ? secret_len(e->key) == 0 || secret_len(e->key) > KEY_MAX
                                   : secret_len(e->key) != e->key_len))
        rc = err_set(err, E_DECRYPT, "its key has another length than the content's cipher needs");
    if (rc == 0) {
        e->result.opened = &e->recipients[i];
        e->result.weak |= a->opening.weak;
        return 1;
    }
    secret_wipe(e->key);
    err_prefix(err, "message: recipient %zu, before offset %" PRIu64, i + 1,
               e->recipients[i].offset);
    if (!is_about_recipient(rc))
        return rc;
    if (a->rc == 0 && err != NULL)
        keep = *err, a->why = keep;
    if (a->rc == 0)
        a->rc = rc;
    if (++a->tries == TRIES_MAX)
        return err_set(err, E_LIMIT, "message: the first %u fitting recipients do not open it; no "
                       "more are tried", TRIES_MAX);
    return 0;
}

static int
try_opener(struct attempt *a, size_t i, const struct cms_opener *opener, struct err *err)
{
    struct enveloped *e = a->reader->enveloped;
    const struct cms_recipient *r = &e->recipients[i];
    const SN_RECIPIENT *info = r->info;
    int rc;

    if (!cms_recipient_is(r, opener->cert))
        return 0;
    rc = r->kind == CMS_TO_RSA
        ? transport_open(info->d.ktri, opener, &a->opening, e->key, err)
        : agree_open(info->d.kari, r->key, opener, &a->opening, e->key, err);
    return judge(a, i, rc, err);
}

static bool
kek_is(const struct cms_kek *kek, const ASN1_OCTET_STRING *id)
{
    return kek->id == NULL ||
           (kek->id_len == (size_t)ASN1_STRING_length(id) &&
            memcmp(kek->id, ASN1_STRING_get0_data(id), kek->id_len) == 0);
}

static int
try_keks(struct attempt *a, size_t i, struct err *err)
{
    const struct cms_decrypt_options *o = a->opening.options;
    struct enveloped *e = a->reader->enveloped;
    const SN_RECIPIENT *info = e->recipients[i].info;
    int rc = 0;

    for (size_t k = 0; rc == 0 && k < o->kek_count; k++)
        if (kek_is(&o->keks[k], e->recipients[i].kek_id))
            rc = judge(a, i, kek_open(info->d.kekri, &o->keks[k], &a->opening, e->key, err), err);
    return rc;
}

static int
try_password(struct attempt *a, size_t i, struct err *err)
{
    const struct secret *password = a->opening.options->password;
    struct enveloped *e = a->reader->enveloped;
    const SN_RECIPIENT *info = e->recipients[i].info;

    if (password == NULL)
        return 0;
    return judge(a, i, password_open(info->d.pwri, password, &a->opening, e->key, err), err);
}

static int
try_recipient(struct attempt *a, size_t i, struct err *err)
{
    const struct cms_decrypt_options *o = a->opening.options;
    enum cms_recipient_kind kind = a->reader->enveloped->recipients[i].kind;
    int rc = 0;

    if (kind == CMS_TO_KEK)
        return try_keks(a, i, err);
    if (kind == CMS_TO_PASSWORD)
        return try_password(a, i, err);
    for (size_t k = 0; rc == 0 && k < o->opener_count; k++)
        rc = try_opener(a, i, &o->openers[k], err);
    return rc;
}

static int
try_found(struct attempt *a, struct err *err)
{
    const struct cms_decrypt_options *o = a->opening.options;
    struct enveloped *e = a->reader->enveloped;
    struct cms_opener found = { 0 };
    int rc;

    if (o->find == NULL)
        return 0;
    err_clear(err);
    rc = o->find(o->find_arg, e->recipients, e->result.count, &found, err);
    /* Who looked for a key says more than can be said here. */
    if (rc == E_NO_KEY && a->rc == 0 && err->text[0] != '\0') {
        a->rc = rc;
        a->why = *err;
    }
    if (rc != 0)
        return rc == E_NO_KEY ? 0 : rc;
    for (size_t i = 0; rc == 0 && i < e->result.count; i++)
        if (found.cert != NULL)
            rc = try_opener(a, i, &found, err);
    return rc;
}

/* Says what kinds of recipients there are that nobody here knows. */
static int
fail_no_key(const struct attempt *a, struct err *err)
{
    const struct enveloped *e = a->reader->enveloped;
    const char *other = NULL;

    if (a->rc != 0) {
        if (err != NULL)
            *err = a->why;
        return a->rc;
    }
    for (size_t i = 0; i < e->result.count && other == NULL; i++)
        if (e->recipients[i].kind == CMS_TO_OTHER)
            other = e->recipients[i].oid;
    return err_set(err, E_NO_KEY, "message: none of the given keys is for one of its %zu "
                   "recipient%s%s%s%s", e->result.count, e->result.count == 1 ? "" : "s",
                   other == NULL ? "" : "; recipients of the kind ",
                   other == NULL ? "" : other, other == NULL ? "" : " were skipped");
}

int
enveloped_open(struct cms_reader *r, struct err *err)
{
    struct enveloped *e = r->enveloped;
    struct attempt a = { .reader = r,
                         .opening = { .options = r->options.decrypt,
                                      .certs = e->result.originator_certs,
                                      .expected = e->key_len,
                                      .any_length = e->any_key_len } };
    struct err room = { 0 };
    int rc = 0;

    if (err == NULL)
        err = &room;
    e->key = secret_new(CMS_KEY_ROOM);
    if (e->key == NULL)
        return err_set(err, E_NOMEM, "message: out of memory for a key");
    for (size_t i = 0; rc == 0 && i < e->result.count; i++)
        rc = try_recipient(&a, i, err);
    if (rc == 0)
        rc = try_found(&a, err);
    return rc == 0 ? fail_no_key(&a, err) : rc == 1 ? 0 : rc;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The same key on two tokens becomes one key with two places, its certificates
 * and labels from both. */
#include <stdlib.h>
#include <string.h>

#include "agent/snapshot_impl.h"

static const char *
member(const json_t *o, const char *name)
{
    return json_string_value(json_object_get(o, name));
}

static bool
same_text(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

/* The certificate with this fingerprint in an array; on a token (by its label), or
 * anywhere when token is NULL. */
static json_t *
find_cert(const json_t *certs, const char *fingerprint, const char *token)
{
    size_t i;
    json_t *c;

    json_array_foreach(certs, i, c)
        if (same_text(member(c, "fingerprint"), fingerprint) &&
            (!token || same_text(member(c, "token"), token)))
            return c;
    return NULL;
}

int
snapshot_add_certs(struct snapshot *s, const struct token *t, const json_t *certs,
                   const char *key)
{
    size_t i;
    json_t *c;

    json_array_foreach(certs, i, c) {
        const char *fp = member(c, "fingerprint"), *of = key ? key : member(c, "key");
        if (!fp || !member(c, "der"))
            return E_PROTOCOL;
        if (find_cert(s->certs, fp, t->label))
            continue;
        json_t *copy = json_copy(c);
        if (!copy || json_object_set_new(copy, "token", json_string(t->label)) != 0 ||
            json_object_set_new(copy, "key", of ? json_string(of) : json_null()) != 0) {
            json_decref(copy);
            return E_NOMEM;
        }
        if (json_array_append_new(s->certs, copy) != 0)
            return E_NOMEM;
    }
    return 0;
}

static int
compare_found(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    int c = strcmp(x->name, y->name);

    return c ? c : (x->order > y->order) - (x->order < y->order);
}

static int
fill_cert(struct snapshot *s, struct cert *c, const json_t *o)
{
    const json_t *emails = json_object_get(o, "emails");
    size_t i, n = json_array_size(emails);
    json_t *e;

    c->fingerprint = snapshot_text(s, o, "fingerprint");
    c->sha1 = snapshot_text(s, o, "sha1");
    c->subject = snapshot_text(s, o, "subject");
    c->label = snapshot_text(s, o, "label");
    c->emails = arena_take(&s->arena, (n + 1) * sizeof *c->emails);
    if (!c->emails)
        return E_NOMEM;
    json_array_foreach(emails, i, e) {
        c->emails[i] = arena_text(&s->arena, json_string_value(e));
        if (!c->emails[i])
            return E_NOMEM;
    }
    return s->out_of_memory ? E_NOMEM : 0;
}

static int
fill_certs(struct snapshot *s, struct key *key, const json_t *certs)
{
    size_t i, n = json_array_size(certs);
    struct cert *list = arena_take(&s->arena, (n + 1) * sizeof *list);
    json_t *c;
    int rc;

    if (!list)
        return E_NOMEM;
    json_array_foreach(certs, i, c) {
        rc = fill_cert(s, &list[i], c);
        if (rc != 0)
            return rc;
    }
    key->certs = list;
    key->cert_count = (unsigned)n;
    return 0;
}

/* Whether some token holds a certificate of the issuer's name: without one a client
 * need not ask for CERTS to build a chain. */
static bool
issuer_is_here(const struct snapshot *s, const json_t *cert)
{
    const char *issuer = member(cert, "issuer"), *subject = member(cert, "subject");
    size_t i;
    json_t *c;

    if (!issuer || !subject || strcmp(issuer, subject) == 0)
        return false;
    json_array_foreach(s->certs, i, c) {
        const char *name = member(c, "subject");
        if (name && strcmp(name, issuer) == 0)
            return true;
    }
    return false;
}

static bool
shares_address(const json_t *a, const json_t *b)
{
    const json_t *one, *other;
    size_t i, k;

    json_array_foreach(json_object_get(a, "emails"), i, one)
        json_array_foreach(json_object_get(b, "emails"), k, other)
            if (json_equal(one, other))
                return true;
    return false;
}

/* Whether some token holds another certificate of one of its addresses: without one a
 * client need not ask which is to encrypt to. */
static bool
sibling_is_here(const struct snapshot *s, const json_t *cert)
{
    const char *own = member(cert, "fingerprint");
    size_t i;
    json_t *c;

    json_array_foreach(s->certs, i, c) {
        const char *print = member(c, "fingerprint");
        if (own && print && strcmp(own, print) != 0 && shares_address(cert, c))
            return true;
    }
    return false;
}

static bool
add_cert(const struct snapshot *s, json_t *certs, json_t *cert)
{
    bool issuer = issuer_is_here(s, cert), sibling = sibling_is_here(s, cert);

    return json_array_append(certs, cert) == 0 &&
           json_object_set_new(cert, "issuer_here", json_boolean(issuer)) == 0 &&
           json_object_set_new(cert, "sibling_here", json_boolean(sibling)) == 0;
}

/* What all places list, in one object: the first place's words, every token's
 * label, every certificate once. */
static json_t *
join_json(const struct snapshot *s, const struct found *f, size_t count)
{
    json_t *o = json_deep_copy(f[0].json), *tokens = json_array(), *certs = json_array(), *c;
    bool ok = o && tokens && certs;
    size_t k;

    for (size_t i = 0; ok && i < count; i++) {
        if (i == 0 || f[i].place.token != f[i - 1].place.token)
            ok = json_array_append_new(tokens, json_string(f[i].place.token->label)) == 0;
        json_array_foreach(json_object_get(f[i].json, "certificates"), k, c)
            if (ok && !find_cert(certs, member(c, "fingerprint"), NULL))
                ok = add_cert(s, certs, c);
    }
    ok = ok && json_object_set_new(o, "token", json_string(f[0].place.token->label)) == 0 &&
         json_object_set(o, "tokens", tokens) == 0 &&
         json_object_set(o, "certificates", certs) == 0;
    json_decref(tokens);
    json_decref(certs);
    if (ok) {
        json_object_del(o, "private");
        return o;
    }
    json_decref(o);
    return NULL;
}

static int
join(struct snapshot *s, struct key *key, const struct found *f, size_t count)
{
    json_t *o = join_json(s, f, count);
    char *text = NULL;
    int rc;

    if (!o)
        return E_NOMEM;
    key->name = f[0].name;
    key->label = "";
    for (size_t i = 0; i < count; i++) {
        bool twice = i > 0 && f[i].place.token == f[i - 1].place.token;
        if (!twice && key->place_count < SNAPSHOT_PLACES_MAX)
            key->places[key->place_count++] = f[i].place;
        if (!*key->label)
            key->label = f[i].place.label;
    }
    const char *type = member(o, "type");
    key->type = type ? alg_key_by_name(type) : ALG_KEY_NONE;
    key->bits = (unsigned)json_integer_value(json_object_get(o, "bits"));
    rc = json_object_set_new(o, "label", json_string(key->label)) == 0 ? 0 : E_NOMEM;
    if (rc == 0)
        rc = fill_certs(s, key, json_object_get(o, "certificates"));
    if (rc == 0)
        text = json_dumps(o, JSON_COMPACT);
    key->json = text ? arena_text(&s->arena, text) : NULL;
    if (rc == 0 && !key->json)
        rc = E_NOMEM;
    free(text);
    json_decref(o);
    return rc;
}

void
snapshot_drop_working(struct snapshot *s)
{
    while (s->found_count > 0)
        json_decref(s->found[--s->found_count].json);
    free(s->found);
    s->found = NULL;
    s->found_max = 0;
    json_decref(s->certs);
    s->certs = NULL;
}

int
snapshot_finish(struct snapshot *s, struct err *err)
{
    size_t n = s->found_count, i, k;
    int rc = 0;

    if (n > 0)
        qsort(s->found, n, sizeof *s->found, compare_found);
    s->keys = calloc(n ? n : 1, sizeof *s->keys);
    s->certs_json = json_dumps(s->certs, JSON_COMPACT);
    if (!s->keys || !s->certs_json)
        rc = E_NOMEM;
    for (i = 0; rc == 0 && i < n; i = k) {
        for (k = i + 1; k < n && strcmp(s->found[k].name, s->found[i].name) == 0; k++)
            ;
        rc = join(s, &s->keys[s->key_count++], &s->found[i], k - i);
    }
    snapshot_drop_working(s);
    if (rc != 0)
        return err_set(err, rc, "out of memory while listing keys");
    return 0;
}

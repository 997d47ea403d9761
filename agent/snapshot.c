/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/snapshot.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/arena.h"
#include "agent/snapshot_impl.h"

/* Length of a key's name: SHA-256 in hex. */
#define NAME_LEN 64

static const struct {
    const char *name;
    unsigned flag;
} flag_table[] = {
    {"login_required", TOKEN_LOGIN_REQUIRED},
    {"initialized", TOKEN_INITIALIZED},
    {"user_pin_initialized", TOKEN_USER_PIN_INITIALIZED},
    {"pin_locked", TOKEN_PIN_LOCKED},
    {"pin_final_try", TOKEN_PIN_FINAL_TRY},
    {"pin_count_low", TOKEN_PIN_COUNT_LOW},
    {"protected_path", TOKEN_PROTECTED_PATH},
    {"write_protected", TOKEN_WRITE_PROTECTED},
    {"pin_to_be_changed", TOKEN_PIN_TO_BE_CHANGED},
    {"so_pin_locked", TOKEN_SO_PIN_LOCKED},
    {"so_pin_final_try", TOKEN_SO_PIN_FINAL_TRY},
    {"so_pin_count_low", TOKEN_SO_PIN_COUNT_LOW},
};

unsigned
token_flags(const json_t *flags)
{
    unsigned set = 0;

    for (size_t i = 0; i < sizeof flag_table / sizeof *flag_table; i++)
        if (json_is_true(json_object_get(flags, flag_table[i].name)))
            set |= flag_table[i].flag;
    return set;
}

struct snapshot *
snapshot_new(void)
{
    struct snapshot *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    atomic_init(&s->refs, 1);
    s->certs = json_array();
    if (!s->certs)
        snapshot_unref(&s);
    return s;
}

struct snapshot *
snapshot_ref(struct snapshot *s)
{
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void
snapshot_unref(struct snapshot **ps)
{
    struct snapshot *s = ps ? *ps : NULL;

    if (!s)
        return;
    *ps = NULL;
    if (atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) > 1)
        return;
    snapshot_drop_working(s);
    free(s->certs_json);
    free(s->keys);
    arena_clear(&s->arena);
    free(s);
}

const char *
snapshot_text(struct snapshot *s, const json_t *o, const char *name)
{
    const char *t = arena_text(&s->arena, json_string_value(json_object_get(o, name)));

    if (!t)
        s->out_of_memory = true;
    return t;
}

static bool
is_name(const char *name)
{
    return name && strlen(name) == NAME_LEN && strspn(name, "0123456789abcdef") == NAME_LEN;
}

static int
add_key(struct snapshot *s, const struct token *t, const json_t *k, unsigned *count)
{
    const char *name = json_string_value(json_object_get(k, "name"));
    struct found *f;

    if (!is_name(name))
        return E_PROTOCOL;
    /* Only a public half is there: nothing to sign or decrypt with. */
    if (json_is_false(json_object_get(k, "private")))
        return 0;
    if (s->found_count >= SNAPSHOT_KEYS_MAX)
        return 0;
    if (s->found_count == s->found_max) {
        size_t max = s->found_max ? s->found_max * 2 : 16;
        f = realloc(s->found, max * sizeof *f);
        if (!f)
            return E_NOMEM;
        s->found = f;
        s->found_max = max;
    }
    f = &s->found[s->found_count++];
    f->json = json_incref((json_t *)(uintptr_t)k);
    f->place.token = t;
    f->place.label = snapshot_text(s, k, "label");
    f->place.id = snapshot_text(s, k, "id");
    f->name = snapshot_text(s, k, "name");
    f->order = s->found_count;
    ++*count;
    return 0;
}

static int
add_token(struct snapshot *s, const struct token *head, const json_t *o, struct token **ret)
{
    struct token *t = arena_take(&s->arena, sizeof *t);
    const json_t *slot = json_object_get(o, "slot");

    if (!t)
        return E_NOMEM;
    if (!json_is_object(o) || !json_is_integer(slot))
        return E_PROTOCOL;
    *t = *head;
    t->label = snapshot_text(s, o, "label");
    t->manufacturer = snapshot_text(s, o, "manufacturer");
    t->model = snapshot_text(s, o, "model");
    t->serial = snapshot_text(s, o, "serial");
    t->error = snapshot_text(s, o, "error");
    t->slot = (unsigned long)json_integer_value(slot);
    t->flags = token_flags(json_object_get(o, "flags"));
    t->removable = json_is_true(json_object_get(o, "removable"));
    t->device = t->removable || json_is_true(json_object_get(o, "hardware"));
    t->epoch = (unsigned)json_integer_value(json_object_get(o, "epoch"));
    t->pin_min = (unsigned)json_integer_value(json_object_get(o, "pin_min"));
    t->pin_max = (unsigned)json_integer_value(json_object_get(o, "pin_max"));
    if (s->out_of_memory)
        return E_NOMEM;
    s->tokens[s->token_count++] = t;
    *ret = t;
    return 0;
}

static int
add_objects(struct snapshot *s, struct token *t, const json_t *o)
{
    size_t i;
    json_t *k;
    int rc = 0;

    json_array_foreach(json_object_get(o, "keys"), i, k) {
        rc = add_key(s, t, k, &t->keys);
        if (rc == 0)
            rc = snapshot_add_certs(s, t, json_object_get(k, "certificates"),
                                    json_string_value(json_object_get(k, "name")));
        if (rc != 0)
            return rc;
    }
    return snapshot_add_certs(s, t, json_object_get(o, "certificates"), NULL);
}

/* Takes back what a listing that turned out malformed had added. */
static void
roll_back(struct snapshot *s, unsigned tokens, size_t found, size_t certs)
{
    s->token_count = tokens;
    while (s->found_count > found)
        json_decref(s->found[--s->found_count].json);
    while (json_array_size(s->certs) > certs)
        json_array_remove(s->certs, json_array_size(s->certs) - 1);
}

int
snapshot_add(struct snapshot *s, const char *module, struct host *host, const json_t *list,
             struct pin *(*find_pin)(void *arg, const struct token *), void *arg,
             struct err *err)
{
    struct token head = {.module = arena_text(&s->arena, module), .host = host}, *t;
    unsigned tokens = s->token_count;
    size_t found = s->found_count, certs = json_array_size(s->certs), i;
    int rc = json_is_array(list) ? 0 : E_PROTOCOL;
    json_t *o;

    json_array_foreach(list, i, o) {
        if (rc != 0 || s->token_count >= SNAPSHOT_TOKENS_MAX)
            break;
        rc = add_token(s, &head, o, &t);
        if (rc == 0 && find_pin) {
            t->pin = find_pin(arg, t);
            rc = t->pin ? 0 : E_NOMEM;
        }
        if (rc == 0)
            rc = add_objects(s, t, o);
    }
    if (rc == 0)
        return 0;
    roll_back(s, tokens, found, certs);
    if (rc == E_NOMEM)
        return err_set(err, rc, "out of memory while listing the tokens of module \"%s\"",
                       module);
    return err_set(err, rc, "module \"%s\": its token host's listing is malformed; it is of "
                   "another version than the agent", module);
}

void
snapshot_note_generation(struct snapshot *s, const struct host *host, unsigned generation)
{
    for (unsigned i = 0; i < s->token_count; i++)
        if (s->tokens[i]->host == host)
            s->tokens[i]->generation = generation;
}

unsigned
snapshot_token_count(const struct snapshot *s)
{
    return s->token_count;
}

const struct token *
snapshot_token(const struct snapshot *s, unsigned i)
{
    return i < s->token_count ? s->tokens[i] : NULL;
}

unsigned
snapshot_key_count(const struct snapshot *s)
{
    return s->key_count;
}

const struct key *
snapshot_key(const struct snapshot *s, unsigned i)
{
    return i < s->key_count ? &s->keys[i] : NULL;
}

static int
compare_name(const void *name, const void *key)
{
    return strcmp(name, ((const struct key *)key)->name);
}

const struct key *
snapshot_find(const struct snapshot *s, const char *name)
{
    if (s->key_count == 0)
        return NULL;
    return bsearch(name, s->keys, s->key_count, sizeof *s->keys, compare_name);
}

const char *
snapshot_certs_json(const struct snapshot *s)
{
    return s->certs_json;
}

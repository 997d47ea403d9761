/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/memory.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/json_read.h"
#include "agent/keyspec.h"
#include "base/io.h"
#include "base/log.h"

/* Longest file that is read, in bytes. */
#define FILE_MAX (4u * 1024 * 1024)

struct seen {
    json_t *token;         /* as a host lists it, without what is long */
    struct snapshot *snap; /* of it alone */
};

struct memory {
    pthread_mutex_t lock;
    char *path;
    struct seen seen[MEMORY_TOKENS_MAX]; /* the last seen first */
    unsigned count;
};

/* The members that finding a key by a word takes. */
static json_t *
pick(const json_t *from, const char *const *names)
{
    json_t *to = json_object(), *value;

    for (; to && *names; names++) {
        value = json_object_get(from, *names);
        if (value)
            json_object_set(to, *names, value);
    }
    return to;
}

static json_t *
pick_certs(const json_t *certs)
{
    static const char *const names[] = {"fingerprint", "sha1", "subject", "label", "emails",
                                        NULL};
    json_t *list = json_array(), *c;
    size_t i;

    json_array_foreach(certs, i, c) {
        json_t *one = pick(c, names);
        json_object_set_new(one, "der", json_string(""));
        json_array_append_new(list, one);
    }
    return list;
}

static json_t *
pick_token(const json_t *token)
{
    static const char *const token_names[] = {"slot", "label", "manufacturer", "model",
                                              "serial", NULL};
    static const char *const key_names[] = {"name", "type", "bits", "label", "id", NULL};
    json_t *to = pick(token, token_names), *keys = json_array(), *k;
    size_t i;

    json_array_foreach(json_object_get(token, "keys"), i, k) {
        if (json_is_false(json_object_get(k, "private")))
            continue;
        json_t *one = pick(k, key_names);
        json_object_set_new(one, "certificates",
                            pick_certs(json_object_get(k, "certificates")));
        json_array_append_new(keys, one);
    }
    json_object_set_new(to, "keys", keys);
    return to;
}

static bool
same_member(const json_t *a, const json_t *b, const char *name)
{
    return json_equal(json_object_get(a, name), json_object_get(b, name));
}

static bool
same_token(const json_t *a, const json_t *b)
{
    return same_member(a, b, "manufacturer") && same_member(a, b, "model") &&
           same_member(a, b, "serial") && same_member(a, b, "label");
}

static struct snapshot *
make_snapshot(const json_t *token)
{
    struct snapshot *s = snapshot_new();
    /* A copy: a snapshot writes into what it is given. */
    json_t *list = json_pack("[o]", json_deep_copy(token));
    int rc = s && list ? snapshot_add(s, "", NULL, list, NULL, NULL, NULL) : E_NOMEM;

    json_decref(list);
    if (rc == 0)
        rc = snapshot_finish(s, NULL);
    if (rc != 0)
        snapshot_unref(&s);
    return s;
}

static void
drop(struct memory *m, unsigned i)
{
    json_decref(m->seen[i].token);
    snapshot_unref(&m->seen[i].snap);
    memmove(&m->seen[i], &m->seen[i + 1], (--m->count - i) * sizeof *m->seen);
}

/* To the front, when it holds the same keys as before; else it is dropped. Lock held. */
static bool
bring_forward(struct memory *m, const json_t *token)
{
    for (unsigned i = 0; i < m->count; i++) {
        struct seen found = m->seen[i];
        if (!same_token(found.token, token))
            continue;
        if (!same_member(found.token, token, "keys")) {
            drop(m, i);
            return false;
        }
        memmove(&m->seen[1], &m->seen[0], i * sizeof *m->seen);
        m->seen[0] = found;
        return true;
    }
    return false;
}

/* Takes the token to the front; true when it is new, or holds other keys. Lock held. */
static bool
put(struct memory *m, json_t *token)
{
    struct seen fresh = {.token = token};

    if (bring_forward(m, token) || !(fresh.snap = make_snapshot(token))) {
        json_decref(token);
        return false;
    }
    if (m->count == MEMORY_TOKENS_MAX)
        drop(m, m->count - 1);
    memmove(&m->seen[1], &m->seen[0], m->count++ * sizeof *m->seen);
    m->seen[0] = fresh;
    return true;
}

static void
load(struct memory *m)
{
    int fd = open(m->path, O_RDONLY | O_CLOEXEC);
    json_t *list, *token;
    size_t i;

    if (fd < 0)
        return;
    list = lseek(fd, 0, SEEK_END) <= (off_t)FILE_MAX && lseek(fd, 0, SEEK_SET) == 0
               ? json_read_fd(fd, 0, NULL) : NULL;
    close(fd);
    for (i = json_array_size(list); i-- > 0;) {
        token = json_array_get(list, i);
        if (json_is_object(token))
            put(m, json_incref(token));
    }
    json_decref(list);
}

/* A new file in the place of the old one; lock held. */
static void
save(struct memory *m)
{
    json_t *list = m->path ? json_array() : NULL;
    char *text = NULL, *temporary = NULL;
    int fd = -1;

    if (!list)
        return;
    for (unsigned i = 0; i < m->count; i++)
        json_array_append(list, m->seen[i].token);
    text = json_dumps(list, JSON_COMPACT);
    if (text && asprintf(&temporary, "%s.new", m->path) >= 0)
        fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || io_write_all(fd, text, strlen(text)) != 0 || rename(temporary, m->path) != 0)
        log_warn("%s cannot be written; which card holds which key is forgotten with this "
                 "agent", m->path);
    if (fd >= 0)
        close(fd);
    free(temporary);
    free(text);
    json_decref(list);
}

struct memory *
memory_new(const char *path)
{
    struct memory *m = calloc(1, sizeof *m);

    if (!m)
        return NULL;
    pthread_mutex_init(&m->lock, NULL);
    m->path = path ? strdup(path) : NULL;
    if (m->path)
        load(m);
    return m;
}

void
memory_free(struct memory **pm)
{
    struct memory *m = pm ? *pm : NULL;

    if (!m)
        return;
    while (m->count > 0)
        drop(m, m->count - 1);
    pthread_mutex_destroy(&m->lock);
    free(m->path);
    free(m);
    *pm = NULL;
}

void
memory_note(struct memory *m, const json_t *list)
{
    bool news = false;
    json_t *token;
    size_t i;

    pthread_mutex_lock(&m->lock);
    json_array_foreach(list, i, token)
        if (json_is_true(json_object_get(token, "removable")) &&
            json_array_size(json_object_get(token, "keys")) > 0)
            news |= put(m, pick_token(token));
    if (news)
        save(m);
    pthread_mutex_unlock(&m->lock);
}

static bool
is_here(const struct snapshot *here, const struct token *t)
{
    for (unsigned i = 0; i < snapshot_token_count(here); i++) {
        const struct token *other = snapshot_token(here, i);
        if (strcmp(other->serial, t->serial) == 0 && strcmp(other->label, t->label) == 0)
            return true;
    }
    return false;
}

int
memory_find_key(struct memory *m, const struct snapshot *here, const char *spec, struct err *err)
{
    int rc = 0;

    pthread_mutex_lock(&m->lock);
    for (unsigned i = 0; i < m->count && rc == 0; i++) {
        const struct token *t = snapshot_token(m->seen[i].snap, 0);
        const struct key *key;
        int found = keyspec_find(m->seen[i].snap, spec, &key, NULL);
        if ((found != 0 && found != E_AMBIGUOUS) || is_here(here, t))
            continue;
        rc = err_set(err, E_TOKEN_REMOVED, "the key%s%.80s%s is on token \"%s\" (serial number "
                     "%s), which is not connected; insert it and try again, or let the command "
                     "wait for it (--wait)", spec ? " \"" : "", spec ? spec : "",
                     spec ? "\"" : "", t->label, t->serial);
    }
    pthread_mutex_unlock(&m->lock);
    return rc;
}

int
memory_find_token(struct memory *m, const struct snapshot *here, const char *spec,
                  struct err *err)
{
    int rc = 0;

    pthread_mutex_lock(&m->lock);
    for (unsigned i = 0; i < m->count && rc == 0; i++) {
        const struct token *t = snapshot_token(m->seen[i].snap, 0);
        if ((strcmp(t->label, spec) != 0 && strcmp(t->serial, spec) != 0) || is_here(here, t))
            continue;
        rc = err_set(err, E_TOKEN_REMOVED, "token \"%s\" (serial number %s) is not connected; "
                     "insert it and try again", t->label, t->serial);
    }
    pthread_mutex_unlock(&m->lock);
    return rc;
}

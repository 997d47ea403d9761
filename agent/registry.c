/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/registry.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/changes.h"
#include "agent/listings.h"
#include "agent/thread.h"
#include "base/log.h"
#include "base/text.h"

/* How often one who waits for a card looks whether his client is still there. */
#define GLANCE_MS 500u

struct registry {
    struct hosts *hosts;
    struct settings *settings;
    struct pins *pins;
    struct watch *watch;
    struct memory *memory;
    struct listings *listings;
    bool listed[HOSTS_MAX];          /* hosts that answered at this look */
    pthread_mutex_t lock;
    pthread_cond_t done;
    pthread_cond_t arrived;
    unsigned long arrivals;          /* tokens that came */
    struct snapshot *newest;
    bool running;
    unsigned long started, finished; /* looks at the tokens */
    struct err trouble;              /* of the last look, with some host */
    bool minor;                      /* that host is one that only p11-kit names */
    unsigned logged[HOSTS_MAX];      /* a mark of what was last logged of each host */
};

struct registry *
registry_new(struct hosts *hosts, struct settings *settings, struct pins *pins,
             struct watch *watch, struct memory *memory)
{
    struct registry *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    r->hosts = hosts;
    r->settings = settings;
    r->pins = pins;
    r->watch = watch;
    r->memory = memory;
    r->listings = listings_new(watch_poke, watch);
    if (!r->listings) {
        free(r);
        return NULL;
    }
    thread_cond_init(&r->arrived);
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->done, NULL);
    return r;
}

void
registry_free(struct registry **pr)
{
    struct registry *r = pr ? *pr : NULL;

    if (!r)
        return;
    listings_free(&r->listings);
    snapshot_unref(&r->newest);
    pthread_cond_destroy(&r->done);
    pthread_cond_destroy(&r->arrived);
    pthread_mutex_destroy(&r->lock);
    free(r);
    *pr = NULL;
}

static struct pin *
find_pin(void *arg, const struct token *t)
{
    return pins_get(arg, t);
}

static void
note_devices(const struct snapshot *s, struct host *h)
{
    for (unsigned i = 0; i < snapshot_token_count(s); i++) {
        const struct token *t = snapshot_token(s, i);
        if (t->host == h && t->device)
            host_note_device(h, t->slot);
    }
}

/* A copy of a listing, each token of which says why it may be out of date. */
static json_t *
mark(const json_t *tokens, const char *why)
{
    json_t *copy = json_array(), *t;
    size_t i;

    json_array_foreach(tokens, i, t) {
        json_t *marked = json_copy(t);
        json_object_set_new(marked, "error", json_string(why));
        json_array_append_new(copy, marked);
    }
    return copy;
}

/* One host's listing into the snapshot. 0 when it is what the host says now. */
static int
add_host(struct registry *r, struct snapshot *s, struct host *h, struct listing *l,
         struct err *err)
{
    int rc;

    if (l->rc != 0)
        *err = l->err;
    if (!l->tokens)
        return l->rc;
    if (l->late) {
        json_t *marked = mark(l->tokens, l->err.text);
        json_decref(l->tokens);
        l->tokens = marked;
    }
    rc = snapshot_add(s, host_name(h), h, l->tokens, find_pin, r->pins, err);
    if (rc == 0)
        snapshot_note_generation(s, h, l->generation);
    if (rc == 0 && !l->late) {
        memory_note(r->memory, l->tokens);
        note_devices(s, h);
    }
    return rc != 0 ? rc : l->rc;
}

/* Once, not at every look. */
static void
log_trouble(struct registry *r, unsigned i, const char *text)
{
    unsigned mark = 5381;

    for (const char *c = text; *c; c++)
        mark = mark * 33 + (unsigned char)*c;
    if (i < HOSTS_MAX && r->logged[i] != mark) {
        r->logged[i] = mark;
        log_warn("%s", text);
    }
}

static void
find_unreadable(const struct snapshot *s, struct err *trouble, bool *minor)
{
    for (unsigned i = 0; i < snapshot_token_count(s); i++) {
        const struct token *t = snapshot_token(s, i);
        if (!*t->error)
            continue;
        err_set(trouble, E_TOKEN, "%s", t->error);
        *minor = false;
    }
}

/* One at a time. Trouble with a module that the user named comes before trouble with
 * one that merely is installed. */
static struct snapshot *
look(struct registry *r, struct err *trouble, bool *minor)
{
    struct snapshot *s = snapshot_new();
    struct err err = {0};
    struct listing l;
    struct host *h;

    *minor = true;
    hosts_update(r->hosts, r->settings);
    listings_ask(r->listings, r->hosts);
    for (unsigned i = 0; s && listings_get(r->listings, i, &h, &l); i++) {
        bool answered = add_host(r, s, h, &l, &err) == 0;
        json_decref(l.tokens);
        r->listed[i] = answered;
        if (answered)
            continue;
        log_trouble(r, i, err_text(&err));
        if (trouble->code == 0 || host_path(h))
            *trouble = err;
        if (host_path(h))
            *minor = false;
    }
    if (s)
        find_unreadable(s, trouble, minor);
    if (s && snapshot_finish(s, &err) != 0) {
        log_error("%s", err_text(&err));
        snapshot_unref(&s);
    }
    return s;
}

static bool
was_listed(void *arg, const struct host *host)
{
    struct registry *r = arg;
    const struct host *h;

    for (unsigned i = 0; i < HOSTS_MAX && (h = hosts_at(r->hosts, i)); i++)
        if (h == host)
            return r->listed[i];
    return true;
}

static void
tell(struct registry *r, const char *what, const struct token *t)
{
    char when[TEXT_TIME_LEN];
    json_t *o;
    char *text;

    text_time(time(NULL), when);
    o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I}", "time", when, "event", what, "token",
                  t->label, "serial", t->serial, "module", t->module, "slot",
                  (json_int_t)t->slot);
    text = o ? json_dumps(o, JSON_COMPACT) : NULL;
    if (text)
        watch_tell(r->watch, text);
    free(text);
    json_decref(o);
}

static void
has_gone(void *arg, const struct token *t)
{
    struct registry *r = arg;

    if (t->pin)
        pin_removed(t->pin);
    log_info("token \"%s\" (%s) was removed", t->label, t->serial);
    tell(r, "removed", t);
}

static void
has_come(void *arg, const struct token *t)
{
    struct registry *r = arg;

    log_info("token \"%s\" (%s) is there", t->label, t->serial);
    /* At the first look nothing has come: it was there. */
    if (r->finished > 0)
        tell(r, "inserted", t);
    pthread_mutex_lock(&r->lock);
    r->arrivals++;
    pthread_mutex_unlock(&r->lock);
}

/* Lock held, released meanwhile. */
static void
run(struct registry *r)
{
    struct err trouble = {0};
    bool minor;
    struct snapshot *s, *before = r->newest;
    unsigned long number = ++r->started;

    r->running = true;
    pthread_mutex_unlock(&r->lock);
    s = look(r, &trouble, &minor);
    /* Nobody else replaces the newest one while we run. */
    if (s)
        changes_find(before, s, was_listed, has_gone, has_come, r);
    pthread_mutex_lock(&r->lock);
    if (s) {
        snapshot_unref(&r->newest);
        r->newest = s;
    }
    pthread_cond_broadcast(&r->arrived);
    r->trouble = trouble;
    r->minor = minor;
    r->running = false;
    r->finished = number;
    pthread_cond_broadcast(&r->done);
}

/* Until a look that begins after this call has finished. Lock held. */
static void
await_look(struct registry *r, unsigned long wanted)
{
    while (r->finished < wanted) {
        if (r->running)
            pthread_cond_wait(&r->done, &r->lock);
        else
            run(r);
    }
}

struct snapshot *
registry_get(struct registry *r)
{
    pthread_mutex_lock(&r->lock);
    if (!r->newest)
        await_look(r, 1);
    struct snapshot *s = r->newest ? snapshot_ref(r->newest) : NULL;
    pthread_mutex_unlock(&r->lock);
    return s;
}

struct snapshot *
registry_refresh(struct registry *r)
{
    pthread_mutex_lock(&r->lock);
    await_look(r, r->started + 1);
    struct snapshot *s = r->newest ? snapshot_ref(r->newest) : NULL;
    pthread_mutex_unlock(&r->lock);
    return s;
}

static int
no_memory(struct err *err)
{
    return err_set(err, E_NOMEM, "out of memory while looking for tokens");
}

static int
explain(struct registry *r, int code, struct err *err)
{
    char why[ERR_TEXT_MAX];

    pthread_mutex_lock(&r->lock);
    bool tell = r->trouble.code != 0 && (code == E_NO_TOKEN || !r->minor);
    snprintf(why, sizeof why, "%s", tell ? err_text(&r->trouble) : "");
    pthread_mutex_unlock(&r->lock);
    if (!why[0] || !err)
        return code;
    char text[ERR_TEXT_MAX];
    snprintf(text, sizeof text, "%s", err->text);
    return err_set(err, code, "%s (%s)", text, why);
}

/* find: keyspec_find or keyspec_token behind one shape. */
typedef int finder(const struct snapshot *, const char *, const void **, struct err *);

static int
find_key(const struct snapshot *s, const char *spec, const void **ret, struct err *err)
{
    const struct key *k = NULL;
    int rc = keyspec_find(s, spec, &k, err);

    *ret = k;
    return rc;
}

static int
find_token(const struct snapshot *s, const char *spec, const void **ret, struct err *err)
{
    const struct token *t = NULL;
    int rc = keyspec_token(s, spec, &t, err);

    *ret = t;
    return rc;
}

/* What is not here may be on a card that was. */
static int
remember(struct registry *r, const struct snapshot *s, const char *spec, finder *look_up,
         int code, struct err *err)
{
    struct err known = {0};
    int rc = look_up == find_key ? memory_find_key(r->memory, s, spec, &known)
                                 : memory_find_token(r->memory, s, spec, &known);

    if (rc == 0)
        return code;
    if (err)
        *err = known;
    return rc;
}

static int
find(struct registry *r, const char *spec, finder *look_up, struct snapshot **ret_snap,
     const void **ret, struct err *err)
{
    struct snapshot *s = registry_get(r);
    int rc;

    if (!s)
        return no_memory(err);
    rc = look_up(s, spec, ret, err);
    if (rc == E_NO_KEY || rc == E_NO_TOKEN) {
        snapshot_unref(&s);
        s = registry_refresh(r);
        if (!s)
            return no_memory(err);
        rc = look_up(s, spec, ret, err);
    }
    /* It may be with one who has not answered yet. */
    if ((rc == E_NO_KEY || rc == E_NO_TOKEN) && listings_await(r->listings)) {
        snapshot_unref(&s);
        s = registry_refresh(r);
        if (!s)
            return no_memory(err);
        rc = look_up(s, spec, ret, err);
    }
    if (rc == 0) {
        *ret_snap = s;
        return 0;
    }
    if (rc == E_NO_KEY || rc == E_NO_TOKEN)
        rc = remember(r, s, spec, look_up, rc, err);
    snapshot_unref(&s);
    return rc == E_NO_KEY || rc == E_NO_TOKEN ? explain(r, rc, err) : rc;
}

int
registry_find_key(struct registry *r, const char *spec, struct snapshot **ret_snap,
                  const struct key **ret, struct err *err)
{
    const void *found = NULL;
    int rc = find(r, spec, find_key, ret_snap, &found, err);

    if (rc == 0)
        *ret = found;
    return rc;
}

int
registry_find_token(struct registry *r, const char *spec, struct snapshot **ret_snap,
                    const struct token **ret, struct err *err)
{
    const void *found = NULL;
    int rc = find(r, spec, find_token, ret_snap, &found, err);

    if (rc == 0)
        *ret = found;
    return rc;
}

unsigned long
registry_arrivals(struct registry *r)
{
    pthread_mutex_lock(&r->lock);
    unsigned long n = r->arrivals;
    pthread_mutex_unlock(&r->lock);
    return n;
}

bool
registry_await_arrival(struct registry *r, unsigned long seen, unsigned ms, bool (*gone)(void *),
                       void *arg)
{
    struct timespec until, glance;
    bool over = false;

    thread_deadline(&until, ms);
    pthread_mutex_lock(&r->lock);
    while (r->arrivals == seen && !over) {
        thread_deadline(&glance, GLANCE_MS);
        bool last = until.tv_sec < glance.tv_sec ||
                    (until.tv_sec == glance.tv_sec && until.tv_nsec < glance.tv_nsec);
        if (pthread_cond_timedwait(&r->arrived, &r->lock, last ? &until : &glance) == ETIMEDOUT)
            over = last || gone(arg);
    }
    bool came = r->arrivals != seen;
    pthread_mutex_unlock(&r->lock);
    return came;
}

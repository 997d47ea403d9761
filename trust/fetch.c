/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/fetch.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/conf.h"
#include "base/text.h"
#include "trust/fetch_helper.h"

_Static_assert(FETCH_URL_MAX == WIRE_URL_MAX && FETCH_BODY_MAX == WIRE_BODY_MAX
               && FETCH_TYPE_MAX == WIRE_TYPE_MAX && FETCH_VALUES_MAX == WIRE_VALUES_MAX,
               "both sides have the same limits");
_Static_assert((int)FETCH_GET == (int)WIRE_GET && (int)FETCH_POST == (int)WIRE_POST
               && (int)FETCH_SMIMEA == (int)WIRE_SMIMEA, "both sides have the same kinds");

#define SHOWN "%.200s"
#define KEY_BYTES 32

/* An answer's bytes, which several requests may hold. */
struct share {
    unsigned refs;
    void *map;
    size_t len;
    size_t count;
    struct fetch_value values[];
};

enum state { WAITING, SENT, KNOWN };

/* One thing that was asked for, remembered. */
struct entry {
    uint8_t key[KEY_BYTES];
    enum state state;
    const struct fetch_request *request;   /* while it waits */
    uint64_t max_bytes;
    bool authenticated;
    struct share *share;
    struct err err;                        /* code 0: all well */
};

struct fetcher {
    struct fetch_settings settings;
    char *proxy, *trust_anchor, *resolver;
    struct helper helper;
    struct entry *entries[FETCH_TOTAL_MAX];
    size_t count;
    unsigned sent;
    bool begun;
    uint64_t until;
};

void
fetch_settings_read(struct fetch_settings *s, const struct conf *conf)
{
    *s = (struct fetch_settings){
        .offline = conf_get_bool(conf, "fetch", NULL, "offline", false),
        .allow_private = conf_get_bool(conf, "fetch", NULL, "private", false),
        .deadline_ms = 1000 * conf_get_duration(conf, "fetch", NULL, "deadline",
                                                FETCH_DEADLINE_MS / 1000),
        .proxy = conf_get(conf, "fetch", NULL, "proxy"),
        .trust_anchor = conf_get(conf, "fetch", NULL, "dnssec-anchor"),
        .resolver = conf_get(conf, "fetch", NULL, "resolver"),
    };
}

static bool
copied(char **out, const char *text)
{
    *out = text != NULL ? strdup(text) : NULL;
    return text == NULL || *out != NULL;
}

int
fetcher_new(struct fetcher **ret, const struct fetch_settings *settings, struct err *err)
{
    struct fetcher *f = calloc(1, sizeof *f);
    if (f == NULL || !copied(&f->proxy, settings->proxy)
        || !copied(&f->trust_anchor, settings->trust_anchor)
        || !copied(&f->resolver, settings->resolver)) {
        fetcher_free(&f);
        return err_set(err, E_NOMEM, "out of memory");
    }
    f->settings = *settings;
    f->settings.proxy = f->proxy;
    f->settings.trust_anchor = f->trust_anchor;
    f->settings.resolver = f->resolver;
    if (f->settings.deadline_ms == 0)
        f->settings.deadline_ms = FETCH_DEADLINE_MS;
    *ret = f;
    return 0;
}

static void
share_drop(struct share *s)
{
    if (s == NULL || --s->refs > 0)
        return;
    if (s->map != NULL)
        munmap(s->map, s->len);
    free(s);
}

void
fetcher_free(struct fetcher **ret)
{
    struct fetcher *f = *ret;
    if (f == NULL)
        return;
    helper_end(&f->helper);
    for (size_t i = 0; i < f->count; i++) {
        share_drop(f->entries[i]->share);
        free(f->entries[i]);
    }
    free(f->proxy);
    free(f->trust_anchor);
    free(f->resolver);
    free(f);
    *ret = NULL;
}

void
fetch_clear(struct fetch_request *r)
{
    share_drop(r->mapping);
    r->mapping = NULL;
    r->mapping_len = 0;
    r->values = NULL;
    r->count = 0;
    r->authenticated = false;
    r->rc = 0;
    err_clear(&r->err);
}

unsigned
fetcher_count(const struct fetcher *f)
{
    return f->sent;
}

static uint64_t
clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static unsigned
left_ms(const struct fetcher *f)
{
    uint64_t now = clock_ms();
    return f->until > now ? (unsigned)(f->until - now) : 0;
}

/* What makes two requests the same: kind, place, media type and body, with lengths between. */
static int
key_of(const struct fetch_request *r, uint8_t key[KEY_BYTES])
{
    const char *type = r->media_type != NULL ? r->media_type : "";
    uint64_t head[] = {(uint64_t)r->kind, strlen(r->where), strlen(type), r->body_len};
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1
        && EVP_DigestUpdate(ctx, head, sizeof head) == 1
        && EVP_DigestUpdate(ctx, r->where, strlen(r->where)) == 1
        && EVP_DigestUpdate(ctx, type, strlen(type)) == 1
        && EVP_DigestUpdate(ctx, r->body, r->body_len) == 1
        && EVP_DigestFinal_ex(ctx, key, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    return ok ? 0 : E_CRYPTO;
}

/* What need not leave this process to be refused. */
static int
check(const struct fetch_request *r, struct err *err)
{
    if (r->where == NULL || (unsigned)r->kind > FETCH_SMIMEA)
        return err_set(err, E_INTERNAL, "nothing to fetch");
    if (strlen(r->where) > FETCH_URL_MAX)
        return err_set(err, E_MALFORMED, SHOWN "...: longer than %d characters; not fetched",
                       r->where, FETCH_URL_MAX);
    if (r->body_len > FETCH_BODY_MAX
        || (r->media_type != NULL && strlen(r->media_type) > FETCH_TYPE_MAX))
        return err_set(err, E_LIMIT, SHOWN ": more than %d bytes are not posted", r->where,
                       FETCH_BODY_MAX);
    return 0;
}

static struct entry *
find(const struct fetcher *f, const uint8_t key[KEY_BYTES])
{
    for (size_t i = 0; i < f->count; i++)
        if (memcmp(f->entries[i]->key, key, KEY_BYTES) == 0)
            return f->entries[i];
    return NULL;
}

/* The entry of a request, a new one when it is asked the first time; NULL with err. */
static struct entry *
entry_for(struct fetcher *f, const struct fetch_request *r, struct err *err)
{
    uint8_t key[KEY_BYTES];
    if (check(r, err) != 0)
        return NULL;
    if (key_of(r, key) != 0) {
        err_set_ossl(err, E_CRYPTO, SHOWN, r->where);
        return NULL;
    }
    struct entry *e = find(f, key);
    if (e != NULL)
        return e;
    if (f->count == FETCH_TOTAL_MAX) {
        err_set(err, E_LIMIT, SHOWN ": not fetched, because %d other things were", r->where,
                FETCH_TOTAL_MAX);
        return NULL;
    }
    e = calloc(1, sizeof *e);
    if (e == NULL) {
        err_set(err, E_NOMEM, "out of memory");
        return NULL;
    }
    memcpy(e->key, key, sizeof key);
    e->request = r;
    e->max_bytes = r->max_bytes;
    f->entries[f->count++] = e;
    return e;
}

static void
know(struct entry *e)
{
    e->state = KNOWN;
    e->request = NULL;
}

/* Those that have no answer get this one. */
static void
give_up(struct fetcher *f, int code, const char *why)
{
    for (size_t i = 0; i < f->count; i++) {
        struct entry *e = f->entries[i];
        if (e->state == KNOWN)
            continue;
        err_set(&e->err, code, SHOWN ": %s", e->request->where, why);
        know(e);
    }
}

/* The helper ended or lies: it has said its last word. */
static void
lost(struct fetcher *f)
{
    helper_end(&f->helper);
    give_up(f, E_HOST, "signet-fetch ended before its answer; not fetched");
}

static int
start(struct fetcher *f, struct err *err)
{
    if (f->helper.pid != 0)
        return 0;
    struct wire_settings s = {.allow_private = f->settings.allow_private,
                              .proxy = f->proxy, .trust_anchor = f->trust_anchor,
                              .resolver = f->resolver};
    return helper_start(&f->helper, &s, f->proxy != NULL, err);
}

/* 1: sent; 0: later; E_HOST; or another code, with which the entry is known now. */
static int
send_entry(struct fetcher *f, size_t i)
{
    struct entry *e = f->entries[i];
    const struct fetch_request *r = e->request;
    struct wire_ask ask = {.id = (uint32_t)i, .kind = (enum wire_kind)r->kind,
                           .wait_ms = left_ms(f), .max_bytes = r->max_bytes,
                           .where = r->where,
                           .media_type = r->kind == FETCH_POST ? r->media_type : NULL,
                           .body = r->kind == FETCH_POST ? r->body : NULL,
                           .body_len = r->kind == FETCH_POST ? r->body_len : 0};
    struct buf *packet = buf_new();
    int rc = packet != NULL ? wire_put_ask(packet, &ask) : E_NOMEM;
    if (rc != 0) {
        err_set(&e->err, rc, SHOWN ": cannot be asked for", r->where);
        know(e);
    } else {
        rc = helper_send(&f->helper, packet);
        if (rc == 1) {
            e->state = SENT;
            f->sent++;
        }
    }
    buf_free(&packet);
    return rc;
}

/* Sends what waits as far as there is room. *ret_waits: some could not be sent yet. */
static int
send_all(struct fetcher *f, bool *ret_waits)
{
    *ret_waits = false;
    for (size_t i = 0; i < f->count; i++) {
        if (f->entries[i]->state != WAITING)
            continue;
        int rc = send_entry(f, i);
        if (rc == E_HOST)
            return E_HOST;
        if (rc == 0) {
            *ret_waits = true;
            return 0;
        }
    }
    return 0;
}

static int
keep(struct entry *e, const struct wire_answer *a, int fd)
{
    struct share *s;
    const uint8_t *at;
    if (a->total > e->max_bytes)
        return E_HOST;
    s = calloc(1, sizeof *s + a->count * sizeof *s->values);
    if (s == NULL)
        return E_NOMEM;
    s->refs = 1;
    int rc = a->total > 0 ? helper_map(fd, (size_t)a->total, &s->map) : 0;
    if (rc != 0) {
        free(s);
        return rc;
    }
    s->len = (size_t)a->total;
    s->count = a->count;
    at = s->map != NULL ? s->map : (const uint8_t *)"";
    for (size_t i = 0; i < a->count; i++) {
        s->values[i] = (struct fetch_value){at, wire_length(a, i)};
        at += s->values[i].len;
    }
    e->share = s;
    return 0;
}

/* The helper's sentence has a stranger's words in it. */
static void
keep_failure(struct entry *e, const struct wire_answer *a)
{
    struct buf *text = buf_new();
    if (text == NULL || text_put_safe(text, a->text, strlen(a->text)) != 0)
        err_set(&e->err, a->rc, "%s", err_default_text(a->rc));
    else
        err_set(&e->err, a->rc, "%s", buf_cstr(text));
    buf_free(&text);
}

/* E_HOST when it is nothing that was asked, or not as it must be. */
static int
take_answer(struct fetcher *f, const struct wire_answer *a, int fd)
{
    struct entry *e = a->id < f->count ? f->entries[a->id] : NULL;
    int rc = 0;
    if (e == NULL || (e->state != SENT && !(e->state == KNOWN && e->err.code == E_TIMEOUT)))
        return E_HOST;
    if (e->state == KNOWN)
        return 0;
    if (a->authenticated && e->request->kind != FETCH_SMIMEA)
        return E_HOST;
    if (a->rc != 0)
        keep_failure(e, a);
    else
        rc = keep(e, a, fd);
    if (rc == E_HOST)
        return rc;
    if (rc != 0)
        err_set(&e->err, rc, SHOWN ": no memory for the answer", e->request->where);
    e->authenticated = a->authenticated;
    know(e);
    return 0;
}

static int
take_answers(struct fetcher *f)
{
    struct wire_answer a;
    int fd = -1, rc;
    while ((rc = helper_receive(&f->helper, &a, &fd)) == 1) {
        rc = take_answer(f, &a, fd);
        if (fd >= 0)
            close(fd);
        if (rc != 0)
            return rc;
    }
    return rc;
}

static bool
anything(const struct fetcher *f)
{
    for (size_t i = 0; i < f->count; i++)
        if (f->entries[i]->state != KNOWN)
            return true;
    return false;
}

/* Until each entry has its answer, or the time is over. */
static void
exchange(struct fetcher *f)
{
    while (anything(f)) {
        bool waits = false;
        unsigned left = left_ms(f);
        if (left == 0) {
            give_up(f, E_TIMEOUT, "no answer in time; not fetched");
            return;
        }
        if (send_all(f, &waits) != 0) {
            lost(f);
            return;
        }
        struct pollfd p = {.fd = f->helper.fd, .events = (short)(POLLIN | (waits ? POLLOUT : 0))};
        if (anything(f) && poll(&p, 1, (int)left) < 0 && errno != EINTR) {
            lost(f);
            return;
        }
        if (take_answers(f) != 0) {
            lost(f);
            return;
        }
    }
}

static void
fill(struct fetch_request *r, const struct entry *e)
{
    r->rc = e->err.code;
    r->err = e->err;
    r->authenticated = e->authenticated;
    if (e->share == NULL)
        return;
    /* Asked for anew with less room. */
    if (e->share->len > r->max_bytes) {
        r->rc = err_set(&r->err, E_LIMIT, SHOWN ": the answer is larger than the %zu bytes that "
                        "are taken", r->where, r->max_bytes);
        return;
    }
    e->share->refs++;
    r->mapping = e->share;
    r->mapping_len = e->share->len;
    r->values = e->share->values;
    r->count = e->share->count;
}

static int
ask(struct fetcher *f, struct err *err)
{
    if (!anything(f))
        return 0;
    if (!f->begun) {
        f->begun = true;
        f->until = clock_ms() + f->settings.deadline_ms;
    }
    int rc = left_ms(f) > 0 ? start(f, err) : 0;
    if (rc != 0)
        give_up(f, rc, err != NULL ? err->text : "signet-fetch cannot be run");
    else
        exchange(f);
    return rc;
}

static void
prepare(struct fetch_request *r)
{
    r->rc = 0;
    err_clear(&r->err);
    r->values = NULL;
    r->count = 0;
    r->authenticated = false;
    r->mapping = NULL;
    r->mapping_len = 0;
}

int
fetcher_run(struct fetcher *f, struct fetch_request *requests, size_t count, struct err *err)
{
    struct entry *entries[FETCH_REQUESTS_MAX] = {NULL};
    for (size_t i = 0; i < count; i++) {
        struct fetch_request *r = &requests[i];
        prepare(r);
        if (f->settings.offline)
            r->rc = err_set(&r->err, E_OFFLINE, SHOWN ": not fetched: offline",
                            r->where != NULL ? r->where : "");
        else if (i >= FETCH_REQUESTS_MAX)
            r->rc = err_set(&r->err, E_LIMIT, "more than %d things to fetch at once; the others "
                            "were not", FETCH_REQUESTS_MAX);
        else if ((entries[i] = entry_for(f, r, &r->err)) == NULL)
            r->rc = r->err.code;
    }
    int rc = ask(f, err);
    for (size_t i = 0; i < count && i < FETCH_REQUESTS_MAX; i++)
        if (entries[i] != NULL)
            fill(&requests[i], entries[i]);
    return rc;
}

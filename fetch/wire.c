/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fetch/wire.h"

#include <string.h>

/* Which message, and of which form: raised when a form changes. */
#define MAGIC_SETTINGS 0x53660101u
#define MAGIC_ASK 0x53660102u
#define MAGIC_ANSWER 0x53660103u

#define FLAG_PRIVATE 1u
#define FLAG_AUTHENTICATED 1u

/* What is left to read; `bad` once something was not there. */
struct cursor {
    const uint8_t *at;
    size_t left;
    bool bad;
};

static const uint8_t *
take(struct cursor *c, size_t len)
{
    const uint8_t *at = c->at;
    if (c->bad || len > c->left) {
        c->bad = true;
        return NULL;
    }
    c->at += len;
    c->left -= len;
    return at;
}

static uint32_t
take_u32(struct cursor *c)
{
    uint32_t n = 0;
    const uint8_t *at = take(c, sizeof n);
    if (at != NULL)
        memcpy(&n, at, sizeof n);
    return n;
}

static uint64_t
take_u64(struct cursor *c)
{
    uint64_t n = 0;
    const uint8_t *at = take(c, sizeof n);
    if (at != NULL)
        memcpy(&n, at, sizeof n);
    return n;
}

/* A text of at most max bytes, with its length before and a NUL behind. */
static const char *
take_text(struct cursor *c, size_t max)
{
    size_t len = take_u32(c);
    const uint8_t *at = len <= max ? take(c, len + 1) : NULL;
    if (at == NULL || at[len] != '\0' || memchr(at, '\0', len) != NULL) {
        c->bad = true;
        return "";
    }
    return (const char *)at;
}

static int
ended(const struct cursor *c)
{
    return c->bad || c->left != 0 ? E_PROTOCOL : 0;
}

static int
put_u32(struct buf *out, uint32_t n)
{
    return buf_put(out, &n, sizeof n);
}

static int
put_u64(struct buf *out, uint64_t n)
{
    return buf_put(out, &n, sizeof n);
}

static int
put_text(struct buf *out, const char *text, size_t max)
{
    size_t len = text != NULL ? strlen(text) : 0;
    if (len > max)
        return E_LIMIT;
    int rc = put_u32(out, (uint32_t)len);
    return rc == 0 ? buf_put(out, text != NULL ? text : "", len + 1) : rc;
}

int
wire_put_settings(struct buf *out, const struct wire_settings *s)
{
    int rc = put_u32(out, MAGIC_SETTINGS);
    if (rc == 0)
        rc = put_u32(out, s->allow_private ? FLAG_PRIVATE : 0);
    if (rc == 0)
        rc = put_text(out, s->proxy, WIRE_URL_MAX);
    if (rc == 0)
        rc = put_text(out, s->trust_anchor, WIRE_URL_MAX);
    return rc == 0 ? put_text(out, s->resolver, WIRE_URL_MAX) : rc;
}

int
wire_get_settings(struct wire_settings *ret, const uint8_t *data, size_t len)
{
    struct cursor c = {data, len, false};
    struct wire_settings s = {0};
    c.bad = take_u32(&c) != MAGIC_SETTINGS;
    s.allow_private = take_u32(&c) == FLAG_PRIVATE;
    s.proxy = take_text(&c, WIRE_URL_MAX);
    s.trust_anchor = take_text(&c, WIRE_URL_MAX);
    s.resolver = take_text(&c, WIRE_URL_MAX);
    if (ended(&c) != 0)
        return E_PROTOCOL;
    *ret = s;
    return 0;
}

int
wire_put_ask(struct buf *out, const struct wire_ask *a)
{
    if (a->body_len > WIRE_BODY_MAX)
        return E_LIMIT;
    int rc = put_u32(out, MAGIC_ASK);
    if (rc == 0)
        rc = put_u32(out, a->id);
    if (rc == 0)
        rc = put_u32(out, (uint32_t)a->kind);
    if (rc == 0)
        rc = put_u32(out, a->wait_ms);
    if (rc == 0)
        rc = put_u64(out, a->max_bytes);
    if (rc == 0)
        rc = put_text(out, a->where, WIRE_URL_MAX);
    if (rc == 0)
        rc = put_text(out, a->media_type, WIRE_TYPE_MAX);
    if (rc == 0)
        rc = put_u32(out, (uint32_t)a->body_len);
    return rc == 0 && a->body_len > 0 ? buf_put(out, a->body, a->body_len) : rc;
}

int
wire_get_ask(struct wire_ask *ret, const uint8_t *data, size_t len)
{
    struct cursor c = {data, len, false};
    struct wire_ask a = {0};
    uint32_t kind;
    c.bad = take_u32(&c) != MAGIC_ASK;
    a.id = take_u32(&c);
    kind = take_u32(&c);
    a.wait_ms = take_u32(&c);
    a.max_bytes = take_u64(&c);
    a.where = take_text(&c, WIRE_URL_MAX);
    a.media_type = take_text(&c, WIRE_TYPE_MAX);
    a.body_len = take_u32(&c);
    a.body = take(&c, a.body_len);
    if (ended(&c) != 0 || kind >= WIRE_KINDS || a.body_len > WIRE_BODY_MAX)
        return E_PROTOCOL;
    a.kind = (enum wire_kind)kind;
    *ret = a;
    return 0;
}

int
wire_put_answer(struct buf *out, const struct wire_answer *a)
{
    if (a->count > WIRE_VALUES_MAX)
        return E_LIMIT;
    int rc = put_u32(out, MAGIC_ANSWER);
    if (rc == 0)
        rc = put_u32(out, a->id);
    if (rc == 0)
        rc = put_u32(out, (uint32_t)-a->rc);
    if (rc == 0)
        rc = put_u32(out, a->authenticated ? FLAG_AUTHENTICATED : 0);
    if (rc == 0)
        rc = put_text(out, a->text, WIRE_TEXT_MAX);
    if (rc == 0)
        rc = put_u64(out, a->total);
    if (rc == 0)
        rc = put_u32(out, (uint32_t)a->count);
    return rc == 0 && a->count > 0 ? buf_put(out, a->lengths, a->count * sizeof(uint32_t)) : rc;
}

uint32_t
wire_length(const struct wire_answer *a, size_t i)
{
    uint32_t n;
    memcpy(&n, a->lengths + i * sizeof n, sizeof n);
    return n;
}

int
wire_get_answer(struct wire_answer *ret, const uint8_t *data, size_t len)
{
    struct cursor c = {data, len, false};
    struct wire_answer a = {0};
    uint32_t code, flags;
    uint64_t sum = 0;
    c.bad = take_u32(&c) != MAGIC_ANSWER;
    a.id = take_u32(&c);
    code = take_u32(&c);
    flags = take_u32(&c);
    a.text = take_text(&c, WIRE_TEXT_MAX);
    a.total = take_u64(&c);
    a.count = take_u32(&c);
    if (a.count > WIRE_VALUES_MAX)
        return E_PROTOCOL;
    a.lengths = take(&c, a.count * sizeof(uint32_t));
    if (ended(&c) != 0 || code >= E_ORDINAL_END || (flags & ~FLAG_AUTHENTICATED) != 0
        || (code != 0 && a.count != 0))
        return E_PROTOCOL;
    for (size_t i = 0; i < a.count; i++)
        sum += wire_length(&a, i);
    if (sum != a.total)
        return E_PROTOCOL;
    a.rc = -(int)code;
    a.authenticated = flags != 0;
    *ret = a;
    return 0;
}

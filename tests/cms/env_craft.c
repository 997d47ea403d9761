/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages taken apart and put together otherwise, and callbacks that misbehave. */
#include "tests/cms/env_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cms/ber.h"
#include "cms/der.h"

#define SEQUENCE (BER_SEQUENCE | BER_CONSTRUCTED)
#define CONTEXT_0 (BER_CONTEXT(0) | BER_CONSTRUCTED)

const struct kind kinds[KINDS] = {
    { "kek128", "aes128-gcm", false },       { "kek256", "aes256-gcm", true },
    { "kek128", "aes128-ccm", false },       { "kek256", "chacha20-poly1305", false },
    { "kek256", "aes256-cbc", false },       { "kek192", "aes192-cbc", true },
    { "rsa2048", "aes128-cbc", false },      { "p256", "aes256-gcm", true },
};

/* Cuts the next element: whole, or its contents. */
static struct span
cut(struct span *in, bool inside)
{
    struct ber_header h;
    struct span s = *in;
    size_t whole;

    ck_assert_int_eq(ber_read_header(in->data, in->len, &h), 1);
    whole = h.size + (size_t)h.length;
    ck_assert_uint_le(whole, in->len);
    s.len = whole;
    if (inside)
        s = (struct span){ in->data + h.size, (size_t)h.length };
    in->data += whole;
    in->len -= whole;
    return s;
}

struct parts
split_message(const struct buf *message)
{
    struct span all = { buf_data(message), buf_len(message) };
    struct span info = cut(&all, true), tagged, data, content;
    struct parts p = { .has_sealed = true };

    p.type = cut(&info, false);
    tagged = cut(&info, true);
    data = cut(&tagged, true);
    p.version = cut(&data, false);
    p.recipients = cut(&data, true);
    content = cut(&data, true);
    p.content_type = cut(&content, false);
    p.cipher = cut(&content, false);
    p.sealed = cut(&content, true);
    p.tail = data;
    return p;
}

static void
put_span(struct buf *out, struct span s)
{
    ck_assert_int_eq(buf_put(out, s.data, s.len), 0);
}

static void
put_in(struct buf *out, uint8_t id, const struct buf *content)
{
    ck_assert_int_eq(der_put(out, id, buf_data(content), buf_len(content)), 0);
}

struct buf *
join_message(const struct parts *p, size_t segment)
{
    struct buf *b[5], *out = buf_new();

    for (int i = 0; i < 5; i++)
        b[i] = buf_new();
    for (size_t at = 0; segment > 0 && at < p->sealed.len; at += segment) {
        size_t left = p->sealed.len - at;

        ck_assert_int_eq(der_put(b[0], BER_OCTET_STRING, p->sealed.data + at,
                                 left < segment ? left : segment), 0);
    }
    put_span(b[1], p->content_type);
    put_span(b[1], p->cipher);
    if (p->has_sealed && segment > 0)
        put_in(b[1], CONTEXT_0, b[0]);
    else if (p->has_sealed)
        ck_assert_int_eq(der_put(b[1], BER_CONTEXT(0), p->sealed.data, p->sealed.len), 0);
    put_span(b[2], p->version);
    ck_assert_int_eq(der_put(b[2], BER_SET | BER_CONSTRUCTED, p->recipients.data,
                             p->recipients.len), 0);
    put_in(b[2], SEQUENCE, b[1]);
    put_span(b[2], p->tail);
    put_in(b[3], SEQUENCE, b[2]);
    put_span(b[4], p->type);
    put_in(b[4], CONTEXT_0, b[3]);
    put_in(out, SEQUENCE, b[4]);
    for (int i = 0; i < 5; i++)
        buf_free(&b[i]);
    return out;
}

struct buf *
message_for(const char *word, const char *cipher, size_t size, bool ber)
{
    struct cms_to to = to_of(word);
    struct cms_encrypt_options options = { .cipher = cms_cipher_by_name(cipher), .to = &to,
                                           .count = 1, .content_size = ber ? -1 : (int64_t)size };
    uint8_t *content = some_content(size);
    struct buf *message = encrypt_content(&options, content, size, 0);

    free(content);
    return message;
}

void
assert_refused(const struct buf *message, const struct cms_decrypt_options *options, int code,
               const char *words)
{
    for (int feeding = FEED_WHOLE; feeding <= FEED_BYTES; feeding++) {
        struct opened o = open_message(buf_data(message), buf_len(message), feeding, options);

        ck_assert_msg(o.rc == code, "%s instead of %s: %s", err_name(o.rc), err_name(code),
                      err_text(&o.err));
        ck_assert_int_eq(o.err.code, code);
        ck_assert_msg(strstr(err_text(&o.err), words) != NULL, "%s", err_text(&o.err));
        opened_clear(&o);
    }
}

static int
act_unwrap(void *arg, const struct cms_unwrap *u, struct secret *key, struct err *err)
{
    struct act *a = arg;

    a->calls++;
    snprintf(a->scheme, sizeof a->scheme, "%s", u->scheme);
    a->expected = u->expected;
    memset(secret_mutable(key), 7, a->len);
    secret_set_len(key, a->len);
    return a->rc == 0 ? 0 : err_set(err, a->rc, "the token said so");
}

struct cms_opener
act_opener(struct act *act)
{
    return (struct cms_opener){ .cert = receiver_of("rsa2048")->cert, .unwrap = act_unwrap,
                                .arg = act };
}

struct cms_decrypt_options
options_of(struct cms_opener *opener)
{
    return (struct cms_decrypt_options){ .openers = opener, .opener_count = 1 };
}

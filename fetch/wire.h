/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What passes between a program that wants something fetched (trust/fetch.c) and
 * signet-fetch, over a socket pair of packets (SOCK_SEQPACKET), a message a packet:
 *
 *   settings      once, first, to the helper
 *   ask           to the helper, any number
 *   answer        from the helper, one for each ask, in any order; with rc 0 and bytes in it,
 *                 one descriptor comes along: sealed memory of `total` bytes, the values one
 *                 behind the other
 *
 * Both ends are of one build and on one machine: numbers are in its byte order, and the
 * first word says which build's messages these are. Reading nevertheless believes nothing:
 * each length is held against what came, texts have no NUL in them, and a message has nothing
 * behind its end (E_PROTOCOL).
 *
 * wire_put_* append to a buffer (E_LIMIT: longer than a packet may be); wire_get_* borrow from
 * the bytes. A text in the views is ended by a NUL. Pure, thread-safe.
 */
#ifndef SIGNET_FETCH_WIRE_H
#define SIGNET_FETCH_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* The helper's end of the pair. */
#define WIRE_FD 3

#define WIRE_URL_MAX 2048
#define WIRE_TYPE_MAX 127
#define WIRE_BODY_MAX 65536
#define WIRE_VALUES_MAX 1024
#define WIRE_TEXT_MAX (ERR_TEXT_MAX - 1)
#define WIRE_PACKET_MAX (WIRE_BODY_MAX + 4 * WIRE_URL_MAX + 1024)

enum wire_kind { WIRE_GET, WIRE_POST, WIRE_SMIMEA, WIRE_KINDS };

struct wire_settings {
    bool allow_private;
    /* Empty: as fetch_settings says for NULL. */
    const char *proxy;
    const char *trust_anchor;
    const char *resolver;
};

struct wire_ask {
    uint32_t id;
    enum wire_kind kind;
    uint32_t wait_ms;        /* how long it may take from now on */
    uint64_t max_bytes;
    const char *where;
    const char *media_type;  /* empty unless posted */
    const uint8_t *body;
    size_t body_len;
};

struct wire_answer {
    uint32_t id;
    int rc;
    bool authenticated;
    const char *text;        /* the sentence when rc is not 0 */
    uint64_t total;          /* the sum of the lengths */
    const uint8_t *lengths;  /* count of them, for wire_length */
    size_t count;
};

int wire_put_settings(struct buf *, const struct wire_settings *) must_check;
int wire_get_settings(struct wire_settings *, const uint8_t *, size_t) must_check;
int wire_put_ask(struct buf *, const struct wire_ask *) must_check;
int wire_get_ask(struct wire_ask *, const uint8_t *, size_t) must_check;
/* lengths here: `count` uint32_t. */
int wire_put_answer(struct buf *, const struct wire_answer *) must_check;
int wire_get_answer(struct wire_answer *, const uint8_t *, size_t) must_check;
uint32_t wire_length(const struct wire_answer *, size_t i);

#endif

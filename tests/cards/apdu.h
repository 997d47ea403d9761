/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ISO/IEC 7816-4 command and response APDUs as a card sees them: parsing (short and
 * extended), command chaining (5.1.1.1) and response chaining with GET RESPONSE
 * (5.3.4).
 *
 *     struct apdu_wire w;                      one per card
 *     apdu_wire_reset(&w);                     at power-up
 *     n = apdu_exchange(&w, run, ctx, in, n_in, out);
 *
 * apdu_exchange takes a command as it came from the reader, gathers chained ones,
 * hands the whole to `run`, and hands out its answer in the pieces asked for.
 * Not thread-safe; nothing is allocated.
 */
#ifndef TESTS_CARDS_APDU_H
#define TESTS_CARDS_APDU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a chain of commands may carry, and an answer. */
#define APDU_DATA_MAX 8192
/* The longest answer on the wire: 65536 bytes and the status. */
#define APDU_WIRE_MAX (65536 + 2)

#define INS_VERIFY 0x20
#define INS_CHANGE_REFERENCE_DATA 0x24
#define INS_RESET_RETRY_COUNTER 0x2c
#define INS_GENERAL_AUTHENTICATE 0x87
#define INS_SELECT 0xa4
#define INS_GET_RESPONSE 0xc0
#define INS_GET_DATA 0xcb

#define SW_OK 0x9000
#define SW_MORE 0x6100
#define SW_WRONG_LENGTH 0x6700
#define SW_CHAIN_BROKEN 0x6883
#define SW_SECURITY 0x6982
#define SW_BLOCKED 0x6983
#define SW_CONDITIONS 0x6985
#define SW_BAD_DATA 0x6a80
#define SW_NOT_FOUND 0x6a82
#define SW_BAD_P1P2 0x6a86
#define SW_NO_REFERENCE 0x6a88
#define SW_BAD_INS 0x6d00
#define SW_BAD_CLA 0x6e00
#define SW_TRIES 0x63c0

struct apdu {
    uint8_t cla, ins, p1, p2;
    const uint8_t *data;
    size_t lc;
    size_t le; /* 0: no answer wanted */
    bool extended;
};

struct answer {
    uint8_t data[APDU_DATA_MAX];
    size_t len;
    uint16_t sw;
};

struct apdu_wire {
    uint8_t chain[APDU_DATA_MAX];
    size_t chained;
    uint8_t chain_head[3]; /* instruction and parameters of the chain */
    struct answer answer;
    size_t given; /* of the answer */
};

/* Fills the answer; its length and status are 0 and SW_OK on entry. */
typedef void (*apdu_run)(void *ctx, const struct apdu *, struct answer *);

/* 0, or -1 when the lengths do not fit together. */
int apdu_parse(const uint8_t *in, size_t n, struct apdu *ret_apdu);
void apdu_wire_reset(struct apdu_wire *);
/* The answer's length; out has room for APDU_WIRE_MAX. */
size_t apdu_exchange(struct apdu_wire *, apdu_run run, void *ctx, const uint8_t *in, size_t n,
                     uint8_t *out);
/* A status alone. */
size_t apdu_status(uint16_t sw, uint8_t *out);

#endif

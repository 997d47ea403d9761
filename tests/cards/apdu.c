/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "apdu.h"

#include <string.h>

#define CLA_CHAINED 0x10
#define LE_SHORT_MAX 256
#define LE_EXTENDED_MAX 65536

/* ISO/IEC 7816-4, 5.1: Lc and Le of an extended command; at is after the zero byte. */
static int
parse_extended(const uint8_t *in, size_t n, struct apdu *a)
{
    size_t value = (size_t)in[5] << 8 | in[6], left = n - 7;

    a->extended = true;
    if (left == 0) {
        a->le = value != 0 ? value : LE_EXTENDED_MAX;
        return 0;
    }
    if (value == 0 || left < value || (left != value && left != value + 2))
        return -1;
    a->lc = value;
    a->data = in + 7;
    if (left == value + 2) {
        size_t le = (size_t)in[n - 2] << 8 | in[n - 1];
        a->le = le != 0 ? le : LE_EXTENDED_MAX;
    }
    return 0;
}

int
apdu_parse(const uint8_t *in, size_t n, struct apdu *ret_apdu)
{
    struct apdu a = {0};

    if (n < 4)
        return -1;
    a.cla = in[0];
    a.ins = in[1];
    a.p1 = in[2];
    a.p2 = in[3];
    if (n >= 7 && in[4] == 0) {
        if (parse_extended(in, n, &a) != 0)
            return -1;
    } else if (n == 5) {
        a.le = in[4] != 0 ? in[4] : LE_SHORT_MAX;
    } else if (n > 5) {
        a.lc = in[4];
        a.data = in + 5;
        if (n == 5 + a.lc + 1)
            a.le = in[n - 1] != 0 ? in[n - 1] : LE_SHORT_MAX;
        else if (n != 5 + a.lc)
            return -1;
    }
    *ret_apdu = a;
    return 0;
}

void
apdu_wire_reset(struct apdu_wire *w)
{
    w->chained = 0;
    w->given = 0;
    w->answer.len = 0;
    w->answer.sw = SW_OK;
}

size_t
apdu_status(uint16_t sw, uint8_t *out)
{
    out[0] = (uint8_t)(sw >> 8);
    out[1] = (uint8_t)sw;
    return 2;
}

/* The next piece of the answer, 61xx while there is more. */
static size_t
give(struct apdu_wire *w, size_t le, uint8_t *out)
{
    size_t left = w->answer.len - w->given, n = left;
    uint16_t sw = w->answer.sw;

    if (le == 0)
        le = LE_SHORT_MAX;
    if (n > le)
        n = le;
    memcpy(out, w->answer.data + w->given, n);
    w->given += n;
    left -= n;
    if (left > 0)
        sw = (uint16_t)(SW_MORE | (left < LE_SHORT_MAX ? left : 0));
    return n + apdu_status(sw, out + n);
}

/* Adds a piece to the chain; an SW_ code. */
static uint16_t
gather(struct apdu_wire *w, const struct apdu *a)
{
    const uint8_t head[3] = {a->ins, a->p1, a->p2};

    if (w->chained > 0 && memcmp(head, w->chain_head, sizeof head) != 0) {
        w->chained = 0;
        return SW_CHAIN_BROKEN;
    }
    if (a->lc > sizeof w->chain - w->chained) {
        w->chained = 0;
        return SW_WRONG_LENGTH;
    }
    memcpy(w->chain_head, head, sizeof head);
    memcpy(w->chain + w->chained, a->data, a->lc);
    w->chained += a->lc;
    return SW_OK;
}

size_t
apdu_exchange(struct apdu_wire *w, apdu_run run, void *ctx, const uint8_t *in, size_t n,
              uint8_t *out)
{
    struct apdu a;
    uint16_t sw;

    if (apdu_parse(in, n, &a) != 0)
        return apdu_status(SW_WRONG_LENGTH, out);
    if ((a.cla & ~CLA_CHAINED) != 0)
        return apdu_status(SW_BAD_CLA, out);
    if (a.ins == INS_GET_RESPONSE)
        return w->given < w->answer.len ? give(w, a.le, out) : apdu_status(SW_CONDITIONS, out);
    if (a.cla & CLA_CHAINED || w->chained > 0) {
        sw = a.lc > 0 ? gather(w, &a) : SW_WRONG_LENGTH;
        if (sw != SW_OK || a.cla & CLA_CHAINED)
            return apdu_status(sw, out);
        a.data = w->chain;
        a.lc = w->chained;
    }
    w->given = 0;
    w->answer.len = 0;
    w->answer.sw = SW_OK;
    run(ctx, &a, &w->answer);
    w->chained = 0;
    return give(w, a.le, out);
}

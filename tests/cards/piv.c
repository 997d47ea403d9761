/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "piv.h"

#include <stdlib.h>
#include <string.h>

/* ISO/IEC 7816-3: direct convention, T=1, no historical bytes; so that OpenSC must find
 * the application and takes nothing from a name. */
static const uint8_t atr[] = {0x3b, 0x80, 0x01, 0x81};

static struct piv *opened;

const uint8_t *
tlv_find(const uint8_t *data, size_t n, uint8_t tag, size_t *ret_len)
{
    while (n >= 2) {
        size_t head = 2, len = data[1];
        if (len == 0x81 && n >= 3) {
            len = data[2];
            head = 3;
        } else if (len == 0x82 && n >= 4) {
            len = (size_t)data[2] << 8 | data[3];
            head = 4;
        } else if (len > 0x7f) {
            return NULL;
        }
        if (len > n - head)
            return NULL;
        if (data[0] == tag) {
            *ret_len = len;
            return data + head;
        }
        data += head + len;
        n -= head + len;
    }
    return NULL;
}

void
tlv_add(struct answer *a, unsigned tag, const void *value, size_t n)
{
    uint8_t *p = a->data + a->len;

    if (n + 6 > sizeof a->data - a->len)
        return;
    if (tag > 0xff)
        *p++ = (uint8_t)(tag >> 8);
    *p++ = (uint8_t)tag;
    if (n > 0xff) {
        *p++ = 0x82;
        *p++ = (uint8_t)(n >> 8);
    } else if (n > 0x7f) {
        *p++ = 0x81;
    }
    *p++ = (uint8_t)n;
    if (n > 0)
        memmove(p, value, n);
    a->len = (size_t)(p - a->data) + n;
}

static void
lose_session(struct piv *card)
{
    card->selected = card->verified = card->fresh = false;
}

static const uint8_t *
piv_atr(void *card, size_t *ret_len)
{
    (void)card;
    *ret_len = sizeof atr;
    return atr;
}

static void
piv_power(void *ctx, bool on)
{
    struct piv *card = ctx;

    (void)on;
    lose_session(card);
    apdu_wire_reset(&card->wire);
}

static const struct {
    uint8_t ins;
    void (*run)(struct piv *, const struct apdu *, struct answer *);
} commands[] = {
    {INS_GET_DATA, piv_get_data},
    {INS_VERIFY, piv_verify},
    {INS_CHANGE_REFERENCE_DATA, piv_change_reference_data},
    {INS_RESET_RETRY_COUNTER, piv_reset_retry_counter},
    {INS_GENERAL_AUTHENTICATE, piv_general_authenticate},
};

static void
piv_run(void *ctx, const struct apdu *a, struct answer *answer)
{
    struct piv *card = ctx;

    if (a->ins == INS_SELECT) {
        piv_select(card, a, answer);
        return;
    }
    answer->sw = SW_BAD_INS;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (commands[i].ins == a->ins) {
            answer->sw = card->selected ? SW_OK : SW_CONDITIONS;
            if (card->selected)
                commands[i].run(card, a, answer);
            break;
        }
    /* "PIN always": nothing in between, unless this card is lenient. */
    if (a->ins != INS_VERIFY && !(card->lenient && a->ins == INS_GET_DATA))
        card->fresh = false;
}

static size_t
piv_transmit(void *ctx, const uint8_t *in, size_t n, uint8_t *out)
{
    struct piv *card = ctx;
    return apdu_exchange(&card->wire, piv_run, card, in, n, out);
}

static bool
piv_tell(void *ctx, const char *word, const char *arguments, FILE *answer)
{
    struct piv *card = ctx;
    unsigned n = (unsigned)strtoul(arguments, NULL, 10);

    (void)answer;
    if (strcmp(word, "block") == 0) {
        card->pin.tries = 0;
        card->verified = false;
    } else if (strcmp(word, "tries") == 0) {
        card->pin.tries = n;
    } else if (strcmp(word, "puk-tries") == 0) {
        card->puk.tries = n;
    } else if (strcmp(word, "lose") == 0) {
        lose_session(card);
    } else if (strcmp(word, "anew") == 0) {
        card->pin = card->first_pin;
        card->puk = card->first_puk;
        card->wrong_pins = card->right_pins = 0;
        card->lenient = false;
        lose_session(card);
    } else if (strcmp(word, "lenient") == 0) {
        card->lenient = true;
    } else {
        return false;
    }
    return true;
}

static void
piv_count(void *ctx, FILE *answer)
{
    const struct piv *card = ctx;
    fprintf(answer, "pin-tries=%u puk-tries=%u verified=%d wrong-pins=%lu right-pins=%lu",
            card->pin.tries, card->puk.tries, card->verified, card->wrong_pins,
            card->right_pins);
}

static void *
piv_open(const char *folder)
{
    struct piv *card;

    for (card = opened; card != NULL; card = card->next)
        if (strcmp(card->folder, folder) == 0)
            return card;
    card = piv_load(folder);
    if (card != NULL) {
        card->next = opened;
        opened = card;
    }
    return card;
}

const struct card_ops piv_ops = {
    .atr = piv_atr,
    .power = piv_power,
    .transmit = piv_transmit,
    .tell = piv_tell,
    .count = piv_count,
    .open = piv_open,
};

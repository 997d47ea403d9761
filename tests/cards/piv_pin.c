/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SP 800-73-4, part 2, 3.2: VERIFY, CHANGE REFERENCE DATA, RESET RETRY COUNTER. */
#include <string.h>

#include "piv.h"

#define REFERENCE_PIN 0x80
#define REFERENCE_PUK 0x81
#define PIN_LEAST 6

static uint16_t
tries_left(const struct piv_secret *s)
{
    return s->tries == 0 ? SW_BLOCKED : (uint16_t)(SW_TRIES | (s->tries & 0x0f));
}

/* Six to eight digits, then FF (2.4.3). */
static bool
well_formed(const uint8_t *pin)
{
    size_t n = 0;

    while (n < PIV_PIN_LEN && pin[n] >= '0' && pin[n] <= '9')
        n++;
    if (n < PIN_LEAST)
        return false;
    for (; n < PIV_PIN_LEN; n++)
        if (pin[n] != 0xff)
            return false;
    return true;
}

/* Compares and counts. */
static uint16_t
compare(struct piv_secret *s, const uint8_t *value)
{
    if (s->tries == 0)
        return SW_BLOCKED;
    if (memcmp(value, s->value, PIV_PIN_LEN) == 0) {
        s->tries = s->tries_max;
        return SW_OK;
    }
    s->tries--;
    return tries_left(s);
}

static uint16_t
compare_pin(struct piv *card, const uint8_t *value)
{
    uint16_t sw = compare(&card->pin, value);

    card->verified = card->fresh = sw == SW_OK;
    card->right_pins += sw == SW_OK;
    card->wrong_pins += sw != SW_OK;
    return sw;
}

void
piv_verify(struct piv *card, const struct apdu *c, struct answer *a)
{
    if (c->p2 != REFERENCE_PIN)
        a->sw = SW_NO_REFERENCE;
    else if (c->p1 == 0xff && c->lc == 0)
        card->verified = card->fresh = false;
    else if (c->p1 != 0)
        a->sw = SW_BAD_P1P2;
    else if (c->lc == 0)
        a->sw = card->verified ? SW_OK : tries_left(&card->pin);
    else if (c->lc != PIV_PIN_LEN || !well_formed(c->data))
        a->sw = card->pin.tries == 0 ? SW_BLOCKED : SW_BAD_DATA;
    else
        a->sw = compare_pin(card, c->data);
}

void
piv_change_reference_data(struct piv *card, const struct apdu *c, struct answer *a)
{
    struct piv_secret *s = c->p2 == REFERENCE_PIN ? &card->pin : &card->puk;
    const uint8_t *new_value = c->data + PIV_PIN_LEN;

    if (c->p2 != REFERENCE_PIN && c->p2 != REFERENCE_PUK) {
        a->sw = SW_NO_REFERENCE;
    } else if (c->p1 != 0) {
        a->sw = SW_BAD_P1P2;
    } else if (c->lc != 2 * PIV_PIN_LEN || (s == &card->pin && !well_formed(new_value))) {
        a->sw = SW_BAD_DATA;
    } else {
        a->sw = s == &card->pin ? compare_pin(card, c->data) : compare(s, c->data);
        if (a->sw == SW_OK)
            memcpy(s->value, new_value, PIV_PIN_LEN);
    }
}

void
piv_reset_retry_counter(struct piv *card, const struct apdu *c, struct answer *a)
{
    const uint8_t *new_value = c->data + PIV_PIN_LEN;

    if (c->p2 != REFERENCE_PIN) {
        a->sw = SW_NO_REFERENCE;
    } else if (c->p1 != 0) {
        a->sw = SW_BAD_P1P2;
    } else if (c->lc != 2 * PIV_PIN_LEN || !well_formed(new_value)) {
        a->sw = SW_BAD_DATA;
    } else {
        a->sw = compare(&card->puk, c->data);
        if (a->sw != SW_OK)
            return;
        memcpy(card->pin.value, new_value, PIV_PIN_LEN);
        card->pin.tries = card->pin.tries_max;
        card->verified = card->fresh = false;
    }
}

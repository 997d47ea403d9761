/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the machine (machine.h) wants of a card: the PIV card of ours (piv.h) and the
 * CAC on libcacard (cac.c) are two of these.
 */
#ifndef TESTS_CARDS_CARD_H
#define TESTS_CARDS_CARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct card_ops {
    /* The answer to reset. */
    const uint8_t *(*atr)(void *card, size_t *ret_len);
    /* Power on and reset (true), off (false): the session is lost either way. */
    void (*power)(void *card, bool on);
    /* A command and its answer; out has room for APDU_WIRE_MAX. */
    size_t (*transmit)(void *card, const uint8_t *in, size_t n, uint8_t *out);
    /* A word of the control interface that the machine does not know; false when the
     * card does not either. What it prints goes to the asker. */
    bool (*tell)(void *card, const char *word, const char *arguments, FILE *answer);
    /* The card's own counters, "name=value" words. */
    void (*count)(void *card, FILE *answer);
    /* The card of another folder, kept until the end; NULL when it cannot be had. */
    void *(*open)(const char *folder);
};

#endif

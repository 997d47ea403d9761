/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A CAC in the virtual reader: libcacard's card, with the keys and certificates of an
 * NSS database, behind the same machine as the PIV card (machine.h, control.h). RSA
 * only, and no counter of PIN tries: libcacard has neither.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libcacard.h>

#include "control.h"
#include "machine.h"

#define READER_NAME "CAC Test"
#define ATR_MAX 64

/* libcacard keeps what it once allocated; a leak checker has nothing to find here. */
int __lsan_is_turned_off(void);
int
__lsan_is_turned_off(void)
{
    return 1;
}

static unsigned char atr[ATR_MAX];
static int atr_len;

/* Kept from power-up: the reader asks again and again whether a card is there, and each
 * vreader_power_on would reset it. */
static const uint8_t *
cac_atr(void *card, size_t *ret_len)
{
    (void)card;
    *ret_len = (size_t)atr_len;
    return atr;
}

static void
cac_power(void *card, bool on)
{
    int len = sizeof atr;

    vreader_power_off(card);
    if (on)
        atr_len = vreader_power_on(card, atr, &len) == VREADER_OK ? len : 0;
}

static size_t
cac_transmit(void *card, const uint8_t *in, size_t n, uint8_t *out)
{
    int len = APDU_WIRE_MAX;

    if (vreader_xfr_bytes(card, (unsigned char *)(uintptr_t)in, (int)n, out, &len) != VREADER_OK ||
        len < 2)
        return apdu_status(0x6f00, out);
    return (size_t)len;
}

static bool
cac_tell(void *card, const char *word, const char *arguments, FILE *answer)
{
    (void)card;
    (void)word;
    (void)arguments;
    (void)answer;
    return false;
}

static void
cac_count(void *card, FILE *answer)
{
    (void)card;
    fputs("pin-tries=unknown", answer);
}

static void *
cac_open(const char *folder)
{
    (void)folder;
    return NULL;
}

static const struct card_ops cac_ops = {
    .atr = cac_atr,
    .power = cac_power,
    .transmit = cac_transmit,
    .tell = cac_tell,
    .count = cac_count,
    .open = cac_open,
};

/* The card on the three certificates of that database, named so. */
static VReader *
open_card(const char *folder)
{
    char options[600];
    VCardEmulOptions *o;

    snprintf(options, sizeof options,
             "db=\"sql:%s\" use_hw=no soft=(," READER_NAME ",CAC,,CAC 1,CAC 2,CAC 3)", folder);
    o = vcard_emul_options(options);
    if (o == NULL || vcard_emul_init(o) != VCARD_EMUL_OK)
        return NULL;
    return vreader_get_reader_by_name(READER_NAME);
}

int
main(int argc, char **argv)
{
    static struct machine m;
    VReader *card;

    if (argc != 4 || strtoul(argv[1], NULL, 10) == 0) {
        fputs("usage: virtual-cac PORT CONTROL-SOCKET NSS-FOLDER\n"
              "The certificates \"CAC 1\" to \"CAC 3\" of the database, as a CAC.\n", stderr);
        return 2;
    }
    card = open_card(argv[3]);
    if (card == NULL || vreader_card_is_present(card) != VREADER_OK) {
        fprintf(stderr, "virtual-cac: %s: no card\n", argv[3]);
        return 1;
    }
    cac_power(card, true);
    if (machine_init(&m, &cac_ops, card, (uint16_t)strtoul(argv[1], NULL, 10), argv[2]) != 0) {
        fprintf(stderr, "virtual-cac: %s: %s\n", argv[2], strerror(errno));
        return 1;
    }
    machine_in(&m);
    return machine_run(&m);
}

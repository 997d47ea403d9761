/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A PIV card (NIST SP 800-73-4, part 2) in software: SELECT, GET DATA, VERIFY, CHANGE
 * REFERENCE DATA, RESET RETRY COUNTER, GENERAL AUTHENTICATE. What it is comes from a
 * folder (piv_store.c says what is in it); the folder is only read. PIN and tries
 * outlive a removal of the card, not the program.
 *
 * Access rules of the keys (part 1, table 4): 9A, 9D and the retired keys after a PIN;
 * 9C after a PIN right before it; 9E always.
 *
 * Its words on the control interface:
 *
 *     block                 no PIN try is left
 *     tries N               so many are left; puk-tries N
 *     lose                  the session is lost (unselected, no PIN), as by another program
 *     anew                  PIN, PUK and tries as at the start, strict, no session
 *     lenient               9C as many cards do it: GET DATA may come in between
 */
#ifndef TESTS_CARDS_PIV_H
#define TESTS_CARDS_PIV_H

#include <openssl/evp.h>

#include "apdu.h"
#include "card.h"

#define PIV_PIN_LEN 8
#define PIV_TRIES 3
#define PIV_RETIRED_MAX 20
#define PIV_KEYS_MAX (4 + PIV_RETIRED_MAX)
#define PIV_CERT_MAX 3072

#define KEY_AUTHENTICATION 0x9a
#define KEY_SIGNATURE 0x9c
#define KEY_MANAGEMENT 0x9d
#define KEY_CARD_AUTHENTICATION 0x9e
#define KEY_RETIRED_FIRST 0x82
#define KEY_RETIRED_LAST 0x95

struct piv_key {
    uint8_t reference;
    uint8_t algorithm; /* SP 800-78-4, table 6-2 */
    EVP_PKEY *key;
    uint8_t cert[PIV_CERT_MAX]; /* DER */
    size_t cert_len;
};

struct piv_secret {
    uint8_t value[PIV_PIN_LEN]; /* padded with FF */
    unsigned tries, tries_max;
};

struct piv {
    char folder[256];
    struct piv_key keys[PIV_KEYS_MAX];
    size_t keys_count;
    uint8_t guid[16];
    struct piv_secret pin, puk, first_pin, first_puk;
    bool selected, verified, fresh, lenient;
    unsigned long wrong_pins, right_pins;
    struct apdu_wire wire;
    struct piv *next; /* cards that were opened */
};

extern const struct card_ops piv_ops;

/* piv_store.c: the card of a folder; why not is told on standard error. */
struct piv *piv_load(const char *folder);
const struct piv_key *piv_find_key(const struct piv *, uint8_t reference);

/* Each runs one command. */
void piv_select(struct piv *, const struct apdu *, struct answer *);       /* piv_objects.c */
void piv_get_data(struct piv *, const struct apdu *, struct answer *);
void piv_verify(struct piv *, const struct apdu *, struct answer *);       /* piv_pin.c */
void piv_change_reference_data(struct piv *, const struct apdu *, struct answer *);
void piv_reset_retry_counter(struct piv *, const struct apdu *, struct answer *);
void piv_general_authenticate(struct piv *, const struct apdu *, struct answer *); /* piv_crypto.c */

/* BER-TLV: the value of a tag of one byte at the top level, or NULL; and adding one to
 * an answer. */
const uint8_t *tlv_find(const uint8_t *data, size_t n, uint8_t tag, size_t *ret_len);
void tlv_add(struct answer *, unsigned tag, const void *value, size_t n);

#endif

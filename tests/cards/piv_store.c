/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A card's folder:
 *
 *     9a.key 9a.crt ...        PEM; 9a 9c 9d 9e 82 to 95; a key may lack its certificate
 *     pin puk                  text, up to eight characters; 123456 and 12345678 without
 *     pin-tries puk-tries      a number; 3 without
 *     guid                     32 hexadecimal digits; zeros and a digest of the name without
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include "piv.h"

static FILE *
open_in(const char *folder, const char *name, const char *ending)
{
    char path[320];
    snprintf(path, sizeof path, "%s/%s%s", folder, name, ending);
    return fopen(path, "re");
}

/* The first line of a file of the folder, or the default. */
static void
read_word(const char *folder, const char *name, const char *otherwise, char *out, int max)
{
    FILE *f = open_in(folder, name, "");

    if (f == NULL || fgets(out, max, f) == NULL)
        snprintf(out, (size_t)max, "%s", otherwise);
    out[strcspn(out, "\n")] = '\0';
    if (f != NULL)
        fclose(f);
}

static void
read_secret(const char *folder, const char *name, const char *tries, const char *otherwise,
            struct piv_secret *s)
{
    char word[PIV_PIN_LEN + 2], number[16];

    read_word(folder, name, otherwise, word, sizeof word);
    memset(s->value, 0xff, sizeof s->value);
    memcpy(s->value, word, strnlen(word, sizeof s->value));
    read_word(folder, tries, "", number, sizeof number);
    s->tries_max = *number != '\0' ? (unsigned)strtoul(number, NULL, 10) : PIV_TRIES;
    s->tries = s->tries_max;
}

static void
read_guid(struct piv *card)
{
    char hex[40];
    uint8_t digest[SHA256_DIGEST_LENGTH];

    SHA256((const uint8_t *)card->folder, strlen(card->folder), digest);
    memcpy(card->guid, digest, sizeof card->guid);
    read_word(card->folder, "guid", "", hex, sizeof hex);
    for (size_t i = 0; i < sizeof card->guid && strlen(hex) == 32; i++) {
        char two[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        card->guid[i] = (uint8_t)strtoul(two, NULL, 16);
    }
}

/* SP 800-78-4, table 6-2; RSA-3072 and 4096 of its successor. */
static uint8_t
algorithm_of(EVP_PKEY *key)
{
    if (EVP_PKEY_is_a(key, "RSA"))
        return EVP_PKEY_get_bits(key) <= 2048 ? 0x07 : EVP_PKEY_get_bits(key) <= 3072 ? 0x05 : 0x16;
    return EVP_PKEY_get_bits(key) <= 256 ? 0x11 : 0x14;
}

static bool
read_key(struct piv *card, uint8_t reference)
{
    char name[4];
    struct piv_key *k = &card->keys[card->keys_count];
    FILE *f;
    X509 *x = NULL;
    uint8_t *der = k->cert;
    int n;

    snprintf(name, sizeof name, "%02x", reference);
    f = open_in(card->folder, name, ".key");
    if (f == NULL)
        return true;
    k->key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
    fclose(f);
    if (k->key == NULL)
        return false;
    k->reference = reference;
    k->algorithm = algorithm_of(k->key);
    card->keys_count++;
    f = open_in(card->folder, name, ".crt");
    if (f == NULL)
        return true;
    x = PEM_read_X509(f, NULL, NULL, NULL);
    fclose(f);
    n = x != NULL ? i2d_X509(x, NULL) : -1;
    if (n > 0 && (size_t)n <= sizeof k->cert)
        k->cert_len = (size_t)i2d_X509(x, &der);
    X509_free(x);
    return k->cert_len > 0;
}

struct piv *
piv_load(const char *folder)
{
    struct piv *card = calloc(1, sizeof *card);
    static const uint8_t first[] = {KEY_AUTHENTICATION, KEY_SIGNATURE, KEY_MANAGEMENT,
                                    KEY_CARD_AUTHENTICATION};
    bool good = card != NULL && strlen(folder) < sizeof card->folder;

    if (good)
        snprintf(card->folder, sizeof card->folder, "%s", folder);
    for (size_t i = 0; good && i < sizeof first; i++)
        good = read_key(card, first[i]);
    for (unsigned r = KEY_RETIRED_FIRST; good && r <= KEY_RETIRED_LAST; r++)
        good = read_key(card, (uint8_t)r);
    if (!good || card->keys_count == 0) {
        fprintf(stderr, "virtual-piv: %s: no card: a key or a certificate cannot be read\n", folder);
        free(card);
        return NULL;
    }
    read_secret(folder, "pin", "pin-tries", "123456", &card->pin);
    read_secret(folder, "puk", "puk-tries", "12345678", &card->puk);
    card->first_pin = card->pin;
    card->first_puk = card->puk;
    read_guid(card);
    return card;
}

const struct piv_key *
piv_find_key(const struct piv *card, uint8_t reference)
{
    for (size_t i = 0; i < card->keys_count; i++)
        if (card->keys[i].reference == reference)
            return &card->keys[i];
    return NULL;
}

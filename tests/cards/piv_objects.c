/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SELECT and GET DATA: SP 800-73-4, part 2, 3.1; the objects, part 1, 3 and table 3. */
#include <string.h>

#include "piv.h"

#define TAG_DISCOVERY 0x7e
#define TAG_CCC 0x5fc107
#define TAG_CHUID 0x5fc102
#define TAG_HISTORY 0x5fc10c
#define TAG_RETIRED_FIRST 0x5fc10d
#define TAG_CONTAINER 0x53

static const uint8_t aid[] = {0xa0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00, 0x01, 0x00};
/* RID and the application's first bytes: what a partial name must at least have. */
#define AID_LEAST 5

/* Part 2, table 3: the application property template. */
static void
property_template(struct answer *a)
{
    struct answer inner = {.len = 0}, authority = {.len = 0};
    static const char label[] = "Signet virtual PIV";

    tlv_add(&inner, 0x4f, aid + AID_LEAST, sizeof aid - AID_LEAST);
    tlv_add(&authority, 0x4f, aid, AID_LEAST);
    tlv_add(&inner, 0x79, authority.data, authority.len);
    tlv_add(&inner, 0x50, label, sizeof label - 1);
    tlv_add(a, 0x61, inner.data, inner.len);
}

void
piv_select(struct piv *card, const struct apdu *c, struct answer *a)
{
    if (c->p1 != 0x04) {
        a->sw = SW_BAD_P1P2;
    } else if (c->lc < AID_LEAST || c->lc > sizeof aid || memcmp(c->data, aid, c->lc) != 0) {
        a->sw = SW_NOT_FOUND;
    } else {
        /* Selected anew, the PIN's status stays (part 2, 3.1.1). */
        card->selected = true;
        property_template(a);
    }
}

static void
discovery(const struct piv *card, struct answer *a)
{
    struct answer inner = {.len = 0};
    /* Only the application PIN is there; it is preferred. */
    static const uint8_t policy[] = {0x40, 0x00};

    (void)card;
    tlv_add(&inner, 0x4f, aid, sizeof aid);
    tlv_add(&inner, 0x5f2f, policy, sizeof policy);
    tlv_add(a, TAG_DISCOVERY, inner.data, inner.len);
}

static void
chuid(const struct piv *card, struct answer *a)
{
    struct answer inner = {.len = 0};
    /* A FASC-N with agency code 9999: who issued it is in the GUID. */
    static const uint8_t fascn[25] = {0xd4, 0xe7, 0x39, 0xda, 0x73, 0x9c, 0xed, 0x39, 0xce,
                                      0x73, 0x9d, 0x83, 0x68, 0x58, 0x21, 0x08, 0x42, 0x10,
                                      0x84, 0x21, 0xc8, 0x42, 0x10, 0xc3, 0xeb};

    tlv_add(&inner, 0x30, fascn, sizeof fascn);
    tlv_add(&inner, 0x34, card->guid, sizeof card->guid);
    tlv_add(&inner, 0x35, "20991231", 8);
    tlv_add(&inner, 0x3e, "", 0);
    tlv_add(&inner, 0xfe, "", 0);
    tlv_add(a, TAG_CONTAINER, inner.data, inner.len);
}

static void
capabilities(const struct piv *card, struct answer *a)
{
    struct answer inner = {.len = 0};
    uint8_t identifier[21] = {0xa0, 0x00, 0x00, 0x01, 0x16, 0xff, 0x02};

    memcpy(identifier + 7, card->guid, 14);
    tlv_add(&inner, 0xf0, identifier, sizeof identifier);
    tlv_add(&inner, 0xf1, "\x21", 1);
    tlv_add(&inner, 0xf2, "\x21", 1);
    tlv_add(&inner, 0xf3, "", 0);
    tlv_add(&inner, 0xf4, "\x00", 1);
    tlv_add(&inner, 0xf5, "\x10", 1);
    for (unsigned tag = 0xf6; tag <= 0xfe; tag++)
        if (tag != 0xf8 && tag != 0xf9)
            tlv_add(&inner, tag, "", 0);
    tlv_add(a, TAG_CONTAINER, inner.data, inner.len);
}

/* How many retired keys have their certificate on the card, and how many not. */
static void
history(const struct piv *card, struct answer *a)
{
    struct answer inner = {.len = 0};
    uint8_t on = 0, off = 0;

    for (size_t i = 0; i < card->keys_count; i++) {
        const struct piv_key *k = &card->keys[i];
        if (k->reference > KEY_RETIRED_LAST)
            continue;
        on += k->cert_len > 0;
        off += k->cert_len == 0;
    }
    if (on + off == 0) {
        a->sw = SW_NOT_FOUND;
        return;
    }
    tlv_add(&inner, 0xc1, &on, 1);
    tlv_add(&inner, 0xc2, &off, 1);
    if (off > 0)
        tlv_add(&inner, 0xf3, "http://keys.example.org/none", 28);
    tlv_add(&inner, 0xfe, "", 0);
    tlv_add(a, TAG_CONTAINER, inner.data, inner.len);
}

static const struct {
    unsigned tag;
    uint8_t reference;
} certificates[] = {
    {0x5fc105, KEY_AUTHENTICATION},
    {0x5fc10a, KEY_SIGNATURE},
    {0x5fc10b, KEY_MANAGEMENT},
    {0x5fc101, KEY_CARD_AUTHENTICATION},
};

/* The key whose certificate that object is; 0: another object. */
static uint8_t
certificate_of(unsigned tag)
{
    for (size_t i = 0; i < sizeof certificates / sizeof *certificates; i++)
        if (certificates[i].tag == tag)
            return certificates[i].reference;
    if (tag >= TAG_RETIRED_FIRST && tag < TAG_RETIRED_FIRST + PIV_RETIRED_MAX)
        return (uint8_t)(KEY_RETIRED_FIRST + (tag - TAG_RETIRED_FIRST));
    return 0;
}

static void
certificate(const struct piv *card, unsigned tag, struct answer *a)
{
    const struct piv_key *k = piv_find_key(card, certificate_of(tag));
    static struct answer inner;

    if (k == NULL || k->cert_len == 0) {
        a->sw = SW_NOT_FOUND;
        return;
    }
    inner.len = 0;
    tlv_add(&inner, 0x70, k->cert, k->cert_len);
    tlv_add(&inner, 0x71, "\x00", 1);
    tlv_add(&inner, 0xfe, "", 0);
    tlv_add(a, TAG_CONTAINER, inner.data, inner.len);
}

static const struct {
    unsigned tag;
    void (*write)(const struct piv *, struct answer *);
} objects[] = {
    {TAG_DISCOVERY, discovery},
    {TAG_CHUID, chuid},
    {TAG_CCC, capabilities},
    {TAG_HISTORY, history},
};

void
piv_get_data(struct piv *card, const struct apdu *c, struct answer *a)
{
    size_t n = 0;
    const uint8_t *name = tlv_find(c->data, c->lc, 0x5c, &n);
    unsigned tag = 0;

    if (c->p1 != 0x3f || c->p2 != 0xff) {
        a->sw = SW_BAD_P1P2;
        return;
    }
    if (name == NULL || n == 0 || n > 3) {
        a->sw = SW_BAD_DATA;
        return;
    }
    for (size_t i = 0; i < n; i++)
        tag = tag << 8 | name[i];
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++)
        if (objects[i].tag == tag) {
            objects[i].write(card, a);
            return;
        }
    certificate(card, tag, a);
}

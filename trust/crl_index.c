/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/crl_index.h"

#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#define FNV_START UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)
/* Before each entry in a page: hash, length of the issuer, length of the entry. */
#define RECORD_HEAD 16
#define FIRST_SLOTS 256

struct slot {
    uint64_t hash;
    uint32_t at;       /* offset of the entry in the CRL */
    uint32_t issuer;   /* of the certificateIssuer that holds, when it is another's; or 0 */
};

struct crl_index {
    struct crl_der der;
    struct slot *slots;
    size_t count, room;
    struct span critical;
};

struct building {
    struct crl_index *index;
    uint32_t names[CRL_ENTRY_ISSUERS_MAX];   /* whom entries are of now */
    size_t name_count;
    uint32_t issuer;
};

int
crl_name_hash(const X509_NAME *name, uint32_t *ret)
{
    int ok = 0;
    unsigned long hash = X509_NAME_hash_ex(name, NULL, NULL, &ok);

    if (ok != 1) {
        ERR_clear_error();
        return E_MALFORMED;
    }
    *ret = (uint32_t)hash;
    return 0;
}

uint64_t
crl_hash(uint32_t name, struct span serial)
{
    uint64_t hash = FNV_START;

    for (unsigned i = 0; i < 4; i++)
        hash = (hash ^ (name >> 8 * i & 0xff)) * FNV_PRIME;
    for (size_t i = 0; i < serial.len; i++)
        hash = (hash ^ serial.at[i]) * FNV_PRIME;
    return hash ^ hash >> 29;
}

static int
hash_names(struct building *b, const GENERAL_NAMES *names)
{
    int rc = 0;

    b->name_count = 0;
    for (int i = 0; rc == 0 && i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type != GEN_DIRNAME)
            continue;
        if (b->name_count == CRL_ENTRY_ISSUERS_MAX)
            return E_LIMIT;
        rc = crl_name_hash(name->d.directoryName, &b->names[b->name_count++]);
    }
    return rc != 0 ? rc : b->name_count > 0 ? 0 : E_MALFORMED;
}

static int
take_issuer(struct building *b, struct span value)
{
    const unsigned char *der = value.at;
    GENERAL_NAMES *names = d2i_GENERAL_NAMES(NULL, &der, (long)value.len);
    int rc = names != NULL ? hash_names(b, names) : E_MALFORMED;

    GENERAL_NAMES_free(names);
    ERR_clear_error();
    return rc;
}

static int
add(struct crl_index *x, struct slot slot)
{
    if (x->count == x->room) {
        size_t room = x->room == 0 ? FIRST_SLOTS : 2 * x->room;
        struct slot *more = realloc(x->slots, room * sizeof *more);
        if (more == NULL)
            return E_NOMEM;
        x->slots = more;
        x->room = room;
    }
    x->slots[x->count++] = slot;
    return 0;
}

static int
take_entry(void *arg, const struct crl_entry *entry)
{
    struct building *b = arg;
    struct crl_index *x = b->index;
    const uint8_t *start = x->der.whole.at;
    int rc = entry->issuer.len > 0 ? take_issuer(b, entry->issuer_value) : 0;

    if (entry->critical && x->critical.len == 0)
        x->critical = entry->whole;
    if (entry->issuer.len > 0)
        b->issuer = (uint32_t)(entry->issuer.at - start);
    for (size_t i = 0; rc == 0 && i < b->name_count; i++)
        rc = add(x, (struct slot){
                     .hash = crl_hash(b->names[i], entry->serial),
                     .at = (uint32_t)(entry->whole.at - start),
                     .issuer = entry->issuer.len > 0 ? 0 : b->issuer,
                 });
    return rc;
}

static int
by_hash(const void *a, const void *b)
{
    const struct slot *x = a, *y = b;

    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

static int
check_repeats(const struct crl_index *x)
{
    for (size_t i = CRL_SAME_MAX; i < x->count; i++)
        if (x->slots[i].hash == x->slots[i - CRL_SAME_MAX].hash)
            return E_LIMIT;
    return 0;
}

int
crl_index_new(struct crl_index **ret, const struct crl_der *der)
{
    struct crl_index *x = calloc(1, sizeof *x);
    struct building b = {.index = x, .name_count = 1};
    const unsigned char *at = der->issuer.at;
    X509_NAME *issuer;
    int rc;

    if (x == NULL)
        return E_NOMEM;
    x->der = *der;
    issuer = d2i_X509_NAME(NULL, &at, (long)der->issuer.len);
    rc = issuer != NULL ? crl_name_hash(issuer, &b.names[0]) : E_MALFORMED;
    X509_NAME_free(issuer);
    if (rc == 0)
        rc = crl_der_each(der, take_entry, &b);
    if (rc == 0 && x->count > 1)
        qsort(x->slots, x->count, sizeof *x->slots, by_hash);
    if (rc == 0)
        rc = check_repeats(x);
    ERR_clear_error();
    if (rc != 0)
        crl_index_free(&x);
    else
        *ret = x;
    return rc;
}

void
crl_index_free(struct crl_index **x)
{
    if (x == NULL || *x == NULL)
        return;
    free((*x)->slots);
    free(*x);
    *x = NULL;
}

size_t
crl_index_count(const struct crl_index *x)
{
    return x->count;
}

struct span
crl_index_critical(const struct crl_index *x)
{
    return x->critical;
}

/* The first of what begins there. */
static struct span
rest(const struct crl_index *x, uint32_t at)
{
    return (struct span){x->der.whole.at + at, x->der.whole.len - at};
}

/* What a slot refers to; it was read before, so it is well-formed. */
static int
resolve(const struct crl_index *x, const struct slot *slot, struct crl_entry *entry,
        struct span *issuer)
{
    struct span at = rest(x, slot->at);
    int rc = crl_der_entry(&at, entry);

    *issuer = (struct span){NULL, 0};
    if (rc == 0 && slot->issuer != 0) {
        at = rest(x, slot->issuer);
        rc = crl_der_element(at, issuer);
    }
    return rc;
}

int
crl_index_find(const struct crl_index *x, uint64_t hash, crl_found *found, void *arg)
{
    size_t low = 0, high = x->count;
    struct crl_entry entry;
    struct span issuer;
    int rc = 0;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (x->slots[middle].hash < hash)
            low = middle + 1;
        else
            high = middle;
    }
    for (; rc == 0 && low < x->count && x->slots[low].hash == hash; low++) {
        rc = resolve(x, &x->slots[low], &entry, &issuer);
        if (rc == 0)
            rc = found(arg, &entry, issuer);
    }
    return rc;
}

static void
put_number(uint8_t *out, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        out[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
}

static uint64_t
get_number(const uint8_t *in, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes; i++)
        value = value << 8 | in[i];
    return value;
}

static int
put_record(const struct crl_index *x, const struct slot *slot, struct buf *page)
{
    uint8_t head[RECORD_HEAD];
    struct crl_entry entry;
    struct span issuer;
    int rc = resolve(x, slot, &entry, &issuer);

    if (rc != 0)
        return rc;
    put_number(head, slot->hash, 8);
    put_number(head + 8, issuer.len, 4);
    put_number(head + 12, entry.whole.len, 4);
    rc = buf_put(page, head, sizeof head);
    if (rc == 0 && issuer.len > 0)
        rc = buf_put(page, issuer.at, issuer.len);
    return rc != 0 ? rc : buf_put(page, entry.whole.at, entry.whole.len);
}

int
crl_index_pages(const struct crl_index *x,
                int (*page)(void *arg, uint64_t first, const uint8_t *data, size_t len),
                void *arg)
{
    autofree_buf struct buf *data = buf_new();
    uint64_t first = 0;
    int rc = data != NULL ? 0 : E_NOMEM;

    for (size_t i = 0; rc == 0 && i < x->count; i++) {
        if (buf_len(data) == 0)
            first = x->slots[i].hash;
        rc = put_record(x, &x->slots[i], data);
        /* Those of one hash are never parted. */
        if (rc == 0 && (i + 1 == x->count || (buf_len(data) >= CRL_PAGE_BYTES &&
                                              x->slots[i + 1].hash != x->slots[i].hash))) {
            rc = page(arg, first, buf_data(data), buf_len(data));
            buf_reset(data);
        }
    }
    return rc;
}

int
crl_page_find(const uint8_t *page, size_t len, uint64_t hash, crl_found *found, void *arg)
{
    int rc = 0;

    while (rc == 0 && len >= RECORD_HEAD) {
        uint64_t this = get_number(page, 8);
        size_t issuer_len = (size_t)get_number(page + 8, 4);
        size_t entry_len = (size_t)get_number(page + 12, 4);
        page += RECORD_HEAD;
        len -= RECORD_HEAD;
        if (issuer_len > len || entry_len > len - issuer_len)
            return E_MALFORMED;
        struct span issuer = {page, issuer_len}, at = {page + issuer_len, entry_len};
        struct crl_entry entry;
        page += issuer_len + entry_len;
        len -= issuer_len + entry_len;
        if (this != hash)
            continue;
        rc = crl_der_entry(&at, &entry);
        if (rc == 0)
            rc = found(arg, &entry, issuer);
    }
    return rc != 0 ? rc : len == 0 ? 0 : E_MALFORMED;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/crl_der.h"

#include <string.h>

#include "cms/ber.h"
#include "cms/der.h"

#define UTC_TIME 0x17
#define GENERALIZED_TIME 0x18
#define BOOLEAN 0x01
#define EXTENSIONS (BER_CONTEXT(0) | BER_CONSTRUCTED)
#define SEQUENCE (BER_SEQUENCE | BER_CONSTRUCTED)

/* id-ce-certificateIssuer, 2.5.29.29 */
static const uint8_t certificate_issuer[] = {0x55, 0x1d, 0x1d};

struct element {
    uint8_t id;           /* with the constructed bit */
    struct span whole, content;
};

/* The next element of *at, which moves behind it. */
static int
take(struct span *at, struct element *ret)
{
    struct ber_header h;

    if (ber_read_header(at->at, at->len, &h) != 1 || !h.minimal || h.length < 0 ||
        (uint64_t)h.length > at->len - h.size)
        return E_MALFORMED;
    ret->id = (uint8_t)(h.id | (h.constructed ? BER_CONSTRUCTED : 0));
    ret->whole = (struct span){at->at, h.size + (size_t)h.length};
    ret->content = (struct span){at->at + h.size, (size_t)h.length};
    at->at += ret->whole.len;
    at->len -= ret->whole.len;
    return 0;
}

static int
take_as(struct span *at, uint8_t id, struct element *ret)
{
    int rc = take(at, ret);

    return rc != 0 ? rc : ret->id == id ? 0 : E_MALFORMED;
}

static bool
is_next(const struct span *at, uint8_t id)
{
    return at->len > 0 && at->at[0] == id;
}

static int
take_time(struct span *at)
{
    struct element e;
    int rc = take(at, &e);

    return rc != 0 ? rc : e.id == UTC_TIME || e.id == GENERALIZED_TIME ? 0 : E_MALFORMED;
}

/* version, signature, issuer, thisUpdate, nextUpdate. */
static int
take_front(struct span *at, struct crl_der *d)
{
    struct element e;
    int rc = 0;

    if (is_next(at, BER_INTEGER))
        rc = take(at, &e);
    if (rc == 0)
        rc = take_as(at, SEQUENCE, &e);
    /* The same as outside (5.1.1.2). */
    if (rc == 0 && (e.whole.len > d->tail.len || memcmp(e.whole.at, d->tail.at, e.whole.len) != 0))
        rc = E_MALFORMED;
    if (rc == 0)
        rc = take_as(at, SEQUENCE, &e);
    if (rc == 0) {
        d->issuer = e.whole;
        rc = take_time(at);
    }
    if (rc == 0 && (is_next(at, UTC_TIME) || is_next(at, GENERALIZED_TIME)))
        rc = take_time(at);
    return rc;
}

static int
take_tbs(struct span at, struct crl_der *d)
{
    const uint8_t *start = at.at;
    struct element e;
    int rc = take_front(&at, d);

    if (rc != 0)
        return rc;
    d->before = (struct span){start, (size_t)(at.at - start)};
    if (is_next(&at, SEQUENCE)) {
        rc = take(&at, &e);
        d->entries = rc == 0 ? e.content : d->entries;
    }
    d->after = at;
    if (rc == 0 && at.len > 0)
        rc = take_as(&at, EXTENSIONS, &e);
    return rc != 0 ? rc : at.len == 0 ? 0 : E_MALFORMED;
}

int
crl_der_parse(const uint8_t *data, size_t len, struct crl_der *ret)
{
    struct crl_der d = {.whole = {data, len}};
    struct span at = d.whole;
    struct element outer, tbs, e;
    int rc;

    if (len > CRL_BYTES_MAX)
        return E_LIMIT;
    rc = take_as(&at, SEQUENCE, &outer);
    if (rc == 0 && at.len != 0)
        rc = E_MALFORMED;
    if (rc == 0)
        rc = take_as(&outer.content, SEQUENCE, &tbs);
    if (rc == 0) {
        d.tbs = tbs.whole;
        d.tail = outer.content;
        rc = take_as(&outer.content, SEQUENCE, &e);
    }
    if (rc == 0)
        rc = take_as(&outer.content, BER_BIT_STRING, &e);
    if (rc == 0)
        rc = outer.content.len == 0 ? take_tbs(tbs.content, &d) : E_MALFORMED;
    if (rc == 0 && len - d.entries.len > CRL_HEADER_MAX)
        rc = E_LIMIT;
    if (rc == 0)
        *ret = d;
    return rc;
}

/* One Extension. */
static int
take_extension(struct span *at, struct crl_entry *entry)
{
    struct element ext, oid, e;
    bool critical = false;
    int rc = take_as(at, SEQUENCE, &ext);

    if (rc == 0)
        rc = take_as(&ext.content, BER_OID, &oid);
    if (rc == 0 && is_next(&ext.content, BOOLEAN)) {
        rc = take(&ext.content, &e);
        if (rc == 0 && e.content.len != 1)
            rc = E_MALFORMED;
        critical = rc == 0 && e.content.at[0] != 0;
    }
    if (rc == 0)
        rc = take_as(&ext.content, BER_OCTET_STRING, &e);
    if (rc != 0 || ext.content.len != 0)
        return E_MALFORMED;
    if (oid.content.len == sizeof certificate_issuer &&
        memcmp(oid.content.at, certificate_issuer, sizeof certificate_issuer) == 0) {
        entry->issuer = ext.whole;
        entry->issuer_value = e.content;
    } else if (critical) {
        entry->critical = true;
    }
    return 0;
}

int
crl_der_entry(struct span *at, struct crl_entry *ret)
{
    struct crl_entry entry = {.critical = false};
    struct element outer, e;
    int rc = take_as(at, SEQUENCE, &outer);

    if (rc != 0)
        return rc;
    if (outer.whole.len > CRL_ENTRY_MAX)
        return E_LIMIT;
    entry.whole = outer.whole;
    rc = take_as(&outer.content, BER_INTEGER, &e);
    if (rc == 0) {
        entry.serial = e.content;
        rc = e.content.len == 0 ? E_MALFORMED : take_time(&outer.content);
    }
    if (rc == 0 && outer.content.len > 0) {
        rc = take_as(&outer.content, SEQUENCE, &e);
        while (rc == 0 && e.content.len > 0)
            rc = take_extension(&e.content, &entry);
    }
    if (rc == 0 && outer.content.len != 0)
        rc = E_MALFORMED;
    if (rc == 0)
        *ret = entry;
    return rc;
}

int
crl_der_each(const struct crl_der *d, int (*each)(void *arg, const struct crl_entry *), void *arg)
{
    struct span at = d->entries;
    struct crl_entry entry;
    size_t count = 0;
    int rc = 0;

    while (rc == 0 && at.len > 0) {
        rc = ++count > CRL_ENTRIES_MAX ? E_LIMIT : crl_der_entry(&at, &entry);
        if (rc == 0)
            rc = each(arg, &entry);
    }
    return rc;
}

int
crl_der_element(struct span data, struct span *ret)
{
    struct element e;
    int rc = take(&data, &e);

    if (rc == 0)
        *ret = e.whole;
    return rc;
}

int
crl_der_content(struct span data, struct span *ret)
{
    struct element e;
    int rc = take(&data, &e);

    if (rc == 0)
        *ret = e.content;
    return rc;
}

int
crl_der_put(const struct crl_der *d, const struct span *entries, size_t count, struct buf *out)
{
    autofree_buf struct buf *revoked = buf_new(), *tbs = buf_new(), *content = buf_new();
    int rc = revoked != NULL && tbs != NULL && content != NULL ? 0 : E_NOMEM;

    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = buf_put(revoked, entries[i].at, entries[i].len);
    if (rc == 0)
        rc = buf_put(tbs, d->before.at, d->before.len);
    if (rc == 0 && count > 0)
        rc = der_put(tbs, SEQUENCE, buf_data(revoked), buf_len(revoked));
    if (rc == 0)
        rc = buf_put(tbs, d->after.at, d->after.len);
    if (rc == 0)
        rc = der_put(content, SEQUENCE, buf_data(tbs), buf_len(tbs));
    if (rc == 0)
        rc = buf_put(content, d->tail.at, d->tail.len);
    return rc != 0 ? rc : der_put(out, SEQUENCE, buf_data(content), buf_len(content));
}

int
crl_der_put_entry(const struct crl_entry *entry, struct span issuer, struct buf *out)
{
    struct span at = entry->whole;
    struct element outer, serial, date, extensions = {.content = {.len = 0}};
    autofree_buf struct buf *all = buf_new(), *exts = buf_new();
    int rc = all != NULL && exts != NULL ? take_as(&at, SEQUENCE, &outer) : E_NOMEM;

    if (rc == 0)
        rc = take(&outer.content, &serial);
    if (rc == 0)
        rc = take(&outer.content, &date);
    if (rc == 0 && outer.content.len > 0)
        rc = take(&outer.content, &extensions);
    if (rc == 0)
        rc = buf_put(exts, issuer.at, issuer.len);
    if (rc == 0 && extensions.content.len > 0)
        rc = buf_put(exts, extensions.content.at, extensions.content.len);
    if (rc == 0)
        rc = buf_put(all, serial.whole.at, serial.whole.len + date.whole.len);
    if (rc == 0)
        rc = der_put(all, SEQUENCE, buf_data(exts), buf_len(exts));
    return rc != 0 ? rc : der_put(out, SEQUENCE, buf_data(all), buf_len(all));
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pkcs11/keyset.h"

#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/text.h"
#include "pkcs11/attr.h"

/* The attributes looked at; one list serves both classes of keys. */
enum { A_TYPE, A_ID, A_LABEL, A_MODULUS, A_EXPONENT, A_PARAMS, A_POINT, A_INFO,
       A_SIGN, A_DECRYPT, A_DERIVE, A_ALWAYS, A_COUNT };

static const CK_ATTRIBUTE_TYPE private_attrs[A_COUNT] = {
    CKA_KEY_TYPE, CKA_ID, CKA_LABEL, CKA_MODULUS, CKA_PUBLIC_EXPONENT, CKA_EC_PARAMS,
    CKA_EC_POINT, CKA_PUBLIC_KEY_INFO, CKA_SIGN, CKA_DECRYPT, CKA_DERIVE,
    CKA_ALWAYS_AUTHENTICATE,
};
static const CK_ATTRIBUTE_TYPE public_attrs[A_COUNT] = {
    CKA_KEY_TYPE, CKA_ID, CKA_LABEL, CKA_MODULUS, CKA_PUBLIC_EXPONENT, CKA_EC_PARAMS,
    CKA_EC_POINT, CKA_PUBLIC_KEY_INFO, CKA_VERIFY, CKA_ENCRYPT, CKA_DERIVE, CKA_TOKEN,
};

/* Growing lists while reading; adopted by the keyset at the end. */
struct reading {
    const struct ck_calls *ck;
    CK_SESSION_HANDLE session;
    bool hidden;
    struct key *keys, *publics;
    size_t key_count, public_count;
    struct cert *certs;
    size_t cert_count;
};

static char *
safe_label(const struct attr *a)
{
    autofree_buf struct buf *out = buf_new();

    if (!out || (a->present && text_put_safe(out, a->data, strnlen((char *)a->data, a->len)) != 0))
        return NULL;
    return strdup(buf_cstr(out));
}

static void
take_id(uint8_t id[KEY_ID_MAX], size_t *len, const struct attr *a)
{
    *len = a->present && a->len <= KEY_ID_MAX ? a->len : a->present ? KEY_ID_MAX : 0;
    if (*len > 0)
        memcpy(id, a->data, *len);
}

static bool
same_id(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    return a_len > 0 && a_len == b_len && memcmp(a, b, a_len) == 0;
}

/* Whether a public half can belong to a private key of CKA_KEY_TYPE. SoftHSM has
 * X25519 keys as CKK_EC_EDWARDS, so all that is not RSA is taken for one kind. */
static bool
same_kind(const struct spki *s, CK_KEY_TYPE type)
{
    return s->pkey && (type == CKK_RSA) == (s->type == ALG_KEY_RSA);
}

/* Uses: what the token permits, where it says so, cut to what the type can do. */
static void
set_uses(struct key *k, const struct attr *a)
{
    enum alg_key_type t = k->spki.type;

    k->sign = (t == ALG_KEY_RSA || t == ALG_KEY_EC || t == ALG_KEY_ED25519 ||
               t == ALG_KEY_ED448) && attr_bool(&a[A_SIGN], true);
    k->decrypt = t == ALG_KEY_RSA && attr_bool(&a[A_DECRYPT], true);
    k->derive = (t == ALG_KEY_EC || t == ALG_KEY_X25519 || t == ALG_KEY_X448) &&
                attr_bool(&a[A_DERIVE], t != ALG_KEY_EC);
}

static int
own_spki(struct spki *ret, const struct attr *a)
{
    CK_KEY_TYPE type = attr_ulong(&a[A_TYPE], CK_UNAVAILABLE_INFORMATION);

    if (a[A_INFO].present && a[A_INFO].len > 0 &&
        spki_from_der(ret, a[A_INFO].data, a[A_INFO].len) == 0)
        return 0;
    if (type == CKK_RSA && a[A_MODULUS].present && a[A_EXPONENT].present)
        return spki_from_rsa(ret, a[A_MODULUS].data, a[A_MODULUS].len, a[A_EXPONENT].data,
                             a[A_EXPONENT].len);
    if ((type == CKK_EC || type == CKK_EC_EDWARDS || type == CKK_EC_MONTGOMERY) &&
        a[A_PARAMS].present && a[A_POINT].present)
        return spki_from_ec(ret, a[A_PARAMS].data, a[A_PARAMS].len, a[A_POINT].data,
                            a[A_POINT].len);
    return E_UNSUPPORTED;
}

static struct key *
find_in(struct key *keys, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (memcmp(keys[i].spki.name, name, SPKI_NAME) == 0)
            return &keys[i];
    return NULL;
}

/* How well a public half fits a private key that does not tell its own: by CKA_ID; where
 * one of them has none, by label. Among several the one that no other key has taken
 * (pkcs11/quirk.h, id-missing and id-shared). 0: not at all. */
static unsigned
fitness(const struct reading *r, const struct key *k, const struct spki *s, const uint8_t *id,
        size_t id_len, const char *label)
{
    bool by_id = same_id(k->id, k->id_len, id, id_len);
    bool by_label = k->label && label && k->label[0] && strcmp(k->label, label) == 0;

    if (!by_id && (!by_label || (k->id_len > 0 && id_len > 0)))
        return 0;
    return (by_id ? 4 : 0) + (find_in(r->keys, r->key_count, s->name) ? 0 : 2) + by_label;
}

static int
spki_by_id(struct spki *ret, const struct reading *r, const struct key *k, CK_KEY_TYPE type)
{
    const struct spki *best = NULL;
    unsigned most = 0, fit;

    for (size_t i = 0; i < r->public_count; i++) {
        const struct key *p = &r->publics[i];
        fit = same_kind(&p->spki, type) ? fitness(r, k, &p->spki, p->id, p->id_len, p->label) : 0;
        if (fit > most) {
            most = fit;
            best = &p->spki;
        }
    }
    for (size_t i = 0; i < r->cert_count; i++) {
        const struct cert *c = &r->certs[i];
        fit = same_kind(&c->spki, type) ? fitness(r, k, &c->spki, c->id, c->id_len, c->label) : 0;
        if (fit > most) {
            most = fit;
            best = &c->spki;
        }
    }
    return best ? spki_copy(ret, best) : E_NO_KEY;
}

/* Appends *k_steal, or drops it when its name is there already. */
static CK_RV
add_key(struct key **list, size_t *count, struct key *k_steal)
{
    struct key *more;

    if (find_in(*list, *count, k_steal->spki.name)) {
        key_clear(k_steal);
        return CKR_OK;
    }
    more = realloc(*list, (*count + 1) * sizeof **list);
    if (!more) {
        key_clear(k_steal);
        return CKR_HOST_MEMORY;
    }
    *list = more;
    more[(*count)++] = *k_steal;
    return CKR_OK;
}

typedef CK_RV reader(struct reading *, CK_OBJECT_HANDLE);

static CK_RV
read_public(struct reading *r, CK_OBJECT_HANDLE object)
{
    struct attr a[A_COUNT] = {0};
    struct key k = {.public_key = object};
    CK_RV rv;

    for (size_t i = 0; i < A_COUNT; i++)
        a[i].type = public_attrs[i];
    rv = attrs_read(r->ck, r->session, object, a, A_COUNT);
    if (rv == CKR_OK && own_spki(&k.spki, a) == 0) {
        take_id(k.id, &k.id_len, &a[A_ID]);
        k.label = safe_label(&a[A_LABEL]);
        set_uses(&k, a);
        rv = add_key(&r->publics, &r->public_count, &k);
    }
    attrs_clear(a, A_COUNT);
    return rv;
}

static CK_RV
read_private(struct reading *r, CK_OBJECT_HANDLE object)
{
    struct attr a[A_COUNT] = {0};
    struct key k = {.private_key = object, .private_state = KEY_PRIVATE_YES};
    CK_RV rv;

    for (size_t i = 0; i < A_COUNT; i++)
        a[i].type = private_attrs[i];
    rv = attrs_read(r->ck, r->session, object, a, A_COUNT);
    if (rv == CKR_OK) {
        take_id(k.id, &k.id_len, &a[A_ID]);
        k.label = safe_label(&a[A_LABEL]);
        if (own_spki(&k.spki, a) == 0 ||
            spki_by_id(&k.spki, r, &k, attr_ulong(&a[A_TYPE], CKK_VENDOR_DEFINED)) == 0) {
            k.always_authenticate = attr_bool(&a[A_ALWAYS], false);
            set_uses(&k, a);
            rv = add_key(&r->keys, &r->key_count, &k);
        } else {
            key_clear(&k);
        }
    }
    attrs_clear(a, A_COUNT);
    return rv;
}

static CK_RV
read_cert(struct reading *r, CK_OBJECT_HANDLE object)
{
    struct attr a[] = {{CKA_VALUE}, {CKA_ID}, {CKA_LABEL}};
    const size_t n = sizeof a / sizeof *a;
    struct cert c = {0}, *more;
    const uint8_t *p;
    CK_RV rv = attrs_read(r->ck, r->session, object, a, n);
    int len;

    if (rv != CKR_OK || !a[0].present)
        goto out;
    p = a[0].data;
    c.x509 = d2i_X509(NULL, &p, (long)a[0].len);
    len = c.x509 ? i2d_X509(c.x509, &c.der) : -1;
    if (len <= 0)
        goto out;
    c.len = (size_t)len;
    take_id(c.id, &c.id_len, &a[1]);
    c.label = safe_label(&a[2]);
    if (X509_get0_pubkey(c.x509)) {
        uint8_t *der = NULL;
        len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(c.x509), &der);
        if (len <= 0 || spki_from_der(&c.spki, der, (size_t)len) != 0)
            c.spki = (struct spki){0};
        OPENSSL_free(der);
    }
    more = realloc(r->certs, (r->cert_count + 1) * sizeof c);
    if (!more) {
        rv = CKR_HOST_MEMORY;
        goto out;
    }
    r->certs = more;
    r->certs[r->cert_count++] = c;
    c = (struct cert){0};
out:
    cert_clear(&c);
    ERR_clear_error();
    attrs_clear(a, n);
    return rv;
}

static CK_RV
read_class(struct reading *r, CK_OBJECT_CLASS class, reader *one)
{
    CK_ATTRIBUTE match = {CKA_CLASS, &class, sizeof class};
    CK_OBJECT_HANDLE *objects = NULL;
    size_t count = 0;
    CK_RV rv = objects_find(r->ck, r->session, &match, 1, &objects, &count);

    for (size_t i = 0; i < count && rv == CKR_OK; i++) {
        rv = one(r, objects[i]);
        /* Somebody may delete objects while we look. */
        if (rv == CKR_OBJECT_HANDLE_INVALID)
            rv = CKR_OK;
    }
    free(objects);
    return rv;
}

/* Public-key objects complete the private keys, or stand for hidden ones. */
static CK_RV
join_publics(struct reading *r)
{
    CK_RV rv = CKR_OK;

    for (size_t i = 0; i < r->public_count && rv == CKR_OK; i++) {
        struct key *p = &r->publics[i];
        struct key *k = find_in(r->keys, r->key_count, p->spki.name);
        if (k) {
            k->public_key = p->public_key;
            if (k->id_len == 0) {
                memcpy(k->id, p->id, p->id_len);
                k->id_len = p->id_len;
            }
            if (k->label && k->label[0] == '\0' && p->label) {
                char *swap = k->label;
                k->label = p->label;
                p->label = swap;
            }
            continue;
        }
        struct key moved = *p;
        *p = (struct key){0};
        moved.private_state = r->hidden ? KEY_PRIVATE_UNKNOWN : KEY_PRIVATE_NO;
        rv = add_key(&r->keys, &r->key_count, &moved);
    }
    return rv;
}

static CK_RV
join_certs(struct reading *r)
{
    static const struct attr silent[A_COUNT];
    CK_RV rv = CKR_OK;

    for (size_t i = 0; i < r->cert_count && rv == CKR_OK; i++) {
        const struct cert *c = &r->certs[i];
        struct key k = {.private_state = KEY_PRIVATE_UNKNOWN};
        if (!c->spki.pkey || !r->hidden || X509_check_ca(c->x509) ||
            find_in(r->keys, r->key_count, c->spki.name))
            continue;
        if (spki_copy(&k.spki, &c->spki) != 0)
            return CKR_HOST_MEMORY;
        memcpy(k.id, c->id, c->id_len);
        k.id_len = c->id_len;
        k.label = strdup(c->label ? c->label : "");
        set_uses(&k, silent);
        rv = add_key(&r->keys, &r->key_count, &k);
    }
    return rv;
}

static int
by_name(const void *a, const void *b)
{
    return memcmp(((const struct key *)a)->spki.name, ((const struct key *)b)->spki.name,
                  SPKI_NAME);
}

static void
reading_clear(struct reading *r)
{
    for (size_t i = 0; i < r->key_count; i++)
        key_clear(&r->keys[i]);
    for (size_t i = 0; i < r->public_count; i++)
        key_clear(&r->publics[i]);
    for (size_t i = 0; i < r->cert_count; i++)
        cert_clear(&r->certs[i]);
    free(r->keys);
    free(r->publics);
    free(r->certs);
    *r = (struct reading){0};
}

CK_RV
keyset_read(struct keyset **ret, const struct ck_calls *ck, CK_SESSION_HANDLE session,
            bool hidden)
{
    struct reading r = {.ck = ck, .session = session, .hidden = hidden};
    struct keyset *ks = calloc(1, sizeof *ks);
    CK_RV rv = ks ? CKR_OK : CKR_HOST_MEMORY;

    if (rv == CKR_OK)
        rv = read_class(&r, CKO_PUBLIC_KEY, read_public);
    if (rv == CKR_OK)
        rv = read_class(&r, CKO_CERTIFICATE, read_cert);
    if (rv == CKR_OK)
        rv = read_class(&r, CKO_PRIVATE_KEY, read_private);
    if (rv == CKR_OK)
        rv = join_publics(&r);
    if (rv == CKR_OK)
        rv = join_certs(&r);
    if (rv != CKR_OK) {
        reading_clear(&r);
        free(ks);
        return rv;
    }
    if (r.key_count > 1)
        qsort(r.keys, r.key_count, sizeof *r.keys, by_name);
    *ks = (struct keyset){.refs = 1, .keys = r.keys, .key_count = r.key_count,
                          .certs = r.certs, .cert_count = r.cert_count};
    r.keys = NULL;
    r.certs = NULL;
    r.key_count = r.cert_count = 0;
    reading_clear(&r);
    *ret = ks;
    return CKR_OK;
}

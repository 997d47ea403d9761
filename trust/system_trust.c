/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/system_trust.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/asn1.h>
#include <openssl/err.h>

#include "trust/system_cache.h"
#include "trust/system_module.h"

struct system_trust {
    struct system_list list;
    bool cached;
};

int
system_trust_open(struct system_trust **ret, const char *cache, const char *paths,
                  struct err *err)
{
    struct system_trust *s = calloc(1, sizeof *s);

    if (s == NULL || (s->list.bytes = buf_new()) == NULL) {
        free(s);
        return err_set(err, E_NOMEM, "out of memory for the system's trust");
    }
    s->cached = cache != NULL && system_cache_read(cache, paths, &s->list);
    int rc = s->cached ? 0 : system_module_read(paths, &s->list);
    if (rc == 0 && !s->cached && cache != NULL)
        system_cache_write(cache, paths, &s->list);
    if (rc == 0) {
        *ret = s;
        return 0;
    }
    system_trust_free(&s);
    return err_set(err, rc, "the system's trust cannot be read: %s", err_default_text(rc));
}

void
system_trust_free(struct system_trust **s)
{
    if (s == NULL || *s == NULL)
        return;
    system_list_clear(&(*s)->list);
    free(*s);
    *s = NULL;
}

int
system_trust_find(const struct system_trust *s, const X509_NAME *subject,
                  int (*each)(void *arg, X509 *), void *arg)
{
    uint32_t hash = system_name_hash(subject);
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < s->list.count; i++) {
        const struct system_entry *e = &s->list.entries[i];
        const unsigned char *der = system_list_at(&s->list, e->value);

        if (e->kind != SYSTEM_FOR_MAIL || e->subject != hash)
            continue;
        X509 *cert = d2i_X509(NULL, &der, (long)e->value.len);
        if (cert != NULL && X509_NAME_cmp(X509_get_subject_name(cert), subject) == 0)
            rc = each(arg, cert);
        X509_free(cert);
        ERR_clear_error();
    }
    return rc;
}

static bool
is_same(const struct system_list *list, struct system_part part, const unsigned char *der, int len)
{
    return part.len > 0 && len > 0 && part.len == (uint32_t)len &&
           memcmp(system_list_at(list, part), der, part.len) == 0;
}

bool
system_trust_distrusts(const struct system_trust *s, const X509 *cert)
{
    unsigned char *spki = NULL, *issuer = NULL, *serial = NULL;
    int spki_len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &spki);
    int issuer_len = i2d_X509_NAME(X509_get_issuer_name(cert), &issuer);
    int serial_len = i2d_ASN1_INTEGER(X509_get0_serialNumber(cert), &serial);
    bool found = false;

    for (size_t i = 0; !found && i < s->list.count; i++) {
        const struct system_entry *e = &s->list.entries[i];

        if (e->kind != SYSTEM_DISTRUSTED)
            continue;
        found = is_same(&s->list, e->spki, spki, spki_len) ||
                (is_same(&s->list, e->issuer, issuer, issuer_len) &&
                 is_same(&s->list, e->serial, serial, serial_len));
    }
    OPENSSL_free(spki);
    OPENSSL_free(issuer);
    OPENSSL_free(serial);
    return found;
}

bool
system_trust_cached(const struct system_trust *s)
{
    return s->cached;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/choose.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/buf.h"
#include "trust/certificate.h"

#define RSA_BITS_MIN 2048

enum choose_origin
choose_origin_of(const char *source)
{
    static const struct {
        const char *begins;
        enum choose_origin origin;
    } words[] = {{"file ", CHOOSE_GIVEN}, {"token ", CHOOSE_GIVEN}, {"signed mail", CHOOSE_LEARNT},
                 {"smimea ", CHOOSE_LEARNT}};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strncmp(source, words[i].begins, strlen(words[i].begins)) == 0)
            return words[i].origin;
    return CHOOSE_FOUND;
}

int
choose_list_add(struct choose_list *l, X509 *cert, enum choose_origin origin, bool preferred)
{
    for (size_t i = 0; i < l->count; i++)
        if (X509_cmp(l->items[i].cert, cert) == 0)
            return 0;
    if (l->count == l->room) {
        size_t room = l->room > 0 ? 2 * l->room : 8;
        struct choose_item *items = reallocarray(l->items, room, sizeof *items);
        if (items == NULL)
            return E_NOMEM;
        l->items = items;
        l->room = room;
    }
    l->items[l->count++] = (struct choose_item){.cert = cert, .origin = origin,
                                                .preferred = preferred};
    X509_up_ref(cert);
    return 0;
}

void
choose_list_clear(struct choose_list *l)
{
    for (size_t i = 0; i < l->count; i++)
        X509_free(l->items[i].cert);
    free(l->items);
    memset(l, 0, sizeof *l);
}

/* How the key is encrypted to (RFC 5280 4.2.1.3), as a bit of the key usage; 0: not. */
static uint32_t
usage_of(EVP_PKEY *key)
{
    switch (key != NULL ? EVP_PKEY_get_base_id(key) : NID_undef) {
    case EVP_PKEY_RSA:
        return KU_KEY_ENCIPHERMENT;
    case EVP_PKEY_EC:
    case EVP_PKEY_X25519:
    case EVP_PKEY_X448:
        return KU_KEY_AGREEMENT;
    default:
        return 0;
    }
}

/* What the certificate itself tells. */
static enum choose_fault
look_at(const struct choose_wish *w, X509 *cert)
{
    EVP_PKEY *key = X509_get0_pubkey(cert);
    uint32_t usage = usage_of(key);

    if (usage == 0)
        return CHOOSE_NO_SUCH_KEY;
    if ((X509_get_key_usage(cert) & usage) == 0)
        return CHOOSE_NOT_MEANT;
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA && EVP_PKEY_get_bits(key) < RSA_BITS_MIN)
        return CHOOSE_TOO_WEAK;
    if (!w->allow_expired && X509_cmp_current_time(X509_get0_notBefore(cert)) > 0)
        return CHOOSE_NOT_YET;
    if (!w->allow_expired && X509_cmp_current_time(X509_get0_notAfter(cert)) < 0)
        return CHOOSE_EXPIRED;
    return CHOOSE_FIT;
}

struct judged {
    enum choose_fault fault;
    bool trusted;
    char detail[256];
};

/* What a problem of the path makes of the certificate. */
static enum choose_fault
fault_of(const struct choose_wish *w, const char *word)
{
    static const struct {
        const char *word;
        enum choose_fault fault;
    } words[] = {{"revoked", CHOOSE_REVOKED}, {"distrusted", CHOOSE_DISTRUSTED},
                 {"revocation-unknown", CHOOSE_STATE_UNKNOWN},
                 {"revocation-unchecked", CHOOSE_FIT}};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i].word, word) == 0)
            return words[i].fault;
    if (w->allow_expired && (strcmp(word, "expired") == 0 || strcmp(word, "not-yet-valid") == 0))
        return CHOOSE_FIT;
    return CHOOSE_UNTRUSTED;
}

static int
judge_path(const struct choose_wish *w, const struct choose_item *item, struct judged *j,
           struct err *err)
{
    struct path_options options = *w->path;
    struct path path = {.count = 0};
    int rc;

    options.purpose = PATH_ENCRYPT_MAIL;
    rc = path_check(&path, w->anchors, item->cert, NULL, &options, err);
    j->trusted = true;
    for (size_t i = 0; rc == 0 && i < path.count; i++) {
        enum choose_fault fault = fault_of(w, path.problems[i].word);

        j->trusted = j->trusted && fault == CHOOSE_FIT;
        if (fault == CHOOSE_UNTRUSTED && item->origin != CHOOSE_FOUND)
            continue;
        if (fault > j->fault) {
            j->fault = fault;
            snprintf(j->detail, sizeof j->detail, "%s", path.problems[i].text);
        }
    }
    path_clear(&path);
    return rc;
}

static int
judge(const struct choose_wish *w, const struct choose_item *item, size_t *paths,
      struct judged *j, struct err *err)
{
    *j = (struct judged){.fault = look_at(w, item->cert)};
    if (j->fault != CHOOSE_FIT || w->anchors == NULL || w->path == NULL)
        return 0;
    if (++*paths > CHOOSE_PATHS_MAX) {
        j->fault = item->origin == CHOOSE_FOUND ? CHOOSE_UNTRUSTED : CHOOSE_FIT;
        return 0;
    }
    return judge_path(w, item, j, err);
}

/* Greater than 0: a is better; 0: as good. */
static int
compare(const struct choose_item *a, const struct judged *ja, const struct choose_item *b,
        const struct judged *jb)
{
    if (ja->fault != jb->fault)
        return ja->fault < jb->fault ? 1 : -1;
    if (a->preferred != b->preferred)
        return a->preferred ? 1 : -1;
    if (ja->trusted != jb->trusted)
        return ja->trusted ? 1 : -1;
    return ASN1_TIME_compare(X509_get0_notBefore(a->cert), X509_get0_notBefore(b->cert));
}

int
choose_best(const struct choose_list *l, const struct choose_wish *w, struct choice *ret,
            struct err *err)
{
    struct choice c = {.best = NULL};
    struct judged best = {.fault = CHOOSE_FIT}, now;
    size_t paths = 0;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < l->count; i++) {
        const struct choose_item *item = &l->items[i];
        int order = 1;

        rc = judge(w, item, &paths, &now, err);
        if (rc != 0)
            break;
        c.fit += now.fault == CHOOSE_FIT;
        if (c.best != NULL)
            order = compare(item, &now, c.best, &best);
        if (order > 0) {
            c.best = item;
            c.rival = NULL;
            best = now;
        } else if (order == 0) {
            c.rival = item;
        }
    }
    ERR_clear_error();
    if (rc != 0)
        return rc;
    c.fault = best.fault;
    c.trusted = best.trusted;
    memcpy(c.detail, best.detail, sizeof c.detail);
    *ret = c;
    return 0;
}

static int
put_date(const ASN1_TIME *time, struct buf *out)
{
    struct tm tm;

    if (ASN1_TIME_to_tm(time, &tm) != 1)
        return buf_put_str(out, "an unreadable time");
    return buf_putf(out, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
}

static int
refuse_judged(const char *who, const struct choice *c, const char *name, struct err *err)
{
    if (c->fault == CHOOSE_REVOKED)
        return err_set(err, E_UNTRUSTED, "recipient %s: the certificate of \"%s\" was revoked "
                       "(%s); ask its owner for the new one", who, name, c->detail);
    if (c->fault == CHOOSE_DISTRUSTED)
        return err_set(err, E_UNTRUSTED, "recipient %s: the certificate of \"%s\" is distrusted "
                       "(%s); ask for another one, or take the mark back (signet certs distrust "
                       "--undo)", who, name, c->detail);
    if (c->fault == CHOOSE_STATE_UNKNOWN)
        return err_set(err, E_UNTRUSTED, "recipient %s: whether the certificate of \"%s\" was "
                       "revoked cannot be learnt (%s); try again later, or set revocation = soft "
                       "in [trust]", who, name, c->detail);
    return err_set(err, E_UNTRUSTED, "recipient %s: the certificate of \"%s\" was found, but "
                   "nothing vouches for it (%s); compare its fingerprint with its owner, then "
                   "mark it (signet certs trust) or give it as a file", who, name,
                   c->detail[0] != '\0' ? c->detail : "its path was not judged");
}

int
choose_refuse(const char *who, const struct choice *c, struct err *err)
{
    autofree_buf struct buf *text = buf_new(), *when = buf_new();
    X509 *cert = c->best->cert;
    EVP_PKEY *key = X509_get0_pubkey(cert);
    int rc = text != NULL && when != NULL
                 ? certificate_put_name(text, X509_get_subject_name(cert))
                 : E_NOMEM;
    const char *name;

    if (rc == 0)
        rc = put_date(c->fault == CHOOSE_NOT_YET ? X509_get0_notBefore(cert)
                                                 : X509_get0_notAfter(cert), when);
    if (rc != 0)
        return err_set(err, rc, "out of memory for recipients");
    name = buf_cstr(text);
    switch (c->fault) {
    case CHOOSE_EXPIRED:
        return err_set(err, E_NO_CERT, "recipient %s: the certificate of \"%s\" expired on %s; "
                       "get the new one, or give --allow-expired", who, name, buf_cstr(when));
    case CHOOSE_NOT_YET:
        return err_set(err, E_NO_CERT, "recipient %s: the certificate of \"%s\" is valid from %s "
                       "on alone; check this machine's clock, or give --allow-expired", who, name,
                       buf_cstr(when));
    case CHOOSE_TOO_WEAK:
        return err_set(err, E_WEAK, "recipient %s: the key of \"%s\" is RSA with %d bits, too "
                       "weak to encrypt to; get a certificate of a key of %d bits or more", who,
                       name, EVP_PKEY_get_bits(key), RSA_BITS_MIN);
    case CHOOSE_NOT_MEANT:
        return err_set(err, E_NO_CERT, "recipient %s: the certificate of \"%s\" is not made for "
                       "encryption (its key usage lacks %s); ask for the one that is", who, name,
                       usage_of(key) == KU_KEY_ENCIPHERMENT ? "keyEncipherment" : "keyAgreement");
    case CHOOSE_NO_SUCH_KEY:
        return err_set(err, E_NO_CERT, "recipient %s: the key of \"%s\" can sign, but nobody can "
                       "encrypt to it; ask for a certificate with an RSA, EC or X25519 key", who,
                       name);
    default:
        return refuse_judged(who, c, name, err);
    }
}

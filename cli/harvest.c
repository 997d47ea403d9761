/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/harvest.h"

#include <stdlib.h>
#include <string.h>
#include <openssl/x509v3.h>

#include "base/hex.h"
#include "mail/capability.h"
#include "trust/certificate.h"
#include "trust/store.h"

/* Signatures of one mail that are learnt from. */
#define GRAINS_MAX 4

/* What one signature says. */
struct grain {
    char *address;
    X509 *cert;
    char *capabilities[STORE_CAPABILITIES_MAX + 1];
    bool has_capabilities;
    time_t signed_at;
};

struct harvest {
    struct cli *cli;
    bool off;
    struct grain grains[GRAINS_MAX];
    size_t count;
};

int
harvest_new(struct harvest **ret, struct cli *cli, struct err *err)
{
    const struct conf *conf = NULL;
    struct harvest *h;
    int rc = cli_conf(cli, &conf, err);

    if (rc != 0)
        return rc;
    h = calloc(1, sizeof *h);
    if (!h)
        return err_set(err, E_NOMEM, "out of memory");
    h->cli = cli;
    h->off = !conf_get_bool(conf, "trust", NULL, "learn", true);
    *ret = h;
    return 0;
}

static void
clear_grain(struct grain *g)
{
    for (size_t i = 0; g->capabilities[i]; i++)
        free(g->capabilities[i]);
    X509_free(g->cert);
    free(g->address);
    memset(g, 0, sizeof *g);
}

void
harvest_free(struct harvest **ph)
{
    struct harvest *h = ph ? *ph : NULL;

    if (!h)
        return;
    for (size_t i = 0; i < h->count; i++)
        clear_grain(&h->grains[i]);
    free(h);
    *ph = NULL;
}

static bool
encrypts(X509 *cert)
{
    return X509_get_key_usage(cert) & (KU_KEY_ENCIPHERMENT | KU_KEY_AGREEMENT);
}

/* Anybody can put a certificate into a mail: only one with a path of its own is taken. One
 * made for encryption alone is not meant to sign, which is what paths are asked for. */
static bool
is_trusted(X509 *cert, STACK_OF(X509) *certs, const struct verdict_options *options)
{
    struct path path = {.count = 0};
    bool good = path_check(&path, options->anchors, cert, certs, &options->path, NULL) == 0;

    for (size_t i = 0; good && i < path.count; i++)
        good = problem_weight(path.problems[i].word) == VERDICT_GOOD ||
               strcmp(path.problems[i].word, "wrong-purpose") == 0;
    path_clear(&path);
    return good && (X509_get_extended_key_usage(cert) & (XKU_SMIME | XKU_ANYEKU));
}

/* judged: it is the one that the verdict is on, without which nothing is stored. */
static bool
fits(X509 *cert, bool judged, const char *address, STACK_OF(X509) *certs,
     const struct verdict_options *options)
{
    return encrypts(cert) && certificate_has_email(cert, address) &&
           (judged || is_trusted(cert, certs, options));
}

/* RFC 8551 2.5.3: the one that is preferred, else the signer's own, else one beside it. */
static X509 *
to_encrypt_to(const struct cms_signature *s, const X509 *judged, STACK_OF(X509) *certs,
              const char *address, const struct verdict_options *options)
{
    X509 *preferred = NULL;

    if (cms_preferred_cert(s, certs, &preferred) == 1)
        return fits(preferred, preferred == judged, address, certs, options) ? preferred : NULL;
    if (fits(s->cert, s->cert == judged, address, certs, options))
        return s->cert;
    for (int i = 0; i < sk_X509_num(certs); i++)
        if (fits(sk_X509_value(certs, i), false, address, certs, options))
            return sk_X509_value(certs, i);
    return NULL;
}

static char *
capability_text(const struct cms_capability *c)
{
    size_t oid = strlen(c->oid);
    char *text;

    if (oid + 2 + 2 * c->len >= CAPABILITY_TEXT_MAX)
        return NULL;
    text = malloc(oid + 2 + 2 * c->len);
    if (!text)
        return NULL;
    memcpy(text, c->oid, oid + 1);
    if (c->len > 0) {
        text[oid] = ' ';
        hex_encode(c->parameters, c->len, text + oid + 1);
    }
    return text;
}

static void
take_capabilities(struct grain *g, const struct cms_signature *s)
{
    struct cms_capability c;
    size_t n = 0;

    for (size_t i = 0; n < STORE_CAPABILITIES_MAX && cms_capability_at(s, i, &c) == 1; i++) {
        g->has_capabilities = true;
        g->capabilities[n] = capability_text(&c);
        n += g->capabilities[n] != NULL;
    }
}

static void
take_one(struct harvest *h, const struct cms_signature *s, const X509 *judged,
         STACK_OF(X509) *certs, const char *address, const struct verdict_options *options)
{
    struct grain *g = &h->grains[h->count];

    g->address = strdup(address);
    if (!g->address)
        return;
    h->count++;
    g->cert = to_encrypt_to(s, judged, certs, address, options);
    if (g->cert)
        X509_up_ref(g->cert);
    take_capabilities(g, s);
    g->signed_at = s->has_signing_time ? s->signing_time : 0;
}

void
harvest_take(struct harvest *h, const struct cms_signed *signed_, const struct verdict *verdict,
             const struct verdict_options *options)
{
    struct verdict_signer signer;

    if (!h || h->off || !options->is_mail || options->from_count != 1 ||
        options->from_ambiguous || options->path.at != 0 || options->path.allow_weak)
        return;
    for (size_t i = 0; i < signed_->count && h->count < GRAINS_MAX; i++) {
        const struct cms_signature *s = &signed_->signatures[i];
        if (s->state == CMS_INTACT && s->cert && certificate_has_email(s->cert, options->from[0]))
            take_one(h, s, verdict_signer_at(verdict, i, &signer) ? signer.cert : NULL,
                     signed_->certs, options->from[0], options);
    }
}

static int
learn(struct harvest *h, struct store *store, struct err *err)
{
    autoclose_store struct store *own = NULL;
    int rc = 0;

    if (!store) {
        rc = home_make(&h->cli->home, err);
        if (rc == 0)
            rc = store_open(&own, h->cli->home.state, false, err);
        store = own;
    }
    for (size_t i = 0; rc == 0 && i < h->count; i++) {
        const struct grain *g = &h->grains[i];
        struct store_news news = {
            .address = g->address,
            .cert = g->cert,
            .capabilities = g->has_capabilities ? (const char *const *)g->capabilities : NULL,
            .signed_at = g->signed_at,
            .source = "signed mail",
        };
        rc = store_learn(store, &news, err);
    }
    return rc;
}

void
harvest_store(struct harvest *h, struct store *store)
{
    struct err err;

    err_clear(&err);
    if (h && h->count > 0 && learn(h, store, &err) != 0 && h->cli->verbose)
        cli_note(h->cli, "what this mail tells of its sender is not kept: %s", err_text(&err));
}

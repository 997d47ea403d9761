/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/signers.h"

#include <string.h>

#include "mail/capability.h"

/* The command line's word, else the configuration's, else none. */
static const char *
setting(const struct options *o, const struct conf *conf, const char *name)
{
    const char *given = options_get(o, name);

    return given ? given : conf_get(conf, "sign", NULL, name);
}

static int
read_certs(struct signers *s, const struct options *o, const struct conf *conf, struct err *err)
{
    static const char *const words[] = {
        [CERTS_NONE] = "none", [CERTS_SIGNER] = "signer", [CERTS_CHAIN] = "chain"};
    const char *word = setting(o, conf, "certs");

    s->certs = CERTS_CHAIN;
    for (int i = CERTS_NONE; word && i <= CERTS_CHAIN; i++)
        if (strcmp(words[i], word) == 0) {
            s->certs = (enum which_certs)i;
            return 0;
        }
    return word ? err_set(err, E_CONFIG, "certs in [sign] cannot be \"%s\"; it is one of "
                          "none|signer|chain", word)
                : 0;
}

static int
add_signer(struct signers *s, const struct cli *cli, const struct signer_wish *wish, bool mail,
           struct err *err)
{
    struct signer *added = &s->list[s->count];
    int rc;

    if (s->count == SIGNERS_MAX)
        return err_set(err, E_USAGE, "at most %d signers at once", SIGNERS_MAX);
    rc = signer_load(added, cli->client, wish, err);
    if (rc != 0)
        return rc;
    if (cli->verbose)
        cli_note(cli, "signs with key \"%s\" (%.16s) on token \"%s\", %s", added->key.label,
                 added->key.name, added->key.token, added->scheme->name);
    s->cms[s->count] = signer_cms(added);
    if (mail)
        s->cms[s->count].capabilities = capability_own;
    s->count++;
    return 0;
}

static int
add_all(struct signers *s, struct cli *cli, const struct options *o, const struct conf *conf,
        bool mail, struct err *err)
{
    struct signer_wish wish = {.digest = setting(o, conf, "digest"),
                               .pss = options_has(o, "pss")};
    struct client *client = NULL;
    int rc = cli_client(cli, &client, err);

    wish.key = setting(o, conf, "key");
    for (size_t i = 0; rc == 0 && (i == 0 || options_value(o, "key", i)); i++) {
        if (i > 0)
            wish.key = options_value(o, "key", i);
        rc = add_signer(s, cli, &wish, mail, err);
    }
    return rc;
}

static int
load_chain(struct signers *s, struct err *err)
{
    int rc = 0;

    if (s->certs != CERTS_CHAIN)
        return 0;
    s->chain = sk_X509_new_null();
    if (!s->chain)
        return err_set(err, E_NOMEM, "out of memory while collecting certificates");
    for (size_t i = 0; rc == 0 && i < s->count; i++)
        rc = signer_put_chain(&s->list[i], s->chain, err);
    return rc;
}

/* Who answers needs the certificate as well as its name. */
static int
add_preferred(struct signers *s, size_t i, struct err *err)
{
    X509 *cert = NULL;
    int rc = signer_preferred(&s->list[i], &cert, err);

    if (rc != 0 || !cert)
        return rc;
    s->preferred[i] = cert;
    s->cms[i].preferred = cert;
    if (s->certs != CERTS_CHAIN)
        return 0;
    if (sk_X509_push(s->chain, cert) == 0)
        return err_set(err, E_NOMEM, "out of memory while collecting certificates");
    X509_up_ref(cert);
    return 0;
}

int
signers_load(struct signers *s, struct cli *cli, const struct options *o, bool mail,
             struct err *err)
{
    const struct conf *conf = NULL;
    int rc = cli_conf(cli, &conf, err);

    if (rc == 0)
        rc = read_certs(s, o, conf, err);
    if (rc == 0)
        rc = add_all(s, cli, o, conf, mail, err);
    if (rc == 0)
        rc = load_chain(s, err);
    for (size_t i = 0; rc == 0 && mail && i < s->count; i++)
        rc = add_preferred(s, i, err);
    if (rc == 0)
        rc = ess_load(&s->ess, cli, o, err);
    for (size_t i = 0; rc == 0 && i < s->count; i++) {
        s->cms[i].attributes = s->ess.list;
        s->cms[i].attribute_count = s->ess.count;
        s->outer[i] = s->cms[i];
        s->outer[i].attribute_count -= s->ess.request != NULL;
    }
    return rc;
}

struct cms_sign_options
signers_options(const struct signers *s)
{
    return (struct cms_sign_options){
        .signers = s->cms,
        .count = s->count,
        .content_size = -1,
        .no_certs = s->certs == CERTS_NONE,
        .certs = s->chain,
    };
}

struct cms_sign_options
signers_outer_options(const struct signers *s)
{
    struct cms_sign_options options = signers_options(s);

    options.signers = s->outer;
    return options;
}

static int
put_cert(STACK_OF(X509) *list, X509 *cert)
{
    if (!cert || sk_X509_push(list, cert) == 0)
        return E_NOMEM;
    X509_up_ref(cert);
    return 0;
}

int
signers_certs(const struct signers *s, STACK_OF(X509) **ret, struct err *err)
{
    STACK_OF(X509) *list = sk_X509_new_null();
    int rc = list ? 0 : E_NOMEM;

    for (size_t i = 0; rc == 0 && i < s->count; i++) {
        const unsigned char *at = s->list[i].source->der;
        X509 *own = d2i_X509(NULL, &at, (long)s->list[i].source->len);
        rc = put_cert(list, own);
        X509_free(own);
    }
    /* Those to encrypt to are in the chain. */
    for (int i = 0; rc == 0 && i < sk_X509_num(s->chain); i++)
        rc = put_cert(list, sk_X509_value(s->chain, i));
    if (rc != 0) {
        sk_X509_pop_free(list, X509_free);
        return err_set(err, rc, "out of memory while collecting certificates");
    }
    *ret = list;
    return 0;
}

void
signers_clear(struct signers *s)
{
    for (size_t i = 0; i < s->count; i++) {
        signer_clear(&s->list[i]);
        X509_free(s->preferred[i]);
    }
    sk_X509_pop_free(s->chain, X509_free);
    ess_clear(&s->ess);
    memset(s, 0, sizeof *s);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Looking for certificates: the store, the tokens, directories, the DNS. */
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "cli/certs_int.h"
#include "cli/listing.h"
#include "trust/certificate.h"
#include "trust/fetch.h"
#include "trust/smimea.h"

/* Directories that are asked, and bytes of one's answer. */
#define DIRECTORIES_MAX 8
#define ANSWER_MAX (4u * 1024 * 1024)
#define SEPARATORS " \t,"

/* Where a person's certificates are (RFC 4523 4.1, RFC 2798 2.8; some servers want the latter
 * without the option). */
static const char *const attributes[] = {"userCertificate;binary", "userSMIMECertificate;binary",
                                         "userSMIMECertificate"};
#define ATTRIBUTES (sizeof attributes / sizeof *attributes)
#define REQUESTS_MAX (DIRECTORIES_MAX * ATTRIBUTES + 1)

struct hunt {
    struct cli *cli;
    const char *who;
    struct store *store;                /* NULL: there is none */
    struct certs_list found;
    struct buf *urls[REQUESTS_MAX];
    struct fetch_request requests[REQUESTS_MAX];
    const char *directory[REQUESTS_MAX]; /* for sentences and sources */
    char *configured;                   /* what these are in, if not in the command line */
    size_t count;
};

static int
no_memory(struct err *err)
{
    return err_set(err, E_NOMEM, "out of memory for certificates");
}

/* An assertion value (RFC 4515 3), then as a part of a URL (RFC 3986 2.1). */
static int
put_value(struct buf *out, const char *value)
{
    int rc = 0;

    for (; rc == 0 && *value; value++) {
        unsigned char c = (unsigned char)*value;
        if (strchr("*()\\", c))
            rc = buf_putf(out, "%%5c%02x", c);
        else if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~@", c))
            rc = buf_put_byte(out, c);
        else
            rc = buf_putf(out, "%%%02x", c);
    }
    return rc;
}

/* ldap://HOST/BASE?attribute?sub?(mail=WHO), RFC 4516. */
static int
put_url(struct buf *out, const char *directory, const char *attribute, const char *who)
{
    size_t len = strcspn(directory, "?"), host = strcspn(strstr(directory, "://") + 3, "/?");
    bool has_base = strstr(directory, "://")[3 + host] == '/';
    int rc = buf_putf(out, "%.*s%s?%s?sub?(mail=", (int)len, directory, has_base ? "" : "/",
                      attribute);

    if (rc == 0)
        rc = put_value(out, who);
    return rc == 0 ? buf_put_byte(out, ')') : rc;
}

static int
check_directory(const char *url, struct err *err)
{
    if (strncmp(url, "ldap://", 7) == 0 || strncmp(url, "ldaps://", 8) == 0)
        return 0;
    return err_set(err, E_USAGE, "\"%s\" is no directory; it is written ldap://HOST/BASE, or "
                   "ldaps://HOST/BASE", url);
}

/* Counted at once: whatever is made of it is freed with the others. */
static int
add_request(struct hunt *h, const char *url, const char *attribute)
{
    size_t at = h->count++;

    h->requests[at] = (struct fetch_request){.kind = FETCH_GET, .max_bytes = ANSWER_MAX};
    h->directory[at] = url;
    h->urls[at] = buf_new();
    if (!h->urls[at] || put_url(h->urls[at], url, attribute, h->who) != 0)
        return E_NOMEM;
    h->requests[at].where = buf_cstr(h->urls[at]);
    return 0;
}

static int
ask_directory(struct hunt *h, const char *url, struct err *err)
{
    int rc = check_directory(url, err);

    if (rc != 0)
        return rc;
    if (h->count + ATTRIBUTES >= REQUESTS_MAX)
        return err_set(err, E_LIMIT, "at most %d directories can be asked at once",
                       DIRECTORIES_MAX);
    for (size_t i = 0; rc == 0 && i < ATTRIBUTES; i++)
        rc = add_request(h, url, attributes[i]);
    return rc == 0 ? 0 : no_memory(err);
}

/* Those of --ldap, else those of the configuration. */
static int
ask_directories(struct hunt *h, const struct options *o, const struct conf *conf, struct err *err)
{
    const char *set = conf_get(conf, "certs", NULL, "ldap"), *url;
    char *save = NULL;
    int rc = 0;

    for (size_t i = 0; rc == 0 && (url = options_value(o, "ldap", i)) != NULL; i++)
        rc = ask_directory(h, url, err);
    if (rc != 0 || options_has(o, "ldap") || !set)
        return rc;
    h->configured = strdup(set);
    if (!h->configured)
        return no_memory(err);
    for (char *word = strtok_r(h->configured, SEPARATORS, &save); rc == 0 && word;
         word = strtok_r(NULL, SEPARATORS, &save))
        rc = ask_directory(h, word, err);
    return rc;
}

static int
ask_dns(struct hunt *h, struct err *err)
{
    if (!strchr(h->who, '@'))
        return err_set(err, E_USAGE, "--smimea looks an address up, which \"%s\" is not", h->who);
    h->requests[h->count++] = (struct fetch_request){.kind = FETCH_SMIMEA, .where = h->who,
                                                     .max_bytes = ANSWER_MAX};
    return 0;
}

/* Whose certificate it is, it says itself: a directory can be wrong. */
static int
take_certs(struct hunt *h, const struct certs_pile *pile, const char *source, struct err *err)
{
    int rc = 0;

    for (int i = 0; rc == 0 && i < sk_X509_num(pile->certs); i++) {
        X509 *cert = sk_X509_value(pile->certs, i);
        if (certificate_has_email(cert, h->who))
            rc = certs_list_add_found(&h->found, cert, source, err);
        else if (h->cli->verbose && X509_check_ca(cert) == 0)
            cli_note(h->cli, "%s: a certificate there is not for %s, and left out", source,
                     h->who);
    }
    return rc;
}

static int
take_directory(struct hunt *h, size_t i, struct err *err)
{
    const struct fetch_request *r = &h->requests[i];
    int rc = 0;

    for (size_t v = 0; rc == 0 && v < r->count; v++) {
        struct certs_pile pile = {.certs = NULL};
        rc = certs_pile_der(&pile, r->values[v].data, r->values[v].len, NULL);
        if (rc == 0)
            rc = take_certs(h, &pile, h->directory[i], err);
        else if (rc != E_NOMEM) {
            cli_note(h->cli, "%s: a value of %s is no certificate", h->directory[i],
                     attributes[i % ATTRIBUTES]);
            rc = 0;
        }
        certs_pile_clear(&pile);
    }
    return rc == E_NOMEM ? no_memory(err) : rc;
}

/* A record that holds no certificate proves one that is from elsewhere. */
static int
take_record(struct hunt *h, const struct smimea *s, struct err *err)
{
    X509 *cert = smimea_certificate(s);
    int rc = 0;

    if (cert) {
        /* With DANE-EE the zone's owner says whose it is, and nobody else has to; with
         * PKIX-EE it is to be judged like any other. */
        rc = certs_list_add_found(&h->found, cert, s->usage == SMIMEA_DANE_EE
                                      ? CERTS_FROM_DNS "(DANE-EE)" : "dns (PKIX-EE)", err);
        X509_free(cert);
        return rc;
    }
    for (size_t i = 0; rc == 0 && i < h->found.count; i++)
        if (s->usage == SMIMEA_DANE_EE && h->found.items[i].learnt == 0 &&
            smimea_matches(s, h->found.items[i].cert)) {
            char *source = strdup(CERTS_FROM_DNS "(a record matches)");
            if (!source)
                return no_memory(err);
            free(h->found.items[i].source);
            h->found.items[i].source = source;
        }
    return rc;
}

static int
take_dns(struct hunt *h, const struct fetch_request *r, struct err *err)
{
    int rc = 0;

    if (!r->authenticated) {
        cli_note(h->cli, "the DNS' answer for %s is not proved by DNSSEC, and not used", h->who);
        return 0;
    }
    for (size_t v = 0; rc == 0 && v < r->count; v++) {
        struct smimea s;
        if (smimea_parse(r->values[v].data, r->values[v].len, &s) != 0 || !smimea_is_own(&s))
            continue;
        rc = take_record(h, &s, err);
    }
    return rc;
}

static int
take_answers(struct hunt *h, struct err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < h->count; i++) {
        const struct fetch_request *r = &h->requests[i];
        const char *of = h->directory[i] ? h->directory[i] : "the DNS";
        bool told = i > 0 && h->directory[i] && h->directory[i - 1] &&
                    strcmp(h->directory[i], h->directory[i - 1]) == 0 &&
                    h->requests[i - 1].rc == r->rc;
        if (r->rc == E_INPUT)
            continue;
        if (r->rc != 0 && !told)
            cli_note(h->cli, "%s: %s", of, err_text(&r->err));
        else if (r->rc == 0)
            rc = r->kind == FETCH_SMIMEA ? take_dns(h, r, err) : take_directory(h, i, err);
    }
    return rc;
}

static int
ask_network(struct hunt *h, const struct options *o, const struct conf *conf, struct err *err)
{
    autofree_fetcher struct fetcher *fetcher = NULL;
    struct fetch_settings settings = {.offline = false};
    int rc = ask_directories(h, o, conf, err);

    if (rc == 0 && options_has(o, "smimea"))
        rc = ask_dns(h, err);
    if (rc != 0 || h->count == 0)
        return rc;
    fetch_settings_read(&settings, conf);
    settings.offline |= options_has(o, "offline");
    rc = fetcher_new(&fetcher, &settings, err);
    if (rc == 0)
        rc = fetcher_run(fetcher, h->requests, h->count, err);
    return rc == 0 ? take_answers(h, err) : rc;
}

static int
take_token_cert(struct hunt *h, const json_t *item, struct err *err)
{
    const char *token = listing_string(item, "token");
    uint8_t *der = NULL;
    size_t len = 0;
    struct certs_pile pile = {.certs = NULL};
    char source[128];
    int rc = client_binary(item, "der", &der, &len, err);

    if (rc != 0)
        return rc;
    snprintf(source, sizeof source, CERTS_FROM_TOKEN "%s", token ? token : "");
    if (certs_pile_der(&pile, der, len, NULL) == 0)
        for (int i = 0; rc == 0 && i < sk_X509_num(pile.certs); i++)
            if (certificate_has_email(sk_X509_value(pile.certs, i), h->who))
                rc = certs_list_add_found(&h->found, sk_X509_value(pile.certs, i), source, err);
    free(der);
    certs_pile_clear(&pile);
    return rc;
}

/* Who has no tokens looks elsewhere. */
static int
ask_tokens(struct hunt *h, struct err *err)
{
    struct client *client = NULL;
    json_t *list = NULL, *item;
    struct err why = {0};
    size_t i;
    int rc = cli_client(h->cli, &client, &why);

    if (rc == 0)
        rc = client_certs(client, &list, &why);
    if (rc != 0) {
        cli_note(h->cli, "your tokens are not looked at: %s", err_text(&why));
        return 0;
    }
    json_array_foreach(list, i, item)
        if (rc == 0)
            rc = take_token_cert(h, item, err);
    json_decref(list);
    return rc;
}

static int
add_found(struct hunt *h, struct err *err)
{
    autoclose_store struct store *store = NULL;
    size_t added = 0;
    int rc = certs_store(h->cli, false, &store, err);

    if (rc == 0)
        rc = store_begin(store, err);
    if (rc != 0)
        return rc;
    for (size_t i = 0; rc == 0 && i < h->found.count; i++) {
        bool new = false;
        if (h->found.items[i].learnt != 0)
            continue;
        rc = store_add_for(store, h->found.items[i].cert, h->who, h->found.items[i].source, &new,
                           err);
        added += new;
    }
    rc = store_end(store, rc, err);
    if (rc == 0)
        cli_note(h->cli, "%zu certificate%s added", added, added == 1 ? "" : "s");
    return rc;
}

static int
print(const struct hunt *h, struct err *err)
{
    autofree_buf struct buf *out = buf_new();
    json_t *list = json_array();
    int rc = out && list ? 0 : no_memory(err);

    for (size_t i = 0; rc == 0 && h->cli->json && i < h->found.count; i++) {
        json_t *object = NULL;
        rc = certs_json(&h->found.items[i], &object, err);
        if (rc == 0 && json_array_append_new(list, object) != 0)
            rc = no_memory(err);
    }
    if (rc == 0 && h->cli->json)
        rc = cli_print_json(list, err);
    else if (rc == 0)
        rc = certs_put_table(&h->found, out) == 0 ? cli_print(out, err) : no_memory(err);
    json_decref(list);
    return rc;
}

static void
clear(struct hunt *h)
{
    for (size_t i = 0; i < h->count; i++)
        fetch_clear(&h->requests[i]);
    for (size_t i = 0; i < REQUESTS_MAX; i++)
        buf_free(&h->urls[i]);
    free(h->configured);
    certs_list_clear(&h->found);
    store_close(&h->store);
}

static int
run(struct cli *cli, const struct options *o, struct err *err)
{
    struct hunt h = {.cli = cli, .who = cli_operand(o, 0)};
    const struct conf *conf = NULL;
    int rc = cli_conf(cli, &conf, err);

    if (rc == 0)
        rc = certs_store(cli, true, &h.store, err);
    if (rc == 0)
        rc = certs_who(h.store, h.who, &h.found, err);
    if (rc == 0)
        rc = ask_tokens(&h, err);
    if (rc == 0)
        rc = ask_network(&h, o, conf, err);
    if (rc == 0 && h.found.count == 0)
        rc = err_set(err, E_NO_CERT, "no certificate of \"%s\" was found%s", h.who,
                     h.count == 0 ? "; --ldap names a directory to ask, and --smimea asks the DNS"
                                  : "");
    if (rc == 0 && options_has(o, "add"))
        rc = add_found(&h, err);
    if (rc == 0)
        rc = print(&h, err);
    clear(&h);
    return rc;
}

static const struct option_row options[] = {
    {.name = "ldap", .value = "URL", .many = true,
     .help = "ask this directory: ldap://HOST/BASE (instead of those of [certs])"},
    {.name = "smimea", .help = "ask the DNS (RFC 8162); only what DNSSEC proves counts"},
    {.name = "add", .help = "put what was found into the store"},
    {.name = "offline", .help = "fetch nothing from the network"},
    {.name = NULL},
};

const struct command command_certs_find = {
    .name = "certs find",
    .synopsis = "[--ldap URL]... [--smimea] [--add] WHO",
    .summary = "look for a certificate in directories and the DNS",
    .text = "Looks for the certificates of an address in the store, on your tokens, in the\n"
            "directories that \"ldap\" in [certs] of the configuration names, or --ldap does, and\n"
            "with --smimea in the DNS. With --add they are put into the store. What a directory\n"
            "says is not trusted for that: encrypting to it takes a path to an anchor.",
    .example = "signet certs find --ldap ldap://ldap.example.org/o=Example --add bob@example.org",
    .options = options,
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/trust_options.h"

#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/io.h"
#include "base/text.h"
#include "cli/anchors.h"
#include "trust/fetch.h"
#include "trust/revocation.h"
#include "trust/store.h"

struct trust {
    struct anchors *anchors;
    struct store *store;
    struct fetcher *fetcher;
    struct revocation *revocation;
    struct path_options path;
    const char *policies[TRUST_POLICIES_MAX + 1];
    const char *label_policy;
    bool may_fetch;
};

void
trust_free(struct trust **t)
{
    if (t == NULL || *t == NULL)
        return;
    revocation_free(&(*t)->revocation);
    fetcher_free(&(*t)->fetcher);
    store_close(&(*t)->store);
    anchors_free(&(*t)->anchors);
    free(*t);
    *t = NULL;
}

static int
read_time(struct trust *t, const struct options *o, struct err *err)
{
    const char *when = options_get(o, "time");

    if (when != NULL && text_parse_time(when, &t->path.at) != 0)
        return err_set(err, E_USAGE, "--time cannot be \"%s\"; write it like "
                       "2026-11-23T15:04:05Z", when);
    return 0;
}

static bool
is_oid(const char *text)
{
    ASN1_OBJECT *object = strspn(text, "0123456789.") == strlen(text) ? OBJ_txt2obj(text, 1) : NULL;
    bool is = object != NULL;

    ASN1_OBJECT_free(object);
    ERR_clear_error();
    return is;
}

static int
read_policies(struct trust *t, const struct options *o, struct err *err)
{
    const char *oid;
    size_t n = 0;

    for (; (oid = options_value(o, "policy", n)) != NULL; n++) {
        if (n == TRUST_POLICIES_MAX)
            return err_set(err, E_USAGE, "more than %d --policy; give fewer", TRUST_POLICIES_MAX);
        if (!is_oid(oid))
            return err_set(err, E_USAGE, "--policy cannot be \"%s\"; write an object identifier "
                           "like 2.16.840.1.101.3.2.1.48.1", oid);
        t->policies[n] = oid;
    }
    t->path.policies = n > 0 ? t->policies : NULL;
    t->path.require_policy = options_has(o, "require-policy");
    t->path.no_policy_mapping = options_has(o, "no-policy-mapping");
    t->path.no_any_policy = options_has(o, "no-any-policy");
    return 0;
}

static bool
is_offline(const struct conf *conf, const struct options *o)
{
    return options_has(o, "offline") || conf_get_bool(conf, "fetch", NULL, "offline", false);
}

/* It opens nothing yet. */
static int
make_fetcher(struct trust *t, const struct conf *conf, const struct options *o, struct err *err)
{
    struct fetch_settings settings = {.offline = false};

    fetch_settings_read(&settings, conf);
    settings.offline = is_offline(conf, o);
    t->may_fetch = !settings.offline;
    return fetcher_new(&t->fetcher, &settings, err);
}

static enum revocation_mode
mode_of(const struct conf *conf, const struct options *o)
{
    const char *word = options_get(o, "revocation");

    if (word == NULL)
        word = conf_get(conf, "trust", NULL, "revocation");
    if (word == NULL || strcmp(word, "soft") == 0)
        return REVOCATION_SOFT;
    return strcmp(word, "hard") == 0 ? REVOCATION_HARD : REVOCATION_OFF;
}

/* Every list in it; one in DER is the whole file. */
static int
add_crls(struct revocation *r, const struct buf *file, struct err *err)
{
    BIO *bio;
    size_t found = 0;
    char *name = NULL, *header = NULL;
    unsigned char *der = NULL;
    long len;
    int rc = 0;

    if (buf_len(file) > 0 && buf_data(file)[0] == 0x30)
        return revocation_add_crl(r, buf_data(file), buf_len(file), err);
    bio = BIO_new_mem_buf(buf_data(file), (int)buf_len(file));
    if (bio == NULL)
        return err_set(err, E_NOMEM, "out of memory");
    while (rc == 0 && PEM_read_bio(bio, &name, &header, &der, &len) == 1) {
        if (strcmp(name, PEM_STRING_X509_CRL) == 0) {
            rc = revocation_add_crl(r, der, (size_t)len, err);
            found++;
        }
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(der);
    }
    BIO_free(bio);
    ERR_clear_error();
    return rc == 0 && found == 0 ? err_set(err, E_INPUT, "holds no revocation list in PEM or DER")
                                 : rc;
}

static int
add_crl_file(struct revocation *r, const char *path, struct err *err)
{
    autofree_buf struct buf *file = buf_new();
    int rc;

    if (file == NULL)
        return err_set(err, E_NOMEM, "out of memory for \"%s\"", path);
    buf_set_max(file, TRUST_CRL_FILE_MAX);
    rc = io_read_file(path, TRUST_CRL_FILE_MAX, file, err);
    if (rc != 0)
        return rc;
    rc = add_crls(r, file, err);
    /* The message is not what is malformed here. */
    if (rc == E_MALFORMED || rc == E_INPUT)
        rc = err_set(err, E_INPUT, "\"%s\" is no revocation list in PEM or DER; give --crl the "
                     "issuer's CRL", path);
    return rc;
}

/* What will be fetched needs a place to be kept, so that it is not fetched again: a store is made
 * where learning would make one, too. Where none can be made, or the one that is there is
 * damaged, verification goes on without, which is said, since its marks of distrust are not
 * heeded then; with revocation hard it does not. */
static int
open_store(struct trust *t, const struct cli *cli, const struct conf *conf,
           const struct options *o, struct err *err)
{
    bool keeps = mode_of(conf, o) != REVOCATION_OFF && !is_offline(conf, o) &&
                 conf_get_bool(conf, "trust", NULL, "learn", true);
    struct err why;
    int rc;

    err_clear(&why);
    rc = store_open(&t->store, cli->home.state, true, &why);
    if (rc != 0 && (rc == E_NOMEM || mode_of(conf, o) == REVOCATION_HARD)) {
        *err = why;
        return rc;
    }
    if (rc != 0)
        cli_note(cli, "verified without the certificate store, and the trust and distrust marked "
                 "in it: %s", err_text(&why));
    else if (t->store == NULL && keeps && home_make(&cli->home, &why) == 0 &&
             store_open(&t->store, cli->home.state, false, &why) != 0)
        t->store = NULL;
    return 0;
}

static int
make_revocation(struct trust *t, const struct conf *conf, const struct options *o,
                struct err *err)
{
    struct revocation_settings settings = {.mode = mode_of(conf, o), .at = t->path.at,
                                           .allow_weak = t->path.allow_weak, .store = t->store,
                                           .fetcher = t->fetcher};
    const char *file;
    int rc;

    if (settings.mode == REVOCATION_OFF)
        return options_has(o, "crl")
                   ? err_set(err, E_USAGE, "--crl with revocation off; leave out one of them") : 0;
    rc = revocation_new(&t->revocation, &settings, err);
    for (size_t i = 0; rc == 0 && (file = options_value(o, "crl", i)) != NULL; i++)
        rc = add_crl_file(t->revocation, file, err);
    return rc;
}

static int
fill(struct trust *t, struct cli *cli, const struct options *o, struct err *err)
{
    const struct conf *conf = NULL;
    int rc = cli_conf(cli, &conf, err);

    if (rc != 0)
        return rc;
    t->label_policy = conf_get(conf, "trust", NULL, "label-policy");
    t->path.purpose = PATH_SIGN_MAIL;
    t->path.allow_weak = options_has(o, "allow-weak");
    rc = read_time(t, o, err);
    if (rc == 0)
        rc = read_policies(t, o, err);
    if (rc == 0)
        rc = anchors_of_options(&t->anchors, cli, conf, o, err);
    if (rc == 0)
        rc = open_store(t, cli, conf, o, err);
    if (rc == 0)
        rc = make_fetcher(t, conf, o, err);
    if (rc == 0)
        rc = make_revocation(t, conf, o, err);
    t->path.store = t->store;
    t->path.fetcher = t->fetcher;
    t->path.revocation = t->revocation;
    return rc;
}

int
trust_open(struct trust **ret, struct cli *cli, const struct options *o, struct err *err)
{
    struct trust *t = calloc(1, sizeof *t);
    int rc;

    if (t == NULL)
        return err_set(err, E_NOMEM, "out of memory");
    rc = fill(t, cli, o, err);
    if (rc != 0)
        trust_free(&t);
    *ret = t;
    return rc;
}

const struct path_options *
trust_path(const struct trust *t)
{
    return &t->path;
}

const struct anchors *
trust_anchors(const struct trust *t)
{
    return t->anchors;
}

struct store *
trust_store(const struct trust *t)
{
    return t->store;
}

struct fetcher *
trust_fetcher(const struct trust *t)
{
    return t->fetcher;
}

bool
trust_may_fetch(const struct trust *t)
{
    return t->may_fetch;
}

const char *
trust_label_policy(const struct trust *t)
{
    return t->label_policy;
}

void
trust_fill(const struct trust *t, struct verdict_options *ret)
{
    ret->anchors = t->anchors;
    ret->path = t->path;
    ret->label_policy = t->label_policy;
}

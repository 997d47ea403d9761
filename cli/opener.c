/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/opener.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/x509.h>

#include "cli/password.h"
#include "cli/recipient_text.h"

/* A certificate of a token's whose key opens something. */
struct held {
    struct held *next;
    struct opener *opener;
    X509 *cert;
    char key[CLIENT_KEY_NAME];
};

struct opener {
    struct cli *cli;
    struct secret *password;
    struct held *held;
    struct cms_decrypt_options options;
};

static int
unwrap(void *arg, const struct cms_unwrap *u, struct secret *key, struct err *err)
{
    const struct held *h = arg;
    struct client_decrypt how = {.scheme = u->scheme, .expect = u->expected,
                                 .label = u->label, .label_len = u->label_len};
    char scheme[40];

    if (!u->scheme) {
        snprintf(scheme, sizeof scheme, "rsa-oaep-%s", u->digest->name);
        how.scheme = scheme;
        how.mgf = u->mgf->name;
    }
    return client_decrypt(h->opener->cli->client, h->key, &how, u->ciphertext, u->len, key, err);
}

static int
agree(void *arg, const uint8_t *point, size_t len, struct secret *z, struct err *err)
{
    const struct held *h = arg;

    return client_derive(h->opener->cli->client, h->key, point, len, z, err);
}

static int
agree_unwrap(void *arg, const struct cms_agreed *a, struct secret *key, struct err *err)
{
    const struct held *h = arg;
    const struct client_agreed agreed = {
        .point = a->point, .point_len = a->point_len, .digest = a->digest->name,
        .info = a->info, .info_len = a->info_len, .kek_size = a->kek_size,
        .wrapped = a->wrapped, .wrapped_len = a->wrapped_len};

    return client_derive_unwrap(h->opener->cli->client, h->key, &agreed, key, err);
}

static int
keep(struct opener *o, X509 *cert, const char *key, struct cms_opener *ret, struct err *err)
{
    struct held *h = calloc(1, sizeof *h);

    if (!h)
        return err_set(err, E_NOMEM, "out of memory while looking for a key");
    h->next = o->held;
    h->opener = o;
    h->cert = cert;
    X509_up_ref(cert);
    memcpy(h->key, key, sizeof h->key);
    o->held = h;
    *ret = (struct cms_opener){.cert = cert, .unwrap = unwrap, .agree = agree,
                               .agree_unwrap = agree_unwrap, .arg = h};
    return 0;
}

static X509 *
decode(const json_t *item)
{
    const unsigned char *at;
    uint8_t *der = NULL;
    size_t len;
    X509 *cert;

    if (client_binary(item, "der", &der, &len, NULL) != 0)
        return NULL;
    at = der;
    cert = d2i_X509(NULL, &at, (long)len);
    free(der);
    return cert;
}

static bool
is_meant(X509 *cert, const struct cms_recipient *recipients, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (cms_recipient_is(&recipients[i], cert))
            return true;
    return false;
}

/* Through the certificates as the agent last saw them. *ret_hidden: a certificate fits
 * whose key is not to be seen. */
static int
look(struct opener *o, const json_t *list, const struct cms_recipient *recipients, size_t count,
     struct cms_opener *ret, bool *ret_hidden, struct err *err)
{
    const json_t *item;
    size_t i;

    json_array_foreach(list, i, item) {
        const char *key = json_string_value(json_object_get(item, "key"));
        X509 *cert = decode(item);
        bool fits = cert && is_meant(cert, recipients, count);
        bool usable = fits && key && strlen(key) == CLIENT_KEY_NAME - 1;
        int rc = usable ? keep(o, cert, key, ret, err) : E_NO_KEY;
        X509_free(cert);
        *ret_hidden |= fits && !usable;
        if (usable)
            return rc;
    }
    return E_NO_KEY;
}

/* First in what the agent remembers, then, since a token may have come, in what there is
 * now. */
static int
search(struct opener *o, const struct cms_recipient *recipients, size_t count,
       struct cms_opener *ret, bool *ret_hidden, struct err *err)
{
    struct client *client = NULL;
    int rc = cli_client(o->cli, &client, err), found = E_NO_KEY;

    for (int anew = 0; rc == 0 && found == E_NO_KEY && anew < 2; anew++) {
        json_t *list = NULL;
        if (anew) {
            rc = client_keys(client, &list, err);
            json_decref(list);
            list = NULL;
        }
        *ret_hidden = false;
        if (rc == 0)
            rc = client_certs(client, &list, err);
        if (rc == 0)
            found = look(o, list, recipients, count, ret, ret_hidden, err);
        json_decref(list);
    }
    return rc == 0 ? found : rc;
}

/* The same again and again as tokens are inserted, as long as --wait says. */
static int
search_waiting(struct opener *o, const struct cms_recipient *recipients, size_t count,
               struct cms_opener *ret, bool *ret_hidden, struct err *err)
{
    struct client *client = NULL;
    unsigned long seen = CLIENT_ANY;
    bool told = false;
    int rc = cli_client(o->cli, &client, err);

    if (rc == 0 && o->cli->wait > 0)
        rc = client_await_token(client, &seen, err);
    while (rc == 0) {
        int found = search(o, recipients, count, ret, ret_hidden, err);
        if (found != E_NO_KEY || o->cli->wait == 0)
            return found;
        if (!told)
            cli_note(o->cli, "insert the token with the key that this is encrypted for");
        told = true;
        rc = client_await_token(client, &seen, NULL);
    }
    return rc == E_NO_TOKEN ? E_NO_KEY : rc;
}

static bool
wants_key(const struct cms_recipient *recipients, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (recipients[i].kind == CMS_TO_RSA || recipients[i].kind == CMS_TO_AGREE)
            return true;
    return false;
}

static bool
wants_password(const struct cms_recipient *recipients, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (recipients[i].kind == CMS_TO_PASSWORD)
            return true;
    return false;
}

static int
nobody(const struct opener *o, const struct cms_recipient *recipients, size_t count, bool hidden,
       struct err *err)
{
    autofree_buf struct buf *who = buf_new();
    bool password = !o->password && wants_password(recipients, count);
    const char *what = "insert the token that has the key (signet keys lists those there are)";

    if (!who || recipients_put_text(recipients, count, who) != 0)
        return err_set(err, E_NOMEM, "out of memory while looking for a key");
    if (hidden)
        what = "the certificate is on a token, its private key is not";
    else if (password && !wants_key(recipients, count))
        what = "give it with --password-file";
    else if (password)
        what = "insert the token that has the key, or give the password with --password-file";
    else if (!wants_key(recipients, count))
        what = "no token has such a key; have it encrypted to your certificate";
    return err_set(err, E_NO_KEY, "it is encrypted for %s; %s", buf_cstr(who), what);
}

static int
find(void *arg, const struct cms_recipient *recipients, size_t count, struct cms_opener *ret,
     struct err *err)
{
    struct opener *o = arg;
    bool hidden = false;
    int rc = wants_key(recipients, count)
        ? search_waiting(o, recipients, count, ret, &hidden, err) : E_NO_KEY;

    return rc == E_NO_KEY ? nobody(o, recipients, count, hidden, err) : rc;
}

int
opener_new(struct opener **ret, struct cli *cli, const struct opener_wish *wish, struct err *err)
{
    struct opener *o = calloc(1, sizeof *o);
    int rc = 0;

    if (!o)
        return err_set(err, E_NOMEM, "out of memory while looking for a key");
    o->cli = cli;
    o->options.find = find;
    o->options.find_arg = o;
    o->options.allow_weak = wish->allow_weak;
    if (wish->password_file)
        rc = password_read(wish->password_file, &o->password, err);
    o->options.password = o->password;
    if (rc != 0)
        opener_free(&o);
    else
        *ret = o;
    return rc;
}

const struct cms_decrypt_options *
opener_options(struct opener *o)
{
    return &o->options;
}

void
opener_free(struct opener **po)
{
    struct opener *o = po ? *po : NULL;

    if (!o)
        return;
    while (o->held) {
        struct held *next = o->held->next;
        X509_free(o->held->cert);
        free(o->held);
        o->held = next;
    }
    secret_free(&o->password);
    free(o);
    *po = NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the agent tells about keys, tokens and certificates: its JSON, read. */
#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>

#include "base/text.h"
#include "client/ask.h"

/* Longest listing, in bytes. */
#define LISTING_MAX (16u * 1024 * 1024)
/* Certificates of one key that are looked at. */
#define CERTS_MAX 256

static int
bad_answer(struct err *err, const char *what)
{
    return err_set(err, E_PROTOCOL, "the agent's answer makes no sense (%s); it is of another "
                   "version: stop it (signet agent stop) and run the command again", what);
}

int
client_binary(const json_t *object, const char *member, uint8_t **ret, size_t *ret_len,
              struct err *err)
{
    const json_t *field = json_object_get(object, member);
    const char *text = json_string_value(field);
    size_t len = text ? json_string_length(field) : 0;
    uint8_t *out;
    int n;

    if (len == 0 || len % 4 != 0 || len > WIRE_INQUIRE_MAX * 2)
        return bad_answer(err, member);
    out = malloc(len / 4 * 3);
    if (!out)
        return err_set(err, E_NOMEM, "out of memory while reading the agent's answer");
    n = EVP_DecodeBlock(out, (const unsigned char *)text, (int)len);
    if (n < 0) {
        free(out);
        return bad_answer(err, member);
    }
    for (size_t i = 1; i <= 2 && text[len - i] == '='; i++)
        n--;
    *ret = out;
    *ret_len = (size_t)n;
    return 0;
}

static int
ask_json(struct client *c, const char *doing, const char *command, json_t **ret,
         struct err *err)
{
    autofree_buf struct buf *text = buf_new();
    struct ask ask = {.doing = doing, .out = text};
    int rc;

    if (!text)
        return err_set(err, E_NOMEM, "out of memory while %s", doing);
    buf_set_max(text, LISTING_MAX);
    rc = client_ask(c, &ask, command, err);
    if (rc != 0)
        return rc;
    *ret = json_loadb((const char *)buf_data(text), buf_len(text), 0, NULL);
    return *ret ? 0 : bad_answer(err, command);
}

static int
ask_listing(struct client *c, const char *doing, const char *command, json_t **ret,
            struct err *err)
{
    json_t *list = NULL;
    int rc = ask_json(c, doing, command, &list, err);

    if (rc == 0 && !json_is_array(list)) {
        json_decref(list);
        return bad_answer(err, command);
    }
    if (rc == 0)
        *ret = list;
    return rc;
}

int
client_tokens(struct client *c, json_t **ret, struct err *err)
{
    return ask_listing(c, "listing tokens", "TOKENS", ret, err);
}

int
client_keys(struct client *c, json_t **ret, struct err *err)
{
    return ask_listing(c, "listing keys", "KEYS", ret, err);
}

int
client_certs(struct client *c, json_t **ret, struct err *err)
{
    return ask_listing(c, "listing certificates", "CERTS", ret, err);
}

int
client_status(struct client *c, json_t **ret, struct err *err)
{
    return ask_json(c, "telling its state", "STATUS", ret, err);
}

int
client_policy(struct client *c, json_t **ret, struct err *err)
{
    return ask_json(c, "telling its policy", "POLICY", ret, err);
}

void
client_key_clear(struct client_key *key)
{
    for (size_t i = 0; i < key->cert_count; i++) {
        free(key->certs[i].der);
        free(key->certs[i].subject);
        free(key->certs[i].issuer);
    }
    free(key->certs);
    free(key->spki);
    free(key->token);
    free(key->label);
    free(key->curve);
    memset(key, 0, sizeof *key);
}

static char *
copy_string(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));

    return strdup(text ? text : "");
}

static int
read_cert(struct client_cert *cert, const json_t *object, struct err *err)
{
    cert->subject = copy_string(object, "subject");
    cert->issuer = copy_string(object, "issuer");
    cert->issuer_here = !json_is_false(json_object_get(object, "issuer_here"));
    cert->sibling_here = !json_is_false(json_object_get(object, "sibling_here"));
    if (!cert->subject || !cert->issuer)
        return err_set(err, E_NOMEM, "out of memory while reading certificates");
    return client_binary(object, "der", &cert->der, &cert->len, err);
}

static int
read_certs(struct client_key *key, const json_t *list, struct err *err)
{
    size_t count = json_array_size(list);

    if (count == 0)
        return 0;
    if (count > CERTS_MAX)
        count = CERTS_MAX;
    key->certs = calloc(count, sizeof *key->certs);
    if (!key->certs)
        return err_set(err, E_NOMEM, "out of memory while reading certificates");
    for (size_t i = 0; i < count; i++) {
        int rc;
        key->cert_count++;
        rc = read_cert(&key->certs[i], json_array_get(list, i), err);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int
read_key(struct client_key *key, const json_t *object, struct err *err)
{
    const char *name = json_string_value(json_object_get(object, "name"));
    const char *type = json_string_value(json_object_get(object, "type"));
    const char *curve = json_string_value(json_object_get(object, "curve"));
    int rc;

    if (!name || strlen(name) != sizeof key->name - 1 || !type)
        return bad_answer(err, "name or type of a key");
    memcpy(key->name, name, sizeof key->name);
    key->type = alg_key_by_name(type);
    key->bits = (unsigned)json_integer_value(json_object_get(object, "bits"));
    key->label = copy_string(object, "label");
    key->token = copy_string(object, "token");
    key->curve = curve ? strdup(curve) : NULL;
    if (!key->label || !key->token || (curve && !key->curve))
        return err_set(err, E_NOMEM, "out of memory while reading a key");
    rc = client_binary(object, "spki", &key->spki, &key->spki_len, err);
    if (rc == 0)
        rc = read_certs(key, json_object_get(object, "certificates"), err);
    return rc;
}

int
client_find_key(struct client *c, const char *spec, struct client_key *ret, struct err *err)
{
    autofree_buf struct buf *command = buf_new();
    struct client_key key = {0};
    json_t *object = NULL;
    int rc = command ? buf_put_str(command, spec ? "KEY " : "KEY") : E_NOMEM;

    if (rc == 0 && spec)
        rc = text_put_escaped(command, spec, strlen(spec));
    if (rc != 0)
        return err_set(err, rc, "out of memory while looking for a key");
    rc = ask_json(c, "looking for the key", buf_cstr(command), &object, err);
    if (rc == 0)
        rc = read_key(&key, object, err);
    json_decref(object);
    if (rc != 0) {
        client_key_clear(&key);
        return rc;
    }
    *ret = key;
    return 0;
}

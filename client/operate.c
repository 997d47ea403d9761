/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Operations of private keys, and the management of tokens. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/text.h"
#include "client/ask.h"

/* Digests and points travel in the command line up to this many bytes, the rest
 * by inquiry. */
#define INLINE_MAX 256

static const char hex_digits[] = "0123456789abcdef";

static int
put_hex(struct buf *out, const uint8_t *data, size_t len)
{
    int rc = 0;

    for (size_t i = 0; i < len && rc == 0; i++) {
        char two[2] = {hex_digits[data[i] >> 4], hex_digits[data[i] & 15]};
        rc = buf_put(out, two, 2);
    }
    return rc;
}

static int
put_word(struct buf *out, const char *word)
{
    int rc = buf_put_byte(out, ' ');

    return rc == 0 ? text_put_escaped(out, word, strlen(word)) : rc;
}

/* Runs "VERB word word ...", words up to a NULL; each is escaped. */
static int
ask_words(struct client *c, const struct ask *ask, const char *const *words, struct err *err)
{
    autofree_buf struct buf *command = buf_new();
    int rc = command ? buf_put_str(command, words[0]) : E_NOMEM;

    for (size_t i = 1; rc == 0 && words[i]; i++)
        rc = put_word(command, words[i]);
    if (rc != 0)
        return err_set(err, rc, "out of memory while %s", ask->doing);
    return client_ask(c, ask, buf_cstr(command), err);
}

static int
too_long(struct err *err, const char *what, size_t len)
{
    return err_set(err, E_LIMIT, "%s of %zu bytes is longer than the agent takes (%u)", what,
                   len, WIRE_INQUIRE_MAX);
}

int
client_sign(struct client *c, const char *key, const struct alg_sig *sig, const uint8_t *data,
            size_t len, struct buf *out, struct err *err)
{
    autofree_buf struct buf *command = buf_new();
    struct ask ask = {.doing = "signing", .out = out, .keyword = "DATA", .data = data,
                      .len = len};
    size_t before = buf_len(out);
    int rc = command ? buf_putf(command, "SIGN %s %s", key, sig->name) : E_NOMEM;

    if (len > WIRE_INQUIRE_MAX)
        return too_long(err, "a message to sign", len);
    if (rc == 0 && sig->digest && len != sig->digest->size)
        return err_set(err, E_INTERNAL, "a digest of %zu bytes cannot be signed with %s", len,
                       sig->name);
    /* An empty message has no hex form that differs from none. */
    if (rc == 0 && len > 0 && len <= INLINE_MAX) {
        rc = buf_put_byte(command, ' ');
        if (rc == 0)
            rc = put_hex(command, data, len);
    }
    if (rc != 0)
        return err_set(err, rc, "out of memory while signing");
    rc = client_ask(c, &ask, buf_cstr(command), err);
    if (rc == 0 && buf_len(out) == before)
        return err_set(err, E_PROTOCOL, "the agent returned an empty signature");
    return rc;
}

void
client_meanwhile(struct client *c, void (*work)(void *arg), void *arg)
{
    c->meanwhile = work;
    c->meanwhile_arg = arg;
}

/* Everything behind the verb. */
static int
put_decrypt(struct buf *command, const char *key, const struct client_decrypt *d)
{
    int rc = buf_putf(command, " %s %s", key, d->scheme);

    if (rc == 0 && d->expect > 0)
        rc = buf_putf(command, " %zu", d->expect);
    if (rc == 0 && d->mgf)
        rc = buf_putf(command, " %s%s", WIRE_MGF1, d->mgf);
    if (rc == 0 && d->label_len > 0) {
        rc = buf_putf(command, " %s", WIRE_LABEL);
        if (rc == 0)
            rc = put_hex(command, d->label, d->label_len);
    }
    return rc;
}

int
client_decrypt(struct client *c, const char *key, const struct client_decrypt *d,
               const uint8_t *data, size_t len, struct secret *out, struct err *err)
{
    autofree_buf struct buf *command = buf_new();
    struct ask ask = {.doing = "decrypting", .secret = out, .keyword = "CIPHERTEXT",
                      .data = data, .len = len};
    int rc = command ? buf_put_str(command, "DECRYPT") : E_NOMEM;

    if (len > WIRE_INQUIRE_MAX)
        return too_long(err, "a ciphertext", len);
    if (d->label_len > WIRE_LABEL_MAX)
        return err_set(err, E_LIMIT, "an OAEP label of %zu bytes is longer than the agent takes "
                       "(%u)", d->label_len, WIRE_LABEL_MAX);
    if (rc == 0)
        rc = put_decrypt(command, key, d);
    if (rc != 0)
        return err_set(err, rc, "out of memory while decrypting");
    return client_ask(c, &ask, buf_cstr(command), err);
}

int
client_derive(struct client *c, const char *key, const uint8_t *point, size_t len,
              struct secret *out, struct err *err)
{
    autofree_buf struct buf *command = buf_new();
    struct ask ask = {.doing = "deriving a key", .secret = out};
    int rc = command ? buf_putf(command, "DERIVE %s ", key) : E_NOMEM;

    if (len > INLINE_MAX)
        return too_long(err, "a public point", len);
    if (rc == 0)
        rc = put_hex(command, point, len);
    if (rc != 0)
        return err_set(err, rc, "out of memory while deriving a key");
    return client_ask(c, &ask, buf_cstr(command), err);
}

int
client_derive_unwrap(struct client *c, const char *key, const struct client_agreed *a,
                     struct secret *out, struct err *err)
{
    autofree_buf struct buf *command = buf_new();
    struct ask ask = {.doing = "deriving a key", .secret = out};
    int rc = command ? buf_putf(command, "DERIVE %s ", key) : E_NOMEM;

    if (a->point_len + a->info_len + a->wrapped_len > INLINE_MAX)
        return too_long(err, "what goes into a derivation",
                        a->point_len + a->info_len + a->wrapped_len);
    if (rc == 0)
        rc = put_hex(command, a->point, a->point_len);
    if (rc == 0)
        rc = buf_putf(command, " %s:%zu ", a->digest, a->kek_size);
    if (rc == 0)
        rc = put_hex(command, a->info, a->info_len);
    if (rc == 0)
        rc = buf_put_byte(command, ' ');
    if (rc == 0)
        rc = put_hex(command, a->wrapped, a->wrapped_len);
    if (rc != 0)
        return err_set(err, rc, "out of memory while deriving a key");
    return client_ask(c, &ask, buf_cstr(command), err);
}

int
client_token_create(struct client *c, const char *label, const char *pin_file, struct err *err)
{
    struct ask ask = {.doing = "making a token"};
    const char *words[] = {"CREATE_TOKEN", label, pin_file, NULL};

    return ask_words(c, &ask, words, err);
}

/* A transaction whose data is the name of a key. */
static int
ask_name(struct client *c, struct ask *ask, const char *const *words,
         char ret_name[CLIENT_KEY_NAME], struct err *err)
{
    autofree_buf struct buf *name = buf_new();
    int rc;

    if (!name)
        return err_set(err, E_NOMEM, "out of memory while %s", ask->doing);
    ask->out = name;
    rc = ask_words(c, ask, words, err);
    if (rc != 0)
        return rc;
    if (buf_len(name) != CLIENT_KEY_NAME - 1)
        return err_set(err, E_PROTOCOL, "the agent did not name the key; it is of another "
                       "version: stop it (signet agent stop)");
    memcpy(ret_name, buf_cstr(name), CLIENT_KEY_NAME);
    return 0;
}

int
client_key_generate(struct client *c, const char *token, const char *type, const char *label,
                    char ret_name[CLIENT_KEY_NAME], struct err *err)
{
    struct ask ask = {.doing = "making a key"};
    const char *words[] = {"GENERATE_KEY", token, type, label, NULL};

    return ask_name(c, &ask, words, ret_name, err);
}

int
client_cert_import(struct client *c, const uint8_t *der, size_t len,
                   char ret_name[CLIENT_KEY_NAME], struct err *err)
{
    struct ask ask = {.doing = "storing a certificate", .keyword = "CERTIFICATE", .data = der,
                      .len = len};
    const char *words[] = {"IMPORT_CERT", NULL};

    if (len > WIRE_INQUIRE_MAX)
        return too_long(err, "a certificate", len);
    return ask_name(c, &ask, words, ret_name, err);
}

int
client_reload(struct client *c, struct err *err)
{
    struct ask ask = {.doing = "reading its configuration anew"};
    const char *words[] = {"RELOAD", NULL};

    return ask_words(c, &ask, words, err);
}

int
client_pin_forget(struct client *c, const char *token, struct err *err)
{
    struct ask ask = {.doing = "forgetting PINs"};
    const char *words[] = {"FORGET", token, NULL};

    return ask_words(c, &ask, words, err);
}

/* "name=path", or NULL without a path; E_NOMEM. */
static int
file_word(char **ret, const char *name, const char *path)
{
    *ret = NULL;
    if (!path)
        return 0;
    if (asprintf(ret, "%s=%s", name, path) < 0) {
        *ret = NULL;
        return E_NOMEM;
    }
    return 0;
}

int
client_pin_change(struct client *c, const char *token, bool unblock, const char *old_file,
                  const char *new_file, struct err *err)
{
    struct ask ask = {.doing = unblock ? "unblocking a PIN" : "changing a PIN"};
    char *old_word = NULL, *new_word = NULL;
    int rc = file_word(&old_word, unblock ? "puk-file" : "pin-file", old_file);

    if (rc == 0)
        rc = file_word(&new_word, "new-pin-file", new_file);
    if (rc == 0) {
        const char *words[] = {unblock ? "UNBLOCK_PIN" : "CHANGE_PIN", token,
                               old_word ? old_word : new_word, old_word ? new_word : NULL, NULL};
        rc = ask_words(c, &ask, words, err);
    } else {
        rc = err_set(err, rc, "out of memory while %s", ask.doing);
    }
    free(old_word);
    free(new_word);
    return rc;
}

static int
lock_word(struct client *c, const char *command, const char *doing, const char *file,
          struct err *err)
{
    struct ask ask = {.doing = doing};
    char *word = NULL;
    int rc = file_word(&word, "passphrase-file", file);

    if (rc == 0) {
        const char *words[] = {command, word, NULL};
        rc = ask_words(c, &ask, words, err);
    } else {
        rc = err_set(err, rc, "out of memory while %s", doing);
    }
    free(word);
    return rc;
}

int
client_lock(struct client *c, const char *file, struct err *err)
{
    return lock_word(c, "LOCK", "locking", file, err);
}

int
client_unlock(struct client *c, const char *file, struct err *err)
{
    return lock_word(c, "UNLOCK", "unlocking", file, err);
}

struct watching {
    int (*event)(void *arg, const char *json);
    void *arg;
    int rc;
};

static int
take_event(void *arg, const char *json)
{
    struct watching *w = arg;

    w->rc = w->event(w->arg, json);
    return w->rc;
}

int
client_watch(struct client *c, int (*event)(void *arg, const char *json), void *arg,
             struct err *err)
{
    struct watching w = {.event = event, .arg = arg};
    struct ask ask = {.doing = "watching", .event = take_event, .arg = &w};
    int rc = client_ask(c, &ask, "WATCH", err);

    c->dead = true;
    return w.rc != 0 ? w.rc : rc;
}

int
client_await_token(struct client *c, unsigned long *seen, struct err *err)
{
    autofree_buf struct buf *out = buf_new();
    struct ask ask = {.doing = "waiting for a token", .out = out};
    char number[24];
    const char *words[] = {"AWAIT_TOKEN", *seen == CLIENT_ANY ? NULL : number, NULL};
    int rc;

    if (!out)
        return err_set(err, E_NOMEM, "out of memory while %s", ask.doing);
    snprintf(number, sizeof number, "%lu", *seen);
    rc = ask_words(c, &ask, words, err);
    if (rc == 0)
        *seen = strtoul(buf_cstr(out), NULL, 10);
    return rc;
}

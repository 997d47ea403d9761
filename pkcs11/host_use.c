/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What uses a private key. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "client/wire.h"
#include "pkcs11/decrypt.h"
#include "pkcs11/derive.h"
#include "pkcs11/derive_object.h"
#include "pkcs11/derive_unwrap.h"
#include "pkcs11/host_call.h"
#include "pkcs11/sign.h"

static int
check_key_name(const char *name, struct err *err)
{
    size_t len = strspn(name, "0123456789abcdef");

    if (len == SPKI_NAME - 1 && name[len] == '\0')
        return 0;
    return err_set(err, E_USAGE, "\"%.80s\" is no full name of a key (64 digits)", name);
}

/* The PIN for one use of a key that wants it each time. The words behind the keyword
 * are how the token stands; with a keypad the answer is empty. */
static int
inquire_context(struct call *c, struct secret *pin, struct err *err)
{
    struct context_state state = {0};
    struct slot *slot;
    char keyword[64];
    int rc;

    module_enter(lane_module(c->lane));
    rc = lane_slot(c->lane, c->slot, &slot, err);
    if (rc == 0)
        rc = context_ask(slot, &state, err);
    module_leave(lane_module(c->lane));
    if (rc != 0)
        return rc;
    snprintf(keyword, sizeof keyword, "CONTEXTPIN%s%s%s", state.keypad ? " keypad" : "",
             state.final_try ? " final-try" : "", state.count_low ? " count-low" : "");
    rc = call_inquire_pin(c, keyword, pin, err);
    if (rc == 0)
        *lane_context(c->lane) = (struct context_pin){.given = true,
                                                      .pin = state.keypad ? NULL : pin};
    return rc;
}

typedef int use(struct call *, void *arg, struct err *);

/* Runs it, and once more with the PIN if the key turns out to want one. */
static int
use_with_pin(struct call *c, use *one, void *arg, struct err *err)
{
    struct context_pin *context = lane_context(c->lane);
    int rc;

    *context = (struct context_pin){0};
    rc = one(c, arg, err);
    if (rc == 0 || !context->wanted)
        return rc;
    autofree_secret struct secret *pin = secret_new(WIRE_PIN_MAX);
    if (!pin)
        return err_set(err, E_NOMEM, "out of memory");
    rc = inquire_context(c, pin, err);
    if (rc == 0)
        rc = one(c, arg, err);
    *context = (struct context_pin){0};
    return rc;
}

struct signing {
    const struct alg_sig *sig;
    const uint8_t *data;
    size_t len;
    struct signature signature;
};

static int
sign_once(struct call *c, void *arg, struct err *err)
{
    struct signing *s = arg;

    return sign_data(c->lane, c->slot, c->word[1], s->sig, s->data, s->len, &s->signature, err);
}

/* The data to sign: on the line as hex, or else asked for. */
int
host_sign(struct call *c, struct err *err)
{
    struct signing s = {.sig = alg_sig_by_name(c->word[2])};
    uint8_t digest[LINE_DATA_MAX];
    unsigned char *message = NULL;
    size_t len;
    int rc = check_key_name(c->word[1], err);

    if (rc != 0)
        return rc;
    if (!s.sig)
        return err_set(err, E_MECHANISM, "\"%.80s\" is no signature scheme", c->word[2]);
    if (c->words > 3) {
        if (hex_decode(c->word[3], strlen(c->word[3]), digest, sizeof digest, &len) != 0)
            return err_set(err, E_USAGE, "the data to sign is no hex of up to %d bytes",
                           LINE_DATA_MAX);
    } else {
        rc = call_inquire(c, "DATA", WIRE_INQUIRE_MAX, &message, &len, err);
    }
    s.data = message ? message : digest;
    if (rc == 0) {
        s.len = len;
        rc = use_with_pin(c, sign_once, &s, err);
    }
    if (rc == 0)
        rc = call_answer(c, s.signature.data, s.signature.len, err);
    if (message)
        assuan_free(c->ctx, message);
    return rc;
}

/* One word behind the scheme: a length, mgf1=DIGEST, label=HEX. */
static int
take_decrypt_word(const char *word, struct decrypt_scheme *scheme, size_t *expected,
                  struct err *err)
{
    char *end;
    int rc = 0;

    if (strncmp(word, WIRE_MGF1, sizeof WIRE_MGF1 - 1) == 0) {
        rc = decrypt_scheme_set_mgf(scheme, word + sizeof WIRE_MGF1 - 1);
        return rc == 0 ? 0 : err_set(err, rc == E_USAGE ? E_USAGE : E_MECHANISM,
                                     "\"%.80s\" is no digest for this MGF1", word);
    }
    if (strncmp(word, WIRE_LABEL, sizeof WIRE_LABEL - 1) == 0) {
        rc = decrypt_scheme_set_label(scheme, word + sizeof WIRE_LABEL - 1);
        return rc == 0 ? 0 : err_set(err, E_USAGE, "the label is no hex of up to %d bytes, or "
                                     "the scheme takes none", DECRYPT_LABEL_MAX);
    }
    *expected = strtoul(word, &end, 10);
    if (*end || *word < '0' || *word > '9')
        return err_set(err, E_USAGE, "\"%.80s\" is no length", word);
    return 0;
}

struct decrypting {
    struct decrypt_scheme scheme;
    const uint8_t *data;
    size_t len, expected;
    struct secret *out;
};

static int
decrypt_once(struct call *c, void *arg, struct err *err)
{
    const struct decrypting *d = arg;

    return decrypt_data(c->lane, c->slot, c->word[1], &d->scheme, d->expected, d->data, d->len,
                        d->out, err);
}

int
host_decrypt(struct call *c, struct err *err)
{
    autofree_secret struct secret *out = secret_new(DECRYPT_MAX);
    struct decrypting d = {.out = out};
    unsigned char *data = NULL;
    int rc = check_key_name(c->word[1], err);

    if (!out)
        return err_set(err, E_NOMEM, "out of memory");
    if (rc != 0)
        return rc;
    if (decrypt_scheme_by_name(c->word[2], &d.scheme) != 0)
        return err_set(err, E_MECHANISM, "\"%.80s\" is no way to decrypt", c->word[2]);
    for (int i = 3; rc == 0 && i < c->words; i++)
        rc = take_decrypt_word(c->word[i], &d.scheme, &d.expected, err);
    if (rc == 0)
        rc = call_inquire(c, "CIPHERTEXT", WIRE_INQUIRE_MAX, &data, &d.len, err);
    d.data = data;
    if (rc == 0)
        rc = use_with_pin(c, decrypt_once, &d, err);
    if (rc == 0)
        rc = call_answer_secret(c, out, err);
    if (data)
        assuan_free(c->ctx, data);
    return rc;
}

struct deriving {
    uint8_t point[DERIVE_POINT_MAX];
    size_t len;
    struct secret *out;
};

static int
derive_once(struct call *c, void *arg, struct err *err)
{
    const struct deriving *d = arg;

    return derive_secret(c->lane, c->slot, c->word[1], d->point, d->len, d->out, err);
}

struct unwrapping {
    struct derive_unwrap how; /* points into the two below */
    uint8_t info[DERIVE_INFO_MAX], wrapped[DERIVE_WRAPPED_MAX];
    struct secret *out;
};

static int
unwrap_once(struct call *c, void *arg, struct err *err)
{
    struct unwrapping *w = arg;

    return derive_and_unwrap(c->lane, c->slot, c->word[1], &w->how, w->out, err);
}

/* "sha256:32": the KDF's digest and the size of the wrapping key. */
static int
take_kdf(const char *word, struct derive_unwrap *how, struct err *err)
{
    char name[16];
    size_t len = strcspn(word, ":");

    snprintf(name, sizeof name, "%.*s", (int)(len < sizeof name ? len : sizeof name - 1), word);
    how->digest = alg_digest_by_name(name);
    how->kek_size = word[len] ? strtoul(word + len + 1, NULL, 10) : 0;
    if (!how->digest || how->kek_size == 0)
        return err_set(err, E_USAGE, "\"%.80s\" is no digest and size", word);
    return 0;
}

/* The words behind the point: KDF, its shared data, the wrapped key. */
static int
derive_to_unwrap(struct call *c, struct deriving *d, struct err *err)
{
    struct unwrapping w = {.how = {.point = d->point, .point_len = d->len}, .out = d->out};
    int rc = take_kdf(c->word[3], &w.how, err);

    if (rc != 0)
        return rc;
    w.how.info = w.info;
    w.how.wrapped = w.wrapped;
    if (hex_decode(c->word[4], strlen(c->word[4]), w.info, sizeof w.info, &w.how.info_len) ||
        hex_decode(c->word[5], strlen(c->word[5]), w.wrapped, sizeof w.wrapped,
                   &w.how.wrapped_len))
        return err_set(err, E_USAGE, "what goes into the derivation, or the wrapped key, is no "
                       "hex, or too long");
    return use_with_pin(c, unwrap_once, &w, err);
}

int
host_derive(struct call *c, struct err *err)
{
    autofree_secret struct secret *out = secret_new(DERIVE_MAX);
    struct deriving d = {.out = out};
    int rc = check_key_name(c->word[1], err);

    if (!out)
        return err_set(err, E_NOMEM, "out of memory");
    if (rc != 0)
        return rc;
    if (c->words != 3 && c->words != 6)
        return err_set(err, E_USAGE, "the derivation lacks words");
    if (hex_decode(c->word[2], strlen(c->word[2]), d.point, sizeof d.point, &d.len) != 0)
        return err_set(err, E_USAGE, "the point is no hex of up to %d bytes", DERIVE_POINT_MAX);
    rc = c->words == 3 ? use_with_pin(c, derive_once, &d, err) : derive_to_unwrap(c, &d, err);
    return rc == 0 ? call_answer_secret(c, out, err) : rc;
}

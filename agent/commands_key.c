/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SIGN, DECRYPT, DERIVE, KEY. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/ask.h"
#include "agent/commands.h"
#include "agent/operate.h"
#include "base/alg.h"
#include "client/wire.h"

/* RSA keys below this sign no more (DESIGN, "What always holds", 9). */
#define RSA_BITS_MIN 2048u
/* Longest ciphertext and plaintext of one key operation: RSA-16384. */
#define RSA_BYTES_MAX 2048u
/* Longest signature. */
#define SIGNATURE_MAX 8192u
/* DECRYPT's words, from the scheme on: each has been checked. */
#define DECRYPT_REST_MAX 640u
/* Longest public point in hex: P-521, with room. */
#define POINT_HEX_MAX 512u
/* Words of a derivation behind the key, at most. */
#define DERIVE_REST_MAX 900

static bool
is_hex(const char *text)
{
    size_t len = strlen(text);

    for (size_t i = 0; i < len; i++)
        if (!isxdigit((unsigned char)text[i]))
            return false;
    return len > 0 && len % 2 == 0;
}

static int
check_scheme(const struct key *key, const struct alg_sig *sig, struct err *err)
{
    if (sig->digest && sig->digest->weak)
        return err_set(err, E_WEAK, "signing with %s is refused: the digest %s is too weak; use "
                       "sha256 or better", sig->name, sig->digest->name);
    if (key->type != ALG_KEY_NONE && key->type != sig->key)
        return err_set(err, E_MECHANISM, "key %.16s is of type %s and cannot sign by %s",
                       key->name, alg_key_name(key->type), sig->name);
    if (key->type == ALG_KEY_RSA && key->bits < RSA_BITS_MIN)
        return err_set(err, E_WEAK, "signing with key %.16s is refused: RSA of %u bits is too "
                       "weak; make a key of %u bits or more", key->name, key->bits,
                       RSA_BITS_MIN);
    return 0;
}

static int
check_hex(const struct alg_sig *sig, const char *hex, struct err *err)
{
    if (!is_hex(hex))
        return err_set(err, E_USAGE, "what is to be signed is not in hex");
    if (sig->digest && strlen(hex) != 2 * sig->digest->size)
        return err_set(err, E_USAGE, "%s signs a digest of %zu bytes, not %zu", sig->name,
                       sig->digest->size, strlen(hex) / 2);
    return 0;
}

/* The data by inquiry, for what does not fit the line. */
static int
take_data(struct connection *c, const struct alg_sig *sig, unsigned char **ret, size_t *ret_len,
          struct err *err)
{
    int rc = command_inquire(c, "DATA", WIRE_INQUIRE_MAX, ret, ret_len, err);

    if (rc == 0 && sig->digest && *ret_len != sig->digest->size)
        rc = err_set(err, E_USAGE, "%s signs a digest of %zu bytes, not %zu", sig->name,
                     sig->digest->size, *ret_len);
    return rc;
}

/* What is done with a key once it is found; may be called anew when it went away. */
typedef int use_key(struct connection *, const struct snapshot *, const struct key *, void *arg,
                    struct err *err);

static bool
is_absent(int code)
{
    return code == E_NO_KEY || code == E_NO_TOKEN || code == E_TOKEN_REMOVED;
}

/* Finds the key and uses it; when its card is not there and the client said that it
 * waits, as soon as it comes. */
static int
with_key(struct connection *c, const char *spec, use_key *use, void *arg, struct err *err)
{
    struct registry *r = c->agent->registry;
    unsigned long until = audit_clock() + c->says.wait * 1000000ul, now, seen;
    struct err why = {0};
    const struct key *key;
    bool told = false;
    int rc;

    do {
        struct snapshot *snap = NULL;
        seen = registry_arrivals(r);
        rc = registry_find_key(r, spec, &snap, &key, &why);
        if (rc == 0)
            rc = use(c, snap, key, arg, &why);
        snapshot_unref(&snap);
        now = audit_clock();
        if (is_absent(rc) && c->says.wait > 0 && now < until && !told) {
            ask_notice(c, why.text);
            told = true;
        }
    } while (is_absent(rc) && now < until &&
             (registry_arrivals(r) != seen ||
              registry_await_arrival(r, seen, (unsigned)((until - now) / 1000), connection_gone,
                                     c)));
    if (rc != 0 && err)
        *err = why;
    return rc;
}

struct signing {
    const struct alg_sig *sig;
    const char *hex;     /* or NULL: */
    unsigned char *data;
    size_t len;
};

static int
sign_with(struct connection *c, const struct snapshot *snap, const struct key *key, void *arg,
          struct err *err)
{
    const struct signing *s = arg;
    const struct alg_sig *sig = s->sig;
    const char *hex = s->hex;
    char rest[1000];
    struct operation op = {.verb = "SIGN", .name = "sign", .scheme = sig->name, .rest = rest,
                           .digest = sig->digest ? hex : NULL, .out = c->out};
    int rc = check_scheme(key, sig, err);

    if (rc == 0) {
        snprintf(rest, sizeof rest, "%s%s%s", sig->name, hex ? " " : "", hex ? hex : "");
        if (!hex)
            op.data = (struct lane_answer){"DATA", s->data, s->len};
        buf_reset(c->out);
        rc = operate(c, snap, key, &op, err);
    }
    return rc == 0 ? command_send(c, buf_data(c->out), buf_len(c->out), err) : rc;
}

static int
run_sign(struct connection *c, struct words *w, struct err *err)
{
    struct signing s = {.sig = alg_sig_by_name(w->word[1]), .hex = w->word[2]};
    int rc;

    if (!s.sig)
        return err_set(err, E_USAGE, "there is no signature scheme \"%.40s\"", w->word[1]);
    rc = s.hex ? check_hex(s.sig, s.hex, err) : take_data(c, s.sig, &s.data, &s.len, err);
    if (rc == 0)
        rc = with_key(c, w->word[0], sign_with, &s, err);
    secret_release(s.data);
    return rc;
}

/* Sends what is secret, and says so to libassuan, which then logs none of it. */
static int
send_secret(struct connection *c, const struct secret *s, struct err *err)
{
    assuan_begin_confidential(c->ctx);
    int rc = command_send(c, secret_data_view(s), secret_len(s), err);
    assuan_end_confidential(c->ctx);
    return rc;
}

struct decrypting {
    const struct words *words;
    unsigned char *data;
    size_t len;
};

static int
decrypt_with(struct connection *c, const struct snapshot *snap, const struct key *key, void *arg,
             struct err *err)
{
    autofree_secret struct secret *out = secret_new(RSA_BYTES_MAX);
    const struct decrypting *d = arg;
    const struct words *w = d->words;
    char rest[DECRYPT_REST_MAX];
    struct operation op = {.verb = "DECRYPT", .name = "decrypt", .scheme = w->word[1],
                           .rest = rest, .secret = out};
    int rc, n = snprintf(rest, sizeof rest, "%s", w->word[1]);

    if (!out)
        return err_set(err, E_NOMEM, "out of memory while decrypting");
    for (unsigned i = 2; i < w->count; i++)
        n += snprintf(rest + n, sizeof rest - (size_t)n, " %s", w->word[i]);
    op.data = (struct lane_answer){"CIPHERTEXT", d->data, d->len};
    rc = operate(c, snap, key, &op, err);
    return rc == 0 ? send_secret(c, out, err) : rc;
}

/* A word that goes on to the host as it is: letters, digits, '-'. */
static bool
is_plain(const char *word, size_t max)
{
    return strlen(word) <= max &&
           word[strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

static bool
starts_with(const char *word, const char *start)
{
    return strncmp(word, start, strlen(start)) == 0;
}

/* A length, mgf1=DIGEST or label=HEX; the host knows more of each. */
static int
check_decrypt_word(const char *word, struct err *err)
{
    if (starts_with(word, WIRE_MGF1) && is_plain(word + strlen(WIRE_MGF1), 20))
        return 0;
    if (starts_with(word, WIRE_LABEL)) {
        const char *label = word + strlen(WIRE_LABEL);
        if (is_hex(label) && strlen(label) <= 2 * (size_t)WIRE_LABEL_MAX)
            return 0;
        return err_set(err, E_USAGE, "the label is not in hex, or has more than %u bytes",
                       WIRE_LABEL_MAX);
    }
    if (strlen(word) <= 5 && word[strspn(word, "0123456789")] == '\0' && *word)
        return 0;
    return err_set(err, E_USAGE, "the expected length \"%.20s\" is no number", word);
}

static int
run_decrypt(struct connection *c, struct words *w, struct err *err)
{
    struct decrypting d = {.words = w};
    int rc = 0;

    if (!is_plain(w->word[1], 40))
        return err_set(err, E_USAGE, "there is no decryption scheme \"%.40s\"", w->word[1]);
    for (unsigned i = 2; rc == 0 && i < w->count; i++)
        rc = check_decrypt_word(w->word[i], err);
    if (rc == 0)
        rc = command_inquire(c, "CIPHERTEXT", RSA_BYTES_MAX, &d.data, &d.len, err);
    if (rc == 0)
        rc = with_key(c, w->word[0], decrypt_with, &d, err);
    secret_release(d.data);
    return rc;
}

static int
derive_with(struct connection *c, const struct snapshot *snap, const struct key *key, void *arg,
            struct err *err)
{
    autofree_secret struct secret *out = secret_new(RSA_BYTES_MAX);
    struct operation op = {.verb = "DERIVE", .name = "derive", .rest = arg, .secret = out};
    int rc;

    if (!out)
        return err_set(err, E_NOMEM, "out of memory while deriving");
    rc = operate(c, snap, key, &op, err);
    return rc == 0 ? send_secret(c, out, err) : rc;
}

/* "sha256:32" */
static bool
is_kdf(const char *word)
{
    size_t len = strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789-");

    return len > 0 && len < 16 && word[len] == ':' && strlen(word + len + 1) == 2 &&
           strspn(word + len + 1, "0123456789") == 2;
}

static int
run_derive(struct connection *c, struct words *w, struct err *err)
{
    char rest[DERIVE_REST_MAX];
    int n;

    if (!is_hex(w->word[1]) || strlen(w->word[1]) > POINT_HEX_MAX)
        return err_set(err, E_USAGE, "the public point is not in hex, or too long");
    if (w->count == 2)
        return with_key(c, w->word[0], derive_with, w->word[1], err);
    if (w->count != 5 || !is_kdf(w->word[2]) || !is_hex(w->word[3]) || !is_hex(w->word[4]))
        return err_set(err, E_USAGE, "behind the public point come DIGEST:SIZE, and in hex what "
                       "goes into the derivation and the wrapped key");
    n = snprintf(rest, sizeof rest, "%s %s %s %s", w->word[1], w->word[2], w->word[3],
                 w->word[4]);
    if (n < 0 || (size_t)n >= sizeof rest)
        return err_set(err, E_LIMIT, "what goes into the derivation is too long");
    return with_key(c, w->word[0], derive_with, rest, err);
}

/* Here and not with the listings, since it waits for a card. */
static int
send_key(struct connection *c, const struct snapshot *snap, const struct key *key, void *arg,
         struct err *err)
{
    (void)snap;
    (void)arg;
    return command_send(c, key->json, strlen(key->json), err);
}

static int
run_key(struct connection *c, struct words *w, struct err *err)
{
    return with_key(c, w->word[0], send_key, NULL, err);
}

const struct command commands_key[] = {
    {"SIGN", run_sign, 2, 3,
     "SIGN <key> <scheme> [<hex>]\n\nSigns the digest <hex> (EdDSA: the message). Without it "
     "the agent\ninquires DATA. Schemes: rsa-pkcs1-sha256, rsa-pss-sha256,\necdsa-sha256, and "
     "so with sha384 and sha512; ed25519.\nReplies with the signature as data."},
    {"DECRYPT", run_decrypt, 2, 5,
     "DECRYPT <key> <scheme> [<expected length>] [mgf1=<digest>] [label=<hex>]\n\n"
     "Inquires CIPHERTEXT and replies with the plaintext. Schemes:\nrsa-pkcs1, rsa-oaep-sha1, "
     "rsa-oaep-sha256, ... With rsa-pkcs1 a faulty\npadding gives random bytes of the expected "
     "length, never an error.\nmgf1 and label are OAEP's; without them MGF1 has the scheme's "
     "digest and\nthe label is empty."},
    {"KEY", run_key, 0, 1,
     "KEY [<key>]\n\nReplies with the one key that answers to <key>, as a JSON object:\nname or "
     "a prefix of it, label, e-mail address, fingerprint of its\ncertificate, or pkcs11: URI. "
     "Without <key>: the only key there is."},
    {"DERIVE", run_derive, 2, 5,
     "DERIVE <key> <hex point> [<digest>:<size> <hex info> <hex wrapped key>]\n\nECDH with the "
     "peer's public point; replies with the shared secret Z. With\nthe further words the X9.63 "
     "KDF and the AES key unwrap are the token's, too,\nand the reply is the key inside."},
    {0},
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pkcs11/host_commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/text.h"
#include "client/wire.h"
#include "pkcs11/decrypt.h"
#include "pkcs11/derive.h"
#include "pkcs11/generate.h"
#include "pkcs11/import_cert.h"
#include "pkcs11/init_token.h"
#include "pkcs11/listing.h"
#include "pkcs11/login.h"
#include "pkcs11/pin.h"
#include "pkcs11/sign.h"
#include "signet-config.h"

/* Most words of a command line; longest data that fits one as hex, in bytes. */
#define WORDS_MAX 6
#define LINE_DATA_MAX 512

/* One command being served. */
struct call {
    assuan_context_t ctx;
    struct lane *lane;
    char *word[WORDS_MAX];
    int words;
    CK_SLOT_ID slot; /* of the first word, for commands that have one */
};

typedef int run(struct call *, struct err *);

struct command {
    const char *name;
    run *run;
    int words_min, words_max;
    bool takes_slot;
    const char *help;
};

/* Takes what INQUIRE brings; the buffer is in locked memory (the context's
 * allocator) and must go back with assuan_free. */
static int
inquire(struct call *c, const char *keyword, size_t max, unsigned char **ret, size_t *ret_len,
        struct err *err)
{
    gpg_error_t rc = assuan_inquire(c->ctx, keyword, ret, ret_len, max);

    switch (gpg_err_code(rc)) {
    case GPG_ERR_NO_ERROR:
        return 0;
    case GPG_ERR_ASS_TOO_MUCH_DATA:
        return err_set(err, E_LIMIT, "%s may have %zu bytes at most", keyword, max);
    case GPG_ERR_ASS_CANCELED:
    case GPG_ERR_CANCELED:
        return err_set(err, E_CANCELLED, "cancelled while waiting for %s", keyword);
    default:
        return err_set(err, E_PROTOCOL, "no %s came: %s", keyword, gpg_strerror(rc));
    }
}

static int
inquire_pin(struct call *c, const char *keyword, struct secret *pin, struct err *err)
{
    unsigned char *data = NULL;
    size_t len = 0;
    int rc;

    assuan_begin_confidential(c->ctx);
    rc = inquire(c, keyword, WIRE_PIN_MAX, &data, &len, err);
    assuan_end_confidential(c->ctx);
    if (rc == 0 && secret_set(pin, data, len) != 0)
        rc = err_set(err, E_LIMIT, "the PIN is too long");
    if (data) {
        wipe(data, len);
        assuan_free(c->ctx, data);
    }
    return rc == E_CANCELLED ? err_set(err, E_PIN_CANCELLED, "PIN entry was cancelled") : rc;
}

static int
answer(struct call *c, const void *data, size_t len, struct err *err)
{
    gpg_error_t rc = assuan_send_data(c->ctx, data, len);

    return rc == 0 ? 0 : err_set(err, E_PROTOCOL, "the answer cannot be sent: %s",
                                 gpg_strerror(rc));
}

static int
answer_secret(struct call *c, const struct secret *s, struct err *err)
{
    int rc;

    assuan_begin_confidential(c->ctx);
    rc = answer(c, secret_data_view(s), secret_len(s), err);
    /* Flushes the line while it is still confidential. */
    assuan_send_data(c->ctx, NULL, 0);
    assuan_end_confidential(c->ctx);
    return rc;
}

static int
answer_json(struct call *c, json_t *j, struct err *err)
{
    char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
    int rc = text ? answer(c, text, strlen(text), err)
                  : err_set(err, E_NOMEM, "out of memory");

    free(text);
    json_decref(j);
    return rc;
}

static int
check_key_name(const char *name, struct err *err)
{
    size_t len = strspn(name, "0123456789abcdef");

    if (len == SPKI_NAME - 1 && name[len] == '\0')
        return 0;
    return err_set(err, E_USAGE, "\"%.80s\" is no full name of a key (64 digits)", name);
}

static int
run_list(struct call *c, struct err *err)
{
    json_t *all = NULL;
    int rc = listing_all(c->lane, &all, err);

    return rc == 0 ? answer_json(c, all, err) : rc;
}

static int
run_tokeninfo(struct call *c, struct err *err)
{
    struct slot *slot;
    CK_RV rv;
    int rc;

    module_enter(lane_module(c->lane));
    rc = lane_slot(c->lane, c->slot, &slot, err);
    if (rc == 0) {
        rv = slot_look(slot);
        if (rv != CKR_OK)
            rc = slot_err(slot, err, rv, "cannot be asked");
    }
    module_leave(lane_module(c->lane));
    return rc == 0 ? answer_json(c, listing_token(slot), err) : rc;
}

static int
run_login(struct call *c, struct err *err)
{
    autofree_secret struct secret *pin = secret_new(WIRE_PIN_MAX);
    struct slot *slot;
    struct token t;
    int rc;

    if (!pin)
        return err_set(err, E_NOMEM, "out of memory");
    module_enter(lane_module(c->lane));
    rc = lane_slot(c->lane, c->slot, &slot, err);
    module_leave(lane_module(c->lane));
    if (rc != 0)
        return rc;
    slot_token(slot, &t);
    if (t.flags & CKF_PROTECTED_AUTHENTICATION_PATH)
        return login_user(c->lane, c->slot, NULL, err);
    rc = inquire_pin(c, "PIN", pin, err);
    return rc == 0 ? login_user(c->lane, c->slot, pin, err) : rc;
}

static int
run_logout(struct call *c, struct err *err)
{
    return logout_user(c->lane, c->slot, err);
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
    rc = inquire_pin(c, keyword, pin, err);
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
static int
run_sign(struct call *c, struct err *err)
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
        rc = inquire(c, "DATA", WIRE_INQUIRE_MAX, &message, &len, err);
    }
    s.data = message ? message : digest;
    if (rc == 0) {
        s.len = len;
        rc = use_with_pin(c, sign_once, &s, err);
    }
    if (rc == 0)
        rc = answer(c, s.signature.data, s.signature.len, err);
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

static int
run_decrypt(struct call *c, struct err *err)
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
        rc = inquire(c, "CIPHERTEXT", WIRE_INQUIRE_MAX, &data, &d.len, err);
    d.data = data;
    if (rc == 0)
        rc = use_with_pin(c, decrypt_once, &d, err);
    if (rc == 0)
        rc = answer_secret(c, out, err);
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

static int
run_derive(struct call *c, struct err *err)
{
    autofree_secret struct secret *out = secret_new(DERIVE_MAX);
    struct deriving d = {.out = out};
    int rc = check_key_name(c->word[1], err);

    if (!out)
        return err_set(err, E_NOMEM, "out of memory");
    if (rc != 0)
        return rc;
    if (hex_decode(c->word[2], strlen(c->word[2]), d.point, sizeof d.point, &d.len) != 0)
        return err_set(err, E_USAGE, "the point is no hex of up to %d bytes", DERIVE_POINT_MAX);
    rc = use_with_pin(c, derive_once, &d, err);
    return rc == 0 ? answer_secret(c, out, err) : rc;
}

static int
run_init_token(struct call *c, struct err *err)
{
    autofree_secret struct secret *so_pin = secret_new(WIRE_PIN_MAX);
    autofree_secret struct secret *pin = secret_new(WIRE_PIN_MAX);
    char text[32];
    CK_SLOT_ID slot;
    int rc;

    if (!so_pin || !pin)
        return err_set(err, E_NOMEM, "out of memory");
    rc = inquire_pin(c, "SOPIN", so_pin, err);
    if (rc == 0)
        rc = inquire_pin(c, "PIN", pin, err);
    if (rc == 0)
        rc = init_token(c->lane, c->word[0], so_pin, pin, &slot, err);
    if (rc != 0)
        return rc;
    snprintf(text, sizeof text, "%lu", slot);
    return answer(c, text, strlen(text), err);
}

/* The flags of the slot's token as last seen. */
static int
slot_flags(struct call *c, CK_FLAGS *ret, struct err *err)
{
    struct slot *slot;
    struct token t = {0};
    int rc;

    module_enter(lane_module(c->lane));
    rc = lane_slot(c->lane, c->slot, &slot, err);
    if (rc == 0)
        slot_token(slot, &t);
    module_leave(lane_module(c->lane));
    *ret = t.flags;
    return rc;
}

/* Two PINs, unless the reader has a keypad, and what is done with them. */
static int
run_two_pins(struct call *c, const char *first_word,
             int (*act)(struct lane *, CK_SLOT_ID, const struct secret *, const struct secret *,
                        struct err *),
             struct err *err)
{
    autofree_secret struct secret *first = secret_new(WIRE_PIN_MAX);
    autofree_secret struct secret *fresh = secret_new(WIRE_PIN_MAX);
    CK_FLAGS flags = 0;
    int rc = first && fresh ? slot_flags(c, &flags, err)
                            : err_set(err, E_NOMEM, "out of memory");

    if (rc != 0)
        return rc;
    if (flags & CKF_PROTECTED_AUTHENTICATION_PATH)
        return act(c->lane, c->slot, NULL, NULL, err);
    rc = inquire_pin(c, first_word, first, err);
    if (rc == 0)
        rc = inquire_pin(c, "NEWPIN", fresh, err);
    return rc == 0 ? act(c->lane, c->slot, first, fresh, err) : rc;
}

static int
run_setpin(struct call *c, struct err *err)
{
    return run_two_pins(c, "PIN", pin_change, err);
}

static int
run_unblock(struct call *c, struct err *err)
{
    return run_two_pins(c, "PUK", pin_unblock, err);
}

static int
run_generate(struct call *c, struct err *err)
{
    char name[SPKI_NAME];
    int rc = generate_key(c->lane, c->slot, c->word[1], c->words > 2 ? c->word[2] : "", name,
                          err);

    return rc == 0 ? answer(c, name, strlen(name), err) : rc;
}

static int
run_import_cert(struct call *c, struct err *err)
{
    unsigned char *data = NULL;
    char name[SPKI_NAME];
    size_t len;
    int rc = inquire(c, "CERTIFICATE", WIRE_INQUIRE_MAX, &data, &len, err);

    if (rc == 0)
        rc = import_cert(c->lane, c->slot, data, len, name, err);
    if (rc == 0)
        rc = answer(c, name, strlen(name), err);
    if (data)
        assuan_free(c->ctx, data);
    return rc;
}

static int
run_getinfo(struct call *c, struct err *err)
{
    char text[256];

    if (strcmp(c->word[0], "version") == 0)
        snprintf(text, sizeof text, "%s", SIGNET_VERSION);
    else if (strcmp(c->word[0], "pid") == 0)
        snprintf(text, sizeof text, "%ld", (long)getpid());
    else if (strcmp(c->word[0], "module") == 0)
        snprintf(text, sizeof text, "%s", module_name(lane_module(c->lane)));
    else
        return err_set(err, E_USAGE, "GETINFO knows version, pid and module");
    return answer(c, text, strlen(text), err);
}

static const struct command commands[] = {
    {"LIST", run_list, 0, 0, false, "LIST\n\nAll tokens with keys and certificates, as JSON."},
    {"TOKENINFO", run_tokeninfo, 1, 1, true, "TOKENINFO <slot>\n\nOne token, asked afresh."},
    {"LOGIN", run_login, 1, 1, true, "LOGIN <slot>\n\nInquires PIN (not with a keypad)."},
    {"LOGOUT", run_logout, 1, 1, true, "LOGOUT <slot>"},
    {"SETPIN", run_setpin, 1, 1, true,
     "SETPIN <slot>\n\nInquires PIN and NEWPIN (not with a keypad)."},
    {"UNBLOCK", run_unblock, 1, 1, true,
     "UNBLOCK <slot>\n\nInquires PUK and NEWPIN (not with a keypad)."},
    {"SIGN", run_sign, 3, 4, true,
     "SIGN <slot> <key> <scheme> [<hex>]\n\nWithout hex inquires DATA."},
    {"DECRYPT", run_decrypt, 3, 6, true,
     "DECRYPT <slot> <key> <scheme> [<expected length>] [mgf1=<digest>]\n[label=<hex>]\n\n"
     "Inquires CIPHERTEXT."},
    {"DERIVE", run_derive, 3, 3, true, "DERIVE <slot> <key> <hex of the peer's point>"},
    {"INIT_TOKEN", run_init_token, 1, 1, false,
     "INIT_TOKEN <label>\n\nInquires SOPIN and PIN; answers with the slot."},
    {"GENERATE", run_generate, 2, 3, true,
     "GENERATE <slot> <type> [<label>]\n\nAnswers with the key's name."},
    {"IMPORT_CERT", run_import_cert, 1, 1, true,
     "IMPORT_CERT <slot>\n\nInquires CERTIFICATE; answers with its key's name."},
    {"GETINFO", run_getinfo, 1, 1, false, "GETINFO version|pid|module"},
};

static const struct command *
find_command(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

/* Splits at blanks and undoes the escapes, in place. */
static int
split(struct call *c, char *line)
{
    char *at;

    for (char *w = strtok_r(line, " \t", &at); w; w = strtok_r(NULL, " \t", &at)) {
        if (c->words == WORDS_MAX)
            return E_USAGE;
        text_unescape(w);
        c->word[c->words++] = w;
    }
    return 0;
}

static int
take_slot(struct call *c, struct err *err)
{
    const char *text = c->words > 0 ? c->word[0] : "";
    char *end;

    c->slot = strtoul(text, &end, 10);
    if (*end || text[0] < '0' || text[0] > '9')
        return err_set(err, E_USAGE, "\"%.80s\" is no slot number", text);
    return 0;
}

/* The agent goes by the module's own word, too: which failures will pass. */
static gpg_error_t
reply(assuan_context_t ctx, int rc, const struct err *err)
{
    char rv[24];

    if (err->rv != 0) {
        snprintf(rv, sizeof rv, "%lx", err->rv);
        if (assuan_write_status(ctx, WIRE_RV, rv) != 0)
            return gpg_error(GPG_ERR_ASS_WRITE_ERROR);
    }
    return wire_reply(ctx, rc, err);
}

static gpg_error_t
serve(assuan_context_t ctx, char *line)
{
    const struct host_session *s = assuan_get_pointer(ctx);
    const struct command *cmd = find_command(assuan_get_command_name(ctx));
    struct call c = {.ctx = ctx, .lane = s->lane};
    char copy[ASSUAN_LINELENGTH]; /* an inquiry reads over libassuan's own line */
    struct err err = {0};
    int rc = 0;

    snprintf(copy, sizeof copy, "%s", line);
    if (!s->lane)
        return wire_reply(ctx, s->fault->code, s->fault);
    if (!cmd)
        return gpg_error(GPG_ERR_ASS_UNKNOWN_CMD);
    if (split(&c, copy) != 0 || c.words < cmd->words_min || c.words > cmd->words_max)
        rc = err_set(&err, E_USAGE, "%s takes other arguments (HELP %s)", cmd->name, cmd->name);
    if (rc == 0 && cmd->takes_slot)
        rc = take_slot(&c, &err);
    if (rc == 0) {
        module_work_begins(lane_module(s->lane));
        rc = cmd->run(&c, &err);
        module_work_ends(lane_module(s->lane));
    }
    return rc == 0 ? 0 : reply(ctx, rc, &err);
}

gpg_error_t
host_commands_register(assuan_context_t ctx)
{
    gpg_error_t rc = 0;

    for (size_t i = 0; i < sizeof commands / sizeof *commands && rc == 0; i++)
        rc = assuan_register_command(ctx, commands[i].name, serve, commands[i].help);
    return rc;
}

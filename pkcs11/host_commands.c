/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pkcs11/host_commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "client/wire.h"
#include "pkcs11/generate.h"
#include "pkcs11/host_call.h"
#include "pkcs11/import_cert.h"
#include "pkcs11/init_token.h"
#include "pkcs11/listing.h"
#include "pkcs11/login.h"
#include "pkcs11/pin.h"
#include "signet-config.h"

typedef int run(struct call *, struct err *);

struct command {
    const char *name;
    run *run;
    int words_min, words_max;
    bool takes_slot;
    const char *help;
};

static int
run_list(struct call *c, struct err *err)
{
    json_t *all = NULL;
    int rc = listing_all(c->lane, &all, err);

    return rc == 0 ? call_answer_json(c, all, err) : rc;
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
    return rc == 0 ? call_answer_json(c, listing_token(slot), err) : rc;
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
    rc = call_inquire_pin(c, "PIN", pin, err);
    return rc == 0 ? login_user(c->lane, c->slot, pin, err) : rc;
}

static int
run_logout(struct call *c, struct err *err)
{
    return logout_user(c->lane, c->slot, err);
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
    rc = call_inquire_pin(c, "SOPIN", so_pin, err);
    if (rc == 0)
        rc = call_inquire_pin(c, "PIN", pin, err);
    if (rc == 0)
        rc = init_token(c->lane, c->word[0], so_pin, pin, &slot, err);
    if (rc != 0)
        return rc;
    snprintf(text, sizeof text, "%lu", slot);
    return call_answer(c, text, strlen(text), err);
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
    rc = call_inquire_pin(c, first_word, first, err);
    if (rc == 0)
        rc = call_inquire_pin(c, "NEWPIN", fresh, err);
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

    return rc == 0 ? call_answer(c, name, strlen(name), err) : rc;
}

static int
run_import_cert(struct call *c, struct err *err)
{
    unsigned char *data = NULL;
    char name[SPKI_NAME];
    size_t len;
    int rc = call_inquire(c, "CERTIFICATE", WIRE_INQUIRE_MAX, &data, &len, err);

    if (rc == 0)
        rc = import_cert(c->lane, c->slot, data, len, name, err);
    if (rc == 0)
        rc = call_answer(c, name, strlen(name), err);
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
    return call_answer(c, text, strlen(text), err);
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
    {"SIGN", host_sign, 3, 4, true,
     "SIGN <slot> <key> <scheme> [<hex>]\n\nWithout hex inquires DATA."},
    {"DECRYPT", host_decrypt, 3, 6, true,
     "DECRYPT <slot> <key> <scheme> [<expected length>] [mgf1=<digest>]\n[label=<hex>]\n\n"
     "Inquires CIPHERTEXT."},
    {"DERIVE", host_derive, 3, 6, true,
     "DERIVE <slot> <key> <hex of the peer's point> [<digest>:<size> <hex info> <hex key>]"},
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

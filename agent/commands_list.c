/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* TOKENS, KEYS, CERTS. Keys and certificates were rendered with the snapshot. */
#include <stdlib.h>
#include <string.h>

#include "agent/commands.h"
#include "agent/login.h"

static int
no_memory(struct err *err)
{
    return err_set(err, E_NOMEM, "out of memory while listing");
}

static json_t *
render_token(const struct token *t)
{
    static const struct {
        const char *name;
        unsigned flag;
    } flags[] = {
        {"login_required", TOKEN_LOGIN_REQUIRED},
        {"initialized", TOKEN_INITIALIZED},
        {"user_pin_initialized", TOKEN_USER_PIN_INITIALIZED},
        {"pin_locked", TOKEN_PIN_LOCKED},
        {"pin_final_try", TOKEN_PIN_FINAL_TRY},
        {"pin_count_low", TOKEN_PIN_COUNT_LOW},
        {"protected_path", TOKEN_PROTECTED_PATH},
        {"write_protected", TOKEN_WRITE_PROTECTED},
        {"pin_to_be_changed", TOKEN_PIN_TO_BE_CHANGED},
        {"so_pin_locked", TOKEN_SO_PIN_LOCKED},
        {"so_pin_final_try", TOKEN_SO_PIN_FINAL_TRY},
        {"so_pin_count_low", TOKEN_SO_PIN_COUNT_LOW},
    };
    json_t *set = json_object(), *o;

    for (size_t i = 0; set && i < sizeof flags / sizeof *flags; i++)
        json_object_set_new(set, flags[i].name, json_boolean((t->flags & flags[i].flag) != 0));
    o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:o, s:b, s:b, s:i}", "label", t->label,
                  "manufacturer", t->manufacturer, "model", t->model, "serial", t->serial,
                  "module", t->module, "slot", (json_int_t)t->slot, "flags", set, "logged_in",
                  login_stands(t) ? 1 : 0, "removable", t->removable ? 1 : 0, "keys", (int)t->keys);
    if (o && *t->error && json_object_set_new(o, "error", json_string(t->error)) != 0) {
        json_decref(o);
        o = NULL;
    }
    return o;
}

static int
send_json(struct connection *c, json_t *o, struct err *err)
{
    char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
    int rc = text ? command_send(c, text, strlen(text), err) : no_memory(err);

    free(text);
    return rc;
}

static int
run_tokens(struct connection *c, struct words *w, struct err *err)
{
    struct snapshot *s = registry_refresh(c->agent->registry);
    json_t *list = json_array();
    bool ok = s && list;

    (void)w;
    for (unsigned i = 0; ok && i < snapshot_token_count(s); i++)
        ok = json_array_append_new(list, render_token(snapshot_token(s, i))) == 0;
    int rc = ok ? send_json(c, list, err) : no_memory(err);
    json_decref(list);
    snapshot_unref(&s);
    return rc;
}

static int
put_keys(struct buf *out, const struct snapshot *s, const char *spec, struct err *err)
{
    int rc = buf_put_byte(out, '[');

    for (unsigned i = 0; rc == 0 && i < snapshot_key_count(s); i++) {
        const struct key *k = snapshot_key(s, i);
        bool yes = true;
        if (spec)
            rc = keyspec_matches(k, spec, &yes, err);
        if (rc == 0 && yes && buf_len(out) > 1)
            rc = buf_put_byte(out, ',');
        if (rc == 0 && yes)
            rc = buf_put_str(out, k->json);
    }
    if (rc == 0)
        rc = buf_put_byte(out, ']');
    return rc == E_NOMEM || rc == E_LIMIT ? no_memory(err) : rc;
}

static int
run_keys(struct connection *c, struct words *w, struct err *err)
{
    struct snapshot *s = registry_refresh(c->agent->registry);
    autofree_buf struct buf *out = buf_new();
    int rc = s && out ? put_keys(out, s, w->word[0], err) : no_memory(err);

    if (rc == 0)
        rc = command_send(c, buf_data(out), buf_len(out), err);
    snapshot_unref(&s);
    return rc;
}

static int
run_certs(struct connection *c, struct words *w, struct err *err)
{
    struct snapshot *s = registry_get(c->agent->registry);
    int rc;

    (void)w;
    if (!s)
        return no_memory(err);
    rc = command_send(c, snapshot_certs_json(s), strlen(snapshot_certs_json(s)), err);
    snapshot_unref(&s);
    return rc;
}

const struct command commands_list[] = {
    {"TOKENS", run_tokens, 0, 0,
     "TOKENS\n\nLooks at all slots and replies with a JSON array of tokens."},
    {"KEYS", run_keys, 0, 1,
     "KEYS [<key>]\n\nLooks at all tokens and replies with a JSON array of the keys that\n"
     "answer to <key>, or of all."},
    {"CERTS", run_certs, 0, 0,
     "CERTS\n\nReplies with a JSON array of the certificates on all tokens, as last\nseen (TOKENS "
     "and KEYS look anew)."},
    {0},
};

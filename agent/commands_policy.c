/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* RELOAD, POLICY. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "agent/commands.h"
#include "agent/policy.h"
#include "agent/reload.h"

static int
run_reload(struct connection *c, struct words *w, struct err *err)
{
    (void)w;
    return reload(c->agent, &c->peer, err);
}

static json_t *
words_json(const struct policy_words *w)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < w->count; i++)
        json_array_append_new(list, json_string(w->word[i].text));
    return list;
}

static json_t *
ids_json(const struct policy_ids *ids)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < ids->count; i++)
        json_array_append_new(list, json_integer((json_int_t)ids->id[i]));
    return list;
}

static json_t *
operations_json(unsigned mask)
{
    json_t *list = json_array();

    for (unsigned i = 0; policy_operations[i]; i++)
        if (mask & 1u << i)
            json_array_append_new(list, json_string(policy_operations[i]));
    return list;
}

static void
put_conditions(json_t *o, const struct rule *r)
{
    const struct {
        const char *name;
        const struct policy_words *words;
    } lists[] = {{"executables", &r->executables}, {"units", &r->units}, {"fronts", &r->fronts},
                 {"schemes", &r->schemes}};

    if (r->users.count > 0)
        json_object_set_new(o, "users", ids_json(&r->users));
    if (r->groups.count > 0)
        json_object_set_new(o, "groups", ids_json(&r->groups));
    if (r->operations != 0)
        json_object_set_new(o, "operations", operations_json(r->operations));
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (lists[i].words->count > 0)
            json_object_set_new(o, lists[i].name, words_json(lists[i].words));
}

/* What is absent is left out. */
static json_t *
rule_json(const struct rule *r)
{
    static const char *const confirms[] = {"no", "each", "session"};
    const struct {
        const char *name, *text;
    } texts[] = {{"approvers", r->approvers}, {"rate", r->rate}, {"hours", r->hours}};
    json_t *o = json_pack("{s:s, s:s, s:s, s:s}", "key", r->pattern, "rule", r->name, "action",
                          r->deny ? "deny" : "allow", "confirm", confirms[r->confirm]);

    put_conditions(o, r);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i].text)
            json_object_set_new(o, texts[i].name, json_string(texts[i].text));
    if (r->approve.need > 0)
        json_object_set_new(o, "approve_within",
                            json_integer((json_int_t)(r->approve.patience ? r->approve.patience
                                                                          : APPROVE_PATIENCE_DEFAULT)));
    if (r->limits.total > 0)
        json_object_set_new(o, "count", json_integer((json_int_t)r->limits.total));
    if (r->limits.per_user)
        json_object_set_new(o, "per_user", json_true());
    return o;
}

static int
run_policy(struct connection *c, struct words *w, struct err *err)
{
    struct policy *policy = policies_get(c->agent->policies);
    json_t *list = json_array();
    char *text;
    int rc;

    (void)w;
    for (unsigned i = 0; policy && i < policy_rule_count(policy); i++)
        json_array_append_new(list, rule_json(policy_rule(policy, i)));
    policy_unref(&policy);
    text = json_dumps(list, JSON_COMPACT);
    json_decref(list);
    rc = text ? command_send(c, text, strlen(text), err)
              : err_set(err, E_NOMEM, "out of memory while telling the policy");
    free(text);
    return rc;
}

const struct command commands_policy[] = {
    {"RELOAD", run_reload, 0, 0,
     "RELOAD\n\nReads configuration and policy anew; when they are faulty, what was read before\n"
     "stays. Modules are loaded at the start alone.", .manages = true},
    {"POLICY", run_policy, 0, 0,
     "POLICY\n\nReplies with the rules about keys, in their order, as a JSON array."},
    {0},
};

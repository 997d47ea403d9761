/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* agent reload, agent policy. */
#include <string.h>

#include "cli/cli.h"
#include "cli/table.h"

static int
reload(struct cli *cli, const struct options *o, struct err *err)
{
    struct client *client = NULL;
    int rc = cli_running_client(cli, &client, err);

    (void)o;
    if (rc == 0 && !client)
        cli_note(cli, "no agent is running on %s; one that starts reads what there is",
                 cli->home.socket);
    return rc == 0 && client ? client_reload(client, err) : rc;
}

/* "sign, decrypt"; what is absent is everything. */
static int
put_list(struct buf *out, const json_t *rule, const char *name)
{
    const json_t *list = json_object_get(rule, name), *item;
    size_t i;
    int rc = json_array_size(list) > 0 && buf_len(out) > 0 ? buf_put_str(out, "; ") : 0;

    if (rc == 0 && json_array_size(list) > 0)
        rc = buf_putf(out, "%s", name);
    json_array_foreach(list, i, item) {
        if (rc == 0)
            rc = json_is_integer(item) ? buf_putf(out, " %lld", (long long)json_integer_value(item))
                                       : buf_putf(out, " %s", json_string_value(item));
    }
    return rc;
}

/* "rate 10/hour": what else the rule wants. */
static int
put_term(struct buf *out, const json_t *rule, const char *name)
{
    const json_t *value = json_object_get(rule, name);
    const char *text = json_string_value(value);
    int rc = value && buf_len(out) > 0 ? buf_put_str(out, "; ") : 0;

    if (rc == 0 && text)
        return buf_putf(out, "%s %s", name, text);
    if (rc == 0 && json_is_integer(value))
        return buf_putf(out, "%s %lld", name, (long long)json_integer_value(value));
    return rc;
}

static int
put_terms(struct buf *out, const json_t *rule)
{
    static const char *const lists[] = {"users", "groups", "executables", "units", "fronts",
                                        "operations", "schemes"};
    static const char *const terms[] = {"approvers", "rate", "count", "hours"};
    const char *confirm = json_string_value(json_object_get(rule, "confirm"));
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < sizeof lists / sizeof *lists; i++)
        rc = put_list(out, rule, lists[i]);
    if (rc == 0 && confirm && strcmp(confirm, "no") != 0)
        rc = buf_putf(out, "%sconfirm %s", buf_len(out) > 0 ? "; " : "", confirm);
    for (size_t i = 0; rc == 0 && i < sizeof terms / sizeof *terms; i++)
        rc = put_term(out, rule, terms[i]);
    if (rc == 0 && json_is_true(json_object_get(rule, "per_user")))
        rc = buf_put_str(out, ", per user");
    return rc == 0 && buf_len(out) == 0 ? buf_put_str(out, "all") : rc;
}

static int
put_policy(const json_t *rules, struct buf *out)
{
    static const char *const headings[] = {"ACTION", "WHO AND WHAT", "RULE", NULL};
    autofree_table struct table *table = table_new(headings);
    const json_t *rule;
    size_t i;
    int rc = table ? 0 : E_NOMEM;

    json_array_foreach(rules, i, rule) {
        autofree_buf struct buf *terms = buf_new();
        if (rc == 0)
            rc = terms ? put_terms(terms, rule) : E_NOMEM;
        if (rc == 0) {
            const char *cells[] = {json_string_value(json_object_get(rule, "action")),
                                   buf_cstr(terms),
                                   json_string_value(json_object_get(rule, "rule"))};
            rc = table_add(table, cells);
        }
    }
    return rc == 0 ? table_put(table, out) : rc;
}

static int
policy(struct cli *cli, const struct options *o, struct err *err)
{
    autofree_buf struct buf *out = buf_new();
    struct client *client = NULL;
    json_t *rules = NULL;
    int rc = cli_client(cli, &client, err);

    (void)o;
    if (rc == 0)
        rc = client_policy(client, &rules, err);
    if (rc != 0)
        return rc;
    if (cli->json)
        rc = cli_print_json(rules, err);
    else if (json_array_size(rules) == 0)
        cli_note(cli, "there are no rules: whoever reaches the agent's socket may use every key");
    else if (!out || put_policy(rules, out) != 0)
        rc = err_set(err, E_NOMEM, "out of memory while listing the policy");
    else
        rc = cli_print(out, err);
    json_decref(rules);
    return rc;
}

const struct command command_agent_reload = {
    .name = "agent reload",
    .synopsis = "",
    .summary = "have the agent read its configuration and policy anew",
    .text = "Has the agent read signet.conf and policy.d anew. When something in them is faulty, its\n"
            "file and line are named and what was read before stays. Modules are those of the\n"
            "agent's start.",
    .example = "signet agent reload",
    .run = reload,
};

const struct command command_agent_policy = {
    .name = "agent policy",
    .synopsis = "",
    .summary = "list the rules of who may use which key for what",
    .text = "Lists the rules about keys in the order in which they are looked at: the first one that\n"
            "covers a key and whose conditions hold decides. A key that no rule covers may be used\n"
            "by whoever reaches the agent's socket.",
    .example = "signet agent policy --json",
    .run = policy,
};

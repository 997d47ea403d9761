/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"

/* Requests on one command line. */
#define IDS_MAX 16u
/* Digits of a key's name that are shown. */
#define KEY_DIGITS 16u

static const char *
string(const json_t *object, const char *member)
{
    const char *s = json_string_value(json_object_get(object, member));

    return s ? s : "";
}

static long long
number(const json_t *object, const char *member)
{
    return (long long)json_integer_value(json_object_get(object, member));
}

static bool
is(const json_t *object, const char *member)
{
    return json_is_true(json_object_get(object, member));
}

static int
put_safe(struct buf *out, const char *before, const char *text, const char *behind)
{
    int rc = buf_put_str(out, before);

    if (rc == 0)
        rc = text_put_safe(out, text, strlen(text));
    return rc == 0 ? buf_put_str(out, behind) : rc;
}

static int
put_user(struct buf *out, const char *before, long long uid)
{
    /* cppcheck-suppress getpwuidCalled ; there is one thread */
    const struct passwd *p = getpwuid((uid_t)uid);

    return p ? put_safe(out, before, p->pw_name, "") : buf_putf(out, "%suser %lld", before, uid);
}

static int
put_asker(struct buf *out, const json_t *request)
{
    const json_t *by = json_object_get(request, "asked_by");
    int rc = put_user(out, "  asked by   ", number(by, "uid"));

    if (rc == 0)
        rc = put_safe(out, " (", *string(by, "exe") ? string(by, "exe") : "unknown program", "");
    if (rc == 0)
        rc = buf_putf(out, ", process %lld", number(by, "pid"));
    if (rc == 0 && *string(by, "unit"))
        rc = put_safe(out, ", ", string(by, "unit"), "");
    return rc == 0 ? put_safe(out, ") at ", string(request, "asked_at"), "\n") : rc;
}

static int
put_approvals(struct buf *out, const json_t *request)
{
    const json_t *by = json_object_get(request, "approved_by"), *uid;
    size_t i;
    int rc = buf_putf(out, "  approvals  %zu of %lld", json_array_size(by),
                      number(request, "need"));

    json_array_foreach(by, i, uid)
        if (rc == 0)
            rc = put_user(out, i == 0 ? ": " : ", ", (long long)json_integer_value(uid));
    return rc == 0 ? buf_putf(out, "; %lld seconds left%s\n", number(request, "expires_in"),
                              is(request, "own") ? "; it is your own"
                              : is(request, "approved") ? "; you have approved it"
                              : is(request, "decidable") ? "; you may decide" : "") : rc;
}

/* Everything that the id stands for. */
static int
put_request(struct buf *out, const json_t *request)
{
    const char *label = string(request, "label");
    int rc = put_safe(out, "", string(request, "id"), " ");

    if (rc == 0)
        rc = put_safe(out, "", string(request, "operation"), " with key ");
    if (rc == 0 && *label)
        rc = put_safe(out, "\"", label, "\" ");
    if (rc == 0)
        rc = buf_putf(out, "(%.*s)", (int)KEY_DIGITS, string(request, "key"));
    if (rc == 0 && *string(request, "scheme"))
        rc = put_safe(out, ", ", string(request, "scheme"), "");
    if (rc == 0)
        rc = put_safe(out, "\n  digest     ", string(request, "digest"), "\n");
    if (rc == 0)
        rc = put_asker(out, request);
    if (rc == 0)
        rc = put_safe(out, "  rule       ", string(request, "rule"), "\n");
    return rc == 0 ? put_approvals(out, request) : rc;
}

static int
print_list(struct cli *cli, const json_t *list, struct err *err)
{
    autofree_buf struct buf *out = buf_new();
    const json_t *request;
    size_t i;
    int rc = out ? 0 : E_NOMEM;

    if (cli->json)
        return cli_print_json(list, err);
    if (json_array_size(list) == 0)
        cli_note(cli, "no request that you asked for or may decide waits for approval");
    json_array_foreach(list, i, request)
        if (rc == 0)
            rc = put_request(out, request);
    if (rc != 0)
        return err_set(err, rc, "out of memory while listing requests");
    return cli_print(out, err);
}

/* Those that may be decided now. */
static json_t *
waiting_for_me(const json_t *answer)
{
    json_t *mine = json_array(), *request;
    size_t i;

    json_array_foreach(json_object_get(answer, "requests"), i, request)
        if (is(request, "decidable") && !is(request, "approved"))
            json_array_append(mine, request);
    return mine;
}

/* Until there is one to decide. */
static int
wait_for_one(struct cli *cli, struct client *client, struct err *err)
{
    unsigned long seen = CLIENT_ANY;
    json_t *answer = NULL, *mine = NULL;
    int rc;

    do {
        json_decref(answer);
        json_decref(mine);
        answer = mine = NULL;
        rc = client_pending(client, &seen, &answer, err);
        if (rc == 0)
            mine = waiting_for_me(answer);
    } while (rc == 0 && json_array_size(mine) == 0);
    if (rc == 0)
        rc = print_list(cli, mine, err);
    json_decref(answer);
    json_decref(mine);
    return rc;
}

/* Those of `now` that are not in `before`. */
static int
print_new(struct cli *cli, const json_t *before, const json_t *now, struct err *err)
{
    const json_t *a, *b;
    size_t i, k;
    int rc = 0;

    json_array_foreach(now, i, a) {
        autofree_buf struct buf *out = buf_new();
        bool known = false;
        json_array_foreach(before, k, b)
            known = known || strcmp(string(a, "id"), string(b, "id")) == 0;
        if (known || rc != 0)
            continue;
        if (cli->json)
            rc = cli_print_json(a, err);
        else if (!out || put_request(out, a) != 0)
            rc = err_set(err, E_NOMEM, "out of memory while listing requests");
        else
            rc = cli_print(out, err);
    }
    return rc;
}

/* Until it is interrupted or the agent ends. */
static int
follow(struct cli *cli, struct client *client, struct err *err)
{
    unsigned long seen = CLIENT_ANY;
    json_t *before = json_array(), *answer = NULL;
    int rc;

    for (;;) {
        rc = client_pending(client, &seen, &answer, err);
        if (rc == E_TIMEOUT)
            continue;
        if (rc != 0)
            break;
        json_t *now = json_incref(json_object_get(answer, "requests"));
        json_decref(answer);
        rc = print_new(cli, before, now, err);
        json_decref(before);
        before = now;
        if (rc != 0)
            break;
    }
    json_decref(before);
    return rc;
}

static int
decide(struct cli *cli, struct client *client, const char *id, bool yes, struct err *err)
{
    json_t *request = NULL;
    int rc = client_decide(client, id, yes, &request, err);

    if (rc == 0 && cli->json)
        rc = cli_print_json(request, err);
    else if (rc == 0)
        cli_note(cli, "request %.64s is %s: %zu of %lld approvals", id,
                 yes ? "approved by you" : "refused",
                 json_array_size(json_object_get(request, "approved_by")), number(request, "need"));
    json_decref(request);
    return rc;
}

static int
list(struct cli *cli, struct client *client, struct err *err)
{
    unsigned long seen = CLIENT_ANY;
    json_t *answer = NULL;
    int rc = client_pending(client, &seen, &answer, err);

    if (rc == 0)
        rc = print_list(cli, json_object_get(answer, "requests"), err);
    json_decref(answer);
    return rc;
}

static int
check(const struct options *o, struct err *err)
{
    if (o->operand_count > 0 && (options_has(o, "wait") || options_has(o, "follow")))
        return err_set(err, E_USAGE, "--wait and --follow list requests; leave the request out");
    if (options_has(o, "wait") && options_has(o, "follow"))
        return err_set(err, E_USAGE, "give one of --wait and --follow");
    if (o->operand_count == 0 && options_has(o, "refuse"))
        return err_set(err, E_USAGE, "--refuse needs the request; signet approve lists those that "
                       "wait");
    return 0;
}

static int
approve(struct cli *cli, const struct options *o, struct err *err)
{
    bool yes = !options_has(o, "refuse");
    struct client *client = NULL;
    int rc = check(o, err);

    if (options_has(o, "follow"))
        cli->wait = 3600;
    if (rc == 0)
        rc = cli_client(cli, &client, err);
    if (rc == 0 && options_has(o, "wait"))
        return wait_for_one(cli, client, err);
    if (rc == 0 && options_has(o, "follow"))
        return follow(cli, client, err);
    if (rc == 0 && o->operand_count == 0)
        return list(cli, client, err);
    for (size_t i = 0; rc == 0 && i < o->operand_count; i++)
        rc = decide(cli, client, o->operands[i], yes, err);
    return rc;
}

static const struct option_row options[] = {
    {.name = "refuse", .help = "refuse them instead"},
    {.name = "wait", .value = "SECONDS", .optional = true,
     .help = "wait until there is a request to decide (300 seconds)"},
    {.name = "follow", .help = "list requests as they come, until interrupted"},
    {.name = NULL},
};

const struct command command_approve = {
    .name = "approve",
    .synopsis = "[--refuse] [ID]... | [--wait[=SECONDS] | --follow]",
    .summary = "approve what others want to do with a key",
    .text = "Where the policy wants several persons to approve the use of a key, the use waits until\n"
            "so many of them have. Without ID, lists the requests that you asked for or may decide:\n"
            "operation, key, scheme, digest, who asks, and what has been decided. With ID, approves\n"
            "exactly that. Nobody approves what he asks for himself; one refusal ends a request;\n"
            "an approval is used once. The machine's agent is asked with --agent system.",
    .example = "signet approve --agent system\n"
               "signet approve --agent system 3f1c8a0b55d2e971",
    .options = options,
    .max_operands = IDS_MAX,
    .run = approve,
};

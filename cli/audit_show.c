/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "cli/audit_log.h"

/* Digits of a key's name that are shown. */
#define SHORT_NAME 16

struct show {
    struct cli *cli;
    time_t since, until;    /* 0: no bound */
    const char *key, *token, *event, *operation, *result, *peer;
    uint64_t bytes;         /* read of the file that is followed */
};

static const char *
text_of(const json_t *o, const char *name)
{
    const char *text = json_string_value(json_object_get(o, name));

    return text ? text : "";
}

/* Without the fraction, which text_parse_time does not know. */
static time_t
time_of(const json_t *o)
{
    const char *text = text_of(o, "time");
    char whole[24];
    time_t t = 0;

    snprintf(whole, sizeof whole, "%.19sZ", text);
    return strlen(text) >= 19 && text_parse_time(whole, &t) == 0 ? t : 0;
}

static bool
is_peer(const json_t *o, const char *wanted)
{
    const json_t *peer = json_object_get(o, "peer");
    char uid[24], pid[24];

    snprintf(uid, sizeof uid, "%lld", (long long)json_integer_value(json_object_get(peer, "uid")));
    snprintf(pid, sizeof pid, "%lld", (long long)json_integer_value(json_object_get(peer, "pid")));
    return peer && (strcmp(wanted, uid) == 0 || strcmp(wanted, pid) == 0 ||
                    strcmp(wanted, text_of(peer, "exe")) == 0 ||
                    strcmp(wanted, text_of(peer, "unit")) == 0 ||
                    strcmp(wanted, text_of(o, "front")) == 0);
}

static bool
is_wanted(const struct show *s, const json_t *o)
{
    time_t t = time_of(o);
    const char *result = text_of(o, "result");

    return (!s->since || t >= s->since) && (!s->until || t <= s->until) &&
           (!s->key || strncmp(text_of(o, "key"), s->key, strlen(s->key)) == 0) &&
           (!s->token || strcmp(text_of(o, "token"), s->token) == 0) &&
           (!s->event || strcmp(text_of(o, "event"), s->event) == 0) &&
           (!s->operation || strcmp(text_of(o, "operation"), s->operation) == 0) &&
           (!s->result || strcmp(result, s->result) == 0 ||
            (strcmp(s->result, "failed") == 0 && strcmp(result, "ok") != 0)) &&
           (!s->peer || is_peer(o, s->peer));
}

static int
put_safe(struct buf *out, const char *before, const char *text)
{
    int rc = *text ? buf_put_str(out, before) : 0;

    return rc == 0 && *text ? text_put_safe(out, text, strlen(text)) : rc;
}

/* time, number, what, how it went; whose key or token; who asked. */
static int
put_line(struct buf *out, const json_t *o)
{
    const json_t *peer = json_object_get(o, "peer");
    char what[64], key[SHORT_NAME + 1];
    int rc;

    snprintf(what, sizeof what, "%s %s", text_of(o, "event"), text_of(o, "operation"));
    snprintf(key, sizeof key, "%s", text_of(o, "key"));
    rc = buf_putf(out, "%.19sZ %6lld  ", text_of(o, "time"),
                  (long long)json_integer_value(json_object_get(o, "seq")));
    if (rc == 0)
        rc = text_put_safe(out, what, strlen(what));
    if (rc == 0)
        rc = buf_putf(out, "%*s", strlen(what) < 18 ? (int)(18 - strlen(what)) : 0, "");
    if (rc == 0)
        rc = put_safe(out, "  ", text_of(o, "result"));
    if (rc == 0)
        rc = put_safe(out, "  ", text_of(o, "token"));
    if (rc == 0)
        rc = put_safe(out, "  ", key);
    if (rc == 0)
        rc = put_safe(out, "  ", text_of(o, "scheme"));
    if (rc == 0 && peer)
        rc = buf_putf(out, "  uid %lld",
                      (long long)json_integer_value(json_object_get(peer, "uid")));
    if (rc == 0)
        rc = put_safe(out, " ", text_of(peer, "exe"));
    if (rc == 0)
        rc = put_safe(out, "  ", text_of(o, "note"));
    return rc == 0 ? buf_put_byte(out, '\n') : rc;
}

static int
show_record(void *arg, const struct audit_record *r, struct err *err)
{
    struct show *s = arg;
    autofree_buf struct buf *out = NULL;
    int rc;

    s->bytes += r->len + r->ended;
    if (!r->json) {
        if (r->ended)
            cli_note(s->cli, "%s, line %lu: not a line of the audit log (signet audit verify "
                     "tells more)", r->file, r->line);
        return 0;
    }
    if (!is_wanted(s, r->json))
        return 0;
    out = buf_new();
    rc = out ? 0 : E_NOMEM;
    if (rc == 0 && s->cli->json) {
        rc = buf_put(out, r->text, r->len);
        if (rc == 0)
            rc = buf_put_byte(out, '\n');
    } else if (rc == 0) {
        rc = put_line(out, r->json);
    }
    return rc == 0 ? cli_print(out, err)
                   : err_set(err, rc, "out of memory while showing the audit log");
}

static int
take_time(const struct options *o, const char *name, time_t *ret, struct err *err)
{
    const char *text = options_get(o, name);

    if (!text || text_parse_time(text, ret) == 0)
        return 0;
    return err_set(err, E_USAGE, "--%s wants a time in ISO 8601, such as 2026-11-24 or "
                   "2026-11-24T09:30:00Z, not \"%.60s\"", name, text);
}

static int
run(struct cli *cli, const struct options *o, struct err *err)
{
    struct show s = {.cli = cli, .key = options_get(o, "key"), .token = options_get(o, "token"),
                     .event = options_get(o, "event"), .operation = options_get(o, "operation"),
                     .result = options_get(o, "result"), .peer = options_get(o, "peer")};
    char **files = NULL;
    int rc = take_time(o, "since", &s.since, err);

    if (rc == 0)
        rc = take_time(o, "until", &s.until, err);
    if (rc == 0)
        rc = audit_files(cli, o, &files, err);
    for (size_t i = 0; rc == 0 && files[i]; i++) {
        s.bytes = 0;
        rc = audit_read(files[i], show_record, &s, err);
        if (rc == 0 && !files[i + 1] && options_has(o, "follow"))
            rc = audit_follow(files[i], s.bytes, show_record, &s, err);
    }
    audit_files_free(&files);
    return rc;
}

static const struct option_row show_options[] = {
    {.name = "since", .value = "T", .help = "from T (ISO 8601) on"},
    {.name = "until", .value = "T", .help = "up to T"},
    {.name = "key", .value = "KEY", .help = "of this key: its name or the beginning of it"},
    {.name = "token", .value = "TOKEN", .help = "of this token"},
    {.name = "event", .value = "EVENT",
     .help = "of this kind: key, pin, token, agent, policy, denial, confirm, approval, log"},
    {.name = "operation", .value = "OP", .help = "sign, decrypt, derive, login, ..."},
    {.name = "result", .value = "RESULT", .help = "ok, failed, or an error's name (E_DENIED)"},
    {.name = "peer", .value = "WHO", .help = "who asked: user or process number, program, unit, front"},
    {.name = "follow", .letter = 'f', .help = "go on with new lines as they come"},
    {.name = NULL},
};

const struct command command_audit_show = {
    .name = "audit show",
    .synopsis = "[--since T] [--until T] [--key KEY] [--token TOKEN] [--event EVENT]\n"
                "         [--operation OP] [--result RESULT] [--peer WHO] [--follow] [FILE]...",
    .summary = "tell what keys were used for, by whom",
    .text = "Shows the agent's audit log, or FILEs of it: each use of a private key, each PIN that\n"
            "was sent, each denial, oldest first, a line each; with --json the lines as they are\n"
            "in the log, an object each. Whether anybody has changed them, signet audit verify\n"
            "tells.",
    .example = "signet audit show --since 2026-11-01 --event key --result failed",
    .options = show_options,
    .max_operands = OPTIONS_MAX,
    .run = run,
};

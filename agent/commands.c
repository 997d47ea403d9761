/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/commands.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/lockdown.h"
#include "agent/metrics.h"
#include "base/log.h"
#include "base/text.h"
#include "client/wire.h"
#include "signet-config.h"

static const struct command *const tables[] = {commands_key, commands_list, commands_manage,
                                               commands_pin, commands_lock, commands_policy, commands_approve,
                                               commands_agent};
#define TABLE_COUNT (sizeof tables / sizeof *tables)

/* A line of arguments, in bytes (libassuan). */
#define LINE_SIZE 1002

static const struct command *
find(const char *name)
{
    for (size_t t = 0; t < TABLE_COUNT; t++)
        for (const struct command *c = tables[t]; c->name; c++)
            if (strcmp(c->name, name) == 0)
                return c;
    return NULL;
}

int
command_split(char *line, const struct command *cmd, struct words *ret, struct err *err)
{
    char *rest, *word;

    memset(ret, 0, sizeof *ret);
    for (word = strtok_r(line, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest)) {
        if (ret->count == cmd->most)
            return err_set(err, E_USAGE, "%s takes at most %u arguments; HELP %s says which",
                           cmd->name, cmd->most, cmd->name);
        text_unescape(word);
        ret->word[ret->count++] = word;
    }
    if (ret->count < cmd->least)
        return err_set(err, E_USAGE, "%s needs %u arguments; HELP %s says which", cmd->name,
                       cmd->least, cmd->name);
    return 0;
}

/* Those in the group may use keys, and no more. */
static int
may_manage(const struct connection *c, const struct command *cmd, struct err *err)
{
    if (!c->agent->home->system || c->peer.uid == 0 || c->peer.uid == geteuid())
        return 0;
    metrics_denial(c->agent->metrics, METRICS_DENIED_COMMAND);
    return err_set(err, E_DENIED, "%s changes this machine's agent, which its administrator "
                   "does; ask for it, or run the command as root", cmd->name);
}

/* The handler of all commands. The line is copied because an inquiry reads over
 * libassuan's. */
static gpg_error_t
dispatch(assuan_context_t ctx, char *line)
{
    struct connection *c = assuan_get_pointer(ctx);
    const struct command *cmd = find(assuan_get_command_name(ctx));
    char copy[LINE_SIZE];
    struct words words;
    struct err err;
    size_t len = strnlen(line, sizeof copy - 1);
    int rc;

    err_clear(&err);
    memcpy(copy, line, len);
    copy[len] = '\0';
    rc = cmd ? command_split(copy, cmd, &words, &err) : E_INTERNAL;
    if (rc == 0 && cmd->not_locked)
        rc = lockdown_check(c->agent, &err);
    if (rc == 0 && cmd->manages)
        rc = may_manage(c, cmd, &err);
    if (rc == 0)
        rc = cmd->run(c, &words, &err);
    if (rc != 0 && log_level_get() >= LOG_INFO_LEVEL)
        log_info("%s of process %d: %s", cmd ? cmd->name : "?", (int)c->peer.pid,
                 err_text(&err));
    return wire_reply(ctx, rc, &err);
}

/* Values are escaped like all arguments. */
static gpg_error_t
set_text(char out[CONNECTION_OPTION_MAX], const char *value)
{
    char text[LINE_SIZE];
    size_t len = strnlen(value, sizeof text - 1);

    memcpy(text, value, len);
    text[len] = '\0';
    len = text_unescape(text);
    if (len >= CONNECTION_OPTION_MAX)
        return gpg_error(GPG_ERR_TOO_LARGE);
    for (size_t i = 0; i < len; i++)
        if (iscntrl((unsigned char)text[i]))
            return gpg_error(GPG_ERR_INV_VALUE);
    memcpy(out, text, len + 1);
    return 0;
}

static gpg_error_t
set_flag(bool *out, const char *value, const char *yes)
{
    *out = strcmp(value, yes) == 0 || !*value;
    return 0;
}

static gpg_error_t
set_seconds(unsigned *out, const char *value)
{
    char *end;
    unsigned long n = strtoul(value, &end, 10);

    if (*value < '0' || *value > '9' || *end || n > CONNECTION_WAIT_MAX)
        return gpg_error(GPG_ERR_INV_VALUE);
    *out = (unsigned)n;
    return 0;
}

static gpg_error_t
set_front(struct peer *peer, const char *value)
{
    size_t len = strlen(value);

    if (len >= sizeof peer->front)
        return gpg_error(GPG_ERR_TOO_LARGE);
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)value[i]) && value[i] != '-' && value[i] != '_')
            return gpg_error(GPG_ERR_INV_VALUE);
    memcpy(peer->front, value, len + 1);
    return 0;
}

gpg_error_t
command_option(struct connection *c, const char *name, const char *value)
{
    const struct {
        const char *name;
        char *text;
    } texts[] = {
        {"ttyname", c->says.ttyname},
        {"ttytype", c->says.ttytype},
        {"display", c->says.display},
        {"lc-ctype", c->says.lc_ctype},
        {"wayland-display", c->says.wayland_display},
        {"xauthority", c->says.xauthority},
    };

    if (strcmp(name, "batch") == 0)
        return set_flag(&c->says.batch, value, "1");
    if (strcmp(name, "pin") == 0)
        return set_flag(&c->says.inquire, value, "inquire");
    if (strcmp(name, "confirm") == 0)
        return set_flag(&c->says.confirm, value, "inquire");
    if (strcmp(name, "wait") == 0)
        return set_seconds(&c->says.wait, value);
    if (strcmp(name, "front") == 0)
        return set_front(&c->peer, value);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(texts[i].name, name) == 0)
            return set_text(texts[i].text, value);
    return gpg_error(GPG_ERR_UNKNOWN_OPTION);
}

static gpg_error_t
set_option(assuan_context_t ctx, const char *name, const char *value)
{
    return command_option(assuan_get_pointer(ctx), name, value);
}

static gpg_error_t
reset(assuan_context_t ctx, char *line)
{
    struct connection *c = assuan_get_pointer(ctx);

    (void)line;
    memset(&c->says, 0, sizeof c->says);
    return 0;
}

gpg_error_t
commands_register(assuan_context_t ctx)
{
    gpg_error_t rc = 0;

    for (size_t t = 0; t < TABLE_COUNT; t++)
        for (const struct command *c = tables[t]; c->name && !rc; c++)
            rc = assuan_register_command(ctx, c->name, dispatch, c->help);
    if (!rc)
        rc = assuan_register_option_handler(ctx, set_option);
    if (!rc)
        rc = assuan_register_reset_notify(ctx, reset);
    assuan_set_hello_line(ctx, "Signet " SIGNET_VERSION " at your service");
    return rc;
}

int
command_send(struct connection *c, const void *data, size_t len, struct err *err)
{
    gpg_error_t rc = len > 0 ? assuan_send_data(c->ctx, data, len) : 0;

    if (!rc)
        rc = assuan_send_data(c->ctx, NULL, 0);
    if (rc)
        return err_set(err, E_CANCELLED, "the client went away");
    return 0;
}

void
command_flush(struct connection *c)
{
    if (assuan_write_line(c->ctx, "#") != 0)
        log_debug("process %d does not take what it is told", (int)c->peer.pid);
}

int
command_inquire(struct connection *c, const char *keyword, size_t max, unsigned char **ret,
                size_t *ret_len, struct err *err)
{
    gpg_error_t rc = assuan_inquire(c->ctx, keyword, ret, ret_len, max);

    if (!rc)
        return 0;
    if (gpg_err_code(rc) == GPG_ERR_ASS_TOO_MUCH_DATA)
        return err_set(err, E_LIMIT, "%s is longer than %zu bytes", keyword, max);
    return err_set(err, E_CANCELLED, "the client gave no %s", keyword);
}

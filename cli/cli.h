/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The `signet` command: what its subcommands share. Each subcommand is one const
 * struct command in a file of its own; main.c holds the table of them, finds the
 * one that is meant, parses its options and runs it.
 *
 * A command's run() returns 0 or an E_* with a sentence, which main() prints and
 * turns into the exit status; one that succeeds with a verdict puts the exit status
 * in cli->status. It prints only through cli_print and cli_note, so that a full disk
 * is noticed and --quiet is heeded. One thread.
 */
#ifndef SIGNET_CLI_CLI_H
#define SIGNET_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <jansson.h>

#include "base/buf.h"
#include "base/conf.h"
#include "base/err.h"
#include "base/home.h"
#include "base/secret.h"
#include "cli/options.h"
#include "client/client.h"

struct cli {
    struct home home;
    const char *agent;      /* --agent, or NULL */
    struct conf *conf;      /* NULL until cli_conf() */
    struct client *client;  /* NULL until cli_client() */
    bool batch, json, quiet, verbose;
    unsigned wait;          /* seconds to wait for a card that is not connected (--wait) */
    int status;             /* exit status of a run() that returns 0 */
};

struct command {
    const char *name;       /* "sign", or two words: "token create" */
    const char *synopsis;   /* what follows the name, for the usage line */
    const char *summary;    /* one line, for the list of commands */
    const char *text;       /* paragraphs for --help, lines broken */
    const char *example;    /* lines for --help */
    const struct option_row *options;
    size_t min_operands, max_operands;
    int (*run)(struct cli *, const struct options *, struct err *err);
};

extern const struct command command_sign, command_verify, command_encrypt, command_decrypt,
    command_inspect, command_read,
    command_tokens, command_keys, command_token_create, command_key_generate, command_csr,
    command_cert_import, command_certs, command_certs_list, command_certs_show, command_certs_find,
    command_certs_add, command_certs_remove, command_certs_export,
    command_certs_trust, command_certs_distrust, command_agent_start, command_agent_stop, command_agent_status,
    command_pin_forget, command_pin_change, command_pin_unblock, command_agent_watch,
    command_agent_lock, command_agent_unlock,
    command_approve, command_receipt_make, command_receipt_check, command_audit_show, command_audit_verify,
    command_agent_reload, command_agent_policy,
    command_audit_sign;

/* The row of --wait, for commands that use a key. */
#define WAIT_OPTION_ROW \
    {.name = "wait", .value = "SECONDS", .optional = true, \
     .help = "wait for the card if it is not connected (300 seconds)"}

/* All of them, ended by NULL (main.c). */
extern const struct command *const commands[];
/* --home, --batch, --json, ... (main.c). */
extern const struct option_row global_options[];

/* The configuration, loaded at the first call; borrowed. */
int cli_conf(struct cli *, const struct conf **ret, struct err *err) must_check;
/* The connection to the agent, made (and the agent started) at the first call;
 * borrowed. */
int cli_client(struct cli *, struct client **ret, struct err *err) must_check;
/* The same for what makes no sense without a running agent: *ret is NULL and 0 is
 * returned when none runs. */
int cli_running_client(struct cli *, struct client **ret, struct err *err) must_check;
void cli_clear(struct cli *);

/* Standard output. E_OUTPUT when it cannot be written. */
int cli_print(const struct buf *, struct err *err) must_check;
/* One JSON value and a line end. */
int cli_print_json(const json_t *, struct err *err) must_check;
/* A line to standard error, "signet: ..." made safe; not with --quiet. */
void cli_note(const struct cli *, const char *fmt, ...) printf_like(2, 3);
/* The same whatever --quiet says. */
void cli_complain(const char *sentence);

/* The one operand, or NULL. */
const char *cli_operand(const struct options *, size_t i);

/* Asks for a PIN on the terminal (ask_pin.c); the shape of client_options.ask_pin. */
int ask_pin(void *arg, const char *prompt, struct secret *pin, struct err *err) must_check;
/* The same for a yes or no (ask_confirm.c). */
int ask_confirm(void *arg, const char *prompt, bool *ret_yes, struct err *err) must_check;
/* Whether there is a terminal to ask on. */
bool ask_pin_can(void);

/* Help (help.c): appends the text. */
int help_put_overview(struct buf *) must_check;
int help_put_command(struct buf *, const struct command *) must_check;
/* For "token", "agent": its subcommands; false when no command starts so. */
bool help_is_group(const char *word);
int help_put_group(struct buf *, const char *word) must_check;

#endif

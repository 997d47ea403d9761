/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The `signet` command: finds the subcommand, runs it, says how it ended. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <openssl/crypto.h>

#include "cli/cli.h"
#include "cli/progress.h"
#include "signet-config.h"

/* Seconds that --wait waits when it does not say, and at most. */
#define WAIT_DEFAULT 300u
#define WAIT_MAX 86400u

const struct command *const commands[] = {
    &command_sign, &command_verify, &command_encrypt, &command_decrypt, &command_inspect,
    &command_read, &command_tokens, &command_keys, &command_token_create,
    &command_key_generate, &command_csr, &command_cert_import, &command_certs_list, &command_certs_show, &command_certs_find,
    &command_certs_add, &command_certs_remove, &command_certs_export, &command_certs_trust,
    &command_certs_distrust, &command_certs, &command_agent_start, &command_agent_stop, &command_agent_status,
    &command_agent_watch, &command_agent_reload, &command_agent_policy, &command_agent_lock, &command_agent_unlock, &command_approve, &command_pin_forget, &command_pin_change, &command_pin_unblock,
    &command_receipt_make, &command_receipt_check, &command_audit_show, &command_audit_verify,
    &command_audit_sign, NULL,
};

const struct option_row global_options[] = {
    {.name = "home", .value = "DIR", .help = "keep configuration, state and sockets under DIR"},
    {.name = "agent", .value = "WHICH", .help = "ask the agent of this socket, or the machine's: "
                                                "system"},
    {.name = "batch", .help = "never ask for anything"},
    {.name = "json", .help = "print listings and verdicts as JSON"},
    {.name = "quiet", .letter = 'q', .help = "say nothing but errors"},
    {.name = "verbose", .letter = 'v', .help = "say more"},
    {.name = "help", .letter = 'h', .help = "print this help"},
    {.name = "version", .help = "print the version"},
    {.name = NULL},
};

/* The command whose name the operands start with; *ret_words of them belong to it. */
static const struct command *
find_command(char **words, size_t count, size_t *ret_words)
{
    for (size_t i = 0; commands[i]; i++) {
        const char *name = commands[i]->name, *space = strchr(name, ' ');
        size_t first = space ? (size_t)(space - name) : strlen(name);
        if (strlen(words[0]) != first || memcmp(words[0], name, first) != 0)
            continue;
        if (!space) {
            *ret_words = 1;
            return commands[i];
        }
        if (count > 1 && strcmp(words[1], space + 1) == 0) {
            *ret_words = 2;
            return commands[i];
        }
    }
    return NULL;
}

static int
unknown_command(char **words, size_t count, struct err *err)
{
    const char *names[sizeof commands / sizeof *commands * 2 + 1], *near;
    char typed[80];
    size_t n = 0;

    if (help_is_group(words[0]) && count > 1)
        snprintf(typed, sizeof typed, "%s %s", words[0], words[1]);
    else
        snprintf(typed, sizeof typed, "%s", words[0]);
    for (size_t i = 0; commands[i]; i++)
        names[n++] = commands[i]->name;
    names[n] = NULL;
    near = options_nearest(typed, names);
    if (help_is_group(words[0]) && count == 1)
        return err_set(err, E_USAGE, "\"%s\" needs to know what to do; signet %s --help lists "
                       "it", typed, typed);
    if (near)
        return err_set(err, E_USAGE, "there is no command \"%s\"; did you mean \"%s\"?", typed,
                       near);
    return err_set(err, E_USAGE, "there is no command \"%s\"; signet help lists those there "
                   "are", typed);
}

static int
print_version(struct err *err)
{
    autofree_buf struct buf *out = buf_new();

    if (!out || buf_putf(out, "signet %s\n", SIGNET_VERSION) != 0)
        return err_set(err, E_NOMEM, "out of memory");
    return cli_print(out, err);
}

/* `words` as in "token" or "token create"; none: the overview. */
static int
print_help(char **words, size_t count, struct err *err)
{
    autofree_buf struct buf *out = buf_new();
    const struct command *command = NULL;
    size_t used;
    int rc = E_NOMEM;

    if (count > 0) {
        command = find_command(words, count, &used);
        if (!command && (count > 1 || !help_is_group(words[0])))
            return unknown_command(words, count, err);
    }
    if (out && command)
        rc = help_put_command(out, command);
    else if (out)
        rc = count > 0 ? help_put_group(out, words[0]) : help_put_overview(out);
    if (rc != 0)
        return err_set(err, rc, "out of memory while writing the help");
    return cli_print(out, err);
}

static int
take_wait(struct cli *cli, const char *seconds, struct err *err)
{
    char *end;
    unsigned long n = WAIT_DEFAULT;

    if (seconds) {
        n = strtoul(seconds, &end, 10);
        if (seconds[0] < '0' || seconds[0] > '9' || *end || n > WAIT_MAX)
            return err_set(err, E_USAGE, "--wait takes seconds from 0 to %u, not \"%s\"",
                           WAIT_MAX, seconds);
    }
    cli->wait = (unsigned)n;
    return 0;
}

static int
take_global(struct cli *cli, const struct options *o, const char **home, struct err *err)
{
    if (options_get(o, "home"))
        *home = options_get(o, "home");
    if (options_get(o, "agent"))
        cli->agent = options_get(o, "agent");
    cli->batch |= options_has(o, "batch");
    cli->json |= options_has(o, "json");
    cli->quiet |= options_has(o, "quiet");
    cli->verbose |= options_has(o, "verbose");
    progress_allow(!cli->quiet && !cli->batch);
    return options_has(o, "wait") ? take_wait(cli, options_get(o, "wait"), err) : 0;
}

static int
check_operands(const struct command *command, const struct options *o, struct err *err)
{
    if (o->operand_count > command->max_operands)
        return err_set(err, E_USAGE, "\"%s\" is one argument too many; signet %s --help tells "
                       "what it takes", o->operands[command->max_operands], command->name);
    if (o->operand_count < command->min_operands)
        return err_set(err, E_USAGE, "signet %s needs an argument: signet %s %s", command->name,
                       command->name, command->synopsis);
    return 0;
}

/* argv[0] is the command's last word. */
static int
run_command(struct cli *cli, const struct command *command, int argc, char **argv,
            const char *home, struct err *err)
{
    struct options o;
    int rc = options_parse(&o, argc, argv, command->options, global_options, false, err);

    if (rc != 0)
        return rc;
    if (options_has(&o, "version"))
        return print_version(err);
    if (options_has(&o, "help")) {
        autofree_buf struct buf *out = buf_new();
        if (!out || help_put_command(out, command) != 0)
            return err_set(err, E_NOMEM, "out of memory while writing the help");
        return cli_print(out, err);
    }
    rc = take_global(cli, &o, &home, err);
    if (rc == 0)
        rc = check_operands(command, &o, err);
    if (rc == 0)
        rc = home_resolve(&cli->home, home, err);
    if (rc == 0)
        rc = home_use_agent(&cli->home, cli->agent, err);
    return rc == 0 ? command->run(cli, &o, err) : rc;
}

static int
dispatch(struct cli *cli, int argc, char **argv, struct err *err)
{
    const struct command *command;
    const char *home = NULL;
    struct options o;
    size_t words;
    int rc = options_parse(&o, argc, argv, NULL, global_options, true, err);

    if (rc != 0)
        return rc;
    if (options_has(&o, "version"))
        return print_version(err);
    if (options_has(&o, "help"))
        return print_help(o.operands, o.operand_count, err);
    rc = take_global(cli, &o, &home, err);
    if (rc != 0)
        return rc;
    if (o.operand_count == 0)
        return err_set(err, E_USAGE, "which command? signet help lists them");
    if (strcmp(o.operands[0], "help") == 0)
        return print_help(o.operands + 1, o.operand_count - 1, err);
    command = find_command(o.operands, o.operand_count, &words);
    if (command)
        return run_command(cli, command, (int)(o.operand_count - (words - 1)),
                           o.operands + (words - 1), home, err);
    for (size_t i = 1; i < o.operand_count; i++)
        if (strcmp(o.operands[i], "--help") == 0 && help_is_group(o.operands[0]))
            return print_help(o.operands, 1, err);
    return unknown_command(o.operands, o.operand_count, err);
}

/* No file that is opened may become a standard stream that was closed: what is printed
 * would go into it. In its place comes what can only be used the other way. */
static bool
keep_standard_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) >= 0)
            continue;
        int opened = open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
        if (opened != fd)
            return false;
    }
    return true;
}

int
main(int argc, char **argv)
{
    struct cli cli = {.status = 0};
    struct err err;
    int rc;

    err_clear(&err);
    if (!keep_standard_streams())
        return err_exit_status(E_SYSTEM);
    secret_harden_process();
    /* Nobody's openssl.cnf: it can load engines and costs a millisecond. Texts of errors come
     * when there is one (base/err_ossl.c). */
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT |
                            OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS, NULL);
    rc = dispatch(&cli, argc, argv, &err);
    if (rc != 0)
        cli_complain(err_text(&err));
    cli_clear(&cli);
    return rc != 0 ? err_exit_status(rc) : cli.status;
}

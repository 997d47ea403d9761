/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "cli/check.h"
#include "cli/cli.h"
#include "cli/confine.h"
#include "cli/recognise.h"
#include "cli/verdict_print.h"

/* The content goes to -o; to standard output unless that has the JSON, or the
 * content is a file that is there already. */
static int
open_output(struct check *c, const struct cli *cli, const struct options *o, struct err *err)
{
    const char *path = options_get(o, "output");

    if (cli->json && path && strcmp(path, "-") == 0)
        return err_set(err, E_USAGE, "--json writes to standard output, where \"-o -\" wants "
                       "the content; give -o a file");
    if (!path && (cli->json || options_has(o, "content")))
        return 0;
    return outfile_open(&c->out, path, true, err);
}

static int
open_input(struct check *c, const struct options *o, struct err *err)
{
    uint8_t start[RECOGNISE_BYTES];
    const char *content = options_get(o, "content");
    ssize_t n = 0;
    int rc = infile_open(&c->in, cli_operand(o, 0), err);

    c->cms = options_has(o, "cms") || content;
    if (rc == 0 && content)
        rc = infile_open(&c->content, content, err);
    if (rc != 0 || c->cms)
        return rc;
    rc = infile_make_seekable(c->in, err);
    if (rc == 0)
        n = infile_read(c->in, start, sizeof start, err);
    if (rc != 0 || n < 0)
        return rc != 0 ? rc : (int)n;
    c->cms = recognise_cms(start, (size_t)n);
    return infile_rewind(c->in, err);
}

/* What could not be read has a verdict, too, for programs. */
static int
print_malformed(const struct check *c, const char *sentence, struct err *err)
{
    json_t *object = verdict_json(c->verdict);
    int rc = E_NOMEM;

    if (object) {
        json_object_set_new(object, "status", json_string(verdict_status_word(VERDICT_MALFORMED)));
        json_object_set_new(object, "reason", json_string(sentence));
        rc = cli_print_json(object, err);
    }
    json_decref(object);
    return rc;
}

static bool
is_malformed(int rc)
{
    return rc == E_MALFORMED || rc == E_TRUNCATED || rc == E_LIMIT || rc == E_UNSUPPORTED;
}

/* Only now may content be seen, and only if nothing speaks against it: last of all, so
 * that whatever fails leaves none. */
static int
conclude(struct cli *cli, struct check *c, const struct verdict_style *style, struct err *err)
{
    enum verdict_status status = verdict_status(c->verdict);
    int rc = verdict_print(cli, c->verdict, style, err);

    if (rc == 0 && status == VERDICT_GOOD && c->out)
        rc = outfile_commit(c->out, err);
    if (rc == 0 && status == VERDICT_GOOD)
        harvest_store(c->harvest, trust_store(c->trust));
    cli->status = verdict_exit_status(status);
    return rc;
}

static int
run(struct cli *cli, const struct options *o, struct err *err)
{
    struct check c = {.cms = false};
    struct verdict_style style;
    int rc = verdict_new(&c.verdict, err);

    if (rc == 0)
        rc = verdict_style_read(&style, o, err);
    if (rc == 0)
        rc = harvest_new(&c.harvest, cli, err);
    if (rc == 0)
        rc = trust_open(&c.trust, cli, o, err);
    if (rc == 0)
        trust_fill(c.trust, &c.options);
    if (rc == 0)
        rc = open_input(&c, o, err);
    if (rc == 0)
        rc = open_output(&c, cli, o, err);
    if (rc == 0) {
        confine_parser(cli, o, c.trust, CONFINE_NO_AGENT);
        rc = c.cms ? check_cms(&c, err) : check_mail(&c, err);
        if (rc == 0)
            rc = conclude(cli, &c, &style, err);
        else if (is_malformed(rc) && cli->json && print_malformed(&c, err_text(err), NULL) != 0)
            rc = err_set(err, E_OUTPUT, "standard output cannot be written");
    }
    check_clear(&c);
    return rc;
}

static const struct option_row verify_options[] = {
    {.name = "cms", .help = "FILE is a bare CMS message (else it is found out)"},
    {.name = "content", .value = "FILE",
     .help = "the content of a detached signature"},
    TRUST_OPTION_ROWS,
    VERDICT_OPTION_ROWS,
    {.name = "output", .letter = 'o', .value = "OUT", .help = "write the verified content to OUT"},
    {.name = NULL},
};

const struct command command_verify = {
    .name = "verify",
    .synopsis = "[--cms] [--content FILE] " TRUST_SYNOPSIS "\n"
                "         " VERDICT_SYNOPSIS " [-o OUT] [FILE]",
    .summary = "verify a signed mail or message",
    .text = "Verifies the signatures of a mail or of a CMS message (DER, BER or PEM), and that\n"
            "their signers can be trusted: a path to an anchor, validity, and for a mail the\n"
            "address it is from. The verdict goes to standard error, or with --json to\n"
            "standard output. Only when it is good, the content is written to OUT, without -o\n"
            "to standard output (not with --json, nor for a detached signature).",
    .example = "signet verify --anchor ca.crt -o mail.eml signed.eml\n"
               "signet verify --anchor ca.crt --content release.tar release.p7s",
    .options = verify_options,
    .max_operands = 1,
    .run = run,
};

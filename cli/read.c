/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <unistd.h>

#include "cli/advice.h"
#include "cli/cli.h"
#include "cli/confine.h"
#include "cli/opener.h"
#include "cli/peel.h"
#include "cli/stream.h"
#include "cli/trust_options.h"
#include "cli/verdict_print.h"
#include "mail/show.h"

/* One run of the command. */
struct job {
    struct infile *in;
    struct outfile *out;      /* NULL: only the report */
    struct opener *opener;
    struct trust *trust;
    bool text, anyway;
    struct verdict_style style;
    struct show *show;        /* what is written is what a person reads */
    struct mail_layers *layers;
    struct peel *peel;
    struct peel_options options;
};

static void
clear(struct job *job)
{
    mail_layers_free(&job->layers);
    peel_free(&job->peel);
    harvest_free(&job->options.harvest);
    show_free(&job->show);
    opener_free(&job->opener);
    trust_free(&job->trust);
    outfile_free(&job->out);
    infile_free(&job->in);
}

/* For a person the text; for a file or a program the content to the byte. */
static int
open_output(struct job *job, const struct cli *cli, const struct options *o, struct err *err)
{
    const char *path = options_get(o, "output");

    if (cli->json && path && strcmp(path, "-") == 0)
        return err_set(err, E_USAGE, "--json writes to standard output, where \"-o -\" wants "
                       "the content; give -o a file");
    job->text = options_has(o, "text") ||
                (!options_has(o, "raw") && !path && isatty(STDOUT_FILENO));
    job->anyway = options_has(o, "anyway");
    return !path && cli->json ? 0 : outfile_open(&job->out, path, true, err);
}

static int
open_all(struct job *job, struct cli *cli, const struct options *o, struct err *err)
{
    struct opener_wish wish = {.allow_weak = options_has(o, "allow-weak"),
                               .password_file = options_get(o, "password-file")};
    int rc = trust_open(&job->trust, cli, o, err);

    if (rc == 0)
        trust_fill(job->trust, &job->options.verdict);
    if (rc == 0)
        rc = verdict_style_read(&job->style, o, err);
    job->options.require_authenticated = options_has(o, "require-authenticated");
    if (rc == 0)
        rc = infile_open(&job->in, cli_operand(o, 0), err);
    if (rc == 0)
        rc = infile_make_seekable(job->in, err);
    if (rc == 0)
        rc = open_output(job, cli, o, err);
    return rc == 0 ? opener_new(&job->opener, cli, &wish, err) : rc;
}

static int
begin_show(struct job *job, struct err *err)
{
    struct sink out = stream_outfile(job->out);

    show_free(&job->show);
    return job->text ? show_new(&job->show, &out, err) : 0;
}

static int
write_payload(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    struct job *job = arg;

    return job->show ? show_update(job->show, data, len, err)
                     : outfile_write(job->out, data, len, err);
}

static int
restart(void *arg, struct err *err)
{
    struct job *job = arg;
    int rc = outfile_restart(job->out, err);

    return rc == 0 ? begin_show(job, err) : rc;
}

static int
into_layers(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    return mail_layers_update(arg, data, len, err);
}

static int
read_layers(struct job *job, bool all_digests, struct err *err)
{
    struct mail_layers_options options = {
        .decrypt = opener_options(job->opener), .all_digests = all_digests,
    };
    struct sink in;
    int rc;

    if (job->out) {
        options.content = (struct sink){.write = write_payload, .arg = job};
        options.restart = restart;
        options.restart_arg = job;
        if ((rc = begin_show(job, err)) != 0)
            return rc;
    }
    rc = mail_layers_new(&job->layers, &options, err);
    if (rc != 0)
        return rc;
    in = (struct sink){.write = into_layers, .arg = job->layers};
    rc = stream_pump(job->in, &in, err);
    if (rc == 0)
        rc = mail_layers_finish(job->layers, err);
    if (rc == 0 && job->show)
        rc = show_finish(job->show, err);
    return rc;
}

static int
judge(struct job *job, struct err *err)
{
    peel_free(&job->peel);
    job->options.legacy = job->show && show_legacy(job->show);
    int rc = peel_new(&job->peel, err);

    return rc == 0 ? peel_judge(job->peel, job->layers, &job->options, err) : rc;
}

/* micalg named other digests than the signatures use: what is verified must be what
 * is written, so all is read and written anew. */
static int
read_and_judge(struct job *job, struct err *err)
{
    int rc = read_layers(job, false, err);

    if (rc == 0)
        rc = judge(job, err);
    if (rc != 0 || !mail_layers_again(job->layers))
        return rc;
    mail_layers_free(&job->layers);
    rc = infile_rewind(job->in, err);
    if (rc == 0 && job->out)
        rc = outfile_restart(job->out, err);
    if (rc == 0)
        rc = read_layers(job, true, err);
    return rc == 0 ? judge(job, err) : rc;
}

static int
print_text(const struct job *job, struct err *err)
{
    autofree_buf struct buf *text = buf_new();

    if (!text || peel_put_text(job->peel, job->style.colour, text) != 0)
        return err_set(err, E_NOMEM, "out of memory for the report");
    if (io_write_all(STDERR_FILENO, buf_data(text), buf_len(text)) != 0)
        return err_set_sys(err, E_OUTPUT, errno, "standard error cannot be written");
    return 0;
}

static int
print_report(const struct cli *cli, const struct job *job, struct err *err)
{
    json_t *object;
    int rc;

    if (!cli->json)
        return cli->quiet ? 0 : print_text(job, err);
    object = peel_json(job->peel);
    rc = object ? cli_print_json(object, err) : err_set(err, E_NOMEM, "out of memory for the report");
    json_decref(object);
    return rc;
}

/* Each layer in GnuPG's words, the outermost first. */
static int
print_status(const struct job *job, struct err *err)
{
    const struct verdict *signed_;
    bool encrypted;
    int rc = 0;

    for (size_t i = 0; rc == 0 && peel_layer_at(job->peel, i, &signed_, &encrypted); i++)
        rc = signed_     ? status_put_verdict(job->style.status_fd, signed_, err)
             : encrypted ? status_put_decrypted(job->style.status_fd, true, err)
                         : 0;
    return rc;
}

static int
conclude(struct cli *cli, struct job *job, struct err *err)
{
    int rc = print_status(job, err);

    if (rc == 0)
        rc = print_report(cli, job, err);

    cli->status = verdict_exit_status(peel_status(job->peel));
    if (rc == 0 && peel_status(job->peel) == VERDICT_GOOD)
        harvest_store(job->options.harvest, trust_store(job->trust));
    if (rc != 0 || !job->out)
        return rc;
    if (peel_may_show(job->peel, job->anyway))
        return outfile_commit(job->out, err);
    cli_note(cli, "%s: its content is not shown; see the problems above", infile_name(job->in));
    return 0;
}

/* What could not be read: how far it went, and why no further. */
static int
report_failure(struct cli *cli, struct job *job, int rc, struct err *err)
{
    struct err second = {0};
    json_t *object = NULL;

    rc = advice_add(job->in, rc, err);
    if ((rc == E_DECRYPT || rc == E_NO_KEY) &&
        status_put_decrypted(job->style.status_fd, false, &second) != 0)
        return rc;
    peel_free(&job->peel);
    if (!cli->json || !job->layers || peel_new(&job->peel, &second) != 0 ||
        peel_seen(job->peel, job->layers, &second) != 0)
        return rc;
    object = peel_json(job->peel);
    if (object) {
        json_object_set_new(object, "status", json_string(err_exit_status(rc) == 5 ? "malformed"
                                                                                  : "unreadable"));
        json_object_set_new(object, "reason", json_string(err_text(err)));
        if (cli_print_json(object, &second) != 0)
            rc = err_set(err, E_OUTPUT, "standard output cannot be written");
    }
    json_decref(object);
    return rc;
}

static int
run(struct cli *cli, const struct options *o, struct err *err)
{
    struct job job = {.text = false};
    int rc = open_all(&job, cli, o, err);

    if (rc == 0)
        rc = harvest_new(&job.options.harvest, cli, err);
    if (rc == 0) {
        confine_parser(cli, o, job.trust, confine_meet_agent(cli, false));
        rc = read_and_judge(&job, err);
        rc = rc == 0 ? conclude(cli, &job, err) : report_failure(cli, &job, rc, err);
    }
    clear(&job);
    return rc;
}

static const struct option_row read_options[] = {
    TRUST_OPTION_ROWS,
    VERDICT_OPTION_ROWS,
    {.name = "require-authenticated",
     .help = "refuse encryption that does not show alterations (CBC)"},
    {.name = "password-file", .value = "F", .help = "the first line of F opens the mail"},
    {.name = "text", .help = "write the text that a person reads"},
    {.name = "raw", .help = "write the content as it is, headers and all"},
    {.name = "anyway", .help = "write it although its signature is bad"},
    {.name = "output", .letter = 'o', .value = "OUT", .help = "write the content to OUT"},
    {.name = NULL},
};

const struct command command_read = {
    .name = "read",
    .synopsis = TRUST_SYNOPSIS "\n"
                "         [--require-authenticated] [--password-file F] [--text | --raw]\n"
                "         [--anyway] " VERDICT_SYNOPSIS " [-o OUT] [FILE]",
    .summary = "open all layers of a mail, judge each, show the content",
    .text = "Decrypts, verifies and decompresses a mail, layer within layer, and reports on each\n"
            "on standard error, or with --json on standard output. Then the content is\n"
            "written: on a terminal the text that a person reads, elsewhere (and with -o) the\n"
            "innermost MIME entity to the byte. Nothing is written when a signature is bad,\n"
            "or when decrypted text could be made to leave.",
    .example = "signet read --anchor ca.crt mail.eml\n"
               "signet read --anchor ca.crt --json -o content.eml mail.eml",
    .options = read_options,
    .max_operands = 1,
    .run = run,
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/decrypt.h"

#include <string.h>

#include "cli/confine.h"
#include "cli/stream.h"

void
decrypt_clear(struct decrypt *d)
{
    json_decref(d->layers);
    verdict_free(&d->verdict);
    trust_free(&d->trust);
    opener_free(&d->opener);
    outfile_free(&d->out);
    infile_free(&d->in);
}

int
decrypt_pump(struct decrypt *d, const struct sink *to, struct err *err)
{
    int rc = d->start_len > 0 ? sink_write(to, d->start, d->start_len, err) : 0;

    return rc == 0 ? stream_pump(d->in, to, err) : rc;
}

/* The readers know neither what the message is called nor always what to do. */
int
decrypt_name_input(const struct decrypt *d, int rc, struct err *err)
{
    static const struct {
        int code;
        const char *advice;
    } rows[] = {
        {E_MALFORMED, "have it sent again"},
        {E_TRUNCATED, "get the whole of it again"},
        {E_LIMIT, "no honest message is like that"},
        {E_UNSUPPORTED, "another program may know it"},
        {E_DECRYPT, "have it sent again"},
        {E_NO_KEY, "have it encrypted to your certificate"},
    };

    /* The library does not know the option's name. */
    if (rc == E_WEAK)
        return err_set(err, rc, "%s: %.*s; give --allow-weak to decrypt it all the same",
                       infile_name(d->in), (int)strcspn(err_text(err), ";"), err_text(err));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rc == rows[i].code && strchr(err_text(err), ';') != NULL)
            (void)err_prefix(err, "%s", infile_name(d->in));
        else if (rc == rows[i].code)
            (void)err_set(err, rc, "%s: %s; %s", infile_name(d->in), err_text(err),
                          rows[i].advice);
    return rc;
}

/* Reads enough to see what it is. */
static int
look(struct decrypt *d, const struct options *o, struct err *err)
{
    ssize_t n = 1;

    while (n > 0 && d->start_len < sizeof d->start) {
        n = infile_read(d->in, d->start + d->start_len, sizeof d->start - d->start_len, err);
        if (n < 0)
            return (int)n;
        d->start_len += (size_t)n;
    }
    d->cms = options_has(o, "cms") || recognise_cms(d->start, d->start_len);
    return 0;
}

/* As verify does: standard output has the JSON or the content. */
static int
open_output(struct decrypt *d, const struct options *o, struct err *err)
{
    const char *path = options_get(o, "output");

    if (d->cli->json && path && strcmp(path, "-") == 0)
        return err_set(err, E_USAGE, "--json writes to standard output, where \"-o -\" wants "
                       "the content; give -o a file");
    return !path && d->cli->json ? 0 : outfile_open(&d->out, path, true, err);
}

static int
prepare(struct decrypt *d, struct cli *cli, const struct options *o, struct err *err)
{
    struct opener_wish wish = {.allow_weak = options_has(o, "allow-weak"),
                               .password_file = options_get(o, "password-file")};
    int rc;

    d->cli = cli;
    d->require_authenticated = options_has(o, "require-authenticated");
    d->anyway = options_has(o, "anyway");
    rc = trust_open(&d->trust, cli, o, err);
    if (rc == 0)
        rc = verdict_style_read(&d->style, o, err);
    if (rc == 0)
        rc = infile_open(&d->in, cli_operand(o, 0), err);
    if (rc == 0)
        rc = opener_new(&d->opener, cli, &wish, err);
    if (rc == 0)
        rc = look(d, o, err);
    return rc == 0 ? open_output(d, o, err) : rc;
}

/* What cannot be decrypted has a report, too, for programs. */
static int
give_up(const struct decrypt *d, int rc, struct err *err)
{
    bool undecryptable = err_exit_status(rc) == err_exit_status(E_DECRYPT);
    char reason[ERR_TEXT_MAX];

    if ((undecryptable || rc == E_NO_KEY) &&
        status_put_decrypted(d->style.status_fd, false, NULL) != 0)
        return rc;
    if (!d->cli->json || (!undecryptable && rc != E_NO_KEY))
        return rc;
    memcpy(reason, err_text(err), strlen(err_text(err)) + 1);
    if (decrypt_report(d, undecryptable ? "undecryptable" : "no-key", reason, NULL) != 0)
        return err_set(err, E_OUTPUT, "standard output cannot be written");
    return rc;
}

/* Only now may the content be seen, last of all, so that whatever fails leaves none. A
 * signature that is bad says that the content is not the signer's; whether the signer
 * can be trusted does not change what was decrypted. */
static int
conclude(struct cli *cli, struct decrypt *d, struct err *err)
{
    enum verdict_status status = d->verdict ? verdict_status(d->verdict) : VERDICT_GOOD;
    bool bad = status == VERDICT_BAD || status == VERDICT_MALFORMED ||
               (d->verdict && verdict_has(d->verdict, "label-refused"));
    int rc = status_put_decrypted(d->style.status_fd, true, err);

    if (rc == 0 && d->verdict)
        rc = status_put_verdict(d->style.status_fd, d->verdict, err);
    if (rc == 0)
        rc = decrypt_report(d, bad ? "bad" : "decrypted", NULL, err);

    if (rc == 0 && !bad && d->out)
        rc = outfile_commit(d->out, err);
    cli->status = verdict_exit_status(status);
    return rc;
}

static int
run(struct cli *cli, const struct options *o, struct err *err)
{
    struct decrypt d = {.cms = false};
    int rc = prepare(&d, cli, o, err);

    if (rc == 0) {
        confine_parser(cli, o, d.trust,
                       confine_meet_agent(cli, !options_has(o, "password-file")));
        rc = d.cms ? decrypt_cms(&d, err) : decrypt_mail(&d, err);
        rc = rc == 0 ? conclude(cli, &d, err) : give_up(&d, rc, err);
    }
    decrypt_clear(&d);
    return rc;
}

static const struct option_row decrypt_options[] = {
    {.name = "cms", .help = "FILE is a bare CMS message (else it is found out)"},
    {.name = "password-file", .value = "F", .help = "the first line of F is a password for it"},
    {.name = "require-authenticated",
     .help = "refuse encryption that does not show alterations (CBC)"},
    TRUST_OPTION_ROWS,
    VERDICT_OPTION_ROWS,
    {.name = "anyway", .help = "write a mail's content although it is no whole MIME entity"},
    WAIT_OPTION_ROW,
    {.name = "output", .letter = 'o', .value = "OUT", .help = "write the content to OUT"},
    {.name = NULL},
};

const struct command command_decrypt = {
    .name = "decrypt",
    .synopsis = "[--cms] [--password-file F] [--require-authenticated]\n"
                "         " TRUST_SYNOPSIS "\n"
                "         [--anyway] " VERDICT_SYNOPSIS " [-o OUT] [FILE]",
    .summary = "decrypt a mail or a message",
    .text = "Decrypts a mail, or a CMS message (DER, BER, PEM or base64), with the key on your\n"
            "tokens that it is for, or with a password. The content appears under OUT's name,\n"
            "or on standard output, only when it was decrypted to its end and found unaltered.\n"
            "A CMS message that is signed inside is verified: the verdict goes to standard\n"
            "error, and a bad signature leaves no output. A mail keeps its header, and what\n"
            "is signed inside of it: signet verify checks the output. With --allow-weak Triple-DES\n"
            "and RC2 are decrypted, too.",
    .example = "signet decrypt -o mail.eml secret.eml\n"
               "signet decrypt --anchor ca.crt -o backup.tar backup.p7m",
    .options = decrypt_options,
    .max_operands = 1,
    .run = run,
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <openssl/objects.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/opener.h"
#include "cli/recipient_text.h"
#include "cli/recognise.h"
#include "cli/stream.h"
#include "cms/pem.h"
#include "cms/reader.h"

/* One run of the command. */
struct job {
    bool cms, authenticated;    /* the latter: nothing else will do */
    struct infile *in;
    struct outfile *out;
    struct opener *opener;
    uint8_t start[RECOGNISE_BYTES];
    size_t start_len;
};

static int
into_reader(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    return cms_reader_update(arg, data, len, err);
}

/* What was looked at already, then the rest. */
static int
pump(struct job *job, const struct sink *to, struct err *err)
{
    int rc = job->start_len > 0 ? sink_write(to, job->start, job->start_len, err) : 0;

    return rc == 0 ? stream_pump(job->in, to, err) : rc;
}

/* The readers know neither what the message is called nor always what to do. */
static int
name_input(const struct job *job, int rc, struct err *err)
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
        {E_WEAK, "give --allow-weak to decrypt it all the same"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rc == rows[i].code && strchr(err_text(err), ';') != NULL)
            (void)err_prefix(err, "%s", infile_name(job->in));
        else if (rc == rows[i].code)
            (void)err_set(err, rc, "%s: %s; %s", infile_name(job->in), err_text(err),
                          rows[i].advice);
    return rc;
}

static int
read_cms(struct job *job, struct cms_reader *reader, struct err *err)
{
    autofree_cms_dearmor struct cms_dearmor *dearmor = NULL;
    struct sink binary = {.write = into_reader, .arg = reader}, in;
    int rc = cms_dearmor_new(&dearmor, CMS_FORM_AUTO, &binary, err);

    if (rc != 0)
        return rc;
    in = cms_dearmor_sink(dearmor);
    rc = pump(job, &in, err);
    if (rc == 0)
        rc = cms_dearmor_finish(dearmor, err);
    if (rc == 0)
        rc = cms_reader_finish(reader, err);
    return rc;
}

static int
tell(const struct cli *cli, const struct cms_encrypted *e, struct err *err)
{
    autofree_buf struct buf *who = buf_new();
    int rc = who ? recipients_put_text(e->recipients, e->count, who) : E_NOMEM;

    if (rc == 0 && e->opened) {
        rc = buf_put_str(who, "; opened as ");
        if (rc == 0)
            rc = recipient_put_text(e->opened, who);
    }
    if (rc != 0)
        return err_set(err, rc, "out of memory for recipients");
    cli_note(cli, "encrypted with %s for %s", e->cipher ? e->cipher->name : e->cipher_oid,
             buf_cstr(who));
    return 0;
}

static int
judge(const struct job *job, const struct cli *cli, const struct cms_encrypted *e,
      struct err *err)
{
    const char *name = infile_name(job->in);

    if (!e->authenticated && job->authenticated)
        return err_set(err, E_UNSUPPORTED, "%s is encrypted without authentication (%s): it may "
                       "have been altered unseen; leave out --require-authenticated to decrypt "
                       "it all the same", name, e->cipher->name);
    if (!e->authenticated)
        cli_note(cli, "%s is encrypted without authentication (%s): whether it was altered is "
                 "not to be told", name, e->cipher->name);
    if (e->weak)
        cli_note(cli, "%s is encrypted with weak algorithms (%s)", name, e->cipher->name);
    return cli->verbose ? tell(cli, e, err) : 0;
}

static int
conclude(struct job *job, const struct cli *cli, struct cms_reader *reader, struct err *err)
{
    const struct cms_encrypted *e = cms_reader_encrypted(reader);
    int type = cms_reader_type(reader);

    if (!e)
        return err_set(err, E_UNSUPPORTED, "%s is not encrypted: it is %s%s",
                       infile_name(job->in),
                       type == NID_undef ? "an unknown kind of CMS" : OBJ_nid2ln(type),
                       type == NID_pkcs7_signed ? "; signet verify checks it" : "");
    return judge(job, cli, e, err);
}

static int
decrypt_cms(struct job *job, const struct cli *cli, struct err *err)
{
    struct cms_reader_options options = {.content = stream_outfile(job->out),
                                         .decrypt = opener_options(job->opener)};
    autofree_cms_reader struct cms_reader *reader = NULL;
    int rc = cms_reader_new(&reader, &options, err);

    if (rc != 0)
        return rc;
    rc = read_cms(job, reader, err);
    return rc == 0 ? conclude(job, cli, reader, err) : name_input(job, rc, err);
}

static int
decrypt_mail(struct job *job, struct err *err)
{
    return err_set(err, E_UNSUPPORTED, "%s looks like a mail; mails are not decrypted yet, bare "
                   "CMS messages are (--cms)", infile_name(job->in));
}

/* Reads enough to see what it is. */
static int
look(struct job *job, const struct options *o, struct err *err)
{
    ssize_t n = 1;

    while (n > 0 && job->start_len < sizeof job->start) {
        n = infile_read(job->in, job->start + job->start_len, sizeof job->start - job->start_len,
                        err);
        if (n < 0)
            return (int)n;
        job->start_len += (size_t)n;
    }
    job->cms = options_has(o, "cms") || recognise_cms(job->start, job->start_len);
    return 0;
}

static int
prepare(struct job *job, struct cli *cli, const struct options *o, struct err *err)
{
    struct opener_wish wish = {.allow_weak = options_has(o, "allow-weak"),
                               .password_file = options_get(o, "password-file")};
    int rc = infile_open(&job->in, cli_operand(o, 0), err);

    if (rc == 0)
        rc = look(job, o, err);
    if (rc == 0)
        rc = opener_new(&job->opener, cli, &wish, err);
    return rc == 0 ? outfile_open(&job->out, options_get(o, "output"), true, err) : rc;
}

static int
run(struct cli *cli, const struct options *o, struct err *err)
{
    struct job job = {.authenticated = options_has(o, "require-authenticated")};
    int rc = prepare(&job, cli, o, err);

    if (rc == 0)
        rc = job.cms ? decrypt_cms(&job, cli, err) : decrypt_mail(&job, err);
    if (rc == 0)
        rc = outfile_commit(job.out, err);
    opener_free(&job.opener);
    outfile_free(&job.out);
    infile_free(&job.in);
    return rc;
}

static const struct option_row decrypt_options[] = {
    {.name = "cms", .help = "FILE is a bare CMS message (else it is found out)"},
    {.name = "password-file", .value = "F", .help = "the first line of F is a password for it"},
    {.name = "require-authenticated",
     .help = "refuse encryption that does not show alterations (CBC)"},
    {.name = "allow-weak", .help = "decrypt Triple-DES and RC2, too"},
    {.name = "output", .letter = 'o', .value = "OUT", .help = "write the content to OUT"},
    {.name = NULL},
};

const struct command command_decrypt = {
    .name = "decrypt",
    .synopsis = "[--cms] [--password-file F] [--require-authenticated]\n"
                "         [--allow-weak] [-o OUT] [FILE]",
    .summary = "decrypt a mail or a message",
    .text = "Decrypts a CMS message (DER, BER or PEM) with the key on your tokens that it is\n"
            "for, or with a password. The content appears under OUT's name, or on standard\n"
            "output, only when it was decrypted to its end and found unaltered.",
    .example = "signet decrypt -o backup.tar backup.p7m",
    .options = decrypt_options,
    .max_operands = 1,
    .run = run,
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/encrypt_mail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/envelope.h"
#include "cli/expiry.h"
#include "cli/signers.h"
#include "cli/stream.h"
#include "mail/scan.h"
#include "mail/wrap.h"

struct job {
    struct cli *cli;
    const struct options *options;
    bool sign, triple;
    struct mail_protection protection;
    struct infile *in;
    struct scan *scan;
    struct header *header;      /* the mail's own */
    struct signers signers;
    struct envelope *envelope;
    struct outfile **outs;      /* one for each message */
    size_t count;
};

static int
read_wishes(struct job *job, struct err *err)
{
    const struct options *o = job->options;
    const char *policy = options_get(o, "protect-headers"), *out = options_get(o, "output");

    job->triple = options_has(o, "triple");
    job->sign = options_has(o, "sign") || job->triple;
    if (options_has(o, "pem"))
        return err_set(err, E_USAGE, "--pem is for bare messages; give --cms too");
    if (options_has(o, "opaque") && !job->sign)
        return err_set(err, E_USAGE, "--opaque is a way to sign; give --sign too");
    if (policy && options_has(o, "no-protect-headers"))
        return err_set(err, E_USAGE, "--protect-headers and --no-protect-headers exclude each "
                       "other; give one of them");
    if (options_has(o, "separate") && (!out || strcmp(out, "-") == 0))
        return err_set(err, E_USAGE, "--separate writes several files; name the first with -o "
                       "OUT (the others are OUT.1, OUT.2 and so on)");
    if (!options_has(o, "no-protect-headers"))
        job->protection.mode = PROTECT_CIPHER;
    if (policy && !protect_policy_by_name(policy, &job->protection.policy))
        return err_set(err, E_USAGE, "--protect-headers cannot be \"%s\"", policy);
    job->protection.legacy_display = options_has(o, "legacy-display");
    return 0;
}

/* The first pass: what the mail is made of, and its header. */
static int
look(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    struct job *job = arg;
    size_t used;
    int rc = header_done(job->header) ? 0 : header_update(job->header, data, len, &used, err);

    return rc == 0 ? scan_update(job->scan, data, len, err) : rc;
}

static int
read_mail(struct job *job, struct err *err)
{
    struct sink in = {.write = look, .arg = job};
    int rc = infile_open(&job->in, cli_operand(job->options, 0), err);

    if (rc == 0)
        rc = infile_make_seekable(job->in, err);
    if (rc == 0 && (scan_new(&job->scan) != 0 || header_new(&job->header, HEADER_MAX) != 0))
        rc = err_set(err, E_NOMEM, "out of memory while reading the mail");
    if (rc == 0)
        rc = stream_pump(job->in, &in, err);
    if (rc == 0 && !header_done(job->header))
        rc = header_finish(job->header, err);
    if (rc == 0)
        rc = scan_finish(job->scan, err);
    if (rc == 0 && scan_size(job->scan) == 0)
        rc = err_set(err, E_MALFORMED, "the mail is empty; there is nothing to encrypt");
    if (rc == 0 && !scan_has_header(job->scan))
        rc = err_set(err, E_MALFORMED, "the mail has no header; a mail starts with fields such as "
                     "\"Subject: ...\" and an empty line (use --cms to encrypt any file)");
    return rc;
}

static int
write_message(struct job *job, const struct envelope_message *m, struct outfile *file,
              struct err *err)
{
    struct cms_sign_options sign = signers_options(&job->signers);
    struct cms_sign_options outer = signers_outer_options(&job->signers);
    struct mail_wrap_options options = {
        .scan = job->scan,
        .sign = job->sign ? &sign : NULL,
        .outer = &outer,
        .opaque = options_has(job->options, "opaque"),
        .compress = options_has(job->options, "compress"),
        .encrypt = &m->cms,
        .triple = job->triple,
        .protection = job->protection,
    };
    struct sink out = stream_outfile(file), in;
    struct mail_wrap *wrap = NULL;
    int rc = infile_rewind(job->in, err);

    if (rc == 0)
        rc = mail_wrap_new(&wrap, &options, &out, err);
    if (rc == 0) {
        in = mail_wrap_sink(wrap);
        rc = stream_pump(job->in, &in, err);
    }
    if (rc == 0)
        rc = mail_wrap_finish(wrap, err);
    mail_wrap_free(&wrap);
    return rc;
}

/* OUT, and for those in Bcc OUT.1, OUT.2, ... */
static int
open_output(struct job *job, size_t i, struct err *err)
{
    const char *path = options_get(job->options, "output");
    char *name = NULL;
    int rc;

    if (i == 0)
        return outfile_open(&job->outs[i], path, true, err);
    if (asprintf(&name, "%s.%zu", path, i) < 0)
        return err_set(err, E_NOMEM, "out of memory for the name of an output");
    rc = outfile_open(&job->outs[i], name, true, err);
    free(name);
    return rc;
}

static int
write_all(struct job *job, struct err *err)
{
    struct envelope_message m;
    int rc = 0;

    while (envelope_message(job->envelope, job->count, &m))
        job->count++;
    job->outs = calloc(job->count, sizeof(struct outfile *));
    if (!job->outs)
        return err_set(err, E_NOMEM, "out of memory for the outputs");
    for (size_t i = 0; rc == 0 && envelope_message(job->envelope, i, &m); i++) {
        /* A mail to nobody but those in Bcc. */
        if (m.cms.count == 0)
            continue;
        rc = open_output(job, i, err);
        if (rc == 0)
            rc = write_message(job, &m, job->outs[i], err);
    }
    return rc;
}

/* All of them or, as far as that can be, none. */
static int
commit_all(struct job *job, struct err *err)
{
    struct envelope_message m;
    int rc = 0;

    for (size_t i = 0; rc == 0 && envelope_message(job->envelope, i, &m); i++) {
        if (!job->outs[i])
            continue;
        rc = outfile_commit(job->outs[i], err);
        if (rc == 0 && m.bcc)
            cli_note(job->cli, "%s.%zu is for %s", options_get(job->options, "output"), i, m.bcc);
    }
    return rc;
}

static void
clear_job(struct job *job)
{
    for (size_t i = 0; job->outs && i < job->count; i++)
        outfile_free(&job->outs[i]);
    free(job->outs);
    envelope_free(&job->envelope);
    signers_clear(&job->signers);
    header_free(&job->header);
    scan_free(&job->scan);
    infile_free(&job->in);
}

int
encrypt_mail(struct cli *cli, const struct options *o, struct err *err)
{
    struct job job = {.cli = cli, .options = o};
    int rc = read_wishes(&job, err);

    if (rc == 0)
        rc = read_mail(&job, err);
    if (rc == 0 && job.sign)
        rc = signers_load(&job.signers, cli, o, true, err);
    if (rc == 0)
        expiry_note(cli, &job.signers);
    if (rc == 0)
        rc = envelope_new(&job.envelope, cli, o, job.header, &job.signers, err);
    if (rc == 0)
        rc = write_all(&job, err);
    if (rc == 0)
        rc = commit_all(&job, err);
    clear_job(&job);
    return rc;
}

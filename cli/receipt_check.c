/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <openssl/obj_mac.h>

#include "cli/advice.h"
#include "cli/check.h"
#include "cli/cli.h"
#include "cli/stream.h"
#include "cli/trust_options.h"
#include "cli/verdict_print.h"
#include "cms/ess.h"

/* Longest content of a receipt: an identifier and a signature. */
#define RECEIPT_MAX (64u * 1024)

/* A signed mail, read. */
struct side {
    struct infile *in;
    struct mail_reader *mail;
    struct buf *content;            /* of a receipt */
    const struct cms_signed *found;
};

struct job {
    struct side receipt, sent;
    struct trust *trust;
    struct verdict *verdict;
};

static void
clear_side(struct side *s)
{
    mail_reader_free(&s->mail);
    buf_free(&s->content);
    infile_free(&s->in);
}

static int
into_mail(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    return mail_reader_update(arg, data, len, err);
}

static int
keep(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    int rc = buf_put(arg, data, len);

    return rc == 0 ? 0 : err_set(err, E_LIMIT, "its content is too long for a receipt");
}

static int
read_side(struct side *s, const char *path, struct err *err)
{
    struct mail_reader_options options = {.all_digests = true};
    struct sink in;
    int rc = infile_open(&s->in, path, err);

    if (rc != 0)
        return rc;
    if (s->content)
        options.content = (struct sink){.write = keep, .arg = s->content};
    rc = mail_reader_new(&s->mail, &options, err);
    if (rc != 0)
        return rc;
    in = (struct sink){.write = into_mail, .arg = s->mail};
    rc = stream_pump(s->in, &in, err);
    if (rc == 0)
        rc = mail_reader_finish(s->mail, err);
    return rc == 0 ? 0 : advice_add(s->in, rc, err);
}

/* Its content is no mail, so mail/read.h would not have it. */
static int
verify_receipt(struct side *s, struct err *err)
{
    struct cms_reader *cms = mail_reader_cms(s->mail);
    struct cms_verify_options options = {.content = NULL};

    if (cms_reader_type(cms) != NID_pkcs7_signed ||
        cms_reader_content_type(cms) != NID_id_smime_ct_receipt)
        return err_set(err, E_UNSUPPORTED, "%s is no signed receipt; verify it with signet "
                       "verify", infile_name(s->in));
    return cms_verify(cms, &options, &s->found, err);
}

static int
verify_sent(struct side *s, struct err *err)
{
    int rc = cms_reader_type(mail_reader_cms(s->mail)) == NID_pkcs7_signed ? 0 : E_UNSUPPORTED;

    if (rc != 0)
        return err_set(err, rc, "%s is no signed mail; give the signed one that was sent (signet "
                       "decrypt finds it in an encrypted one)", infile_name(s->in));
    rc = mail_reader_verify(s->mail, NULL, &s->found, err);
    return rc == 0 ? 0 : advice_add(s->in, rc, err);
}

/* RFC 2634 2.6: one signature, for the message that was sent. */
static int
match(struct job *job, struct err *err)
{
    const struct side *r = &job->receipt;
    size_t index;
    int rc;

    if (r->found->count != 1)
        return verdict_add_problem(job->verdict, "receipt-mismatch", "a receipt has one "
                                   "signature", err);
    rc = cms_receipt_matches(&r->found->signatures[0], buf_data(r->content), buf_len(r->content),
                             job->sent.found, &index, err);
    if (rc == E_MALFORMED)
        return advice_add(r->in, rc, err);
    return rc == 0 ? verdict_add_problem(job->verdict, "receipt-mismatch", err_text(err), err)
                   : rc < 0 ? rc : 0;
}

static int
judge(struct job *job, struct err *err)
{
    struct verdict_options options = {.is_mail = false};
    int rc = verdict_add_layer(job->verdict, "signed-receipt", err);

    trust_fill(job->trust, &options);
    if (rc == 0)
        rc = check_judge(job->verdict, job->receipt.found, &options, err);
    return rc == 0 ? match(job, err) : rc;
}

static int
read_both(struct job *job, const struct options *o, struct err *err)
{
    const char *sent = options_get(o, "of");
    int rc;

    if (!sent)
        return err_set(err, E_USAGE, "give the mail that asked for the receipt with --of");
    job->receipt.content = buf_new();
    if (!job->receipt.content)
        return err_set(err, E_NOMEM, "out of memory");
    buf_set_max(job->receipt.content, RECEIPT_MAX);
    rc = read_side(&job->receipt, cli_operand(o, 0), err);
    if (rc == 0)
        rc = verify_receipt(&job->receipt, err);
    if (rc == 0)
        rc = read_side(&job->sent, sent, err);
    return rc == 0 ? verify_sent(&job->sent, err) : rc;
}

static int
run(struct cli *cli, const struct options *o, struct err *err)
{
    struct job job = {.trust = NULL};
    struct verdict_style style;
    int rc = verdict_new(&job.verdict, err);

    if (rc == 0)
        rc = trust_open(&job.trust, cli, o, err);
    if (rc == 0)
        rc = verdict_style_read(&style, o, err);
    if (rc == 0)
        rc = read_both(&job, o, err);
    if (rc == 0)
        rc = judge(&job, err);
    if (rc == 0)
        rc = verdict_print(cli, job.verdict, &style, err);
    if (rc == 0)
        cli->status = verdict_exit_status(verdict_status(job.verdict));
    clear_side(&job.receipt);
    clear_side(&job.sent);
    trust_free(&job.trust);
    verdict_free(&job.verdict);
    return rc;
}

static const struct option_row receipt_options[] = {
    {.name = "of", .value = "SENT", .help = "the signed mail that asked for it"},
    TRUST_OPTION_ROWS,
    VERDICT_OPTION_ROWS,
    {.name = NULL},
};

const struct command command_receipt_check = {
    .name = "receipt check",
    .synopsis = "--of SENT " TRUST_SYNOPSIS "\n"
                "         " VERDICT_SYNOPSIS " [RECEIPT]",
    .summary = "verify a signed receipt, and that it is for a mail",
    .text = "Verifies the signature of a receipt and compares it with SENT, the mail that asked for\n"
            "it: whoever signed the receipt has verified the signature of just that mail.",
    .example = "signet receipt check --anchor ca.crt --of sent.eml receipt.eml",
    .options = receipt_options,
    .max_operands = 1,
    .run = run,
};

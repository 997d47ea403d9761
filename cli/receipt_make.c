/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <time.h>
#include <openssl/obj_mac.h>

#include "cli/advice.h"
#include "cli/cli.h"
#include "cli/opener.h"
#include "cli/peel.h"
#include "cli/signers.h"
#include "cli/stream.h"
#include "cli/trust_options.h"
#include "cms/ess.h"
#include "cms/pem.h"
#include "trust/certificate.h"

/* Columns of base64 in a mail (RFC 2045 6.8). */
#define COLUMNS 76
/* Longest Message-ID that is repeated. */
#define MESSAGE_ID_MAX 500

/* One run of the command. */
struct job {
    struct infile *in;
    struct outfile *out;
    struct opener *opener;
    struct trust *trust;
    struct mail_layers *layers;
    struct peel *peel;
    struct signers signers;
    const struct cms_signature *original;   /* that asks; of a layer */
    const char *content_oid;
    struct cms_receipt_request request;
    struct cms_new_attribute digest;
};

static void
clear(struct job *job)
{
    mail_layers_free(&job->layers);
    peel_free(&job->peel);
    signers_clear(&job->signers);
    opener_free(&job->opener);
    trust_free(&job->trust);
    outfile_free(&job->out);
    infile_free(&job->in);
}

static int
into_layers(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    return mail_layers_update(arg, data, len, err);
}

static int
read_layers(struct job *job, bool all_digests, struct err *err)
{
    struct mail_layers_options options = {.decrypt = opener_options(job->opener),
                                          .all_digests = all_digests};
    int rc = mail_layers_new(&job->layers, &options, err);
    struct sink in;

    if (rc != 0)
        return rc;
    in = (struct sink){.write = into_layers, .arg = job->layers};
    rc = stream_pump(job->in, &in, err);
    return rc == 0 ? mail_layers_finish(job->layers, err) : rc;
}

static int
judge(struct job *job, struct err *err)
{
    struct peel_options options = {.require_authenticated = false};
    int rc;

    trust_fill(job->trust, &options.verdict);
    peel_free(&job->peel);
    rc = peel_new(&job->peel, err);
    return rc == 0 ? peel_judge(job->peel, job->layers, &options, err) : rc;
}

static int
read_mail(struct job *job, struct err *err)
{
    int rc = read_layers(job, false, err);

    if (rc == 0)
        rc = judge(job, err);
    if (rc == 0 && mail_layers_again(job->layers)) {
        mail_layers_free(&job->layers);
        rc = infile_rewind(job->in, err);
        if (rc == 0)
            rc = read_layers(job, true, err);
        if (rc == 0)
            rc = judge(job, err);
    }
    return rc == 0 ? 0 : advice_add(job->in, rc, err);
}

/* A receipt says that the signature was verified (RFC 2634 2.3). */
static int
check_verdict(const struct job *job, struct err *err)
{
    if (peel_status(job->peel) == VERDICT_GOOD)
        return 0;
    return err_set(err, E_UNTRUSTED, "%s is not good but %s; a receipt would say otherwise (see "
                   "signet read)", infile_name(job->in), peel_status_word(job->peel));
}

/* The innermost signature that asks: an outer one may be a mailing list's. */
static int
find_request(struct job *job, struct err *err)
{
    for (size_t i = mail_layers_count(job->layers); i-- > 0;) {
        struct mail_reader *r = mail_layers_get(job->layers, i);
        const struct cms_signed *found = NULL;

        if (cms_reader_type(mail_reader_cms(r)) != NID_pkcs7_signed ||
            mail_reader_verify(r, NULL, &found, NULL) != 0)
            continue;
        for (size_t s = 0; s < found->count; s++) {
            int rc = cms_receipt_request_read(&found->signatures[s], &job->request);

            if (rc < 0)
                return err_set(err, rc, "%s: its request for a receipt cannot be read",
                               infile_name(job->in));
            if (rc == 0)
                continue;
            job->original = &found->signatures[s];
            job->content_oid = found->content_oid;
            return 0;
        }
    }
    return err_set(err, E_USAGE, "%s does not ask for a receipt", infile_name(job->in));
}

static bool
listed(const struct job *job, const X509 *cert)
{
    for (size_t i = 0; i < job->request.listed_count; i++)
        if (certificate_has_email(cert, job->request.listed[i]))
            return true;
    return false;
}

static bool
came_by_list(const struct cms_signature *s)
{
    for (size_t i = 0; i < s->attribute_count; i++)
        if (strcmp(s->attributes[i].oid, CMS_OID_LIST_HISTORY) == 0)
            return true;
    return false;
}

/* Whether we are among those who are asked (2.3). */
static int
check_asked(const struct job *job, const X509 *own, struct err *err)
{
    if (job->request.from == CMS_RECEIPTS_LISTED && !listed(job, own))
        return err_set(err, E_DENIED, "%s asks others for a receipt, and not the addresses of "
                       "your certificate", infile_name(job->in));
    if (job->request.from == CMS_RECEIPTS_FIRST_TIER && came_by_list(job->original))
        return err_set(err, E_DENIED, "%s came through a mailing list, and only those who got it "
                       "directly are asked for a receipt", infile_name(job->in));
    if (job->request.to_count == 0)
        return err_set(err, E_UNSUPPORTED, "%s names no address that a receipt could be sent to",
                       infile_name(job->in));
    return 0;
}

static int
take_first(void *arg, const char *address, bool in_subject)
{
    (void)in_subject;
    return buf_putf(arg, "From: %s\r\n", address) == 0 ? 1 : E_NOMEM;
}

/* Only what is a plain word in angle brackets: it comes from a stranger. */
static int
put_reference(struct buf *out, const struct header *header)
{
    struct header_field id;
    const uint8_t *at;
    size_t len;

    if (header == NULL || !header_find(header, "Message-ID", 0, &id))
        return 0;
    at = id.value;
    len = id.value_len;
    while (len > 0 && *at == ' ') {
        at++;
        len--;
    }
    if (len < 3 || len > MESSAGE_ID_MAX || at[0] != '<' || at[len - 1] != '>')
        return 0;
    for (size_t i = 0; i < len; i++)
        if (at[i] <= ' ' || at[i] >= 0x7f)
            return 0;
    return buf_putf(out, "In-Reply-To: %.*s\r\n", (int)len, (const char *)at);
}

/* Addresses that would be more than an address in a header are left out. */
static bool
is_plain(const char *address)
{
    for (; *address; address++)
        if (*address <= ' ' || *address >= 0x7f || strchr(",;:<>()[]\"\\", *address))
            return false;
    return true;
}

static int
put_to(struct buf *out, const struct cms_receipt_request *r, struct err *err)
{
    size_t count = 0;
    int rc = buf_put_str(out, "To: ");

    for (size_t i = 0; rc == 0 && i < r->to_count; i++)
        if (is_plain(r->to[i]))
            rc = buf_putf(out, "%s%s", count++ > 0 ? ",\r\n " : "", r->to[i]);
    if (rc == 0)
        rc = buf_put_str(out, "\r\n");
    if (rc == 0 && count == 0)
        return err_set(err, E_UNSUPPORTED, "no address that a receipt is wanted at can be written "
                       "into a mail");
    return rc;
}

static int
put_header(struct buf *out, const struct job *job, const X509 *own, struct err *err)
{
    char date[64];
    time_t now = time(NULL);
    struct tm tm;
    int rc = certificate_each_email(own, take_first, out);

    if (rc == 0)
        return err_set(err, E_NO_CERT, "your certificate names no address to send a receipt from");
    gmtime_r(&now, &tm);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", &tm);
    rc = rc < 0 ? rc : put_to(out, &job->request, err);
    if (rc == 0)
        rc = buf_putf(out, "Date: %s\r\nSubject: Signed receipt\r\n", date);
    if (rc == 0)
        rc = put_reference(out, mail_layers_header(job->layers));
    if (rc == 0)
        rc = buf_put_str(out, "MIME-Version: 1.0\r\n"
                         "Content-Type: application/pkcs7-mime; smime-type=signed-receipt;\r\n"
                         " name=smime.p7m\r\n"
                         "Content-Transfer-Encoding: base64\r\n"
                         "Content-Disposition: attachment; filename=smime.p7m\r\n\r\n");
    return rc;
}

static int
put_message(struct job *job, const struct buf *content, struct err *err)
{
    struct cms_sign_options options = signers_options(&job->signers);
    struct cms_armor_options lines = {.columns = COLUMNS, .crlf = true};
    autofree_cms_armor struct cms_armor *armor = NULL;
    autofree_cms_sign struct cms_sign *sign = NULL;
    struct sink out = stream_outfile(job->out), text;
    int rc = cms_armor_new(&armor, &lines, &out, err);

    if (rc != 0)
        return rc;
    text = cms_armor_sink(armor);
    options.content_type = NID_id_smime_ct_receipt;
    options.content_size = (int64_t)buf_len(content);
    rc = cms_sign_new(&sign, &options, &text, err);
    if (rc == 0)
        rc = cms_sign_update(sign, buf_data(content), buf_len(content), err);
    if (rc == 0)
        rc = cms_sign_finish(sign, err);
    return rc == 0 ? cms_armor_finish(armor, err) : rc;
}

static int
write_receipt(struct job *job, struct err *err)
{
    autofree_buf struct buf *header = buf_new(), *content = buf_new(), *digest = buf_new();
    struct cms_signer *signer = &job->signers.cms[0];
    X509 *own = signer_x509(&job->signers.list[0]);
    int rc = header && content && digest && own ? check_asked(job, own, err) : E_NOMEM;

    if (rc == 0)
        rc = cms_receipt_put(content, job->original, job->content_oid);
    if (rc == 0)
        rc = cms_receipt_put_digest(digest, job->original);
    if (rc == 0)
        rc = put_header(header, job, own, err);
    X509_free(own);
    if (rc != 0)
        return err && err->code == rc ? rc : err_set(err, rc, "the receipt cannot be made");
    job->digest = (struct cms_new_attribute){CMS_OID_RECEIPT_DIGEST, buf_data(digest),
                                             buf_len(digest)};
    signer->attributes = &job->digest;
    signer->attribute_count = 1;
    rc = outfile_write(job->out, buf_data(header), buf_len(header), err);
    return rc == 0 ? put_message(job, content, err) : rc;
}

static int
run(struct cli *cli, const struct options *o, struct err *err)
{
    struct opener_wish wish = {.allow_weak = false};
    struct job job = {.in = NULL};
    int rc = trust_open(&job.trust, cli, o, err);

    if (rc == 0)
        rc = infile_open(&job.in, cli_operand(o, 0), err);
    if (rc == 0)
        rc = infile_make_seekable(job.in, err);
    if (rc == 0)
        rc = opener_new(&job.opener, cli, &wish, err);
    if (rc == 0)
        rc = read_mail(&job, err);
    if (rc == 0)
        rc = check_verdict(&job, err);
    if (rc == 0)
        rc = find_request(&job, err);
    if (rc == 0)
        rc = signers_load(&job.signers, cli, o, true, err);
    if (rc == 0)
        rc = outfile_open(&job.out, options_get(o, "output"), true, err);
    if (rc == 0)
        rc = write_receipt(&job, err);
    if (rc == 0)
        rc = outfile_commit(job.out, err);
    clear(&job);
    return rc;
}

static const struct option_row receipt_options[] = {
    {.name = "key", .letter = 'u', .value = "KEY", .help = "sign the receipt with this key"},
    TRUST_OPTION_ROWS,
    {.name = "output", .letter = 'o', .value = "OUT", .help = "write to OUT"},
    {.name = NULL},
};

const struct command command_receipt_make = {
    .name = "receipt make",
    .synopsis = "[-u KEY] " TRUST_SYNOPSIS "\n"
                "         [-o OUT] [MAIL]",
    .summary = "answer a request for a signed receipt",
    .text = "Reads a mail whose signer asks for a receipt (RFC 2634), and writes the receipt, a mail\n"
            "that says by its signature that the signature was verified. Nothing is written\n"
            "unless the mail is good and you are among those who are asked.",
    .example = "signet receipt make --anchor ca.crt -o receipt.eml mail.eml",
    .options = receipt_options,
    .max_operands = 1,
    .run = run,
};

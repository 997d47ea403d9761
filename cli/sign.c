/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>

#include "cli/cli.h"
#include "cli/expiry.h"
#include "cli/sign_again.h"
#include "cli/signers.h"
#include "cli/stream.h"
#include "cms/pem.h"
#include "mail/certs.h"
#include "mail/scan.h"
#include "mail/sign.h"

/* One run of the command: what was asked for and what it needs. */
struct job {
    bool cms, opaque, detached, pem, certs_only;
    bool add;                   /* FILE is signed already: sign it again */
    size_t countersign;         /* whose signature of it, from 1; 0: none */
    struct mail_protection protection;
    struct signers signers;
    struct infile *in;
    struct infile *content;     /* of a detached signature that is added to */
    struct outfile *out;
};

/* --countersign's N, from 1. */
static int
read_index(struct job *job, const char *text, struct err *err)
{
    char *end = NULL;
    unsigned long n = text ? strtoul(text, &end, 10) : 0;

    if (text && (*text < '1' || *text > '9' || *end || n > CMS_MAX_SIGNERS))
        return err_set(err, E_USAGE, "--countersign cannot be \"%s\"; it is the number of a "
                       "signature, 1 for the first (signet inspect shows them)", text);
    job->countersign = n;
    return 0;
}

/* What is only there for a message that is signed already. */
static int
read_again(struct job *job, const struct options *o, struct err *err)
{
    int rc = read_index(job, options_get(o, "countersign"), err);
    bool again;

    job->add = options_has(o, "add");
    again = job->add || job->countersign > 0;
    if (rc != 0)
        return rc;
    if (job->add && job->countersign > 0)
        return err_set(err, E_USAGE, "--add signs the content and --countersign a signature; give "
                       "one of them, and sign twice for both");
    if (again && !job->cms)
        return err_set(err, E_USAGE, "--%s is for bare messages; give --cms too",
                       job->add ? "add" : "countersign");
    if (again && job->detached)
        return err_set(err, E_USAGE, "--detached is for new messages; one that is signed again "
                       "stays as it is");
    if (!again && options_has(o, "content"))
        return err_set(err, E_USAGE, "--content is what a detached signature is of, when one is "
                       "added to (--add); the file to sign is FILE itself");
    return 0;
}

static int
read_shape(struct job *job, const struct options *o, struct err *err)
{
    job->cms = options_has(o, "cms");
    job->opaque = options_has(o, "opaque");
    job->detached = options_has(o, "detached");
    job->pem = options_has(o, "pem");
    job->certs_only = options_has(o, "certs-only");
    if (job->certs_only && (job->cms || job->opaque))
        return err_set(err, E_USAGE, "--certs-only makes a mail that is not signed; leave out "
                       "--%s", job->cms ? "cms" : "opaque");
    if (!options_has(o, "no-protect-headers"))
        job->protection.mode = PROTECT_CLEAR;
    if (job->cms && job->opaque)
        return err_set(err, E_USAGE, "--opaque makes a mail and --cms a bare message; give one "
                       "of them");
    if (!job->cms && (job->detached || job->pem))
        return err_set(err, E_USAGE, "--%s is for bare messages; give --cms too",
                       job->detached ? "detached" : "pem");
    return read_again(job, o, err);
}

static struct cms_sign_options
cms_options(const struct job *job)
{
    struct cms_sign_options options = signers_options(&job->signers);

    options.detached = job->detached;
    options.content_size = infile_size(job->in);
    return options;
}

static int
into_cms(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    return cms_sign_update(arg, data, len, err);
}

/* A new SignedData of any file. */
static int
sign_new(struct job *job, const struct sink *out, struct err *err)
{
    autofree_cms_sign struct cms_sign *sign = NULL;
    struct cms_sign_options options = cms_options(job);
    struct sink in = {.write = into_cms};
    int rc = cms_sign_new(&sign, &options, out, err);

    in.arg = sign;
    if (rc == 0)
        rc = stream_pump(job->in, &in, err);
    return rc == 0 ? cms_sign_finish(sign, err) : rc;
}

/* A bare message, new or again. */
static int
sign_file(struct job *job, const struct cli *cli, struct err *err)
{
    autofree_cms_armor struct cms_armor *armor = NULL;
    struct cms_armor_options lines = {.label = "CMS"};
    struct sink out = stream_outfile(job->out);
    struct sign_again again = {.cli = cli, .in = job->in, .content = job->content,
                               .signers = &job->signers, .countersign = job->countersign};
    int rc = 0;

    if (job->pem) {
        rc = cms_armor_new(&armor, &lines, &out, err);
        if (rc == 0)
            out = cms_armor_sink(armor);
    }
    again.out = out;
    if (rc == 0)
        rc = job->add || job->countersign > 0 ? sign_again(&again, err) : sign_new(job, &out, err);
    if (rc == 0 && armor)
        rc = cms_armor_finish(armor, err);
    return rc;
}

static int
into_scan(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    return scan_update(arg, data, len, err);
}

static int
into_mail(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    return mail_sign_update(arg, data, len, err);
}

static int
scan_mail(struct job *job, struct scan *scan, struct err *err)
{
    struct sink in = {.write = into_scan, .arg = scan};
    int rc = infile_make_seekable(job->in, err);

    if (rc == 0)
        rc = stream_pump(job->in, &in, err);
    if (rc == 0)
        rc = scan_finish(scan, err);
    return rc == 0 ? infile_rewind(job->in, err) : rc;
}

static int
sign_scanned(struct job *job, const struct scan *scan, struct err *err)
{
    struct mail_sign_options options = {.cms = cms_options(job), .scan = scan,
                                        .opaque = job->opaque,
                                        .protection = job->protection};
    struct mail_sign *mail = NULL;
    struct sink out = stream_outfile(job->out), in;
    int rc = mail_sign_new(&mail, &options, &out, err);

    if (rc != 0)
        return rc;
    in = (struct sink){.write = into_mail, .arg = mail};
    rc = stream_pump(job->in, &in, err);
    if (rc == 0)
        rc = mail_sign_finish(mail, err);
    mail_sign_free(&mail);
    return rc;
}

static int
sign_mail(struct job *job, const struct cli *cli, struct err *err)
{
    struct scan *scan = NULL;
    int rc = scan_new(&scan);

    if (rc != 0)
        return err_set(err, rc, "out of memory while reading the mail");
    rc = scan_mail(job, scan, err);
    if (rc == 0 && scan_fragile(scan) && !job->opaque)
        cli_note(cli, "a part of this mail may be changed on its way, which would break the "
                 "signature; --opaque protects it");
    if (rc == 0)
        rc = sign_scanned(job, scan, err);
    scan_free(&scan);
    return rc;
}

/* The certificates instead of a text. */
static int
send_certs(struct job *job, struct err *err)
{
    struct sink out = stream_outfile(job->out), in;
    STACK_OF(X509) *certs = NULL;
    struct mail_certs *mail = NULL;
    int rc = signers_certs(&job->signers, &certs, err);

    if (rc == 0)
        rc = mail_certs_new(&mail, certs, &out, err);
    if (rc == 0) {
        in = mail_certs_sink(mail);
        rc = stream_pump(job->in, &in, err);
    }
    if (rc == 0)
        rc = mail_certs_finish(mail, err);
    mail_certs_free(&mail);
    sk_X509_pop_free(certs, X509_free);
    return rc;
}

static void
clear_job(struct job *job)
{
    signers_clear(&job->signers);
    outfile_free(&job->out);
    infile_free(&job->content);
    infile_free(&job->in);
}

static int
prepare(struct job *job, struct cli *cli, const struct options *o, struct err *err)
{
    int rc = read_shape(job, o, err);

    if (rc == 0)
        rc = infile_open(&job->in, cli_operand(o, 0), err);
    if (rc == 0 && options_has(o, "content"))
        rc = infile_open(&job->content, options_get(o, "content"), err);
    if (rc == 0)
        rc = signers_load(&job->signers, cli, o, !job->cms, err);
    if (rc == 0)
        expiry_note(cli, &job->signers);
    if (rc == 0 && job->countersign > 0 && job->signers.count > 1)
        rc = err_set(err, E_USAGE, "--countersign makes one signature; give one -u");
    /* Half a signed mail, piped to a mailer, would be an unsigned one: it is held
     * back, and so is what may be refused at its end. Half a CMS message is seen as
     * such by whoever reads it. */
    if (rc == 0)
        rc = outfile_open(&job->out, options_get(o, "output"),
                          !job->cms || job->add || job->countersign > 0, err);
    return rc;
}

/* Signing looks up neither ciphers and digests by their old names nor the words for
 * libcrypto's errors; the tables of both are half of what libcrypto does here. */
static void
start_lean(void)
{
    OPENSSL_init_crypto(OPENSSL_INIT_NO_ADD_ALL_CIPHERS | OPENSSL_INIT_NO_ADD_ALL_DIGESTS |
                            OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS, NULL);
}

static int
run(struct cli *cli, const struct options *o, struct err *err)
{
    struct job job = {.cms = false};
    int rc;

    /* Signing again checks what is there, for which all of libcrypto is wanted. */
    if (!options_has(o, "add") && !options_has(o, "countersign"))
        start_lean();
    rc = prepare(&job, cli, o, err);
    if (rc == 0)
        rc = job.cms          ? sign_file(&job, cli, err)
             : job.certs_only ? send_certs(&job, err)
                              : sign_mail(&job, cli, err);
    if (rc == 0)
        rc = outfile_commit(job.out, err);
    clear_job(&job);
    return rc;
}

static const struct option_row sign_options[] = {
    {.name = "key", .letter = 'u', .value = "KEY",
     .help = "sign with this key (address, label, fingerprint, pkcs11: URI, name)",
     .many = true},
    {.name = "opaque", .help = "mail: sign as application/pkcs7-mime"},
    {.name = "cms", .help = "sign any file as a bare CMS message"},
    {.name = "detached", .help = "with --cms: leave the content out of the message"},
    {.name = "add", .help = "with --cms: FILE is a signed message; add a signer to it"},
    {.name = "countersign", .value = "N",
     .help = "with --cms: FILE is a signed message; sign its Nth signature"},
    {.name = "content", .value = "FILE",
     .help = "what the detached signature that is added to is of"},
    {.name = "pem", .help = "with --cms: write PEM"},
    {.name = "pss", .help = "RSA keys: sign with PSS padding"},
    {.name = "digest", .value = "NAME", .help = "what the content is hashed with",
     .choices = "sha256|sha384|sha512"},
    {.name = "certs", .value = "WHICH", .help = "certificates in the message (chain)",
     .choices = "none|signer|chain"},
    {.name = "certs-only",
     .help = "do not sign: put the certificates into a mail without text"},
    {.name = "no-protect-headers",
     .help = "mail: leave Subject and the other fields out of the signature"},
    {.name = "label", .value = "LABEL",
     .help = "label it: POLICY-OID[:CLASSIFICATION[:MARK]] (RFC 2634)"},
    {.name = "request-receipt", .value = "ADDRESS", .many = true,
     .help = "ask for signed receipts, to ADDRESS"},
    WAIT_OPTION_ROW,
    {.name = "output", .letter = 'o', .value = "OUT", .help = "write to OUT"},
    {.name = NULL},
};

const struct command command_sign = {
    .name = "sign",
    .synopsis = "[-u KEY]... [--opaque] [--cms [--detached | --add | --countersign N]]\n"
                "         [--content FILE] [--pem] [--pss]\n"
                "         [--digest NAME] [--certs WHICH] [--no-protect-headers]\n"
                "         [--certs-only] [--label LABEL] [--request-receipt ADDRESS]... [-o OUT] [FILE]",
    .summary = "sign a mail or a file",
    .text = "Signs the mail in FILE (standard input without one) and writes the same mail as\n"
            "multipart/signed, which everybody can read. With --cms FILE can be anything and\n"
            "the result is a CMS SignedData message. Several -u make several signatures;\n"
            "without -u the key is that of [sign] in signet.conf, or the only one there is.\n\n"
            "With --add FILE is a signed message, in DER, BER, PEM or base64, that gets one\n"
            "more signer for each -u; with --countersign N its Nth signature is signed. What is\n"
            "in it stays. Its signatures are checked first, against --content when they are\n"
            "detached: beside one that does not hold nothing is signed.",
    .example = "signet sign -u alice@example.org -o signed.eml mail.eml\n"
               "signet sign -u alice@example.org --cms --detached -o release.p7s release.tar\n"
               "signet sign -u bob --cms --add --content release.tar -o both.p7s release.p7s",
    .options = sign_options,
    .max_operands = 1,
    .run = run,
};

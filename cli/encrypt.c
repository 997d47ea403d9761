/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <openssl/crypto.h>
#include <openssl/obj_mac.h>

#include "cli/cli.h"
#include "cli/encrypt_mail.h"
#include "cli/expiry.h"
#include "cli/recipient_text.h"
#include "cli/recipients.h"
#include "cli/signers.h"
#include "cli/stream.h"
#include "cli/trust_options.h"
#include "cms/pem.h"

#define DEFAULT_CIPHER "aes256-gcm"

/* One run of the command on a file. */
struct job {
    const struct cms_cipher *cipher;
    bool pem;
    struct trust *trust;
    struct recipients *recipients;
    struct signers signers;
    struct infile *in;
    struct outfile *out;
};

/* What has to be told together, and what there is for mails alone. */
static int
check_usage(const struct options *o, struct err *err)
{
    static const struct option_row mail_rows[] = {ENCRYPT_MAIL_ROWS, {.name = NULL}};

    /* A mail says whom it is to. */
    if (!options_has(o, "recipient") && !options_has(o, "password-file") && options_has(o, "cms"))
        return err_set(err, E_USAGE, "nobody could read it: name a recipient with -r "
                       "(a certificate file, or the address of a certificate on your tokens)");
    if (options_has(o, "key") && !options_has(o, "sign") && !options_has(o, "triple"))
        return err_set(err, E_USAGE, "-u names the key to sign with; give --sign too");
    if ((options_has(o, "label") || options_has(o, "request-receipt")) &&
        !options_has(o, "sign") && !options_has(o, "triple"))
        return err_set(err, E_USAGE, "labels and requests for receipts are part of a signature; "
                       "give --sign too");
    if (!options_has(o, "cms"))
        return 0;
    for (const struct option_row *row = mail_rows; row->name; row++)
        if (options_has(o, row->name))
            return err_set(err, E_USAGE, "--%s is for mails; leave it out, or leave out --cms",
                           row->name);
    return 0;
}

/* The name was one of the choices. */
static void
read_cipher(struct job *job, const struct options *o)
{
    const char *name = options_get(o, "cipher");

    job->cipher = cms_cipher_by_name(name ? name : DEFAULT_CIPHER);
}

static int
load_recipients(struct job *job, struct cli *cli, const struct options *o, struct err *err)
{
    struct recipients_wish wish = {.allow_expired = options_has(o, "allow-expired"),
                                   .pkcs1 = options_has(o, "pkcs1")};
    struct recipients_source tokens = recipients_tokens(cli), store = recipients_store(cli);
    const char *password = options_get(o, "password-file"), *who;
    int rc = trust_open(&job->trust, cli, o, err);

    if (rc == 0) {
        recipients_wish_trust(&wish, cli, job->trust);
        rc = recipients_new(&job->recipients, &wish, err);
    }
    if (rc == 0)
        rc = recipients_source(job->recipients, &tokens, err);
    if (rc == 0)
        rc = recipients_source(job->recipients, &store, err);
    for (size_t i = 0; rc == 0 && (who = options_value(o, "recipient", i)) != NULL; i++)
        rc = recipients_add(job->recipients, who, err);
    if (rc == 0 && password)
        rc = recipients_add_password(job->recipients, password, err);
    return rc;
}

static int
tell_recipients(const struct job *job, const struct cli *cli, struct err *err)
{
    size_t count;
    const struct cms_to *to = recipients_list(job->recipients, &count);

    for (size_t i = 0; cli->verbose && i < count; i++) {
        autofree_buf struct buf *name = buf_new();
        int rc = name ? 0 : E_NOMEM;
        if (rc == 0)
            rc = to[i].cert ? recipient_put_name(X509_get_subject_name(to[i].cert), name)
                            : buf_put_str(name, "whoever knows the password");
        if (rc != 0)
            return err_set(err, rc, "out of memory for recipients");
        cli_note(cli, "encrypts to %s", buf_cstr(name));
    }
    if (cli->verbose)
        cli_note(cli, "encrypts with %s", job->cipher->name);
    return 0;
}

static int
into_encrypt(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    return cms_encrypt_update(arg, data, len, err);
}

static int
into_sign(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    return cms_sign_update(arg, data, len, err);
}

/* The input through the signers, when there are any, into the envelope. */
static int
fill_envelope(struct job *job, struct cms_encrypt *encrypt, struct err *err)
{
    autofree_cms_sign struct cms_sign *sign = NULL;
    struct cms_sign_options options = signers_options(&job->signers);
    struct sink into = {.write = into_encrypt, .arg = encrypt};
    int rc = 0;

    if (job->signers.count > 0) {
        options.bare = true;
        options.content_size = infile_size(job->in);
        rc = cms_sign_new(&sign, &options, &into, err);
        into = (struct sink){.write = into_sign, .arg = sign};
    }
    if (rc == 0)
        rc = stream_pump(job->in, &into, err);
    return rc == 0 && sign ? cms_sign_finish(sign, err) : rc;
}

static int
write_message(struct job *job, const struct sink *out, struct err *err)
{
    autofree_cms_encrypt struct cms_encrypt *encrypt = NULL;
    struct cms_encrypt_options options = {.cipher = job->cipher,
                                          .content_size = infile_size(job->in)};
    int rc;

    options.to = recipients_list(job->recipients, &options.count);
    if (job->signers.count > 0) {
        options.content_type = NID_pkcs7_signed;
        options.content_size = -1;
    }
    rc = cms_encrypt_new(&encrypt, &options, out, err);
    if (rc == 0)
        rc = fill_envelope(job, encrypt, err);
    return rc == 0 ? cms_encrypt_finish(encrypt, err) : rc;
}

static int
encrypt_file(struct job *job, struct err *err)
{
    autofree_cms_armor struct cms_armor *armor = NULL;
    struct cms_armor_options lines = {.label = "CMS"};
    struct sink out = stream_outfile(job->out);
    int rc = 0;

    if (job->pem) {
        rc = cms_armor_new(&armor, &lines, &out, err);
        if (rc == 0)
            out = cms_armor_sink(armor);
    }
    if (rc == 0)
        rc = write_message(job, &out, err);
    return rc == 0 && armor ? cms_armor_finish(armor, err) : rc;
}

/* CCM counts the content before it begins (RFC 3610, 2.2). */
static int
open_input(struct job *job, const struct options *o, struct err *err)
{
    int rc = infile_open(&job->in, cli_operand(o, 0), err);

    if (rc == 0 && job->cipher->mode == CMS_MODE_CCM && options_has(o, "sign"))
        return err_set(err, E_USAGE, "%s has to know the size of a message before, and a "
                       "signed one's is not known; leave out --cipher", job->cipher->name);
    return rc == 0 && job->cipher->mode == CMS_MODE_CCM ? infile_make_seekable(job->in, err) : rc;
}

static void
clear_job(struct job *job)
{
    recipients_free(&job->recipients);
    trust_free(&job->trust);
    signers_clear(&job->signers);
    outfile_free(&job->out);
    infile_free(&job->in);
}

static int
encrypt_cms(struct cli *cli, const struct options *o, struct err *err)
{
    struct job job = {.pem = options_has(o, "pem")};
    int rc;

    read_cipher(&job, o);
    rc = load_recipients(&job, cli, o, err);
    if (rc == 0)
        rc = open_input(&job, o, err);
    if (rc == 0 && options_has(o, "sign"))
        rc = signers_load(&job.signers, cli, o, false, err);
    if (rc == 0)
        expiry_note(cli, &job.signers);
    if (rc == 0)
        rc = tell_recipients(&job, cli, err);
    /* Half a message is seen as such by whoever reads it: it may go out as it comes. */
    if (rc == 0)
        rc = outfile_open(&job.out, options_get(o, "output"), false, err);
    if (rc == 0)
        rc = encrypt_file(&job, err);
    if (rc == 0)
        rc = outfile_commit(job.out, err);
    clear_job(&job);
    return rc;
}

static int
run(struct cli *cli, const struct options *o, struct err *err)
{
    int rc = check_usage(o, err);

    if (rc == 0)
        rc = options_has(o, "cms") ? encrypt_cms(cli, o, err) : encrypt_mail(cli, o, err);
    return rc;
}

static const struct option_row encrypt_options[] = {
    {.name = "recipient", .letter = 'r', .value = "WHO", .many = true,
     .help = "a certificate file; address or label of one on your tokens"},
    {.name = "password-file", .value = "F",
     .help = "the password in F's first line opens it, too"},
    {.name = "cipher", .value = "NAME", .help = "what the content is encrypted with",
     .choices = "aes128-gcm|aes192-gcm|aes256-gcm|chacha20-poly1305|aes128-ccm|aes192-ccm|"
                "aes256-ccm|aes128-cbc|aes192-cbc|aes256-cbc"},
    {.name = "sign", .help = "sign it first"},
    {.name = "key", .letter = 'u', .value = "KEY", .help = "with --sign: with this key",
     .many = true},
    {.name = "cms", .help = "encrypt any file as a bare CMS message"},
    {.name = "pem", .help = "with --cms: write PEM"},
    {.name = "pkcs1", .help = "RSA keys: PKCS#1 v1.5, for programs that do not know OAEP"},
    {.name = "allow-expired", .help = "take certificates that are not valid now"},
    ENCRYPT_MAIL_ROWS,
    {.name = "label", .value = "LABEL",
     .help = "label it: POLICY-OID[:CLASSIFICATION[:MARK]] (RFC 2634)"},
    {.name = "request-receipt", .value = "ADDRESS", .many = true,
     .help = "ask for signed receipts, to ADDRESS"},
    {.name = "output", .letter = 'o', .value = "OUT", .help = "write to OUT"},
    {.name = NULL},
};

const struct command command_encrypt = {
    .name = "encrypt",
    .synopsis = "[-r WHO]... [--password-file F] [--cipher NAME]\n"
                "         [--sign [-u KEY]...] [--cms [--pem]] [--pkcs1] [--allow-expired]\n"
                "         [--triple] [--opaque] [--compress] [--no-self] [--separate]\n"
                "         [--protect-headers POLICY] [--no-protect-headers]\n"
                "         [--legacy-display] [--label LABEL]\n"
                "         [--request-receipt ADDRESS]... [-o OUT] [FILE]",
    .summary = "encrypt a mail or a file",
    .text = "Encrypts the mail in FILE (standard input without one) for those it is to, or for\n"
            "each -r, and for yourself. With --cms FILE can be anything and the result is a\n"
            "CMS message for each -r: AuthEnvelopedData with AES-256-GCM unless --cipher says\n"
            "otherwise; the CBC ciphers make the older EnvelopedData, which does not show\n"
            "whether it was altered. --sign signs first, so that the signature is encrypted,\n"
            "too. Certificates that are expired or not made for encryption are refused.",
    .example = "signet encrypt -r bob@example.org -o secret.eml mail.eml\n"
               "signet encrypt --cms -r bob.crt -r carol.crt -o backup.p7m backup.tar",
    .options = encrypt_options,
    .max_operands = 1,
    .run = run,
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <openssl/pem.h>

#include "base/io.h"
#include "cli/certs_int.h"
#include "cms/sign.h"

static int
write_cert(struct outfile *out, X509 *cert, bool pem, struct err *err)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data = NULL;
    long len = 0;
    int rc = E_NOMEM;

    if (bio && (pem ? PEM_write_bio_X509(bio, cert) : i2d_X509_bio(bio, cert)) == 1)
        len = BIO_get_mem_data(bio, &data);
    if (len > 0)
        rc = outfile_write(out, data, (size_t)len, err);
    else
        err_set(err, rc, "out of memory for certificates");
    BIO_free(bio);
    return rc;
}

static int
write_p7(struct outfile *out, const struct certs_list *found, struct err *err)
{
    autofree_cms_sign struct cms_sign *cms = NULL;
    STACK_OF(X509) *certs = sk_X509_new_null();
    struct cms_sign_options options = {.certs = certs, .content_size = 0};
    struct sink sink = outfile_sink(out);
    int rc = certs ? 0 : err_set(err, E_NOMEM, "out of memory for certificates");

    for (size_t i = 0; rc == 0 && i < found->count; i++)
        if (sk_X509_push(certs, found->items[i].cert) == 0)
            rc = err_set(err, E_NOMEM, "out of memory for certificates");
    if (rc == 0)
        rc = cms_sign_new(&cms, &options, &sink, err);
    if (rc == 0)
        rc = cms_sign_finish(cms, err);
    cms_sign_free(&cms);
    sk_X509_free(certs);
    return rc;
}

static int
write_all(const struct options *o, const struct certs_list *found, struct err *err)
{
    autofree_outfile struct outfile *out = NULL;
    int rc;

    if (options_has(o, "der") && found->count > 1)
        return err_set(err, E_AMBIGUOUS, "%zu certificates are meant, and a DER file holds one; "
                       "give a fingerprint, or --p7 for all of them", found->count);
    rc = outfile_open(&out, options_get(o, "output"), true, err);
    if (rc == 0 && options_has(o, "p7"))
        rc = write_p7(out, found, err);
    for (size_t i = 0; rc == 0 && !options_has(o, "p7") && i < found->count; i++)
        rc = write_cert(out, found->items[i].cert, !options_has(o, "der"), err);
    return rc == 0 ? outfile_commit(out, err) : rc;
}

static int
run(struct cli *cli, const struct options *o, struct err *err)
{
    autoclose_store struct store *store = NULL;
    struct certs_list found = {.count = 0};
    int rc;

    if (options_has(o, "pem") + options_has(o, "der") + options_has(o, "p7") > 1)
        return err_set(err, E_USAGE, "--pem, --der and --p7 are one form each; give one of them");
    rc = certs_store(cli, true, &store, err);
    for (size_t i = 0; rc == 0 && i < o->operand_count; i++) {
        size_t before = found.count;
        rc = certs_who(store, o->operands[i], &found, err);
        if (rc == 0 && found.count == before)
            rc = err_set(err, E_NO_CERT, "no%s certificate of \"%s\" is in the store; signet "
                         "certs list lists them", i > 0 ? " other" : "", o->operands[i]);
    }
    if (rc == 0)
        rc = write_all(o, &found, err);
    certs_list_clear(&found);
    return rc;
}

static const struct option_row options[] = {
    {.name = "pem", .help = "PEM (the default)"},
    {.name = "der", .help = "DER: one certificate alone"},
    {.name = "p7", .help = "PKCS#7 (a .p7b or .p7c file)"},
    {.name = "output", .letter = 'o', .value = "OUT", .help = "write to OUT"},
    {.name = NULL},
};

const struct command command_certs_export = {
    .name = "certs export",
    .synopsis = "[--pem | --der | --p7] [-o OUT] WHO...",
    .summary = "write certificates of the store to a file",
    .text = "Writes all certificates that are meant (WHO as in signet certs list).",
    .example = "signet certs export --p7 -o team.p7b alice@example.org bob@example.org",
    .options = options,
    .min_operands = 1,
    .max_operands = OPTIONS_MAX,
    .run = run,
};

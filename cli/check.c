/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/check.h"

#include <openssl/err.h>
#include <openssl/objects.h>

#include "cli/advice.h"
#include "cli/binding.h"
#include "cli/ess.h"
#include "cli/stream.h"
#include "cms/digests.h"
#include "cms/pem.h"
#include "cms/reader.h"
#include "cms/signed.h"
#include "mail/read.h"
#include "trust/revocation.h"

void
check_clear(struct check *c)
{
    harvest_free(&c->harvest);
    verdict_free(&c->verdict);
    trust_free(&c->trust);
    outfile_free(&c->out);
    infile_free(&c->content);
    infile_free(&c->in);
}

static struct sink
content_sink(struct check *c)
{
    return c->out ? stream_outfile(c->out) : (struct sink){.write = NULL};
}

/* What cannot be read of it could only have helped. */
static void
take_revocation(struct revocation *r, const struct cms_signed *signed_)
{
    for (int i = 0; i < sk_X509_CRL_num(signed_->crls); i++) {
        uint8_t *der = NULL;
        int len = i2d_X509_CRL(sk_X509_CRL_value(signed_->crls, i), &der);

        if (len > 0 && revocation_add_crl(r, der, (size_t)len, NULL) != 0)
            ERR_clear_error();
        OPENSSL_free(der);
    }
}

int
check_judge(struct verdict *verdict, const struct cms_signed *signed_,
            const struct verdict_options *options, struct err *err)
{
    int rc = 0;

    if (options->path.revocation)
        take_revocation(options->path.revocation, signed_);

    for (size_t i = 0; rc == 0 && i < signed_->count; i++) {
        const struct cms_signature *s = &signed_->signatures[i];

        rc = verdict_add_signature(verdict, s, signed_->certs, options, err);
        if (rc == 0 && s->state == CMS_INTACT)
            rc = ess_tell(verdict, s, options->label_policy, err);
    }
    if (rc == 0 && signed_->count == 0)
        rc = verdict_add_problem(verdict, "no-signers", "it holds certificates at most, and no "
                                 "signature", err);
    return rc == 0 ? verdict_compare(verdict, err) : rc;
}

static int
judge(struct check *c, const struct cms_signed *signed_, struct err *err)
{
    int rc = check_judge(c->verdict, signed_, &c->options, err);

    if (rc == 0)
        harvest_take(c->harvest, signed_, c->verdict, &c->options);
    return rc;
}

/* Only SignedData is this command's business. */
static int
check_type(const struct cms_reader *reader, const char *name, struct err *err)
{
    int type = cms_reader_type(reader);
    const char *what = type == NID_undef ? "an unknown kind of CMS" : OBJ_nid2ln(type);

    if (type == NID_pkcs7_signed)
        return 0;
    if (type == NID_pkcs7_enveloped || type == NID_id_smime_ct_authEnvelopedData)
        return err_set(err, E_UNSUPPORTED, "%s is encrypted, and not signed outside; signet read "
                       "opens it and verifies what is inside", name);
    return err_set(err, E_UNSUPPORTED, "%s is %s, not signed data", name, what);
}

static int
into_reader(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    return cms_reader_update(arg, data, len, err);
}

/* Where a detached content goes while it is read once: to the digests and out. */
struct tee {
    struct cms_digests *digests;
    struct sink out;
};

static int
into_tee(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    struct tee *t = arg;
    int rc = cms_digests_update(t->digests, data, len, err);

    return rc == 0 && t->out.write ? sink_write(&t->out, data, len, err) : rc;
}

/* Hashes the content with what the signatures say; fills digests. */
static int
hash_content(struct check *c, const struct cms_signed *signed_, struct cms_digests *digests,
             struct err *err)
{
    struct tee tee = {.digests = digests, .out = content_sink(c)};
    struct sink in = {.write = into_tee, .arg = &tee};
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < signed_->count; i++)
        if (signed_->signatures[i].digest)
            rc = cms_digests_add(digests, signed_->signatures[i].digest, err);
    return rc == 0 ? stream_pump(c->content, &in, err) : rc;
}

static int
verify_detached(struct check *c, struct cms_reader *reader, const struct cms_signed *signed_,
                struct err *err)
{
    autofree_cms_digests struct cms_digests *digests = NULL;
    struct cms_verify_options options = {.content = NULL};
    int rc;

    if (!c->content)
        return err_set(err, E_USAGE, "%s is a detached signature; give what it signs with "
                       "--content FILE", infile_name(c->in));
    rc = cms_digests_new(&digests, err);
    if (rc == 0)
        rc = hash_content(c, signed_, digests, err);
    options.content = digests;
    if (rc == 0)
        rc = cms_verify(reader, &options, &signed_, err);
    return rc == 0 ? judge(c, signed_, err) : rc;
}

static int
verify_read(struct check *c, struct cms_reader *reader, struct err *err)
{
    struct cms_verify_options options = {.content = NULL};
    const struct cms_signed *signed_ = NULL;
    int rc = check_type(reader, infile_name(c->in), err);

    if (rc == 0)
        rc = verdict_add_layer(c->verdict, "signed-data", err);
    if (rc == 0)
        rc = cms_verify(reader, &options, &signed_, err);
    if (rc != 0)
        return rc;
    if (signed_->detached && signed_->count > 0)
        return verify_detached(c, reader, signed_, err);
    if (c->content && !signed_->detached)
        return err_set(err, E_USAGE, "%s brings its own content; leave out --content",
                       infile_name(c->in));
    return judge(c, signed_, err);
}

int
check_cms(struct check *c, struct err *err)
{
    /* A detached content is written as it is hashed; one in the message as it comes. */
    struct cms_reader_options options = {.content = content_sink(c)};
    autofree_cms_dearmor struct cms_dearmor *dearmor = NULL;
    autofree_cms_reader struct cms_reader *reader = NULL;
    struct sink binary, in;
    int rc = cms_reader_new(&reader, &options, err);

    if (rc != 0)
        return rc;
    binary = (struct sink){.write = into_reader, .arg = reader};
    rc = cms_dearmor_new(&dearmor, CMS_FORM_AUTO, &binary, err);
    if (rc != 0)
        return rc;
    in = cms_dearmor_sink(dearmor);
    rc = stream_pump(c->in, &in, err);
    if (rc == 0)
        rc = cms_dearmor_finish(dearmor, err);
    if (rc == 0)
        rc = cms_reader_finish(reader, err);
    return rc == 0 ? verify_read(c, reader, err) : advice_add(c->in, rc, err);
}

static int
into_mail(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    return mail_reader_update(arg, data, len, err);
}

static int
read_mail(struct check *c, struct mail_reader **ret, bool all_digests,
          const struct cms_signed **signed_, struct err *err)
{
    struct mail_reader_options options = {.content = content_sink(c), .all_digests = all_digests};
    struct sink in;
    int rc = mail_reader_new(ret, &options, err);

    if (rc != 0)
        return rc;
    in = (struct sink){.write = into_mail, .arg = *ret};
    rc = stream_pump(c->in, &in, err);
    if (rc == 0)
        rc = mail_reader_finish(*ret, err);
    if (rc == E_MALFORMED && mail_reader_form(*ret) == MAIL_NONE &&
        verdict_add_problem(c->verdict, "not-signed", err_text(err), NULL) != 0)
        return err_set(err, E_NOMEM, "out of memory for the verdict");
    if (rc != 0)
        return advice_add(c->in, rc, err);
    rc = check_type(mail_reader_cms(*ret), infile_name(c->in), err);
    if (rc != 0)
        return rc;
    rc = check_verify(c->verdict, *ret, 0, signed_, err);
    return advice_add(c->in, rc, err);
}

int
check_coverage(struct verdict *verdict, const struct mail_reader *mail, struct err *err)
{
    autofree_buf struct buf *text = buf_new();

    if (!mail_reader_partial(mail))
        return 0;
    if (!text || mail_reader_put_coverage(mail, text) != 0)
        return err_set(err, E_NOMEM, "out of memory for the verdict");
    return verdict_add_problem(verdict, "partial-coverage", buf_cstr(text), err);
}

int
check_verify(struct verdict *verdict, struct mail_reader *mail, size_t i,
             const struct cms_signed **ret, struct err *err)
{
    int rc = mail_reader_verify_at(mail, i, NULL, ret, err);

    if (mail_reader_word(mail) != NULL &&
        verdict_add_problem(verdict, mail_reader_word(mail), err_text(err), NULL) != 0)
        return err_set(err, E_NOMEM, "out of memory for the verdict");
    return rc;
}

static int
judge_mail(struct check *c, struct mail_reader *mail, const struct cms_signed *signed_,
           struct err *err)
{
    struct protected_header protection;
    struct binding binding;
    int rc = verdict_add_layer(c->verdict, mail_reader_type(mail), err);

    protected_find(&protection, mail_reader_inner(mail), mail_reader_wrapped(mail));
    binding_take(&binding, mail_reader_header(mail), &protection, &c->options);
    if (rc == 0)
        rc = judge(c, signed_, err);
    if (rc == 0)
        rc = check_coverage(c->verdict, mail, err);
    if (rc == 0)
        rc = binding_tell(&binding, c->verdict, err);
    c->options.from = NULL;
    c->options.from_reason = c->options.sender = NULL;
    return rc;
}

int
check_mail(struct check *c, struct err *err)
{
    const struct cms_signed *signed_ = NULL;
    struct mail_reader *mail = NULL;
    int rc = read_mail(c, &mail, false, &signed_, err);

    /* micalg named other digests than the signatures use. The file may have changed:
     * what is verified must be what is written, so that is written anew. */
    if (rc == 0 && mail_reader_again(mail)) {
        mail_reader_free(&mail);
        rc = infile_rewind(c->in, err);
        if (rc == 0 && c->out)
            rc = outfile_restart(c->out, err);
        if (rc == 0)
            rc = read_mail(c, &mail, true, &signed_, err);
    }
    if (rc == 0)
        rc = signed_ ? judge_mail(c, mail, signed_, err) : E_INTERNAL;
    mail_reader_free(&mail);
    return rc;
}

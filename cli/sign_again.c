/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/sign_again.h"

#include "cli/stream.h"
#include "cms/addsign.h"
#include "cms/algid.h"
#include "cms/countersign.h"
#include "cms/facts.h"
#include "cms/pem.h"
#include "cms/signed.h"

/* One message on its way. */
struct pass {
    const struct sign_again *job;
    struct cms_reader *reader;          /* what is there, to be checked, */
    struct cms_addsign *add;            /* beside the one of these that makes it anew */
    struct cms_countersign *countersign;
    struct cms_digests *digests;        /* of detached content */
};

static int
name_input(const struct sign_again *job, int rc, struct err *err)
{
    err_prefix(err, "%s", infile_name(job->in));
    return rc;
}

static int
begin_add(struct pass *p, struct err *err)
{
    struct cms_sign_options common = signers_options(p->job->signers);
    struct cms_addsign_options options = {
        .signers = common.signers,
        .count = common.count,
        .content = p->job->content != NULL ? p->digests : NULL,
        .no_certs = common.no_certs,
        .certs = common.certs,
    };

    return cms_addsign_new(&p->add, &options, &p->job->out, err);
}

static int
begin_countersign(struct pass *p, struct err *err)
{
    struct cms_sign_options common = signers_options(p->job->signers);
    struct cms_countersign_options options = {
        .signer = common.signers,
        .index = p->job->countersign - 1,
        .no_cert = common.no_certs,
        .certs = common.certs,
    };

    return cms_countersign_new(&p->countersign, &options, &p->job->out, err);
}

static int
begin(struct pass *p, struct err *err)
{
    struct cms_reader_options options = {.allow_padding = false};
    int rc = cms_reader_new(&p->reader, &options, err);

    if (rc == 0)
        rc = cms_digests_new(&p->digests, err);
    if (rc == 0)
        rc = p->job->countersign > 0 ? begin_countersign(p, err) : begin_add(p, err);
    return rc;
}

static void
clear(struct pass *p)
{
    cms_addsign_free(&p->add);
    cms_countersign_free(&p->countersign);
    cms_digests_free(&p->digests);
    cms_reader_free(&p->reader);
}

static int
into_both(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    struct pass *p = arg;
    int rc = cms_reader_update(p->reader, data, len, err);

    if (rc != 0)
        return rc;
    return p->add != NULL ? cms_addsign_update(p->add, data, len, err)
                          : cms_countersign_update(p->countersign, data, len, err);
}

static int
into_dearmor(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    return cms_dearmor_update(arg, data, len, err);
}

static int
read_message(struct pass *p, struct err *err)
{
    autofree_cms_dearmor struct cms_dearmor *text = NULL;
    struct sink both = {.write = into_both, .arg = p}, in = {.write = into_dearmor};
    int rc = cms_dearmor_new(&text, CMS_FORM_AUTO, &both, err);

    in.arg = text;
    if (rc == 0)
        rc = stream_pump(p->job->in, &in, err);
    if (rc == 0)
        rc = cms_dearmor_finish(text, err);
    return rc == 0 ? cms_reader_finish(p->reader, err) : rc;
}

/* The content must be given exactly when the message is without it. */
static int
check_content(const struct pass *p, struct err *err)
{
    bool inside = cms_reader_has_content(p->reader), given = p->job->content != NULL;

    if (inside && given)
        return err_set(err, E_USAGE, "%s carries its content; leave out --content",
                       infile_name(p->job->in));
    if (!inside && !given && p->job->countersign == 0)
        return err_set(err, E_USAGE, "%s is a detached signature; give what it is of with "
                       "--content FILE", infile_name(p->job->in));
    return 0;
}

static int
into_digests(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    return cms_digests_update(arg, data, len, err);
}

/* With the digests of the signers that are there, and of the new ones. */
static int
hash_content(struct pass *p, struct err *err)
{
    struct sink in = {.write = into_digests, .arg = p->digests};
    const struct signers *new = p->job->signers;
    struct cms_signer_facts there;
    struct err ignored;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < new->count; i++)
        rc = cms_digests_add(p->digests, cms_scheme_digest(new->cms[i].scheme), err);
    for (size_t i = 0; cms_facts_signer(p->reader, i, &there); i++) {
        const struct alg_digest *digest = algid_read_digest(there.digest);

        /* One that is not known is said to be by the check. */
        if (digest != NULL)
            (void)!cms_digests_add(p->digests, digest, &ignored);
    }
    return rc == 0 ? stream_pump(p->job->content, &in, err) : rc;
}

static int
judge(const struct pass *p, const struct cms_signature *s, size_t number, struct err *err)
{
    const char *name = infile_name(p->job->in);

    if (s->state == CMS_INTACT)
        return 0;
    if (s->state == CMS_ALTERED)
        return err_set(err, E_ALTERED, "%s: signature %zu of it is over another content than this "
                       "(%s); find the content that belongs to it, or sign this one by itself",
                       name, number, s->reason);
    if (s->state == CMS_BAD_SIGNATURE)
        return err_set(err, E_BAD_SIGNATURE, "%s: signature %zu of it does not hold (%s); it was "
                       "altered, and nobody should sign beside it: have it sent again", name,
                       number, s->reason);
    cli_note(p->job->cli, "%s: signature %zu of it could not be checked: %s", name, number,
             s->reason);
    return 0;
}

/* Before a key is asked for anything. */
static int
check_signatures(struct pass *p, struct err *err)
{
    struct cms_verify_options options = {.content = p->job->content ? p->digests : NULL};
    const struct cms_signed *there = NULL;
    bool blind = p->job->content == NULL && !cms_reader_has_content(p->reader);
    int rc = cms_verify(p->reader, &options, &there, err);

    if (rc != 0)
        return name_input(p->job, rc, err);
    /* A countersignature is over a signature alone; without the content that is not
     * judged, only said. */
    for (size_t i = 0; rc == 0 && i < there->count; i++)
        if (!blind || there->signatures[i].state != CMS_NO_CONTENT)
            rc = judge(p, &there->signatures[i], i + 1, err);
    if (rc == 0 && blind)
        cli_note(p->job->cli, "%s is a detached signature and was not checked; --content FILE "
                 "has it checked", infile_name(p->job->in));
    return rc;
}

int
sign_again(const struct sign_again *job, struct err *err)
{
    struct pass p = {.job = job};
    int rc = begin(&p, err);

    if (rc == 0) {
        rc = read_message(&p, err);
        if (rc != 0 && rc != E_OUTPUT)
            rc = name_input(job, rc, err);
    }
    if (rc == 0)
        rc = check_content(&p, err);
    if (rc == 0 && job->content != NULL)
        rc = hash_content(&p, err);
    if (rc == 0)
        rc = check_signatures(&p, err);
    if (rc == 0)
        rc = p.add != NULL ? cms_addsign_finish(p.add, err)
                           : cms_countersign_finish(p.countersign, err);
    clear(&p);
    return rc;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The reader over any bytes: it must not crash, and must come to the same result
 * however the input is cut. The first byte says how.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/objects.h>

#include "cms/cms.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct outcome {
    int rc;
    uint64_t content_size;
    uint64_t content_sum;
    size_t signers;
    enum cms_state states[CMS_MAX_SIGNERS];
};

static int
sum(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    uint64_t *total = arg;

    (void)err;
    for (size_t i = 0; i < len; i++)
        *total = *total * 31 + data[i];
    return 0;
}

static struct cms_digests *
some_digests(void)
{
    struct cms_digests *digests = NULL;

    if (cms_digests_new(&digests, NULL) != 0 ||
        cms_digests_add(digests, alg_digest_by_name("sha256"), NULL) != 0 ||
        cms_digests_add(digests, alg_digest_by_name("sha512"), NULL) != 0 ||
        cms_digests_update(digests, "detached", 8, NULL) != 0)
        abort();
    return digests;
}

static void
judge(struct cms_reader *r, struct outcome *o)
{
    struct cms_digests *digests = some_digests();
    struct cms_verify_options options = { 0 };
    const struct cms_signed *result;

    if (!cms_reader_has_content(r))
        options.content = digests;
    if (cms_verify(r, &options, &result, NULL) != 0)
        abort();
    o->signers = result->count;
    for (size_t i = 0; i < result->count; i++) {
        const struct cms_signature *s = &result->signatures[i];

        o->states[i] = s->state;
        /* what callers rely on */
        if ((s->state == CMS_INTACT) != (s->reason[0] == '\0') ||
            (s->state == CMS_INTACT && s->cert == NULL) ||
            (s->state != CMS_INTACT && s->problems[0] == NULL))
            abort();
    }
    cms_digests_free(&digests);
}

static struct outcome
run(const uint8_t *data, size_t len, size_t piece)
{
    struct outcome o = { 0 };
    struct cms_reader_options options = { .content = { .write = sum, .arg = &o.content_sum } };
    struct cms_reader *r = NULL;
    struct err err = { 0 };

    if (cms_reader_new(&r, &options, NULL) != 0)
        abort();
    for (size_t at = 0; o.rc == 0 && at < len; at += piece)
        o.rc = cms_reader_update(r, data + at, piece < len - at ? piece : len - at, &err);
    if (o.rc == 0)
        o.rc = cms_reader_finish(r, &err);
    if (o.rc != 0 && err.text[0] == '\0')
        abort();
    if (o.rc == 0 && cms_reader_type(r) == NID_pkcs7_signed)
        judge(r, &o);
    o.content_size = cms_reader_content_size(r);
    cms_reader_free(&r);
    return o;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct outcome whole, cut;

    if (len == 0)
        return 0;
    whole = run(data + 1, len - 1, len);
    cut = run(data + 1, len - 1, (size_t)data[0] + 1);
    if (whole.rc != cut.rc || whole.content_size != cut.content_size ||
        whole.content_sum != cut.content_sum || whole.signers != cut.signers ||
        memcmp(whole.states, cut.states, sizeof whole.states) != 0)
        abort();
    return 0;
}

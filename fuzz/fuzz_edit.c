/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Adding signers and countersignatures to any message: what the reader takes, the
 * rewriters take, too; what they write, the reader takes; content and the verdicts
 * that were there are as before, and the new signature is intact. The first byte is how the
 * message is cut; its highest bit asks for a countersignature.
 */
#include <string.h>

#include <openssl/objects.h>

#include "cms/addsign.h"
#include "cms/countersign.h"
#include "fuzz/kit.h"

#define CONTENT "detached"
#define TIME 1700000000

struct outcome {
    int rc;
    int type;
    bool has_content;
    uint64_t size, sum;
    size_t count;
    size_t counters;                /* of all signers */
    enum cms_state states[CMS_MAX_SIGNERS];
};

static struct cms_digests *
digests(void)
{
    struct cms_digests *d = NULL;

    fuzz_assert(cms_digests_new(&d, NULL) == 0);
    for (size_t i = 0; alg_digest_at(i) != NULL; i++)
        fuzz_assert(cms_digests_add(d, alg_digest_at(i), NULL) == 0);
    fuzz_assert(cms_digests_update(d, CONTENT, sizeof CONTENT - 1, NULL) == 0);
    return d;
}

static void
judge(struct cms_reader *r, struct outcome *o)
{
    struct cms_digests *content = o->has_content ? NULL : digests();
    struct cms_verify_options verify = { .content = content };
    const struct cms_signed *result = NULL;

    o->rc = cms_verify(r, &verify, &result, NULL);
    if (o->rc == 0) {
        o->count = result->count;
        for (size_t i = 0; i < result->count; i++) {
            o->states[i] = result->signatures[i].state;
            o->counters += result->signatures[i].countersignature_count;
        }
    }
    cms_digests_free(&content);
}

static struct outcome
read_it(const uint8_t *data, size_t len)
{
    struct outcome o = { 0 };
    struct cms_reader_options options = { .content = { .write = fuzz_sum, .arg = &o.sum } };
    struct cms_reader *r = NULL;

    fuzz_assert(cms_reader_new(&r, &options, NULL) == 0);
    o.rc = cms_reader_update(r, data, len, NULL);
    if (o.rc == 0)
        o.rc = cms_reader_finish(r, NULL);
    o.type = cms_reader_type(r);
    o.has_content = cms_reader_has_content(r);
    o.size = cms_reader_content_size(r);
    if (o.rc == 0 && o.type == NID_pkcs7_signed)
        judge(r, &o);
    cms_reader_free(&r);
    return o;
}

static int
addsign(const struct outcome *before, const uint8_t *data, size_t len, size_t piece,
        struct buf *out, struct err *err)
{
    struct cms_signer signer = fuzz_signer(FUZZ_ANOTHER);
    struct cms_digests *content = before->has_content ? NULL : digests();
    struct cms_addsign_options options = { .signers = &signer, .count = 1, .content = content,
                                           .signing_time = TIME };
    struct sink sink = fuzz_gather(out);
    struct cms_addsign *a = NULL;
    int rc = cms_addsign_new(&a, &options, &sink, err);

    for (size_t at = 0; rc == 0 && at < len; at += piece)
        rc = cms_addsign_update(a, data + at, piece < len - at ? piece : len - at, err);
    if (rc == 0)
        rc = cms_addsign_finish(a, err);
    cms_addsign_free(&a);
    cms_digests_free(&content);
    return rc;
}

static int
countersign(const uint8_t *data, size_t len, size_t piece, struct buf *out, struct err *err)
{
    struct cms_signer signer = fuzz_signer(FUZZ_ANOTHER);
    struct cms_countersign_options options = { .signer = &signer, .signing_time = TIME };
    struct sink sink = fuzz_gather(out);
    struct cms_countersign *c = NULL;
    int rc = cms_countersign_new(&c, &options, &sink, err);

    for (size_t at = 0; rc == 0 && at < len; at += piece)
        rc = cms_countersign_update(c, data + at, piece < len - at ? piece : len - at, err);
    if (rc == 0)
        rc = cms_countersign_finish(c, err);
    cms_countersign_free(&c);
    return rc;
}

/* Refusals that are right though the reader took the message. */
static bool
may_refuse(const struct outcome *o, bool counter, int rc)
{
    if (rc == E_LIMIT)
        return true;
    if (counter)
        return rc == E_USAGE && o->count == 0;
    for (size_t i = 0; i < o->count; i++)
        if (rc == E_ALTERED && o->states[i] != CMS_INTACT)
            return true;
    return false;
}

/* How many signers are so. */
static size_t
count_state(const struct outcome *o, enum cms_state state)
{
    size_t n = 0;

    for (size_t i = 0; i < o->count; i++)
        n += o->states[i] == state;
    return n;
}

/* A detached message's SET of signers is ordered anew. A new certificate may be the one that
 * was missing, a new digest the one that was not announced: these two verdicts may
 * become others, all others stay. */
static void
compare(const struct outcome *before, const struct outcome *after, bool counter)
{
    static const enum cms_state firm[] = { CMS_INTACT, CMS_ALTERED, CMS_BAD_SIGNATURE,
                                           CMS_NO_CONTENT, CMS_UNSUPPORTED };

    if (after->rc == E_LIMIT)
        return;
    fuzz_assert(after->rc == 0);
    fuzz_assert(after->has_content == before->has_content);
    fuzz_assert(after->size == before->size && after->sum == before->sum);
    fuzz_assert(after->count == before->count + !counter);
    fuzz_assert(after->counters == before->counters + counter);
    for (size_t i = 0; i < sizeof firm / sizeof *firm; i++)
        fuzz_assert(count_state(after, firm[i]) >=
                    count_state(before, firm[i]) + (!counter && firm[i] == CMS_INTACT));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct outcome before, after;
    struct buf *whole, *cut;
    struct err err = { 0 };
    bool counter;
    int rc;

    if (len < 2)
        return 0;
    before = read_it(data + 1, len - 1);
    counter = data[0] & 0x80;
    whole = buf_new();
    cut = buf_new();
    rc = counter ? countersign(data + 1, len - 1, len, whole, &err)
                 : addsign(&before, data + 1, len - 1, len, whole, &err);
    fuzz_assert(rc == 0 || err.text[0] != '\0');
    fuzz_assert(rc == (counter ? countersign(data + 1, len - 1, (data[0] & 0x7f) + 1u, cut, &err)
                               : addsign(&before, data + 1, len - 1, (data[0] & 0x7f) + 1u, cut,
                                         &err)));
    /* segments may be cut otherwise, what is in them not */
    if (before.rc == 0 && before.type == NID_pkcs7_signed) {
        fuzz_assert(rc == 0 || may_refuse(&before, counter, rc));
        if (rc == 0) {
            after = read_it(buf_data(whole), buf_len(whole));
            compare(&before, &after, counter);
            after = read_it(buf_data(cut), buf_len(cut));
            compare(&before, &after, counter);
        }
    }
    buf_free(&whole);
    buf_free(&cut);
    return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CMS within CMS of all kinds over any bytes, with keys: no crash, the same layers with the
 * same verdicts and content however it is cut, no more layers and no more content than
 * was allowed. The first byte is how it is cut.
 */
#include <string.h>

#include <openssl/objects.h>

#include "fuzz/kit.h"

#define LAYERS 5
#define CONTENT_MAX 300000

struct outcome {
    int rc;
    size_t count;
    int types[CMS_MAX_LAYERS];
    uint64_t sizes[CMS_MAX_LAYERS];
    unsigned states[CMS_MAX_LAYERS];
    uint64_t sum;
};

static const struct cms_decrypt_options *
keys(void)
{
    static struct cms_opener openers[FUZZ_PEOPLE];
    static struct cms_kek keks[3];
    static struct cms_decrypt_options all;

    if (all.keks == NULL) {
        for (int i = 0; i < FUZZ_PEOPLE; i++)
            openers[i] = fuzz_opener((enum fuzz_person)i);
        for (size_t i = 0; i < 3; i++)
            keks[i] = (struct cms_kek){ .key = fuzz_secret('k', 16 + 8 * i) };
        all = (struct cms_decrypt_options){
            .openers = openers, .opener_count = FUZZ_PEOPLE, .keks = keks, .kek_count = 3,
            .password = fuzz_secret('p', 8), .content_key = fuzz_secret('k', 16),
            .max_iterations = 2000, .allow_weak = true,
        };
    }
    return &all;
}

/* The verdicts of a layer, in one number. */
static unsigned
verdicts(struct cms_reader *r)
{
    struct cms_verify_options options = { 0 };
    const struct cms_signed *result = NULL;
    unsigned sum = 1;

    if (cms_reader_type(r) != NID_pkcs7_signed || cms_verify(r, &options, &result, NULL) != 0)
        return 0;
    for (size_t i = 0; i < result->count; i++)
        sum = sum * 17 + (unsigned)result->signatures[i].state;
    return sum;
}

static struct outcome
run(const uint8_t *data, size_t len, size_t piece)
{
    struct outcome o = { 0 };
    struct cms_layers_options options = {
        .reader = { .content = { .write = fuzz_sum, .arg = &o.sum }, .decrypt = keys(),
                    .max_content = CONTENT_MAX },
        .max_layers = LAYERS,
    };
    struct cms_layers *l = NULL;
    struct err err = { 0 };

    fuzz_assert(cms_layers_new(&l, &options, NULL) == 0);
    for (size_t at = 0; o.rc == 0 && at < len; at += piece)
        o.rc = cms_layers_update(l, data + at, piece < len - at ? piece : len - at, &err);
    if (o.rc == 0)
        o.rc = cms_layers_finish(l, &err);
    fuzz_assert(o.rc == 0 || err.text[0] != '\0');
    o.count = cms_layers_count(l);
    fuzz_assert(o.count <= LAYERS);
    for (size_t i = 0; i < o.count; i++) {
        struct cms_reader *r = cms_layers_get(l, i);

        o.types[i] = cms_reader_type(r);
        o.sizes[i] = cms_reader_content_size(r);
        fuzz_assert(o.rc != 0 || o.sizes[i] <= CONTENT_MAX);
        if (o.rc == 0)
            o.states[i] = verdicts(r);
    }
    cms_layers_free(&l);
    return o;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct outcome whole, cut;

    if (len < 2)
        return 0;
    whole = run(data + 1, len - 1, len);
    cut = run(data + 1, len - 1, (size_t)data[0] + 1);
    fuzz_assert(whole.rc == cut.rc);
    /* after an error it is chance how much came out before */
    if (whole.rc == 0)
        fuzz_assert(whole.count == cut.count && whole.sum == cut.sum &&
                    memcmp(whole.types, cut.types, sizeof whole.types) == 0 &&
                    memcmp(whole.sizes, cut.sizes, sizeof whole.sizes) == 0 &&
                    memcmp(whole.states, cut.states, sizeof whole.states) == 0);
    return 0;
}

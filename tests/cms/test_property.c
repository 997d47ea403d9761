/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Random messages: any content, 1 to 4 signers of any kinds, attributes or none, detached
 * or not, of known or unknown size, in pieces, in text or binary; some with a signer
 * added and a countersignature. What comes back is what went in, and every verdict is
 * intact. SIGNET_TEST_SEED repeats a run; each round has its own seed, which is
 * what a failure prints.
 */
#include "tests/cms/resign_kit.h"

#include <stdlib.h>
#include <string.h>

#include "tests/cms/dice.h"

#define ROUNDS 400
#define SECONDS 7
#define CONTENT_MAX 200000
#define SIGNERS_MAX 4

struct round {
    uint8_t *content;
    size_t len;
    struct cms_signer signers[SIGNERS_MAX];
    size_t count;
    struct cms_sign_options options;
    bool text, added, countersigned;
};

static void
draw(struct round *r)
{
    bool plain = dice_below(4) == 0;

    *r = (struct round){ .len = dice_below(3) == 0 ? dice_below(CONTENT_MAX)
                                                   : dice_size(CONTENT_MAX),
                         .count = 1 + dice_below(SIGNERS_MAX), .text = dice_coin(),
                         .added = dice_below(3) == 0, .countersigned = dice_below(3) == 0 };
    r->content = dice_bytes(r->len);
    for (size_t i = 0; i < r->count; i++) {
        struct person *p;

        do
            p = people(dice_below(people_count()));
        while (plain && alg_sig_by_name(p->scheme)->digest == NULL);
        r->signers[i] = person_signer(p);
        r->signers[i].ski = dice_coin();
    }
    r->options = (struct cms_sign_options){
        .signers = r->signers, .count = r->count, .detached = dice_coin(),
        .content_size = dice_coin() ? (int64_t)r->len : -1, .no_attributes = plain,
        .signing_time = dice_coin() ? CMS_TIME_NONE : 0,
    };
}

static struct buf *
write_round(const struct round *r)
{
    struct buf *out = buf_new();
    struct sink sink = gather_sink(out);
    struct cms_armor *armor = NULL;
    struct cms_sign *s = NULL;
    struct err err = { 0 };

    if (r->text && !r->added && !r->countersigned) {
        struct cms_armor_options options = { .label = "CMS", .crlf = dice_coin() };

        ck_assert_int_eq(cms_armor_new(&armor, &options, &sink, &err), 0);
        sink = cms_armor_sink(armor);
    }
    ck_assert_msg(cms_sign_new(&s, &r->options, &sink, &err) == 0, "%s", err_text(&err));
    for (size_t at = 0, n; at < r->len; at += n) {
        n = 1 + dice_size(CONTENT_MAX);
        if (n > r->len - at)
            n = r->len - at;
        ck_assert_msg(cms_sign_update(s, r->content + at, n, &err) == 0, "%s", err_text(&err));
    }
    ck_assert_msg(cms_sign_finish(s, &err) == 0, "%s", err_text(&err));
    if (armor != NULL)
        ck_assert_int_eq(cms_armor_finish(armor, &err), 0);
    cms_sign_free(&s);
    cms_armor_free(&armor);
    return out;
}

/* A signer and a countersignature more, or neither. */
static struct buf *
sign_again(const struct round *r, struct buf *m, const struct cms_digests *digests)
{
    struct buf *more;

    if (r->added) {
        more = addsign(m, people(dice_below(people_count())), digests, dice_below(buf_len(m)));
        buf_free(&m);
        m = more;
    }
    if (r->countersigned) {
        more = countersign(m, people(dice_below(people_count())), dice_below(r->count),
                           dice_below(buf_len(m)));
        buf_free(&m);
        m = more;
    }
    return m;
}

static void
assert_verdicts(const struct round *r, const struct cms_signed *m)
{
    size_t counter = 0;

    ck_assert_uint_eq(m->count, r->count + r->added);
    ck_assert(m->detached == r->options.detached);
    for (size_t i = 0; i < m->count; i++) {
        const struct cms_signature *s = &m->signatures[i];

        ck_assert_msg(s->state == CMS_INTACT, "signer %zu, %s: %s", i, s->algorithm, s->reason);
        counter += s->countersignature_count;
        for (size_t j = 0; j < s->countersignature_count; j++)
            ck_assert_msg(s->countersignatures[j].state == CMS_INTACT, "countersignature: %s",
                          s->countersignatures[j].reason);
    }
    ck_assert_uint_eq(counter, r->countersigned);
}

static int
to_reader(void *reader, const uint8_t *data, size_t len, struct err *err)
{
    return cms_reader_update(reader, data, len, err);
}

static void
read_round(const struct round *r, const struct buf *m, const struct cms_digests *digests)
{
    struct buf *content = buf_new();
    struct cms_reader_options options = { .content = gather_sink(content) };
    struct cms_verify_options verify = { .content = digests };
    struct cms_reader *reader = NULL;
    struct cms_dearmor *dearmor = NULL;
    const struct cms_signed *result = NULL;
    struct err err = { 0 };
    struct sink in;

    ck_assert_int_eq(cms_reader_new(&reader, &options, &err), 0);
    in = (struct sink){ .write = to_reader, .arg = reader };
    ck_assert_int_eq(cms_dearmor_new(&dearmor, CMS_FORM_AUTO, &in, &err), 0);
    for (size_t at = 0, n; at < buf_len(m); at += n) {
        n = 1 + dice_size(CONTENT_MAX);
        if (n > buf_len(m) - at)
            n = buf_len(m) - at;
        ck_assert_msg(cms_dearmor_update(dearmor, buf_data(m) + at, n, &err) == 0, "%s",
                      err_text(&err));
    }
    ck_assert_msg(cms_dearmor_finish(dearmor, &err) == 0, "%s", err_text(&err));
    ck_assert_msg(cms_reader_finish(reader, &err) == 0, "%s", err_text(&err));
    ck_assert_msg(cms_verify(reader, &verify, &result, &err) == 0, "%s", err_text(&err));
    assert_verdicts(r, result);
    ck_assert_uint_eq(buf_len(content), r->options.detached ? 0 : r->len);
    if (!r->options.detached && r->len > 0)
        ck_assert_mem_eq(buf_data(content), r->content, r->len);
    cms_dearmor_free(&dearmor);
    cms_reader_free(&reader);
    buf_free(&content);
}

static void
one_round(void)
{
    struct cms_digests *digests = NULL;
    struct round r;
    struct buf *m;

    draw(&r);
    if (r.options.detached)
        digests = digests_of(r.content, r.len);
    m = sign_again(&r, write_round(&r), digests);
    read_round(&r, m, digests);
    cms_digests_free(&digests);
    buf_free(&m);
    free(r.content);
}

START_TEST(random_messages)
{
    dice_rounds(one_round, ROUNDS, SECONDS);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("cms-property");
    TCase *tc = tcase_create("property");

    if (!dice_share())
        return EXIT_FAILURE;
    for (size_t i = 0; i < people_count(); i++)
        (void)people(i);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, random_messages);
    suite_add_tcase(suite, tc);
    return dice_report(run_suite(suite));
}

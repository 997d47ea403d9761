/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A CRL by our own reader of DER: every part lies within what was given, and a CRL that is
 * written from its parts reads as the same one.
 */
#include <stdlib.h>
#include <string.h>

#include "trust/crl_der.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define KEPT 64

struct walk {
    struct span in, entries[KEPT];
    size_t count;
};

static void
check(int holds)
{
    if (!holds)
        abort();
}

static void
within(struct span part, struct span whole)
{
    check(part.len == 0 || (part.at >= whole.at && part.len <= whole.len &&
                            (size_t)(part.at - whole.at) <= whole.len - part.len));
}

static int
each(void *arg, const struct crl_entry *e)
{
    struct walk *w = arg;

    within(e->whole, w->in);
    within(e->serial, e->whole);
    within(e->issuer, e->whole);
    within(e->issuer_value, e->whole);
    check(e->whole.len <= CRL_ENTRY_MAX + 16);
    if (w->count < KEPT)
        w->entries[w->count] = e->whole;
    w->count++;
    if (e->issuer.len > 0) {
        struct buf *out = buf_new();
        check(out != NULL);
        (void)!crl_der_put_entry(e, e->issuer, out);
        buf_free(&out);
    }
    return 0;
}

static void
again(const struct crl_der *crl, const struct walk *w)
{
    struct buf *out = buf_new();
    struct crl_der copy;
    struct walk second = {0};

    check(out != NULL);
    if (w->count <= KEPT && crl_der_put(crl, w->entries, w->count, out) == 0) {
        check(crl_der_parse(buf_data(out), buf_len(out), &copy) == 0);
        second.in = (struct span){buf_data(out), buf_len(out)};
        check(crl_der_each(&copy, each, &second) == 0 && second.count == w->count);
        check(copy.issuer.len == crl->issuer.len &&
              memcmp(copy.issuer.at, crl->issuer.at, copy.issuer.len) == 0);
    }
    buf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct walk w = {.in = {data, len}};
    struct crl_der crl;

    if (crl_der_parse(data, len, &crl) != 0)
        return 0;
    within(crl.whole, w.in);
    within(crl.tbs, crl.whole);
    within(crl.before, crl.tbs);
    within(crl.after, crl.tbs);
    within(crl.issuer, crl.tbs);
    within(crl.entries, crl.tbs);
    within(crl.tail, crl.whole);
    if (crl_der_each(&crl, each, &w) == 0)
        again(&crl, &w);
    return 0;
}

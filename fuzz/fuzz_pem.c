/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PEM and base64 over any bytes: no crash, the same result however it is cut, and
 * what was decoded encodes and decodes to itself.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "cms/pem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static int
gather(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    (void)err;
    return buf_put(arg, data, len);
}

static int
dearmor(enum cms_form form, const uint8_t *data, size_t len, size_t piece, struct buf *out)
{
    struct sink sink = { .write = gather, .arg = out };
    struct cms_dearmor *d = NULL;
    struct err err = { 0 };
    int rc = cms_dearmor_new(&d, form, &sink, NULL);

    for (size_t at = 0; rc == 0 && at < len; at += piece)
        rc = cms_dearmor_update(d, data + at, piece < len - at ? piece : len - at, &err);
    if (rc == 0)
        rc = cms_dearmor_finish(d, &err);
    if (rc != 0 && err.text[0] == '\0')
        abort();
    cms_dearmor_free(&d);
    return rc;
}

static void
round_trip(const struct buf *in)
{
    static const struct cms_armor_options options = { .label = "CMS" };
    struct buf *text = buf_new(), *back = buf_new();
    struct sink sink = { .write = gather, .arg = text };
    struct cms_armor *a = NULL;

    if (cms_armor_new(&a, &options, &sink, NULL) != 0 ||
        cms_armor_update(a, buf_data(in), buf_len(in), NULL) != 0 ||
        cms_armor_finish(a, NULL) != 0 ||
        dearmor(CMS_FORM_PEM, buf_data(text), buf_len(text), buf_len(text), back) != 0 ||
        buf_len(back) != buf_len(in) ||
        memcmp(buf_data(back), buf_data(in), buf_len(in)) != 0)
        abort();
    cms_armor_free(&a);
    buf_free(&text);
    buf_free(&back);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct buf *whole, *cut;
    enum cms_form form;
    int rc;

    if (len < 2)
        return 0;
    whole = buf_new();
    cut = buf_new();
    form = (enum cms_form)(data[0] % 4);
    rc = dearmor(form, data + 2, len - 2, len, whole);
    if (dearmor(form, data + 2, len - 2, (size_t)data[1] + 1, cut) != rc)
        abort();
    if (rc == 0 && (buf_len(whole) != buf_len(cut) ||
                    memcmp(buf_data(whole), buf_data(cut), buf_len(cut)) != 0))
        abort();
    if (rc == 0)
        round_trip(whole);
    buf_free(&whole);
    buf_free(&cut);
    return 0;
}

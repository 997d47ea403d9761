/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mail over any bytes: the MIME splitter must give back each byte once, the
 * reader must come to the same result however the input is cut, and the address and
 * parameter parsers must not crash. The first two bytes say where to cut.
 */
#include <stdlib.h>
#include <string.h>

#include "mail/entity.h"
#include "mail/read.h"
#include "mail/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct sum {
    uint64_t hash, size;
};

static void
add(struct sum *s, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        s->hash = s->hash * 31 + data[i];
    s->size += len;
}

static int
on_content(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    (void)err;
    add(arg, data, len);
    return 0;
}

static int
on_begin(void *arg, struct entity *e, struct err *err)
{
    const uint8_t *bytes;
    size_t len;

    (void)err;
    if (e->header == NULL)
        return 0;
    bytes = header_bytes_view(e->header, &len);
    add(arg, bytes, len);
    return 0;
}

static int
on_body(void *arg, const struct entity *e, const uint8_t *data, size_t len, struct err *err)
{
    (void)e;
    (void)err;
    add(arg, data, len);
    return 0;
}

static int
on_gap(void *arg, const struct entity *e, enum entity_gap gap, const uint8_t *data, size_t len,
       struct err *err)
{
    (void)e;
    (void)gap;
    (void)err;
    add(arg, data, len);
    return 0;
}

static int
on_end(void *arg, const struct entity *e, struct err *err)
{
    (void)arg;
    (void)e;
    (void)err;
    return 0;
}

static void
split(const uint8_t *data, size_t len, size_t cut)
{
    struct sum all = {0}, events = {0};
    struct entity_handler handler = {
        .begin = on_begin, .body = on_body, .gap = on_gap, .end = on_end, .arg = &events,
    };
    struct entity_reader *r;
    int rc;

    if (entity_reader_new(&r, &handler, true) != 0)
        abort();
    rc = entity_reader_update(r, data, cut, NULL);
    if (rc == 0)
        rc = entity_reader_update(r, data + cut, len - cut, NULL);
    if (rc == 0)
        rc = entity_reader_finish(r, NULL);
    entity_reader_free(&r);
    add(&all, data, len);
    if (rc == 0 && (all.size != events.size || all.hash != events.hash))
        abort();
}

static void
scan(const uint8_t *data, size_t len)
{
    struct scan *s;
    int rc;

    if (scan_new(&s) != 0)
        abort();
    rc = scan_update(s, data, len, NULL);
    if (rc == 0)
        rc = scan_finish(s, NULL);
    if (rc == 0 && scan_size(s) != len)
        abort();
    scan_free(&s);
}

static int
read_mail(const uint8_t *data, size_t len, size_t cut, struct sum *ret)
{
    struct mail_reader_options options = {.content = {.write = on_content, .arg = ret}};
    const struct cms_signed *said;
    struct mail_reader *r;
    struct address a;
    int rc;

    *ret = (struct sum){0};
    if (mail_reader_new(&r, &options, NULL) != 0)
        abort();
    rc = mail_reader_update(r, data, cut, NULL);
    if (rc == 0)
        rc = mail_reader_update(r, data + cut, len - cut, NULL);
    if (rc == 0)
        rc = mail_reader_finish(r, NULL);
    if (rc == 0) {
        mail_reader_address(r, "From", &a);
        if (cms_reader_type(mail_reader_cms(r)) != 0)
            rc = mail_reader_verify(r, NULL, &said, NULL);
    }
    mail_reader_free(&r);
    return rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct sum whole, cut;
    struct address a;
    size_t at;
    int rc;

    if (len < 2)
        return 0;
    at = (size_t)(data[0] << 8 | data[1]);
    data += 2;
    len -= 2;
    at = len == 0 ? 0 : at % len;
    split(data, len, 0);
    split(data, len, at);
    scan(data, len);
    rc = read_mail(data, len, 0, &whole);
    /* Which of two faults is met first may depend on the cut. */
    if ((read_mail(data, len, at, &cut) == 0) != (rc == 0))
        abort();
    if (rc == 0 && (whole.size != cut.size || whole.hash != cut.hash))
        abort();
    address_read(&a, data, len);
    return 0;
}

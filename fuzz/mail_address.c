/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Any bytes as the value of From: the parser must not crash, what it gives as the one
 * address must be read as that same address again, and must be shown as it is. The
 * same bytes as a header value for people, and as Content-Type.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "mail/address.h"
#include "mail/charset.h"
#include "mail/param.h"
#include "mail/protected.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
read_address(const uint8_t *data, size_t len)
{
    struct address a, again;
    size_t n;

    address_read(&a, data, len);
    if (a.state == ADDRESS_AMBIGUOUS && (a.text[0] != '\0' || a.reason == NULL))
        abort();
    if (a.state != ADDRESS_ONE)
        return;
    n = strlen(a.text);
    if (n < 3 || strchr(a.text, '@') == NULL || strpbrk(a.text, "\r\n") != NULL)
        abort();
    address_read(&again, (const uint8_t *)a.text, n);
    if (again.state != ADDRESS_ONE || strcmp(again.text, a.text) != 0)
        abort();
}

/* A block of fields, against itself: whatever is in it, nothing differs. */
static void
read_block(const uint8_t *data, size_t len)
{
    struct header *h;
    struct protected_header p;
    struct buf *names = buf_new();
    struct address a;
    size_t used;

    if (names == NULL || header_new(&h, HEADER_PART_MAX) != 0)
        abort();
    if (header_update(h, data, len, &used, NULL) == 0 && header_finish(h, NULL) == 0) {
        address_from_header(&a, h, "From");
        protected_find(&p, h, NULL);
        if (protected_put_differences(&p, h, names) != 0)
            abort();
        if (p.form == PROTECTED_CLEAR && buf_len(names) > 0)
            abort();
    }
    header_free(&h);
    buf_free(&names);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct buf *text = buf_new();
    struct media *m = NULL;

    read_address(data, len);
    read_block(data, len);
    if (text == NULL || charset_put_header(text, data, len) != 0)
        abort();
    if (media_parse(&m, data, len) == 0) {
        (void)media_param(m, "boundary");
        (void)protected_legacy_display(m);
    }
    media_free(&m);
    buf_free(&text);
    return 0;
}

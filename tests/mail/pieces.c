/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/mail/pieces.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

size_t
pieces_next(size_t way, size_t len)
{
    return way > PIECES_MAX && way + 40 < len ? way + 37 : way + 1;
}

void
pieces_put(char *at, const char *text)
{
    while (*text != '\0')
        *at++ = *text++;
}

static int
feed_one(pieces_update update, void *arg, const uint8_t *data, size_t len, struct err *err)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);
    int rc;

    if (copy == NULL)
        ck_abort();
    memcpy(copy, data, len);
    rc = update(arg, copy, len, err);
    free(copy);
    return rc;
}

int
pieces_feed(pieces_update update, void *arg, const void *data, size_t len, size_t way,
            struct err *err)
{
    const uint8_t *p = data;
    int rc = 0;

    if (way == 0)
        return feed_one(update, arg, p, len, err);
    if (way < len) {
        rc = feed_one(update, arg, p, way, err);
        return rc != 0 ? rc : feed_one(update, arg, p + way, len - way, err);
    }
    for (size_t i = 0; rc == 0 && i < len; i++)
        rc = feed_one(update, arg, p + i, 1, err);
    return rc;
}

static int
append(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    (void)err;
    return buf_put(arg, data, len);
}

struct sink
pieces_sink(struct buf *b)
{
    return (struct sink){.write = append, .arg = b};
}

void
pieces_is(struct buf *b, const char *text)
{
    ck_assert_str_eq(buf_cstr(b), text);
    ck_assert_uint_eq(buf_len(b), strlen(text));
}

char *
pieces_crlf(const char *text)
{
    char *out = malloc(2 * strlen(text) + 1), *p = out;

    ck_assert_ptr_nonnull(out);
    for (; *text != '\0'; text++) {
        if (*text == '\n')
            *p++ = '\r';
        *p++ = *text;
    }
    *p = '\0';
    return out;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mail/canonical.h"

#include <string.h>

/* Lines at least this long are handed on where they are: copying costs more. */
#define DIRECT_MIN 4096u

void
canonical_init(struct canonical *c)
{
    c->after_cr = false;
    c->fill = 0;
}

static int
flush(struct canonical *c, const struct sink *out, struct err *err)
{
    size_t fill = c->fill;

    c->fill = 0;
    return sink_write(out, c->buffer, fill, err);
}

static int
put(struct canonical *c, const uint8_t *data, size_t len, const struct sink *out,
    struct err *err)
{
    int rc;

    if (c->fill + len + 2 > CANONICAL_BUFFER && (rc = flush(c, out, err)) != 0)
        return rc;
    if (len >= DIRECT_MIN) {
        if ((rc = flush(c, out, err)) != 0)
            return rc;
        return sink_write(out, data, len, err);
    }
    memcpy(c->buffer + c->fill, data, len);
    c->fill += len;
    return 0;
}

/* Copies from the first bare LF, which is at nl, to the end of the piece. */
static int
convert(struct canonical *c, const uint8_t *data, size_t len, const uint8_t *nl,
        const struct sink *out, struct err *err)
{
    const uint8_t *end = data + len;
    int rc;

    while (nl != NULL) {
        bool crlf = nl == data ? c->after_cr : nl[-1] == '\r';

        if ((rc = put(c, data, (size_t)(nl - data), out, err)) != 0)
            return rc;
        /* put() leaves room for two. */
        if (!crlf)
            c->buffer[c->fill++] = '\r';
        c->buffer[c->fill++] = '\n';
        c->after_cr = false;
        data = nl + 1;
        nl = memchr(data, '\n', (size_t)(end - data));
    }
    if (data < end) {
        c->after_cr = end[-1] == '\r';
        if ((rc = put(c, data, (size_t)(end - data), out, err)) != 0)
            return rc;
    }
    return flush(c, out, err);
}

int
canonical_update(struct canonical *c, const uint8_t *data, size_t len,
                 const struct sink *out, struct err *err)
{
    const uint8_t *p = data, *end = data + len, *nl;

    if (len == 0)
        return 0;
    while ((nl = memchr(p, '\n', (size_t)(end - p))) != NULL) {
        if (nl == data ? !c->after_cr : nl[-1] != '\r')
            return convert(c, data, len, nl, out, err);
        p = nl + 1;
    }
    c->after_cr = end[-1] == '\r';
    return sink_write(out, data, len, err);
}

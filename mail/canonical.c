/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mail/canonical.h"

#include "mail/lines.h"

/* Converted at once: so much that each line end in it could grow. */
#define PIECE ((CANONICAL_BUFFER - 16) / 2)

_Static_assert(LINES_CRLF_MAX(PIECE) <= CANONICAL_BUFFER, "pieces that grow beyond the buffer");

void
canonical_init(struct canonical *c)
{
    c->after_cr = false;
}

int
canonical_update(struct canonical *c, const uint8_t *data, size_t len,
                 const struct sink *out, struct err *err)
{
    bool converts;
    int rc = 0;

    if (len == 0)
        return 0;
    converts = lines_find_bare(data, len, c->after_cr) != NULL;
    while (rc == 0 && converts && len > 0) {
        size_t n = len < PIECE ? len : PIECE, made;

        made = lines_to_crlf(data, n, c->after_cr, c->buffer);
        c->after_cr = data[n - 1] == '\r';
        rc = sink_write(out, c->buffer, made, err);
        data += n;
        len -= n;
    }
    if (rc != 0 || len == 0)
        return rc;
    c->after_cr = data[len - 1] == '\r';
    return sink_write(out, data, len, err);
}

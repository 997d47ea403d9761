/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/segments.h"

#include "cms/ber.h"
#include "cms/sign.h"

int
segments_init(struct segments *s)
{
    s->small = buf_new();
    return s->small == NULL ? E_NOMEM : 0;
}

void
segments_clear(struct segments *s)
{
    buf_free(&s->small);
}

static int
write_segment(const struct sink *out, const uint8_t *data, size_t len, struct err *err)
{
    uint8_t header[BER_WRITE_MAX];
    size_t n = ber_write_header(header, BER_OCTET_STRING, (int64_t)len);
    int rc = sink_write(out, header, n, err);

    return rc != 0 ? rc : sink_write(out, data, len, err);
}

int
segments_flush(struct segments *s, const struct sink *out, struct err *err)
{
    int rc = buf_len(s->small) == 0
        ? 0 : write_segment(out, buf_data(s->small), buf_len(s->small), err);

    buf_reset(s->small);
    return rc;
}

int
segments_put(struct segments *s, const struct sink *out, const uint8_t *data, size_t len,
             struct err *err)
{
    int rc = 0;

    while (rc == 0 && len > 0) {
        size_t room = CMS_SEGMENT_SIZE - buf_len(s->small), n = len < room ? len : room;

        if (room == CMS_SEGMENT_SIZE && len >= room)
            return write_segment(out, data, len, err);
        if (buf_put(s->small, data, n) != 0)
            return err_set(err, E_NOMEM, "message: out of memory");
        data += n;
        len -= n;
        if (n == room)
            rc = segments_flush(s, out, err);
    }
    return rc;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/stream.h"

int
stream_pump(struct infile *in, const struct sink *to, struct err *err)
{
    const uint8_t *piece;
    ssize_t n;
    int rc = 0;

    while (rc == 0 && (n = infile_next(in, &piece, err)) != 0)
        rc = n < 0 ? (int)n : sink_write(to, piece, (size_t)n, err);
    return rc;
}

static int
write_outfile(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    return outfile_write(arg, data, len, err);
}

struct sink
stream_outfile(struct outfile *out)
{
    return (struct sink){.write = write_outfile, .arg = out};
}

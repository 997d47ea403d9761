/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/stream.h"

#include <stdlib.h>

int
stream_pump(struct infile *in, const struct sink *to, struct err *err)
{
    uint8_t *piece = malloc(IO_CHUNK);
    ssize_t n;
    int rc = 0;

    if (!piece)
        return err_set(err, E_NOMEM, "out of memory while reading %s", infile_name(in));
    while (rc == 0 && (n = infile_read(in, piece, IO_CHUNK, err)) != 0)
        rc = n < 0 ? (int)n : sink_write(to, piece, (size_t)n, err);
    free(piece);
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

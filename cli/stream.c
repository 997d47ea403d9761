/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/stream.h"

int
stream_pump(struct infile *in, const struct sink *to, struct err *err)
{
    return infile_pump(in, to, err);
}

struct sink
stream_outfile(struct outfile *out)
{
    return outfile_sink(out);
}

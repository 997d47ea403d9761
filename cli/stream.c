/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/stream.h"

#include "cli/progress.h"

/* Counts what passes. */
struct meter {
    struct progress progress;
    struct sink to;
};

static int
into_meter(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    struct meter *m = arg;

    progress_step(&m->progress, len);
    return sink_write(&m->to, data, len, err);
}

int
stream_pump(struct infile *in, const struct sink *to, struct err *err)
{
    struct meter meter = {.to = *to};
    struct sink metered = {.write = into_meter, .arg = &meter};
    int rc;

    progress_begin(&meter.progress, infile_name(in), infile_size(in));
    rc = infile_pump(in, meter.progress.fd >= 0 ? &metered : to, err);
    progress_end(&meter.progress);
    return rc;
}

struct sink
stream_outfile(struct outfile *out)
{
    return outfile_sink(out);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files as ends of streams: pumping an input into a sink, a sink into an output. */
#ifndef SIGNET_CLI_STREAM_H
#define SIGNET_CLI_STREAM_H

#include "base/io.h"
#include "base/sink.h"

/* Reads from where the input stands to its end. Returns what the sink or the
 * input failed with. */
int stream_pump(struct infile *, const struct sink *to, struct err *err) must_check;

/* A sink that is outfile_write; borrows the output. */
struct sink stream_outfile(struct outfile *);

#endif

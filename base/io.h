/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Input and output of files as users name them.
 *
 * Input: infile_open refuses directories with a sentence and reads regular
 * files, pipes and terminals alike; "-" or NULL is standard input.
 *
 * Output: unverified or unfinished output is not output. outfile_open prepares
 * an unnamed (or hidden temporary) file beside the target; outfile_commit gives
 * it its name in one step, replacing what was there; outfile_free without a
 * commit leaves no trace. Standard output with spool set is held in an unnamed
 * temporary file until the commit; without it bytes go out as they come. Targets that
 * are no regular files (/dev/null, a pipe) behave as standard output. Large output to
 * a regular file is written by a thread behind the caller (base/overlap.h), so a disk that is
 * full may be reported by a later write, at the latest by the commit.
 */
#ifndef SIGNET_BASE_IO_H
#define SIGNET_BASE_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/sink.h"

/* Piece size for streaming reads, in bytes. */
#define IO_CHUNK (256u * 1024)

/* All of it, over EINTR and short writes. Returns 0 or -1 with errno. */
int io_write_all(int fd, const void *data, size_t len) must_check;
/* One read over EINTR: bytes, 0 at the end, -1 with errno. */
ssize_t io_read(int fd, void *data, size_t len) must_check;
/* A whole small file (PIN file, certificate), at most max bytes: E_LIMIT over it. */
int io_read_file(const char *path, size_t max, struct buf *out, struct err *err) must_check;

/* A new unnamed file under TMPDIR (or /tmp): its descriptor, or a negative E_*. */
int io_unnamed(struct err *err) must_check;

struct infile;
int infile_open(struct infile **ret, const char *path, struct err *err) must_check;
/* Bytes read (0 at the end), or a negative E_*. */
ssize_t infile_read(struct infile *, void *data, size_t max, struct err *err) must_check;
/* The same without a buffer of the caller's: the next bytes, borrowed until the next call.
 * A large regular file is read ahead by a thread meanwhile (base/overlap.h). Once begun,
 * nothing else reads until infile_rewind. */
ssize_t infile_next(struct infile *, const uint8_t **ret, struct err *err) must_check;
/* Makes the input re-readable: a regular file as it is, anything else spooled to
 * an unnamed temporary file. Call before the first read. */
int infile_make_seekable(struct infile *, struct err *err) must_check;
int infile_rewind(struct infile *, struct err *err) must_check;
/* Size in bytes if it is known (regular file or spooled), else -1. */
off_t infile_size(const struct infile *);
/* "FILE" or "standard input", for messages. */
const char *infile_name(const struct infile *);
void infile_free(struct infile **);
#define autofree_infile __attribute__((cleanup(infile_free)))

/* All from where it stands to its end. Returns what reading or the sink failed with. */
int infile_pump(struct infile *, const struct sink *to, struct err *err) must_check;

struct outfile;
int outfile_open(struct outfile **ret, const char *path, bool spool,
                 struct err *err) must_check;
int outfile_write(struct outfile *, const void *data, size_t len, struct err *err) must_check;
/* Forgets what was written, to write anew; for output that waits for its commit
 * (E_INTERNAL otherwise). */
int outfile_restart(struct outfile *, struct err *err) must_check;
int outfile_commit(struct outfile *, struct err *err) must_check;
void outfile_free(struct outfile **);
#define autofree_outfile __attribute__((cleanup(outfile_free)))

/* A sink that is outfile_write; borrows the output. */
struct sink outfile_sink(struct outfile *);

#endif

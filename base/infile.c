/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/overlap.h"
#include "base/secret.h"

struct infile {
    int fd;
    bool seekable;
    off_t start;   /* where the input began in a seekable file */
    off_t size;    /* from start, or -1 */
    char *name;
    uint8_t *piece;         /* infile_next's: one of these, or neither yet */
    size_t held;            /* bytes of piece that were ever written to */
    struct ahead *ahead;
};

static int
look(struct infile *in, struct err *err)
{
    struct stat st;
    if (fstat(in->fd, &st) != 0)
        return err_set_sys(err, E_INPUT, errno, "%s cannot be read", in->name);
    if (S_ISDIR(st.st_mode))
        return err_set(err, E_INPUT, "%s is a directory; name a file in it", in->name);
    in->size = -1;
    if (!S_ISREG(st.st_mode))
        return 0;
    in->start = lseek(in->fd, 0, SEEK_CUR);
    in->seekable = in->start >= 0;
    if (in->seekable)
        in->size = st.st_size > in->start ? st.st_size - in->start : 0;
    return 0;
}

int
infile_open(struct infile **ret, const char *path, struct err *err)
{
    struct infile *in = calloc(1, sizeof *in);
    if (in == NULL)
        return err_set(err, E_NOMEM, "out of memory");
    bool standard = path == NULL || strcmp(path, "-") == 0;
    in->name = strdup(standard ? "standard input" : path);
    in->fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    int rc = 0;
    if (in->name == NULL)
        rc = err_set(err, E_NOMEM, "out of memory");
    else if (in->fd < 0)
        rc = err_set_sys(err, E_INPUT, errno, "\"%s\" cannot be opened", path);
    else
        rc = look(in, err);
    if (rc != 0)
        infile_free(&in);
    else
        *ret = in;
    return rc;
}

ssize_t
infile_read(struct infile *in, void *data, size_t max, struct err *err)
{
    ssize_t n = io_read(in->fd, data, max);
    if (n < 0)
        return err_set_sys(err, E_INPUT, errno, "%s cannot be read", in->name);
    return n;
}

/* A large file is read ahead; where that cannot be, as any other. */
static int
start_next(struct infile *in, struct err *err)
{
    if (in->size >= (off_t)OVERLAP_MIN && overlap_helps() && ahead_new(&in->ahead, in->fd) == 0)
        return 0;
    in->piece = malloc(IO_CHUNK);
    return in->piece != NULL ? 0 : err_set(err, E_NOMEM, "out of memory while reading %s",
                                           in->name);
}

static void
stop_next(struct infile *in)
{
    ahead_free(&in->ahead);
    if (in->piece != NULL)
        wipe(in->piece, in->held);
    free(in->piece);
    in->piece = NULL;
    in->held = 0;
}

/* What was never written to need not be wiped: a small file would cost 64 pages of memory. */
static ssize_t
fill(struct infile *in, struct err *err)
{
    ssize_t n = infile_read(in, in->piece, IO_CHUNK, err);
    size_t held = n < 0 ? IO_CHUNK : (size_t)n;
    if (held > in->held)
        in->held = held;
    return n;
}

ssize_t
infile_next(struct infile *in, const uint8_t **ret, struct err *err)
{
    int rc = in->ahead != NULL || in->piece != NULL ? 0 : start_next(in, err);
    if (rc != 0)
        return rc;
    *ret = in->piece;
    if (in->piece != NULL)
        return fill(in, err);
    ssize_t n = ahead_next(in->ahead, ret);
    if (n < 0)
        return err_set_sys(err, E_INPUT, errno, "%s cannot be read", in->name);
    return n;
}

int
infile_pump(struct infile *in, const struct sink *to, struct err *err)
{
    const uint8_t *piece = NULL;
    ssize_t n;
    int rc = 0;
    while (rc == 0 && (n = infile_next(in, &piece, err)) != 0)
        rc = n < 0 ? (int)n : sink_write(to, piece, (size_t)n, err);
    return rc;
}

static int
spool(struct infile *in, int to, off_t *ret_size, struct err *err)
{
    off_t size = 0;
    char *piece = malloc(IO_CHUNK);
    if (piece == NULL)
        return err_set(err, E_NOMEM, "out of memory");
    ssize_t n;
    int rc = 0;
    while (rc == 0 && (n = infile_read(in, piece, IO_CHUNK, err)) != 0) {
        if (n < 0)
            rc = (int)n;
        else if (io_write_all(to, piece, (size_t)n) != 0)
            rc = err_set_sys(err, E_SYSTEM, errno,
                             "%s cannot be kept in a temporary file; make room or set TMPDIR",
                             in->name);
        else
            size += n;
    }
    free(piece);
    if (rc == 0 && lseek(to, 0, SEEK_SET) != 0)
        rc = err_set_sys(err, E_SYSTEM, errno, "temporary file cannot be rewound");
    *ret_size = size;
    return rc;
}

int
infile_make_seekable(struct infile *in, struct err *err)
{
    if (in->seekable)
        return 0;
    off_t size = 0;
    int to = io_unnamed(err);
    if (to < 0)
        return to;
    int rc = spool(in, to, &size, err);
    if (rc != 0) {
        close(to);
        return rc;
    }
    if (in->fd != STDIN_FILENO)
        close(in->fd);
    in->fd = to;
    in->seekable = true;
    in->start = 0;
    in->size = size;
    return 0;
}

int
infile_rewind(struct infile *in, struct err *err)
{
    if (!in->seekable)
        return err_set(err, E_INTERNAL, "%s cannot be read twice", in->name);
    stop_next(in);
    if (lseek(in->fd, in->start, SEEK_SET) < 0)
        return err_set_sys(err, E_INPUT, errno, "%s cannot be rewound", in->name);
    return 0;
}

off_t
infile_size(const struct infile *in)
{
    return in->size;
}

const char *
infile_name(const struct infile *in)
{
    return in->name;
}

void
infile_free(struct infile **pin)
{
    if (pin == NULL || *pin == NULL)
        return;
    struct infile *in = *pin;
    stop_next(in);
    if (in->fd > STDIN_FILENO)
        close(in->fd);
    free(in->name);
    free(in);
    *pin = NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/io.h"
#include "base/overlap.h"

/* Small writes are gathered up to this many bytes. */
#define GATHER (64u * 1024)
/* Attempts at a hidden name that nobody has yet. */
#define NAME_TRIES 16
#define HIDDEN_PREFIX ".signet-"

enum way {
    DIRECT,  /* bytes go to the target as they come */
    SPOOLED, /* to the target at the commit; kept in `pending`, then in `fd` */
    PLACED,  /* to `fd`, which gets the target's name at the commit */
};

struct outfile {
    enum way way;
    char *name;          /* for messages */
    int target;          /* DIRECT, SPOOLED: the opened target */
    int fd;              /* the temporary file, or -1 */
    int folder;          /* PLACED: where it goes, and the name it gets there */
    char *base;
    char *hidden;        /* the temporary's own name in the folder, if it has one */
    struct buf *pending;
    uint64_t written;    /* to fd or target, before `behind` is */
    struct behind *behind;
};

static int
failed(const struct outfile *out, struct err *err)
{
    return err_set_sys(err, E_OUTPUT, errno, "%s cannot be written", out->name);
}

/* Runs make(out, name) with hidden names until one is free, and keeps the name. */
static int
with_hidden_name(struct outfile *out, int (*make)(struct outfile *, const char *))
{
    uint8_t random[8];
    char name[sizeof HIDDEN_PREFIX + 2 * sizeof random] = HIDDEN_PREFIX;
    for (int i = 0; i < NAME_TRIES; i++) {
        if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
            return -1;
        hex_encode(random, sizeof random, name + sizeof HIDDEN_PREFIX - 1);
        if (make(out, name) == 0) {
            out->hidden = strdup(name);
            if (out->hidden == NULL)
                unlinkat(out->folder, name, 0);
            return out->hidden != NULL ? 0 : -1;
        }
        if (errno != EEXIST)
            return -1;
    }
    return -1;
}

static int
create_as(struct outfile *out, const char *name)
{
    out->fd = openat(out->folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    return out->fd < 0 ? -1 : 0;
}

static int
link_as(struct outfile *out, const char *name)
{
    char self[64];
    snprintf(self, sizeof self, "/proc/self/fd/%d", out->fd);
    return linkat(AT_FDCWD, self, out->folder, name, AT_SYMLINK_FOLLOW);
}

/* An unnamed file in the folder; a hidden one where the file system or a missing
 * /proc would not let it get a name later. */
static int
open_temporary(struct outfile *out, const struct stat *replaced, struct err *err)
{
    if (access("/proc/self/fd", X_OK) == 0)
        out->fd = openat(out->folder, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0666);
    if (out->fd < 0 && with_hidden_name(out, create_as) != 0)
        return failed(out, err);
    if (replaced != NULL && fchmod(out->fd, replaced->st_mode & 07777) != 0)
        return failed(out, err);
    return 0;
}

static int
open_folder(struct outfile *out, const char *path, struct err *err)
{
    const char *slash = strrchr(path, '/');
    char *folder;
    if (slash == NULL)
        folder = strdup(".");
    else
        folder = strndup(path, slash == path ? 1 : (size_t)(slash - path));
    out->base = strdup(slash != NULL ? slash + 1 : path);
    if (out->base == NULL || folder == NULL) {
        free(folder);
        return err_set(err, E_NOMEM, "out of memory");
    }
    out->folder = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    free(folder);
    return out->folder < 0 ? failed(out, err) : 0;
}

static int
open_path(struct outfile *out, const char *path, struct err *err)
{
    struct stat st;
    bool there = stat(path, &st) == 0;
    if (there && S_ISDIR(st.st_mode))
        return err_set(err, E_OUTPUT, "%s is a directory; name a file in it", out->name);
    if (there && !S_ISREG(st.st_mode)) {
        out->target = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
        return out->target < 0 ? failed(out, err) : 0;
    }
    out->way = PLACED;
    /* Through a symbolic link the file it leads to is replaced, not the link. */
    char *real = there ? realpath(path, NULL) : NULL;
    int rc = open_folder(out, real != NULL ? real : path, err);
    free(real);
    return rc != 0 ? rc : open_temporary(out, there ? &st : NULL, err);
}

static char *
message_name(const char *path)
{
    char *name;
    if (path == NULL)
        return strdup("standard output");
    return asprintf(&name, "\"%s\"", path) < 0 ? NULL : name;
}

int
outfile_open(struct outfile **ret, const char *path, bool spool, struct err *err)
{
    struct outfile *out = calloc(1, sizeof *out);
    if (out == NULL)
        return err_set(err, E_NOMEM, "out of memory");
    if (path != NULL && strcmp(path, "-") == 0)
        path = NULL;
    *out = (struct outfile){.way = spool ? SPOOLED : DIRECT,
                            .name = message_name(path),
                            .target = -1,
                            .fd = -1,
                            .folder = -1,
                            .pending = buf_new()};
    int rc = 0;
    if (out->name == NULL || out->pending == NULL)
        rc = err_set(err, E_NOMEM, "out of memory");
    else if (path != NULL)
        rc = open_path(out, path, err);
    else if ((out->target = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)) < 0)
        rc = failed(out, err);
    if (rc != 0)
        outfile_free(&out);
    else
        *ret = out;
    return rc;
}

/* A large file is written behind the caller; where that cannot be, as any other. */
static void
start_behind(struct outfile *out, int fd)
{
    struct stat st;
    if (out->written < OVERLAP_MIN || !overlap_helps() || fstat(fd, &st) != 0 ||
        !S_ISREG(st.st_mode) || behind_new(&out->behind, fd) != 0)
        out->written = 0;
}

static int
write_to(struct outfile *out, int fd, const void *data, size_t len, struct err *err)
{
    if (io_write_all(fd, data, len) != 0)
        return failed(out, err);
    out->written += len;
    if (out->written >= OVERLAP_MIN)
        start_behind(out, fd);
    return 0;
}

/* Bytes into the temporary file; a spool gets one when it no longer fits in memory. */
static int
write_temporary(struct outfile *out, const void *data, size_t len, struct err *err)
{
    if (out->fd < 0) {
        out->fd = io_unnamed(err);
        if (out->fd < 0)
            return out->fd;
    }
    return write_to(out, out->fd, data, len, err);
}

/* All that was given is in the file. */
static int
flush(struct outfile *out, struct err *err)
{
    if (out->behind != NULL)
        return behind_settle(out->behind) != 0 ? failed(out, err) : 0;
    if (buf_len(out->pending) == 0)
        return 0;
    int rc = write_temporary(out, buf_data(out->pending), buf_len(out->pending), err);
    if (rc == 0)
        buf_reset(out->pending);
    return rc;
}

int
outfile_write(struct outfile *out, const void *data, size_t len, struct err *err)
{
    bool gathers = out->way != DIRECT && out->behind == NULL;
    if (gathers && (len > GATHER || buf_len(out->pending) > GATHER - len)) {
        int rc = flush(out, err);
        if (rc != 0)
            return rc;
    }
    if (out->behind != NULL)
        return behind_write(out->behind, data, len) != 0 ? failed(out, err) : 0;
    if (out->way == DIRECT)
        return write_to(out, out->target, data, len, err);
    if (len >= GATHER)
        return write_temporary(out, data, len, err);
    if (buf_put(out->pending, data, len) != 0)
        return err_set(err, E_NOMEM, "out of memory");
    return 0;
}

static int
write_sink(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    return outfile_write(arg, data, len, err);
}

struct sink
outfile_sink(struct outfile *out)
{
    return (struct sink){.write = write_sink, .arg = out};
}

int
outfile_restart(struct outfile *out, struct err *err)
{
    if (out->way == DIRECT)
        return err_set(err, E_INTERNAL, "%s cannot be written anew", out->name);
    behind_free(&out->behind);
    out->written = 0;
    buf_reset(out->pending);
    if (out->fd >= 0 && (ftruncate(out->fd, 0) != 0 || lseek(out->fd, 0, SEEK_SET) != 0))
        return failed(out, err);
    return 0;
}

/* Quotas and network file systems report a failed write at a close; closing a
 * duplicate asks for that while the file can still be given up. */
static int
settle(struct outfile *out, int fd, struct err *err)
{
    int twin = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (twin < 0 || (close(twin) != 0 && errno != EINTR))
        return failed(out, err);
    return 0;
}

/* Gives the temporary file the target's name; -1 with errno. */
static int
take_name(struct outfile *out)
{
    if (out->hidden == NULL) {
        if (link_as(out, out->base) == 0)
            return 0;
        if (errno != EEXIST || with_hidden_name(out, link_as) != 0)
            return -1;
    }
    if (renameat(out->folder, out->hidden, out->folder, out->base) != 0)
        return -1;
    free(out->hidden);
    out->hidden = NULL;
    return 0;
}

/* No signal ends the process between the hidden name and the target's. */
static int
place(struct outfile *out, struct err *err)
{
    sigset_t all, before;
    int rc = flush(out, err);
    if (rc == 0)
        rc = settle(out, out->fd, err);
    if (rc != 0)
        return rc;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    if (take_name(out) != 0)
        rc = failed(out, err);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

static int
copy_spool(struct outfile *out, struct err *err)
{
    uint8_t *piece = NULL;
    ssize_t n;
    if (lseek(out->fd, 0, SEEK_SET) != 0)
        return failed(out, err);
    buf_reset(out->pending);
    if (buf_reserve(out->pending, GATHER, &piece) != 0)
        return err_set(err, E_NOMEM, "out of memory");
    while ((n = io_read(out->fd, piece, GATHER)) > 0)
        if (io_write_all(out->target, piece, (size_t)n) != 0)
            return failed(out, err);
    return n < 0 ? failed(out, err) : 0;
}

static int
deliver(struct outfile *out, struct err *err)
{
    int rc = 0;
    if (out->fd >= 0) {
        rc = flush(out, err);
        if (rc == 0)
            rc = copy_spool(out, err);
    } else if (io_write_all(out->target, buf_data(out->pending), buf_len(out->pending)) != 0) {
        rc = failed(out, err);
    }
    return rc;
}

int
outfile_commit(struct outfile *out, struct err *err)
{
    int rc = out->way == PLACED ? place(out, err)
             : out->way == SPOOLED ? deliver(out, err) : flush(out, err);
    if (rc == 0 && out->way != PLACED)
        rc = settle(out, out->target, err);
    return rc;
}

void
outfile_free(struct outfile **pout)
{
    if (pout == NULL || *pout == NULL)
        return;
    struct outfile *out = *pout;
    /* What went directly is out, whatever comes of it. */
    if (out->way == DIRECT && out->behind != NULL)
        (void)!behind_settle(out->behind);
    behind_free(&out->behind);
    if (out->hidden != NULL)
        unlinkat(out->folder, out->hidden, 0);
    const int fds[] = {out->target, out->fd, out->folder};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    buf_free(&out->pending);
    free(out->name);
    free(out->base);
    free(out->hidden);
    free(out);
    *pout = NULL;
}

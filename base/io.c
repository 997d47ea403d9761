/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* First guess of a file's size when the system does not tell it. */
#define READ_STEP 4096u

int
io_write_all(int fd, const void *data, size_t len)
{
    const char *p = data;
    while (len > 0) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

ssize_t
io_read(int fd, void *data, size_t len)
{
    ssize_t n;
    do
        n = read(fd, data, len);
    while (n < 0 && errno == EINTR);
    return n;
}

static int
read_up_to(int fd, const char *path, size_t max, struct buf *out, struct err *err)
{
    size_t total = 0;
    for (;;) {
        uint8_t *place;
        int rc = buf_reserve(out, READ_STEP, &place);
        if (rc != 0)
            return err_set(err, rc, "\"%s\" is too large to be kept in memory", path);
        ssize_t n = io_read(fd, place, READ_STEP);
        int sys = errno;
        buf_trim(out, READ_STEP - (n > 0 ? (size_t)n : 0));
        if (n < 0)
            return err_set_sys(err, E_INPUT, sys, "\"%s\" cannot be read", path);
        if (n == 0)
            return 0;
        total += (size_t)n;
        if (total > max)
            return err_set(err, E_LIMIT,
                           "\"%s\" is larger than the %zu bytes that such a file may have",
                           path, max);
    }
}

int
io_read_file(const char *path, size_t max, struct buf *out, struct err *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return err_set_sys(err, E_INPUT, errno, "\"%s\" cannot be opened", path);
    size_t before = buf_len(out);
    int rc;
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
        rc = err_set(err, E_INPUT, "\"%s\" is a directory; name a file in it", path);
    else
        rc = read_up_to(fd, path, max, out, err);
    close(fd);
    if (rc != 0)
        buf_trim(out, buf_len(out) - before);
    return rc;
}

int
io_unnamed(struct err *err)
{
    const char *dir = getenv("TMPDIR");
    if (dir == NULL || dir[0] != '/')
        dir = "/tmp";
    int fd = open(dir, O_RDWR | O_TMPFILE | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0)
        return fd;
    /* Not every file system has O_TMPFILE. */
    char name[PATH_MAX];
    int n = snprintf(name, sizeof name, "%s/.signet-XXXXXX", dir);
    if (n > 0 && (size_t)n < sizeof name)
        fd = mkostemp(name, O_CLOEXEC);
    if (fd < 0)
        return err_set_sys(err, E_SYSTEM, errno,
                           "no temporary file can be made in \"%s\" (TMPDIR)", dir);
    unlink(name);
    return fd;
}

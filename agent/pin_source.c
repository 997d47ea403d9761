/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/pin_source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_KIND "file:"

static int
check(int fd, const char *path, struct err *err)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return err_set_sys(err, E_INPUT, errno, "PIN file %s cannot be read", path);
    if (!S_ISREG(st.st_mode))
        return err_set(err, E_INPUT, "PIN file %s is no regular file; name a file that holds "
                       "the PIN", path);
    if (st.st_uid != geteuid() && st.st_uid != 0)
        return err_set(err, E_DENIED, "PIN file %s belongs to another user (uid %u) and is not "
                       "read; make it your own (chown)", path, (unsigned)st.st_uid);
    if (st.st_mode & (S_IWGRP | S_IWOTH))
        return err_set(err, E_DENIED, "PIN file %s can be written by others and is not read; "
                       "make it your own (chmod 600)", path);
    if (st.st_mode & S_IROTH)
        return err_set(err, E_DENIED, "PIN file %s can be read by everybody and is not used; "
                       "make it private (chmod 600) and consider the PIN known", path);
    return 0;
}

int
pin_file_read(const char *path, struct secret *ret, struct err *err)
{
    /* Not blocking, so that a pipe put there does not hold the agent. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), rc;

    if (fd < 0)
        return err_set_sys(err, E_INPUT, errno, "PIN file %s cannot be read", path);
    rc = check(fd, path, err);
    if (rc == 0) {
        rc = secret_read_line(ret, fd);
        if (rc == E_LIMIT)
            rc = err_set(err, E_PIN_INVALID, "PIN file %s: its first line is longer than a PIN "
                         "can be (%zu bytes)", path, secret_max(ret));
        else if (rc != 0)
            rc = err_set_sys(err, E_INPUT, errno, "PIN file %s cannot be read", path);
        else if (secret_len(ret) == 0)
            rc = err_set(err, E_PIN_INVALID, "PIN file %s: its first line is empty; write the "
                         "PIN there", path);
    }
    close(fd);
    return rc;
}

int
pin_source_read(const char *source, struct secret *ret, struct err *err)
{
    if (strncmp(source, FILE_KIND, sizeof FILE_KIND - 1) != 0)
        return err_set(err, E_CONFIG, "pin-source \"%.100s\" is of no known kind; write "
                       "file:/path", source);
    return pin_file_read(source + sizeof FILE_KIND - 1, ret, err);
}

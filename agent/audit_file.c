/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/audit_file.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

#define TIME ",\"time\":\""
/* seq and prev come before it. */
#define FIRST_BYTES 256

int
audit_file_open(const char *path, int *ret, struct err *err)
{
    struct stat st;
    int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY |
                  O_NONBLOCK, 0600);

    if (fd < 0 && errno == ELOOP)
        return err_set(err, E_SYSTEM, "audit log %s is a link; the agent writes to a file of its "
                       "own alone: move the link away", path);
    if (fd < 0)
        return err_set_sys(err, E_SYSTEM, errno, "audit log %s cannot be opened", path);
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
        (st.st_mode & 022) != 0 || st.st_nlink > 1) {
        close(fd);
        return err_set(err, E_SYSTEM, "audit log %s is no plain file that the agent's user alone "
                       "owns and may write, under one name; move it away, or mend its owner and "
                       "mode (chown, chmod 600)", path);
    }
    *ret = fd;
    return 0;
}

bool
audit_file_stands(const char *path, int fd)
{
    struct stat here, there;

    return fstat(fd, &here) == 0 && here.st_nlink > 0 && lstat(path, &there) == 0 &&
           here.st_ino == there.st_ino && here.st_dev == there.st_dev;
}

uint64_t
audit_file_size(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

time_t
audit_file_begun(int fd)
{
    char text[FIRST_BYTES + 1], when[TEXT_TIME_LEN];
    ssize_t n = pread(fd, text, FIRST_BYTES, 0);
    time_t t = 0;
    char *at;

    text[n > 0 ? n : 0] = '\0';
    at = strstr(text, TIME);
    if (!at)
        return 0;
    /* Without the fraction. */
    snprintf(when, sizeof when, "%.19sZ", at + sizeof TIME - 1);
    return text_parse_time(when, &t) == 0 ? t : 0;
}

/* Sorted by their numbers, which have leading zeros. */
static void
drop_old(const char *path, unsigned keep)
{
    char *pattern;
    glob_t found;

    if (keep == 0 || asprintf(&pattern, "%s.[0-9]*", path) < 0)
        return;
    if (glob(pattern, 0, NULL, &found) == 0) {
        for (size_t i = 0; i + keep < found.gl_pathc; i++)
            (void)unlink(found.gl_pathv[i]);
        globfree(&found);
    }
    free(pattern);
}

int
audit_file_set_aside(const char *path, uint64_t seq, unsigned keep, struct err *err)
{
    char *to;
    int rc = 0;

    if (asprintf(&to, "%s.%012llu", path, (unsigned long long)seq) < 0)
        return err_set(err, E_NOMEM, "out of memory while rotating the audit log");
    if (link(path, to) != 0 || unlink(path) != 0)
        rc = err_set_sys(err, E_SYSTEM, errno, "audit log %s cannot be set aside as %s", path, to);
    free(to);
    if (rc == 0)
        drop_old(path, keep);
    return rc;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/audit_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

#define TIME ",\"time\":\""
/* seq and prev come before it. */
#define FIRST_BYTES 256
/* Of the number in the name of one that was set aside, at least. */
#define SEQ_DIGITS 12

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

bool
audit_file_torn(int fd, uint64_t size)
{
    char last;

    return size > 0 && pread(fd, &last, 1, (off_t)size - 1) == 1 && last != '\n';
}

static bool
is_aside(const char *name, const char *base)
{
    size_t n = strlen(base);

    return strncmp(name, base, n) == 0 && name[n] == '.' &&
           strlen(name + n + 1) >= SEQ_DIGITS &&
           name[n + 1 + strspn(name + n + 1, "0123456789")] == '\0';
}

/* How many were set aside, and the oldest and newest: by their numbers, which have leading
 * zeros. */
static unsigned
find_aside(const char *path, char oldest[NAME_MAX + 1], char newest[NAME_MAX + 1])
{
    const char *base = strrchr(path, '/') + 1;
    char *folder = strndup(path, (size_t)(base - path));
    DIR *d = folder ? opendir(folder) : NULL;
    struct dirent *e;
    unsigned count = 0;

    free(folder);
    /* cppcheck-suppress readdirCalled ; the directory is this thread's own */
    while (d && (e = readdir(d))) {
        if (!is_aside(e->d_name, base))
            continue;
        if (count == 0 || strcmp(e->d_name, oldest) < 0)
            snprintf(oldest, NAME_MAX + 1, "%s", e->d_name);
        if (count == 0 || strcmp(e->d_name, newest) > 0)
            snprintf(newest, NAME_MAX + 1, "%s", e->d_name);
        count++;
    }
    if (d)
        closedir(d);
    return count;
}

/* Beside the log. */
static char *
sibling(const char *path, const char *name)
{
    char *whole;

    return asprintf(&whole, "%.*s/%s", (int)(strrchr(path, '/') - path), path, name) < 0 ? NULL
                                                                                       : whole;
}

int
audit_file_newest(const char *path)
{
    char oldest[NAME_MAX + 1], newest[NAME_MAX + 1], *whole;
    int fd;

    if (find_aside(path, oldest, newest) == 0 || !(whole = sibling(path, newest)))
        return -1;
    fd = open(whole, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
    free(whole);
    return fd;
}

static void
drop_old(const char *path, unsigned keep)
{
    char oldest[NAME_MAX + 1], newest[NAME_MAX + 1], *whole;
    bool gone = true;

    while (keep > 0 && gone && find_aside(path, oldest, newest) > keep) {
        whole = sibling(path, oldest);
        gone = whole && unlink(whole) == 0;
        free(whole);
    }
}

/* In one step, and over nothing: whoever is killed leaves one name. */
static int
move(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    if (access(to, F_OK) == 0) {
        errno = EEXIST;
        return -1;
    }
    return rename(from, to);
}

int
audit_file_set_aside(const char *path, uint64_t seq, unsigned keep, struct err *err)
{
    char *to;
    int rc = 0;

    if (asprintf(&to, "%s.%0*llu", path, SEQ_DIGITS, (unsigned long long)seq) < 0)
        return err_set(err, E_NOMEM, "out of memory while rotating the audit log");
    if (move(path, to) != 0)
        rc = err_set_sys(err, E_SYSTEM, errno, "audit log %s cannot be set aside as %s, so nothing "
                         "is signed or decrypted; move that one away", path, to);
    free(to);
    if (rc == 0)
        drop_old(path, keep);
    return rc;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/password.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int
read_line(int fd, const char *path, struct secret *password, struct err *err)
{
    struct stat st;
    int rc;

    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
        return err_set(err, E_INPUT, "%s is a directory; name a file that holds the password",
                       path);
    rc = secret_read_line(password, fd);
    if (rc == E_LIMIT)
        return err_set(err, E_INPUT, "%s: its first line is longer than a password can be "
                       "(%d bytes)", path, PASSWORD_MAX);
    if (rc != 0)
        return err_set_sys(err, E_INPUT, errno, "%s cannot be read", path);
    if (secret_len(password) == 0)
        return err_set(err, E_INPUT, "%s: its first line is empty; write the password there",
                       path);
    return 0;
}

int
password_read(const char *path, struct secret **ret, struct err *err)
{
    autofree_secret struct secret *password = secret_new(PASSWORD_MAX);
    bool standard = strcmp(path, "-") == 0;
    int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), rc;

    if (fd < 0)
        return err_set_sys(err, E_INPUT, errno, "password file %s cannot be opened", path);
    rc = password ? read_line(fd, path, password, err) : err_set(err, E_NOMEM, "out of memory");
    if (!standard)
        close(fd);
    if (rc == 0) {
        *ret = password;
        password = NULL;
    }
    return rc;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/pin_source.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/pin_command.h"

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

static int
read_file(const struct pin_source *s, const char *rest, struct secret *ret, struct err *err)
{
    (void)s;
    return pin_file_read(rest, ret, err);
}

/* systemd.exec(5): one file each in a folder that only the service can read. */
static int
read_credential(const struct pin_source *s, const char *rest, struct secret *ret,
                struct err *err)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    char path[PATH_MAX];
    int n;

    (void)s;
    if (!*rest || strchr(rest, '/') || rest[0] == '.')
        return err_set(err, E_CONFIG, "pin-source: \"%.100s\" is no name of a credential", rest);
    if (!folder || folder[0] != '/')
        return err_set(err, E_INPUT, "credential %s is not there: the agent was not started by "
                       "systemd with credentials; add LoadCredential=%s:/path to its unit "
                       "(systemctl edit), or name a file (pin-source = file:/path)", rest, rest);
    n = snprintf(path, sizeof path, "%s/%s", folder, rest);
    if (n < 0 || (size_t)n >= sizeof path)
        return err_set(err, E_CONFIG, "pin-source: the name of credential %.100s is too long",
                       rest);
    return pin_file_read(path, ret, err);
}

static const struct kind {
    const char *name;
    int (*read)(const struct pin_source *, const char *rest, struct secret *ret,
                struct err *err);
    const char *culprit;
} kinds[] = {
    {"file", read_file, "the file"},
    {"credential", read_credential, "the credential"},
    {"command", pin_command_read, "what the command prints"},
};

static const struct kind *
find_kind(const char *text)
{
    size_t len = strcspn(text, ":");

    for (size_t i = 0; text[len] == ':' && i < sizeof kinds / sizeof *kinds; i++)
        if (strlen(kinds[i].name) == len && memcmp(kinds[i].name, text, len) == 0)
            return &kinds[i];
    return NULL;
}

int
pin_source_read(const struct pin_source *s, struct secret *ret, struct err *err)
{
    const struct kind *k = find_kind(s->text);

    if (!k)
        return err_set(err, E_CONFIG, "pin-source \"%.100s\" is of no known kind; write "
                       "file:/path, credential:NAME or command:/path", s->text);
    return k->read(s, s->text + strlen(k->name) + 1, ret, err);
}

const char *
pin_source_kind(const char *text)
{
    const struct kind *k = find_kind(text);

    return k ? k->name : "?";
}

const char *
pin_source_culprit(const char *text)
{
    const struct kind *k = find_kind(text);

    return k ? k->culprit : "it";
}

int
pin_source_name_length(const char *text)
{
    bool command = strcmp(pin_source_kind(text), "command") == 0;

    return (int)(command ? strcspn(text, " \t") : strlen(text));
}

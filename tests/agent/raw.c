/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/agent/raw.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int
raw_connect(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    const struct timeval patience = {.tv_sec = RAW_PATIENCE};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(addr.sun_path, sizeof addr.sun_path, "%s", path);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0)
        abort();
    if (connect(fd, (struct sockaddr *)&addr, sizeof addr) == 0)
        return fd;
    close(fd);
    return -1;
}

int
raw_open(const char *path)
{
    char text[RAW_REPLY_MAX];
    int fd = raw_connect(path);
    const char *last = fd < 0 ? NULL : raw_reply(fd, text);

    if (last && strncmp(last, "OK", 2) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

bool
raw_send(int fd, const void *data, size_t len)
{
    const char *at = data;

    while (len > 0) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

static bool
is_last(const char *line)
{
    return strncmp(line, "OK", 2) == 0 || strncmp(line, "ERR ", 4) == 0 ||
           strncmp(line, "INQUIRE ", 8) == 0;
}

/* A byte at a time: replies are short, and nothing behind one may be taken. */
const char *
raw_reply(int fd, char out[RAW_REPLY_MAX])
{
    size_t len = 0, line = 0;

    for (;;) {
        ssize_t n = read(fd, out + len, 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) {
            fprintf(stderr, "the agent says nothing for %d seconds\n", RAW_PATIENCE);
            abort();
        }
        if (n <= 0)
            return NULL;
        if (out[len++] != '\n') {
            if (len == RAW_REPLY_MAX)
                abort();
            continue;
        }
        out[len - 1] = '\0';
        if (is_last(out + line))
            return out + line;
        out[len - 1] = '\n';
        line = len;
        if (len >= RAW_REPLY_MAX / 2) /* only the last line matters then */
            len = line = 0;
    }
}

const char *
raw_ask(int fd, const char *line)
{
    static _Thread_local char text[RAW_REPLY_MAX];
    const char *last;

    if (!raw_send(fd, line, strlen(line)) || !raw_send(fd, "\n", 1))
        return "";
    last = raw_reply(fd, text);
    return last ? last : "";
}

bool
raw_at_end(int fd)
{
    char byte;
    ssize_t n;

    do
        n = read(fd, &byte, 1);
    while (n < 0 && errno == EINTR);
    return n == 0 || (n < 0 && errno == ECONNRESET);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "reader.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

int
reader_connect(uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    if (connect(fd, (struct sockaddr *)&a, sizeof a) != 0) {
        close(fd);
        return -1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

void
reader_quick(int fd)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

static int
read_all(int fd, uint8_t *data, size_t n)
{
    while (n > 0) {
        reader_quick(fd);
        ssize_t got = read(fd, data, n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return -1;
        data += got;
        n -= (size_t)got;
    }
    return 0;
}

ssize_t
reader_read(int fd, uint8_t *data, size_t max)
{
    uint8_t head[2];
    size_t n;

    if (read_all(fd, head, sizeof head) != 0)
        return -1;
    n = (size_t)head[0] << 8 | head[1];
    if (n > max || read_all(fd, data, n) != 0)
        return -1;
    return (ssize_t)n;
}

int
reader_write(int fd, const uint8_t *data, size_t n)
{
    uint8_t head[2] = {(uint8_t)(n >> 8), (uint8_t)n};
    struct msghdr m = {0};
    struct iovec v[2] = {{.iov_base = head, .iov_len = 2},
                         {.iov_base = (void *)(uintptr_t)data, .iov_len = n}};
    size_t left = n + 2;

    m.msg_iov = v;
    m.msg_iovlen = 2;
    while (left > 0) {
        ssize_t put = sendmsg(fd, &m, MSG_NOSIGNAL);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return -1;
        left -= (size_t)put;
        for (size_t i = 0, gone = (size_t)put; i < 2; i++) {
            size_t step = gone < v[i].iov_len ? gone : v[i].iov_len;
            v[i].iov_base = (uint8_t *)v[i].iov_base + step;
            v[i].iov_len -= step;
            gone -= step;
        }
    }
    return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/metrics_http.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/audit.h"
#include "agent/metrics_text.h"

struct talk {
    int fd;
    unsigned long until; /* audit_clock's time */
};

/* Waits for the descriptor, as long as the client has time left. */
static bool
ready(const struct talk *t, short events)
{
    struct pollfd p = {.fd = t->fd, .events = events};
    unsigned long now;
    int rc;

    do {
        now = audit_clock();
        if (now >= t->until)
            return false;
        rc = poll(&p, 1, (int)((t->until - now) / 1000) + 1);
    } while (rc < 0 && errno == EINTR);
    return rc > 0;
}

static bool
is_whole(const char *request)
{
    return strstr(request, "\r\n\r\n") || strstr(request, "\n\n");
}

/* The request to the end of its headers; false when it is too long or too late. */
static bool
read_request(const struct talk *t, char request[METRICS_HTTP_MAX + 1])
{
    size_t len = 0;

    request[0] = '\0';
    while (!is_whole(request)) {
        if (len == METRICS_HTTP_MAX || !ready(t, POLLIN))
            return false;
        ssize_t n = recv(t->fd, request + len, METRICS_HTTP_MAX - len, 0);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n <= 0 || memchr(request + len, '\0', (size_t)n))
            return false;
        len += (size_t)n;
        request[len] = '\0';
    }
    return true;
}

static void
send_all(const struct talk *t, const uint8_t *data, size_t len)
{
    while (len > 0 && ready(t, POLLOUT)) {
        ssize_t n = send(t->fd, data, len, MSG_NOSIGNAL);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n < 0)
            return;
        data += n;
        len -= (size_t)n;
    }
}

/* The status that the request's first line gets, as RFC 9110 names it. */
static const char *
judge(const char *request, bool *ret_head)
{
    static const char *const paths[] = {"/metrics", "/"};
    char method[8], path[64], minor[2];
    int end = 0;

    *ret_head = false;
    if (sscanf(request, "%7[A-Z] %63[^ \r\n] HTTP/1.%1[0-9]%n", method, path, minor, &end) != 3 ||
        (request[end] != '\r' && request[end] != '\n'))
        return "400 Bad Request";
    *ret_head = strcmp(method, "HEAD") == 0;
    if (!*ret_head && strcmp(method, "GET") != 0)
        return "405 Method Not Allowed";
    path[strcspn(path, "?")] = '\0';
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (strcmp(paths[i], path) == 0)
            return "200 OK";
    return "404 Not Found";
}

void
metrics_http(int fd, int (*render)(void *arg, struct buf *out), void *arg)
{
    const struct talk t = {.fd = fd, .until = audit_clock() + METRICS_HTTP_MS * 1000ul};
    char request[METRICS_HTTP_MAX + 1];
    autofree_buf struct buf *body = buf_new(), *reply = buf_new();
    const char *status = "400 Bad Request";
    bool head = false;

    if (read_request(&t, request))
        status = judge(request, &head);
    if (!body || !reply)
        return;
    if (strncmp(status, "200", 3) == 0) {
        if (render(arg, body) != 0)
            return;
    } else if (buf_putf(body, "%s: GET /metrics is what there is\n", status) != 0) {
        return;
    }
    if (buf_putf(reply, "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s"
                 "Connection: close\r\n\r\n", status, METRICS_TEXT_TYPE, buf_len(body),
                 strncmp(status, "405", 3) == 0 ? "Allow: GET, HEAD\r\n" : "") != 0)
        return;
    if (!head && buf_put(reply, buf_data(body), buf_len(body)) != 0)
        return;
    send_all(&t, buf_data(reply), buf_len(reply));
    shutdown(fd, SHUT_WR);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * signet-fetch: the one process of Signet's that talks to the network for certificates.
 * Started by trust/fetch.c with a socket pair on WIRE_FD; of no use by itself. Ends when the
 * other end closes.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fetch/confine.h"
#include "fetch/resolve.h"
#include "fetch/transfer.h"

#define IDLE_MS 600000
/* More at once than any caller asks for. */
#define JOBS_MAX 256

struct helper {
    struct wire_settings settings;
    struct transfers *transfers;
    struct resolver *resolver;
    unsigned jobs;
    uint8_t packet[WIRE_PACKET_MAX];
    uint8_t first[WIRE_PACKET_MAX];     /* what settings borrows from */
};

/* The next packet's length, 0 when there is none now. Ends the process with its parent:
 * there is nothing to put away, and threads of libraries are not waited for. */
static size_t
receive(uint8_t *packet, int flags)
{
    ssize_t n;
    do
        n = recv(WIRE_FD, packet, WIRE_PACKET_MAX, flags | MSG_TRUNC);
    while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return 0;
    if (n <= 0 || n > WIRE_PACKET_MAX)
        _exit(n == 0 ? 0 : 1);
    return (size_t)n;
}

static int
send_packet(const struct buf *packet, int fd)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec iov = {(void *)(uintptr_t)buf_data(packet), buf_len(packet)};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    ssize_t n;
    if (fd >= 0) {
        m.msg_control = control.room;
        m.msg_controllen = sizeof control.room;
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(c), &fd, sizeof fd);
    }
    do
        n = sendmsg(WIRE_FD, &m, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n < 0 ? E_SYSTEM : 0;
}

/* Every outcome of a job passes here: its answer goes out, and it ends. */
static void
done(void *arg, struct job *j)
{
    struct helper *h = arg;
    struct buf *packet = buf_new();
    struct answer *a = &j->answer;
    int rc = j->err.code;
    if (rc == 0 && answer_seal(a) != 0)
        rc = err_set(&j->err, E_SYSTEM, "%.200s: the answer cannot be handed over", j->where);
    struct wire_answer w = {.id = j->id, .rc = rc, .authenticated = j->authenticated};
    if (rc != 0) {
        w.text = err_text(&j->err);
    } else {
        w.total = a->total;
        w.lengths = (const uint8_t *)a->lengths;
        w.count = a->count;
    }
    if (packet == NULL || wire_put_answer(packet, &w) != 0
        || send_packet(packet, rc == 0 && a->total > 0 ? a->fd : -1) != 0)
        _exit(1);
    buf_free(&packet);
    job_free(&j);
    h->jobs--;
}

static void
take_ask(struct helper *h, const struct wire_ask *ask)
{
    struct job *j = job_new(ask);
    int rc;
    if (j == NULL)
        _exit(1);
    if (h->jobs++ >= JOBS_MAX)
        rc = err_set(&j->err, E_LIMIT, "%.200s: too much is asked for at once", j->where);
    else
        rc = j->kind == WIRE_SMIMEA ? resolver_add(h->resolver, j)
                                    : transfers_add(h->transfers, j);
    if (rc != 0)
        done(h, j);
}

static void
take_asks(struct helper *h)
{
    struct wire_ask ask;
    size_t len;
    while ((len = receive(h->packet, MSG_DONTWAIT)) > 0) {
        if (wire_get_ask(&ask, h->packet, len) != 0)
            _exit(1);
        take_ask(h, &ask);
    }
}

static void
serve(struct helper *h)
{
    for (;;) {
        int timeout = resolver_timeout(h->resolver);
        struct curl_waitfd fds[] = {{WIRE_FD, CURL_WAIT_POLLIN, 0},
                                    {resolver_fd(h->resolver), CURL_WAIT_POLLIN, 0}};
        transfers_wait(h->transfers, fds, fds[1].fd >= 0 ? 2 : 1, timeout >= 0 ? timeout : IDLE_MS);
        take_asks(h);
        transfers_work(h->transfers);
        resolver_work(h->resolver);
    }
}

int
main(void)
{
    static struct helper h;
    struct err err = {0};
    int type = 0;
    socklen_t len = sizeof type;
    if (getsockopt(WIRE_FD, SOL_SOCKET, SO_TYPE, &type, &len) != 0 || type != SOCK_SEQPACKET) {
        fputs("signet-fetch: started by Signet's other programs, not by hand\n", stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    if (confine(&err) != 0
        || transfers_new(&h.transfers, &h.settings, done, &h, &err) != 0
        || resolver_new(&h.resolver, &h.settings, done, &h, &err) != 0) {
        fprintf(stderr, "signet-fetch: %s\n", err_text(&err));
        return 6;
    }
    if (wire_get_settings(&h.settings, h.first, receive(h.first, 0)) != 0)
        return 6;
    confine_files(h.settings.trust_anchor);
    serve(&h);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* In signet-fetch's place: it does to each ask what the last word of the URL says. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fetch/wire.h"

#define ALL (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

struct lie {
    const char *word;
    int seals;
    bool file;              /* no memory file at all */
    unsigned descriptors;
    long size;              /* of the descriptor; 4 is true */
    uint32_t length;        /* that is claimed */
    uint32_t id_off;
    int rc;
    bool authenticated;
    unsigned answers;
};

static const struct lie lies[] = {
    {"good", ALL, false, 1, 4, 4, 0, 0, false, 1},
    {"unsealed", 0, false, 1, 4, 4, 0, 0, false, 1},
    {"half-sealed", F_SEAL_SHRINK, false, 1, 4, 4, 0, 0, false, 1},
    {"on-disk", ALL, true, 1, 4, 4, 0, 0, false, 1},
    {"shorter", ALL, false, 1, 2, 4, 0, 0, false, 1},
    {"longer", ALL, false, 1, 5000, 4, 0, 0, false, 1},
    {"too-large", ALL, false, 1, 2000000, 2000000, 0, 0, false, 1},
    {"nothing-with-it", ALL, false, 0, 4, 4, 0, 0, false, 1},
    {"two", ALL, false, 2, 4, 4, 0, 0, false, 1},
    {"failed-with-memory", ALL, false, 1, 4, 0, 0, E_INPUT, false, 1},
    {"stranger", ALL, false, 1, 4, 4, 7, 0, false, 1},
    {"twice", ALL, false, 1, 4, 4, 0, 0, false, 2},
    {"proved", ALL, false, 1, 4, 4, 0, 0, true, 1},
    {"controls", ALL, false, 0, 4, 0, 0, E_INPUT, false, 1},
};

static int
memory(const struct lie *l)
{
    char name[] = "/tmp/fake-fetch-XXXXXX";
    int fd = l->file ? mkstemp(name) : memfd_create("x", MFD_ALLOW_SEALING);
    if (l->file)
        unlink(name);
    if (fd < 0 || pwrite(fd, "good", 4, 0) != 4 || ftruncate(fd, l->size) != 0)
        exit(1);
    if (!l->file)
        fcntl(fd, F_ADD_SEALS, l->seals);
    return fd;
}

static void
answer(const struct lie *l, uint32_t id)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(2 * sizeof(int))];
    } control = {0};
    struct wire_answer a = {.id = id + l->id_off, .rc = l->rc, .text = "a\x1b[31mb",
                            .authenticated = l->authenticated, .total = l->length,
                            .lengths = (const uint8_t *)&l->length, .count = l->rc == 0};
    struct buf *packet = buf_new();
    if (packet == NULL || wire_put_answer(packet, &a) != 0)
        exit(1);
    struct iovec iov = {buf_mutable(packet), buf_len(packet)};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    if (l->descriptors > 0) {
        int fds[2] = {memory(l), memory(l)};
        m.msg_control = control.room;
        m.msg_controllen = CMSG_SPACE(l->descriptors * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(l->descriptors * sizeof(int));
        memcpy(CMSG_DATA(c), fds, l->descriptors * sizeof(int));
    }
    if (sendmsg(WIRE_FD, &m, MSG_NOSIGNAL) < 0)
        exit(1);
    buf_free(&packet);
}

int
main(void)
{
    static uint8_t packet[WIRE_PACKET_MAX];
    struct wire_ask ask;
    ssize_t n = recv(WIRE_FD, packet, sizeof packet, 0);
    while (n > 0 && (n = recv(WIRE_FD, packet, sizeof packet, 0)) > 0) {
        if (wire_get_ask(&ask, packet, (size_t)n) != 0)
            return 1;
        const char *word = strrchr(ask.where, '/') + 1;
        if (strcmp(word, "die") == 0)
            return 0;
        if (strcmp(word, "garbage") == 0)
            (void)!send(WIRE_FD, "garbage", 7, 0);
        if (strcmp(word, "empty") == 0)
            (void)!send(WIRE_FD, "", 0, 0);
        for (size_t i = 0; i < sizeof lies / sizeof *lies; i++)
            for (unsigned k = 0; strcmp(word, lies[i].word) == 0 && k < lies[i].answers; k++)
                answer(&lies[i], ask.id);
    }
    return 0;
}

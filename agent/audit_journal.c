/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/audit_journal.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

int
audit_journal_open(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd;

    if (strlen(path) >= sizeof to.sun_path)
        return -1;
    memcpy(to.sun_path, path, strlen(path));
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* syslog's numbers: warning for what failed, else info. */
void
audit_journal_send(int fd, const struct audit_entry *e, const char *line, size_t len)
{
    char head[256];
    int n = snprintf(head, sizeof head, "SYSLOG_IDENTIFIER=signet-agent\nPRIORITY=%d\n"
                     "SIGNET_EVENT=%s\nSIGNET_RESULT=%s\nMESSAGE=", e->result ? 4 : 6, e->event,
                     e->result ? err_name(e->result) : "ok");
    struct iovec parts[] = {
        {head, n > 0 && (size_t)n < sizeof head ? (size_t)n : 0},
        {(char *)(uintptr_t)line, len}, {(char *)(uintptr_t)"\n", 1}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 3};

    (void)!sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

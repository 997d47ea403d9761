/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/peer.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Longest /proc/PID/cgroup that is read. */
#define CGROUPS_MAX 4096

static void
find_program(struct peer *peer)
{
    char link[32];
    ssize_t n;

    snprintf(link, sizeof link, "/proc/%d/exe", (int)peer->pid);
    n = readlink(link, peer->exe, sizeof peer->exe);
    if (n < 0 || (size_t)n == sizeof peer->exe)
        n = 0;
    peer->exe[n] = '\0';
}

static bool
is_unit(const char *part)
{
    const char *dot = strrchr(part, '.');

    return dot && (strcmp(dot, ".service") == 0 || strcmp(dot, ".scope") == 0);
}

/* 0::/user.slice/user-1000.slice/session-2.scope (systemd.unit(5)) */
void
peer_unit(char *cgroups, bool machine, char *ret, size_t size)
{
    char *line = strncmp(cgroups, "0::", 3) == 0 ? cgroups : strstr(cgroups, "\n0::");
    char *save = NULL;

    ret[0] = '\0';
    if (!line)
        return;
    line += line[0] == '\n';
    line[strcspn(line, "\n")] = '\0';
    for (char *part = strtok_r(line, "/", &save); part; part = strtok_r(NULL, "/", &save)) {
        if (!is_unit(part))
            continue;
        if (snprintf(ret, size, "%s", part) >= (int)size)
            ret[0] = '\0';
        if (machine)
            return;
    }
}

static void
find_unit(struct peer *peer, bool machine)
{
    char path[32], text[CGROUPS_MAX];
    int fd;
    ssize_t n;

    snprintf(path, sizeof path, "/proc/%d/cgroup", (int)peer->pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    n = fd >= 0 ? read(fd, text, sizeof text) : 0;
    if (fd >= 0)
        close(fd);
    if (n < 0 || (size_t)n == sizeof text)
        n = 0;
    text[n] = '\0';
    peer_unit(text, machine, peer->unit, sizeof peer->unit);
}

void
peer_find(struct peer *peer, bool machine)
{
    find_program(peer);
    find_unit(peer, machine);
}

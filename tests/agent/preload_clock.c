/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loaded into the agent (LD_PRELOAD): the wall clock is off by as many seconds as the first
 * eight bytes of the file TEST_CLOCK say, at each moment. The other clocks are what they are. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static const volatile int64_t *off;

__attribute__((constructor)) static void
prepare(void)
{
    const char *path = getenv("TEST_CLOCK");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *at = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *off, PROT_READ, MAP_SHARED, fd, 0);

    if (at != MAP_FAILED)
        off = at;
    if (fd >= 0)
        close(fd);
}

EXPORT int
clock_gettime(clockid_t clock, struct timespec *t)
{
    long rc = syscall(SYS_clock_gettime, clock, t);

    if (rc == 0 && clock == CLOCK_REALTIME && off)
        t->tv_sec += *off;
    return (int)rc;
}

EXPORT time_t
time(time_t *ret)
{
    struct timespec t = {0};

    clock_gettime(CLOCK_REALTIME, &t);
    if (ret)
        *ret = t.tv_sec;
    return t.tv_sec;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * peak FILE COMMAND...: runs the command, appends to FILE one line of JSON with its
 * peak resident memory in KiB, its time in seconds and its exit status, and ends
 * as it did. Its own memory is small, so that of the fork does not count.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double
seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int
main(int argc, char **argv)
{
    struct rusage use;
    int status;
    if (argc < 3) {
        fprintf(stderr, "usage: peak FILE COMMAND [ARGUMENT]...\n");
        return 2;
    }
    int out = open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (out < 0) {
        fprintf(stderr, "peak: %s: %s\n", argv[1], strerror(errno));
        return 2;
    }
    double start = seconds();
    pid_t pid = fork();
    if (pid == 0) {
        execvp(argv[2], argv + 2);
        fprintf(stderr, "peak: %s: %s\n", argv[2], strerror(errno));
        _exit(127);
    }
    while (wait4(pid, &status, 0, &use) < 0)
        if (errno != EINTR)
            return 2;
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    dprintf(out, "{\"kib\": %ld, \"seconds\": %.6f, \"status\": %d}\n", use.ru_maxrss,
            seconds() - start, code);
    return code;
}

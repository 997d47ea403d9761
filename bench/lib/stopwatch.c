/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stopwatch [-r ROUNDS] [-w WARM-UPS] [-x FILE]... [-e FILE] -- NAME
 *           [VARIABLE=VALUE]... COMMAND... [-- NAME ...]...
 *
 * Times whole processes side by side: A B C A B C ..., so that whatever else the
 * machine does falls on all alike. For each it prints one line of JSON: median, best and
 * 90th percentile in milliseconds, the least processor time (user and system) that a run
 * took, the highest peak memory, and how many runs failed. FILEs, the outputs, are removed
 * before each run and outside of its time: whoever replaces a large file waits
 * until the old one is gone. Standard output of the commands goes to /dev/null; standard error to
 * /dev/null too, but a command that fails the first time is run once more with it; or
 * to the end of FILE.NAME with -e FILE. Warm-ups are not counted.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CONTESTANTS_MAX 16
#define ROUNDS_MAX 100000
#define OUTPUTS_MAX 8

extern char **environ;

/* Files that the commands write: removed before each run; and where errors go, or NULL. */
struct outputs {
    const char *paths[OUTPUTS_MAX];
    int count;
    const char *errors;
};

struct contestant {
    const char *name;
    char **argv;
    char **envp;
    double *ms;
    double cpu_ms;
    long peak_kib;
    int failures;
};

static double
now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double
ms_of(struct timeval t)
{
    return (double)t.tv_sec * 1e3 + (double)t.tv_usec / 1e3;
}

/* The environment with these variables replaced or added. */
static char **
environment_with(char **variables, int count)
{
    int n = 0;
    while (environ[n] != NULL)
        n++;
    char **envp = calloc((size_t)(n + count) + 1, sizeof *envp);
    if (envp == NULL)
        exit(2);
    int fill = 0;
    for (int i = 0; i < n; i++) {
        bool replaced = false;
        for (int j = 0; j < count; j++) {
            size_t name = strcspn(variables[j], "=") + 1;
            replaced = replaced || strncmp(environ[i], variables[j], name) == 0;
        }
        if (!replaced)
            envp[fill++] = environ[i];
    }
    for (int j = 0; j < count; j++)
        envp[fill++] = variables[j];
    return envp;
}

/* Runs it once; the milliseconds it took, with *ok telling whether it ended with 0. */
static double
run_once(struct contestant *c, const struct outputs *x, bool show_errors, bool *ok)
{
    posix_spawn_file_actions_t actions;
    struct rusage use;
    pid_t pid;
    int status = 0;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    char errors[PATH_MAX];
    if (x->errors != NULL) {
        snprintf(errors, sizeof errors, "%s.%s", x->errors, c->name);
        posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT | O_APPEND, 0600);
    }
    if (x->errors == NULL && !show_errors)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    for (int i = 0; i < x->count; i++)
        unlink(x->paths[i]);
    double start = now_ms();
    int failed = posix_spawnp(&pid, c->argv[0], &actions, NULL, c->argv, c->envp);
    if (failed == 0) {
        while (wait4(pid, &status, 0, &use) < 0 && errno == EINTR)
            ;
        if (use.ru_maxrss > c->peak_kib)
            c->peak_kib = use.ru_maxrss;
        double cpu = ms_of(use.ru_utime) + ms_of(use.ru_stime);
        if (c->cpu_ms == 0 || cpu < c->cpu_ms)
            c->cpu_ms = cpu;
    }
    double took = now_ms() - start;
    posix_spawn_file_actions_destroy(&actions);
    *ok = failed == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    return took;
}

static int
by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void
report(struct contestant *c, int rounds)
{
    qsort(c->ms, (size_t)rounds, sizeof *c->ms, by_value);
    double median = rounds % 2 ? c->ms[rounds / 2]
                               : (c->ms[rounds / 2 - 1] + c->ms[rounds / 2]) / 2;
    printf("{\"name\": \"%s\", \"median_ms\": %.4f, \"best_ms\": %.4f, \"p90_ms\": %.4f, "
           "\"cpu_ms\": %.4f, \"rounds\": %d, \"failures\": %d, \"peak_kib\": %ld}\n",
           c->name, median, c->ms[0], c->ms[(rounds * 9 - 1) / 10], c->cpu_ms, rounds,
           c->failures, c->peak_kib);
}

static int
usage(void)
{
    fprintf(stderr, "usage: stopwatch [-r ROUNDS] [-w WARM-UPS] [-x FILE]... [-e FILE] -- NAME "
                    "[VARIABLE=VALUE]... COMMAND... [-- NAME ...]...\n");
    return 2;
}

/* Takes the words up to the next "--"; how many it took, 0 when they make no sense. */
static int
parse_contestant(struct contestant *c, char **words, int count, int rounds)
{
    int end = 0, at = 1;
    while (end < count && strcmp(words[end], "--") != 0)
        end++;
    while (at < end && strchr(words[at], '=') != NULL && words[at][0] != '-')
        at++;
    if (at >= end)
        return 0;
    c->name = words[0];
    c->envp = environment_with(words + 1, at - 1);
    c->argv = words + at;
    c->ms = calloc((size_t)rounds, sizeof *c->ms);
    if (c->ms == NULL)
        return 0;
    if (end < count)
        words[end] = NULL;
    return end + 1;
}

static void
race(struct contestant *c, int count, int rounds, int warm, const struct outputs *x)
{
    bool ok;
    for (int i = -warm; i < rounds; i++) {
        for (int k = 0; k < count; k++) {
            double took = run_once(&c[k], x, false, &ok);
            if (!ok && i == -warm && x->errors == NULL)
                run_once(&c[k], x, true, &ok);
            if (i < 0)
                continue;
            c[k].ms[i] = took;
            c[k].failures += !ok;
        }
    }
}

int
main(int argc, char **argv)
{
    struct contestant c[CONTESTANTS_MAX] = {0};
    struct outputs x = {.count = 0};
    int rounds = 20, warm = 2, count = 0, opt;
    while ((opt = getopt(argc, argv, "+r:w:x:e:")) != -1) {
        if (opt == 'r')
            rounds = atoi(optarg);
        else if (opt == 'w')
            warm = atoi(optarg);
        else if (opt == 'x' && x.count < OUTPUTS_MAX)
            x.paths[x.count++] = optarg;
        else if (opt == 'e')
            x.errors = optarg;
        else
            return usage();
    }
    if (rounds < 1 || rounds > ROUNDS_MAX || warm < 0)
        return usage();
    for (int at = optind; at < argc;) {
        int took = count < CONTESTANTS_MAX
                       ? parse_contestant(&c[count], argv + at, argc - at, rounds)
                       : 0;
        if (took == 0)
            return usage();
        at += took;
        count++;
    }
    if (count == 0)
        return usage();
    race(c, count, rounds, warm, &x);
    for (int k = 0; k < count; k++)
        report(&c[k], rounds);
    return 0;
}

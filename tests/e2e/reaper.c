/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * reaper COMMAND...: runs one test file so that nothing it starts escapes.
 *
 * Daemons detach; this process is their nearest reaper, so every orphan of the
 * command becomes its child (prctl(2), PR_SET_CHILD_SUBREAPER). When the command
 * ends and an orphan is still alive, its name is printed, it is killed, and the
 * exit status is 99. The command's environment has E2E_REAPER=PID, so that tests
 * can look at the children of that process themselves. SIGTERM, SIGINT and SIGHUP
 * kill everything. Needs no privilege.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STATUS_LEFT_RUNNING 99
#define GRACE_STEPS 40
#define GRACE_STEP_NS (50 * 1000 * 1000)

static volatile sig_atomic_t interrupted;

static void
on_signal(int sig)
{
    interrupted = sig;
}

/* Parent, state and name of a process; 0 when there is no such process. */
static pid_t
stat_of(const char *pid, char *state, char name[64])
{
    char path[64], line[512];
    snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return 0;
    size_t n = fread(line, 1, sizeof line - 1, f);
    fclose(f);
    line[n] = '\0';
    char *open = strchr(line, '('), *close = strrchr(line, ')');
    long parent = 0;
    if (open == NULL || close == NULL || sscanf(close + 1, " %c %ld", state, &parent) != 2)
        return 0;
    *close = '\0';
    snprintf(name, 64, "%s", open + 1);
    return (pid_t)parent;
}

enum act { COUNT, NAME_AND_KILL, KILL };

/* Living children: how many there are; named on standard error and killed if
 * told to. */
static int
children(enum act act)
{
    DIR *d = opendir("/proc");
    int found = 0;
    char state, name[64];
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        if (e->d_name[0] < '1' || e->d_name[0] > '9')
            continue;
        if (stat_of(e->d_name, &state, name) != getpid() || state == 'Z')
            continue;
        found++;
        if (act == NAME_AND_KILL)
            fprintf(stderr, "reaper: left running: %s (%s)\n", name, e->d_name);
        if (act != COUNT)
            kill((pid_t)atol(e->d_name), SIGKILL);
    }
    if (d != NULL)
        closedir(d);
    return found;
}

/* Waits for main, reaping orphans on the way; its wait status, or -1 when a
 * signal came. */
static int
wait_for(pid_t main_pid)
{
    while (!interrupted) {
        int status;
        pid_t pid = waitpid(-1, &status, 0);
        if (pid == main_pid)
            return status;
        if (pid < 0 && errno != EINTR)
            return -1;
    }
    return -1;
}

int
main(int argc, char **argv)
{
    char self[32];
    if (argc < 2) {
        fprintf(stderr, "usage: reaper COMMAND [ARGUMENT]...\n");
        return 2;
    }
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    snprintf(self, sizeof self, "%ld", (long)getpid());
    setenv("E2E_REAPER", self, 1);
    struct sigaction sa = {.sa_handler = on_signal};
    sigaction(SIGTERM, &sa, NULL);
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGHUP, &sa, NULL);

    pid_t pid = fork();
    if (pid == 0) {
        execvp(argv[1], argv + 1);
        fprintf(stderr, "reaper: %s: %s\n", argv[1], strerror(errno));
        _exit(127);
    }
    int status = wait_for(pid);
    /* What is just ending may end. */
    for (int i = 0; i < GRACE_STEPS && children(COUNT) > 0; i++)
        nanosleep(&(struct timespec){.tv_nsec = GRACE_STEP_NS}, NULL);
    int left = children(status >= 0 ? NAME_AND_KILL : KILL);
    /* Killing a parent hands us its children: again until none is alive. */
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
        children(KILL);
    if (status < 0)
        return 128 + (interrupted ? interrupted : SIGTERM);
    if (left > 0)
        return STATUS_LEFT_RUNNING;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

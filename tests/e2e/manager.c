/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A service manager in small, for tests: opens Unix sockets, passes them to a program as
 * sd_listen_fds(3) says, and writes down what the program says by sd_notify(3), each message
 * on a line of LOG with its own lines joined by blanks.
 *
 *   manager LOG [option]... -- PROGRAM [argument]...
 *     name=PATH        a listening socket of that name
 *     mode=0660        of the sockets that follow
 *     watchdog=USEC    WATCHDOG_USEC
 *     stranger         LISTEN_PID is somebody else's
 *     junk             passes a file instead of a socket
 *     silent           no NOTIFY_SOCKET
 *
 * SIGTERM and SIGHUP are passed on. Ends as the program does, with its status; the sockets
 * stay, and LOG gets "socket PATH kept" or "... gone" for each. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOCKETS_MAX 4

struct job {
    const char *log, *watchdog;
    const char *names[SOCKETS_MAX], *paths[SOCKETS_MAX];
    int fds[SOCKETS_MAX];
    int count;
    mode_t mode;
    bool stranger, silent;
    sigset_t blocked; /* until there is somebody to pass them on to */
    char notify[sizeof ((struct sockaddr_un *)0)->sun_path];
};

static volatile sig_atomic_t child;

static void
pass_on(int sig)
{
    if (child > 0)
        kill((pid_t)child, sig);
}

static void
fail(const char *what)
{
    fprintf(stderr, "manager: %s: %s\n", what, strerror(errno));
    exit(99);
}

static int
bind_at(const char *path, int type)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

    if (fd < 0 || strlen(path) >= sizeof addr.sun_path)
        fail(path);
    memcpy(addr.sun_path, path, strlen(path) + 1);
    unlink(path);
    if (bind(fd, (struct sockaddr *)&addr, sizeof addr) != 0)
        fail(path);
    return fd;
}

static void
open_socket(struct job *j, const char *name, const char *path)
{
    int fd = bind_at(path, SOCK_STREAM);

    if (chmod(path, j->mode) != 0 || listen(fd, 64) != 0 || j->count == SOCKETS_MAX)
        fail(path);
    j->names[j->count] = name;
    j->paths[j->count] = path;
    j->fds[j->count++] = fd;
}

static void
open_junk(struct job *j)
{
    j->names[j->count] = "junk";
    j->paths[j->count] = "/dev/null";
    j->fds[j->count++] = open("/dev/null", O_RDWR | O_CLOEXEC);
}

static void
take(struct job *j, char *option)
{
    char *value = strchr(option, '=');

    if (strcmp(option, "stranger") == 0)
        j->stranger = true;
    else if (strcmp(option, "silent") == 0)
        j->silent = true;
    else if (strcmp(option, "junk") == 0)
        open_junk(j);
    else if (!value)
        fail(option);
    else if (strncmp(option, "mode=", 5) == 0)
        j->mode = (mode_t)strtoul(value + 1, NULL, 8);
    else if (strncmp(option, "watchdog=", 9) == 0)
        j->watchdog = value + 1;
    else {
        *value = '\0';
        open_socket(j, option, value + 1);
    }
}

static void
run(const struct job *j, char **argv)
{
    char pid[16], count[16], names[256] = "";
    int high[SOCKETS_MAX];

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigprocmask(SIG_UNBLOCK, &j->blocked, NULL);
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    snprintf(count, sizeof count, "%d", j->count);
    for (int i = 0; i < j->count; i++) {
        high[i] = fcntl(j->fds[i], F_DUPFD_CLOEXEC, 100);
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", i ? ":" : "",
                 j->names[i]);
    }
    for (int i = 0; i < j->count; i++)
        dup2(high[i], 3 + i);
    if (j->count > 0) {
        setenv("LISTEN_PID", j->stranger ? "1" : pid, 1);
        setenv("LISTEN_FDS", count, 1);
        setenv("LISTEN_FDNAMES", names, 1);
    }
    if (!j->silent)
        setenv("NOTIFY_SOCKET", j->notify, 1);
    if (j->watchdog) {
        setenv("WATCHDOG_USEC", j->watchdog, 1);
        setenv("WATCHDOG_PID", pid, 1);
    }
    execvp(argv[0], argv);
    fail(argv[0]);
}

/* Until the program has ended and all it said is written. */
static int
listen_to(const struct job *j, int notify, FILE *log)
{
    struct timeval often = {.tv_usec = 50000};
    char text[4096];
    int status = 0;
    bool over = false;

    setsockopt(notify, SOL_SOCKET, SO_RCVTIMEO, &often, sizeof often);
    for (;;) {
        ssize_t n = recv(notify, text, sizeof text - 1, 0);
        if (n > 0) {
            for (ssize_t i = 0; i < n; i++)
                if (text[i] == '\n')
                    text[i] = ' ';
            fprintf(log, "%.*s\n", (int)n, text);
            fflush(log);
            continue;
        }
        if (over)
            break;
        over = waitpid((pid_t)child, &status, WNOHANG) == (pid_t)child;
    }
    for (int i = 0; i < j->count; i++)
        fprintf(log, "socket %s %s\n", j->paths[i], access(j->paths[i], F_OK) == 0 ? "kept"
                                                                                  : "gone");
    fclose(log);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int
main(int argc, char **argv)
{
    struct job j = {.mode = 0600};
    struct sigaction act = {.sa_handler = pass_on};
    int i = 2, notify;
    FILE *log;

    if (argc < 4)
        return 99;
    sigemptyset(&j.blocked);
    sigaddset(&j.blocked, SIGTERM);
    sigaddset(&j.blocked, SIGHUP);
    sigprocmask(SIG_BLOCK, &j.blocked, NULL);
    j.log = argv[1];
    for (; i < argc && strcmp(argv[i], "--") != 0; i++)
        take(&j, argv[i]);
    if (i + 1 >= argc)
        return 99;
    snprintf(j.notify, sizeof j.notify, "%s.ns", j.log);
    notify = bind_at(j.notify, SOCK_DGRAM);
    chmod(j.notify, 0666);
    log = fopen(j.log, "ae");
    if (!log)
        fail(j.log);
    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGHUP, &act, NULL);
    child = fork();
    if (child == 0)
        run(&j, argv + i + 1);
    sigprocmask(SIG_UNBLOCK, &j.blocked, NULL);
    i = listen_to(&j, notify, log);
    unlink(j.notify);
    return i;
}

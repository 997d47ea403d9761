/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pcscd-rig [--reader LIBRARY] FOLDER: a pcscd of one's own, beside the system's.
 * (LIBRARY: another copy of vpcd; pcscd takes one entry per library.)
 *
 * The daemon gets its socket by descriptor, as from systemd (sd_listen_fds(3)), so that
 * it is FOLDER/pcscd.comm; clients use PCSCLITE_CSOCK_NAME. Its one reader.conf entry is
 * vpcd on a random port: two readers, on that port and the next. When both listen, and
 * it is this daemon that listens, the ports are in FOLDER/ports. This program's own
 * number is in FOLDER/pid; it is the daemon's parent until it gets SIGTERM, and the
 * daemon dies with it. When it ends by itself, its exit status is in FOLDER/status.
 *
 * pcscd makes /run/pcscd: in a mount namespace of its own where that is allowed (as root,
 * or an ordinary user where user namespaces are), in /run itself for root elsewhere.
 *
 * Exit status 77: not possible here; standard error says why.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SKIPPED 77
#define PCSCD "/usr/sbin/pcscd"
#define READER "/usr/lib/pcsc/drivers/serial/libifdvpcd.so"
#define TRIES 20
/* Waiting for the daemon to listen: steps, and each in ns. */
#define STEPS 500
#define STEP_NS (20 * 1000 * 1000)
#define PORT_LEAST 20000
#define PORT_SPAN 12000

static volatile sig_atomic_t ended;

static void
on_signal(int sig)
{
    ended = sig;
}

/* Only so that it interrupts the waiting. */
static void
on_child(int sig)
{
    (void)sig;
}

static bool
write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    if (fd >= 0)
        close(fd);
    return good;
}

/* A /run of our own, in namespaces of our own. */
static bool
private_run(void)
{
    uid_t uid = getuid();
    gid_t gid = getgid();
    char map[64];

    if (unshare(uid == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) != 0)
        return false;
    if (uid != 0) {
        snprintf(map, sizeof map, "%u %u 1", uid, uid);
        if (!write_file("/proc/self/setgroups", "deny") || !write_file("/proc/self/uid_map", map))
            return false;
        snprintf(map, sizeof map, "%u %u 1", gid, gid);
        if (!write_file("/proc/self/gid_map", map))
            return false;
    }
    return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("none", "/run", "tmpfs", 0, "mode=755,size=1m") == 0 &&
           mkdir("/run/pcscd", 0755) == 0;
}

static int
listen_at(const char *folder)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    if (snprintf(a.sun_path, sizeof a.sun_path, "%s/pcscd.comm", folder) >=
        (int)sizeof a.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    unlink(a.sun_path);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 32) != 0)
        return -1;
    return fd;
}

static bool
write_reader(const char *folder, const char *library, unsigned port)
{
    char path[300], text[700];

    snprintf(path, sizeof path, "%s/conf", folder);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/conf/vpcd", folder);
    snprintf(text, sizeof text,
             "FRIENDLYNAME \"Virtual PCD\"\nDEVICENAME /dev/null:0x%X\nLIBPATH %s\n"
             "CHANNELID 0x%X\n", port, library, port);
    return write_file(path, text);
}

/* A line of /proc/net/tcp (proc(5)): "sl: address:port address:port state a:b c:d e uid
 * timeout inode". */
static bool
listens(char *line, unsigned port, unsigned long *ret_inode)
{
    char *save = NULL, *word = strtok_r(line, " ", &save), *words[10];
    size_t n = 0;

    for (; word != NULL && n < 10; word = strtok_r(NULL, " ", &save))
        words[n++] = word;
    if (n < 10 || strtoul(words[3], NULL, 16) != 0x0a || strchr(words[1], ':') == NULL ||
        strtoul(strchr(words[1], ':') + 1, NULL, 16) != port)
        return false;
    *ret_inode = strtoul(words[9], NULL, 10);
    return *ret_inode != 0;
}

/* The inode of the socket that listens on a TCP port, or 0. */
static unsigned long
listener(unsigned port)
{
    static const char *const tables[] = {"/proc/net/tcp", "/proc/net/tcp6"};
    char line[512];

    for (size_t i = 0; i < 2; i++) {
        FILE *f = fopen(tables[i], "re");
        while (f != NULL && fgets(line, sizeof line, f) != NULL) {
            unsigned long inode = 0;
            if (listens(line, port, &inode)) {
                fclose(f);
                return inode;
            }
        }
        if (f != NULL)
            fclose(f);
    }
    return 0;
}

static bool
has_socket(pid_t pid, unsigned long inode)
{
    char folder[64], want[64], path[400], is[64];
    DIR *d;
    bool found = false;

    snprintf(folder, sizeof folder, "/proc/%d/fd", (int)pid);
    snprintf(want, sizeof want, "socket:[%lu]", inode);
    d = opendir(folder);
    for (struct dirent *e; d != NULL && !found && (e = readdir(d)) != NULL;) {
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        ssize_t n = readlink(path, is, sizeof is - 1);
        found = n > 0 && (size_t)n == strlen(want) && memcmp(is, want, (size_t)n) == 0;
    }
    if (d != NULL)
        closedir(d);
    return found;
}

static pid_t
start(const char *folder, int listening)
{
    char conf[300], log[300], pid_text[32];
    pid_t parent = getpid(), pid = fork();

    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    snprintf(conf, sizeof conf, "%s/conf", folder);
    snprintf(log, sizeof log, "%s/pcscd.log", folder);
    snprintf(pid_text, sizeof pid_text, "%d", (int)getpid());
    setenv("LISTEN_FDS", "1", 1);
    setenv("LISTEN_PID", pid_text, 1);
    int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0600), null = open("/dev/null", O_RDONLY);
    if (fd < 0 || null < 0)
        _exit(1);
    dup2(null, 0);
    dup2(fd, 1);
    dup2(fd, 2);
    if (listening != 3)
        dup2(listening, 3);
    for (int i = 4; i < 256; i++)
        close(i);
    execl(PCSCD, PCSCD, "--foreground", "--config", conf, (char *)NULL);
    _exit(1);
}

static void
stop(pid_t pid)
{
    struct timespec step = {.tv_nsec = STEP_NS};

    kill(pid, SIGTERM);
    for (int i = 0; i < STEPS / 2; i++) {
        if (waitpid(pid, NULL, WNOHANG) != 0)
            return;
        nanosleep(&step, NULL);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

/* Waits until the daemon listens on both ports; false when another does, or it ended. */
static bool
comes_up(pid_t pid, unsigned port)
{
    struct timespec step = {.tv_nsec = STEP_NS};

    for (int i = 0; i < STEPS && !ended; i++) {
        unsigned long one = listener(port), two = listener(port + 1);
        if (one != 0 && two != 0)
            return has_socket(pid, one) && has_socket(pid, two);
        if (waitpid(pid, NULL, WNOHANG) == pid)
            return false;
        nanosleep(&step, NULL);
    }
    return false;
}

static unsigned
pick_port(void)
{
    unsigned char random[2];
    int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    unsigned port = 0;

    if (fd >= 0 && read(fd, random, sizeof random) == (ssize_t)sizeof random)
        port = PORT_LEAST + 2 * (((unsigned)random[0] << 8 | random[1]) % (PORT_SPAN / 2));
    if (fd >= 0)
        close(fd);
    return port;
}

/* FOLDER/NAME with this text, there at once with all of it. */
static bool
publish(const char *folder, const char *name, const char *text)
{
    char path[300], ready[300];

    snprintf(path, sizeof path, "%s/%s.new", folder, name);
    snprintf(ready, sizeof ready, "%s/%s", folder, name);
    return write_file(path, text) && rename(path, ready) == 0;
}

static bool
write_ports(const char *folder, unsigned port)
{
    char text[64];

    snprintf(text, sizeof text, "%u %u\n", port, port + 1);
    return publish(folder, "ports", text);
}

/* Waits for the daemon, or for the signal to end it. */
static void
stay(pid_t pid)
{
    sigset_t none, blocked;

    /* A signal between the look at `ended` and the waiting must not be lost. */
    sigemptyset(&none);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigaddset(&blocked, SIGINT);
    sigaddset(&blocked, SIGCHLD);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    while (!ended && waitpid(pid, NULL, WNOHANG) == 0)
        sigsuspend(&none);
    sigprocmask(SIG_UNBLOCK, &blocked, NULL);
    if (ended)
        stop(pid);
}

/* One try on other ports; 1: try again, else an exit status. */
static int
attempt(const char *folder, const char *library)
{
    unsigned port = pick_port();
    int listening = listen_at(folder);

    if (port == 0 || listening < 0 || !write_reader(folder, library, port)) {
        fprintf(stderr, "pcscd-rig: %s: %s\n", folder, strerror(errno));
        return 2;
    }
    if (listener(port) != 0 || listener(port + 1) != 0) {
        close(listening);
        return 1;
    }
    pid_t pid = start(folder, listening);
    close(listening);
    if (pid <= 0)
        return 1;
    if (comes_up(pid, port) && write_ports(folder, port)) {
        stay(pid);
        return 0;
    }
    stop(pid);
    return 1;
}

static int
run(const char *folder, const char *library)
{
    int status = 1;

    if (access(PCSCD, X_OK) != 0 || access(library, R_OK) != 0) {
        fprintf(stderr, "pcscd or vsmartcard-vpcd is not installed\n");
        return SKIPPED;
    }
    if (!private_run() && access("/run/pcscd", W_OK) != 0 && getuid() != 0) {
        fprintf(stderr, "pcscd cannot have a /run of its own here\n");
        return SKIPPED;
    }
    for (int i = 0; i < TRIES && status == 1 && !ended; i++)
        status = attempt(folder, library);
    if (status == 1)
        fprintf(stderr, "pcscd did not come up; its log is %s/pcscd.log\n", folder);
    return status;
}

int
main(int argc, char **argv)
{
    const char *library = READER;
    struct sigaction sa = {.sa_handler = on_signal}, child = {.sa_handler = on_child};
    char text[32];

    if (argc == 4 && strcmp(argv[1], "--reader") == 0) {
        library = argv[2];
        argv += 2;
        argc -= 2;
    }
    if (argc != 2) {
        fprintf(stderr, "usage: pcscd-rig [--reader LIBRARY] FOLDER\n");
        return 2;
    }
    sigaction(SIGTERM, &sa, NULL);
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGCHLD, &child, NULL);
    snprintf(text, sizeof text, "%d\n", (int)getpid());
    publish(argv[1], "pid", text);
    int status = run(argv[1], library);
    snprintf(text, sizeof text, "%d\n", status);
    publish(argv[1], "status", text);
    return status;
}

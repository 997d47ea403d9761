/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * httpd FOLDER [ADDRESS]: a web server for tests, on a free port of 127.0.0.1 (or
 * ADDRESS), which it writes to FOLDER/.port once it listens. Runs until a signal or until
 * its standard input, when that is a pipe, ends. A thread a connection.
 *
 *   /NAME          the file FOLDER/NAME, or 404. An executable file is run instead: the
 *                  body that was posted is its standard input, CONTENT_TYPE, REQUEST_METHOD
 *                  and PATH_INFO (what follows NAME in the path) are in its environment,
 *                  its standard output is the answer; when it fails, 500
 *   /slow...       is never answered: the server waits until the client goes
 *   /endless...    a chunked body without end
 *   /drip...       a header line without end, a byte at a time
 *   /huge...       Content-Length of 1 GiB, and that many bytes
 *   /undeclared... 1 GiB without a length
 *   /short...      less than its Content-Length
 *   /gzip...       FOLDER/NAME behind "/gzip/", labelled Content-Encoding: gzip
 *   /tegzip...     the same, labelled Transfer-Encoding: gzip
 *   /status/N      that status
 *   /loop...       redirects to itself
 *   /to?URL        redirects to URL; /to307?URL with that status
 *
 * Each request is a line of FOLDER/.hits, "METHOD TARGET", written before the answer;
 * each connection a line of FOLDER/.connections. A body that was posted is in
 * FOLDER/.body, its media type in FOLDER/.type. Asked as a proxy, with an absolute target,
 * it serves that target's path by itself; CONNECT is refused with 405.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define HEAD_MAX 65536
#define BODY_MAX (1024 * 1024)
#define HUGE_BYTES (1024L * 1024 * 1024)

static const char *folder;
static pthread_mutex_t files_lock = PTHREAD_MUTEX_INITIALIZER;

struct request {
    int fd;
    char head[HEAD_MAX + 1];
    char method[16];
    char target[8192];
    char media_type[256];
    const char *path;
    char *body;
    size_t len;
};

static bool
put(int fd, const void *data, size_t len)
{
    const char *p = data;
    while (len > 0) {
        ssize_t n = send(fd, p, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        p += n;
        len -= (size_t)n;
    }
    return true;
}

static bool
puts_to(int fd, const char *text)
{
    return put(fd, text, strlen(text));
}

/* Writes a file of the folder: a line more, or anew. */
static void
note(const char *name, const char *data, size_t len, bool append)
{
    char path[4096], temp[4200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    snprintf(temp, sizeof temp, "%s%s", path, append ? "" : ".new");
    pthread_mutex_lock(&files_lock);
    int fd = open(temp, O_WRONLY | O_CREAT | O_CLOEXEC | (append ? O_APPEND : O_TRUNC), 0600);
    if (fd >= 0) {
        if (write(fd, data, len) != (ssize_t)len)
            perror("httpd");
        close(fd);
    }
    if (!append)
        rename(temp, path);
    pthread_mutex_unlock(&files_lock);
}

/* The value of a field of the head, cut to max. */
static void
field(const char *head, const char *name, char *out, size_t max)
{
    size_t n = strlen(name);
    out[0] = '\0';
    for (const char *p = strstr(head, "\r\n"); p != NULL; p = strstr(p, "\r\n")) {
        p += 2;
        if (strncasecmp(p, name, n) != 0 || p[n] != ':')
            continue;
        p += n + 1;
        p += strspn(p, " \t");
        snprintf(out, max, "%.*s", (int)strcspn(p, "\r\n"), p);
        return;
    }
}

static bool
read_body(struct request *r, const char *have, size_t had, size_t want)
{
    if (want > BODY_MAX || (r->body = malloc(want + 1)) == NULL)
        return false;
    r->len = had < want ? had : want;
    memcpy(r->body, have, r->len);
    while (r->len < want) {
        ssize_t n = recv(r->fd, r->body + r->len, want - r->len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        r->len += (size_t)n;
    }
    return true;
}

static bool
read_request(struct request *r)
{
    size_t have = 0;
    char *end = NULL, length[32];
    while (end == NULL && have < HEAD_MAX) {
        ssize_t n = recv(r->fd, r->head + have, HEAD_MAX - have, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        have += (size_t)n;
        r->head[have] = '\0';
        end = strstr(r->head, "\r\n\r\n");
    }
    if (end == NULL || sscanf(r->head, "%15s %8191s", r->method, r->target) != 2)
        return false;
    field(r->head, "Content-Length", length, sizeof length);
    field(r->head, "Content-Type", r->media_type, sizeof r->media_type);
    r->path = r->target[0] == '/' ? r->target : strstr(r->target, "://");
    if (r->path != r->target)
        r->path = r->path != NULL ? strchr(r->path + 3, '/') : NULL;
    if (r->path == NULL)
        r->path = "/";
    return read_body(r, end + 4, (size_t)(r->head + have - end - 4), strtoul(length, NULL, 10));
}

static bool
answer_head(const struct request *r, const char *status, long length, const char *more)
{
    char head[9000], size[64] = "";
    if (length >= 0)
        snprintf(size, sizeof size, "Content-Length: %ld\r\n", length);
    snprintf(head, sizeof head, "HTTP/1.1 %s\r\n%sContent-Type: application/octet-stream\r\n"
             "Connection: close\r\n%s\r\n", status, size, more);
    return puts_to(r->fd, head);
}

static void
fill(const struct request *r, const char *data, size_t len, long total)
{
    while (total > 0 && put(r->fd, data, total < (long)len ? (size_t)total : len))
        total -= (long)len;
}

static void
redirect(const struct request *r, const char *status, const char *to)
{
    char more[8300];
    snprintf(more, sizeof more, "Location: %.8200s\r\n", to);
    answer_head(r, status, 0, more);
}

/* Till the client closes. */
static void
wait_for_end(int fd)
{
    char byte;
    ssize_t n;
    do
        n = recv(fd, &byte, 1, 0);
    while (n > 0 || (n < 0 && errno == EINTR));
}

static void
do_slow(const struct request *r)
{
    wait_for_end(r->fd);
}

static void
do_endless(const struct request *r)
{
    static const char chunk[] = "400\r\n%1024s\r\n";
    char piece[1100];
    snprintf(piece, sizeof piece, chunk, "");
    if (answer_head(r, "200 OK", -1, "Transfer-Encoding: chunked\r\n"))
        while (puts_to(r->fd, piece))
            continue;
}

static void
do_drip(const struct request *r)
{
    if (puts_to(r->fd, "HTTP/1.1 200 OK\r\nX: "))
        while (puts_to(r->fd, "x"))
            usleep(1000);
}

static void
do_huge(const struct request *r)
{
    static const char zeros[65536];
    if (answer_head(r, "200 OK", HUGE_BYTES, ""))
        fill(r, zeros, sizeof zeros, HUGE_BYTES);
}

static void
do_undeclared(const struct request *r)
{
    static const char zeros[65536];
    if (answer_head(r, "200 OK", -1, ""))
        fill(r, zeros, sizeof zeros, HUGE_BYTES);
}

static void
do_short(const struct request *r)
{
    if (answer_head(r, "200 OK", 1000, ""))
        puts_to(r->fd, "too little");
}

static void
do_status(const struct request *r)
{
    char status[16];
    snprintf(status, sizeof status, "%.3s Told", r->path + strlen("/status/"));
    answer_head(r, status, 0, "");
}

static void
do_loop(const struct request *r)
{
    redirect(r, "302 Found", r->path);
}

static void
do_to(const struct request *r)
{
    const char *to = strchr(r->path, '?');
    bool same = strncmp(r->path, "/to307", 6) == 0;
    redirect(r, same ? "307 Temporary Redirect" : "302 Found", to != NULL ? to + 1 : "/");
}

/* The program's output into an unnamed file; its descriptor, -1 when it failed. */
static int
run_program(const struct request *r, const char *program, const char *info)
{
    char type[300], method[40], rest[8300], path[4200];
    char *argv[] = {(char[]){"program"}, NULL};
    char *envp[] = {type, method, rest, path, NULL};
    int in = memfd_create("in", MFD_CLOEXEC), out = memfd_create("out", MFD_CLOEXEC);
    int status = -1;
    pid_t pid;
    posix_spawn_file_actions_t files;

    snprintf(type, sizeof type, "CONTENT_TYPE=%s", r->media_type);
    snprintf(method, sizeof method, "REQUEST_METHOD=%s", r->method);
    snprintf(rest, sizeof rest, "PATH_INFO=%s", info);
    snprintf(path, sizeof path, "PATH=%s", getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin");
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, in, 0);
    posix_spawn_file_actions_adddup2(&files, out, 1);
    if (write(in, r->body, r->len) == (ssize_t)r->len && lseek(in, 0, SEEK_SET) == 0
        && posix_spawn(&pid, program, &files, NULL, argv, envp) == 0)
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            continue;
    posix_spawn_file_actions_destroy(&files);
    close(in);
    if (status == 0 && lseek(out, 0, SEEK_SET) == 0)
        return out;
    close(out);
    return -1;
}

/* The file that a prefix of the path names; *info is what follows it. */
static bool
locate(const char *path, char *out, size_t max, const char **info)
{
    struct stat st;
    size_t len = strcspn(path, "?");
    if (strstr(path, "..") != NULL)
        return false;
    for (size_t i = 1; i <= len; i++) {
        if (i < len && path[i] != '/')
            continue;
        snprintf(out, max, "%s%.*s", folder, (int)i, path);
        if (stat(out, &st) != 0)
            return false;
        *info = path + i;
        if (S_ISREG(st.st_mode))
            return i == len || (st.st_mode & 0100);
    }
    return false;
}

static void
serve_file(const struct request *r, const char *path, const char *more)
{
    char name[9000], data[65536];
    const char *info = "";
    struct stat st;
    ssize_t n;
    if (!locate(path, name, sizeof name, &info)) {
        answer_head(r, "404 Not Found", 0, "");
        return;
    }
    int fd = access(name, X_OK) == 0 ? run_program(r, name, info)
                                     : open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        answer_head(r, "500 Internal Server Error", 0, "");
    } else if (answer_head(r, "200 OK", strstr(more, "Transfer") ? -1 : (long)st.st_size, more)) {
        while ((n = read(fd, data, sizeof data)) > 0 && put(r->fd, data, (size_t)n))
            continue;
    }
    if (fd >= 0)
        close(fd);
}

static void
do_gzip(const struct request *r)
{
    serve_file(r, r->path + strlen("/gzip"), "Content-Encoding: gzip\r\n");
}

static void
do_tegzip(const struct request *r)
{
    serve_file(r, r->path + strlen("/tegzip"), "Transfer-Encoding: gzip\r\n");
}

static const struct {
    const char *prefix;
    void (*act)(const struct request *);
} acts[] = {
    {"/slow", do_slow}, {"/endless", do_endless}, {"/drip", do_drip}, {"/huge", do_huge},
    {"/undeclared", do_undeclared}, {"/short", do_short}, {"/status/", do_status},
    {"/loop", do_loop}, {"/to?", do_to}, {"/to307?", do_to}, {"/gzip/", do_gzip},
    {"/tegzip/", do_tegzip},
};

static void
answer(const struct request *r)
{
    if (strcmp(r->method, "CONNECT") == 0) {
        answer_head(r, "405 Method Not Allowed", 0, "");
        return;
    }
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
        if (strncmp(r->path, acts[i].prefix, strlen(acts[i].prefix)) == 0) {
            acts[i].act(r);
            return;
        }
    }
    serve_file(r, r->path, "");
}

static void *
serve(void *arg)
{
    struct request *r = arg;
    char line[8300];
    note(".connections", "connection\n", strlen("connection\n"), true);
    if (read_request(r)) {
        snprintf(line, sizeof line, "%s %s\n", r->method, r->target);
        if (strcmp(r->method, "POST") == 0) {
            note(".body", r->body, r->len, false);
            note(".type", r->media_type, strlen(r->media_type), false);
        }
        note(".hits", line, strlen(line), true);
        answer(r);
        shutdown(r->fd, SHUT_WR);
        wait_for_end(r->fd);
    }
    close(r->fd);
    free(r->body);
    free(r);
    return NULL;
}

static void *
end_with_input(void *arg)
{
    (void)arg;
    wait_for_end(0);
    char byte;
    while (read(0, &byte, 1) > 0)
        continue;
    _exit(0);
}

static int
listen_on(const char *address)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t len = sizeof a;
    char port[16];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || inet_pton(AF_INET, address, &a.sin_addr) != 1
        || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 128) != 0
        || getsockname(fd, (struct sockaddr *)&a, &len) != 0) {
        perror("httpd");
        exit(1);
    }
    snprintf(port, sizeof port, "%u", ntohs(a.sin_port));
    note(".port", port, strlen(port), false);
    return fd;
}

int
main(int argc, char **argv)
{
    pthread_t thread;
    struct stat st;
    if (argc < 2) {
        fprintf(stderr, "usage: httpd FOLDER [ADDRESS]\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    folder = argv[1];
    int fd = listen_on(argc > 2 ? argv[2] : "127.0.0.1");
    if (fstat(0, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode))
        && pthread_create(&thread, NULL, end_with_input, NULL) != 0)
        return 1;
    for (;;) {
        int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
        struct request *r = client >= 0 ? calloc(1, sizeof *r) : NULL;
        if (r == NULL)
            continue;
        r->fd = client;
        if (pthread_create(&thread, NULL, serve, r) == 0)
            pthread_detach(thread);
        else
            exit(1);
    }
}

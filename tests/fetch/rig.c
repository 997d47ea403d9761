/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fetch/rig.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Also before any test runs, where Check cannot be told. */
static void
require(bool it)
{
    if (!it) {
        perror("a server cannot be started");
        exit(1);
    }
}

void
rig_start(struct server *s, char *const argv[], int *out)
{
    posix_spawn_file_actions_t files;
    int in[2], outs[2] = {-1, -1};
    require(pipe2(in, O_CLOEXEC) == 0);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, in[0], 0);
    if (out != NULL) {
        require(pipe2(outs, O_CLOEXEC) == 0);
        posix_spawn_file_actions_adddup2(&files, outs[1], 1);
    }
    require(posix_spawn(&s->pid, argv[0], &files, NULL, argv, environ) == 0);
    posix_spawn_file_actions_destroy(&files);
    close(in[0]);
    s->input = in[1];
    if (out != NULL) {
        close(outs[1]);
        *out = outs[0];
    }
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

void
rig_stop(struct server *s)
{
    close(s->input);
    waitpid(s->pid, NULL, 0);
    nftw(s->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void
rig_httpd(struct server *s)
{
    const char *tmp = getenv("TMPDIR");
    char *argv[] = {getenv("E2E_HTTPD"), s->folder, NULL};
    snprintf(s->folder, sizeof s->folder, "%.40s/fetch-XXXXXX", tmp != NULL ? tmp : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(s->folder));
    ck_assert_ptr_nonnull(argv[0]);
    rig_start(s, argv, NULL);
    for (int i = 0; rig_lines(s, ".port") == 0 && i < 5000; i++) {
        size_t len;
        char *port = rig_read(s, ".port", &len);
        free(port);
        if (len > 0)
            return;
        usleep(2000);
    }
}

void
rig_httpd_stop(struct server *s)
{
    kill(s->pid, SIGKILL);
    rig_stop(s);
}

const char *
rig_url(const struct server *s, const char *path)
{
    static char urls[8][256];
    static unsigned next;
    size_t len;
    char *port = rig_read(s, ".port", &len), *url = urls[next++ % 8];
    snprintf(url, sizeof urls[0], "http://127.0.0.1:%s%s", port, path);
    free(port);
    return url;
}

void
rig_write(const struct server *s, const char *name, const void *data, size_t len, bool run)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", s->folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, run ? 0700 : 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, data, len), (ssize_t)len);
    close(fd);
}

char *
rig_read(const struct server *s, const char *name, size_t *len)
{
    char path[128], *data = calloc(1, 65536);
    snprintf(path, sizeof path, "%s/%s", s->folder, name);
    FILE *f = fopen(path, "re");
    ck_assert_ptr_nonnull(data);
    *len = f != NULL ? fread(data, 1, 65535, f) : 0;
    if (f != NULL)
        fclose(f);
    return data;
}

unsigned
rig_lines(const struct server *s, const char *name)
{
    size_t len;
    unsigned n = 0;
    char *data = rig_read(s, name, &len);
    for (size_t i = 0; i < len; i++)
        n += data[i] == '\n';
    free(data);
    return n;
}

struct fetcher *
rig_fetcher(unsigned deadline_ms)
{
    struct fetch_settings settings = {.allow_private = true, .deadline_ms = deadline_ms};
    struct fetcher *f = NULL;
    ck_assert_int_eq(fetcher_new(&f, &settings, NULL), 0);
    return f;
}

struct fetch_request
rig_get(const char *url)
{
    return (struct fetch_request){.kind = FETCH_GET, .where = url, .max_bytes = 100000};
}

struct fetch_request
rig_fetch(struct fetcher *f, struct fetch_request r)
{
    struct err err = {0};
    ck_assert_msg(fetcher_run(f, &r, 1, &err) == 0, "%s", err_text(&err));
    return r;
}

/* The pids whose parent is this process, one after the other to see. */
static void
each_child(void (*see)(void *arg, pid_t pid, const char *name), void *arg)
{
    DIR *d = opendir("/proc");
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        char path[300], line[512] = "", *close_at;
        long parent;
        char state;
        snprintf(path, sizeof path, "/proc/%.20s/stat", e->d_name);
        FILE *f = e->d_name[0] > '0' && e->d_name[0] <= '9' ? fopen(path, "re") : NULL;
        if (f == NULL)
            continue;
        if (fgets(line, sizeof line, f) != NULL && (close_at = strrchr(line, ')')) != NULL
            && sscanf(close_at + 1, " %c %ld", &state, &parent) == 2 && parent == getpid()) {
            *close_at = '\0';
            see(arg, (pid_t)atol(e->d_name), strchr(line, '(') + 1);
        }
        fclose(f);
    }
    if (d != NULL)
        closedir(d);
}

static void
count_one(void *arg, pid_t pid, const char *name)
{
    (void)pid;
    (void)name;
    ++*(unsigned *)arg;
}

unsigned
rig_children(void)
{
    unsigned n = 0;
    each_child(count_one, &n);
    return n;
}

struct wanted {
    const char *name;
    pid_t pid;
};

static void
match_one(void *arg, pid_t pid, const char *name)
{
    struct wanted *w = arg;
    if (strcmp(name, w->name) == 0)
        w->pid = pid;
}

pid_t
rig_child(const char *name)
{
    struct wanted w = {name, 0};
    each_child(match_one, &w);
    return w.pid;
}

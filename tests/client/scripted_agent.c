/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/client/scripted_agent.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/io.h"

struct scripted_agent {
    pthread_t thread;
    int listener;
    const char *const *script;
    char complaint[2048];
};

void
test_home_make_deep(struct home *home, unsigned folders)
{
    const char *tmp = getenv("TMPDIR");
    char dir[PATH_MAX];
    size_t len = (size_t)snprintf(dir, sizeof dir, "%s/signet-client-XXXXXX", tmp ? tmp : "/tmp");
    struct err err;

    ck_assert_ptr_nonnull(mkdtemp(dir));
    setenv("TEST_HOME_TOP", dir, 1);
    for (unsigned i = 0; i < folders; i++) {
        len += (size_t)snprintf(dir + len, sizeof dir - len, "/a-folder-with-a-long-name-%u", i);
        ck_assert_int_eq(mkdir(dir, 0700), 0);
    }
    ck_assert_int_eq(home_resolve(home, dir, &err), 0);
    ck_assert_int_eq(home_make(home, &err), 0);
}

void
test_home_make(struct home *home)
{
    test_home_make_deep(home, 0);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

void
test_home_remove(struct home *home)
{
    nftw(getenv("TEST_HOME_TOP"), remove_one, 16, FTW_DEPTH | FTW_PHYS);
    home_clear(home);
}

int
test_listen(const struct home *home)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int dir = open(home->runtime, O_PATH | O_DIRECTORY | O_CLOEXEC);

    snprintf(addr.sun_path, sizeof addr.sun_path, "/proc/self/fd/%d/%s", dir,
             strrchr(home->socket, '/') + 1);
    if (fd < 0 || dir < 0 || bind(fd, (struct sockaddr *)&addr, sizeof addr) != 0 ||
        listen(fd, 128) != 0) {
        perror("test_listen");
        abort();
    }
    close(dir);
    return fd;
}

static bool
read_line(int fd, char *line, size_t max)
{
    for (size_t n = 0; n + 1 < max; n++) {
        if (io_read(fd, line + n, 1) != 1)
            return false;
        if (line[n] == '\n') {
            line[n] = '\0';
            return true;
        }
    }
    return false;
}

static bool
follow(struct scripted_agent *a, int fd, const char *step)
{
    char line[2048];

    if (step[0] == '<') {
        if (io_write_all(fd, step + 2, strlen(step + 2)) != 0 || io_write_all(fd, "\n", 1) != 0)
            snprintf(a->complaint, sizeof a->complaint, "cannot send \"%s\"", step);
    } else if (!read_line(fd, line, sizeof line)) {
        snprintf(a->complaint, sizeof a->complaint, "no line instead of \"%s\"", step);
    } else if (strcmp(step, "> *") != 0 && strcmp(line, step + 2) != 0) {
        snprintf(a->complaint, sizeof a->complaint, "\"%.900s\" instead of \"%.900s\"", line,
                 step + 2);
    }
    return a->complaint[0] == '\0';
}

static void *
serve(void *arg)
{
    struct scripted_agent *a = arg;
    int fd = accept4(a->listener, NULL, NULL, SOCK_CLOEXEC);
    char rest[512];

    for (const char *const *step = a->script; *step && fd >= 0; step++) {
        if (strcmp(*step, "!") == 0) {
            close(fd);
            return NULL;
        }
        if (!follow(a, fd, *step))
            break;
    }
    while (a->complaint[0] == '\0' && fd >= 0 && io_read(fd, rest, sizeof rest) > 0)
        ; /* BYE, and the end of the connection */
    close(fd);
    return NULL;
}

struct scripted_agent *
scripted_agent_start(const struct home *home, const char *const *script)
{
    struct scripted_agent *a = calloc(1, sizeof *a);

    ck_assert_ptr_nonnull(a);
    a->script = script;
    a->listener = test_listen(home);
    ck_assert_int_eq(pthread_create(&a->thread, NULL, serve, a), 0);
    return a;
}

void
scripted_agent_end(struct scripted_agent **a)
{
    char complaint[sizeof (*a)->complaint];

    pthread_join((*a)->thread, NULL);
    close((*a)->listener);
    strcpy(complaint, (*a)->complaint);
    free(*a);
    *a = NULL;
    ck_assert_msg(complaint[0] == '\0', "%s", complaint);
}

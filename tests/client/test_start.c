/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Starting the agent: this program is the agent too, when called by its name. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "client/client.h"
#include "tests/client/scripted_agent.h"

#define CLIENTS 50

static struct home home;
static struct err err;

/* As an agent: counts its start, listens, says hello to everybody, ends on STOP. */
static int
be_agent(int argc, char **argv)
{
    const char *fault = getenv("TEST_AGENT_FAULT");
    char line[256];
    int log, listener, fd;

    /* No assertions here: this process is none of Check's. */
    if (argc != 5 || home_resolve(&home, argv[4], &err) != 0)
        return 6;
    if (fault) {
        fprintf(stderr, "a first line\n%s\n", fault);
        return 6;
    }
    snprintf(line, sizeof line, "%s/starts", home.root);
    log = open(line, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (log < 0 || io_write_all(log, "x", 1) != 0)
        return 6;
    unlink(home.socket);
    listener = test_listen(&home);
    if (io_write_all(atoi(argv[2]), "\n", 1) != 0)
        return 6;
    while ((fd = accept(listener, NULL, NULL)) >= 0) {
        ssize_t n = io_write_all(fd, "OK\n", 3) == 0 ? io_read(fd, line, sizeof line - 1) : 0;
        line[n > 0 ? n : 0] = '\0';
        if (strstr(line, "front=stop")) {
            unlink(home.socket);
            return 0;
        }
        /* The client ends first: nothing of what it says is of interest. */
        while (n > 0)
            n = io_read(fd, line, sizeof line);
        close(fd);
    }
    return 6;
}

static void
setup(void)
{
    char dir[4096], link[4200], self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

    ck_assert_int_gt((int)n, 0);
    self[n] = '\0';
    err_clear(&err);
    test_home_make(&home);
    snprintf(dir, sizeof dir, "%s/libexec", home.root);
    ck_assert_int_eq(mkdir(dir, 0700), 0);
    snprintf(link, sizeof link, "%s/signet-agent", dir);
    ck_assert_int_eq(symlink(self, link), 0);
    setenv("SIGNET_LIBEXEC", dir, 1);
    unsetenv("TEST_AGENT_FAULT");
}

static void
teardown(void)
{
    struct client_options opts = {.no_start = true, .front = "stop"};
    struct client *c = NULL;

    if (client_open(&c, &home, &opts, &err) == 0)
        client_free(&c);
    while (access(home.socket, F_OK) == 0)
        usleep(1000);
    test_home_remove(&home);
}

static long
starts(void)
{
    char path[4096];
    struct stat st;

    snprintf(path, sizeof path, "%s/starts", home.root);
    return stat(path, &st) == 0 ? (long)st.st_size : 0;
}

static int
open_and_close(void)
{
    struct client_options opts = {.batch = true};
    struct client *c = NULL;
    int rc = client_open(&c, &home, &opts, &err);

    client_free(&c);
    return rc;
}

START_TEST(an_agent_is_started)
{
    ck_assert_msg(open_and_close() == 0, "%s", err_text(&err));
    ck_assert_int_eq(starts(), 1);
    ck_assert_int_eq(open_and_close(), 0);
    ck_assert_int_eq(starts(), 1);
}
END_TEST

START_TEST(a_stale_socket_is_no_obstacle)
{
    close(test_listen(&home));
    ck_assert_msg(open_and_close() == 0, "%s", err_text(&err));
    ck_assert_int_eq(starts(), 1);
}
END_TEST

START_TEST(many_at_once_start_one)
{
    int go[2], status, bad = 0;
    char byte;

    ck_assert_int_eq(pipe(go), 0);
    for (int i = 0; i < CLIENTS; i++) {
        pid_t pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
            close(go[1]);
            _exit(io_read(go[0], &byte, 1) == 0 && open_and_close() == 0 ? 0 : 1);
        }
    }
    close(go[0]);
    close(go[1]);
    for (int i = 0; i < CLIENTS; i++) {
        ck_assert_int_gt(wait(&status), 0);
        bad += status != 0;
    }
    ck_assert_int_eq(bad, 0);
    ck_assert_int_eq(starts(), 1);
}
END_TEST

START_TEST(an_agent_that_ends_says_why)
{
    setenv("TEST_AGENT_FAULT", "the disk is upside down", 1);
    ck_assert_int_eq(open_and_close(), E_AGENT);
    ck_assert_str_eq(err.text, "the agent could not start: the disk is upside down");
    setenv("TEST_AGENT_FAULT", "", 1);
}
END_TEST

START_TEST(a_faulty_configuration_is_told)
{
    FILE *f = fopen(home.config, "w");

    ck_assert_ptr_nonnull(f);
    fputs("[agent]\nfrobnicate = 1\n", f);
    fclose(f);
    ck_assert_int_eq(open_and_close(), E_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.text, "signet.conf:2"));
    ck_assert_int_eq(starts(), 0);
}
END_TEST

START_TEST(no_agent_program)
{
    char path[4200];

    snprintf(path, sizeof path, "%s/libexec/signet-agent", home.root);
    unlink(path);
    ck_assert_int_eq(open_and_close(), E_AGENT);
    ck_assert_ptr_nonnull(strstr(err.text, "signet-agent"));
}
END_TEST

START_TEST(closed_standard_descriptors)
{
    pid_t pid = fork();
    int status;

    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        close(0);
        close(1);
        close(2);
        _exit(open_and_close() == 0 ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(starts(), 1);
}
END_TEST

int
main(int argc, char **argv)
{
    Suite *s;
    TCase *tc;
    SRunner *sr;
    int failed;

    if (strcmp(argv[0], "signet-agent") == 0)
        return be_agent(argc, argv);
    s = suite_create("start");
    tc = tcase_create("start");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, an_agent_is_started);
    tcase_add_test(tc, a_stale_socket_is_no_obstacle);
    tcase_add_test(tc, many_at_once_start_one);
    tcase_add_test(tc, an_agent_that_ends_says_why);
    tcase_add_test(tc, a_faulty_configuration_is_told);
    tcase_add_test(tc, no_agent_program);
    tcase_add_test(tc, closed_standard_descriptors);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}

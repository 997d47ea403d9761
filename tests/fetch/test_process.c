/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The helper as a process: when it runs, what it has, how it ends; and one that lies. */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/fetch/rig.h"

static struct server http;

static void
begin(void)
{
    rig_httpd(&http);
    rig_write(&http, "file", "hello", 5, false);
}

static void
end(void)
{
    rig_httpd_stop(&http);
}

START_TEST(offline_no_process_is_started)
{
    struct fetch_settings settings = {.offline = true};
    struct fetcher *f = NULL;
    unsigned children = rig_children();
    ck_assert_int_eq(fetcher_new(&f, &settings, NULL), 0);
    struct fetch_request r[] = {rig_get("http://127.0.0.1/"),
                                {.kind = FETCH_SMIMEA, .where = "a@example.org"}};
    ck_assert_int_eq(fetcher_run(f, r, 2, NULL), 0);
    assert_answer(r[0], E_OFFLINE);
    assert_answer(r[1], E_OFFLINE);
    ck_assert_uint_eq(fetcher_count(f), 0);
    ck_assert_uint_eq(rig_children(), children);
    fetcher_free(&f);
}
END_TEST

START_TEST(one_process_and_none_afterwards)
{
    struct fetcher *f = rig_fetcher(60000);
    unsigned children = rig_children();
    ck_assert_int_eq(fetcher_run(f, NULL, 0, NULL), 0);
    ck_assert_uint_eq(rig_children(), children);
    struct fetch_request r = rig_fetch(f, rig_get(rig_url(&http, "/file")));
    assert_answer(r, 0);
    fetch_clear(&r);
    r = rig_fetch(f, rig_get(rig_url(&http, "/none")));
    assert_answer(r, E_INPUT);
    ck_assert_uint_eq(rig_children(), children + 1);
    fetcher_free(&f);
    ck_assert_uint_eq(rig_children(), children);
    ck_assert_ptr_null(f);
    fetcher_free(&f);
}
END_TEST

static char *
proc_file(pid_t pid, const char *name, char *out, size_t max)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, out, max - 1) : 0;
    out[n > 0 ? n : 0] = '\0';
    for (ssize_t i = 0; i + 1 < n; i++)
        if (out[i] == '\0')
            out[i] = '\n';
    if (fd >= 0)
        close(fd);
    return out;
}

START_TEST(it_has_no_more_than_it_needs)
{
    char text[4096];
    setenv("no_proxy", "*", 1);
    setenv("SECRET_WORD", "mellon", 1);
    struct fetcher *f = rig_fetcher(60000);
    struct fetch_request r = rig_fetch(f, rig_get(rig_url(&http, "/file")));
    assert_answer(r, 0);
    fetch_clear(&r);
    pid_t pid = rig_child("signet-fetch");
    ck_assert_int_gt(pid, 0);
    proc_file(pid, "environ", text, sizeof text);
    ck_assert_ptr_null(strstr(text, "SECRET_WORD"));
    ck_assert_ptr_null(strstr(text, "HOME="));
    ck_assert_ptr_null(strstr(text, "PATH="));
    ck_assert_str_eq(proc_file(pid, "cmdline", text, sizeof text), "signet-fetch");
    ck_assert_ptr_nonnull(strstr(proc_file(pid, "status", text, sizeof text), "NoNewPrivs:\t1"));
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    ck_assert_ptr_nonnull(strstr(text, "Seccomp:\t2"));
#endif
    ck_assert_ptr_nonnull(strstr(proc_file(pid, "limits", text, sizeof text),
                                 "Max core file size        0"));
    fetcher_free(&f);
    unsetenv("no_proxy");
}
END_TEST

/* A process of ours, which has asked for something slow, is killed: its helper goes with it. */
START_TEST(it_goes_when_its_parent_goes)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    const char *url = rig_url(&http, "/slow");
    pid_t child = fork();
    if (child == 0) {
        struct fetcher *f = rig_fetcher(60000);
        struct fetch_request r = rig_get(url);
        (void)!fetcher_run(f, &r, 1, NULL);
        _exit(0);
    }
    while (rig_lines(&http, ".hits") == 0)
        usleep(1000);
    kill(child, SIGKILL);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    /* The orphan is ours now; waiting for it is the proof. */
    pid_t orphan;
    while ((orphan = waitpid(-1, NULL, 0)) == http.pid)
        continue;
    ck_assert_int_gt(orphan, 0);
}
END_TEST

struct killer {
    struct server *server;
};

/* Kills the helper once the server has its request. */
static void *
kill_helper(void *arg)
{
    struct killer *k = arg;
    while (rig_lines(k->server, ".hits") < 2)
        usleep(1000);
    kill(rig_child("signet-fetch"), SIGKILL);
    return NULL;
}

START_TEST(killed_in_the_middle)
{
    struct fetcher *f = rig_fetcher(60000);
    struct killer k = {&http};
    pthread_t thread;
    unsigned children = rig_children();
    struct fetch_request first = rig_fetch(f, rig_get(rig_url(&http, "/file")));
    assert_answer(first, 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, kill_helper, &k), 0);
    struct fetch_request r = rig_fetch(f, rig_get(rig_url(&http, "/slow")));
    pthread_join(thread, NULL);
    assert_answer(r, E_HOST);
    ck_assert_uint_eq(rig_children(), children);
    /* What came before stays; what comes later gets a helper anew; nothing is asked twice. */
    ck_assert_mem_eq(first.values[0].data, "hello", 5);
    fetch_clear(&first);
    r = rig_fetch(f, rig_get(rig_url(&http, "/slow")));
    assert_answer(r, E_HOST);
    r = rig_fetch(f, rig_get(rig_url(&http, "/file?again")));
    assert_answer(r, 0);
    fetch_clear(&r);
    fetcher_free(&f);
    ck_assert_uint_eq(rig_children(), children);
}
END_TEST

START_TEST(no_helper_is_installed)
{
    struct err err = {0};
    struct fetch_request r = rig_get("http://127.0.0.1/");
    setenv("SIGNET_LIBEXEC", http.folder, 1);
    struct fetcher *f = rig_fetcher(60000);
    ck_assert_int_eq(fetcher_run(f, &r, 1, &err), E_HOST);
    assert_answer(r, E_HOST);
    ck_assert_ptr_nonnull(strstr(err.text, "install"));
    fetcher_free(&f);
}
END_TEST

static const struct {
    const char *word;
    int rc;
} lies[] = {
    {"good", 0}, {"controls", E_INPUT},
    {"die", E_HOST}, {"garbage", E_HOST}, {"empty", E_HOST}, {"unsealed", E_HOST},
    {"half-sealed", E_HOST}, {"on-disk", E_HOST}, {"shorter", E_HOST}, {"longer", E_HOST},
    {"too-large", E_HOST}, {"nothing-with-it", E_HOST}, {"two", E_HOST},
    {"failed-with-memory", E_HOST}, {"stranger", E_HOST}, {"proved", E_HOST},
    {"silent", E_TIMEOUT},
};

static unsigned
open_descriptors(void)
{
    unsigned n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (d != NULL && readdir(d) != NULL)
        n++;
    if (d != NULL)
        closedir(d);
    return n;
}

START_TEST(a_helper_that_lies)
{
    char program[128], url[100];
    snprintf(program, sizeof program, "%s/signet-fetch", http.folder);
    ck_assert_int_eq(symlink(getenv("FAKE_FETCH"), program), 0);
    setenv("SIGNET_LIBEXEC", http.folder, 1);
    unsigned fds = open_descriptors(), children = rig_children();
    snprintf(url, sizeof url, "http://x/%s", lies[_i].word);
    struct fetcher *f = rig_fetcher(lies[_i].rc == E_TIMEOUT ? 200 : 60000);
    struct fetch_request r = rig_fetch(f, rig_get(url));
    ck_assert_msg(r.rc == lies[_i].rc, "%s: %s: %s", lies[_i].word, err_name(r.rc),
                  err_text(&r.err));
    ck_assert_ptr_null(strchr(r.err.text, '\x1b'));
    if (r.rc == 0)
        ck_assert_mem_eq(r.values[0].data, "good", 4);
    else
        ck_assert_uint_eq(r.count, 0);
    fetch_clear(&r);
    fetcher_free(&f);
    ck_assert_uint_eq(open_descriptors(), fds);
    ck_assert_uint_eq(rig_children(), children);
}
END_TEST

/* A second answer comes to nothing that is still asked for. */
START_TEST(an_answer_given_twice)
{
    char program[128];
    snprintf(program, sizeof program, "%s/signet-fetch", http.folder);
    ck_assert_int_eq(symlink(getenv("FAKE_FETCH"), program), 0);
    setenv("SIGNET_LIBEXEC", http.folder, 1);
    struct fetcher *f = rig_fetcher(60000);
    struct fetch_request r[] = {rig_get("http://x/twice"), rig_get("http://y/die")};
    ck_assert_int_eq(fetcher_run(f, r, 2, NULL), 0);
    assert_answer(r[0], 0);
    assert_answer(r[1], E_HOST);
    fetch_clear(&r[0]);
    fetcher_free(&f);
}
END_TEST

START_TEST(no_more_than_the_caps)
{
    struct fetcher *f = rig_fetcher(60000);
    static struct fetch_request r[FETCH_REQUESTS_MAX + 1];
    static char urls[FETCH_REQUESTS_MAX + 1][64];
    unsigned limited = 0;
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i <= FETCH_REQUESTS_MAX; i++) {
            snprintf(urls[i], sizeof urls[i], "ldap:///%d,%d", round, i);
            r[i] = rig_get(urls[i]);
        }
        ck_assert_int_eq(fetcher_run(f, r, FETCH_REQUESTS_MAX + 1, NULL), 0);
        assert_answer(r[FETCH_REQUESTS_MAX], E_LIMIT);
        for (int i = 0; i < FETCH_REQUESTS_MAX; i++) {
            limited += r[i].rc == E_LIMIT;
            ck_assert(r[i].rc == E_LIMIT || r[i].rc == E_UNSUPPORTED);
        }
    }
    ck_assert_uint_eq(fetcher_count(f), FETCH_TOTAL_MAX);
    ck_assert_uint_eq(limited, 5 * FETCH_REQUESTS_MAX - FETCH_TOTAL_MAX);
    fetcher_free(&f);
}
END_TEST

START_TEST(too_long_is_not_sent)
{
    struct fetcher *f = rig_fetcher(60000);
    char url[FETCH_URL_MAX + 2];
    memset(url, 'a', sizeof url);
    url[sizeof url - 1] = '\0';
    struct fetch_request r = rig_fetch(f, rig_get(url));
    assert_answer(r, E_MALFORMED);
    static uint8_t body[FETCH_BODY_MAX + 1];
    r = rig_get("http://127.0.0.1/");
    r.kind = FETCH_POST;
    r.body = body;
    r.body_len = sizeof body;
    r = rig_fetch(f, r);
    assert_answer(r, E_LIMIT);
    ck_assert_uint_eq(fetcher_count(f), 0);
    fetcher_free(&f);
}
END_TEST

/* Many large bodies at once: more than the socket holds, both ways. */
START_TEST(large_bodies_all_arrive)
{
    enum { COUNT = 20 };
    static uint8_t body[FETCH_BODY_MAX];
    struct fetch_request r[COUNT];
    struct fetcher *f = rig_fetcher(60000);
    char urls[COUNT][100];
    rig_write(&http, "echo", "#!/bin/sh\ncat\n", 14, true);
    for (int i = 0; i < COUNT; i++) {
        snprintf(urls[i], sizeof urls[i], "%s?%d", rig_url(&http, "/echo"), i);
        r[i] = rig_get(urls[i]);
        r[i].kind = FETCH_POST;
        r[i].media_type = "a/b";
        r[i].body = body;
        r[i].body_len = sizeof body;
    }
    ck_assert_int_eq(fetcher_run(f, r, COUNT, NULL), 0);
    for (int i = 0; i < COUNT; i++) {
        assert_answer(r[i], 0);
        ck_assert_uint_eq(r[i].values[0].len, sizeof body);
        fetch_clear(&r[i]);
    }
    fetcher_free(&f);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("fetch-process");
    TCase *t = tcase_create("process");
    tcase_set_timeout(t, 100);
    tcase_add_checked_fixture(t, begin, end);
    tcase_add_test(t, offline_no_process_is_started);
    tcase_add_test(t, one_process_and_none_afterwards);
    tcase_add_test(t, it_has_no_more_than_it_needs);
    tcase_add_test(t, it_goes_when_its_parent_goes);
    tcase_add_test(t, killed_in_the_middle);
    tcase_add_test(t, no_helper_is_installed);
    tcase_add_loop_test(t, a_helper_that_lies, 0, sizeof lies / sizeof *lies);
    tcase_add_test(t, an_answer_given_twice);
    tcase_add_test(t, no_more_than_the_caps);
    tcase_add_test(t, too_long_is_not_sent);
    tcase_add_test(t, large_bodies_all_arrive);
    suite_add_tcase(s, t);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Starting and ending, crashes, and what is left behind. */
#include <dirent.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/agent/rig.h"

#define RACERS 50

static struct err err;

static void
with_pin(const char *more)
{
    char conf[8400];
    const char *path = scratch_write("pin", FAKE_PIN "\n");

    ck_assert_int_eq(chmod(path, 0600), 0);
    snprintf(conf, sizeof conf, "%s[token fake]\npin-source = file:%s\n", more, path);
    rig_fake(conf);
}

/* Processes whose command line names this test's folder and the program. */
static unsigned
processes(const char *program)
{
    DIR *proc = opendir("/proc");
    struct dirent *e;
    unsigned n = 0;

    while ((e = readdir(proc))) {
        char path[PATH_MAX], line[4096];
        snprintf(path, sizeof path, "/proc/%s/cmdline", e->d_name);
        FILE *f = e->d_name[0] >= '0' && e->d_name[0] <= '9' ? fopen(path, "r") : NULL;
        size_t len = f ? fread(line, 1, sizeof line - 1, f) : 0;
        if (f)
            fclose(f);
        for (size_t i = 0; i < len; i++)
            if (line[i] == '\0')
                line[i] = ' ';
        line[len] = '\0';
        n += strstr(line, scratch()) && strstr(line, program);
    }
    closedir(proc);
    return n;
}

static bool
there(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

START_TEST(one_of_fifty_survives)
{
    static const char *const none[] = {NULL};
    pid_t pids[RACERS];

    with_pin("");
    for (int i = 0; i < RACERS; i++)
        pids[i] = rig_start_agent(none);
    for (int i = 0; i < RACERS; i++) {
        ck_assert_int_eq(rig_join(pids[i]), 0);
        /* Whoever has ended has seen an agent that listens. */
        ck_assert_int_gt(rig_status("pid", false), 0);
    }
    ck_assert_uint_eq(processes("signet-agent"), 1);
}
END_TEST

START_TEST(stop_leaves_nothing)
{
    struct client *c;

    with_pin("");
    c = rig_open(NULL);
    ck_assert_int_eq(rig_sign(c, &err), 0);
    client_free(&c);
    ck_assert(there(rig_home()->socket));
    rig_stop();
    ck_assert(!there(rig_home()->socket));
    ck_assert(!there(scratch_path("home/run/agent.lock")));
    ck_assert_uint_eq(processes("signet-"), 0);
    /* And another one can start at once. */
    c = rig_open(NULL);
    ck_assert_int_eq(rig_sign(c, &err), 0);
    client_free(&c);
}
END_TEST

START_TEST(termination_is_a_stop)
{
    char number[16], byte;
    const char *const foreground[] = {"--foreground", "--ready-fd", number, NULL};
    int ready[2];
    pid_t pid;

    with_pin("");
    ck_assert_int_eq(pipe(ready), 0);
    snprintf(number, sizeof number, "%d", ready[1]);
    pid = rig_start_agent(foreground);
    close(ready[1]);
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    struct client *c = rig_open(NULL);
    ck_assert_int_eq(rig_sign(c, &err), 0);
    client_free(&c);
    ck_assert_int_eq(kill(pid, SIGTERM), 0);
    ck_assert_int_eq(rig_join(pid), 0);
    ck_assert(!there(rig_home()->socket));
    ck_assert_uint_eq(processes("signet-"), 0);
}
END_TEST

START_TEST(stale_socket_is_replaced)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    struct client *c;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    with_pin("");
    ck_assert_int_eq(mkdir(scratch_path("home/run"), 0700), 0);
    snprintf(addr.sun_path, sizeof addr.sun_path, "%s", rig_home()->socket);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    close(fd);
    c = rig_open(NULL);
    ck_assert_int_eq(rig_sign(c, &err), 0);
    client_free(&c);
}
END_TEST

START_TEST(killed_agent_is_replaced)
{
    struct client *c;

    with_pin("");
    c = rig_open(NULL);
    ck_assert_int_eq(rig_sign(c, &err), 0);
    rig_kill(false);
    ck_assert_int_eq(rig_sign(c, &err), E_AGENT);
    client_free(&c);
    c = rig_open(NULL);
    ck_assert_int_eq(rig_sign(c, &err), 0);
    client_free(&c);
}
END_TEST

/* Somebody removes the socket of an agent that lives: nothing hangs, and two agents
 * there are not. */
START_TEST(lost_socket_is_said)
{
    struct client *c;

    with_pin("");
    c = rig_open(NULL);
    ck_assert_int_eq(unlink(rig_home()->socket), 0);
    ck_assert_int_eq(rig_run_agent(NULL), 6);
    ck_assert_uint_eq(processes("signet-agent"), 1);
    ck_assert_int_eq(client_stop(c, &err), 0);
    client_free(&c);
}
END_TEST

START_TEST(what_is_in_the_way_is_said)
{
    with_pin("");
    ck_assert_int_eq(mkdir(scratch_path("home/run"), 0700), 0);
    scratch_write("home/run/agent.sock", "precious");
    ck_assert_int_eq(rig_run_agent(NULL), 6);
    ck_assert_str_eq(rig_read(rig_home()->socket), "precious");
}
END_TEST

START_TEST(long_paths_work)
{
    char dir[200];
    struct client *c = NULL;
    struct home deep;
    const struct client_options opts = {.front = "test"};

    with_pin("");
    memset(dir, 'x', sizeof dir);
    memcpy(dir, "home/", 5);
    dir[180] = '\0';
    setenv("SIGNET_HOME", scratch_path(dir), 1);
    ck_assert_int_eq(home_resolve(&deep, NULL, &err), 0);
    ck_assert_uint_gt(strlen(deep.socket), 108);
    ck_assert_msg(client_open(&c, &deep, &opts, &err) == 0, "%s", err_text(&err));
    ck_assert_int_eq(client_stop(c, &err), 0);
    client_free(&c);
    ck_assert(!there(deep.socket));
    home_clear(&deep);
}
END_TEST

START_TEST(wrong_usage)
{
    rig_fake("");
    ck_assert_int_eq(rig_run_agent((const char *const[]){"--frobnicate", NULL}), 2);
    ck_assert_int_eq(rig_run_agent((const char *const[]){"more", NULL}), 2);
    ck_assert_int_eq(rig_run_agent((const char *const[]){"--ready-fd", "x", NULL}), 2);
    scratch_write("home/signet.conf", "[agent]\nfrobnicate = 1\n");
    ck_assert_int_eq(rig_run_agent(NULL), 2);
}
END_TEST

/* The host dies over the request: it is run again on the next one, which is logged
 * in to silently. */
START_TEST(crash_is_survived)
{
    struct client *c;

    with_pin("");
    c = rig_open(NULL);
    ck_assert_int_eq(rig_sign(c, &err), 0);
    for (int i = 0; i < 3; i++) {
        fake_set("crash", "");
        ck_assert_msg(rig_sign(c, &err) == 0, "%s", err_text(&err));
    }
    ck_assert_uint_eq(fake_lines("signs"), 4);
    ck_assert_int_eq(rig_status("restarts", true), 3);
    client_free(&c);
}
END_TEST

START_TEST(second_crash_is_reported)
{
    struct client *c;

    with_pin("");
    c = rig_open(NULL);
    ck_assert_int_eq(rig_sign(c, &err), 0);
    fake_set("crash2", "");
    ck_assert_int_eq(rig_sign(c, &err), E_HOST);
    ck_assert_ptr_nonnull(strstr(err.text, "module \"fake\""));
    fake_unset("crash2");
    ck_assert_msg(rig_sign(c, &err) == 0, "%s", err_text(&err));
    client_free(&c);
}
END_TEST

START_TEST(host_killed_between_requests)
{
    struct client *c;

    with_pin("");
    c = rig_open(NULL);
    for (int i = 0; i < 3; i++) {
        ck_assert_msg(rig_sign(c, &err) == 0, "%s", err_text(&err));
        rig_kill(true);
    }
    ck_assert_msg(rig_sign(c, &err) == 0, "%s", err_text(&err));
    client_free(&c);
}
END_TEST

START_TEST(token_that_went_and_came)
{
    struct client *c;

    with_pin("");
    c = rig_open(NULL);
    ck_assert_int_eq(rig_sign(c, &err), 0);
    fake_set("hidden", "");
    ck_assert_int_eq(rig_sign(c, &err), E_NO_TOKEN);
    fake_unset("hidden");
    ck_assert_msg(rig_sign(c, &err) == 0, "%s", err_text(&err));
    client_free(&c);
}
END_TEST

/* Stopping does not wait for a host that hangs. */
START_TEST(stop_with_a_mute_host)
{
    struct client *c;
    pid_t pid;

    with_pin("");
    c = rig_open(NULL);
    fake_set("mute", "");
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        struct client *mine = rig_open(NULL);
        struct err e;
        _exit(rig_sign(mine, &e) == 0);
    }
    while (rig_status("busy", true) == 0)
        ;
    client_free(&c);
    rig_stop();
    ck_assert_int_eq(rig_join(pid), 0);
    ck_assert_uint_eq(processes("signet-"), 0);
}
END_TEST

START_TEST(full_audit_log_refuses)
{
    struct rlimit before, full = {0};
    struct client *c;
    struct stat st;
    pid_t agent;

    with_pin("");
    c = rig_open(NULL);
    ck_assert_int_eq(rig_sign(c, &err), 0);
    agent = rig_status("pid", false);
    ck_assert_int_eq(stat(scratch_path("home/audit.log"), &st), 0);
    full.rlim_cur = (rlim_t)st.st_size + 10;
    full.rlim_max = RLIM_INFINITY;
    ck_assert_int_eq(prlimit(agent, RLIMIT_FSIZE, &full, &before), 0);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(rig_sign(c, &err), E_SYSTEM);
        ck_assert_ptr_nonnull(strstr(err.text, "audit.log"));
    }
    ck_assert_int_eq(prlimit(agent, RLIMIT_FSIZE, &before, NULL), 0);
    ck_assert_int_eq(rig_sign(c, &err), 0);
    client_free(&c);
    /* What was written in part was taken back: every line is whole. */
    char *log = strdup(rig_read(scratch_path("home/audit.log"))), *save = NULL;
    unsigned lines = 0;
    for (char *line = strtok_r(log, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char head[32];
        snprintf(head, sizeof head, "{\"seq\":%u,", ++lines);
        ck_assert_msg(strncmp(line, head, strlen(head)) == 0, "%s", line);
        ck_assert_int_eq(line[strlen(line) - 1], '}');
    }
    ck_assert_uint_ge(lines, 2);
    free(log);
}
END_TEST

START_TEST(clients_have_a_limit)
{
    struct client *a, *b, *c = NULL;
    const struct client_options opts = {.front = "test"};

    with_pin("max-connections = 2\n");
    a = rig_open(NULL);
    b = rig_open(NULL);
    ck_assert_int_eq(rig_sign(a, &err), 0);
    ck_assert_int_eq(rig_sign(b, &err), 0);
    int rc = client_open(&c, rig_home(), &opts, &err);
    if (rc == 0)
        rc = rig_sign(c, &err);
    ck_assert_int_lt(rc, 0);
    client_free(&c);
    ck_assert_int_eq(rig_sign(a, &err), 0);
    client_free(&a);
    client_free(&b);
    while (client_open(&c, rig_home(), &opts, &err) != 0 || rig_sign(c, &err) != 0)
        client_free(&c);
    client_free(&c);
}
END_TEST

START_TEST(weak_signatures_are_refused)
{
    autofree_buf struct buf *out = buf_new();
    uint8_t digest[64] = {0};
    struct client *c;
    int rc;

    with_pin("");
    c = rig_open(NULL);
    ck_assert_ptr_nonnull(alg_sig_by_name("rsa-pkcs1-sha1"));
    rc = client_sign(c, FAKE_KEY, alg_sig_by_name("rsa-pkcs1-sha1"), digest, 20, out, &err);
    ck_assert_int_eq(rc, E_WEAK);
    rc = client_sign(c, FAKE_KEY, alg_sig_by_name("rsa-pkcs1-sha256"), digest, 32, out, &err);
    ck_assert_int_eq(rc, E_MECHANISM);
    ck_assert_uint_eq(fake_lines("logins"), 0);
    client_free(&c);
}
END_TEST

int
main(void)
{
    TCase *c = tcase_create("life");

    tcase_set_timeout(c, 60);
    tcase_add_checked_fixture(c, rig_setup, rig_teardown);
    tcase_add_test(c, one_of_fifty_survives);
    tcase_add_test(c, stop_leaves_nothing);
    tcase_add_test(c, termination_is_a_stop);
    tcase_add_test(c, stale_socket_is_replaced);
    tcase_add_test(c, killed_agent_is_replaced);
    tcase_add_test(c, lost_socket_is_said);
    tcase_add_test(c, what_is_in_the_way_is_said);
    tcase_add_test(c, long_paths_work);
    tcase_add_test(c, wrong_usage);
    tcase_add_test(c, crash_is_survived);
    tcase_add_test(c, second_crash_is_reported);
    tcase_add_test(c, host_killed_between_requests);
    tcase_add_test(c, token_that_went_and_came);
    tcase_add_test(c, stop_with_a_mute_host);
    tcase_add_test(c, full_audit_log_refuses);
    tcase_add_test(c, clients_have_a_limit);
    tcase_add_test(c, weak_signatures_are_refused);
    return rig_main("agent-life", c);
}

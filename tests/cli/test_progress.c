/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The line that a person who waits sees, with a clock of our own. */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/progress.h"

static const struct {
    const char *name;
    off_t size;
    uint64_t done;
    int64_t ms;
    const char *line;
} rows[] = {
    {"a.tar", 2000000000, 500000000, 5000,
     "a.tar  24 %  500 MB of 2.0 GB, 100 MB/s, 15 s left"},
    {"a.tar", 2000000000, 2000000000, 5000,
     "a.tar  99 %  2.0 GB of 2.0 GB, 400 MB/s, 0 s left"},
    {"standard input", -1, 12345, 3000, "standard input  12.3 kB, 4.1 kB/s"},
    {"x", 8000000000000, 1000000000, 2000, "x  0 %  1.0 GB of 8.0 TB, 500 MB/s, 4 h left"},
    {"x", 100000000000, 1000000000, 10000, "x  0 %  1.0 GB of 100 GB, 100 MB/s, 17 min left"},
    /* A file that grows while it is read. */
    {"x", 10, 20, 2000, "x  20 bytes, 10 bytes/s"},
    {"x", 10, 0, 2000, "x  0 %  0 bytes of 10 bytes, 0 bytes/s"},
    {"x", 0, 0, 0, "x  0 bytes, 0 bytes/s"},
    {"0123456789012345678901234567890123456789-end", -1, 1, 1000,
     "...456789012345678901234567890123456789-end  1 bytes, 1 bytes/s"},
    {"a\033[31mb\nc", -1, 1, 1000, "a\\x1b[31mb\\x0ac  1 bytes, 1 bytes/s"},
};

START_TEST(line)
{
    struct progress p = {.fd = -1, .name = rows[_i].name, .size = rows[_i].size,
                         .done = rows[_i].done};
    struct buf *out = buf_new();

    ck_assert_int_eq(progress_put(&p, rows[_i].ms, out), 0);
    ck_assert_str_eq(buf_cstr(out), rows[_i].line);
    buf_free(&out);
}
END_TEST

static int64_t clock_ms;

static int64_t
our_clock(void)
{
    return clock_ms;
}

/* What has been written so far. */
static const char *
seen(int fd)
{
    static char text[4096];
    ssize_t n = read(fd, text, sizeof text - 1);

    text[n > 0 ? n : 0] = '\0';
    return text;
}

START_TEST(shows_late_and_seldom_and_goes)
{
    struct progress p = {.name = "a", .size = 1000, .now = our_clock};
    int ends[2];

    ck_assert_int_eq(pipe2(ends, O_NONBLOCK), 0);
    clock_ms = 5000;
    p.fd = ends[1];
    p.start = clock_ms;
    p.next = p.start + PROGRESS_AFTER * 1000;
    progress_step(&p, 100);
    clock_ms += 1999;
    progress_step(&p, 100);
    ck_assert_str_eq(seen(ends[0]), "");
    clock_ms += 1;
    progress_step(&p, 100);
    ck_assert(strstr(seen(ends[0]), "300 bytes of 1.0 kB") != NULL);
    clock_ms += PROGRESS_EVERY_MS - 1;
    progress_step(&p, 100);
    ck_assert_str_eq(seen(ends[0]), "");
    clock_ms += 1;
    progress_step(&p, 100);
    ck_assert(strstr(seen(ends[0]), "500 bytes of") != NULL);
    progress_end(&p);
    ck_assert_str_eq(seen(ends[0]), "\r\033[K");
    progress_end(&p);
    ck_assert_str_eq(seen(ends[0]), "");
    close(ends[0]);
    close(ends[1]);
}
END_TEST

/* A terminal, and standard error is it. */
static int
terminal(int *ret_saved)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK), slave;

    ck_assert_int_ge(master, 0);
    ck_assert_int_eq(grantpt(master), 0);
    ck_assert_int_eq(unlockpt(master), 0);
    slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    ck_assert_int_ge(slave, 0);
    *ret_saved = dup(STDERR_FILENO);
    ck_assert_int_eq(dup2(slave, STDERR_FILENO), STDERR_FILENO);
    close(slave);
    return master;
}

START_TEST(only_on_a_terminal_and_when_allowed)
{
    struct progress p;
    int saved, master = terminal(&saved), with, without, not_tty;

    progress_begin(&p, "a", 10);
    without = p.fd;
    progress_allow(true);
    progress_begin(&p, "a", 10);
    with = p.fd;
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(master);
    not_tty = open("/dev/null", O_RDWR);
    saved = dup(STDERR_FILENO);
    dup2(not_tty, STDERR_FILENO);
    progress_begin(&p, "a", 10);
    dup2(saved, STDERR_FILENO);
    ck_assert_int_eq(without, -1);
    ck_assert_int_eq(with, STDERR_FILENO);
    ck_assert_int_eq(p.fd, -1);
    close(saved);
    close(not_tty);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("cli progress");
    TCase *c = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(c, line, 0, sizeof rows / sizeof *rows);
    tcase_add_test(c, shows_late_and_seldom_and_goes);
    tcase_add_test(c, only_on_a_terminal_and_when_allowed);
    suite_add_tcase(s, c);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

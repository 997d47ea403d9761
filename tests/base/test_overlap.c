/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading ahead and writing behind, by themselves and in large files. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/overlap.h"
#include "base/ring.h"
#include "tests/base/run.h"

/* Large enough for threads, and no multiple of anything. */
#define SIZE (OVERLAP_MIN + 3 * RING_PIECE + 4711)

static uint8_t *pattern;

static void
setup(void)
{
    scratch_setup();
    pattern = malloc(SIZE);
    ck_assert_ptr_nonnull(pattern);
    for (size_t i = 0; i < SIZE; i++)
        pattern[i] = (uint8_t)(i ^ i >> 8 ^ i >> 16);
}

static void
teardown(void)
{
    free(pattern);
    scratch_teardown();
}

static int
pattern_file(const char *name)
{
    int fd = open(scratch_path(name), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(io_write_all(fd, pattern, SIZE), 0);
    ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

/* The file is the pattern from there on, whole. */
static void
expect_pattern(const char *name, size_t from)
{
    uint8_t *got = malloc(SIZE + 1);
    size_t len = 0;
    int fd = open(scratch_path(name), O_RDONLY | O_CLOEXEC);
    ssize_t n;
    ck_assert_int_ge(fd, 0);
    while ((n = io_read(fd, got + len, SIZE + 1 - len)) > 0)
        len += (size_t)n;
    ck_assert_uint_eq(len, SIZE - from);
    ck_assert_int_eq(memcmp(got, pattern + from, len), 0);
    close(fd);
    free(got);
}

START_TEST(ahead_gives_all)
{
    struct ahead *a = NULL;
    const uint8_t *data;
    size_t at = 0;
    ssize_t n;
    int fd = pattern_file("f");
    ck_assert_int_eq(ahead_new(&a, fd), 0);
    while ((n = ahead_next(a, &data)) > 0) {
        ck_assert_uint_le(at + (size_t)n, SIZE);
        ck_assert_int_eq(memcmp(data, pattern + at, (size_t)n), 0);
        at += (size_t)n;
    }
    ck_assert_int_eq(n, 0);
    ck_assert_uint_eq(at, SIZE);
    ck_assert_int_eq(ahead_next(a, &data), 0);
    ahead_free(&a);
    ck_assert_ptr_null(a);
    ahead_free(&a);
    close(fd);
}
END_TEST

START_TEST(ahead_left_early)
{
    struct ahead *a = NULL;
    const uint8_t *data;
    int fd = pattern_file("f");
    ck_assert_int_eq(ahead_new(&a, fd), 0);
    ahead_free(&a);
    ck_assert_int_eq(ahead_new(&a, fd), 0);
    ck_assert_int_gt(ahead_next(a, &data), 0);
    ahead_free(&a);
    close(fd);
}
END_TEST

START_TEST(ahead_tells_why_not)
{
    struct ahead *a = NULL;
    const uint8_t *data;
    int fd = open(scratch(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_eq(ahead_new(&a, fd), 0);
    for (int i = 0; i < 2; i++) {
        errno = 0;
        ck_assert_int_eq(ahead_next(a, &data), -1);
        ck_assert_int_eq(errno, EISDIR);
    }
    ahead_free(&a);
    close(fd);
}
END_TEST

/* In odd pieces, some larger than a buffer; settled in between, too. */
START_TEST(behind_writes_all)
{
    struct behind *b = NULL;
    int fd = open(scratch_path("o"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_eq(behind_new(&b, fd), 0);
    for (size_t at = 0, n = 1; at < SIZE; at += n, n = n * 7 % (RING_PIECE + 999983) + 1) {
        n = n < SIZE - at ? n : SIZE - at;
        ck_assert_int_eq(behind_write(b, pattern + at, n), 0);
        if (n % 5 == 0)
            ck_assert_int_eq(behind_settle(b), 0);
    }
    ck_assert_int_eq(behind_settle(b), 0);
    expect_pattern("o", 0);
    behind_free(&b);
    ck_assert_ptr_null(b);
    behind_free(&b);
    close(fd);
}
END_TEST

START_TEST(behind_tells_why_not)
{
    struct behind *b = NULL;
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(behind_new(&b, fd), 0);
    /* More than fits into the buffers: it cannot all be taken. */
    errno = 0;
    ck_assert_int_eq(behind_write(b, pattern, SIZE), -1);
    ck_assert_int_eq(errno, ENOSPC);
    errno = 0;
    ck_assert_int_eq(behind_write(b, pattern, SIZE), -1);
    ck_assert_int_eq(errno, ENOSPC);
    errno = 0;
    ck_assert_int_eq(behind_settle(b), -1);
    ck_assert_int_eq(errno, ENOSPC);
    behind_free(&b);
    /* Little is taken, and settling tells. */
    ck_assert_int_eq(behind_new(&b, fd), 0);
    ck_assert_int_eq(behind_write(b, pattern, 10), 0);
    errno = 0;
    ck_assert_int_eq(behind_settle(b), -1);
    ck_assert_int_eq(errno, ENOSPC);
    behind_free(&b);
    close(fd);
}
END_TEST

static void
one_processor(void)
{
    cpu_set_t mine;
    int i = 0;
    ck_assert_int_eq(sched_getaffinity(0, sizeof mine, &mine), 0);
    while (!CPU_ISSET(i, &mine))
        i++;
    CPU_ZERO(&mine);
    CPU_SET(i, &mine);
    ck_assert_int_eq(sched_setaffinity(0, sizeof mine, &mine), 0);
    ck_assert(!overlap_helps());
}

static void
expect_next(struct infile *in, size_t from)
{
    const uint8_t *data;
    struct err err;
    ssize_t n;
    while ((n = infile_next(in, &data, &err)) > 0) {
        ck_assert_uint_le(from + (size_t)n, SIZE);
        ck_assert_int_eq(memcmp(data, pattern + from, (size_t)n), 0);
        from += (size_t)n;
    }
    ck_assert_int_eq(n, 0);
    ck_assert_uint_eq(from, SIZE);
}

/* With two processors and with one; twice, and once more after half a file. */
START_TEST(large_input)
{
    struct infile *in = NULL;
    const uint8_t *data;
    struct err err;
    close(pattern_file("f"));
    if (_i == 1)
        one_processor();
    ck_assert_int_eq(infile_open(&in, scratch_path("f"), &err), 0);
    expect_next(in, 0);
    ck_assert_int_eq(infile_rewind(in, &err), 0);
    ck_assert_int_gt(infile_next(in, &data, &err), 0);
    ck_assert_int_eq(infile_rewind(in, &err), 0);
    expect_next(in, 0);
    infile_free(&in);
}
END_TEST

START_TEST(standard_input_from_its_middle)
{
    struct infile *in = NULL;
    struct err err;
    int fd = pattern_file("f");
    ck_assert_int_eq(lseek(fd, 12345, SEEK_SET), 12345);
    ck_assert_int_eq(dup2(fd, STDIN_FILENO), STDIN_FILENO);
    ck_assert_int_eq(infile_open(&in, NULL, &err), 0);
    expect_next(in, 12345);
    infile_free(&in);
    close(fd);
}
END_TEST

static void
put_pattern(struct outfile *out, size_t piece)
{
    struct err err;
    for (size_t at = 0; at < SIZE; at += piece) {
        size_t n = piece < SIZE - at ? piece : SIZE - at;
        ck_assert_int_eq(outfile_write(out, pattern + at, n, &err), 0);
    }
}

static const size_t pieces[] = {SIZE, 3 * RING_PIECE + 1, 65536, 65535, 4099};

START_TEST(large_output)
{
    struct outfile *out = NULL;
    struct err err;
    ck_assert_int_eq(outfile_open(&out, scratch_path("o"), false, &err), 0);
    put_pattern(out, pieces[_i]);
    ck_assert_int_eq(outfile_restart(out, &err), 0);
    put_pattern(out, pieces[_i]);
    ck_assert_int_eq(scratch_entries(), 0);
    ck_assert_int_eq(outfile_commit(out, &err), 0);
    outfile_free(&out);
    expect_pattern("o", 0);
    ck_assert_int_eq(scratch_entries(), 1);
}
END_TEST

/* Spooled until the commit, and directly. */
START_TEST(large_standard_output)
{
    struct outfile *out = NULL;
    struct err err;
    struct stat st;
    int fd = open(scratch_path("o"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_eq(dup2(fd, STDOUT_FILENO), STDOUT_FILENO);
    close(fd);
    ck_assert_int_eq(outfile_open(&out, NULL, _i == 1, &err), 0);
    put_pattern(out, 65536);
    if (_i == 1) {
        ck_assert_int_eq(fstat(STDOUT_FILENO, &st), 0);
        ck_assert_int_eq(st.st_size, 0);
    }
    ck_assert_int_eq(outfile_commit(out, &err), 0);
    outfile_free(&out);
    expect_pattern("o", 0);
}
END_TEST

START_TEST(large_and_no_commit)
{
    struct outfile *out = NULL;
    struct err err;
    ck_assert_int_eq(outfile_open(&out, scratch_path("o"), false, &err), 0);
    put_pattern(out, 65536);
    outfile_free(&out);
    ck_assert_int_eq(scratch_entries(), 0);
}
END_TEST

/* The limit is met by the thread; the sentence is the one of any full disk. */
START_TEST(large_and_no_room)
{
    struct rlimit limit = {.rlim_cur = SIZE - 1000, .rlim_max = SIZE};
    struct outfile *out = NULL;
    struct err err = {0};
    int rc = 0;
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(outfile_open(&out, scratch_path("o"), false, &err), 0);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    for (size_t at = 0; rc == 0 && at < SIZE; at += 4096)
        rc = outfile_write(out, pattern + at, SIZE - at < 4096 ? SIZE - at : 4096, &err);
    if (rc == 0)
        rc = outfile_commit(out, &err);
    ck_assert_int_eq(rc, E_OUTPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "cannot be written: File too large"));
    outfile_free(&out);
    ck_assert_int_eq(scratch_entries(), 0);
}
END_TEST

int
main(void)
{
    TCase *alone = tcase_create("alone"), *files = tcase_create("files");
    TCase *const cases[] = {alone, files};
    tcase_add_checked_fixture(alone, setup, teardown);
    tcase_add_test(alone, ahead_gives_all);
    tcase_add_test(alone, ahead_left_early);
    tcase_add_test(alone, ahead_tells_why_not);
    tcase_add_test(alone, behind_writes_all);
    tcase_add_test(alone, behind_tells_why_not);
    tcase_add_checked_fixture(files, setup, teardown);
    tcase_add_loop_test(files, large_input, 0, 2);
    tcase_add_test(files, standard_input_from_its_middle);
    tcase_add_loop_test(files, large_output, 0, sizeof pieces / sizeof *pieces);
    tcase_add_loop_test(files, large_standard_output, 0, 2);
    tcase_add_test(files, large_and_no_commit);
    tcase_add_test(files, large_and_no_room);
    return run_suite("overlap", cases, sizeof cases / sizeof *cases);
}

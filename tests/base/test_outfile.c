/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "tests/base/run.h"

static struct outfile *
open_out(const char *path, bool spool)
{
    struct outfile *out = NULL;
    struct err err;
    int rc = outfile_open(&out, path, spool, &err);
    ck_assert_msg(rc == 0, "%s", err.text);
    return out;
}

static void
put(struct outfile *out, const char *text)
{
    struct err err;
    ck_assert_int_eq(outfile_write(out, text, strlen(text), &err), 0);
}

START_TEST(appears_at_the_commit)
{
    struct err err;
    struct stat st;
    umask(027);
    struct outfile *out = open_out(scratch_path("o"), false);
    put(out, "hello ");
    ck_assert_ptr_null(scratch_read("o"));
    put(out, "world");
    ck_assert_int_eq(outfile_commit(out, &err), 0);
    outfile_free(&out);
    ck_assert_str_eq(scratch_read("o"), "hello world");
    ck_assert_int_eq(scratch_entries(), 1);
    ck_assert_int_eq(stat(scratch_path("o"), &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0640);
}
END_TEST

START_TEST(no_commit_no_trace)
{
    struct outfile *out = open_out(scratch_path("o"), false);
    char *big = calloc(1, 300000);
    struct err err;
    put(out, "unverified");
    ck_assert_int_eq(outfile_write(out, big, 300000, &err), 0);
    free(big);
    outfile_free(&out);
    ck_assert_ptr_null(out);
    ck_assert_int_eq(scratch_entries(), 0);
}
END_TEST

START_TEST(replaces_and_keeps_the_mode)
{
    struct err err;
    struct stat st;
    scratch_write("o", "before");
    ck_assert_int_eq(chmod(scratch_path("o"), 0604), 0);
    struct outfile *out = open_out(scratch_path("o"), false);
    put(out, "after");
    ck_assert_str_eq(scratch_read("o"), "before");
    ck_assert_int_eq(outfile_commit(out, &err), 0);
    outfile_free(&out);
    ck_assert_str_eq(scratch_read("o"), "after");
    ck_assert_int_eq(stat(scratch_path("o"), &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0604);
    ck_assert_int_eq(scratch_entries(), 1);
}
END_TEST

START_TEST(through_a_symbolic_link)
{
    struct err err;
    struct stat st;
    scratch_write("real", "before");
    ck_assert_int_eq(symlink("real", scratch_path("link")), 0);
    struct outfile *out = open_out(scratch_path("link"), false);
    put(out, "after");
    ck_assert_int_eq(outfile_commit(out, &err), 0);
    outfile_free(&out);
    ck_assert_str_eq(scratch_read("real"), "after");
    ck_assert_int_eq(lstat(scratch_path("link"), &st), 0);
    ck_assert(S_ISLNK(st.st_mode));
}
END_TEST

/* Somebody makes the file between our opening and our commit: it is replaced. */
START_TEST(name_taken_meanwhile)
{
    struct err err;
    struct outfile *out = open_out(scratch_path("o"), false);
    put(out, "ours");
    scratch_write("o", "theirs");
    ck_assert_int_eq(outfile_commit(out, &err), 0);
    outfile_free(&out);
    ck_assert_str_eq(scratch_read("o"), "ours");
    ck_assert_int_eq(scratch_entries(), 1);
}
END_TEST

START_TEST(large_and_small_pieces_in_order)
{
    struct err err;
    struct outfile *out = open_out(scratch_path("o"), false);
    char *want = malloc(400000);
    char *got = malloc(400000);
    size_t len = 0;
    for (size_t piece = 1; len + piece < 400000; piece = piece * 3 + 1) {
        memset(want + len, (int)('a' + piece % 26), piece);
        ck_assert_int_eq(outfile_write(out, want + len, piece, &err), 0);
        len += piece;
    }
    ck_assert_int_eq(outfile_commit(out, &err), 0);
    outfile_free(&out);
    FILE *f = fopen(scratch_path("o"), "r");
    ck_assert_uint_eq(fread(got, 1, 400000, f), len);
    fclose(f);
    ck_assert_mem_eq(got, want, len);
    free(want);
    free(got);
}
END_TEST

/* Makes standard output a file of the scratch folder. */
static void
redirect(void)
{
    int fd = open(scratch_path("stdout"), O_RDWR | O_CREAT, 0600);
    ck_assert_int_ge(fd, 0);
    fflush(stdout);
    ck_assert_int_eq(dup2(fd, STDOUT_FILENO), STDOUT_FILENO);
    close(fd);
}

START_TEST(standard_output_is_spooled)
{
    static const size_t sizes[] = {10, 200000};
    struct err err;
    struct stat st;
    char *data = calloc(1, sizes[_i]);
    redirect();
    struct outfile *out = open_out("-", true);
    ck_assert_int_eq(outfile_write(out, data, sizes[_i], &err), 0);
    put(out, "end");
    ck_assert_int_eq(stat(scratch_path("stdout"), &st), 0);
    ck_assert_int_eq(st.st_size, 0);
    ck_assert_int_eq(outfile_commit(out, &err), 0);
    outfile_free(&out);
    ck_assert_int_eq(stat(scratch_path("stdout"), &st), 0);
    ck_assert_int_eq(st.st_size, (off_t)sizes[_i] + 3);
    ck_assert_int_ge(fcntl(STDOUT_FILENO, F_GETFD), 0);
    free(data);
}
END_TEST

START_TEST(spool_without_commit)
{
    struct stat st;
    redirect();
    struct outfile *out = open_out(NULL, true);
    put(out, "unverified");
    outfile_free(&out);
    ck_assert_int_eq(stat(scratch_path("stdout"), &st), 0);
    ck_assert_int_eq(st.st_size, 0);
}
END_TEST

START_TEST(standard_output_at_once)
{
    redirect();
    struct outfile *out = open_out(NULL, false);
    put(out, "now");
    ck_assert_str_eq(scratch_read("stdout"), "now");
    outfile_free(&out);
}
END_TEST

/* What was written before a restart is gone, whether it was still in memory or not. */
START_TEST(restarted)
{
    size_t len = _i == 0 ? 10 : 300000;
    struct err err;
    struct outfile *out = open_out(scratch_path("o"), true);
    char *data = malloc(len);
    memset(data, 'x', len);
    ck_assert_int_eq(outfile_write(out, data, len, &err), 0);
    put(out, "more");
    ck_assert_int_eq(outfile_restart(out, &err), 0);
    put(out, "anew");
    ck_assert_int_eq(outfile_commit(out, &err), 0);
    outfile_free(&out);
    free(data);
    ck_assert_str_eq(scratch_read("o"), "anew");
    out = open_out("/dev/null", false);
    ck_assert_int_eq(outfile_restart(out, &err), E_INTERNAL);
    outfile_free(&out);
}
END_TEST

START_TEST(full_device)
{
    struct err err;
    for (int spool = 0; spool < 2; spool++) {
        struct outfile *out = open_out("/dev/full", spool);
        int rc = outfile_write(out, "x", 1, &err);
        if (rc == 0)
            rc = outfile_commit(out, &err);
        ck_assert_int_eq(rc, E_OUTPUT);
        ck_assert_str_eq(err.text, "\"/dev/full\" cannot be written: No space left on device");
        outfile_free(&out);
    }
}
END_TEST

/* A file that may not grow, as on a full disk: nothing is left. */
START_TEST(no_room)
{
    static const size_t sizes[] = {5000, 500000};
    const struct rlimit small = {1000, 1000};
    struct err err;
    char *data = calloc(1, sizes[_i]);
    signal(SIGXFSZ, SIG_IGN);
    scratch_write("old", "old");
    struct outfile *out = open_out(scratch_path("old"), false);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    int rc = outfile_write(out, data, sizes[_i], &err);
    if (rc == 0)
        rc = outfile_commit(out, &err);
    ck_assert_int_eq(rc, E_OUTPUT);
    outfile_free(&out);
    free(data);
    ck_assert_str_eq(scratch_read("old"), "old");
    ck_assert_int_eq(scratch_entries(), 1);
}
END_TEST

START_TEST(unwritable)
{
    struct outfile *out = NULL;
    struct err err;
    ck_assert_int_eq(outfile_open(&out, scratch(), false, &err), E_OUTPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "is a directory"));
    ck_assert_int_eq(outfile_open(&out, scratch_path("none/o"), false, &err), E_OUTPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "No such file"));
    ck_assert_int_eq(mkdir(scratch_path("readonly"), 0555), 0);
    if (geteuid() == 0) {
        ck_assert_int_eq(chmod(scratch(), 0755), 0);
        ck_assert_int_eq(seteuid(65534), 0);
    }
    ck_assert_int_eq(outfile_open(&out, scratch_path("readonly/o"), false, &err), E_OUTPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "Permission denied"));
    ck_assert_ptr_null(out);
    if (getuid() == 0)
        ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("outfile");
    tcase_add_checked_fixture(tc, scratch_setup, scratch_teardown);
    tcase_add_test(tc, appears_at_the_commit);
    tcase_add_test(tc, no_commit_no_trace);
    tcase_add_test(tc, replaces_and_keeps_the_mode);
    tcase_add_test(tc, through_a_symbolic_link);
    tcase_add_test(tc, name_taken_meanwhile);
    tcase_add_test(tc, large_and_small_pieces_in_order);
    tcase_add_loop_test(tc, standard_output_is_spooled, 0, 2);
    tcase_add_test(tc, spool_without_commit);
    tcase_add_test(tc, standard_output_at_once);
    tcase_add_loop_test(tc, restarted, 0, 2);
    tcase_add_test(tc, full_device);
    tcase_add_loop_test(tc, no_room, 0, 2);
    tcase_add_test(tc, unwritable);
    return run_suite("outfile", &tc, 1);
}

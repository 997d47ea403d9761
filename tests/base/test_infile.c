/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "tests/base/run.h"

static void
expect(struct infile *in, const char *text)
{
    struct err err;
    char got[256];
    size_t len = 0;
    ssize_t n;
    while ((n = infile_read(in, got + len, 3, &err)) > 0)
        len += (size_t)n;
    ck_assert_int_eq(n, 0);
    got[len] = '\0';
    ck_assert_str_eq(got, text);
}

START_TEST(regular_file)
{
    struct infile *in = NULL;
    struct err err;
    ck_assert_int_eq(infile_open(&in, scratch_write("f", "hello world"), &err), 0);
    ck_assert_int_eq(infile_size(in), 11);
    ck_assert_str_eq(infile_name(in), scratch_path("f"));
    expect(in, "hello world");
    ck_assert_int_eq(infile_make_seekable(in, &err), 0);
    ck_assert_int_eq(infile_rewind(in, &err), 0);
    expect(in, "hello world");
    infile_free(&in);
    ck_assert_ptr_null(in);
    infile_free(&in);
}
END_TEST

/* Standard input through a pipe, read twice. */
START_TEST(pipe_is_spooled)
{
    struct infile *in = NULL;
    struct err err;
    int fds[2];
    ck_assert_int_eq(pipe(fds), 0);
    ck_assert_int_eq(write(fds[1], "hello", 5), 5);
    close(fds[1]);
    ck_assert_int_eq(dup2(fds[0], STDIN_FILENO), STDIN_FILENO);
    close(fds[0]);
    ck_assert_int_eq(infile_open(&in, "-", &err), 0);
    ck_assert_int_eq(infile_size(in), -1);
    ck_assert_str_eq(infile_name(in), "standard input");
    ck_assert_int_eq(infile_rewind(in, &err), E_INTERNAL);
    ck_assert_int_eq(infile_make_seekable(in, &err), 0);
    ck_assert_int_eq(infile_size(in), 5);
    expect(in, "hello");
    ck_assert_int_eq(infile_rewind(in, &err), 0);
    expect(in, "hello");
    infile_free(&in);
}
END_TEST

/* A redirected file that was partly read begins where it stands. */
START_TEST(standard_input_at_an_offset)
{
    struct infile *in = NULL;
    struct err err;
    int fd = open(scratch_write("f", "head tail"), O_RDONLY);
    ck_assert_int_eq(lseek(fd, 5, SEEK_SET), 5);
    ck_assert_int_eq(dup2(fd, STDIN_FILENO), STDIN_FILENO);
    close(fd);
    ck_assert_int_eq(infile_open(&in, NULL, &err), 0);
    ck_assert_int_eq(infile_size(in), 4);
    expect(in, "tail");
    ck_assert_int_eq(infile_rewind(in, &err), 0);
    expect(in, "tail");
    infile_free(&in);
}
END_TEST

START_TEST(refused)
{
    struct infile *in = NULL;
    struct err err;
    ck_assert_int_eq(infile_open(&in, scratch(), &err), E_INPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "is a directory"));
    ck_assert_int_eq(infile_open(&in, scratch_path("none"), &err), E_INPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "No such file"));
    ck_assert_ptr_null(in);
}
END_TEST

START_TEST(whole_small_file)
{
    autofree_buf struct buf *b = buf_new();
    struct err err;
    const char *path = scratch_write("f", "0123456789");
    ck_assert_int_eq(buf_put_str(b, "kept "), 0);
    ck_assert_int_eq(io_read_file(path, 9, b, &err), E_LIMIT);
    ck_assert_ptr_nonnull(strstr(err.text, "larger than the 9 bytes"));
    ck_assert_int_eq(io_read_file(scratch(), 9, b, &err), E_INPUT);
    ck_assert_int_eq(io_read_file(scratch_path("none"), 9, b, &err), E_INPUT);
    ck_assert_str_eq(buf_cstr(b), "kept ");
    ck_assert_int_eq(io_read_file(path, 10, b, &err), 0);
    ck_assert_str_eq(buf_cstr(b), "kept 0123456789");
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("infile");
    tcase_add_checked_fixture(tc, scratch_setup, scratch_teardown);
    tcase_add_test(tc, regular_file);
    tcase_add_test(tc, pipe_is_spooled);
    tcase_add_test(tc, standard_input_at_an_offset);
    tcase_add_test(tc, refused);
    tcase_add_test(tc, whole_small_file);
    return run_suite("infile", &tc, 1);
}

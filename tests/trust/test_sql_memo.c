/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Remembered answers: the same as the database's, never an older state's, and nothing at all
 * when the file is damaged or somebody else's. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "trust/sql_memo.h"

static char folder[256];

static const char *
file(const char *suffix)
{
    static char path[4][300];
    static unsigned turn;
    char *out = path[turn++ % 4];

    snprintf(out, sizeof path[0], "%s/db%s", folder, suffix);
    return out;
}

static struct sql *
open_db(void)
{
    struct sql *s = NULL;
    struct err err = {0};

    ck_assert_msg(sql_open(&s, file(""), &err) == 0, "%s", err_text(&err));
    return s;
}

static void
exec(struct sql *s, const char *statement)
{
    struct err err = {0};

    ck_assert_msg(sql_exec(s, statement, &err) == 0, "%s", err_text(&err));
}

static void
begin(void)
{
    const char *tmp = getenv("TMPDIR");

    snprintf(folder, sizeof folder, "%s/signet-memo.XXXXXX", tmp == NULL ? "/tmp" : tmp);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    struct sql *s = open_db();
    exec(s, "CREATE TABLE t (n INTEGER, x TEXT, b BLOB);"
            "INSERT INTO t VALUES (1, 'one', x'000102'), (-2, NULL, NULL), (NULL, '', x'');");
    sql_close(&s);
}

static void
end(void)
{
    char command[300];

    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

/* As if the last change were an hour ago. */
static void
age(void)
{
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1700000000, .tv_nsec = 5}};

    ck_assert_int_eq(utimensat(AT_FDCWD, file(""), times, 0), 0);
    (void)utimensat(AT_FDCWD, file("-wal"), times, 0);
}

static int
put_row(void *arg, const struct sql_row *row)
{
    const char *text = sql_row_text(row, 1);
    size_t len;
    const uint8_t *blob = sql_row_blob(row, 2, &len);

    ck_assert((blob == NULL) == (len == 0));
    return buf_putf(arg, "%lld %s %zu:%d;", (long long)sql_row_int(row, 0),
                    text == NULL ? "NULL" : text, len, len > 2 ? blob[2] : 0);
}

#define ALL "SELECT n, x, b FROM t"
#define ROWS "1 one 3:2;-2 NULL 0:0;0  0:0;"

static void
answers(struct sql *s, const char *want)
{
    struct buf *out = buf_new();
    struct err err = {0};

    ck_assert_msg(sql_query(s, ALL, NULL, 0, put_row, out, &err) == 0, "%s", err_text(&err));
    ck_assert_str_eq(buf_cstr(out), want);
    buf_free(&out);
}

/* SQLite makes the shared memory of its log when it opens a database. */
static bool
uses_sqlite(void)
{
    return access(file("-shm"), F_OK) == 0;
}

static void
remember(void)
{
    struct sql *s = open_db();

    answers(s, ROWS);
    sql_close(&s);
}

START_TEST(the_second_time_the_database_is_not_opened)
{
    age();
    remember();
    struct stat st;
    ck_assert_int_eq(stat(file(MEMO_SUFFIX), &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0600);
    for (int i = 0; i < 3; i++) {
        struct sql *s = open_db();
        answers(s, ROWS);
        ck_assert(!uses_sqlite());
        sql_close(&s);
    }
}
END_TEST

/* What was not asked before is asked of the database, and remembered with the rest. */
START_TEST(one_more_question)
{
    const struct sql_arg one[] = {sql_text("one"), sql_int(1)}, two[] = {sql_text("one"), sql_int(2)};
    const char *text = "SELECT n, x, b FROM t WHERE x = ? AND n = ?";
    age();
    remember();
    for (int i = 0; i < 2; i++) {
        struct sql *s = open_db();
        struct buf *out = buf_new();
        answers(s, ROWS);
        ck_assert_int_eq(sql_query(s, text, one, 2, put_row, out, NULL), 0);
        ck_assert_str_eq(buf_cstr(out), "1 one 3:2;");
        buf_reset(out);
        ck_assert_int_eq(sql_query(s, text, two, 2, put_row, out, NULL), 0);
        ck_assert_str_eq(buf_cstr(out), "");
        ck_assert(uses_sqlite() == (i == 0));
        answers(s, ROWS);
        buf_free(&out);
        sql_close(&s);
    }
}
END_TEST

static int
stop_at_once(void *arg, const struct sql_row *row)
{
    (void)row;
    ++*(int *)arg;
    return 7;
}

/* Half an answer is none. */
START_TEST(an_answer_that_was_not_heard_out)
{
    int heard = 0;
    age();
    struct sql *s = open_db();
    ck_assert_int_eq(sql_query(s, ALL, NULL, 0, stop_at_once, &heard, NULL), 7);
    sql_close(&s);
    s = open_db();
    answers(s, ROWS);
    sql_close(&s);
    s = open_db();
    ck_assert_int_eq(sql_query(s, ALL, NULL, 0, stop_at_once, &heard, NULL), 7);
    ck_assert_int_eq(heard, 2);
    ck_assert(!uses_sqlite());
    sql_close(&s);
}
END_TEST

/* Whoever writes: the next answer is the new one, however fast it is asked for; also while the
 * writer keeps the database open, so that the change is in the log alone. */
START_TEST(a_change_is_seen_at_once)
{
    struct sql *writer = open_db();
    char statement[100], want[100];

    exec(writer, "DELETE FROM t; INSERT INTO t VALUES (0, 'x', NULL);");
    for (int i = 1; i < 300; i++) {
        if (i % 3 == 0)
            age();
        if (i % 7 == 0) {
            sql_close(&writer);
            age();
            writer = open_db();
        }
        struct sql *s = open_db();
        snprintf(want, sizeof want, "%d x 0:0;", i - 1);
        answers(s, want);
        sql_close(&s);
        snprintf(statement, sizeof statement, "UPDATE t SET n = %d", i);
        exec(writer, statement);
        s = open_db();
        snprintf(want, sizeof want, "%d x 0:0;", i);
        answers(s, want);
        sql_close(&s);
    }
    sql_close(&writer);
}
END_TEST

/* One that writes knows nothing any more, and takes away what others know. */
START_TEST(who_writes_forgets)
{
    age();
    remember();
    struct sql *s = open_db();
    answers(s, ROWS);
    exec(s, "DELETE FROM t");
    answers(s, "");
    ck_assert_int_ne(access(file(MEMO_SUFFIX), F_OK), 0);
    sql_close(&s);
    s = open_db();
    answers(s, "");
    sql_close(&s);
}
END_TEST

static void
write_memo(const uint8_t *data, size_t len)
{
    int fd = open(file(MEMO_SUFFIX), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, data, len), (ssize_t)len);
    close(fd);
}

/* Cut anywhere, or any byte another: right answers, none of the damaged ones. */
START_TEST(damage_is_ignored)
{
    struct buf *good = buf_new();

    age();
    remember();
    ck_assert_int_eq(io_read_file(file(MEMO_SUFFIX), BUF_MAX, good, NULL), 0);
    for (size_t i = 0; i < buf_len(good); i++) {
        struct buf *bad = buf_new();
        ck_assert_int_eq(buf_put(bad, buf_data(good), buf_len(good)), 0);
        if (_i == 0)
            buf_trim(bad, buf_len(bad) - i);
        else
            buf_mutable(bad)[i] ^= 1u << (i % 8);
        write_memo(buf_data(bad), buf_len(bad));
        struct sql *s = open_db();
        answers(s, ROWS);
        ck_assert_msg(uses_sqlite(), "damage at %zu was not seen", i);
        sql_close(&s);
        buf_free(&bad);
    }
    buf_free(&good);
}
END_TEST

START_TEST(what_others_may_write_is_ignored)
{
    age();
    remember();
    ck_assert_int_eq(chmod(file(MEMO_SUFFIX), 0622), 0);
    struct sql *s = open_db();
    answers(s, ROWS);
    ck_assert(uses_sqlite());
    sql_close(&s);
    ck_assert_int_eq(unlink(file(MEMO_SUFFIX)), 0);
    ck_assert_int_eq(symlink("/dev/zero", file(MEMO_SUFFIX)), 0);
    s = open_db();
    answers(s, ROWS);
    ck_assert(uses_sqlite());
    sql_close(&s);
}
END_TEST

/* A database that has just been written is asked itself: its times do not tell yet. */
START_TEST(what_is_fresh_is_not_remembered)
{
    struct sql *s = open_db();

    exec(s, "UPDATE t SET n = n");
    sql_close(&s);
    remember();
    /* Unless this machine took its time. */
    struct stat db, memo;
    ck_assert_int_eq(stat(file(""), &db), 0);
    if (stat(file(MEMO_SUFFIX), &memo) == 0)
        ck_assert((memo.st_mtim.tv_sec - db.st_mtim.tv_sec) * 1000 +
                      (memo.st_mtim.tv_nsec - db.st_mtim.tv_nsec) / 1000000 >=
                  MEMO_SETTLED_MS);
}
END_TEST

/* However much is asked the file stays small, and the last answers are in it. */
START_TEST(it_stays_small)
{
    char text[64];
    struct stat st;

    struct sql *s = open_db();
    exec(s, "CREATE TABLE big (b BLOB); INSERT INTO big VALUES (zeroblob(20000)), (zeroblob(60000))");
    sql_close(&s);
    age();
    for (int i = 0; i < 12; i++) {
        s = open_db();
        snprintf(text, sizeof text, "SELECT b, %d FROM big WHERE rowid = 1", i);
        ck_assert_int_eq(sql_query(s, text, NULL, 0, NULL, NULL, NULL), 0);
        ck_assert_int_eq(sql_query(s, "SELECT b FROM big WHERE rowid = 2", NULL, 0, NULL, NULL, NULL),
                         0);
        sql_close(&s);
        ck_assert_int_eq(stat(file(MEMO_SUFFIX), &st), 0);
        ck_assert_int_le(st.st_size, MEMO_MAX);
    }
    s = open_db();
    ck_assert_int_eq(sql_query(s, text, NULL, 0, NULL, NULL, NULL), 0);
    ck_assert(!uses_sqlite());
    ck_assert_int_eq(sql_query(s, "SELECT b FROM big WHERE rowid = 2", NULL, 0, NULL, NULL, NULL), 0);
    ck_assert(uses_sqlite());
    sql_close(&s);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("trust: remembered answers");
    TCase *t = tcase_create("memo");
    SRunner *r;
    int failed;

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, begin, end);
    tcase_add_test(t, the_second_time_the_database_is_not_opened);
    tcase_add_test(t, one_more_question);
    tcase_add_test(t, an_answer_that_was_not_heard_out);
    tcase_add_test(t, a_change_is_seen_at_once);
    tcase_add_test(t, who_writes_forgets);
    tcase_add_loop_test(t, damage_is_ignored, 0, 2);
    tcase_add_test(t, what_others_may_write_is_ignored);
    tcase_add_test(t, what_is_fresh_is_not_remembered);
    tcase_add_test(t, it_stays_small);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}

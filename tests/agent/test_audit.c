/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The audit log: its chain, its files, and what it does when it cannot be written. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <jansson.h>

#include "agent/audit.h"
#include "base/hex.h"
#include "base/io.h"
#include "base/sha256.h"
#include "tests/base/run.h"

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

static const struct peer peer = {.uid = 1000, .pid = 4711, .exe = "/usr/bin/a \"b\"",
                                 .unit = "mail.service", .front = "cli"};
static struct audit *audit;

static const char *
path(void)
{
    return scratch_path("audit.log");
}

static void
open_log(const struct audit_settings *settings)
{
    static const struct audit_settings none;
    struct err err = {0};

    ck_assert_msg(audit_open(&audit, path(), settings ? settings : &none, &err) == 0, "%s",
                  err_text(&err));
}

static int
note(const char *operation, struct err *err)
{
    const struct audit_entry e = {.event = "key", .peer = &peer, .key = "ab", .token = "t\n",
                                  .operation = operation, .scheme = "s", .digest = "0102",
                                  .latency_us = 5};

    return audit_write(audit, &e, err);
}

static void
notes(const char *operation)
{
    struct err err = {0};

    ck_assert_msg(note(operation, &err) == 0, "%s", err_text(&err));
}

/* The lines of all the files, oldest first; each whole, in one chain from the number first. */
static json_t *
read_chain(const char *const *files, uint64_t first)
{
    json_t *lines = json_array();
    char want[65] = ZEROS;
    bool known = first == 1;
    struct buf *text = buf_new();

    for (; *files; files++) {
        ck_assert_int_eq(io_read_file(*files, BUF_MAX, text, NULL), 0);
        char *save = NULL, *all = strdup(buf_cstr(text));
        for (char *line = strtok_r(all, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
            json_t *o = json_loads(line, 0, NULL);
            uint8_t hash[SHA256_SIZE];
            if (!o) { /* torn: the next one tells of it */
                o = json_pack("{s:I,s:s}", "seq", (json_int_t)(first + json_array_size(lines)),
                              "event", "broken");
            } else {
                ck_assert_uint_eq(json_integer_value(json_object_get(o, "seq")),
                                  first + json_array_size(lines));
                if (known)
                    ck_assert_str_eq(json_string_value(json_object_get(o, "prev")), want);
            }
            sha256(line, strlen(line), hash);
            hex_encode(hash, sizeof hash, want);
            known = true;
            json_array_append_new(lines, o);
        }
        free(all);
        buf_reset(text);
    }
    buf_free(&text);
    return lines;
}

static json_t *
read_log(void)
{
    const char *files[] = {path(), NULL};

    return read_chain(files, 1);
}

static const char *
member(json_t *lines, size_t i, const char *name)
{
    return json_string_value(json_object_get(json_array_get(lines, i), name));
}

static void
end(void)
{
    audit_close(&audit);
    scratch_teardown();
}

START_TEST(sha256_is_sha256)
{
    uint8_t hash[SHA256_SIZE];
    char hex[65];

    sha256("abc", 3, hash);
    hex_encode(hash, sizeof hash, hex);
    ck_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
END_TEST

START_TEST(lines_are_a_chain)
{
    open_log(NULL);
    for (int i = 0; i < 5; i++)
        notes("sign");
    json_t *lines = read_log();
    ck_assert_uint_eq(json_array_size(lines), 5);
    ck_assert_str_eq(member(lines, 0, "prev"), ZEROS);
    ck_assert_str_eq(member(lines, 4, "token"), "t\n");
    ck_assert_str_eq(member(lines, 4, "digest"), "0102");
    json_t *who = json_object_get(json_array_get(lines, 4), "peer");
    ck_assert_str_eq(json_string_value(json_object_get(who, "exe")), peer.exe);
    ck_assert_str_eq(json_string_value(json_object_get(who, "unit")), "mail.service");
    json_decref(lines);
}
END_TEST

/* Another agent goes on where the last one ended. */
START_TEST(the_chain_goes_on)
{
    for (int i = 0; i < 4; i++) {
        open_log(NULL);
        notes("sign");
        notes("decrypt");
        audit_close(&audit);
    }
    json_t *lines = read_log();
    ck_assert_uint_eq(json_array_size(lines), 8);
    json_decref(lines);
}
END_TEST

/* Cut at any byte of its last line: what is left stays, and is told of. */
START_TEST(a_torn_line_is_kept_and_told_of)
{
    struct stat st;

    open_log(NULL);
    notes("one");
    ck_assert_int_eq(stat(path(), &st), 0);
    off_t whole = st.st_size;
    notes("two");
    audit_close(&audit);
    struct buf *all = buf_new();
    ck_assert_int_eq(io_read_file(path(), BUF_MAX, all, NULL), 0);
    for (off_t cut = whole + 1; cut < (off_t)buf_len(all); cut++) {
        scratch_write("audit.log", "");
        int fd = open(path(), O_WRONLY | O_CLOEXEC);
        ck_assert_int_eq(write(fd, buf_data(all), (size_t)cut), cut);
        close(fd);
        open_log(NULL);
        notes("three");
        audit_close(&audit);
        json_t *lines = read_log();
        /* With its last byte but the line end it is whole. */
        ck_assert_uint_eq(json_array_size(lines), 4);
        ck_assert_str_eq(member(lines, 2, "operation"), "torn");
        ck_assert_str_eq(member(lines, 3, "operation"), "three");
        json_decref(lines);
    }
    buf_free(&all);
}
END_TEST

START_TEST(what_is_no_log_is_left_alone)
{
    struct err err = {0};

    scratch_write("audit.log", "something else\n");
    open_log(NULL);
    ck_assert_int_eq(note("sign", &err), E_SYSTEM);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "did not write"));
    struct buf *all = buf_new();
    ck_assert_int_eq(io_read_file(path(), BUF_MAX, all, NULL), 0);
    ck_assert_str_eq(buf_cstr(all), "something else\n");
    buf_free(&all);
}
END_TEST

/* A link, a second name, others' rights: refused at the start. */
START_TEST(the_file_is_the_agents_alone)
{
    static const struct audit_settings none;
    struct err err = {0};

    scratch_write("target", "");
    ck_assert_int_eq(symlink(scratch_path("target"), path()), 0);
    ck_assert_int_eq(audit_open(&audit, path(), &none, &err), E_SYSTEM);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "is a link"));
    unlink(path());
    ck_assert_int_eq(link(scratch_path("target"), path()), 0);
    ck_assert_int_eq(audit_open(&audit, path(), &none, &err), E_SYSTEM);
    unlink(path());
    scratch_write("audit.log", "");
    ck_assert_int_eq(chmod(path(), 0620), 0);
    ck_assert_int_eq(audit_open(&audit, path(), &none, &err), E_SYSTEM);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "chmod 600"));
    unlink(path());
    ck_assert_int_eq(mkfifo(path(), 0600), 0);
    ck_assert_int_eq(audit_open(&audit, path(), &none, &err), E_SYSTEM);
    ck_assert_ptr_null(audit);
}
END_TEST

static char *
aside(uint64_t seq)
{
    char *name;

    ck_assert_int_ge(asprintf(&name, "%s.%012llu", path(), (unsigned long long)seq), 0);
    return name;
}

START_TEST(rotation_keeps_the_chain)
{
    const struct audit_settings settings = {.max_size = 600, .keep = 2};
    const char *files[4] = {NULL};
    uint64_t seq[64];
    size_t count = 0;

    open_log(&settings);
    for (int i = 0; i < 12; i++)
        notes("sign");
    for (uint64_t n = 1; n < 64; n++) {
        char *name = aside(n);
        if (access(name, F_OK) == 0)
            seq[count++] = n;
        free(name);
    }
    ck_assert_uint_eq(count, 2);
    files[0] = aside(seq[0]);
    files[1] = aside(seq[1]);
    files[2] = path();
    /* The first of those that are left begins behind the one that was dropped. */
    struct buf *text = buf_new();
    ck_assert_int_eq(io_read_file(files[0], BUF_MAX, text, NULL), 0);
    uint64_t first = strtoull(buf_cstr(text) + strlen("{\"seq\":"), NULL, 10);
    ck_assert_uint_gt(first, 1);
    json_t *lines = read_chain(files, first);
    ck_assert_str_eq(member(lines, 0, "operation"), "rotate");
    size_t rotations = 0;
    for (size_t i = 0; i < json_array_size(lines); i++)
        rotations += strcmp(member(lines, i, "operation"), "rotate") == 0;
    ck_assert_uint_eq(rotations, 3);
    json_decref(lines);
    buf_free(&text);
    free((char *)(uintptr_t)files[0]);
    free((char *)(uintptr_t)files[1]);
}
END_TEST

static void
limit(rlim_t size)
{
    struct rlimit r;

    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &r);
    r.rlim_cur = size;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &r), 0);
}

/* No room: nothing is allowed; or, as configured, all is, and how much is missing is told. */
START_TEST(no_room)
{
    const struct audit_settings settings = {.go_on = _i == 1};
    struct err err = {0};
    struct stat st;

    open_log(&settings);
    notes("sign");
    ck_assert_int_eq(stat(path(), &st), 0);
    limit((rlim_t)st.st_size + 100);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(note("sign", &err), _i == 1 ? 0 : E_SYSTEM);
    limit(RLIM_INFINITY);
    ck_assert_uint_eq(audit_missed(audit), _i == 1 ? 3 : 0);
    notes("decrypt");
    json_t *lines = read_log();
    ck_assert_uint_eq(json_array_size(lines), _i == 1 ? 3 : 2);
    if (_i == 1) {
        ck_assert_str_eq(member(lines, 1, "operation"), "gap");
        ck_assert_str_eq(member(lines, 1, "note"), "3 lines could not be written");
    }
    json_decref(lines);
}
END_TEST

/* The machine went down within a line, and then there is no room to say so. */
START_TEST(torn_and_no_room)
{
    struct err err = {0};
    struct stat st;

    open_log(NULL);
    for (int i = 0; i < 10; i++) /* longer than what Check writes meanwhile */
        notes("one");
    audit_close(&audit);
    ck_assert_int_eq(stat(path(), &st), 0);
    ck_assert_int_eq(truncate(path(), st.st_size - 20), 0);
    open_log(NULL);
    int codes[3];
    limit((rlim_t)st.st_size + 10);
    for (int i = 0; i < 3; i++) /* no assertion: Check writes to a file, too */
        codes[i] = note("two", &err);
    limit(RLIM_INFINITY);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(codes[i], E_SYSTEM);
    audit_close(&audit);
    open_log(NULL);
    notes("three");
    json_t *lines = read_log();
    ck_assert_uint_eq(json_array_size(lines), 12);
    ck_assert_str_eq(member(lines, 10, "operation"), "torn");
    json_decref(lines);
}
END_TEST

/* Killed between the two halves of a rotation, or with its file taken away before the next
 * start: it goes on behind the last line that was set aside. */
START_TEST(an_empty_file_goes_on_behind_the_last_one)
{
    const char *files[] = {NULL, NULL, NULL};

    open_log(NULL);
    for (int i = 0; i < 3; i++)
        notes("sign");
    audit_close(&audit);
    files[0] = aside(3);
    ck_assert_int_eq(rename(path(), files[0]), 0);
    if (_i == 1)
        scratch_write("audit.log", "");
    open_log(NULL);
    notes("sign");
    files[1] = path();
    json_t *lines = read_chain(files, 1);
    ck_assert_uint_eq(json_array_size(lines), 5);
    ck_assert_str_eq(member(lines, 3, "operation"), "reopen");
    json_decref(lines);
    free((char *)(uintptr_t)files[0]);
}
END_TEST

static const struct audit_settings looking = {.look_always = true};

static void
refused(const char *why)
{
    struct err err = {0};

    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(note("sign", &err), E_SYSTEM);
        ck_assert_msg(strstr(err_text(&err), why) != NULL, "%s", err_text(&err));
    }
}

/* Another file in its place, or a link: nothing goes into that, and nothing on, until it is
 * moved away. */
START_TEST(another_file_in_its_place)
{
    char *taken = strdup(scratch_path("taken"));
    const char *files[] = {taken, path(), NULL};

    open_log(&looking);
    notes("sign");
    ck_assert_int_eq(rename(path(), files[0]), 0);
    if (_i == 0) {
        scratch_write("audit.log", "{\"seq\":1}\n");
        refused("was replaced");
        ck_assert_str_eq(scratch_read("audit.log"), "{\"seq\":1}\n");
    } else {
        ck_assert_int_eq(symlink(files[0], path()), 0);
        refused("is a link");
    }
    ck_assert_int_eq(unlink(path()), 0);
    notes("sign");
    files[1] = path();
    json_t *lines = read_chain(files, 1);
    ck_assert_uint_eq(json_array_size(lines), 3);
    ck_assert_str_eq(member(lines, 1, "operation"), "reopen");
    json_decref(lines);
    free(taken);
}
END_TEST

/* Cut, or written to, by somebody else: the log says so, on a line of its own. */
START_TEST(a_changed_length_is_told_of)
{
    open_log(&looking);
    notes("one");
    notes("two");
    int fd = open(path(), O_WRONLY | O_APPEND | O_CLOEXEC);
    if (_i == 0)
        ck_assert_int_eq(ftruncate(fd, 30), 0);
    else if (_i == 1)
        ck_assert_int_eq(ftruncate(fd, 0), 0);
    else
        ck_assert_int_eq(write(fd, "x", 1), 1);
    close(fd);
    notes("three");
    notes("four");
    const char *text = scratch_read("audit.log");
    ck_assert_ptr_nonnull(text);
    const char *line = strstr(text, "{\"seq\":3,");
    ck_assert_ptr_nonnull(line);
    ck_assert(line == text || line[-1] == '\n');
    const char *changed = strstr(line, "\"operation\":\"changed\"");
    ck_assert_ptr_nonnull(changed);
    ck_assert_ptr_nonnull(strstr(line, "{\"seq\":5,"));
    ck_assert_ptr_null(strstr(changed + 20, "changed"));
}
END_TEST

/* A program's path, a rule, a label can have any bytes and any length. */
START_TEST(any_text_is_json)
{
    char note[8192];
    struct peer odd = {.exe = "/tmp/\xff\xc0\xaf \xe2\x82\xac \x7f\x01\xf0\x9f", .front = "cli"};
    const struct audit_entry e = {.event = "key", .peer = &odd, .note = note, .result = E_DENIED};
    struct err err = {0};

    open_log(NULL);
    for (int c = 1; c < 256; c++) {
        memset(note, c, sizeof note - 1);
        note[sizeof note - 1] = '\0';
        ck_assert_int_eq(audit_write(audit, &e, &err), 0);
    }
    json_t *lines = read_log();
    ck_assert_uint_eq(json_array_size(lines), 255);
    for (size_t i = 0; i < 255; i++) {
        ck_assert_str_eq(member(lines, i, "result"), "E_DENIED");
        json_t *who = json_object_get(json_array_get(lines, i), "peer");
        ck_assert_str_eq(json_string_value(json_object_get(who, "exe")),
                         "/tmp/\\xff\\xc0\\xaf \xe2\x82\xac \x7f\x01\\xf0\\x9f");
    }
    json_decref(lines);
}
END_TEST

static void *
many(void *arg)
{
    for (int i = 0; i < 200; i++)
        notes(arg);
    return NULL;
}

START_TEST(many_at_once_are_one_chain)
{
    static char names[][2] = {"a", "b", "c", "d"};
    const struct audit_settings settings = {.max_size = 40000};
    const char *files[64] = {NULL};
    size_t count = 0;
    pthread_t threads[4];

    open_log(_i == 0 ? NULL : &settings);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, many, names[i]), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    for (uint64_t n = 1; n < 1000 && count < 60; n++) {
        char *name = aside(n);
        if (access(name, F_OK) == 0)
            files[count++] = name;
        else
            free(name);
    }
    ck_assert((count > 0) == (_i == 1));
    files[count] = path();
    json_t *lines = read_chain(files, 1);
    ck_assert_uint_eq(json_array_size(lines), 800 + count);
    json_decref(lines);
    for (size_t i = 0; i < count; i++)
        free((char *)(uintptr_t)files[i]);
}
END_TEST

START_TEST(journald_gets_the_lines_too)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    char text[8192];

    snprintf(a.sun_path, sizeof a.sun_path, "%s", scratch_path("journal"));
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    const struct audit_settings settings = {.journal = a.sun_path};
    open_log(&settings);
    notes("sign");
    ssize_t n = recv(fd, text, sizeof text - 1, 0);
    ck_assert_int_gt(n, 0);
    text[n] = '\0';
    ck_assert_ptr_nonnull(strstr(text, "SYSLOG_IDENTIFIER=signet-agent\n"));
    ck_assert_ptr_nonnull(strstr(text, "\nPRIORITY=6\n"));
    char *message = strstr(text, "MESSAGE=");
    ck_assert_ptr_nonnull(message);
    json_t *line = json_loads(message + strlen("MESSAGE="), 0, NULL);
    ck_assert_str_eq(json_string_value(json_object_get(line, "operation")), "sign");
    ck_assert_int_eq(json_integer_value(json_object_get(line, "seq")), 1);
    json_decref(line);
    /* It is deaf: nothing waits for it. */
    close(fd);
    notes("sign");
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("agent: audit log");
    TCase *t = tcase_create("audit");
    SRunner *r;
    int failed;

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, scratch_setup, end);
    tcase_add_test(t, sha256_is_sha256);
    tcase_add_test(t, lines_are_a_chain);
    tcase_add_test(t, the_chain_goes_on);
    tcase_add_test(t, a_torn_line_is_kept_and_told_of);
    tcase_add_test(t, what_is_no_log_is_left_alone);
    tcase_add_test(t, the_file_is_the_agents_alone);
    tcase_add_test(t, rotation_keeps_the_chain);
    tcase_add_loop_test(t, no_room, 0, 2);
    tcase_add_test(t, torn_and_no_room);
    tcase_add_loop_test(t, an_empty_file_goes_on_behind_the_last_one, 0, 2);
    tcase_add_loop_test(t, another_file_in_its_place, 0, 2);
    tcase_add_loop_test(t, a_changed_length_is_told_of, 0, 3);
    tcase_add_test(t, any_text_is_json);
    tcase_add_loop_test(t, many_at_once_are_one_chain, 0, 2);
    tcase_add_test(t, journald_gets_the_lines_too);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is done to an audit log is found, and where: each byte, each line, the agent's own log. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/audit.h"
#include "base/hex.h"
#include "base/io.h"
#include "cli/audit_check.h"
#include "tests/base/run.h"

#define LINES 6

static struct buf *good;              /* the log as it was written */
static size_t begins[LINES + 1];      /* of each line, and the end */

static void
write_log(void)
{
    static const struct peer peer = {.uid = 1000, .pid = 4711, .exe = "/usr/bin/x", .front = "cli"};
    static const struct audit_settings none;
    const struct audit_entry e = {.event = "key", .peer = &peer, .key = "ab", .operation = "sign",
                                  .digest = "0102"};
    struct audit *audit;
    struct err err = {0};
    size_t line = 0;

    ck_assert_int_eq(audit_open(&audit, scratch_path("audit.log"), &none, &err), 0);
    for (int i = 0; i < LINES; i++)
        ck_assert_int_eq(audit_write(audit, &e, &err), 0);
    audit_close(&audit);
    good = buf_new();
    ck_assert_int_eq(io_read_file(scratch_path("audit.log"), BUF_MAX, good, &err), 0);
    for (size_t i = 0; i < buf_len(good); i++)
        if (buf_data(good)[i] == '\n')
            begins[++line] = i + 1;
    ck_assert_uint_eq(line, LINES);
}

static void
setup(void)
{
    scratch_setup();
    write_log();
}

static void
teardown(void)
{
    buf_free(&good);
    scratch_teardown();
}

/* What the check says of these bytes; the caller clears it. Nothing asserts on the way: Check
 * writes a line for each. */
static bool
judge(struct audit_check *c, const char *path, const void *data, size_t len)
{
    FILE *f = fopen(path, "we");
    struct err err = {0};

    return f && fwrite(data, 1, len, f) == len && fclose(f) == 0 &&
           audit_check_init(c, NULL, NULL) == 0 &&
           audit_read(path, audit_check_line, c, &err) == 0 && audit_check_end(c) == 0;
}

static unsigned long
first_fault(const struct audit_check *c)
{
    return (unsigned long)json_integer_value(json_object_get(json_array_get(c->faults, 0), "line"));
}

START_TEST(as_written_it_is_whole)
{
    struct audit_check c;

    ck_assert(judge(&c, scratch_path("log"), buf_data(good), buf_len(good)));
    ck_assert_uint_eq(c.fault_count, 0);
    ck_assert_uint_eq(json_array_size(c.notes), 0);
    ck_assert_uint_eq(c.lines, LINES);
    ck_assert_uint_eq(c.first, 1);
    ck_assert_uint_eq(c.last, LINES);
    audit_check_clear(&c);
}
END_TEST

/* Each byte but the last line's, which heads are for; found at that line or one beside it: whose
 * hash does not fit, and who says so. */
START_TEST(each_byte)
{
    static const unsigned char flips[] = {0x01, 0x04, 0x20, 0x80};
    char *path = strdup(scratch_path("log")), said[128] = "";
    size_t line = 0;

    for (size_t i = 0; i < begins[LINES - 1] && !said[0]; i++) {
        line += i == begins[line + 1];
        for (size_t k = 0; k < sizeof flips + 2 && !said[0]; k++) {
            uint8_t was = buf_data(good)[i], now = k < sizeof flips ? was ^ flips[k]
                                                   : k == sizeof flips ? '\n' : '\0';
            struct audit_check c = {0};
            if (now == was)
                continue;
            buf_mutable(good)[i] = now;
            if (!judge(&c, path, buf_data(good), buf_len(good)))
                snprintf(said, sizeof said, "byte %zu as %02x: not read", i, now);
            else if (c.fault_count == 0)
                snprintf(said, sizeof said, "byte %zu as %02x: not found", i, now);
            else if (first_fault(&c) < (line ? line : 1) || first_fault(&c) > line + 2)
                snprintf(said, sizeof said, "byte %zu as %02x: found at line %lu instead of %zu", i,
                         now, first_fault(&c), line + 1);
            audit_check_clear(&c);
            buf_mutable(good)[i] = was;
        }
    }
    ck_assert_msg(!said[0], "%s", said);
    free(path);
}
END_TEST

/* The lines in another order, or number: the digits are lines, from 0. */
static void
rearrange(struct audit_check *c, const char *order)
{
    struct buf *log = buf_new();

    for (; *order; order++) {
        size_t n = (size_t)(*order - '0');
        ck_assert_int_eq(buf_put(log, buf_data(good) + begins[n], begins[n + 1] - begins[n]), 0);
    }
    ck_assert(judge(c, scratch_path("log"), buf_data(log), buf_len(log)));
    buf_free(&log);
}

START_TEST(lines_removed_moved_and_doubled)
{
    static const struct {
        const char *order;
        unsigned long line;
        const char *says;
    } cases[] = {
        {"02345", 2, "1 lines are missing, from number 2"},
        {"01345", 3, "1 lines are missing, from number 3"},
        {"0125", 4, "2 lines are missing, from number 4"},
        {"102345", 2, "out of its place"},
        {"021345", 2, "1 lines are missing"},
        {"012354", 5, "1 lines are missing"},
        {"0012345", 2, "there twice"},
        {"0122345", 4, "there twice"},
        {"0123455", 7, "there twice"},
        {"543210", 2, "out of its place"},
        {"012012345", 4, "there twice"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct audit_check c;
        rearrange(&c, cases[i].order);
        ck_assert_msg(c.fault_count > 0, "%s", cases[i].order);
        const json_t *f = json_array_get(c.faults, 0);
        ck_assert_uint_eq(first_fault(&c), cases[i].line);
        ck_assert_msg(strstr(json_string_value(json_object_get(f, "text")), cases[i].says) != NULL,
                      "%s: %s", cases[i].order, json_string_value(json_object_get(f, "text")));
        audit_check_clear(&c);
    }
}
END_TEST

/* At its ends the chain alone cannot show it: it is noted that there was something before, and
 * the number of the last line is what a head is held against. */
START_TEST(cut_at_its_ends)
{
    struct audit_check c;

    rearrange(&c, "2345");
    ck_assert_uint_eq(c.fault_count, 0);
    ck_assert_uint_eq(json_array_size(c.notes), 1);
    ck_assert_uint_eq(c.first, 3);
    audit_check_clear(&c);
    rearrange(&c, "0123");
    ck_assert_uint_eq(c.fault_count, 0);
    ck_assert_uint_eq(c.last, 4);
    audit_check_clear(&c);
}
END_TEST

/* A line of a forger who knows the chain, but not what comes behind. */
START_TEST(lines_put_in)
{
    for (size_t at = 1; at < LINES; at++) {
        struct buf *log = buf_new();
        struct audit_check c;
        uint8_t hash[SHA256_SIZE];
        char hex[2 * SHA256_SIZE + 1];
        sha256(buf_data(good) + begins[at - 1], begins[at] - begins[at - 1] - 1, hash);
        hex_encode(hash, sizeof hash, hex);
        ck_assert_int_eq(buf_put(log, buf_data(good), begins[at]), 0);
        ck_assert_int_eq(buf_putf(log, "{\"seq\":%zu,\"prev\":\"%s\",\"event\":\"key\"}\n", at + 1,
                                  hex), 0);
        ck_assert_int_eq(buf_put(log, buf_data(good) + begins[at], buf_len(good) - begins[at]), 0);
        ck_assert(judge(&c, scratch_path("log"), buf_data(log), buf_len(log)));
        ck_assert_uint_ge(c.fault_count, 1);
        ck_assert_uint_eq(first_fault(&c), at + 2);
        audit_check_clear(&c);
        buf_free(&log);
    }
}
END_TEST

/* Nonsense behind it, with or without a line end; a first line that was cut, which the agent
 * has told of. */
START_TEST(what_is_no_line)
{
    struct audit_check c;
    struct buf *log = buf_new();

    ck_assert_int_eq(buf_put(log, buf_data(good), buf_len(good)), 0);
    ck_assert_int_eq(buf_put_str(log, "nonsense"), 0);
    ck_assert(judge(&c, scratch_path("log"), buf_data(log), buf_len(log)));
    ck_assert_uint_eq(c.fault_count, 0);
    ck_assert_uint_eq(json_array_size(c.notes), 1);
    audit_check_clear(&c);
    ck_assert_int_eq(buf_put_str(log, "\n"), 0);
    ck_assert(judge(&c, scratch_path("log"), buf_data(log), buf_len(log)));
    ck_assert_uint_eq(c.fault_count, 1);
    ck_assert_uint_eq(first_fault(&c), LINES + 1);
    audit_check_clear(&c);
    buf_free(&log);
}
END_TEST

START_TEST(a_first_line_that_is_torn)
{
    static const struct audit_settings none;
    const struct audit_entry e = {.event = "pin", .operation = "forget"};
    struct audit *audit;
    struct audit_check c;
    struct err err = {0};

    ck_assert_int_eq(truncate(scratch_path("audit.log"), 100), 0);
    ck_assert_int_eq(audit_open(&audit, scratch_path("audit.log"), &none, &err), 0);
    ck_assert_int_eq(audit_write(audit, &e, &err), 0);
    audit_close(&audit);
    buf_reset(good);
    ck_assert_int_eq(io_read_file(scratch_path("audit.log"), BUF_MAX, good, &err), 0);
    ck_assert(judge(&c, scratch_path("log"), buf_data(good), buf_len(good)));
    ck_assert_uint_eq(c.fault_count, 0);
    ck_assert_uint_eq(c.last, 3);
    ck_assert_uint_eq(json_array_size(c.notes), 1);
    audit_check_clear(&c);
}
END_TEST

int
main(void)
{
    TCase *t = tcase_create("audit-check");

    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, as_written_it_is_whole);
    tcase_add_test(t, each_byte);
    tcase_add_test(t, lines_removed_moved_and_doubled);
    tcase_add_test(t, cut_at_its_ends);
    tcase_add_test(t, lines_put_in);
    tcase_add_test(t, what_is_no_line);
    tcase_add_test(t, a_first_line_that_is_torn);
    return run_suite("cli-audit-check", &t, 1);
}

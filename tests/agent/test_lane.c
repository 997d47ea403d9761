/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A lane against a host that the test plays. */
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "agent/lane.h"
#include "base/io.h"
#include "tests/base/run.h"

static int ours, theirs;
static struct lane *lane;
static struct err err;
static struct buf *out;

static void
say(const char *text)
{
    ck_assert_int_eq(io_write_all(theirs, text, strlen(text)), 0);
}

static void
setup(void)
{
    int pair[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    ours = pair[0];
    theirs = pair[1];
    out = buf_new();
    say("OK hello\n");
    ck_assert_int_eq(lane_open(&lane, ours, &err), 0);
}

static void
teardown(void)
{
    lane_free(&lane);
    buf_free(&out);
    if (theirs >= 0)
        close(theirs);
}

static int
run(const char *line)
{
    const struct lane_command cmd = {.line = line, .out = out,
                                     .answers = {{"PIN", (const uint8_t *)"12%4", 4}}};

    return lane_run(lane, &cmd, &err);
}

/* What was sent to the host; one read, since a turn is one write. */
static const char *
heard(void)
{
    static char text[4096];
    ssize_t n = io_read(theirs, text, sizeof text - 1);

    text[n > 0 ? n : 0] = '\0';
    return text;
}

START_TEST(data_and_ok)
{
    say("D ab%25\nD c%0A\nOK\n");
    ck_assert_int_eq(run("SIGN 1"), 0);
    ck_assert_uint_eq(buf_len(out), 5);
    ck_assert(memcmp(buf_data(out), "ab%c\n", 5) == 0);
    ck_assert_str_eq(heard(), "SIGN 1\n");
}
END_TEST

START_TEST(failure_with_its_sentence)
{
    say("S ERROR E_PIN_WRONG token+\"x\":+wrong\nERR 536870999 Bad PIN\n");
    ck_assert_int_eq(run("LOGIN 1"), E_PIN_WRONG);
    ck_assert_str_eq(err.text, "token \"x\": wrong");
    ck_assert(!lane_dead(lane));
    say("OK\n");
    ck_assert_int_eq(run("NOP"), 0);
}
END_TEST

START_TEST(inquiry_is_answered_in_one_piece)
{
    say("INQUIRE PIN\nOK\n");
    ck_assert_int_eq(run("LOGIN 1"), 0);
    ck_assert_str_eq(heard(), "LOGIN 1\nD 12%254\nEND\n");
}
END_TEST

START_TEST(strange_inquiry_is_cancelled)
{
    say("INQUIRE COFFEE\nS ERROR E_CANCELLED no+coffee\nERR 536871011 Cancelled\nOK\n");
    ck_assert_int_eq(run("LOGIN 1"), E_CANCELLED);
    ck_assert(!lane_dead(lane));
    ck_assert_int_eq(run("NOP"), 0);
}
END_TEST

START_TEST(silence_ends)
{
    const struct timeval soon = {.tv_usec = 20000};

    ck_assert_int_eq(setsockopt(ours, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon), 0);
    ck_assert_int_eq(run("SIGN 1"), E_HOST);
    ck_assert(lane_dead(lane));
    ck_assert_ptr_nonnull(strstr(err.text, "said nothing"));
}
END_TEST

static long
deadline(void)
{
    struct timeval limit;
    socklen_t len = sizeof limit;

    ck_assert_int_eq(getsockopt(ours, SOL_SOCKET, SO_RCVTIMEO, &limit, &len), 0);
    return limit.tv_sec;
}

/* A person at the keypad has longer than a module; the next command has not. */
START_TEST(each_command_has_its_deadline)
{
    const struct lane_command keypad = {.line = "LOGIN 1", .timeout = LANE_TIMEOUT_KEYPAD};

    ck_assert_int_eq(deadline(), LANE_TIMEOUT);
    say("OK\nOK\n");
    ck_assert_int_eq(lane_run(lane, &keypad, &err), 0);
    ck_assert_int_eq(deadline(), LANE_TIMEOUT_KEYPAD);
    ck_assert_int_eq(run("NOP"), 0);
    ck_assert_int_eq(deadline(), LANE_TIMEOUT);
}
END_TEST

START_TEST(rv_goes_with_its_sentence)
{
    say("S RV b1\nS ERROR E_TOKEN no+session\nERR 536870999 no\n");
    ck_assert_int_eq(run("SIGN 1"), E_TOKEN);
    ck_assert_uint_eq(err.rv, 0xb1);
    ck_assert_str_eq(err.text, "no session");
    /* Each failure has its own. */
    say("S ERROR E_TOKEN other\nERR 536870999 no\n");
    ck_assert_int_eq(run("SIGN 1"), E_TOKEN);
    ck_assert_uint_eq(err.rv, 0);
}
END_TEST

static int
give(void *arg, const char *inquiry, struct secret *ret, struct err *e)
{
    const char *pin = arg;

    ck_assert_str_eq(inquiry, "CONTEXTPIN count-low");
    if (!pin)
        return err_set(e, E_PIN_CANCELLED, "given up");
    return secret_set(ret, pin, strlen(pin));
}

START_TEST(who_sent_it_is_asked)
{
    char pin[] = "5678";
    struct lane_command cmd = {.line = "SIGN 1", .inquire = give, .arg = pin};

    say("INQUIRE CONTEXTPIN count-low\nOK\n");
    ck_assert_int_eq(lane_run(lane, &cmd, &err), 0);
    ck_assert_str_eq(heard(), "SIGN 1\nD 5678\nEND\n");
    /* What he says goes before what the host makes of it. */
    cmd.arg = NULL;
    say("INQUIRE CONTEXTPIN count-low\nS ERROR E_TOKEN lost\nERR 536870999 no\nOK\n");
    ck_assert_int_eq(lane_run(lane, &cmd, &err), E_PIN_CANCELLED);
    ck_assert_str_eq(err.text, "given up");
    ck_assert(!lane_dead(lane));
    ck_assert_int_eq(run("NOP"), 0);
}
END_TEST

START_TEST(death_is_noticed)
{
    say("D half");
    close(theirs);
    theirs = -1;
    ck_assert_int_eq(run("SIGN 1"), E_HOST);
    ck_assert(lane_dead(lane));
}
END_TEST

START_TEST(nonsense_kills_the_lane)
{
    say("WHAT\n");
    ck_assert_int_eq(run("SIGN 1"), E_HOST);
    ck_assert(lane_dead(lane));
}
END_TEST

START_TEST(too_much_data_is_refused)
{
    buf_set_max(out, 4);
    say("D 12345\nOK\n");
    ck_assert_int_eq(run("SIGN 1"), E_PROTOCOL);
    ck_assert(!lane_dead(lane));
    say("OK\n");
    ck_assert_int_eq(run("NOP"), 0);
}
END_TEST

int
main(void)
{
    TCase *c = tcase_create("lane");

    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, data_and_ok);
    tcase_add_test(c, failure_with_its_sentence);
    tcase_add_test(c, inquiry_is_answered_in_one_piece);
    tcase_add_test(c, strange_inquiry_is_cancelled);
    tcase_add_test(c, silence_ends);
    tcase_add_test(c, each_command_has_its_deadline);
    tcase_add_test(c, rv_goes_with_its_sentence);
    tcase_add_test(c, who_sent_it_is_asked);
    tcase_add_test(c, death_is_noticed);
    tcase_add_test(c, nonsense_kills_the_lane);
    tcase_add_test(c, too_much_data_is_refused);
    return run_suite("agent-lane", &c, 1);
}

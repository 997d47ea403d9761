/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Units by control group, and what is known of this process. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/peer.h"
#include "tests/base/run.h"

#define USER "0::/user.slice/user-1000.slice/"

static const struct {
    const char *text, *own, *machine;
} cases[] = {
    {"0::/system.slice/mail.service\n", "mail.service", "mail.service"},
    {USER "session-2.scope\n", "session-2.scope", "session-2.scope"},
    /* A user's unit of that name is not the system's. */
    {USER "user@1000.service/app.slice/mail.service\n", "mail.service", "user@1000.service"},
    {USER "user@1000.service/app.slice/a.scope/b.service/inner\n", "b.service", "user@1000.service"},
    {"12:cpu:/x.service\n0::/y.service\n", "y.service", "y.service"},
    {"12:cpu:/x.service\n", "", ""},
    {"0::/\n", "", ""},
    {"0::/init.scope", "init.scope", "init.scope"},
    {"0::/../../x.service\n1:name=a:/z.service\n", "x.service", "x.service"},
    {"", "", ""},
    {"0::/service/.hidden/a.slice\n", "", ""},
    {"00::/x.service\n", "", ""},
};

START_TEST(units)
{
    char text[200], unit[64];

    snprintf(text, sizeof text, "%s", cases[_i].text);
    peer_unit(text, false, unit, sizeof unit);
    ck_assert_str_eq(unit, cases[_i].own);
    snprintf(text, sizeof text, "%s", cases[_i].text);
    peer_unit(text, true, unit, sizeof unit);
    ck_assert_str_eq(unit, cases[_i].machine);
}
END_TEST

/* Half a name could be another unit's. */
START_TEST(too_long_a_name_is_unknown)
{
    char text[] = "0::/abcdefgh.service\n", unit[10];

    peer_unit(text, true, unit, sizeof unit);
    ck_assert_str_eq(unit, "");
}
END_TEST

START_TEST(this_process)
{
    struct peer self = {.pid = getpid()}, gone = {.pid = 0x3fffffff};
    char exe[300];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);

    ck_assert_int_gt(n, 0);
    exe[n] = '\0';
    peer_find(&self, false);
    ck_assert_str_eq(self.exe, n < 256 ? exe : "");
    peer_find(&gone, true);
    ck_assert_str_eq(gone.exe, "");
    ck_assert_str_eq(gone.unit, "");
}
END_TEST

int
main(void)
{
    TCase *t = tcase_create("peer");

    tcase_add_loop_test(t, units, 0, sizeof cases / sizeof *cases);
    tcase_add_test(t, too_long_a_name_is_unknown);
    tcase_add_test(t, this_process);
    return run_suite("agent: peer", &t, 1);
}

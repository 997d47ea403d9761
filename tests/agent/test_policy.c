/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules: which one decides, what covers what, faults named with file and section, and a faulty
 * policy that leaves the one before in place. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/policy.h"
#include "tests/base/run.h"

#define NAME "3f2a9c0d11223344556677889900aabbccddeeff00112233445566778899aabb"

static struct policies *all;
static struct home home;
static int pair[2];

static void
begin(void)
{
    scratch_setup();
    ck_assert_int_eq(mkdir(scratch_path("home"), 0700), 0);
    ck_assert_int_eq(mkdir(scratch_path("home/policy.d"), 0700), 0);
    ck_assert_int_eq(home_resolve(&home, scratch_path("home"), NULL), 0);
    all = policies_new();
    ck_assert_ptr_nonnull(all);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
}

static void
end(void)
{
    policies_free(&all);
    home_clear(&home);
    close(pair[0]);
    close(pair[1]);
    scratch_teardown();
}

static void
policy_is(const char *text)
{
    ck_assert_ptr_nonnull(scratch_write("home/policy.d/10.conf", text));
    ck_assert_int_eq(chmod(scratch_path("home/policy.d/10.conf"), 0600), 0);
}

static int
load(struct err *err)
{
    struct conf *conf = NULL;
    int rc = conf_load(&conf, &home, err);

    if (rc == 0)
        rc = policies_load(all, &home, conf, err);
    conf_free(&conf);
    return rc;
}

static void
loads(const char *text)
{
    struct err err = {0};

    policy_is(text);
    ck_assert_msg(load(&err) == 0, "%s", err_text(&err));
}

static struct peer alice = {.uid = 1000, .pid = 1, .exe = "/usr/bin/signet",
                            .unit = "mail.service", .front = "cli"};
static const struct token demo = {.label = "demo"};
static const struct key key = {.name = NAME, .label = "invoice 7",
                               .places = {{&demo, "invoice 7", ""}}, .place_count = 1};

static int
asks(const char *operation, const char *scheme, struct err *err)
{
    const struct policy_request q = {.peer = &alice, .fd = pair[0], .key = &key,
                                     .operation = operation, .scheme = scheme};
    struct policy *p = policies_get(all);
    const struct rule *r;
    int rc = policy_decide(p, &q, &r, err);

    policy_unref(&p);
    return rc;
}

START_TEST(without_rules_all_is_allowed)
{
    ck_assert_int_eq(asks("sign", "rsa-pss-sha256", NULL), 0);
    loads("");
    ck_assert_int_eq(asks("sign", "rsa-pss-sha256", NULL), 0);
    loads("[key other]\naction = deny\n");
    ck_assert_int_eq(asks("sign", "rsa-pss-sha256", NULL), 0);
}
END_TEST

/* Each pattern that covers the key, and each that does not. */
START_TEST(patterns)
{
    static const struct {
        const char *pattern;
        bool covers;
    } cases[] = {
        {"*", true}, {"3f2a9c0d", true}, {NAME, true}, {"3f2a9c0", false}, {"3f2a9c0e", false},
        {"invoice*", true}, {"invoice 7", true}, {"invoice 8", false}, {"token:demo", true},
        {"token:d*", true}, {"token:e*", false}, {"token:*", true}, {"3F2A9C0D", true}, {"?nvoice*", true}, {"i*7", true},
        {"deadbeef", false}, {"demo", false},
    };
    char text[200];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(text, sizeof text, "[key %s]\naction = deny\n", cases[i].pattern);
        loads(text);
        ck_assert_msg((asks("sign", NULL, NULL) == E_DENIED) == cases[i].covers, "%s",
                      cases[i].pattern);
    }
}
END_TEST

/* One condition each: as the request has it, and otherwise. */
START_TEST(conditions)
{
    static const struct {
        const char *condition;
        bool holds;
    } cases[] = {
        {"users = 1000", true}, {"users = 1, 1000 2", true}, {"users = root", false},
        {"executables = /usr/bin/signet", true}, {"executables = /usr/bin/*", true},
        {"executables = /usr/bin", false}, {"units = mail.service", true},
        {"units = *.scope", false}, {"fronts = ssh, cli", true}, {"fronts = ssh", false},
        {"operations = sign", true}, {"operations = decrypt derive", false},
        {"schemes = rsa-pss-*", true}, {"schemes = rsa-pkcs1-*", false},
        {"schemes = *-sha512", false},
    };
    char text[200];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};
        snprintf(text, sizeof text, "[key *]\n%s\n", cases[i].condition);
        loads(text);
        ck_assert_msg((asks("sign", "rsa-pss-sha256", &err) == 0) == cases[i].holds, "%s",
                      cases[i].condition);
        if (!cases[i].holds) {
            ck_assert_ptr_nonnull(strstr(err_text(&err), "[key *] of "));
            ck_assert_ptr_nonnull(strstr(err_text(&err), "10.conf"));
            ck_assert_ptr_nonnull(strstr(err_text(&err), "rsa-pss-sha256"));
        }
    }
}
END_TEST

START_TEST(groups)
{
    char text[64];

    snprintf(text, sizeof text, "[key *]\ngroups = %u\n", (unsigned)getgid());
    loads(text);
    ck_assert_int_eq(asks("sign", NULL, NULL), 0);
    loads("[key *]\ngroups = 987654\n");
    ck_assert_int_eq(asks("sign", NULL, NULL), E_DENIED);
}
END_TEST

/* The first that holds; files in their order; signet.conf before them. */
START_TEST(the_first_rule_decides)
{
    loads("[key invoice*]\noperations = sign\n[key *]\naction = deny\n");
    ck_assert_int_eq(asks("sign", NULL, NULL), 0);
    ck_assert_int_eq(asks("decrypt", NULL, NULL), E_DENIED);
    scratch_write("home/policy.d/05.conf", "[key token:demo]\naction = deny\nfronts = cli\n");
    ck_assert_int_eq(chmod(scratch_path("home/policy.d/05.conf"), 0600), 0);
    ck_assert_int_eq(load(NULL), 0);
    ck_assert_int_eq(asks("sign", NULL, NULL), E_DENIED);
    scratch_write("home/signet.conf", "[key *]\nusers = 1000\n");
    ck_assert_int_eq(load(NULL), 0);
    ck_assert_int_eq(asks("sign", NULL, NULL), 0);
    scratch_write("home/policy.d/00.txt", "nonsense");
    ck_assert_int_eq(load(NULL), 0);
}
END_TEST

START_TEST(what_a_rule_may_want_is_read)
{
    loads("[key *]\nconfirm = session\nrate = 10/minute, 200/day\ncount = 7\nper-user = yes\n"
          "hours = mon-fri 08:00-18:00\napprovers = 1 of 1, 2\napprove-within = 5m\n");
    struct policy *p = policies_get(all);
    const struct rule *r = policy_rule(p, 0);
    ck_assert_uint_eq(policy_rule_count(p), 1);
    ck_assert_int_eq(r->confirm, CONFIRM_SESSION);
    ck_assert_uint_eq(r->limits.rate_count, 2);
    ck_assert_uint_eq(r->limits.total, 7);
    ck_assert(r->limits.per_user);
    ck_assert_uint_eq(r->limits.hours.count, 1);
    ck_assert_uint_eq(r->approve.need, 1);
    ck_assert_uint_eq(r->approve.patience, 300);
    policy_unref(&p);
}
END_TEST

/* Each fault has its sentence, and the policy before stays. */
START_TEST(faults)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"[key *]\nusers = nobody-of-that-name\n", "there is no user"},
        {"[key *]\ngroups = no-such-group\n", "there is no group"},
        {"[key *]\naction = perhaps\n", ":2:"},
        {"[key *]\ncolour = blue\n", ":2:"},
        {"[keys *]\n", ":1:"},
        {"[key *]\nhours = always\n", "hours"},
        {"[key *]\nrate = often\n", "rate"},
        {"[key *]\nconfirm = maybe\n", "confirm"},
        {"[key *]\napprovers = alice\n", "approvers"},
        {"[key *]\napprovers = 3 of 1, 2\n", "approvers"},
        {"[key *]\naction = deny\nconfirm = each\n", "no meaning"},
        {"[key *]\nusers = ,\n", ":2: [key *]: users: an empty list"},
        {"[key *]\naction = allow\n\nhours = always\n", ":4: [key *]: hours: "},
        {"[key *]\noperations = sign, sing\n", ":2: [key *]: operations: only sign"},
        {"[key *]\nschemes = rsa-psss-*\n", "no scheme"},
        {"[key *]\nschemes = rsa-pkcs1-sha1\n", "strong enough"},
        {"[key *]\noperations = decrypt\nschemes = ecdsa-*\n", ":3: [key *]: schemes: none of them"},
        {"[key *]\noperations = derive\nschemes = *\n", "none of them"},
        {"[key *]\nexecutables = signet\n", "absolute"},
        {"[key *]\ncount = 0\n", "action = deny"},
        {"[key *]\nper-user = yes\n", "neither rate nor count"},
        {"[key *]\napprove-within = 5m\n", "no approvers"},
        {"[key *]\napprovers = 1 of 1, 2\napprove-within = 2d\n", "1d"},
        {"[key *]\naction = deny\nper-user = yes\nrate = 1/hour\n", "no meaning"},
        {"[key *]\n[key mail]\nusers = 1\n", ":2: [key mail] is never looked at"},
        {"[key mail]\naction = deny\n[key mail]\nusers = 1\n", ":3: [key mail] is never"},
        {"[key token:]\n", ":1: "},
        {"[key *]\nusers = 1\n[agent]\npin-ttl = 1m\n", ":3: a file of policy.d holds"},
        {"[key *]\nusers = 1\nusers = 2\n", ":3: second value"},
        {"[key]\n", ":1: section without a name"},
    };

    loads("[key *]\noperations = sign\n");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};
        policy_is(cases[i].text);
        ck_assert_msg(load(&err) == E_CONFIG, "%s", cases[i].text);
        ck_assert_msg(strstr(err_text(&err), cases[i].says) && strstr(err_text(&err), "10.conf"),
                      "%s: %s", cases[i].text, err_text(&err));
        ck_assert_int_eq(asks("sign", NULL, NULL), 0);
        ck_assert_int_eq(asks("decrypt", NULL, NULL), E_DENIED);
    }
}
END_TEST

/* Two sections with one pattern are two rules, of one file and of two. */
START_TEST(rules_are_not_merged)
{
    static const char *const users[] = {"signet.conf:1", "10.conf:1", "10.conf:3"};

    scratch_write("home/signet.conf", "[key *]\nusers = 1\n");
    ck_assert_int_eq(chmod(scratch_path("home/signet.conf"), 0600), 0);
    loads("[key *]\nfronts = ssh\n[key *]\nusers = 1000\noperations = sign\n");
    ck_assert_int_eq(asks("sign", NULL, NULL), 0);
    ck_assert_int_eq(asks("decrypt", NULL, NULL), E_DENIED);
    struct policy *p = policies_get(all);
    ck_assert_uint_eq(policy_rule_count(p), 3);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_msg(strstr(policy_rule(p, i)->name, users[i]), "%s", policy_rule(p, i)->name);
    /* Their counters are told apart, and stay the same when lines are added. */
    ck_assert_str_ne(policy_rule(p, 1)->id, policy_rule(p, 2)->id);
    ck_assert_ptr_null(strstr(policy_rule(p, 2)->id, ":3"));
    policy_unref(&p);
}
END_TEST

/* The administrator's before the user's, signet.conf before policy.d. */
START_TEST(the_administrator_comes_first)
{
    static const char *const order[] = {"site/signet.conf:1", "site/policy.d/50.conf:1",
                                        "home/signet.conf:1", "home/policy.d/10.conf:1"};

    ck_assert_int_eq(mkdir(scratch_path("site"), 0700), 0);
    ck_assert_int_eq(mkdir(scratch_path("site/policy.d"), 0700), 0);
    scratch_write("site/signet.conf", "[key *]\nusers = 1\n");
    scratch_write("site/policy.d/50.conf", "[key *]\nusers = 2\n");
    scratch_write("home/signet.conf", "[key *]\nusers = 3\n");
    static const char *const files[] = {"site/signet.conf", "site/policy.d/50.conf",
                                        "home/signet.conf"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        ck_assert_int_eq(chmod(scratch_path(files[i]), 0600), 0);
    home.site = strdup(scratch_path("site"));
    loads("[key *]\nusers = 1000\n");
    struct policy *p = policies_get(all);
    ck_assert_uint_eq(policy_rule_count(p), 4);
    for (unsigned i = 0; i < 4; i++)
        ck_assert_msg(strstr(policy_rule(p, i)->name, order[i]), "%s", policy_rule(p, i)->name);
    policy_unref(&p);
    ck_assert_int_eq(asks("sign", NULL, NULL), 0);
    /* One that is both is read once. */
    free(home.site);
    home.site = strdup(scratch_path("home"));
    ck_assert_int_eq(load(NULL), 0);
    p = policies_get(all);
    ck_assert_uint_eq(policy_rule_count(p), 2);
    policy_unref(&p);
}
END_TEST

/* A program that hides escapes no denial, and gets no permission. */
START_TEST(what_cannot_be_known)
{
    static const char *const unknown[] = {"executables = /usr/bin/other", "units = x.service"};
    const struct peer known = alice;
    char text[100];

    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        snprintf(text, sizeof text, "[key *]\naction = deny\n%s\n[key *]\nusers = 1000\n",
                 unknown[i]);
        loads(text);
        ck_assert_int_eq(asks("sign", NULL, NULL), 0);
        alice.exe[0] = alice.unit[0] = '\0';
        ck_assert_int_eq(asks("sign", NULL, NULL), E_DENIED);
        snprintf(text, sizeof text, "[key *]\n%s, *\n", unknown[i]);
        loads(text);
        ck_assert_int_eq(asks("sign", NULL, NULL), E_DENIED);
        alice = known;
        ck_assert_int_eq(asks("sign", NULL, NULL), 0);
    }
}
END_TEST

START_TEST(denials_say_why)
{
    struct err err = {0};

    loads("\n[key 3f2a9c0d]\nusers = 1000\noperations = decrypt\n");
    ck_assert_int_eq(asks("sign", "ecdsa-sha256", &err), E_DENIED);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "10.conf:2, whose \"operations\" are others"));
    ck_assert_ptr_nonnull(strstr(err_text(&err), "(sign ecdsa-sha256, by user 1000)"));
    loads("[key *]\naction = deny\n");
    ck_assert_int_eq(asks("derive", NULL, &err), E_DENIED);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "forbidden by [key *] of "));
    ck_assert_ptr_nonnull(strstr(err_text(&err), "10.conf:1"));
    /* What no operation of ours is called is not covered by a list of them. */
    loads("[key *]\noperations = sign, decrypt, derive\n");
    ck_assert_int_eq(asks("wrap", NULL, &err), E_DENIED);
}
END_TEST

START_TEST(too_many_rules_or_words)
{
    static char text[64 * 1024];
    struct err err = {0};
    size_t n = 0;

    for (unsigned i = 0; i <= POLICY_RULES_MAX; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "[key a%u]\nusers = 1\n", i);
    policy_is(text);
    ck_assert_int_eq(load(&err), E_CONFIG);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "10.conf:2049: more than 1024 rules"));
    n = (size_t)snprintf(text, sizeof text, "[key *]\nfronts = f");
    for (unsigned i = 0; i < POLICY_WORDS_MAX; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, ", f%u", i);
    policy_is(text);
    ck_assert_int_eq(load(&err), E_CONFIG);
    ck_assert_ptr_nonnull(strstr(err_text(&err), ":2: [key *]: fronts: more words"));
}
END_TEST

START_TEST(folders_that_others_may_write)
{
    struct err err = {0};

    policy_is("[key *]\naction = deny\n");
    ck_assert_int_eq(chmod(scratch_path("home/policy.d"), 0770), 0);
    ck_assert_int_eq(load(&err), E_CONFIG);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "plain folder"));
    ck_assert_int_eq(chmod(scratch_path("home/policy.d"), 0700), 0);
    ck_assert_int_eq(load(&err), 0);
    /* Of signet.conf only when it has rules. */
    scratch_write("home/signet.conf", "[agent]\npin-ttl = 1m\n");
    ck_assert_int_eq(chmod(scratch_path("home/signet.conf"), 0664), 0);
    ck_assert_int_eq(load(&err), 0);
    scratch_write("home/signet.conf", "[key mail]\nusers = 1\n");
    ck_assert_int_eq(chmod(scratch_path("home/signet.conf"), 0664), 0);
    ck_assert_int_eq(load(&err), E_CONFIG);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "signet.conf is not heeded"));
    if (geteuid() != 0)
        return;
    ck_assert_int_eq(chmod(scratch_path("home/signet.conf"), 0600), 0);
    ck_assert_int_eq(chown(scratch_path("home/policy.d/10.conf"), 65534, 65534), 0);
    ck_assert_int_eq(load(&err), E_CONFIG);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "root's or the agent's user"));
}
END_TEST

START_TEST(files_that_others_may_write)
{
    struct err err = {0};

    policy_is("[key *]\naction = deny\n");
    ck_assert_int_eq(chmod(scratch_path("home/policy.d/10.conf"), 0622), 0);
    ck_assert_int_eq(load(&err), E_CONFIG);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "writable by nobody"));
    unlink(scratch_path("home/policy.d/10.conf"));
    ck_assert_int_eq(symlink("/etc/passwd", scratch_path("home/policy.d/10.conf")), 0);
    ck_assert_int_eq(load(&err), E_CONFIG);
}
END_TEST

int
main(void)
{
    TCase *t = tcase_create("policy");

    tcase_add_checked_fixture(t, begin, end);
    tcase_add_test(t, without_rules_all_is_allowed);
    tcase_add_test(t, patterns);
    tcase_add_test(t, conditions);
    tcase_add_test(t, groups);
    tcase_add_test(t, the_first_rule_decides);
    tcase_add_test(t, what_a_rule_may_want_is_read);
    tcase_add_test(t, faults);
    tcase_add_test(t, files_that_others_may_write);
    tcase_add_test(t, folders_that_others_may_write);
    tcase_add_test(t, rules_are_not_merged);
    tcase_add_test(t, the_administrator_comes_first);
    tcase_add_test(t, what_cannot_be_known);
    tcase_add_test(t, denials_say_why);
    tcase_add_test(t, too_many_rules_or_words);
    return run_suite("agent: policy", &t, 1);
}

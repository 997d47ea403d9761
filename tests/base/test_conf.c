/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/conf.h"
#include "tests/base/run.h"

static struct conf *
load(const char *text)
{
    struct conf *c = NULL;
    struct err err;
    int rc = conf_load_file(&c, scratch_write("f.conf", text), &err);
    ck_assert_msg(rc == 0, "%s", err.text);
    return c;
}

START_TEST(design_example)
{
    struct conf *c = load("[agent]\n"
                          "pinentry = /usr/bin/pinentry   ; a comment\n"
                          "pin-ttl = 10m\r\n"
                          "[module softhsm]\n"
                          "  path=/usr/lib/softhsm/libsofthsm2.so\n"
                          "lanes = 4\n"
                          "# comment\n"
                          "; comment\n"
                          "[token my token]\n"
                          "pin-source = file:/run/secrets/demo\n"
                          "[module b]\n"
                          "[trust]\n"
                          "revocation = soft");
    ck_assert_str_eq(conf_get(c, "agent", NULL, "pinentry"), "/usr/bin/pinentry");
    ck_assert_uint_eq(conf_get_duration(c, "agent", NULL, "pin-ttl", 1), 600);
    ck_assert_uint_eq(conf_get_duration(c, "agent", NULL, "pin-ttl-max", 7), 7);
    ck_assert_str_eq(conf_get(c, "module", "softhsm", "path"),
                     "/usr/lib/softhsm/libsofthsm2.so");
    ck_assert_uint_eq(conf_get_number(c, "module", "softhsm", "lanes", 1), 4);
    ck_assert_uint_eq(conf_get_number(c, "module", "b", "lanes", 1), 1);
    ck_assert_str_eq(conf_get(c, "token", "my token", "pin-source"), "file:/run/secrets/demo");
    ck_assert_str_eq(conf_get(c, "trust", NULL, "revocation"), "soft");
    ck_assert(conf_get_bool(c, "agent", NULL, "p11-kit", true));
    ck_assert_ptr_null(conf_get(c, "token", "other", "pin-source"));
    ck_assert_str_eq(conf_section(c, "module", 0), "softhsm");
    ck_assert_str_eq(conf_section(c, "module", 1), "b");
    ck_assert_ptr_null(conf_section(c, "module", 2));
    ck_assert_ptr_null(conf_section(c, "agent", 0));
    conf_free(&c);
    ck_assert_ptr_null(c);
}
END_TEST

/* Rules stay apart, each with its place; what else there is is found. */
START_TEST(sections_that_repeat)
{
    struct conf *c = load("\n[key a b]\nusers = 1\n[agent]\npin-ttl = 1m\n[key a b]\n\nusers = 2\n");
    struct conf_place first, second, other;
    unsigned line = 0;

    ck_assert(conf_place(c, "key", 0, &first) && conf_place(c, "key", 1, &second));
    ck_assert(!conf_place(c, "key", 2, &other));
    ck_assert_str_eq(second.name, "a b");
    ck_assert_uint_eq(first.line, 2);
    ck_assert_uint_eq(second.line, 6);
    ck_assert_ptr_nonnull(strstr(second.path, "f.conf"));
    ck_assert_str_eq(conf_value(c, &first, "users", NULL), "1");
    ck_assert_str_eq(conf_value(c, &second, "users", &line), "2");
    ck_assert_uint_eq(line, 8);
    ck_assert_ptr_null(conf_value(c, &second, "groups", NULL));
    ck_assert(conf_place_other(c, "key", &other));
    ck_assert_uint_eq(other.line, 4);
    ck_assert_ptr_null(other.name);
    conf_free(&c);
}
END_TEST

/* What is wrong, where, and what the user is told. */
static const struct {
    const char *text, *line, *said;
} faults[] = {
    {"[agnet]\n", ":1: ", "unknown section \"agnet\""},
    {"\n\n[agent]\n\npin-tll = 5\n", ":5: ", "unknown key \"pin-tll\""},
    {"[agent]\npath = /x\n", ":2: ", "unknown key \"path\""},
    {"[module]\n", ":1: ", "section without a name"},
    {"[agent x]\n", ":1: ", "section takes no name"},
    {"pin-ttl = 5\n", ":1: ", "key before any section"},
    {"[agent]\npin-ttl\n", ":2: ", "cannot understand \"pin-ttl\""},
    {"[agent\n", ":1: ", "cannot understand"},
    {"[agent]\n= 5\n", ":2: ", "cannot understand"},
    {"[agent]\npin-ttl = soon\n", ":2: ", "it wants a duration"},
    {"[agent]\npin-ttl =\n", ":2: ", "it wants a duration"},
    {"[agent]\np11-kit = maybe\n", ":2: ", "it wants yes or no"},
    {"[agent]\nmax-connections = 0\n", ":2: ", "it wants a number"},
    {"[agent]\nlog-level = error|warning\n", ":2: ", "it wants one of"},
    {"[agent]\npinentry = pinentry-tty\n", ":2: ", "absolute path"},
    {"[module x]\nlanes = 65\n", ":2: ", "from 1 to 64"},
    {"[module x]\nlanes = 18446744073709551617\n", ":2: ", "from 1 to 64"},
    {"[token x]\npin-source = 1234\n", ":2: ", "it wants file:"},
    {"[sign]\ndigest = sha1\n", ":2: ", "sha256|sha384|sha512"},
    {"[agent]\npin-ttl = 5\n[trust]\n[agent]\npin-ttl = 6\n", ":5: ", "second value"},
    {"[fetch]\ndeadline = 11m\n", ":2: ", "from 1s to 10m"},
    {"[fetch]\nproxy = file:///x\n", ":2: ", "URL of a proxy"},
    {"[fetch]\nresolver = dns.example\n", ":2: ", "ADDRESS@PORT"},
    {"[fetch]\nresolver = 127.0.0.1@0\n", ":2: ", "ADDRESS@PORT"},
    {"[fetch]\ndnssec-anchor = key\n", ":2: ", "absolute path"},
    {"[agent]\n\x1b[31m = 5\n", ":2: ", "unknown key \"\\x1b[31m\""},
};
#define FAULTS (int)(sizeof faults / sizeof *faults)

START_TEST(fault)
{
    struct conf *c = NULL;
    struct err err = {0};
    const char *path = scratch_write("f.conf", faults[_i].text);
    ck_assert_int_eq(conf_load_file(&c, path, &err), E_CONFIG);
    ck_assert_ptr_null(c);
    ck_assert_msg(strncmp(err.text, path, strlen(path)) == 0
                      && strncmp(err.text + strlen(path), faults[_i].line,
                                 strlen(faults[_i].line)) == 0
                      && strstr(err.text, faults[_i].said) != NULL,
                  "said: %s", err.text);
}
END_TEST

START_TEST(nul_byte)
{
    struct conf *c = NULL;
    struct err err;
    FILE *f = fopen(scratch_path("n.conf"), "w");
    fwrite("[agent]\npin-ttl = 5\0x\n", 1, 22, f);
    fclose(f);
    ck_assert_int_eq(conf_load_file(&c, scratch_path("n.conf"), &err), E_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.text, "n.conf:2: "));
}
END_TEST

START_TEST(no_file)
{
    struct conf *c = NULL;
    struct err err;
    ck_assert_int_eq(conf_load_file(&c, scratch_path("none"), &err), E_INPUT);
    char root[] = "", config[4096];
    snprintf(config, sizeof config, "%s", scratch_path("none"));
    struct home home = {.root = root, .config = config};
    ck_assert_int_eq(conf_load(&c, &home, &err), 0);
    ck_assert_ptr_null(conf_get(c, "agent", NULL, "pinentry"));
    conf_free(&c);
}
END_TEST

START_TEST(long_values)
{
    char text[3000], value[2000];
    memset(value, 'x', sizeof value - 1);
    value[0] = '/';
    value[sizeof value - 1] = '\0';
    snprintf(text, sizeof text, "[module a]\npath = %s\ninit-args = a=b ;c\n", value);
    struct conf *c = load(text);
    ck_assert_str_eq(conf_get(c, "module", "a", "path"), value);
    ck_assert_str_eq(conf_get(c, "module", "a", "init-args"), "a=b");
    conf_free(&c);
}
END_TEST

static void
put(const char *name, const char *key, const char *value)
{
    struct err err;
    const char *kind = name != NULL ? "token" : "agent";
    int rc = conf_write(scratch_path("w.conf"), kind, name, key, value, &err);
    ck_assert_msg(rc == 0, "%s", err.text);
}

START_TEST(write_new_file)
{
    struct stat st;
    put("demo", "pin-source", "file:/a");
    ck_assert_str_eq(scratch_read("w.conf"), "[token demo]\npin-source = file:/a\n");
    ck_assert_int_eq(stat(scratch_path("w.conf"), &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
    put("demo", "pin-source", "file:/b");
    ck_assert_str_eq(scratch_read("w.conf"), "[token demo]\npin-source = file:/b\n");
    ck_assert_int_eq(scratch_entries(), 1);
}
END_TEST

START_TEST(write_keeps_the_rest)
{
    scratch_write("w.conf", "# mine\n[agent]\npin-ttl = 5 ; short\n; end\n\n[token a]\n"
                            "pin-source = file:/a\n[trust]");
    put(NULL, "pin-ttl-max", "1h");
    put("a", "pin-source", "file:/new");
    put("b c", "pin-source", "file:/b");
    ck_assert_str_eq(scratch_read("w.conf"),
                     "# mine\n[agent]\npin-ttl = 5 ; short\npin-ttl-max = 1h\n; end\n\n"
                     "[token a]\npin-source = file:/new\n[trust]\n"
                     "\n[token b c]\npin-source = file:/b\n");
    struct conf *c = load(scratch_read("w.conf"));
    ck_assert_str_eq(conf_get(c, "token", "b c", "pin-source"), "file:/b");
    conf_free(&c);
}
END_TEST

/* What would not read back as the same is refused, and nothing is written. */
START_TEST(write_refuses)
{
    static const struct {
        const char *kind, *name, *key, *value;
        int code;
    } cases[] = {
        {"token", "x\n[agent]", "pin-source", "file:/a", E_CONFIG},
        {"token", " x", "pin-source", "file:/a", E_CONFIG},
        {"token", "x ;y", "pin-source", "file:/a", E_CONFIG},
        {"token", "x", "pin-source", "file:/a ;b", E_CONFIG},
        {"token", "x", "pin-source", "file:/a\nlanes = 1", E_CONFIG},
        {"token", "x", "pin-source", "/a", E_CONFIG},
        {"agent", NULL, "pin-ttl", "soon", E_CONFIG},
        {"agent", NULL, "nonsense", "1", E_INTERNAL},
    };
    struct err err;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_int_eq(conf_write(scratch_path("w.conf"), cases[i].kind, cases[i].name,
                                    cases[i].key, cases[i].value, &err),
                         cases[i].code);
        ck_assert_int_eq(scratch_entries(), 0);
    }
    ck_assert_int_eq(conf_write(scratch_path("no/w.conf"), "agent", NULL, "pin-ttl", "1", &err),
                     E_OUTPUT);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("conf");
    tcase_add_checked_fixture(tc, scratch_setup, scratch_teardown);
    tcase_add_test(tc, design_example);
    tcase_add_test(tc, sections_that_repeat);
    tcase_add_loop_test(tc, fault, 0, FAULTS);
    tcase_add_test(tc, nul_byte);
    tcase_add_test(tc, no_file);
    tcase_add_test(tc, long_values);
    tcase_add_test(tc, write_new_file);
    tcase_add_test(tc, write_keeps_the_rest);
    tcase_add_test(tc, write_refuses);
    return run_suite("conf", &tc, 1);
}

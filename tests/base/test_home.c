/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/home.h"
#include "tests/base/run.h"

static void
clean_environment(void)
{
    scratch_setup();
    unsetenv("SIGNET_HOME");
    unsetenv("SIGNET_LIBEXEC");
    unsetenv("XDG_CONFIG_HOME");
    unsetenv("XDG_DATA_HOME");
    unsetenv("XDG_RUNTIME_DIR");
    unsetenv("SIGNET_AGENT");
    unsetenv("CONFIGURATION_DIRECTORY");
    unsetenv("STATE_DIRECTORY");
    unsetenv("RUNTIME_DIRECTORY");
    setenv("HOME", "/home/someone", 1);
}

static struct home
resolve(const char *override)
{
    struct home h = {0};
    struct err err;
    int rc = home_resolve(&h, override, &err);
    ck_assert_msg(rc == 0, "%s", err.text);
    return h;
}

START_TEST(defaults)
{
    struct home h = resolve(NULL);
    ck_assert_ptr_null(h.root);
    ck_assert_str_eq(h.config, "/home/someone/.config/signet/signet.conf");
    ck_assert_str_eq(h.state, "/home/someone/.local/share/signet");
    ck_assert_str_eq(h.runtime, "/home/someone/.local/share/signet/run");
    ck_assert_str_eq(h.socket, "/home/someone/.local/share/signet/run/agent.sock");
    home_clear(&h);
    ck_assert_ptr_null(h.socket);
    home_clear(&h);
}
END_TEST

START_TEST(xdg)
{
    setenv("XDG_CONFIG_HOME", "/c", 1);
    setenv("XDG_DATA_HOME", "relative/is/ignored", 1);
    setenv("XDG_RUNTIME_DIR", "/run/user/1", 1);
    struct home h = resolve(NULL);
    ck_assert_str_eq(h.config, "/c/signet/signet.conf");
    ck_assert_str_eq(h.state, "/home/someone/.local/share/signet");
    ck_assert_str_eq(h.socket, "/run/user/1/signet/agent.sock");
    home_clear(&h);
}
END_TEST

START_TEST(one_folder)
{
    setenv("SIGNET_HOME", "/h", 1);
    setenv("XDG_RUNTIME_DIR", "/run/user/1", 1);
    struct home h = resolve(NULL);
    ck_assert_str_eq(h.root, "/h");
    ck_assert_str_eq(h.config, "/h/signet.conf");
    ck_assert_str_eq(h.state, "/h");
    ck_assert_str_eq(h.socket, "/h/run/agent.sock");
    home_clear(&h);
    h = resolve("/other");
    ck_assert_str_eq(h.socket, "/other/run/agent.sock");
    home_clear(&h);
    struct err err;
    ck_assert_int_eq(home_resolve(&h, "", &err), E_USAGE);
}
END_TEST

START_TEST(relative_home_becomes_absolute)
{
    char wanted[PATH_MAX];
    ck_assert_int_eq(chdir(scratch()), 0);
    ck_assert_ptr_nonnull(getcwd(wanted, sizeof wanted - 32));
    strcat(wanted, "/x/run/agent.sock");
    struct home h = resolve("x");
    ck_assert_str_eq(h.socket, wanted);
    home_clear(&h);
}
END_TEST

START_TEST(the_machines_own)
{
    struct home h;
    struct err err;

    setenv("SIGNET_HOME", "/h", 1);
    ck_assert_int_eq(home_resolve_system(&h, &err), 0);
    ck_assert(h.system);
    ck_assert_ptr_null(h.root);
    ck_assert_str_eq(h.site, "/etc/signet");
    ck_assert_str_eq(h.config, "/var/lib/signet/signet.conf");
    ck_assert_str_eq(h.state, "/var/lib/signet");
    ck_assert_str_eq(h.socket, "/run/signet/agent.sock");
    home_clear(&h);
    setenv("CONFIGURATION_DIRECTORY", "/etc/a:/etc/b", 1);
    setenv("STATE_DIRECTORY", "/s", 1);
    setenv("RUNTIME_DIRECTORY", "relative", 1);
    ck_assert_int_eq(home_resolve_system(&h, &err), 0);
    ck_assert_str_eq(h.site, "/etc/a");
    ck_assert_str_eq(h.config, "/s/signet.conf");
    ck_assert_str_eq(h.socket, "/run/signet/agent.sock");
    home_clear(&h);
}
END_TEST

START_TEST(another_agent)
{
    static const char *const bad[] = {"", "System", "relative/agent.sock", "/run/", "."};
    struct home h = resolve(NULL);
    struct err err;

    ck_assert_str_eq(h.site, "/etc/signet");
    ck_assert_int_eq(home_use_agent(&h, NULL, &err), 0);
    ck_assert(!h.elsewhere);
    ck_assert_int_eq(home_use_agent(&h, "system", &err), 0);
    ck_assert(h.elsewhere);
    ck_assert_str_eq(h.socket, "/run/signet/agent.sock");
    ck_assert_str_eq(h.runtime, "/run/signet");
    ck_assert_str_eq(h.state, "/home/someone/.local/share/signet");
    setenv("SIGNET_AGENT", "/x/y.sock", 1);
    ck_assert_int_eq(home_use_agent(&h, NULL, &err), 0);
    ck_assert_str_eq(h.socket, "/x/y.sock");
    ck_assert_str_eq(h.runtime, "/x");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_int_eq(home_use_agent(&h, bad[i], &err), E_USAGE);
        ck_assert_ptr_nonnull(strstr(err.text, "--agent"));
    }
    ck_assert_str_eq(h.socket, "/x/y.sock");
    setenv("SIGNET_AGENT", "nowhere", 1);
    ck_assert_int_eq(home_use_agent(&h, NULL, &err), E_USAGE);
    ck_assert_ptr_nonnull(strstr(err.text, "SIGNET_AGENT"));
    home_clear(&h);
}
END_TEST

static int
mode_of(const char *path)
{
    struct stat st;
    ck_assert_int_eq(stat(path, &st), 0);
    return st.st_mode & 0777;
}

START_TEST(made_for_the_owner_alone)
{
    struct err err;
    umask(0);
    struct home h = resolve(scratch_path("a/b//c"));
    ck_assert_int_eq(home_make(&h, &err), 0);
    ck_assert_int_eq(mode_of(scratch_path("a")), 0700);
    ck_assert_int_eq(mode_of(h.state), 0700);
    ck_assert_int_eq(mode_of(h.runtime), 0700);
    ck_assert_int_eq(home_make(&h, &err), 0);
    home_clear(&h);
}
END_TEST

START_TEST(unsafe_socket_folder)
{
    struct err err;
    struct home h = resolve(scratch());
    ck_assert_int_eq(home_make(&h, &err), 0);
    ck_assert_int_eq(chmod(h.runtime, 0770), 0);
    ck_assert_int_eq(home_make(&h, &err), E_DENIED);
    ck_assert_ptr_nonnull(strstr(err.text, "can be written by others"));
    ck_assert_int_eq(chmod(h.runtime, 0700), 0);
    if (geteuid() == 0) {
        ck_assert_int_eq(chown(h.runtime, 65534, 65534), 0);
        ck_assert_int_eq(home_make(&h, &err), E_DENIED);
        ck_assert_ptr_nonnull(strstr(err.text, "belongs to another user"));
    }
    ck_assert_int_eq(rmdir(h.runtime), 0);
    ck_assert_int_eq(symlink("/tmp", h.runtime), 0);
    ck_assert_int_eq(home_make(&h, &err), E_SYSTEM);
    home_clear(&h);
}
END_TEST

START_TEST(cannot_be_made)
{
    struct err err;
    scratch_write("file", "");
    struct home h = resolve(scratch_path("file/below"));
    ck_assert_int_eq(home_make(&h, &err), E_OUTPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "file/below"));
    home_clear(&h);
}
END_TEST

static void
make_program(const char *name)
{
    ck_assert_int_eq(chmod(scratch_write(name, "#!/bin/sh\n"), 0700), 0);
}

START_TEST(programs)
{
    char found[PATH_MAX];
    ck_assert_int_eq(home_program("signet-nowhere", found, sizeof found), E_SYSTEM);
    setenv("SIGNET_LIBEXEC", scratch(), 1);
    ck_assert_int_eq(home_program("signet-agent", found, sizeof found), E_SYSTEM);
    ck_assert_int_eq(mkdir(scratch_path("agent"), 0700), 0);
    scratch_write("agent/signet-agent", "not executable");
    ck_assert_int_eq(home_program("signet-agent", found, sizeof found), E_SYSTEM);
    make_program("agent/signet-agent");
    ck_assert_int_eq(home_program("signet-agent", found, sizeof found), 0);
    ck_assert_str_eq(found, scratch_path("agent/signet-agent"));
    make_program("signet-agent");
    ck_assert_int_eq(home_program("signet-agent", found, sizeof found), 0);
    ck_assert_str_eq(found, scratch_path("signet-agent"));
    ck_assert_int_eq(home_program("signet-agent", found, 10), E_SYSTEM);
}
END_TEST

/* Without SIGNET_LIBEXEC, the folder of the running program. */
START_TEST(beside_the_program)
{
    char found[PATH_MAX], self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    ck_assert_int_gt(n, 0);
    self[n] = '\0';
    ck_assert_int_eq(home_program(strrchr(self, '/') + 1, found, sizeof found), 0);
    ck_assert_str_eq(found, self);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("home");
    tcase_add_checked_fixture(tc, clean_environment, scratch_teardown);
    tcase_add_test(tc, defaults);
    tcase_add_test(tc, xdg);
    tcase_add_test(tc, one_folder);
    tcase_add_test(tc, relative_home_becomes_absolute);
    tcase_add_test(tc, the_machines_own);
    tcase_add_test(tc, another_agent);
    tcase_add_test(tc, made_for_the_owner_alone);
    tcase_add_test(tc, unsafe_socket_folder);
    tcase_add_test(tc, cannot_be_made);
    tcase_add_test(tc, programs);
    tcase_add_test(tc, beside_the_program);
    return run_suite("home", &tc, 1);
}

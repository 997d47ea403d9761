/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/secret.h"
#include "tests/base/run.h"

/* The VmFlags of the mapping that holds address, from /proc/self/smaps. */
static void
vm_flags(const void *address, char flags[1024])
{
    FILE *f = fopen("/proc/self/smaps", "r");
    ck_assert_ptr_nonnull(f);
    char line[1024];
    int inside = 0;
    flags[0] = '\0';
    while (fgets(line, sizeof line, f) != NULL) {
        unsigned long from, to;
        char rest;
        if (sscanf(line, "%lx-%lx%c", &from, &to, &rest) == 3)
            inside = (unsigned long)address >= from && (unsigned long)address < to;
        else if (inside && strncmp(line, "VmFlags:", 8) == 0)
            snprintf(flags, 1024, "%s", line + 8);
    }
    fclose(f);
}

/* Small secrets share a chunk, large ones have their own mapping: both are locked
 * (lo), not dumped (dd), wiped on fork (wf). */
START_TEST(locked_and_not_dumped)
{
    static const size_t sizes[] = {16, 100000};
    autofree_secret struct secret *s = secret_new(sizes[_i]);
    char flags[1024];
    ck_assert_int_eq(secret_set(s, "1234", 4), 0);
    vm_flags(secret_data_view(s), flags);
    ck_assert_msg(strstr(flags, " dd") != NULL, "flags:%s", flags);
    ck_assert_msg(strstr(flags, " wf") != NULL, "flags:%s", flags);
    if (secret_unlocked_count() == 0)
        ck_assert_msg(strstr(flags, " lo") != NULL, "flags:%s", flags);
    else
        ck_assert_msg(strstr(flags, " lo") == NULL, "flags:%s", flags);
}
END_TEST

/* With no right to lock memory a secret works and is counted. */
START_TEST(unlocked_is_counted)
{
    const struct rlimit none = {0, 0};
    if (geteuid() == 0) {
        /* Root may lock whatever the limit is. */
        ck_assert_int_eq(setrlimit(RLIMIT_MEMLOCK, &none), 0);
        ck_assert_int_eq(setuid(65534), 0);
    }
    ck_assert_int_eq(setrlimit(RLIMIT_MEMLOCK, &none), 0);
    struct secret *a = secret_new(16);
    struct secret *b = secret_new(50000);
    ck_assert_int_eq(secret_set(a, "1234", 4), 0);
    ck_assert_uint_eq(secret_unlocked_count(), 2);
    secret_free(&b);
    ck_assert_uint_eq(secret_unlocked_count(), 1);
    secret_free(&a);
    ck_assert_uint_eq(secret_unlocked_count(), 0);
}
END_TEST

START_TEST(set_append_limit)
{
    autofree_secret struct secret *s = secret_new(8);
    ck_assert_int_eq(secret_set(s, "12345", 5), 0);
    ck_assert_int_eq(secret_append(s, "678", 3), 0);
    ck_assert_int_eq(secret_append(s, "9", 1), E_LIMIT);
    ck_assert_int_eq(secret_set(s, "123456789", 9), E_LIMIT);
    ck_assert_mem_eq(secret_data_view(s), "12345678", 8);
    ck_assert_uint_eq(secret_max(s), 8);
    ck_assert_int_eq(secret_set(s, "ab", 2), 0);
    ck_assert_mem_eq(secret_data_view(s), "ab\0\0\0\0\0\0", 8);
    memcpy(secret_mutable(s), "wxyz", 4);
    secret_set_len(s, 3);
    ck_assert_uint_eq(secret_len(s), 3);
    ck_assert_mem_eq(secret_data_view(s), "wxy\0", 4);
    secret_wipe(s);
    ck_assert_uint_eq(secret_len(s), 0);
    ck_assert_mem_eq(secret_data_view(s), "\0\0\0", 3);
    ck_assert_ptr_null(secret_new(SIZE_MAX));
}
END_TEST

/* A small block is reused; what it held is gone. */
START_TEST(freed_is_wiped)
{
    struct secret *s = secret_new(32);
    ck_assert_int_eq(secret_set(s, "correct horse", 13), 0);
    const uint8_t *at = secret_data_view(s);
    secret_free(&s);
    ck_assert_ptr_null(s);
    for (size_t i = 0; i < 13; i++)
        ck_assert_uint_eq(at[i], 0);
    secret_free(&s);
    secret_free(NULL);
}
END_TEST

START_TEST(compare)
{
    autofree_secret struct secret *a = secret_new(8);
    autofree_secret struct secret *b = secret_new(80);
    ck_assert(secret_equal(a, b));
    ck_assert_int_eq(secret_set(a, "1234", 4), 0);
    ck_assert_int_eq(secret_set(b, "1235", 4), 0);
    ck_assert(!secret_equal(a, b));
    ck_assert_int_eq(secret_set(b, "1234", 4), 0);
    ck_assert(secret_equal(a, b));
    ck_assert_int_eq(secret_set(b, "12345", 5), 0);
    ck_assert(!secret_equal(a, b));
}
END_TEST

static int
read_line_from(struct secret *s, const char *text, char *ret_rest)
{
    int fds[2];
    ck_assert_int_eq(pipe(fds), 0);
    ck_assert_int_eq(write(fds[1], text, strlen(text)), (ssize_t)strlen(text));
    close(fds[1]);
    int rc = secret_read_line(s, fds[0]);
    ssize_t n = read(fds[0], ret_rest, 63);
    ret_rest[n > 0 ? n : 0] = '\0';
    close(fds[0]);
    return rc;
}

START_TEST(read_line)
{
    static const struct {
        const char *text, *line, *rest;
        int rc;
    } cases[] = {
        {"1234\nmore", "1234", "more", 0}, {"1234\r\nmore", "1234", "more", 0},
        {"1234", "1234", "", 0},           {"", "", "", 0},
        {"\n", "", "", 0},                 {"12345678\n", "12345678", "", 0},
        {"123456789\n", "", "\n", E_LIMIT},
    };
    autofree_secret struct secret *s = secret_new(8);
    char rest[64];
    ck_assert_int_eq(secret_set(s, "old", 3), 0);
    ck_assert_int_eq(read_line_from(s, cases[_i].text, rest), cases[_i].rc);
    ck_assert_uint_eq(secret_len(s), strlen(cases[_i].line));
    ck_assert_mem_eq(secret_data_view(s), cases[_i].line, strlen(cases[_i].line));
    ck_assert_str_eq(rest, cases[_i].rest);
}
END_TEST

START_TEST(read_line_fails)
{
    autofree_secret struct secret *s = secret_new(8);
    ck_assert_int_eq(secret_read_line(s, -1), E_SYSTEM);
}
END_TEST

START_TEST(hooks_grow_and_keep)
{
    char *p = secret_malloc(10);
    strcpy(p, "012345678");
    p = secret_realloc(p, 5000);
    ck_assert_str_eq(p, "012345678");
    p = secret_realloc(p, 100000);
    ck_assert_str_eq(p, "012345678");
    p[99999] = 'x';
    secret_release(p);
    secret_release(NULL);
    p = secret_realloc(NULL, 1);
    ck_assert_ptr_nonnull(p);
    ck_assert_uint_eq((uintptr_t)p % 16, 0);
    secret_release(p);
}
END_TEST

/* A forked child sees nothing, and may free what it inherited and make its own. */
START_TEST(not_inherited)
{
    struct secret *s = secret_new(16);
    ck_assert_int_eq(secret_set(s, "1234", 4), 0);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        int bad = secret_len(s) != 0 || secret_data_view(s)[0] != 0;
        secret_free(&s);
        s = secret_new(16);
        bad |= s == NULL || secret_set(s, "5678", 4) != 0;
        secret_free(&s);
        _exit(bad);
    }
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    ck_assert_mem_eq(secret_data_view(s), "1234", 4);
    secret_free(&s);
}
END_TEST

static void *
churn(void *arg)
{
    struct secret *kept[16] = {0};
    unsigned char mark = (unsigned char)(uintptr_t)arg;
    for (unsigned i = 0; i < 4000; i++) {
        struct secret **slot = &kept[i % 16];
        if (*slot != NULL && secret_data_view(*slot)[0] != mark)
            return (void *)(uintptr_t)"a secret changed";
        secret_free(slot);
        *slot = secret_new(i % 6000 + 1);
        if (*slot == NULL || secret_set(*slot, &mark, 1) != 0)
            return (void *)(uintptr_t)"no secret";
    }
    for (unsigned i = 0; i < 16; i++)
        secret_free(&kept[i]);
    return NULL;
}

START_TEST(many_threads)
{
    pthread_t threads[4];
    for (uintptr_t i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, churn, (void *)(i + 1)), 0);
    for (size_t i = 0; i < 4; i++) {
        void *complaint;
        ck_assert_int_eq(pthread_join(threads[i], &complaint), 0);
        ck_assert_msg(complaint == NULL, "%s", (const char *)complaint);
    }
    ck_assert_uint_eq(secret_unlocked_count(), 0);
}
END_TEST

START_TEST(hardened)
{
    struct rlimit core;
    secret_harden_process();
    ck_assert_int_eq(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
    ck_assert_int_eq(getrlimit(RLIMIT_CORE, &core), 0);
    ck_assert_uint_eq(core.rlim_cur, 0);
    ck_assert_uint_eq(core.rlim_max, 0);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("secret");
    tcase_add_loop_test(tc, locked_and_not_dumped, 0, 2);
    tcase_add_test(tc, unlocked_is_counted);
    tcase_add_test(tc, set_append_limit);
    tcase_add_test(tc, freed_is_wiped);
    tcase_add_test(tc, compare);
    tcase_add_loop_test(tc, read_line, 0, 7);
    tcase_add_test(tc, read_line_fails);
    tcase_add_test(tc, hooks_grow_and_keep);
    tcase_add_test(tc, not_inherited);
    tcase_add_test(tc, many_threads);
    tcase_add_test(tc, hardened);
    return run_suite("secret", &tc, 1);
}

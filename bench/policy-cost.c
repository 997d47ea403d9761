/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a policy adds to the use of a key: policies_get, policy_decide and policy_unref, as
 * agent/guard.c calls them, with so many rules of which the last decides. Prints nanoseconds.
 *
 *     policy-cost [CHECKS]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/policy.h"

#define NAME "3f2a9c0d11223344556677889900aabbccddeeff00112233445566778899aabb"

static const struct peer peer = {.uid = 1000, .pid = 1, .exe = "/usr/bin/signet",
                                 .unit = "mail.service", .front = "cli"};
static const struct token token = {.label = "hsm"};
static const struct key key = {.name = NAME, .label = "mail", .places = {{&token, "mail", ""}},
                               .place_count = 1};
static char folder[] = "/tmp/policy-cost-XXXXXX", path[64];

static double
now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* What is before the deciding rule: PATTERN, eight digits if numbered, BEHIND. */
struct filler {
    const char *pattern, *behind;
    bool numbered;
};

static struct policies *
load(const struct filler *filler, unsigned rules, const char *last)
{
    struct policies *all = policies_new();
    struct home home = {.config = path};
    struct conf *conf = NULL;
    struct err err = {0};
    FILE *f = fopen(path, "w");

    for (unsigned i = 1; f && i < rules; i++) {
        fprintf(f, "[key %s", filler->pattern);
        if (filler->numbered)
            fprintf(f, "%08u", i);
        fprintf(f, "%s]\nusers = 2\n", filler->behind);
    }
    if (!f || fputs(last, f) == EOF || fclose(f) != 0 || chmod(path, 0600) != 0)
        exit(1);
    if (!all || conf_load(&conf, &home, &err) != 0 ||
        policies_load(all, &home, conf, &err) != 0) {
        fprintf(stderr, "%s\n", err_text(&err));
        exit(1);
    }
    conf_free(&conf);
    return all;
}

static void
measure(const char *what, const struct filler *filler, unsigned rules, const char *last, int fd,
        unsigned long checks)
{
    struct policies *all = load(filler, rules, last);
    const struct policy_request q = {.peer = &peer, .fd = fd, .key = &key, .operation = "sign",
                                     .scheme = "ecdsa-sha256"};
    double began = now();

    for (unsigned long i = 0; i < checks; i++) {
        struct policy *p = policies_get(all);
        const struct rule *r;
        int rc = policy_decide(p, &q, &r, NULL);
        policy_unref(&p);
        if (rc != 0)
            exit(1);
    }
    printf("%-44s %5u rules %8.0f ns\n", what, rules, (now() - began) / (double)checks);
    policies_free(&all);
}

int
main(int argc, char **argv)
{
    static const struct filler name = {"", "", true}, all = {"*", "", false},
                               glob = {"a?c", "*", true};
    static const unsigned counts[] = {1, 10, 100, 1000};
    static const char user[] = "[key *]\nusers = 1000\noperations = sign\nschemes = ecdsa-*\n"
                               "executables = /usr/bin/signet\nunits = *.service\n";
    unsigned long checks = argc > 1 ? strtoul(argv[1], NULL, 10) : 200000;
    int pair[2];

    if (!mkdtemp(folder) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
        return 1;
    snprintf(path, sizeof path, "%s/signet.conf", folder);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        measure("by name of the key, others' before", &name, counts[i], user,
                pair[0], checks);
    measure("by users of all keys, others' before", &all, 100, user, pair[0], checks);
    measure("by globs of labels", &glob, 100, user, pair[0], checks);
    measure("with a group (asks the kernel)", &all, 1, "[key *]\ngroups = 0\n", pair[0], checks);
    unlink(path);
    rmdir(folder);
    return 0;
}

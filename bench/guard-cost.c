/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What policy, limits, audit log and metrics cost for each use of a key: what agent/guard.c and
 * agent/operate.c call, without the token. Prints one line of JSON, processor time in
 * nanoseconds, of a use with all and with each alone.
 *
 *     guard-cost [--threads N] [--uses N] FOLDER      the log lies in FOLDER
 */
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/limit.h"
#include "agent/metrics.h"
#include "agent/policy.h"

#define NAME "3f2a9c0d11223344556677889900aabbccddeeff00112233445566778899aabb"
#define DIGEST "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define THREADS_MAX 64

enum part { POLICY = 1, AUDIT = 2, METRICS = 4, ALL = 7 };

static const struct peer peer = {.uid = 1000, .pid = 4711, .exe = "/usr/bin/signet",
                                 .unit = "mail.service", .front = "cli"};
static const struct token token = {.label = "hsm"};
static const struct key key = {.name = NAME, .label = "mail", .places = {{&token, "mail", ""}},
                               .place_count = 1};
static struct policies *policies;
static struct limits *limits;
static struct audit *audit;
static struct metrics *metrics;
static unsigned long uses = 50000;
static unsigned threads = 4;

static void
fail(const char *what, const struct err *err)
{
    fprintf(stderr, "guard-cost: %s: %s\n", what, err_text(err));
    exit(1);
}

static void
use_policy(void)
{
    const struct policy_request q = {.peer = &peer, .fd = -1, .key = &key, .operation = "sign",
                                     .scheme = "ecdsa-sha256"};
    struct policy *p = policies_get(policies);
    struct err err = {0};
    const struct rule *r;

    if (policy_decide(p, &q, &r, &err) != 0 ||
        limits_permit(limits, &r->limits, key.name, peer.uid, true, NULL, &err) != 0)
        fail("policy", &err);
    policy_unref(&p);
}

static void
use_audit(void)
{
    const struct audit_entry e = {.event = "key", .peer = &peer, .key = NAME, .token = "hsm",
                                  .operation = "sign", .scheme = "ecdsa-sha256",
                                  .digest = DIGEST, .latency_us = 50};
    struct err err = {0};

    if (audit_write(audit, &e, &err) != 0)
        fail("audit log", &err);
}

static void *
work(void *arg)
{
    enum part part = *(enum part *)arg;

    for (unsigned long i = 0; i < uses / threads; i++) {
        if (part & POLICY)
            use_policy();
        if (part & METRICS)
            metrics_operation(metrics, NAME, "hsm", "sign", 0, 50);
        if (part & AUDIT)
            use_audit();
    }
    return NULL;
}

static double
measure(enum part part)
{
    pthread_t running[THREADS_MAX];
    struct timespec from, to;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    for (unsigned i = 0; i < threads; i++)
        if (pthread_create(&running[i], NULL, work, &part) != 0)
            exit(1);
    for (unsigned i = 0; i < threads; i++)
        pthread_join(running[i], NULL);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    return ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) /
           (double)(uses / threads * threads);
}

/* Ten rules about others, and one that holds, with a rate. */
static void
set_up(const char *folder)
{
    char config[4200], path[4200];
    struct home home = {.config = config};
    struct conf *conf = NULL;
    struct err err = {0};
    FILE *f;

    snprintf(config, sizeof config, "%s/signet.conf", folder);
    f = fopen(config, "w");
    for (unsigned i = 0; f && i < 10; i++)
        fprintf(f, "[key %08u]\nusers = 2\n", i + 1);
    if (!f || fputs("[key mail]\nusers = 1000\noperations = sign\nschemes = ecdsa-*\n"
                    "executables = /usr/bin/signet\nrate = 1000000000/hour\n", f) == EOF ||
        fclose(f) != 0 || chmod(config, 0600) != 0)
        exit(1);
    policies = policies_new();
    if (!policies || conf_load(&conf, &home, &err) != 0 ||
        policies_load(policies, &home, conf, &err) != 0)
        fail("configuration", &err);
    conf_free(&conf);
    snprintf(path, sizeof path, "%s/counts", folder);
    limits = limits_new(path);
    metrics = metrics_new();
    snprintf(path, sizeof path, "%s/audit.log", folder);
    if (!limits || !metrics || audit_open(&audit, path, &(struct audit_settings){0}, &err) != 0)
        fail("set-up", &err);
}

int
main(int argc, char **argv)
{
    static const struct option list[] = {{"threads", required_argument, NULL, 't'},
                                         {"uses", required_argument, NULL, 'u'},
                                         {0}};
    int c;

    while ((c = getopt_long(argc, argv, "", list, NULL)) != -1) {
        if (c == 't')
            threads = (unsigned)strtoul(optarg, NULL, 10);
        else if (c == 'u')
            uses = strtoul(optarg, NULL, 10);
        else
            return 2;
    }
    if (optind + 1 != argc || threads == 0 || threads > THREADS_MAX || uses < threads)
        return 2;
    set_up(argv[optind]);
    measure(ALL); /* warm */
    printf("{\"all_ns\": %.0f, \"policy_ns\": %.0f, \"audit_ns\": %.0f, \"metrics_ns\": %.0f}\n",
           measure(ALL), measure(POLICY), measure(AUDIT), measure(METRICS));
    return 0;
}

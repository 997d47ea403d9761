/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A file of policy.d, loaded and asked about requests: a faulty one leaves the policy that was
 * there, and what is decided names its rule.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/policy.h"
#include "fuzz/kit.h"

static char folder[] = "/tmp/fuzz-policy-XXXXXX", dir[64], path[96], conf_path[96];

static void
clean_up(void)
{
    unlink(path);
    unlink(conf_path);
    rmdir(dir);
    rmdir(folder);
}

static void
put(const char *where, const uint8_t *data, size_t len)
{
    FILE *f = fopen(where, "w");

    fuzz_assert(f && fwrite(data, 1, len, f) == len && fclose(f) == 0);
}

static void
prepare(void)
{
    if (dir[0])
        return;
    umask(077);
    fuzz_assert(mkdtemp(folder) != NULL);
    snprintf(dir, sizeof dir, "%s/policy.d", folder);
    snprintf(path, sizeof path, "%s/10.conf", dir);
    snprintf(conf_path, sizeof conf_path, "%s/signet.conf", folder);
    fuzz_assert(mkdir(dir, 0700) == 0);
    put(conf_path, (const uint8_t *)"", 0);
    atexit(clean_up);
}

static void
decide(struct policies *ps)
{
    static const struct token token = {.label = "demo", .error = ""};
    static const struct key key = {
        .name = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        .label = "key a", .places = {{.token = &token, .label = "key a", .id = "0a"}},
        .place_count = 1, .json = "{}"};
    static const struct peer peer = {.uid = 1000, .exe = "/usr/bin/signet", .unit = "a.service",
                                     .front = "cli"};
    static const char *const operations[] = {"sign", "decrypt", "derive"};
    struct policy *p = policies_get(ps);

    for (size_t i = 0; i < 3; i++) {
        const struct policy_request r = {.peer = &peer, .fd = -1, .key = &key,
                                         .operation = operations[i],
                                         .scheme = i < 2 ? "rsa-pss-sha256" : NULL};
        const struct rule *rule = NULL;
        struct err err = {0};
        int rc = policy_decide(p, &r, &rule, &err);
        fuzz_assert(rc == 0 || (rc == E_DENIED && err.text[0] != '\0'));
        fuzz_assert(rc != 0 || rule == NULL || !rule->deny);
    }
    fuzz_assert(policy_rule_count(p) <= POLICY_RULES_MAX);
    policy_unref(&p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct policies *ps = policies_new();
    struct conf *conf = NULL;
    struct err err = {0};
    struct home home = {.root = folder, .config = conf_path};

    prepare();
    put(path, data, len);
    fuzz_assert(ps && conf_load_file(&conf, conf_path, &err) == 0);
    if (policies_load(ps, &home, conf, &err) == 0)
        decide(ps);
    else
        fuzz_assert(err.text[0] != '\0' && policies_get(ps) == NULL);
    conf_free(&conf);
    policies_free(&ps);
    return 0;
}

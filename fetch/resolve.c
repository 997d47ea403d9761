/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fetch/resolve.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <unbound.h>

#include "fetch/smimea.h"

#define SHOWN "%.200s"
#define RCODE_OK 0
#define RCODE_NO_NAME 3

struct resolver {
    struct ub_ctx *ctx;
    const struct wire_settings *settings;
    job_done done;
    void *arg;
    struct job *jobs;
};

int
resolver_new(struct resolver **ret, const struct wire_settings *settings, job_done done,
             void *arg, struct err *err)
{
    struct resolver *r = calloc(1, sizeof *r);
    if (r == NULL)
        return err_set(err, E_NOMEM, "out of memory");
    r->settings = settings;
    r->done = done;
    r->arg = arg;
    *ret = r;
    return 0;
}

/* What libunbound is told before its first question. */
static const struct {
    const char *option;
    const char *value;
} habits[] = {
    {"do-not-query-localhost:", "no"},   /* the resolver may be this machine's */
    {"outgoing-range:", "64"},
    {"num-queries-per-thread:", "64"},
    {"msg-cache-size:", "1m"},
    {"rrset-cache-size:", "2m"},
    {"key-cache-size:", "1m"},
    {"neg-cache-size:", "256k"},
    {"use-syslog:", "no"},
    {"edns-buffer-size:", "1232"},       /* larger ones by TCP: no fragments */
};

static int
set_resolver(struct ub_ctx *ctx, const char *address, struct err *err)
{
    int rc = address[0] != '\0' ? ub_ctx_set_fwd(ctx, address)
                                : ub_ctx_resolvconf(ctx, NULL);
    if (rc == 0)
        return 0;
    if (address[0] != '\0')
        return err_set(err, E_CONFIG, "resolver %.100s: not ADDRESS or ADDRESS@PORT", address);
    return err_set(err, E_SYSTEM, "/etc/resolv.conf names no resolver that can be used (%s); "
                   "set resolver in [fetch]", ub_strerror(rc));
}

static int
set_anchor(struct ub_ctx *ctx, const char *file, struct err *err)
{
    const char *path = file[0] != '\0' ? file : RESOLVE_ROOT_KEY;
    /* Without the system's, everything is simply not authenticated. */
    if (access(path, R_OK) == 0 && ub_ctx_add_ta_file(ctx, path) == 0)
        return 0;
    if (file[0] == '\0' && access(path, F_OK) != 0)
        return 0;
    return err_set(err, E_CONFIG, "DNSSEC trust anchor %.200s: cannot be read; it has DS or "
                   "DNSKEY records, one a line", path);
}

static int
start(struct resolver *r, struct err *err)
{
    struct ub_ctx *ctx = ub_ctx_create();
    int rc = ctx != NULL ? 0 : E_NOMEM;
    if (ctx == NULL)
        return err_set(err, E_NOMEM, "libunbound cannot be used: out of memory");
    ub_ctx_debuglevel(ctx, 0);
    for (size_t i = 0; rc == 0 && i < sizeof habits / sizeof *habits; i++)
        if (ub_ctx_set_option(ctx, habits[i].option, habits[i].value) != 0)
            rc = err_set(err, E_SYSTEM, "libunbound does not know %s", habits[i].option);
    if (rc == 0)
        rc = set_resolver(ctx, r->settings->resolver, err);
    if (rc == 0)
        rc = set_anchor(ctx, r->settings->trust_anchor, err);
    if (rc == 0 && ub_ctx_async(ctx, 1) != 0)
        rc = err_set(err, E_SYSTEM, "libunbound cannot work in a thread");
    if (rc != 0) {
        ub_ctx_delete(ctx);
        return rc;
    }
    r->ctx = ctx;
    return 0;
}

static void
take_out(struct resolver *r, const struct job *j)
{
    for (struct job **p = &r->jobs; *p != NULL; p = &(*p)->next) {
        if (*p == j) {
            *p = j->next;
            return;
        }
    }
}

static int
keep_records(struct job *j, const struct ub_result *result)
{
    for (size_t i = 0; result->data[i] != NULL; i++) {
        size_t len = result->len[i] > 0 ? (size_t)result->len[i] : 0;
        /* RFC 6698 2.1: what is shorter says nothing. */
        if (len < SMIMEA_HEAD)
            continue;
        int rc = answer_value(&j->answer);
        if (rc == 0)
            rc = answer_put(&j->answer, result->data[i], len);
        if (rc != 0)
            return err_set(&j->err, rc, SHOWN ": the DNS has more certificates of it than are "
                           "taken", j->where);
    }
    return 0;
}

static int
judge(struct job *j, int error, const struct ub_result *result)
{
    if (error != 0 || result == NULL)
        return err_set(&j->err, E_SYSTEM, SHOWN ": the DNS cannot be asked: %s", j->where,
                       ub_strerror(error));
    if (result->bogus)
        return err_set(&j->err, E_DENIED, SHOWN ": what the DNS says of it is false (DNSSEC): "
                       "%.300s", j->where,
                       result->why_bogus != NULL ? result->why_bogus : "bogus");
    if (result->rcode != RCODE_OK && result->rcode != RCODE_NO_NAME)
        return err_set(&j->err, E_SYSTEM, SHOWN ": the DNS failed (code %d); see whether the "
                       "resolver works", j->where, result->rcode);
    j->authenticated = result->secure;
    if (result->havedata && keep_records(j, result) != 0)
        return j->err.code;
    if (j->answer.count == 0)
        return err_set(&j->err, E_INPUT, SHOWN ": the DNS has no certificate of it", j->where);
    return 0;
}

/* Called within ub_process, which may not be called anew from here. */
static void
on_result(void *arg, int error, struct ub_result *result)
{
    struct job *j = arg;
    j->asked = false;
    if (judge(j, error, result) == 0)
        err_clear(&j->err);
    ub_resolve_free(result);
}

int
resolver_add(struct resolver *r, struct job *j)
{
    char name[SMIMEA_NAME_MAX];
    int rc = smimea_name(j->where, name, &j->err);
    if (rc == 0 && r->ctx == NULL)
        rc = start(r, &j->err);
    if (rc != 0)
        return rc;
    j->asked = true;
    rc = ub_resolve_async(r->ctx, name, SMIMEA_TYPE, SMIMEA_CLASS_IN, j, on_result, &j->query);
    if (rc != 0)
        return err_set(&j->err, E_SYSTEM, SHOWN ": the DNS cannot be asked: %s", j->where,
                       ub_strerror(rc));
    j->next = r->jobs;
    r->jobs = j;
    return 0;
}

int
resolver_fd(const struct resolver *r)
{
    return r->ctx != NULL ? ub_fd(r->ctx) : -1;
}

/* Those that have an outcome, or no time left. */
static struct job *
next_ended(struct resolver *r)
{
    for (struct job *j = r->jobs; j != NULL; j = j->next)
        if (!j->asked || job_left(j) == 0)
            return j;
    return NULL;
}

void
resolver_work(struct resolver *r)
{
    struct job *j;
    if (r->ctx == NULL)
        return;
    ub_process(r->ctx);
    while ((j = next_ended(r)) != NULL) {
        take_out(r, j);
        if (j->asked) {
            ub_cancel(r->ctx, j->query);
            err_set(&j->err, E_TIMEOUT, SHOWN ": the DNS did not answer in time", j->where);
        }
        r->done(r->arg, j);
    }
}

int
resolver_timeout(const struct resolver *r)
{
    int least = -1;
    for (const struct job *j = r->jobs; j != NULL; j = j->next) {
        int left = (int)job_left(j);
        if (least < 0 || left < least)
            least = left;
    }
    return least;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/audit_sign.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/process.h"
#include "agent/thread.h"
#include "base/log.h"

/* In seconds: how often without sign-every, how soon what failed is tried again at the latest,
 * and the longest sleep. */
#define EVERY_DEFAULT 86400u
#define AGAIN 600u
#define SLEEP_MAX 86400u

struct audit_sign {
    struct agent *agent;
    char *key, *folder, *log;
    unsigned every;
    uint64_t signed_to;    /* the log's last line when it was signed */
    bool failed;           /* the last time */
    pthread_t thread;
    pthread_mutex_t lock;  /* guards both below */
    pthread_cond_t wake;
    bool stopping;
    pid_t child;           /* 0: none */
};

/* Seconds until the first one is due: what was signed last is the folder's newest change. */
static unsigned
first_due(const struct audit_sign *s)
{
    struct stat st;
    time_t age;

    if (stat(s->folder, &st) != 0)
        return 0;
    age = time(NULL) - st.st_mtime;
    if (age < 0)
        age = 0;
    return age >= (time_t)s->every ? 0 : s->every - (unsigned)age;
}

/* Ended by its own, or by audit_sign_stop. */
static int
await(struct audit_sign *s)
{
    siginfo_t info;
    int status = -1;

    while (waitid(P_PID, (id_t)s->child, &info, WEXITED | WNOWAIT) != 0 && errno == EINTR)
        ;
    pthread_mutex_lock(&s->lock);
    if (waitpid(s->child, &status, WNOHANG) != s->child)
        status = -1;
    s->child = 0;
    pthread_mutex_unlock(&s->lock);
    return status;
}

static bool
run(struct audit_sign *s, char *program, char *out)
{
    char batch[] = "--batch", quiet[] = "--quiet", agent[] = "--agent", home[] = "--home",
         audit[] = "audit", sign[] = "sign", key[] = "-u", to[] = "-o";
    char *argv[16];
    unsigned n = 0;
    int rc = ECANCELED;

    argv[n++] = program;
    argv[n++] = batch;
    argv[n++] = quiet;
    argv[n++] = agent;
    argv[n++] = s->agent->home->socket;
    if (s->agent->home->root) {
        argv[n++] = home;
        argv[n++] = s->agent->home->root;
    }
    argv[n++] = audit;
    argv[n++] = sign;
    argv[n++] = key;
    argv[n++] = s->key;
    argv[n++] = to;
    argv[n++] = out;
    argv[n++] = s->log;
    argv[n] = NULL;
    const struct process p = {.program = program, .argv = argv, .first = STDERR_FILENO + 1,
                              .own_group = true};
    pthread_mutex_lock(&s->lock);
    if (!s->stopping)
        rc = process_start(&p, &s->child);
    pthread_mutex_unlock(&s->lock);
    return rc == 0 && await(s) == 0;
}

static bool
sign_head(struct audit_sign *s)
{
    char program[PATH_MAX], out[PATH_MAX], name[32];
    struct tm tm;
    time_t now = time(NULL);

    if (mkdir(s->folder, 0700) != 0 && errno != EEXIST)
        return false;
    gmtime_r(&now, &tm);
    strftime(name, sizeof name, "%Y%m%dT%H%M%SZ.p7m", &tm);
    return snprintf(out, sizeof out, "%s/%s", s->folder, name) < (int)sizeof out &&
           home_program("signet", program, sizeof program) == 0 && run(s, program, out);
}

/* Seconds until the next one. A failure is told once, until one succeeds. */
static unsigned
step(struct audit_sign *s)
{
    const struct peer self = {.uid = getuid(), .pid = getpid(), .front = "agent"};
    struct audit_entry e = {.event = "head", .peer = &self, .operation = "sign", .note = s->key};
    unsigned long began = audit_clock();
    struct err err = {0};
    bool good;

    if (audit_last(s->agent->audit) == s->signed_to)
        return s->every;
    good = sign_head(s);
    e.result = good ? 0 : E_SYSTEM;
    e.latency_us = audit_clock() - began;
    if ((good || !s->failed) && audit_write(s->agent->audit, &e, &err) != 0)
        log_warn("%s", err.text);
    if (!good && !s->failed)
        log_warn("the audit log is not signed by %s, in spite of sign-key: see above; it is tried "
                 "again", s->key);
    s->failed = !good;
    if (good)
        s->signed_to = audit_last(s->agent->audit);
    return good || s->every < AGAIN ? s->every : AGAIN;
}

static void *
work(void *arg)
{
    struct audit_sign *s = arg;
    unsigned long due = audit_clock() / 1000000 + first_due(s), now;

    pthread_mutex_lock(&s->lock);
    while (!s->stopping) {
        now = audit_clock() / 1000000;
        if (now < due) {
            unsigned long left = due - now < SLEEP_MAX ? due - now : SLEEP_MAX;
            struct timespec until;
            thread_deadline(&until, (unsigned)left * 1000);
            pthread_cond_timedwait(&s->wake, &s->lock, &until);
            continue;
        }
        pthread_mutex_unlock(&s->lock);
        due = now + step(s);
        pthread_mutex_lock(&s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static void
destroy(struct audit_sign *s)
{
    pthread_cond_destroy(&s->wake);
    pthread_mutex_destroy(&s->lock);
    free(s->key);
    free(s->folder);
    free(s->log);
    free(s);
}

static struct audit_sign *
make(struct agent *a, const char *key)
{
    struct audit_sign *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    pthread_mutex_init(&s->lock, NULL);
    thread_cond_init(&s->wake);
    s->agent = a;
    s->every = conf_get_duration(settings_conf(a->settings), "audit", NULL, "sign-every",
                                 EVERY_DEFAULT);
    s->key = strdup(key);
    if (asprintf(&s->folder, "%s/audit-heads", a->home->state) < 0)
        s->folder = NULL;
    if (asprintf(&s->log, "%s/audit.log", a->home->state) < 0)
        s->log = NULL;
    if (s->key && s->folder && s->log)
        return s;
    destroy(s);
    return NULL;
}

int
audit_sign_start(struct audit_sign **ret, struct agent *a, struct err *err)
{
    const char *key = conf_get(settings_conf(a->settings), "audit", NULL, "sign-key");
    struct audit_sign *s;
    int rc;

    *ret = NULL;
    if (!key)
        return 0;
    s = make(a, key);
    if (!s)
        return err_set(err, E_NOMEM, "out of memory while starting");
    rc = thread_start(&s->thread, work, s);
    if (rc != 0) {
        destroy(s);
        return err_set_sys(err, E_SYSTEM, rc, "no thread to sign the audit log in");
    }
    *ret = s;
    return 0;
}

void
audit_sign_stop(struct audit_sign **ps)
{
    struct audit_sign *s = *ps;

    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    if (s->child > 0)
        kill(s->child, SIGTERM);
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    destroy(s);
    *ps = NULL;
}

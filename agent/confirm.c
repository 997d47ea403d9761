/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/confirm.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "agent/ask.h"
#include "agent/metrics.h"
#include "agent/operate.h"
#include "base/sha256.h"

struct confirm {
    pthread_mutex_t lock;
    uint8_t sessions[CONFIRM_SESSIONS_MAX][SHA256_SIZE];
    unsigned count, next;
    unsigned long epoch;     /* how often all were forgotten */
};

int
confirm_parse(const char *text, enum confirm_when *ret, struct err *err)
{
    static const char *const words[] = {"no", "each", "session"};

    for (unsigned i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcasecmp(text, words[i]) == 0) {
            *ret = (enum confirm_when)i;
            return 0;
        }
    }
    return err_set(err, E_CONFIG, "confirm takes \"each\", \"session\" or \"no\", not \"%.40s\"", text);
}

struct confirm *
confirm_new(void)
{
    struct confirm *f = calloc(1, sizeof *f);

    if (f)
        pthread_mutex_init(&f->lock, NULL);
    return f;
}

void
confirm_free(struct confirm **f)
{
    if (!f || !*f)
        return;
    pthread_mutex_destroy(&(*f)->lock);
    free(*f);
    *f = NULL;
}

void
confirm_forget(struct confirm *f)
{
    if (!f)
        return;
    pthread_mutex_lock(&f->lock);
    f->count = f->next = 0;
    f->epoch++;
    pthread_mutex_unlock(&f->lock);
}

/* When the leader began (proc(5), stat, field 22), so that nobody inherits its number; 0: gone. */
static unsigned long long
began(pid_t leader)
{
    char path[32], text[1024], *at;
    unsigned long long when = 0;
    int fd;
    ssize_t n;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)leader);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    /* Behind the program's name, which may hold anything; fields 3 to 21 are passed over. */
    at = strrchr(text, ')');
    for (int field = 2; at && field < 22; field++)
        at = strchr(at + 1, ' ');
    if (at)
        when = strtoull(at + 1, NULL, 10);
    return when;
}

/* false: the client is in no session that can be known. */
static bool
name_session(const struct connection *c, const struct key *key, const struct operation *op,
             const char *rule, uint8_t id[SHA256_SIZE])
{
    pid_t leader = getsid(c->peer.pid);
    unsigned long long when = leader > 0 ? began(leader) : 0;
    char text[512];
    int n;

    if (when == 0)
        return false;
    n = snprintf(text, sizeof text, "%u %d %llu %.64s %.32s %.200s", (unsigned)c->peer.uid,
                 (int)leader, when, key->name, op->name, rule);
    sha256(text, n > 0 ? (size_t)n : 0, id);
    return true;
}

static bool
is_known(struct confirm *f, const uint8_t id[SHA256_SIZE], unsigned long *ret_epoch)
{
    bool known = false;

    pthread_mutex_lock(&f->lock);
    for (unsigned i = 0; i < f->count && !known; i++)
        known = memcmp(f->sessions[i], id, SHA256_SIZE) == 0;
    *ret_epoch = f->epoch;
    pthread_mutex_unlock(&f->lock);
    return known;
}

/* Not when all was forgotten while the question stood. */
static void
remember(struct confirm *f, const uint8_t id[SHA256_SIZE], unsigned long epoch)
{
    pthread_mutex_lock(&f->lock);
    if (f->epoch == epoch) {
        memcpy(f->sessions[f->next], id, SHA256_SIZE);
        f->next = (f->next + 1) % CONFIRM_SESSIONS_MAX;
        if (f->count < CONFIRM_SESSIONS_MAX)
            f->count++;
    }
    pthread_mutex_unlock(&f->lock);
}

static int
ask(struct connection *c, const struct key *key, const struct operation *op, const char *rule,
    enum confirm_when when, struct err *err)
{
    const struct key *using = c->key;
    const char *doing = c->doing;
    char detail[AUDIT_DIGEST_MAX + 256];
    const struct question q = {.what = when == CONFIRM_SESSION
                                           ? "Allow this for the whole session, on token"
                                           : "Allow this once, on token",
                               .token = key->place_count > 0 ? key->places[0].token->label : "",
                               .detail = detail};
    int rc;

    snprintf(detail, sizeof detail, "rule %.64s%s%.40s%s%.*s", rule, op->scheme ? "\n" : "",
             op->scheme ? op->scheme : "", op->digest ? "\ndigest " : "", AUDIT_DIGEST_MAX,
             op->digest ? op->digest : "");
    c->key = key;
    c->doing = op->name;
    rc = ask_confirm(c, &q, err);
    c->key = using;
    c->doing = doing;
    return rc;
}

static int
audit(struct connection *c, const struct key *key, const struct operation *op, const char *rule,
      int result, unsigned long start, struct err *err)
{
    char note[160];
    const struct audit_entry e = {.event = "confirm", .peer = &c->peer, .key = key->name,
                                  .operation = op->name, .scheme = op->scheme,
                                  .digest = op->digest, .note = note, .result = result,
                                  .latency_us = audit_clock() - start};

    snprintf(note, sizeof note, "rule %.100s", rule);
    return audit_write(c->agent->audit, &e, err);
}

int
confirm_permit(struct connection *c, const struct key *key, const struct operation *op,
               const char *rule, enum confirm_when when, struct err *err)
{
    struct confirm *f = c->agent->confirm;
    unsigned long epoch = 0, start = audit_clock();
    uint8_t id[SHA256_SIZE];
    struct err why = {0};
    bool session;
    int rc, logged;

    if (when == CONFIRM_NEVER)
        return 0;
    session = when == CONFIRM_SESSION && name_session(c, key, op, rule, id);
    if (session && is_known(f, id, &epoch))
        return 0;
    rc = ask(c, key, op, rule, session ? CONFIRM_SESSION : CONFIRM_EACH, &why);
    if (rc != 0)
        metrics_denial(c->agent->metrics, METRICS_DENIED_CONFIRMATION);
    if (rc != 0)
        err_prefix(&why, "rule \"%.100s\"", rule);
    logged = audit(c, key, op, rule, rc, start, rc == 0 ? &why : NULL);
    rc = rc != 0 ? rc : logged;
    if (rc == 0 && session)
        remember(f, id, epoch);
    if (rc != 0 && err)
        *err = why;
    return rc;
}

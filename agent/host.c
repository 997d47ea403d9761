/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/host.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "agent/host_impl.h"
#include "agent/thread.h"

/* Those who ask a host that pauses longer than this get an error at once. */
#define PATIENCE_MS 1000u

/* The agent has no PKCS#11 headers: 2.40, header pkcs11t.h. */
#define RV_SESSION_COUNT 0xb1ul

static char *
copy(const char *s, bool *ok)
{
    char *d = s ? strdup(s) : NULL;

    if (s && !d)
        *ok = false;
    return d;
}

int
host_new(struct host **ret, const struct host_config *conf, struct err *err)
{
    struct host *h = calloc(1, sizeof *h);
    bool ok = true;

    if (!h)
        return err_set(err, E_NOMEM, "out of memory while adding module \"%s\"", conf->name);
    pthread_mutex_init(&h->lock, NULL);
    thread_cond_init(&h->changed);
    h->events = -1;
    h->conf.name = copy(conf->name, &ok);
    h->conf.path = copy(conf->path, &ok);
    h->conf.init_args = copy(conf->init_args, &ok);
    h->conf.softhsm_conf = copy(conf->softhsm_conf, &ok);
    h->conf.no_sandbox = conf->no_sandbox;
    h->no_wait = !conf->wait;
    h->conf.changed = conf->changed;
    h->conf.arg = conf->arg;
    h->card_lanes = conf->lanes ? 0 : 1;
    h->conf.lanes = conf->lanes ? conf->lanes : HOST_LANES_DEFAULT;
    if (h->conf.lanes > HOST_LANES_MAX)
        h->conf.lanes = HOST_LANES_MAX;
    if (!ok) {
        host_free(&h);
        return err_set(err, E_NOMEM, "out of memory while adding module \"%s\"", conf->name);
    }
    *ret = h;
    return 0;
}

int
host_start(struct host *h, struct err *err)
{
    int rc = thread_start(&h->thread, host_life, h);

    if (rc != 0)
        return err_set_sys(err, E_SYSTEM, rc, "no thread for the token host of module \"%s\"",
                           h->conf.name);
    h->started = true;
    return 0;
}

void
host_stop(struct host *h)
{
    if (!h->started)
        return;
    pthread_mutex_lock(&h->lock);
    h->stopping = true;
    if (h->pid > 0)
        kill(h->pid, SIGKILL);
    queue_refuse_all(&h->queue);
    pthread_cond_broadcast(&h->changed);
    pthread_mutex_unlock(&h->lock);
    pthread_join(h->thread, NULL);
    h->started = false;
}

void
host_free(struct host **ph)
{
    struct host *h = ph ? *ph : NULL;

    if (!h)
        return;
    host_stop(h);
    pthread_cond_destroy(&h->changed);
    pthread_mutex_destroy(&h->lock);
    free((char *)(uintptr_t)h->conf.name);
    free((char *)(uintptr_t)h->conf.path);
    free((char *)(uintptr_t)h->conf.init_args);
    free((char *)(uintptr_t)h->conf.softhsm_conf);
    free(h);
    *ph = NULL;
}

const char *
host_name(const struct host *h)
{
    return h->conf.name;
}

const char *
host_path(const struct host *h)
{
    return h->conf.path;
}

const char *
host_softhsm_conf(const struct host *h)
{
    return h->conf.softhsm_conf;
}

static struct lane *
await_lane(struct host *h, const struct lane_command *cmd)
{
    struct waiter w = {.slot = cmd->slot, .owner = cmd->owner};

    thread_cond_init(&w.cond);
    queue_join(&h->queue, &w);
    while (!w.done)
        pthread_cond_wait(&w.cond, &h->lock);
    pthread_cond_destroy(&w.cond);
    return w.lane;
}

static bool
hopeless(const struct host *h)
{
    return h->stopping || h->state == HOST_STOPPED ||
           (h->state == HOST_PAUSED && host_pause(h->failures) > PATIENCE_MS);
}

static int
acquire(struct host *h, const struct lane_command *cmd, struct lane **ret,
        unsigned *ret_generation, struct err *err)
{
    struct lane *lane = NULL;

    pthread_mutex_lock(&h->lock);
    if (h->state == HOST_RUNNING && !h->stopping)
        lane = queue_take(&h->queue, cmd->slot, cmd->owner);
    if (!lane && !hopeless(h))
        lane = await_lane(h, cmd);
    *ret_generation = h->generation;
    if (!lane && err)
        *err = h->why;
    pthread_mutex_unlock(&h->lock);
    if (lane) {
        *ret = lane;
        return 0;
    }
    if (err && err->code != 0)
        return err->code;
    return err_set(err, E_HOST, "module \"%s\": its token host does not run, the agent is "
                   "stopping", h->conf.name);
}

/* What the answer says of the token's sessions. True when the command can be run on
 * another lane at once. Lock held. */
static bool
learn(struct host *h, const struct lane *lane, const struct lane_command *cmd, int rc,
      unsigned long rv)
{
    if (!cmd->slot || lane_dead(lane))
        return false;
    if (rv == RV_SESSION_COUNT)
        return queue_note_full(&h->queue, lane, *cmd->slot);
    if (rc == 0)
        queue_note_warm(&h->queue, lane, *cmd->slot);
    return false;
}

static bool
release(struct host *h, struct lane *lane, unsigned generation, const struct lane_command *cmd,
        int rc, unsigned long rv)
{
    bool elsewhere;

    pthread_mutex_lock(&h->lock);
    elsewhere = learn(h, lane, cmd, rc, rv);
    if (lane_dead(lane))
        host_kill(h, generation);
    else
        h->served = true;
    bool kept = h->state == HOST_RUNNING;
    queue_release(&h->queue, lane, cmd->slot, kept);
    if (kept)
        queue_hand_out(&h->queue);
    else if (h->queue.busy == 0)
        pthread_cond_broadcast(&h->changed);
    pthread_mutex_unlock(&h->lock);
    if (!kept)
        lane_free(&lane);
    return elsewhere;
}

int
host_call(struct host *h, const struct lane_command *cmd, unsigned *again,
          unsigned *ret_generation, struct err *err)
{
    size_t out = cmd->out ? buf_len(cmd->out) : 0;
    size_t sec = cmd->secret ? secret_len(cmd->secret) : 0;
    unsigned generation;
    struct err own;

    if (!err)
        err = &own;
    for (;;) {
        struct lane *lane = NULL;
        int rc = acquire(h, cmd, &lane, &generation, err);
        if (rc != 0)
            return rc;
        err->rv = 0;
        rc = lane_run(lane, cmd, err);
        bool dead = lane_dead(lane);
        bool elsewhere = release(h, lane, generation, cmd, rc, rc != 0 ? err->rv : 0);
        if (ret_generation)
            *ret_generation = generation;
        if (!dead && !elsewhere)
            return rc;
        if (cmd->out)
            buf_trim(cmd->out, buf_len(cmd->out) - out);
        if (cmd->secret)
            secret_set_len(cmd->secret, sec);
        if (elsewhere)
            continue;
        if (!again || *again == 0)
            break;
        --*again;
    }
    char text[256];
    snprintf(text, sizeof text, "%.200s", err->text);
    return err_set(err, E_HOST, "module \"%s\": %s%s; run the command again, and see the "
                   "agent's log if that does not help", h->conf.name, text,
                   again ? ", for the second time over this request" : "");
}

unsigned
host_generation(struct host *h)
{
    pthread_mutex_lock(&h->lock);
    unsigned generation = h->state == HOST_RUNNING ? h->generation : 0;
    pthread_mutex_unlock(&h->lock);
    return generation;
}

unsigned
host_load(struct host *h)
{
    pthread_mutex_lock(&h->lock);
    unsigned load = h->queue.busy + h->queue.waiting;
    if (h->state != HOST_RUNNING)
        load += HOST_LANES_MAX;
    pthread_mutex_unlock(&h->lock);
    return load;
}

void
host_note_device(struct host *h, unsigned long slot)
{
    pthread_mutex_lock(&h->lock);
    if (h->card_lanes)
        queue_limit(&h->queue, slot, h->card_lanes);
    pthread_mutex_unlock(&h->lock);
}

/* Resets and transactions of others, and what they leave behind: CKR_DEVICE_ERROR,
 * CKR_SESSION_CLOSED, _COUNT, _HANDLE_INVALID, _READ_WRITE_SO_EXISTS,
 * CKR_OPERATION_ACTIVE, CKR_USER_TOO_MANY_TYPES. */
bool
host_is_busy_rv(unsigned long rv)
{
    static const unsigned long busy[] = {0x30, 0xb0, RV_SESSION_COUNT, 0xb3, 0xb8, 0x90, 0x105};

    for (size_t i = 0; i < sizeof busy / sizeof *busy; i++)
        if (busy[i] == rv)
            return true;
    return false;
}

json_t *
host_status(struct host *h)
{
    static const char *const names[] = {"starting", "running", "dying", "failed", "stopped"};

    pthread_mutex_lock(&h->lock);
    json_t *o = json_pack("{s:s, s:s?, s:I, s:i, s:i, s:i, s:i, s:s}", "module", h->conf.name,
                          "path", h->conf.path, "pid", (json_int_t)h->pid, "lanes",
                          (int)h->conf.lanes, "busy", (int)h->queue.busy, "waiting",
                          (int)h->queue.waiting, "restarts", (int)h->restarts, "state", names[h->state]);
    pthread_mutex_unlock(&h->lock);
    return o;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/hosts.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

struct hosts {
    pthread_mutex_t lock;
    struct host *list[HOSTS_MAX];
    unsigned count;
    bool asked_kit;
    bool stopping;
    void (*changed)(void *arg);
    void *arg;
};

struct hosts *
hosts_new(void (*changed)(void *arg), void *arg)
{
    struct hosts *hs = calloc(1, sizeof *hs);

    if (!hs)
        return NULL;
    pthread_mutex_init(&hs->lock, NULL);
    hs->changed = changed;
    hs->arg = arg;
    return hs;
}

void
hosts_stop(struct hosts *hs)
{
    pthread_mutex_lock(&hs->lock);
    hs->stopping = true;
    unsigned count = hs->count;
    pthread_mutex_unlock(&hs->lock);
    for (unsigned i = 0; i < count; i++)
        host_stop(hs->list[i]);
}

void
hosts_free(struct hosts **phs)
{
    struct hosts *hs = phs ? *phs : NULL;

    if (!hs)
        return;
    hosts_stop(hs);
    while (hs->count > 0)
        host_free(&hs->list[--hs->count]);
    pthread_mutex_destroy(&hs->lock);
    free(hs);
    *phs = NULL;
}

struct host *
hosts_at(struct hosts *hs, unsigned i)
{
    pthread_mutex_lock(&hs->lock);
    struct host *h = i < hs->count ? hs->list[i] : NULL;
    pthread_mutex_unlock(&hs->lock);
    return h;
}

bool
hosts_are_free(struct hosts *hs)
{
    struct host *h;

    for (unsigned i = 0; (h = hosts_at(hs, i)); i++)
        host_load(h);
    return true;
}

static struct host *
find(struct hosts *hs, const char *name)
{
    for (unsigned i = 0; i < hs->count; i++)
        if (strcmp(host_name(hs->list[i]), name) == 0)
            return hs->list[i];
    return NULL;
}

struct host *
hosts_named(struct hosts *hs, const char *name)
{
    pthread_mutex_lock(&hs->lock);
    struct host *h = find(hs, name);
    pthread_mutex_unlock(&hs->lock);
    return h;
}

/* Lock held. */
static void
add(struct hosts *hs, struct host_config *conf)
{
    struct host *h = NULL;
    struct err err = {0};

    if (hs->stopping || find(hs, conf->name))
        return;
    if (hs->count == HOSTS_MAX) {
        log_error("module \"%s\" is left out: there are %u already", conf->name, HOSTS_MAX);
        return;
    }
    conf->changed = hs->changed;
    conf->arg = hs->arg;
    if (host_new(&h, conf, &err) != 0 || host_start(h, &err) != 0) {
        log_error("%s", err.text);
        host_free(&h);
        return;
    }
    hs->list[hs->count++] = h;
}

static void
add_configured(struct hosts *hs, const struct conf *conf)
{
    const char *name;

    for (unsigned i = 0; (name = conf_section(conf, "module", i)); i++) {
        struct host_config hc = {
            .name = name,
            .path = conf_get(conf, "module", name, "path"),
            .init_args = conf_get(conf, "module", name, "init-args"),
            .softhsm_conf = conf_get(conf, "module", name, "softhsm-conf"),
            .lanes = conf_get_number(conf, "module", name, "lanes", 0),
            .no_sandbox = !conf_get_bool(conf, "module", name, "sandbox", true),
            .wait = conf_get_bool(conf, "module", name, "wait-for-events", false),
        };
        if (!conf_get_bool(conf, "module", name, "disable", false))
            add(hs, &hc);
    }
}

/* Whether a [module] section says what is to happen with this module of p11-kit's:
 * it has the name, or loads the same file (SoftHSM under another configuration is
 * another module). */
static bool
is_configured(const struct conf *conf, const char *kit_name, const char *kit_path)
{
    char ours[PATH_MAX], theirs[PATH_MAX];
    const char *name;

    for (unsigned i = 0; (name = conf_section(conf, "module", i)); i++) {
        const char *path = conf_get(conf, "module", name, "path");
        if (strcmp(name, kit_name) == 0)
            return true;
        if (path && !conf_get(conf, "module", name, "softhsm-conf") &&
            realpath(path, ours) && realpath(kit_path, theirs) && strcmp(ours, theirs) == 0)
            return true;
    }
    return false;
}

/* Lines of "name TAB path". */
static void
add_kit(struct hosts *hs, const struct conf *conf)
{
    autofree_buf struct buf *out = buf_new();
    struct err err = {0};
    char *line, *rest;

    if (!out || host_list_modules(out, &err) != 0) {
        log_error("p11-kit's modules are left out: %s", err_text(&err));
        return;
    }
    if (buf_put_byte(out, 0) != 0)
        return;
    for (line = strtok_r((char *)buf_mutable(out), "\n", &rest); line;
         line = strtok_r(NULL, "\n", &rest)) {
        char *tab = strchr(line, '\t');
        struct host_config hc = {.name = line};
        if (!tab)
            continue;
        *tab = '\0';
        if (!is_configured(conf, line, tab + 1))
            add(hs, &hc);
    }
}

void
hosts_update(struct hosts *hs, struct settings *settings)
{
    const struct conf *conf = settings_conf(settings);

    pthread_mutex_lock(&hs->lock);
    add_configured(hs, conf);
    if (!hs->asked_kit && conf_get_bool(conf, "agent", NULL, "p11-kit", true))
        add_kit(hs, conf);
    hs->asked_kit = true;
    pthread_mutex_unlock(&hs->lock);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/settings.h"

#include <pthread.h>
#include <stdlib.h>

struct generation {
    struct conf *conf;
    struct generation *older;
};

struct settings {
    pthread_mutex_t lock;
    const struct home *home;
    struct generation *newest;
};

static int
load(struct settings *s, struct err *err)
{
    struct generation *g = calloc(1, sizeof *g);
    int rc;

    if (!g)
        return err_set(err, E_NOMEM, "out of memory while reading the configuration");
    rc = conf_load(&g->conf, s->home, err);
    if (rc != 0) {
        free(g);
        return rc;
    }
    g->older = s->newest;
    s->newest = g;
    return 0;
}

int
settings_load(struct settings **ret, const struct home *home, struct err *err)
{
    struct settings *s = calloc(1, sizeof *s);
    int rc;

    if (!s)
        return err_set(err, E_NOMEM, "out of memory while reading the configuration");
    pthread_mutex_init(&s->lock, NULL);
    s->home = home;
    rc = load(s, err);
    if (rc != 0) {
        settings_free(&s);
        return rc;
    }
    *ret = s;
    return 0;
}

void
settings_free(struct settings **ps)
{
    struct settings *s = ps ? *ps : NULL;

    if (!s)
        return;
    while (s->newest) {
        struct generation *g = s->newest;
        s->newest = g->older;
        conf_free(&g->conf);
        free(g);
    }
    pthread_mutex_destroy(&s->lock);
    free(s);
    *ps = NULL;
}

const struct conf *
settings_conf(struct settings *s)
{
    pthread_mutex_lock(&s->lock);
    const struct conf *conf = s->newest->conf;
    pthread_mutex_unlock(&s->lock);
    return conf;
}

const struct home *
settings_home(const struct settings *s)
{
    return s->home;
}

int
settings_reload(struct settings *s, int (*accept)(void *arg, const struct conf *, struct err *err),
                void *arg, struct err *err)
{
    int rc;

    pthread_mutex_lock(&s->lock);
    rc = load(s, err);
    if (rc == 0) {
        struct generation *g = s->newest;
        rc = accept(arg, g->conf, err);
        if (rc != 0) {
            s->newest = g->older;
            conf_free(&g->conf);
            free(g);
        }
    }
    pthread_mutex_unlock(&s->lock);
    return rc;
}

int
settings_write(struct settings *s, const char *kind, const char *name, const char *key,
               const char *value, struct err *err)
{
    int rc;

    pthread_mutex_lock(&s->lock);
    rc = conf_write(s->home->config, kind, name, key, value, err);
    if (rc == 0)
        rc = load(s, err);
    pthread_mutex_unlock(&s->lock);
    return rc;
}

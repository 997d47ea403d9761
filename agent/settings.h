/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The agent's configuration, kept in step with its file when the agent itself
 * writes to it. A struct conf that was handed out stays good until settings_free,
 * also when a newer one has taken its place. Thread-safe.
 */
#ifndef SIGNET_AGENT_SETTINGS_H
#define SIGNET_AGENT_SETTINGS_H

#include "base/conf.h"
#include "base/err.h"
#include "base/home.h"

struct settings;

/* home is borrowed for the life of the settings. */
int settings_load(struct settings **ret, const struct home *, struct err *err) must_check;
void settings_free(struct settings **);

const struct conf *settings_conf(struct settings *);
const struct home *settings_home(const struct settings *);

/* Reads the files anew. accept, called with what they say, may refuse it: then, and when they are
 * faulty, what was read before stays. */
int settings_reload(struct settings *, int (*accept)(void *arg, const struct conf *, struct err *err),
                    void *arg, struct err *err) must_check;

/* Writes to the user's file (conf_write) and reads it again. */
int settings_write(struct settings *, const char *kind, const char *name, const char *key,
                   const char *value, struct err *err) must_check;

#endif

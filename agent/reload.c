/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/reload.h"

#include <unistd.h>

#include "agent/login.h"
#include "agent/policy.h"
#include "base/log.h"

static int
accept_conf(void *arg, const struct conf *conf, struct err *err)
{
    struct agent *a = arg;

    return policies_load(a->policies, a->home, conf, err);
}

int
reload(struct agent *a, const struct peer *peer, struct err *err)
{
    static const char signal_front[] = "signal";
    struct peer self = {.uid = getuid(), .pid = getpid()};
    unsigned long began = audit_clock();
    struct err why = {0};
    int rc = settings_reload(a->settings, accept_conf, a, &why), logged;

    for (size_t i = 0; i < sizeof signal_front; i++)
        self.front[i] = signal_front[i];
    const struct audit_entry e = {.event = "policy", .peer = peer ? peer : &self,
                                  .operation = "reload", .note = rc != 0 ? why.text : NULL,
                                  .result = rc, .latency_us = audit_clock() - began};
    if (rc == 0)
        login_settings_changed(a);
    logged = audit_write(a->audit, &e, rc == 0 ? err : NULL);
    if (rc != 0 && err)
        *err = why;
    return rc != 0 ? rc : logged;
}

int
reload_by_signal(struct agent *a, struct err *err)
{
    int rc = reload(a, NULL, err);

    if (rc == 0)
        log_info("configuration and policy were read anew");
    return rc;
}

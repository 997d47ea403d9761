/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where Signet keeps things (DESIGN, "Configuration").
 *
 * With SIGNET_HOME or --home DIR everything is under that folder: signet.conf
 * in it, state in it, sockets in DIR/run. Otherwise the XDG folders;
 * without XDG_RUNTIME_DIR sockets are in "run" under the state folder. The machine's
 * agent (signet-agent --system) has its own: /etc/signet, /var/lib/signet, /run/signet,
 * or what its service manager says (systemd.exec(5), RuntimeDirectory=).
 * home_resolve() only computes names; home_make() creates what is missing with
 * mode 0700 and refuses a runtime folder that others own or can write.
 */
#ifndef SIGNET_BASE_HOME_H
#define SIGNET_BASE_HOME_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct home {
    char *root;        /* the one folder of --home, or NULL */
    char *config;      /* the user's signet.conf */
    char *state;       /* state folder: tokens, audit.log */
    char *runtime;     /* folder of sockets */
    char *socket;      /* runtime/agent.sock */
    char *site;        /* what the administrator says for all: /etc/signet; NULL under --home */
    bool system;       /* the machine's agent's own */
    bool elsewhere;    /* socket and runtime are those of an agent that is not ours to start */
};

/* The word for the machine's agent in --agent and SIGNET_AGENT. */
#define HOME_AGENT_SYSTEM "system"

/* override: --home's argument or NULL. */
int home_resolve(struct home *, const char *override, struct err *err) must_check;
/* Those of the machine's agent. */
int home_resolve_system(struct home *, struct err *err) must_check;
/* The agent to ask, when it is not the home's own: "system", or the absolute path of its
 * socket; which NULL: SIGNET_AGENT, and nothing changes when that is not set. */
int home_use_agent(struct home *, const char *which, struct err *err) must_check;
int home_make(const struct home *, struct err *err) must_check;
void home_clear(struct home *);

/* Where a program of ours is ("signet-agent"), as an absolute path in out. Looked
 * for in SIGNET_LIBEXEC when that is set; else beside the running program (the
 * build tree's folders too), then in the installed places. E_SYSTEM when it is
 * nowhere. */
int home_program(const char *name, char *out, size_t max) must_check;

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A home in a private folder, with the real signet-agent and either the token of
 * fake_token.c or SoftHSM through the real signet-token; driven through client/.
 */
#ifndef SIGNET_TESTS_AGENT_RIG_H
#define SIGNET_TESTS_AGENT_RIG_H

#include "client/client.h"
#include "tests/base/run.h"

/* The fake token's key, and its PIN. */
#define FAKE_KEY "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define FAKE_PIN "246810"

/* run_suite; then ends the agents that failed tests have left behind. */
int rig_main(const char *name, TCase *c);

/* Checked fixtures. */
void rig_setup(void);
void rig_teardown(void);

/* Lays out the home. conf is added to its signet.conf. */
void rig_fake(const char *conf);
/* The same with SoftHSM; false when it is not installed. */
bool rig_softhsm(const char *conf);

const struct home *rig_home(void);

/* A file of the fake token's. */
void fake_set(const char *name, const char *text);
void fake_unset(const char *name);
unsigned fake_lines(const char *name);
/* All that a file holds; "" when it is not there. Borrowed till the next call. */
const char *rig_read(const char *path);
unsigned rig_count(const char *path, const char *text);

/* A pinentry that answers each GETPIN with the next of these lines: a PIN,
 * "cancel", or "wait" (never). Returns its path; what it was told is in the file
 * "asked". */
const char *rig_pinentry(const char *answers);

struct client *rig_open(const struct client_options *);
/* SIGN with the fake key; what came of it. */
int rig_sign(struct client *, struct err *err);
/* Stops the agent; waits until its process and its hosts have ended. */
void rig_stop(void);
/* A number out of STATUS; host: of the first host. */
int rig_status(const char *member, bool host);

/* kill -9 of the agent, or of its first host, by the number STATUS gives. */
void rig_kill(bool host);

/* Waits until the file holds `count` lines. */
void rig_await_lines(const char *path, unsigned count);
/* Until the text is in the file, which grows by lines. */
void rig_await_text(const char *path, const char *text);

/* Runs signet-agent on the home; its exit status. */
int rig_run_agent(const char *const extra[]);
pid_t rig_start_agent(const char *const extra[]);
int rig_join(pid_t);

#endif

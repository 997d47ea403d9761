/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An agent that says what a script says, in a thread of the test, on the socket
 * of a private home. It speaks for one connection.
 *
 * A script is an array of strings: "> LINE" waits for a line from the client and
 * compares it ("> *" takes any); "< LINE" sends one; "!" closes the connection.
 */
#ifndef SIGNET_TESTS_CLIENT_SCRIPTED_AGENT_H
#define SIGNET_TESTS_CLIENT_SCRIPTED_AGENT_H

#include "base/home.h"

struct scripted_agent;

/* A home of its own under TMPDIR; removed by test_home_remove. */
void test_home_make(struct home *);
void test_home_make_deep(struct home *, unsigned folders);
void test_home_remove(struct home *);

struct scripted_agent *scripted_agent_start(const struct home *, const char *const *script);
/* Waits for its end; asserts that the script was followed to its end. */
void scripted_agent_end(struct scripted_agent **);

/* A listening socket, for a path of any length; aborts when there can be none. */
int test_listen(const struct home *);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Logging in to a token: the PIN from the cache, from the token's pin-source, or
 * from a person; in this order, and under the rules of DESIGN:
 *
 *  - what the token says of its tries is asked before every attempt;
 *  - a cached PIN, or one from a file, is not spent on a token's final try;
 *  - a PIN that was refused is not sent again;
 *  - a person is asked at most LOGIN_ATTEMPTS times, and only while tries remain.
 *
 * One login at a time per token; who waited meanwhile shares its outcome. Every
 * attempt is in the audit log.
 */
#ifndef SIGNET_AGENT_LOGIN_H
#define SIGNET_AGENT_LOGIN_H

#include "agent/connection.h"

#define LOGIN_ATTEMPTS 3u

/* seen: pin_logins() from before the operation that wants the login. */
int login(struct connection *, const struct snapshot *, const struct token *,
          unsigned long seen, struct err *err) must_check;

/* The log_out of pins_new. */
void login_log_out(const struct pin_login *);

/* Whether the token is logged in as far as the agent knows. */
bool login_stands(const struct token *);

#endif

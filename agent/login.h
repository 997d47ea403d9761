/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Logging in to a token: the PIN from the cache, from the token's pin-source, or
 * from a person; in this order, and under the rules of DESIGN:
 *
 *  - what the token says of its tries is asked before every attempt;
 *  - a cached PIN, or one from a file, is not spent on a token's final try, nor when it
 *    says that few are left;
 *  - a PIN that was refused is not sent again;
 *  - a person is asked at most LOGIN_ATTEMPTS times, and only while tries remain.
 *
 * One login at a time per token; who waited meanwhile shares its outcome. Every
 * attempt is in the audit log.
 */
#ifndef SIGNET_AGENT_LOGIN_H
#define SIGNET_AGENT_LOGIN_H

#include <stdbool.h>

#include "agent/connection.h"

#define LOGIN_ATTEMPTS 3u
/* With these flags no PIN is sent but one that a person has just entered. */
#define LOGIN_RISKY ((unsigned)TOKEN_PIN_FINAL_TRY | (unsigned)TOKEN_PIN_COUNT_LOW)

/* seen: pin_logins() from before the operation that wants the login. */
int login(struct connection *, const struct snapshot *, const struct token *,
          unsigned long seen, struct err *err) must_check;

/* The token's pin-ttl and pin-ttl-max: its own in [token SERIAL] or [token LABEL], else
 * [agent]'s. Done at each login. */
void login_set_times(const struct conf *, struct pin *);
/* After a reload: for all tokens, also those that are logged in. */
void login_settings_changed(struct agent *);

/* The log_out of pins_new. */
void login_log_out(const struct pin_login *);

/* For keys that want the PIN before each use: whether the remembered one may be sent
 * (cache-always-authenticate in [token]), and asking a person for it. *ret_source: as
 * ask_pin's. */
bool login_may_reuse(struct connection *, const struct snapshot *, const struct token *);
int login_ask_context(struct connection *, const struct token *, bool final_try, bool low,
                      struct secret *ret, const char **ret_source, struct err *err) must_check;

/* The [token] setting of this token: by serial number, else by label if no other token
 * has it. NULL: none. E_AMBIGUOUS when the label is another's, too. */
int login_setting(struct connection *, const struct snapshot *, const struct token *,
                  const char *name, const char **ret, struct err *err) must_check;

/* Whether the token is logged in as far as the agent knows. */
bool login_stands(const struct token *);

#endif

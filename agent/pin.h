/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The state of each token's PIN for the life of the agent: the cached PIN and its
 * times, the PINs the token has refused, who is logged in, and whose turn it is.
 *
 * Tokens are told apart by manufacturer, model, serial number and label, so that a
 * card which is taken out and put back keeps its state.
 *
 * Turns. Logging in, asking a person, logging out and forgetting happen in a turn;
 * one at a time per token. Those who wait for a turn while another one logs in
 * share what came of it: fifty clients cause one prompt.
 *
 *     seen = pin_logins(pin);
 *     ... the token wants a login ...
 *     switch (pin_take_turn(pin, seen, ...)) {
 *     case 0: log in; pin_store() or pin_refuse(); pin_end_turn(); ...
 *     case PIN_OTHERS_DID: the login happened meanwhile
 *     default: it failed meanwhile; the failure is ours too
 *     }
 *
 * Times. A cached PIN lives for ttl seconds after its last use and ttl_max after
 * the login, which each token may have its own of; then it is wiped and the token logged
 * out. Operations stand between
 * pin_enter and pin_leave; no logout comes between.
 *
 * Refused PINs are kept until another one is accepted and are not sent again. All
 * functions are thread-safe; those marked (turn) need the turn, and are the only ones
 * that change the cached PIN.
 */
#ifndef SIGNET_AGENT_PIN_H
#define SIGNET_AGENT_PIN_H

#include <stdbool.h>
#include <time.h>

#include "agent/snapshot.h"
#include "base/err.h"
#include "base/secret.h"

struct pins;
struct pin;

#define PIN_TTL_DEFAULT 600u
#define PIN_TTL_MAX_DEFAULT 7200u
#define PIN_OTHERS_DID 1

/* Where a login stands: the host that has it, and which generation of it. */
struct pin_login {
    struct host *host;
    unsigned long slot;
    unsigned generation;
};

/* ttl, ttl_max: of tokens that have no times of their own (pin_set_times).
 * clock: seconds that go on while the machine sleeps, NULL for the system's;
 * log_out: called in a turn to log a token out, may be NULL. */
struct pins *pins_new(unsigned ttl, unsigned ttl_max, time_t (*clock)(void),
                      void (*log_out)(const struct pin_login *)) must_check;
void pins_free(struct pins **);

/* The state of this token's PIN, made if need be; NULL when memory is out. Never
 * freed before pins_free. */
struct pin *pins_get(struct pins *, const struct token *) must_check;

/* Wipes what has expired and logs those tokens out. Returns the seconds until
 * something may expire, or 0 for never. */
unsigned pins_expire(struct pins *);
/* Waits for ms, or until something is stored or pins_wake is called. */
void pins_wait(struct pins *, unsigned ms);
void pins_wake(struct pins *);
/* Wipes all cached PINs and logs out, of what is in a turn at its end; waits for no turn. */
void pins_forget_all(struct pins *);
/* Calls f for every token's state. */
void pins_each(struct pins *, void (*f)(struct pin *, void *arg), void *arg);

/* How often this token was logged in to. */
unsigned long pin_logins(struct pin *);
/* gone(arg), asked now and then, ends the waiting with E_CANCELLED. */
int pin_take_turn(struct pin *, unsigned long seen, bool (*gone)(void *), void *arg,
                  struct err *err) must_check;
/* rc: 0 logged in; negative: err says why not; PIN_OTHERS_DID: neither. */
void pin_end_turn(struct pin *, int rc, const struct err *err);

/* (turn) The cached PIN, NULL when there is none or it has expired. */
const struct secret *pin_cached_view(struct pin *);
/* (turn) Notes a login, takes the PIN that was accepted and forgets refused ones. */
void pin_store_steal(struct pin *, struct secret **accepted, const struct pin_login *);
/* (turn) Notes a login by the cached PIN, or by one that the agent never saw. */
void pin_note_login(struct pin *, const struct pin_login *);
/* (turn) A person has just entered a PIN: what was to be forgotten is older, and gone. */
void pin_entered(struct pin *);
/* (turn) Wipes the cached PIN. */
void pin_drop(struct pin *);
/* (turn) Remembers a refused PIN. E_LIMIT when no more can be remembered: then
 * nothing more may be sent to this token. */
int pin_refuse(struct pin *, const struct secret *) must_check;
bool pin_was_refused(struct pin *, const struct secret *);
/* (turn) The pin-source's PIN was refused, and none has been accepted since: when the file
 * now holds another one, somebody has corrected it. */
void pin_note_source_failed(struct pin *);
bool pin_source_failed(struct pin *);

/* Around each operation. pin_enter logs out first what has expired. */
void pin_enter(struct pin *);
void pin_leave(struct pin *);

/* Who is logged in; host NULL for nobody. */
void pin_get_login(struct pin *, struct pin_login *ret);
/* Wipes and logs out; waits for the turn. */
void pin_forget(struct pin *);
/* The same without waiting for a turn: who has it does it at its end. */
void pin_forget_soon(struct pin *);

/* The times of this token, if they are not those of pins_new; a login that stands is
 * measured by them from then on. */
void pin_set_times(struct pin *, unsigned ttl, unsigned ttl_max);
/* As the token said when its state was made. */
const char *pin_label(const struct pin *);
const char *pin_serial(const struct pin *);
/* How many PINs are kept now. */
unsigned pins_cached(struct pins *);
/* The token went: wipes, and logs nobody out. When somebody has the turn, the PIN from
 * before it is of no use to him. Does not wait. */
void pin_removed(struct pin *);

/* A copy of the cached PIN, without a turn: for a token that wants it before each use of a
 * key. False when there is none that may be used. */
bool pin_copy_cached(struct pin *, struct secret *ret) must_check;
/* Without a turn: remembers a PIN as refused, drops it from the cache. */
void pin_refuse_now(struct pin *, const struct secret *);

/* A token that erred rests, for a second at first and ever longer (PIN_REST_MAX), so that
 * another one with the same key is taken; then it is tried again. */
#define PIN_REST_FIRST 1u
#define PIN_REST_MAX 60u
void pin_note_error(struct pin *);
void pin_note_success(struct pin *);
bool pin_rests(struct pin *);

#endif

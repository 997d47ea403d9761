/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the tokens hold, as last seen: the newest snapshot, made from the listings
 * of all hosts. It is made at the first request and again when somebody asks for
 * it: after a change, when a name was not found, when a listing is shown. However
 * many ask at once, one look at the tokens serves all who asked before it began.
 * A request for what is on a card that is not there says which card. Thread-safe.
 */
#ifndef SIGNET_AGENT_REGISTRY_H
#define SIGNET_AGENT_REGISTRY_H

#include "agent/hosts.h"
#include "agent/keyspec.h"
#include "agent/memory.h"
#include "agent/pin.h"
#include "agent/snapshot.h"
#include "agent/watch.h"

struct registry;

/* All borrowed for the registry's life. What comes and goes is told to watch; a token
 * that went loses its PIN. */
struct registry *registry_new(struct hosts *, struct settings *, struct pins *, struct watch *,
                              struct memory *) must_check;
void registry_free(struct registry **);

/* A reference to the newest snapshot (snapshot_unref); waits for the first. NULL
 * when memory is out. */
struct snapshot *registry_get(struct registry *) must_check;
/* Looks at the tokens again; a reference to what was found. */
struct snapshot *registry_refresh(struct registry *) must_check;

/* keyspec_find and keyspec_token on the newest snapshot; when nothing is found,
 * once more on a fresh one. *ret_snap holds what *ret points into. The sentence
 * of a failure also says which modules do not work. */
int registry_find_key(struct registry *, const char *spec, struct snapshot **ret_snap,
                      const struct key **ret, struct err *err) must_check;
int registry_find_token(struct registry *, const char *spec, struct snapshot **ret_snap,
                        const struct token **ret, struct err *err) must_check;

/* How many tokens have come so far; waits at most ms until it is another number than
 * `seen`. gone(arg), asked now and then, ends the waiting. True when it is another. */
unsigned long registry_arrivals(struct registry *);
bool registry_await_arrival(struct registry *, unsigned long seen, unsigned ms,
                            bool (*gone)(void *), void *arg);

#endif

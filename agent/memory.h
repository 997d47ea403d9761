/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which keys were on which card: so that a request for a key whose card is not there
 * can say which one to insert. Only tokens that can be removed, as they were last seen,
 * in this agent's life and in a file of the state folder (0600; nothing secret is in
 * it, and it may be deleted at any time). Thread-safe.
 */
#ifndef SIGNET_AGENT_MEMORY_H
#define SIGNET_AGENT_MEMORY_H

#include <jansson.h>

#include "agent/snapshot.h"

/* Tokens that are remembered; the longest unseen are forgotten first. */
#define MEMORY_TOKENS_MAX 32u

struct memory;

/* path: the file, or NULL for none. What is malformed in it is forgotten. */
struct memory *memory_new(const char *path) must_check;
void memory_free(struct memory **);

/* Remembers the removable tokens of a host's listing that hold keys. */
void memory_note(struct memory *, const json_t *list);

/* When spec (NULL: any key) names a key, or a token, that is on a card which is
 * remembered and is not in the snapshot: E_TOKEN_REMOVED with a sentence that says which
 * card to insert. Else 0. */
int memory_find_key(struct memory *, const struct snapshot *here, const char *spec,
                    struct err *err) must_check;
int memory_find_token(struct memory *, const struct snapshot *here, const char *spec,
                      struct err *err) must_check;

#endif

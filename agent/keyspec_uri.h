/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pkcs11: URIs (RFC 7512) through p11-kit's parser, which loads no module. A PIN
 * in a URI is not used: it would have been an argument. */
#ifndef SIGNET_AGENT_KEYSPEC_URI_H
#define SIGNET_AGENT_KEYSPEC_URI_H

#include <stdbool.h>

#include "agent/snapshot.h"

struct keyspec_uri;

bool keyspec_is_uri(const char *spec);
/* E_USAGE for what is no such URI. */
int keyspec_uri_new(struct keyspec_uri **ret, const char *spec, struct err *err) must_check;
void keyspec_uri_free(struct keyspec_uri **);

/* A URI that names no object matches every key on its tokens. */
bool keyspec_uri_matches_key(const struct keyspec_uri *, const struct key *);
bool keyspec_uri_matches_token(const struct keyspec_uri *, const struct token *);

#endif

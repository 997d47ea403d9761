/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a configuration may say: sections, keys and the form of their values.
 * Private to base/. */
#ifndef SIGNET_BASE_CONF_SCHEMA_H
#define SIGNET_BASE_CONF_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conf_kind {
    const char *name;
    bool named;          /* [kind NAME], not [kind] */
    bool repeated;       /* each header begins a section of its own, also with the same name */
};

struct conf_key {
    const char *kind;
    const char *name;
    /* Tells whether a value is well-formed. */
    bool (*valid)(const char *value);
    const char *wanted;  /* what valid() accepts, for the sentence */
};

const struct conf_kind *conf_kind_find(const char *name, size_t len);
const struct conf_key *conf_key_find(const char *kind, const char *name);

/* yes, no, true, false, on, off, 1, 0. */
bool conf_parse_bool(const char *value, bool *ret);
bool conf_parse_number(const char *value, unsigned *ret);
/* "512", "64k", "10M", "1G" as bytes. */
bool conf_parse_size(const char *value, uint64_t *ret);

#endif

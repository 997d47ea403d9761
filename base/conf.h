/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Configuration: INI, checked against a table.
 *
 * Life: conf_load reads signet.conf of the site (/etc/signet; not under --home) and then
 * the user's file; a later file's value replaces an earlier one's. A section is
 * [kind] or [kind name]; a line is `key = value`; a comment begins with ';' or
 * '#' at the start of a line, or with ';' behind white space. The table in
 * conf_schema.c lists every kind and key with its form; anything not in it, and a
 * key that is given twice, is E_CONFIG with "file:line: ..." as the sentence. A
 * missing file is no error. The struct is immutable after loading and may be
 * shared between threads.
 *
 * [key PATTERN] is another matter: each is a rule of its own, also where the pattern is the same,
 * and no later one changes an earlier one. They are read by struct conf_place.
 */
#ifndef SIGNET_BASE_CONF_H
#define SIGNET_BASE_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/home.h"

struct conf;

int conf_load(struct conf **ret, const struct home *, struct err *err) must_check;
/* One file alone, for tests and checks; it must exist. */
int conf_load_file(struct conf **ret, const char *path, struct err *err) must_check;
void conf_free(struct conf **);

/* The value of key in [kind name] (name NULL for [kind]), borrowed, or NULL. */
const char *conf_get(const struct conf *, const char *kind, const char *name,
                     const char *key);
/* The same with a default; types were checked when loading. */
unsigned conf_get_number(const struct conf *, const char *kind, const char *name,
                         const char *key, unsigned fallback);
unsigned conf_get_duration(const struct conf *, const char *kind, const char *name,
                           const char *key, unsigned fallback_seconds);
uint64_t conf_get_size(const struct conf *, const char *kind, const char *name, const char *key,
                       uint64_t fallback_bytes);
bool conf_get_bool(const struct conf *, const char *kind, const char *name,
                   const char *key, bool fallback);

/* Name of the i-th named section of a kind, in order of first appearance; NULL
 * behind the last. */
const char *conf_section(const struct conf *, const char *kind, unsigned i);

/* Where a section begins; borrowed. */
struct conf_place {
    const char *name, *path;   /* name NULL for [kind] */
    unsigned line;
    size_t section;            /* conf_value's */
};

/* The i-th section of a kind, and the first of any other kind; false when there is none. */
bool conf_place(const struct conf *, const char *kind, unsigned i, struct conf_place *ret);
bool conf_place_other(const struct conf *, const char *kind, struct conf_place *ret);
/* The value of key in that section, and its line (ret_line may be NULL); or NULL. */
const char *conf_value(const struct conf *, const struct conf_place *, const char *key,
                       unsigned *ret_line);

/* Sets key = value in [kind name] of the file at path, keeping every other line
 * and comment; creates file (0600) and section if missing. Atomic replacement. */
int conf_write(const char *path, const char *kind, const char *name, const char *key,
               const char *value, struct err *err) must_check;

#endif

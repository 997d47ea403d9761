/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inspecting what is in memory, and asking the description by paths. */
#ifndef SIGNET_TESTS_CLI_INSPECT_KIT_H
#define SIGNET_TESTS_CLI_INSPECT_KIT_H

#include <check.h>
#include <jansson.h>

#include "cli/describe.h"
#include "tests/cms/kit.h"

enum inspect_as { AS_MESSAGE, AS_MAIL };

/* What came of it. */
struct inspected {
    struct describe d;      /* d.rc: the fault, or 0 */
    json_t *root;           /* never NULL */
};

/* Feeds data[0..len) in two pieces at split (len: in one; SPLIT_BYTES: byte by byte). */
struct inspected inspect_data(enum inspect_as, const void *data, size_t len, size_t split);
struct inspected inspect_buf(enum inspect_as, const struct buf *);
void inspected_clear(struct inspected *);

/* The value at "cms.signers.0.digest"; NULL when there is none. */
const json_t *at(const struct inspected *, const char *path);
/* It is this string (a list of one, too), this number. */
void assert_is(const struct inspected *, const char *path, const char *value);
void assert_number(const struct inspected *, const char *path, long long value);
/* The values of the attribute of that name, joined by blanks. The caller frees. */
char *attribute_values(const struct inspected *, const char *path, const char *name);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A JSON object as an indented tree for people: values as aligned lines, objects as
 * blocks of lines below them. What is printed must be safe to show (base/text.h).
 *
 * A key is printed as it is, with spaces for underscores, unless a row of the table says
 * otherwise; the member "KEY_oid" stands in brackets behind that of KEY, "oid" behind
 * "type" and "name". Pure.
 */
#ifndef SIGNET_CLI_TREE_H
#define SIGNET_CLI_TREE_H

#include <stdbool.h>
#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"

/* Objects deeper than this are not shown. */
#define TREE_DEPTH_MAX 512

/* How a key is shown. The table ends with a row of zeroes. */
struct tree_row {
    const char *key;
    const char *label;      /* instead of the key; NULL: the key */
    const char *unit;       /* behind a number: "bytes" */
    const char *of;         /* of an object: the member that its title shows */
    const char *number;     /* of one in an array: the member that numbers it, not 1, 2, 3 */
    bool lines;             /* of an array of {name, oid, values}: a line each */
};

/* Appends it. E_NOMEM. */
int tree_put(struct buf *out, const json_t *object, const struct tree_row *rows) must_check;

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A row of an answer (trust/sql.h) as SQLite gave it or as it was remembered
 * (trust/sql_memo.h), and its encoding there. Inside of trust/.
 */
#ifndef SIGNET_TRUST_SQL_ROW_H
#define SIGNET_TRUST_SQL_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Most columns that a statement of ours asks for. */
#define SQL_COLUMNS_MAX 16

struct sql_cell {
    enum { CELL_NULL, CELL_INT, CELL_TEXT, CELL_BLOB } kind;
    int64_t number;
    const uint8_t *data; /* a NUL behind a text */
    size_t len;
};

struct sql_row {
    struct sql_cell cells[SQL_COLUMNS_MAX];
    int count;
};

/* Appends the row. */
int sql_row_put(struct buf *, const struct sql_row *) must_check;
/* Takes the next one off the front of what sql_row_put wrote; its cells point into that. False
 * when it is not that. */
bool sql_row_take(const uint8_t **at, size_t *left, struct sql_row *ret);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SQLite, as much of it as a small store needs: open, statements with arguments, rows.
 *
 * libsqlite3 is loaded when the first database is opened: most commands never need it,
 * and loading it would cost each of them a tenth of its time. Where it is missing
 * sql_open is E_SYSTEM with a sentence.
 *
 * Life: sql_open; sql_exec and sql_query; sql_close. A database is in WAL mode, so that
 * readers and one writer do not wait for each other; who has to wait does so for
 * SQL_BUSY_MS at most (E_TIMEOUT). A damaged or foreign file is E_CONFIG. What was committed
 * is on the disk: neither a killed process nor a power cut takes it back. One struct sql
 * belongs to one thread at a time; processes may share the file.
 *
 * Statements are kept as they were prepared, a few of them, and found again by their text.
 */
#ifndef SIGNET_TRUST_SQL_H
#define SIGNET_TRUST_SQL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define SQL_BUSY_MS 5000

struct sql;

/* The file is made, for its owner alone, when it is missing. */
int sql_open(struct sql **ret, const char *path, struct err *err) must_check;
void sql_close(struct sql **);
#define autoclose_sql __attribute__((cleanup(sql_close)))

/* Statements without arguments and rows. */
int sql_exec(struct sql *, const char *statements, struct err *err) must_check;

/* An argument, in the order of the statement's question marks. Text NULL and a blob of
 * NULL are NULL. */
struct sql_arg {
    enum { SQL_INT, SQL_TEXT, SQL_BLOB } kind;
    int64_t number;
    const void *data;   /* borrowed until the call returns */
    size_t len;         /* of a blob */
};
static inline struct sql_arg
sql_int(int64_t number)
{
    return (struct sql_arg){.kind = SQL_INT, .number = number};
}
static inline struct sql_arg
sql_text(const char *text)
{
    return (struct sql_arg){.kind = SQL_TEXT, .data = text};
}
static inline struct sql_arg
sql_blob(const void *data, size_t len)
{
    return (struct sql_arg){.kind = SQL_BLOB, .data = data, .len = len};
}

/* One row, valid in the callback. */
struct sql_row;
int64_t sql_row_int(const struct sql_row *, int column);
/* NULL for NULL. */
const char *sql_row_text(const struct sql_row *, int column);
const uint8_t *sql_row_blob(const struct sql_row *, int column, size_t *ret_len);

/* Runs one statement; `each` (may be NULL) is called for each row until it returns non-zero,
 * which is then returned. */
int sql_query(struct sql *, const char *statement, const struct sql_arg *args, size_t count,
              int (*each)(void *arg, const struct sql_row *), void *arg,
              struct err *err) must_check;

#endif

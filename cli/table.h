/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A listing for people: a heading and rows, columns as wide as their widest cell.
 *
 * Life: table_new with the headings (ended by NULL), table_add for each row, then
 * table_put, table_free. Cells are copied; they may be foreign text, and are made
 * safe when put. Not thread-safe.
 */
#ifndef SIGNET_CLI_TABLE_H
#define SIGNET_CLI_TABLE_H

#include "base/buf.h"
#include "base/err.h"

#define TABLE_COLUMNS_MAX 8

struct table;

struct table *table_new(const char *const *headings) must_check;
void table_free(struct table **);
#define autofree_table __attribute__((cleanup(table_free)))

/* One cell for each heading, NULL for an empty one. */
int table_add(struct table *, const char *const *cells) must_check;
int table_put(const struct table *, struct buf *out) must_check;

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Answers of a small database, remembered in a file beside it (NAME-seen), so that a command
 * that asks what another one asked a while ago need not load SQLite and read the database's
 * schema: two thirds of a millisecond, of three and a half that a verification takes.
 *
 * What is remembered holds for one state of the database, told by the inode, size and times of
 * its file and of its write-ahead log (SQLite's file format, 4). Any change, by whomever, makes
 * another state. Times are of some milliseconds: a state is relied on only when nothing has
 * been written for MEMO_SETTLED_MS before it was looked at, and still is the same afterwards; a
 * change within the tick of a time stamp is then another time stamp's. Whoever is about to
 * write removes the file as well.
 *
 * The file is its owner's, like the database, and as private. One that is damaged, another
 * state's or another version's is nothing at all. One memo belongs to one struct sql.
 */
#ifndef SIGNET_TRUST_SQL_MEMO_H
#define SIGNET_TRUST_SQL_MEMO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trust/sql.h"

#define MEMO_SUFFIX "-seen"
/* Bytes of the file, and of one answer in it, at most. */
#define MEMO_MAX (128u * 1024)
#define MEMO_ANSWER_MAX (48u * 1024)
#define MEMO_SETTLED_MS 100
/* Where a file system's times are whole seconds (or two). */
#define MEMO_SETTLED_COARSE_MS 3000

struct memo;

/* Looks at the database. NULL when memory is out: then nothing is remembered. */
struct memo *memo_open(const char *path) must_check;
void memo_free(struct memo **);

/* There are answers for the database's present state. */
bool memo_is_warm(const struct memo *);
/* The answer's rows, as sql_row_put wrote them; they stay until memo_free. False: not known. */
bool memo_find(const struct memo *, const char *statement, const struct sql_arg *args,
               size_t count, const uint8_t **ret, size_t *ret_len);
/* Notes an answer that the database has given since memo_open. */
void memo_note(struct memo *, const char *statement, const struct sql_arg *args, size_t count,
               const uint8_t *rows, size_t len);
/* The database will be written to: from here on nothing is known or noted. */
void memo_spoil(struct memo *);
/* Writes what was noted down, if the database is still as it was. Failing is no harm. */
void memo_save(struct memo *);

#endif

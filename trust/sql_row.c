/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/sql_row.h"

#include <string.h>

#include "trust/sql.h"

int64_t
sql_row_int(const struct sql_row *r, int column)
{
    return r->cells[column].kind == CELL_INT ? r->cells[column].number : 0;
}

const char *
sql_row_text(const struct sql_row *r, int column)
{
    return r->cells[column].kind == CELL_TEXT ? (const char *)r->cells[column].data : NULL;
}

const uint8_t *
sql_row_blob(const struct sql_row *r, int column, size_t *ret_len)
{
    const struct sql_cell *c = &r->cells[column];
    bool there = c->kind == CELL_BLOB && c->len > 0;

    *ret_len = there ? c->len : 0;
    return there ? c->data : NULL;
}

/* What precedes the bytes of a cell: its kind, and the number or the bytes' count. */
struct cell_head {
    uint64_t kind;
    int64_t value;
};

int
sql_row_put(struct buf *out, const struct sql_row *r)
{
    int rc = buf_put_byte(out, (uint8_t)r->count);

    for (int i = 0; rc == 0 && i < r->count; i++) {
        const struct sql_cell *c = &r->cells[i];
        bool bytes = c->kind == CELL_TEXT || c->kind == CELL_BLOB;
        struct cell_head head = {.kind = c->kind, .value = bytes ? (int64_t)c->len : c->number};

        rc = buf_put(out, &head, sizeof head);
        if (rc == 0 && bytes)
            rc = buf_put(out, c->data, c->len);
        if (rc == 0 && c->kind == CELL_TEXT)
            rc = buf_put_byte(out, 0);
    }
    return rc;
}

static bool
take(const uint8_t **at, size_t *left, void *out, size_t len)
{
    if (*left < len)
        return false;
    if (out != NULL)
        memcpy(out, *at, len);
    *at += len;
    *left -= len;
    return true;
}

static bool
take_cell(const uint8_t **at, size_t *left, struct sql_cell *c)
{
    struct cell_head head;

    if (!take(at, left, &head, sizeof head) || head.kind > CELL_BLOB)
        return false;
    *c = (struct sql_cell){.number = head.value};
    c->kind = head.kind;
    if (c->kind != CELL_TEXT && c->kind != CELL_BLOB)
        return true;
    if (head.value < 0 || (uint64_t)head.value > *left)
        return false;
    c->data = *at;
    c->len = (size_t)head.value;
    if (!take(at, left, NULL, c->len))
        return false;
    return c->kind == CELL_BLOB || (*left > 0 && **at == 0 && take(at, left, NULL, 1));
}

bool
sql_row_take(const uint8_t **at, size_t *left, struct sql_row *ret)
{
    uint8_t count;

    if (!take(at, left, &count, 1) || count > SQL_COLUMNS_MAX)
        return false;
    ret->count = count;
    for (int i = 0; i < ret->count; i++)
        if (!take_cell(at, left, &ret->cells[i]))
            return false;
    return true;
}

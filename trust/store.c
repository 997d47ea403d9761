/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "trust/domain.h"
#include "trust/store_int.h"
#include "trust/store_schema.h"

int
store_no_memory(struct err *err)
{
    return err_set(err, E_NOMEM, "out of memory using the certificate store");
}

int
store_take_number(void *arg, const struct sql_row *row)
{
    *(int64_t *)arg = sql_row_int(row, 0);
    return 0;
}

static int
version_of(struct store *s, int64_t *ret, struct err *err)
{
    return sql_query(s->db, "PRAGMA user_version", NULL, 0, store_take_number, ret, err);
}

/* Ends the transaction, as rc wants it. */
static int
finish(struct store *s, int rc, struct err *err)
{
    if (rc == 0)
        rc = sql_exec(s->db, "COMMIT", err);
    /* SQLite may have rolled back by itself. */
    if (rc != 0 && sql_exec(s->db, "ROLLBACK", NULL) != 0)
        return rc;
    return rc;
}

static int
migrate(struct store *s, struct err *err)
{
    char statement[64];
    int64_t version = 0;
    int rc = version_of(s, &version, err);

    if (rc != 0 || version == STORE_VERSION)
        return rc;
    rc = sql_exec(s->db, "BEGIN IMMEDIATE", err);
    if (rc != 0)
        return rc;
    /* Another process may have been faster. */
    rc = version_of(s, &version, err);
    if (rc == 0 && version > STORE_VERSION)
        rc = err_set(err, E_CONFIG, "the certificate store was written by a newer Signet (its "
                     "version is %lld, this one knows %lld); use that one",
                     (long long)version, (long long)STORE_VERSION);
    for (; rc == 0 && version < STORE_VERSION; version++)
        rc = sql_exec(s->db, store_migrations[version], err);
    if (rc == 0)
        rc = store_fill(s, err);
    snprintf(statement, sizeof statement, "PRAGMA user_version = %lld", (long long)STORE_VERSION);
    if (rc == 0)
        rc = sql_exec(s->db, statement, err);
    return finish(s, rc, err);
}

int
store_open(struct store **ret, const char *folder, bool existing_only, struct err *err)
{
    autofree_buf struct buf *path = buf_new();
    struct store *s;
    int rc;

    if (path == NULL || buf_putf(path, "%s/%s", folder, STORE_FILE) != 0)
        return store_no_memory(err);
    if (existing_only && access(buf_cstr(path), F_OK) != 0 && errno == ENOENT) {
        *ret = NULL;
        return 0;
    }
    s = calloc(1, sizeof *s);
    if (s == NULL)
        return store_no_memory(err);
    rc = sql_open(&s->db, buf_cstr(path), err);
    if (rc == 0)
        rc = migrate(s, err);
    if (rc != 0)
        store_close(&s);
    else
        *ret = s;
    return rc;
}

void
store_close(struct store **s)
{
    if (s == NULL || *s == NULL)
        return;
    sql_close(&(*s)->db);
    free(*s);
    *s = NULL;
}

int
store_begin(struct store *s, struct err *err)
{
    int rc = s->depth == 0 ? sql_exec(s->db, "BEGIN IMMEDIATE", err) : 0;

    if (rc == 0) {
        if (s->depth == 0)
            s->spoiled = 0;
        s->depth++;
    }
    return rc;
}

int
store_end(struct store *s, int rc, struct err *err)
{
    if (rc != 0)
        s->spoiled = rc;
    if (--s->depth > 0)
        return rc;
    if (rc == 0 && s->spoiled != 0)
        rc = err_set(err, s->spoiled, "the certificate store was not changed: a part of what was "
                     "to be written could not be");
    return finish(s, rc, err);
}

struct sql *
store_sql(struct store *s)
{
    return s->db;
}

char *
store_address(const char *address)
{
    const char *at = strrchr(address, '@');
    char *domain = at == NULL ? NULL : domain_normal(at + 1), *out = NULL;

    if (at == NULL)
        return strdup(address);
    if (domain != NULL && asprintf(&out, "%.*s@%s", (int)(at - address), address, domain) < 0)
        out = NULL;
    free(domain);
    return out;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/sql.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>

#define LIBRARY "libsqlite3.so.0"
#define WAL_PAUSE_MS 10
/* Prepared statements that are kept. */
#define KEPT_MAX 24

/* X(function of libsqlite3, without its prefix) */
#define FUNCTIONS(X) \
    X(open_v2) X(close_v2) X(exec) X(prepare_v3) X(step) X(finalize) X(errmsg) X(busy_timeout) \
    X(reset) X(clear_bindings) X(sql) \
    X(bind_int64) X(bind_text) X(bind_blob) X(bind_null) X(column_int64) X(column_text) \
    X(column_blob) X(column_bytes) X(db_config)

static struct {
#define X(name) __typeof__(&sqlite3_##name) name;
    FUNCTIONS(X)
#undef X
} lib;
static void *library;  /* stays for the life of the process */
static bool loaded;
static pthread_once_t once = PTHREAD_ONCE_INIT;

struct sql {
    sqlite3 *db;
    char *path;
    /* The ones in use are taken out. */
    sqlite3_stmt *kept[KEPT_MAX];
    size_t next;
};

struct sql_row {
    sqlite3_stmt *statement;
};

static void
load(void)
{
    library = dlopen(LIBRARY, RTLD_LAZY | RTLD_LOCAL);
    loaded = library != NULL;
#define X(name) \
    if (loaded) { \
        void *at = dlsym(library, "sqlite3_" #name); \
        memcpy(&lib.name, &at, sizeof at); \
        loaded = at != NULL; \
    }
    FUNCTIONS(X)
#undef X
}

static int
failed(const struct sql *s, int code, struct err *err)
{
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return err_set(err, E_TIMEOUT, "%s is in use by another process, which does not let go; "
                       "try again", s->path);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return err_set(err, E_CONFIG, "%s is damaged, or no certificate store; move it away, and "
                       "a new one is made", s->path);
    case SQLITE_FULL:
        return err_set(err, E_OUTPUT, "%s: the disk is full; make room, and try again", s->path);
    case SQLITE_READONLY:
        return err_set(err, E_OUTPUT, "%s can be read but not written; check the rights of the "
                       "file and its folder", s->path);
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR:
        return err_set(err, E_OUTPUT, "%s cannot be read or written: %s; check its place and "
                       "rights", s->path, lib.errmsg(s->db));
    case SQLITE_NOMEM:
        return err_set(err, E_NOMEM, "out of memory using %s", s->path);
    default:
        return err_set(err, E_SYSTEM, "%s: %s", s->path, lib.errmsg(s->db));
    }
}

/* With its owner's rights alone, which SQLite gives to what it puts beside it. One that is
 * there is not opened: closing it would end the locks of this process's other
 * connections (fcntl(2)). */
static int
touch(const char *path, struct err *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0)
        return errno == EEXIST ? 0 : err_set_sys(err, E_OUTPUT, errno, "%s cannot be made", path);
    close(fd);
    return 0;
}

/* Two that make the same file at once: SQLite does not wait here by itself. */
static int
enter_wal(struct sql *s)
{
    struct timespec pause = {.tv_nsec = WAL_PAUSE_MS * 1000000L};
    int rc = SQLITE_BUSY;

    for (int waited = 0; (rc & 0xff) == SQLITE_BUSY && waited < SQL_BUSY_MS;
         waited += WAL_PAUSE_MS) {
        if (waited > 0)
            nanosleep(&pause, NULL);
        rc = lib.exec(s->db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL", NULL, NULL,
                      NULL);
    }
    return rc;
}

int
sql_open(struct sql **ret, const char *path, struct err *err)
{
    struct sql *s;
    int rc;

    pthread_once(&once, load);
    if (!loaded)
        return err_set(err, E_SYSTEM, "certificates cannot be looked up or kept: " LIBRARY
                       " is not installed, or too old");
    rc = touch(path, err);
    if (rc != 0)
        return rc;
    s = calloc(1, sizeof *s);
    if (s == NULL || (s->path = strdup(path)) == NULL) {
        free(s);
        return err_set(err, E_NOMEM, "out of memory opening %s", path);
    }
    rc = lib.open_v2(path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK)
        rc = lib.busy_timeout(s->db, SQL_BUSY_MS);
    if (rc == SQLITE_OK)
        rc = enter_wal(s);
    /* Not by PRAGMA, which would have to be parsed. */
    if (rc == SQLITE_OK)
        rc = lib.db_config(s->db, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
    if (rc == SQLITE_OK)
        rc = lib.db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    rc = rc == SQLITE_OK ? 0
                         : failed(s, rc, err);
    if (rc != 0)
        sql_close(&s);
    else
        *ret = s;
    return rc;
}

void
sql_close(struct sql **s)
{
    if (s == NULL || *s == NULL)
        return;
    for (size_t i = 0; i < KEPT_MAX; i++)
        (void)lib.finalize((*s)->kept[i]);
    (void)lib.close_v2((*s)->db);
    free((*s)->path);
    free(*s);
    *s = NULL;
}

int
sql_exec(struct sql *s, const char *statements, struct err *err)
{
    int rc = lib.exec(s->db, statements, NULL, NULL, NULL);

    return rc == SQLITE_OK ? 0 : failed(s, rc, err);
}

static int
bind(sqlite3_stmt *statement, int at, const struct sql_arg *a)
{
    if (a->kind == SQL_INT)
        return lib.bind_int64(statement, at, a->number);
    if (a->data == NULL)
        return lib.bind_null(statement, at);
    if (a->kind == SQL_TEXT)
        return lib.bind_text(statement, at, a->data, -1, SQLITE_STATIC);
    return lib.bind_blob(statement, at, a->data, (int)a->len, SQLITE_STATIC);
}

/* The statement, prepared now or before. */
static int
take(struct sql *s, const char *text, sqlite3_stmt **ret)
{
    for (size_t i = 0; i < KEPT_MAX; i++)
        if (s->kept[i] != NULL && strcmp(lib.sql(s->kept[i]), text) == 0) {
            *ret = s->kept[i];
            s->kept[i] = NULL;
            return SQLITE_OK;
        }
    return lib.prepare_v3(s->db, text, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL);
}

/* Keeps it, in the place of whichever was kept first. */
static void
keep(struct sql *s, sqlite3_stmt *statement)
{
    if (statement == NULL)
        return;
    /* What these say was said by step. */
    (void)lib.reset(statement);
    (void)lib.clear_bindings(statement);
    (void)lib.finalize(s->kept[s->next]);
    s->kept[s->next] = statement;
    s->next = (s->next + 1) % KEPT_MAX;
}

int
sql_query(struct sql *s, const char *text, const struct sql_arg *args, size_t count,
          int (*each)(void *arg, const struct sql_row *), void *arg, struct err *err)
{
    struct sql_row row = {.statement = NULL};
    int rc = take(s, text, &row.statement), stop = 0;

    for (size_t i = 0; rc == SQLITE_OK && i < count; i++)
        rc = bind(row.statement, (int)i + 1, &args[i]);
    if (rc == SQLITE_OK)
        while (stop == 0 && (rc = lib.step(row.statement)) == SQLITE_ROW)
            stop = each != NULL ? each(arg, &row) : 0;
    if (stop == 0 && rc != SQLITE_DONE)
        stop = failed(s, rc, err);
    keep(s, row.statement);
    return stop;
}

int64_t
sql_row_int(const struct sql_row *r, int column)
{
    return lib.column_int64(r->statement, column);
}

const char *
sql_row_text(const struct sql_row *r, int column)
{
    return (const char *)lib.column_text(r->statement, column);
}

const uint8_t *
sql_row_blob(const struct sql_row *r, int column, size_t *ret_len)
{
    const uint8_t *data = lib.column_blob(r->statement, column);

    *ret_len = (size_t)lib.column_bytes(r->statement, column);
    return data;
}

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

#include "base/buf.h"
#include "trust/sql_memo.h"
#include "trust/sql_row.h"

#define LIBRARY "libsqlite3.so.0"
#define WAL_PAUSE_MS 10
/* Prepared statements that are kept. */
#define KEPT_MAX 24

/* X(function of libsqlite3, without its prefix) */
#define FUNCTIONS(X) \
    X(open_v2) X(close_v2) X(exec) X(prepare_v3) X(step) X(finalize) X(errmsg) X(busy_timeout) \
    X(reset) X(clear_bindings) X(sql) \
    X(bind_int64) X(bind_text) X(bind_blob) X(bind_null) X(column_count) X(column_type) \
    X(column_int64) X(column_text) X(column_blob) X(column_bytes) X(db_config)

static struct {
#define X(name) __typeof__(&sqlite3_##name) name;
    FUNCTIONS(X)
#undef X
} lib;
static void *library;  /* stays for the life of the process */
static bool loaded;
static pthread_once_t once = PTHREAD_ONCE_INIT;

struct sql {
    sqlite3 *db;       /* NULL as long as all answers are remembered ones */
    char *path;
    struct memo *memo; /* may be NULL */
    /* The ones in use are taken out. */
    sqlite3_stmt *kept[KEPT_MAX];
    size_t next;
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

static int
open_database(struct sql *s, struct err *err)
{
    int rc;

    pthread_once(&once, load);
    if (!loaded)
        return err_set(err, E_SYSTEM, "certificates cannot be looked up or kept: " LIBRARY
                       " is not installed, or too old");
    rc = touch(s->path, err);
    if (rc != 0)
        return rc;
    rc = lib.open_v2(s->path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK)
        rc = lib.busy_timeout(s->db, SQL_BUSY_MS);
    if (rc == SQLITE_OK)
        rc = enter_wal(s);
    /* Not by PRAGMA, which would have to be parsed. */
    if (rc == SQLITE_OK)
        rc = lib.db_config(s->db, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
    if (rc == SQLITE_OK)
        rc = lib.db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    return rc == SQLITE_OK ? 0 : failed(s, rc, err);
}

int
sql_open(struct sql **ret, const char *path, struct err *err)
{
    struct sql *s = calloc(1, sizeof *s);
    int rc = 0;

    if (s == NULL || (s->path = strdup(path)) == NULL) {
        free(s);
        return err_set(err, E_NOMEM, "out of memory opening %s", path);
    }
    s->memo = memo_open(path);
    if (s->memo == NULL || !memo_is_warm(s->memo))
        rc = open_database(s, err);
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
    if ((*s)->db != NULL) {
        for (size_t i = 0; i < KEPT_MAX; i++)
            (void)lib.finalize((*s)->kept[i]);
        (void)lib.close_v2((*s)->db);
    }
    if ((*s)->memo != NULL)
        memo_save((*s)->memo);
    memo_free(&(*s)->memo);
    free((*s)->path);
    free(*s);
    *s = NULL;
}

int
sql_exec(struct sql *s, const char *statements, struct err *err)
{
    int rc = s->db == NULL ? open_database(s, err) : 0;

    if (rc != 0)
        return rc;
    if (s->memo != NULL)
        memo_spoil(s->memo);
    rc = lib.exec(s->db, statements, NULL, NULL, NULL);
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

/* The row that the statement stands at; valid until its next step. */
static void
read_row(sqlite3_stmt *statement, struct sql_row *ret)
{
    int count = lib.column_count(statement);

    ret->count = count < SQL_COLUMNS_MAX ? count : SQL_COLUMNS_MAX;
    for (int i = 0; i < ret->count; i++) {
        struct sql_cell *c = &ret->cells[i];
        int type = lib.column_type(statement, i);

        *c = (struct sql_cell){.kind = CELL_NULL};
        if (type == SQLITE_INTEGER) {
            c->kind = CELL_INT;
            c->number = lib.column_int64(statement, i);
        } else if (type == SQLITE_TEXT) {
            c->kind = CELL_TEXT;
            c->data = lib.column_text(statement, i);
            c->len = (size_t)lib.column_bytes(statement, i);
        } else if (type == SQLITE_BLOB) {
            c->kind = CELL_BLOB;
            c->data = lib.column_blob(statement, i);
            c->len = (size_t)lib.column_bytes(statement, i);
        }
    }
}

static bool
only_reads(const char *text)
{
    return strncmp(text, "SELECT ", 7) == 0 || strcmp(text, "PRAGMA user_version") == 0;
}

/* The answer as it was remembered. */
static int
tell(const uint8_t *rows, size_t len, int (*each)(void *arg, const struct sql_row *), void *arg)
{
    struct sql_row row;
    int stop = 0;

    while (stop == 0 && len > 0 && sql_row_take(&rows, &len, &row))
        stop = each != NULL ? each(arg, &row) : 0;
    return stop;
}

/* The answer of the database. note, when there is one, gets its rows; freed when they
 * cannot be kept. */
static int
ask(struct sql *s, const char *text, const struct sql_arg *args, size_t count, struct buf **note,
    int (*each)(void *arg, const struct sql_row *), void *arg, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int rc = take(s, text, &statement), stop = 0;

    for (size_t i = 0; rc == SQLITE_OK && i < count; i++)
        rc = bind(statement, (int)i + 1, &args[i]);
    if (rc == SQLITE_OK)
        while (stop == 0 && (rc = lib.step(statement)) == SQLITE_ROW) {
            struct sql_row row;
            read_row(statement, &row);
            if (*note != NULL && sql_row_put(*note, &row) != 0)
                buf_free(note);
            stop = each != NULL ? each(arg, &row) : 0;
        }
    if (stop == 0 && rc != SQLITE_DONE)
        stop = failed(s, rc, err);
    keep(s, statement);
    return stop;
}

int
sql_query(struct sql *s, const char *text, const struct sql_arg *args, size_t count,
          int (*each)(void *arg, const struct sql_row *), void *arg, struct err *err)
{
    bool reads = s->memo != NULL && only_reads(text);
    const uint8_t *rows;
    size_t len;
    int rc;

    if (reads && memo_find(s->memo, text, args, count, &rows, &len))
        return tell(rows, len, each, arg);
    rc = s->db == NULL ? open_database(s, err) : 0;
    if (rc != 0)
        return rc;
    if (s->memo != NULL && !reads)
        memo_spoil(s->memo);
    autofree_buf struct buf *note = reads ? buf_new() : NULL;
    if (note != NULL)
        buf_set_max(note, MEMO_ANSWER_MAX);
    rc = ask(s, text, args, count, &note, each, arg, err);
    if (rc == 0 && note != NULL)
        memo_note(s->memo, text, args, count, buf_data(note), buf_len(note));
    return rc;
}

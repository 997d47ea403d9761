/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/sql_memo.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/io.h"

static const char magic[8] = "SGNSEEN1";

/* Of one file; all zero when it is absent or empty. */
struct file_state {
    int64_t device, inode, size, modified, modified_ns, changed, changed_ns;
};

struct state {
    struct file_state database, log;
};

/* The file: this, then answers. */
struct head {
    char magic[8];
    struct state state;
    uint64_t len, sum;  /* of the answers */
};

/* One answer: this, its arguments, its rows. */
struct answer {
    uint64_t statement; /* a hash of its text */
    uint64_t args_len, rows_len;
};

struct memo {
    char *path, *database, *log;
    struct state state;
    bool settled;       /* the state can be relied on */
    bool spoiled;
    struct buf *known;  /* the file's answers */
    struct buf *news;
};

/* FNV-1a by words, the rest by bytes. It finds damage and tells our few statements apart; nobody
 * who could choose what it is of would gain by it. */
static uint64_t
hash(const void *data, size_t len)
{
    const uint8_t *at = data;
    uint64_t h = UINT64_C(0xcbf29ce484222325) ^ len, word;

    for (; len >= sizeof word; at += sizeof word, len -= sizeof word) {
        memcpy(&word, at, sizeof word);
        h = (h ^ word) * UINT64_C(0x100000001b3);
        h ^= h >> 29;
    }
    for (; len > 0; at++, len--)
        h = (h ^ *at) * UINT64_C(0x100000001b3);
    return h;
}

static struct file_state
look_at(const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0 || st.st_size == 0)
        return (struct file_state){0};
    return (struct file_state){
        .device = (int64_t)st.st_dev, .inode = (int64_t)st.st_ino, .size = (int64_t)st.st_size,
        .modified = (int64_t)st.st_mtim.tv_sec, .modified_ns = (int64_t)st.st_mtim.tv_nsec,
        .changed = (int64_t)st.st_ctim.tv_sec, .changed_ns = (int64_t)st.st_ctim.tv_nsec};
}

static void
look(const struct memo *m, struct state *ret)
{
    ret->database = look_at(m->database);
    ret->log = look_at(m->log);
}

static bool
is_settled(const struct file_state *f, const struct timespec *now)
{
    int64_t coarse = f->modified_ns == 0 && f->changed_ns == 0, since;

    if (f->inode == 0)
        return true;
    since = ((int64_t)now->tv_sec - f->modified) * 1000 + (now->tv_nsec - f->modified_ns) / 1000000;
    return since >= (coarse ? MEMO_SETTLED_COARSE_MS : MEMO_SETTLED_MS);
}

/* Whether the answers are what they say, each within its bounds. */
static bool
is_sound(const uint8_t *at, size_t left)
{
    struct answer a;

    while (left > 0) {
        if (left < sizeof a)
            return false;
        memcpy(&a, at, sizeof a);
        left -= sizeof a;
        if (a.args_len > left || a.rows_len > left - a.args_len)
            return false;
        at += sizeof a + a.args_len + a.rows_len;
        left -= a.args_len + a.rows_len;
    }
    return true;
}

/* Only one's own, which nobody else may write. */
static bool
read_file(const char *path, uint8_t *room, size_t max, size_t *ret_len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    ssize_t n = -1;

    if (fd < 0)
        return false;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
        (st.st_mode & 022) == 0 && st.st_size > 0 && (uint64_t)st.st_size <= max)
        n = read(fd, room, (size_t)st.st_size);
    close(fd);
    *ret_len = n > 0 ? (size_t)n : 0;
    return n > 0 && n == st.st_size;
}

static void
load(struct memo *m)
{
    uint8_t *file = malloc(MEMO_MAX);
    struct head head;
    size_t len = 0;

    if (file != NULL && read_file(m->path, file, MEMO_MAX, &len) && len >= sizeof head) {
        const uint8_t *answers = file + sizeof head;
        memcpy(&head, file, sizeof head);
        if (memcmp(head.magic, magic, sizeof magic) == 0 && head.len == len - sizeof head &&
            memcmp(&head.state, &m->state, sizeof m->state) == 0 &&
            head.sum == hash(answers, head.len) && is_sound(answers, head.len) &&
            buf_put(m->known, answers, head.len) != 0)
            buf_reset(m->known);
    }
    free(file);
}

struct memo *
memo_open(const char *path)
{
    struct memo *m = calloc(1, sizeof *m);
    struct timespec now;

    if (m == NULL)
        return NULL;
    m->known = buf_new();
    m->news = buf_new();
    if (m->known == NULL || m->news == NULL || asprintf(&m->path, "%s" MEMO_SUFFIX, path) < 0 ||
        asprintf(&m->log, "%s-wal", path) < 0 || (m->database = strdup(path)) == NULL) {
        memo_free(&m);
        return NULL;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    look(m, &m->state);
    m->settled = m->state.database.inode != 0 && is_settled(&m->state.database, &now) &&
                 is_settled(&m->state.log, &now);
    if (m->settled)
        load(m);
    return m;
}

void
memo_free(struct memo **pm)
{
    struct memo *m = pm == NULL ? NULL : *pm;

    if (m == NULL)
        return;
    buf_free(&m->known);
    buf_free(&m->news);
    free(m->path);
    free(m->log);
    free(m->database);
    free(m);
    *pm = NULL;
}

bool
memo_is_warm(const struct memo *m)
{
    return !m->spoiled && buf_len(m->known) > 0;
}

static int
put_args(struct buf *out, const struct sql_arg *args, size_t count)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < count; i++) {
        const struct sql_arg *a = &args[i];
        bool null = a->kind != SQL_INT && a->data == NULL;
        size_t len = null ? 0 : a->kind == SQL_TEXT ? strlen(a->data) : a->len;
        int64_t head[2] = {null ? -1 : (int64_t)a->kind,
                           a->kind == SQL_INT ? a->number : (int64_t)len};

        rc = buf_put(out, head, sizeof head);
        if (rc == 0 && a->kind != SQL_INT && len > 0)
            rc = buf_put(out, a->data, len);
    }
    return rc;
}

/* The rows of that answer in answers; NULL when it is not there. */
static const uint8_t *
search(const struct buf *answers, uint64_t statement, const struct buf *args, size_t *ret_len)
{
    const uint8_t *at = buf_data(answers), *end = at + buf_len(answers);
    struct answer a;

    for (; at < end; at += sizeof a + a.args_len + a.rows_len) {
        memcpy(&a, at, sizeof a);
        if (a.statement == statement && a.args_len == buf_len(args) &&
            memcmp(at + sizeof a, buf_data(args), a.args_len) == 0) {
            *ret_len = a.rows_len;
            return at + sizeof a + a.args_len;
        }
    }
    return NULL;
}

bool
memo_find(const struct memo *m, const char *statement, const struct sql_arg *args, size_t count,
          const uint8_t **ret, size_t *ret_len)
{
    autofree_buf struct buf *key = memo_is_warm(m) ? buf_new() : NULL;

    if (key == NULL || put_args(key, args, count) != 0)
        return false;
    *ret = search(m->known, hash(statement, strlen(statement)), key, ret_len);
    return *ret != NULL;
}

static int
put_answer(struct buf *out, uint64_t statement, const struct buf *args, const uint8_t *rows,
           size_t len)
{
    const struct answer a = {.statement = statement, .args_len = buf_len(args), .rows_len = len};
    int rc = buf_put(out, &a, sizeof a);

    if (rc == 0)
        rc = buf_put(out, buf_data(args), buf_len(args));
    return rc == 0 ? buf_put(out, rows, len) : rc;
}

void
memo_note(struct memo *m, const char *statement, const struct sql_arg *args, size_t count,
          const uint8_t *rows, size_t len)
{
    bool wanted = m->settled && !m->spoiled && len <= MEMO_ANSWER_MAX && buf_len(m->news) < MEMO_MAX;
    autofree_buf struct buf *key = wanted ? buf_new() : NULL;
    uint64_t text = hash(statement, strlen(statement));
    size_t before = buf_len(m->news), ignored;

    if (key == NULL || put_args(key, args, count) != 0 ||
        search(m->news, text, key, &ignored) != NULL)
        return;
    if (put_answer(m->news, text, key, rows, len) != 0)
        buf_trim(m->news, buf_len(m->news) - before);
}

void
memo_spoil(struct memo *m)
{
    if (!m->spoiled)
        (void)unlink(m->path);
    m->spoiled = true;
}

/* What is new, and behind it what was there, as far as it fits. */
static int
join(const struct memo *m, struct buf *out)
{
    const uint8_t *at = buf_data(m->known), *end = at + buf_len(m->known);
    int rc = buf_put(out, buf_data(m->news), buf_len(m->news));

    while (rc == 0 && at < end) {
        struct answer a;
        memcpy(&a, at, sizeof a);
        size_t len = sizeof a + a.args_len + a.rows_len;
        if (buf_len(out) + len > MEMO_MAX - sizeof(struct head))
            break;
        rc = buf_put(out, at, len);
        at += len;
    }
    return rc;
}

/* For its owner alone: what replaces it has the same rights. */
static void
make_private(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd >= 0)
        close(fd);
}

void
memo_save(struct memo *m)
{
    autofree_buf struct buf *answers = NULL;
    struct head head = {.len = 0};
    struct outfile *out = NULL;

    if (!m->settled || m->spoiled || buf_len(m->news) == 0)
        return;
    look(m, &head.state);
    if (memcmp(&head.state, &m->state, sizeof m->state) != 0)
        return;
    answers = buf_new();
    if (answers == NULL || join(m, answers) != 0 || buf_len(answers) > MEMO_MAX - sizeof head)
        return;
    memcpy(head.magic, magic, sizeof magic);
    head.len = buf_len(answers);
    head.sum = hash(buf_data(answers), head.len);
    make_private(m->path);
    if (outfile_open(&out, m->path, true, NULL) == 0 &&
        outfile_write(out, &head, sizeof head, NULL) == 0 &&
        outfile_write(out, buf_data(answers), head.len, NULL) == 0)
        (void)!outfile_commit(out, NULL);
    outfile_free(&out);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/audit_log.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* How often a followed file is looked at. */
#define LOOK_NS 200000000L

static int
no_memory(struct err *err)
{
    return err_set(err, E_NOMEM, "out of memory while reading the audit log");
}

/* Rotated ones have numbers with leading zeros, which sort. */
static int
own_files(const struct cli *cli, char ***ret, struct err *err)
{
    char *pattern, *current;
    char **files;
    glob_t found = {0};
    size_t n = 0;

    if (asprintf(&pattern, "%s/audit.log.[0-9]*", cli->home.state) < 0)
        return no_memory(err);
    if (asprintf(&current, "%s/audit.log", cli->home.state) < 0) {
        free(pattern);
        return no_memory(err);
    }
    if (glob(pattern, 0, NULL, &found) != 0)
        found.gl_pathc = 0;
    free(pattern);
    files = calloc(found.gl_pathc + 2, sizeof *files);
    for (size_t i = 0; files && i < found.gl_pathc; i++)
        files[n++] = strdup(found.gl_pathv[i]);
    if (files && (access(current, F_OK) == 0 || n == 0))
        files[n++] = strdup(current);
    free(current);
    globfree(&found);
    if (!files)
        return no_memory(err);
    *ret = files;
    return 0;
}

int
audit_files(const struct cli *cli, const struct options *o, char ***ret, struct err *err)
{
    char **files = NULL;
    int rc = 0;

    if (o->operand_count == 0) {
        rc = own_files(cli, &files, err);
    } else {
        files = calloc(o->operand_count + 1, sizeof *files);
        for (size_t i = 0; files && i < o->operand_count; i++)
            files[i] = strdup(o->operands[i]);
    }
    if (!files)
        return rc != 0 ? rc : no_memory(err);
    for (size_t i = 0; rc == 0 && files[i]; i++)
        if (access(files[i], R_OK) != 0)
            rc = err_set_sys(err, E_INPUT, errno, "the audit log %s cannot be read", files[i]);
    if (rc != 0)
        audit_files_free(&files);
    *ret = files;
    return rc;
}

void
audit_files_free(char ***pf)
{
    char **files = *pf;

    for (size_t i = 0; files && files[i]; i++)
        free(files[i]);
    free(files);
    *pf = NULL;
}

static int
give(struct audit_record *r, char *line, ssize_t n, audit_each *each, void *arg, struct err *err)
{
    json_t *json = NULL;
    int rc;

    r->ended = n > 0 && line[n - 1] == '\n';
    r->text = line;
    r->len = (size_t)n - r->ended;
    json = json_loadb(line, r->len, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(json)) {
        json_decref(json);
        json = NULL;
    }
    r->json = json;
    r->seq = (uint64_t)json_integer_value(json_object_get(json, "seq"));
    r->prev = json_string_value(json_object_get(json, "prev"));
    r->prev = r->prev ? r->prev : "";
    rc = each(arg, r, err);
    json_decref(json);
    return rc;
}

/* One line with its end, if it has one: its length, 0 at the end of the file, E_LIMIT when it is
 * longer than room. */
static ssize_t
take_line(FILE *f, char *room, size_t max)
{
    size_t n = 0;
    int ch;

    while ((ch = getc_unlocked(f)) != EOF) {
        if (n == max)
            return E_LIMIT;
        room[n++] = (char)ch;
        if (ch == '\n')
            break;
    }
    return (ssize_t)n;
}

/* From where the stream stands. */
static int
read_lines(FILE *f, struct audit_record *r, audit_each *each, void *arg, struct err *err)
{
    char *line = malloc(AUDIT_RECORD_MAX + 1);
    ssize_t n = 0;
    int rc = line ? 0 : no_memory(err);

    while (line && rc == 0 && (n = take_line(f, line, AUDIT_RECORD_MAX + 1)) > 0) {
        r->line++;
        rc = give(r, line, n, each, arg, err);
    }
    free(line);
    if (rc == 0 && n < 0)
        rc = err_set(err, E_LIMIT, "%s, line %lu: longer than %u bytes, so it is no audit log",
                     r->file, r->line + 1, AUDIT_RECORD_MAX);
    if (rc == 0 && ferror(f))
        rc = err_set_sys(err, E_INPUT, errno, "%s cannot be read", r->file);
    return rc;
}

int
audit_read(const char *file, audit_each *each, void *arg, struct err *err)
{
    struct audit_record r = {.file = file};
    FILE *f = fopen(file, "re");
    int rc;

    if (!f)
        return err_set_sys(err, E_INPUT, errno, "%s cannot be read", file);
    rc = read_lines(f, &r, each, arg, err);
    fclose(f);
    return rc;
}

/* Whole lines only: what has no end yet is read again. */
struct whole {
    audit_each *each;
    void *arg;
    uint64_t done;
};

static int
take_whole(void *arg, const struct audit_record *r, struct err *err)
{
    struct whole *w = arg;

    if (!r->ended)
        return 0;
    w->done += r->len + 1;
    return w->each(w->arg, r, err);
}

int
audit_follow(const char *file, uint64_t from, audit_each *each, void *arg, struct err *err)
{
    const struct timespec pause = {.tv_nsec = LOOK_NS};
    struct whole w = {.each = each, .arg = arg, .done = from};
    ino_t inode = 0;

    for (;;) {
        struct audit_record r = {.file = file};
        FILE *f = fopen(file, "re");
        struct stat st;
        int rc = 0;

        if (f && fstat(fileno(f), &st) == 0) {
            if ((inode && st.st_ino != inode) || (uint64_t)st.st_size < w.done)
                w.done = 0;
            inode = st.st_ino;
            if ((uint64_t)st.st_size > w.done && fseeko(f, (off_t)w.done, SEEK_SET) == 0)
                rc = read_lines(f, &r, take_whole, &w, err);
        }
        if (f)
            fclose(f);
        if (rc != 0)
            return rc;
        nanosleep(&pause, NULL);
    }
}

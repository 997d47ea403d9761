/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/conf_line.h"
#include "base/conf_schema.h"
#include "base/io.h"

#define CONF_FILE_MAX (1024u * 1024)

struct wanted {
    const char *kind;
    const char *name;
    const char *key;
    const char *value;
};

/* Where the new line goes: text[from .. to) is replaced by it. */
struct place {
    bool section;
    size_t from;
    size_t to;
};

static bool
is_section(const struct conf_line *line, const struct wanted *w)
{
    return conf_span_is(line->kind, w->kind)
           && conf_span_is(line->name, w->name != NULL ? w->name : "");
}

static struct place
find_place(const char *text, size_t len, const struct wanted *w)
{
    struct place place = {.from = len, .to = len};
    bool inside = false;
    for (size_t at = 0; at < len;) {
        const char *newline = memchr(text + at, '\n', len - at);
        size_t end = newline != NULL ? (size_t)(newline - text) + 1 : len;
        struct conf_line line = conf_line_parse(text + at, end - at);
        if (line.type == CONF_LINE_SECTION)
            inside = is_section(&line, w);
        if (inside && line.type == CONF_LINE_KEY && conf_span_is(line.key, w->key))
            return (struct place){true, at, end};
        /* Behind the last line of the section that says something. */
        if (inside && line.type != CONF_LINE_BLANK)
            place = (struct place){true, end, end};
        at = end;
    }
    return place;
}

static int
compose(struct buf *out, const char *text, size_t len, const struct wanted *w)
{
    struct place p = find_place(text, len, w);
    int rc = buf_put(out, text, p.from);
    if (rc == 0 && p.from > 0 && text[p.from - 1] != '\n')
        rc = buf_put_byte(out, '\n');
    if (rc == 0 && !p.section)
        rc = buf_putf(out, "%s[%s%s%s]\n", p.from > 0 ? "\n" : "", w->kind,
                      w->name != NULL ? " " : "", w->name != NULL ? w->name : "");
    if (rc == 0)
        rc = buf_putf(out, "%s = %s\n", w->key, w->value);
    if (rc == 0)
        rc = buf_put(out, text + p.to, len - p.to);
    return rc;
}

/* What is written must read back as the same. */
static int
check_wanted(const struct wanted *w, struct err *err)
{
    const struct conf_key *key = conf_key_find(w->kind, w->key);
    if (key == NULL)
        return err_set(err, E_INTERNAL, "configuration has no key \"%s\" in [%s]", w->key,
                       w->kind);
    autofree_buf struct buf *text = buf_new();
    int rc = text != NULL ? compose(text, "", 0, w) : E_NOMEM;
    if (rc != 0)
        return err_set(err, rc, "out of memory");
    const char *first = buf_cstr(text);
    size_t first_len = strcspn(first, "\n") + 1;
    struct conf_line section = conf_line_parse(first, first_len);
    struct conf_line line = conf_line_parse(first + first_len, buf_len(text) - first_len);
    if (section.type != CONF_LINE_SECTION || !is_section(&section, w))
        return err_set(err, E_CONFIG,
                       "a configuration file cannot hold the name \"%s\"; choose one without "
                       "line breaks, outer spaces and \" ;\"", w->name);
    if (line.type != CONF_LINE_KEY || !conf_span_is(line.value, w->value)
        || strchr(w->value, '\n') != NULL || !key->valid(w->value))
        return err_set(err, E_CONFIG, "\"%s\" cannot be set to \"%s\"; it wants %s", w->key,
                       w->value, key->wanted);
    return 0;
}

static int
replace(const char *path, const struct buf *text, struct err *err)
{
    struct outfile *out = NULL;
    /* A new file is for its owner alone; outfile keeps the mode it finds. */
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_set_sys(err, E_OUTPUT, errno, "\"%s\" cannot be written", path);
    close(fd);
    int rc = outfile_open(&out, path, false, err);
    if (rc == 0)
        rc = outfile_write(out, buf_data(text), buf_len(text), err);
    if (rc == 0)
        rc = outfile_commit(out, err);
    outfile_free(&out);
    return rc;
}

int
conf_write(const char *path, const char *kind, const char *name, const char *key,
           const char *value, struct err *err)
{
    const struct wanted w = {kind, name, key, value};
    autofree_buf struct buf *before = buf_new();
    autofree_buf struct buf *after = buf_new();
    if (before == NULL || after == NULL)
        return err_set(err, E_NOMEM, "out of memory");
    int rc = check_wanted(&w, err);
    if (rc == 0 && (access(path, F_OK) == 0 || errno != ENOENT))
        rc = io_read_file(path, CONF_FILE_MAX, before, err);
    if (rc != 0)
        return rc;
    rc = compose(after, (const char *)buf_data(before), buf_len(before), &w);
    if (rc != 0)
        return err_set(err, rc, "\"%s\" is too large to be changed", path);
    return replace(path, after, err);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/conf.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/conf_line.h"
#include "base/conf_schema.h"
#include "base/io.h"
#include "base/text.h"
#include "signet-config.h"

/* Largest configuration file, in bytes; most sections and values of all files. */
#define CONF_FILE_MAX (1024u * 1024)
#define CONF_ITEMS_MAX 4096u

struct section {
    char *kind;
    char *name;   /* NULL for [kind] */
    unsigned file, line; /* where it begins */
};

struct value {
    size_t section;
    char *key;
    char *text;
    unsigned file;
    unsigned line;
};

struct conf {
    struct section *sections;
    size_t section_count;
    struct value *values;
    size_t value_count;
    char **paths;
    unsigned files;
};

struct reader {
    struct conf *conf;
    const char *path;
    unsigned line;
    bool in_section;
    size_t section;
};

static bool
same_name(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
find_section(const struct conf *c, const char *kind, const char *name, size_t *ret)
{
    for (size_t i = 0; i < c->section_count; i++) {
        if (strcmp(c->sections[i].kind, kind) == 0 && same_name(c->sections[i].name, name)) {
            *ret = i;
            return true;
        }
    }
    return false;
}

static const struct value *
find_value(const struct conf *c, size_t section, const char *key)
{
    /* The newest first: a later file replaces an earlier one. */
    for (size_t i = c->value_count; i-- > 0;)
        if (c->values[i].section == section && strcmp(c->values[i].key, key) == 0)
            return &c->values[i];
    return NULL;
}

static int
faulty(const struct reader *r, struct err *err, const char *what, struct conf_span word,
       const char *advice)
{
    struct buf *safe = buf_new();
    if (safe == NULL || text_put_safe(safe, word.text, word.len) != 0) {
        buf_free(&safe);
        return err_set(err, E_NOMEM, "out of memory");
    }
    err_set(err, E_CONFIG, "%s:%u: %s \"%s\"; %s", r->path, r->line, what, buf_cstr(safe),
            advice);
    buf_free(&safe);
    return E_CONFIG;
}

/* One more element of a growing array; NULL when there are too many. */
static void *
one_more(void *array, size_t count, size_t size)
{
    return count < CONF_ITEMS_MAX ? reallocarray(array, count + 1, size) : NULL;
}

static int
out_of_room(struct err *err)
{
    return err_set(err, E_NOMEM, "out of memory for the configuration");
}

static int
enter_section(struct reader *r, const struct conf_line *line, struct err *err)
{
    struct conf *c = r->conf;
    const struct conf_kind *kind = conf_kind_find(line->kind.text, line->kind.len);
    if (kind == NULL)
        return faulty(r, err, "unknown section", line->kind,
                      "see signet.conf(5) for those there are");
    if (kind->named && line->name.len == 0)
        return faulty(r, err, "section without a name", line->kind,
                      "write [module NAME] or [token LABEL]");
    if (!kind->named && line->name.len > 0)
        return faulty(r, err, "section takes no name, but has", line->name, "remove it");
    char *name = kind->named ? strndup(line->name.text, line->name.len) : NULL;
    if (kind->named && name == NULL)
        return out_of_room(err);
    r->in_section = true;
    if (!kind->repeated && find_section(c, kind->name, name, &r->section)) {
        free(name);
        return 0;
    }
    struct section *sections = one_more(c->sections, c->section_count, sizeof *sections);
    if (sections != NULL)
        c->sections = sections;
    char *kind_name = strdup(kind->name);
    if (sections == NULL || kind_name == NULL) {
        free(name);
        free(kind_name);
        return out_of_room(err);
    }
    sections[c->section_count].kind = kind_name;
    sections[c->section_count].name = name;
    sections[c->section_count].file = c->files;
    sections[c->section_count].line = r->line;
    r->section = c->section_count++;
    return 0;
}

static int
store(struct reader *r, const char *key, const char *text, size_t len, struct err *err)
{
    struct conf *c = r->conf;
    struct value *values = one_more(c->values, c->value_count, sizeof *values);
    if (values == NULL)
        return out_of_room(err);
    c->values = values;
    struct value v = {r->section, strdup(key), strndup(text, len), c->files, r->line};
    if (v.key == NULL || v.text == NULL) {
        free(v.key);
        free(v.text);
        return out_of_room(err);
    }
    values[c->value_count++] = v;
    return 0;
}

static int
check_and_store(struct reader *r, const char *name, const struct conf_line *line,
                struct err *err)
{
    const struct section *s = &r->conf->sections[r->section];
    const struct conf_key *key = conf_key_find(s->kind, name);
    if (key == NULL)
        return faulty(r, err, "unknown key", line->key, "see signet.conf(5) for those there are");
    const struct value *before = find_value(r->conf, r->section, name);
    if (before != NULL && before->file == r->conf->files)
        return faulty(r, err, "second value for", line->key, "remove one of the two lines");
    int rc = store(r, key->name, line->value.text, line->value.len, err);
    if (rc == 0 && !key->valid(r->conf->values[r->conf->value_count - 1].text))
        return err_set(err, E_CONFIG, "%s:%u: \"%s\" is not well-formed; it wants %s", r->path,
                       r->line, key->name, key->wanted);
    return rc;
}

static int
read_line(struct reader *r, const char *text, size_t len, struct err *err)
{
    struct conf_line line = conf_line_parse(text, len);
    if (line.type == CONF_LINE_BLANK)
        return 0;
    if (line.type == CONF_LINE_FAULTY || memchr(text, '\0', len) != NULL)
        return faulty(r, err, "cannot understand", (struct conf_span){text, len},
                      "write [section] or key = value");
    if (line.type == CONF_LINE_SECTION)
        return enter_section(r, &line, err);
    if (!r->in_section)
        return faulty(r, err, "key before any section", line.key,
                      "put it below a line such as [agent]");
    char *name = strndup(line.key.text, line.key.len);
    if (name == NULL)
        return out_of_room(err);
    int rc = check_and_store(r, name, &line, err);
    free(name);
    return rc;
}

static int
read_text(struct conf *c, const char *path, const struct buf *text, struct err *err)
{
    const char *p = (const char *)buf_data(text);
    const char *end = p + buf_len(text);
    struct reader r = {.conf = c, .path = path};
    char **paths = reallocarray(c->paths, c->files + 1, sizeof *paths);
    int rc = 0;
    if (paths == NULL)
        return out_of_room(err);
    c->paths = paths;
    paths[c->files] = strdup(path);
    if (paths[c->files] == NULL)
        return out_of_room(err);
    c->files++;
    while (p < end && rc == 0) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        const char *stop = newline != NULL ? newline : end;
        r.line++;
        rc = read_line(&r, p, (size_t)(stop - p), err);
        p = newline != NULL ? newline + 1 : end;
    }
    return rc;
}

static int
read_file(struct conf *c, const char *path, struct err *err)
{
    autofree_buf struct buf *text = buf_new();
    if (text == NULL)
        return out_of_room(err);
    int rc = io_read_file(path, CONF_FILE_MAX, text, err);
    if (rc != 0)
        return rc;
    return read_text(c, path, text, err);
}

int
conf_load_file(struct conf **ret, const char *path, struct err *err)
{
    struct conf *c = calloc(1, sizeof *c);
    if (c == NULL)
        return out_of_room(err);
    int rc = read_file(c, path, err);
    if (rc != 0)
        conf_free(&c);
    else
        *ret = c;
    return rc;
}

int
conf_load(struct conf **ret, const struct home *home, struct err *err)
{
    char site[PATH_MAX];
    const char *const paths[] = {home->site != NULL ? site : NULL, home->config};
    struct conf *c = calloc(1, sizeof *c);
    int rc = 0;
    if (c == NULL)
        return out_of_room(err);
    if (home->site != NULL
        && snprintf(site, sizeof site, "%s/signet.conf", home->site) >= (int)sizeof site)
        site[0] = '\0';
    for (size_t i = 0; i < sizeof paths / sizeof *paths && rc == 0; i++) {
        /* The machine's agent has one file for both. */
        if (paths[i] == NULL || (i > 0 && paths[0] != NULL && strcmp(paths[0], paths[i]) == 0)
            || (access(paths[i], F_OK) != 0 && errno == ENOENT))
            continue;
        rc = read_file(c, paths[i], err);
    }
    if (rc != 0)
        conf_free(&c);
    else
        *ret = c;
    return rc;
}

void
conf_free(struct conf **pc)
{
    if (pc == NULL || *pc == NULL)
        return;
    struct conf *c = *pc;
    for (size_t i = 0; i < c->section_count; i++) {
        free(c->sections[i].kind);
        free(c->sections[i].name);
    }
    for (size_t i = 0; i < c->value_count; i++) {
        free(c->values[i].key);
        free(c->values[i].text);
    }
    for (unsigned i = 0; i < c->files; i++)
        free(c->paths[i]);
    free(c->paths);
    free(c->sections);
    free(c->values);
    free(c);
    *pc = NULL;
}

const char *
conf_get(const struct conf *c, const char *kind, const char *name, const char *key)
{
    size_t section;
    if (!find_section(c, kind, name, &section))
        return NULL;
    const struct value *v = find_value(c, section, key);
    return v != NULL ? v->text : NULL;
}

unsigned
conf_get_number(const struct conf *c, const char *kind, const char *name, const char *key,
                unsigned fallback)
{
    const char *text = conf_get(c, kind, name, key);
    unsigned n;
    return text != NULL && conf_parse_number(text, &n) ? n : fallback;
}

unsigned
conf_get_duration(const struct conf *c, const char *kind, const char *name, const char *key,
                  unsigned fallback_seconds)
{
    const char *text = conf_get(c, kind, name, key);
    unsigned n;
    return text != NULL && text_parse_duration(text, &n) == 0 ? n : fallback_seconds;
}

uint64_t
conf_get_size(const struct conf *c, const char *kind, const char *name, const char *key,
              uint64_t fallback_bytes)
{
    const char *text = conf_get(c, kind, name, key);
    uint64_t n;
    return text != NULL && conf_parse_size(text, &n) ? n : fallback_bytes;
}

bool
conf_get_bool(const struct conf *c, const char *kind, const char *name, const char *key,
              bool fallback)
{
    const char *text = conf_get(c, kind, name, key);
    bool value;
    return text != NULL && conf_parse_bool(text, &value) ? value : fallback;
}

const char *
conf_section(const struct conf *c, const char *kind, unsigned i)
{
    for (size_t s = 0; s < c->section_count; s++)
        if (strcmp(c->sections[s].kind, kind) == 0 && c->sections[s].name != NULL && i-- == 0)
            return c->sections[s].name;
    return NULL;
}

static void
tell_place(const struct conf *c, size_t s, struct conf_place *ret)
{
    const struct section *at = &c->sections[s];
    *ret = (struct conf_place){at->name, c->paths[at->file - 1], at->line, s};
}

bool
conf_place(const struct conf *c, const char *kind, unsigned i, struct conf_place *ret)
{
    for (size_t s = 0; s < c->section_count; s++) {
        if (strcmp(c->sections[s].kind, kind) == 0 && i-- == 0) {
            tell_place(c, s, ret);
            return true;
        }
    }
    return false;
}

bool
conf_place_other(const struct conf *c, const char *kind, struct conf_place *ret)
{
    for (size_t s = 0; s < c->section_count; s++) {
        if (strcmp(c->sections[s].kind, kind) != 0) {
            tell_place(c, s, ret);
            return true;
        }
    }
    return false;
}

const char *
conf_value(const struct conf *c, const struct conf_place *at, const char *key, unsigned *ret_line)
{
    const struct value *v = find_value(c, at->section, key);
    if (v != NULL && ret_line != NULL)
        *ret_line = v->line;
    return v != NULL ? v->text : NULL;
}

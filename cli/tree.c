/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/tree.h"

#include <stdio.h>
#include <string.h>

/* Two blanks for each level, up to this many. */
#define INDENT_MAX 40u
/* Labels that are longer do not push the others' values aside. */
#define LABEL_MAX 28
/* A list that is longer goes on its own lines. */
#define LIST_MAX 72u

struct tree {
    struct buf *out;
    const struct tree_row *rows;
    unsigned depth;
    int rc;
};

static const struct tree_row *
row_of(const struct tree *t, const char *key)
{
    const struct tree_row *r = t->rows;

    while (r->key != NULL && strcmp(r->key, key) != 0)
        r++;
    return r;
}

static void put(struct tree *t, const char *fmt, ...) printf_like(2, 3);

static void
put(struct tree *t, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    if (t->rc == 0)
        t->rc = buf_putfv(t->out, fmt, ap);
    va_end(ap);
}

static void
indent(struct tree *t, unsigned depth)
{
    put(t, "%*s", (int)(2 * depth < INDENT_MAX ? 2 * depth : INDENT_MAX), "");
}

static void
label_of(const struct tree_row *row, const char *key, char *out, size_t max)
{
    snprintf(out, max, "%s", row->label != NULL ? row->label : key);
    for (char *c = out; *c != '\0'; c++)
        if (*c == '_')
            *c = ' ';
}

static bool
is_object_list(const json_t *value)
{
    return json_is_object(json_array_get(value, 0));
}

static bool
is_block(const json_t *value)
{
    return json_is_object(value) || is_object_list(value);
}

/* A number, a word or a string. */
static void
put_scalar(struct tree *t, const json_t *value, const char *unit)
{
    if (json_is_integer(value))
        put(t, "%lld%s%s", (long long)json_integer_value(value), unit != NULL ? " " : "",
            unit != NULL ? unit : "");
    else if (json_is_string(value))
        put(t, "%s", json_string_value(value));
    else
        put(t, "%s", json_is_true(value) ? "yes" : json_is_false(value) ? "no" : "-");
}

static size_t
list_length(const json_t *list)
{
    const json_t *one;
    size_t i, len = 0;

    json_array_foreach(list, i, one)
        len += 2 + json_string_length(one);
    return len;
}

static void
put_list(struct tree *t, const json_t *list, unsigned column)
{
    bool lines = list_length(list) > LIST_MAX;
    const json_t *one;
    size_t i;

    json_array_foreach(list, i, one) {
        if (i > 0 && lines)
            put(t, "\n%*s", (int)column, "");
        else if (i > 0)
            put(t, ", ");
        put_scalar(t, one, NULL);
    }
}

static void
put_oid(struct tree *t, const char *oid)
{
    if (oid != NULL)
        put(t, " (%s)", oid);
}

/* "label   value (OID)". */
static void
put_line(struct tree *t, const char *label, const json_t *value, const char *unit,
         const char *oid, int width)
{
    unsigned at = 2 * t->depth < INDENT_MAX ? 2 * t->depth : INDENT_MAX;

    indent(t, t->depth);
    put(t, "%-*s  ", width, label);
    if (json_is_array(value))
        put_list(t, value, at + (unsigned)width + 2);
    else
        put_scalar(t, value, unit);
    put_oid(t, oid);
    put(t, "\n");
}

/* Members that an object's title shows already. */
struct shown {
    const char *keys[3];
};

/* The identifier that stands behind the value of key: "KEY_oid", or of type and name
 * "oid"; NULL when there is none, or it is the value. */
static const char *
oid_of(const json_t *object, const char *key)
{
    char name[80];
    const char *oid, *value = json_string_value(json_object_get(object, key));

    if (strcmp(key, "type") == 0 || strcmp(key, "name") == 0)
        snprintf(name, sizeof name, "oid");
    else
        snprintf(name, sizeof name, "%s_oid", key);
    oid = json_string_value(json_object_get(object, name));
    return oid == NULL || value == NULL || strcmp(oid, value) == 0 ? NULL : oid;
}

/* The key is such an identifier's, and what it identifies is there. */
static bool
is_oid(const json_t *object, const char *key)
{
    size_t len = strlen(key), end = sizeof "_oid" - 1;
    char name[80];

    if (strcmp(key, "oid") == 0)
        return json_object_get(object, "type") != NULL || json_object_get(object, "name") != NULL;
    if (len <= end || strcmp(key + len - end, "_oid") != 0)
        return false;
    snprintf(name, sizeof name, "%.*s", (int)(len - end), key);
    return json_object_get(object, name) != NULL;
}

static bool
is_line(const json_t *object, const char *key, const json_t *value, const struct shown *shown)
{
    if (is_oid(object, key))
        return false;
    for (size_t i = 0; i < sizeof shown->keys / sizeof *shown->keys; i++)
        if (shown->keys[i] != NULL && strcmp(shown->keys[i], key) == 0)
            return false;
    return !is_block(value) && !(json_is_array(value) && json_array_size(value) == 0);
}

static int
widest(const struct tree *t, const json_t *object, const struct shown *shown)
{
    const json_t *value;
    const char *key;
    char label[80];
    int width = 0;

    json_object_foreach((json_t *)(uintptr_t)object, key, value) {
        const struct tree_row *row = row_of(t, key);

        label_of(row, key, label, sizeof label);
        if (is_line(object, key, value, shown) && (int)strlen(label) > width)
            width = (int)strlen(label);
    }
    return width < LABEL_MAX ? width : LABEL_MAX;
}

static void put_object(struct tree *t, const json_t *object, const struct shown *);

static void
put_title(struct tree *t, const char *label, const char *number, const json_t *of,
          const char *oid)
{
    indent(t, t->depth);
    put(t, "%s%s%s", label, number[0] != '\0' ? " " : "", number);
    if (json_is_string(of))
        put(t, ": %s", json_string_value(of));
    put_oid(t, oid);
    put(t, "\n");
}

/* One object below its title. */
static void
put_block(struct tree *t, const struct tree_row *row, const char *label, size_t index,
          const json_t *object)
{
    const struct shown shown = {{row->of, row->number}};
    const json_t *numbered = row->number == NULL ? NULL : json_object_get(object, row->number);
    char number[24] = "";

    if (index > 0)
        snprintf(number, sizeof number, "%zu", index);
    put_title(t, label, numbered != NULL ? json_string_value(numbered) : number,
              row->of == NULL ? NULL : json_object_get(object, row->of),
              row->of == NULL ? NULL : oid_of(object, row->of));
    t->depth++;
    put_object(t, object, &shown);
    t->depth--;
}

/* A list whose objects are a line each, with blocks below some. */
static void
put_lines(struct tree *t, const char *label, const json_t *list)
{
    static const struct shown shown = {{"name", "values"}};
    const json_t *one;
    size_t i;
    int width = 0;

    indent(t, t->depth);
    put(t, "%s\n", label);
    t->depth++;
    json_array_foreach(list, i, one) {
        int len = (int)json_string_length(json_object_get(one, "name"));

        if (len > width)
            width = len < LABEL_MAX ? len : LABEL_MAX;
    }
    json_array_foreach(list, i, one) {
        const json_t *value = json_object_get(one, "values"), *name = json_object_get(one, "name");

        if (value != NULL) {
            put_line(t, json_string_value(name), value, NULL, NULL, width);
        } else {
            indent(t, t->depth);
            put(t, "%s\n", json_string_value(name));
        }
        t->depth++;
        put_object(t, one, &shown);
        t->depth--;
    }
    t->depth--;
}

static void
put_blocks(struct tree *t, const char *key, const json_t *value)
{
    const struct tree_row *row = row_of(t, key);
    const json_t *one;
    char label[80];
    size_t i;

    label_of(row, key, label, sizeof label);
    if (json_is_object(value)) {
        put_block(t, row, label, 0, value);
    } else if (row->lines) {
        put_lines(t, label, value);
    } else {
        json_array_foreach(value, i, one)
            put_block(t, row, label, i + 1, one);
    }
}

/* Its lines, then its blocks; title is the member that is shown already. */
static void
put_object(struct tree *t, const json_t *object, const struct shown *shown)
{
    int width = widest(t, object, shown);
    const json_t *value;
    const char *key;
    char label[80];

    if (t->depth > TREE_DEPTH_MAX)
        return;
    json_object_foreach((json_t *)(uintptr_t)object, key, value) {
        const struct tree_row *row = row_of(t, key);

        label_of(row, key, label, sizeof label);
        if (is_line(object, key, value, shown))
            put_line(t, label, value, row->unit, oid_of(object, key), width);
    }
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
        if (is_block(value))
            put_blocks(t, key, value);
}

int
tree_put(struct buf *out, const json_t *object, const struct tree_row *rows)
{
    struct tree t = {.out = out, .rows = rows};
    const struct shown none = {{NULL}};

    put_object(&t, object, &none);
    return t.rc;
}

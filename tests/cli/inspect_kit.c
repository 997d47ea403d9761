/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/cli/inspect_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/inspect_int.h"

/* One of the two streams. */
struct feed {
    struct inspect_cms *cms;
    struct inspect_mime *mime;
};

static void
feed(struct inspected *i, const struct feed *f, const uint8_t *data, size_t len)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);  /* so that reading past it shows */
    struct err err = {0};
    int rc;

    memcpy(copy, data, len);
    i->d.input += len;
    rc = f->cms != NULL ? inspect_cms_update(f->cms, copy, len, &err)
                        : inspect_mime_update(f->mime, copy, len, &err);
    ck_assert_msg(rc == 0, "%s", err_text(&err));
    free(copy);
}

static void
feed_all(struct inspected *i, const struct feed *f, const uint8_t *data, size_t len, size_t split)
{
    if (split == SPLIT_BYTES) {
        for (size_t n = 0; n < len; n++)
            feed(i, f, data + n, 1);
        return;
    }
    feed(i, f, data, split);
    feed(i, f, data + split, len - split);
}

struct inspected
inspect_data(enum inspect_as as, const void *data, size_t len, size_t split)
{
    struct inspected i = {.root = json_object()};
    struct feed f = {NULL, NULL};
    struct err err = {0};
    int rc = as == AS_MESSAGE
                 ? inspect_cms_new(&f.cms, &i.d, i.root, TRANSFER_BINARY, 0, &err)
                 : inspect_mime_new(&f.mime, &i.d, 0, &err);

    ck_assert_msg(rc == 0, "%s", err_text(&err));
    feed_all(&i, &f, data, len, split);
    rc = as == AS_MESSAGE ? inspect_cms_finish(f.cms, &err) : inspect_mime_finish(f.mime, &err);
    ck_assert_msg(rc == 0, "%s", err_text(&err));
    if (as == AS_MAIL)
        describe_put(&i.d, i.root, "mail", inspect_mime_take(f.mime));
    inspect_cms_free(&f.cms);
    inspect_mime_free(&f.mime);
    ck_assert_int_eq(describe_failed(&i.d, NULL), 0);
    return i;
}

struct inspected
inspect_buf(enum inspect_as as, const struct buf *b)
{
    return inspect_data(as, buf_data(b), buf_len(b), buf_len(b));
}

void
inspected_clear(struct inspected *i)
{
    json_decref(i->root);
    i->root = NULL;
}

const json_t *
at(const struct inspected *i, const char *path)
{
    const json_t *value = i->root;
    char key[80];

    while (value != NULL && *path != '\0') {
        size_t len = strcspn(path, ".");

        snprintf(key, sizeof key, "%.*s", (int)len, path);
        value = json_is_array(value) ? json_array_get(value, strtoul(key, NULL, 10))
                                     : json_object_get(value, key);
        path += len + (path[len] == '.');
    }
    return value;
}

void
assert_is(const struct inspected *i, const char *path, const char *expected)
{
    const json_t *value = at(i, path);

    if (json_is_array(value) && json_array_size(value) == 1)
        value = json_array_get(value, 0);
    ck_assert_msg(json_is_string(value), "no string at %s", path);
    ck_assert_msg(strcmp(json_string_value(value), expected) == 0, "%s: \"%s\", not \"%s\"", path,
                  json_string_value(value), expected);
}

void
assert_number(const struct inspected *i, const char *path, long long expected)
{
    const json_t *value = at(i, path);

    ck_assert_msg(json_is_integer(value), "no number at %s", path);
    ck_assert_msg(json_integer_value(value) == expected, "%s: %lld, not %lld", path,
                  (long long)json_integer_value(value), expected);
}

char *
attribute_values(const struct inspected *i, const char *path, const char *name)
{
    const json_t *list = at(i, path), *one, *value;
    char out[4096] = "";
    size_t n, v;

    json_array_foreach(list, n, one) {
        if (strcmp(json_string_value(json_object_get(one, "name")), name) != 0)
            continue;
        json_array_foreach(json_object_get(one, "values"), v, value)
            snprintf(out + strlen(out), sizeof out - strlen(out), "%s%s", out[0] ? " " : "",
                     json_string_value(value));
    }
    return strdup(out);
}

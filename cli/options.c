/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

/* Longest name that is compared for likeness. */
#define NAME_MAX_LEN 32
/* getopt's values for long options start here, above every letter. */
#define LONG_BASE 256

struct table {
    const struct option_row *rows[OPTION_ROWS_MAX];
    size_t count;
    struct option longs[OPTION_ROWS_MAX + 1];
    char shorts[2 * OPTION_ROWS_MAX + 3];
};

static void
add_rows(struct table *t, const struct option_row *rows)
{
    for (; rows && rows->name && t->count < OPTION_ROWS_MAX; rows++)
        t->rows[t->count++] = rows;
}

static void
make_table(struct table *t, bool only_leading)
{
    char *s = t->shorts;

    /* ':' makes getopt tell a missing value from an unknown option. */
    if (only_leading)
        *s++ = '+';
    *s++ = ':';
    for (size_t i = 0; i < t->count; i++) {
        const struct option_row *row = t->rows[i];
        t->longs[i] = (struct option){
            .name = row->name,
            .has_arg = !row->value ? no_argument
                       : row->optional ? optional_argument : required_argument,
            .val = LONG_BASE + (int)i,
        };
        if (row->letter) {
            *s++ = row->letter;
            if (row->value)
                *s++ = ':';
            if (row->optional)
                *s++ = ':';
        }
    }
    *s = '\0';
}

/* Levenshtein's distance. */
static size_t
distance(const char *a, const char *b)
{
    size_t row[NAME_MAX_LEN + 1], la = strlen(a), lb = strlen(b);

    if (la > NAME_MAX_LEN || lb > NAME_MAX_LEN)
        return NAME_MAX_LEN;
    for (size_t j = 0; j <= lb; j++)
        row[j] = j;
    for (size_t i = 1; i <= la; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[lb];
}

const char *
options_nearest(const char *wrong, const char *const *names)
{
    size_t best = strlen(wrong) / 2 + 1;
    const char *found = NULL;

    if (best > 4)
        best = 4;
    for (; *names; names++) {
        size_t d = distance(wrong, *names);
        if (d < best) {
            best = d;
            found = *names;
        }
    }
    return found;
}

static int
unknown_long(const struct table *t, const char *word, struct err *err)
{
    const char *names[OPTION_ROWS_MAX + 1], *near;
    char name[NAME_MAX_LEN + 1];
    size_t len = strcspn(word, "="), same = 0;

    snprintf(name, sizeof name, "%.*s", (int)len, word);
    for (size_t i = 0; i < t->count; i++) {
        names[i] = t->rows[i]->name;
        if (len > 0 && strncmp(names[i], word, len) == 0)
            same++;
    }
    names[t->count] = NULL;
    near = options_nearest(name, names);
    if (same > 1)
        return err_set(err, E_USAGE, "option --%s is short for several; write it in full "
                       "(--%s?)", name, near ? near : "help lists them");
    if (near)
        return err_set(err, E_USAGE, "there is no option --%s; did you mean --%s?", name, near);
    return err_set(err, E_USAGE, "there is no option --%s; --help lists those there are", name);
}

/* getopt returned '?': an unknown option, or a value where none may be. */
static int
unknown(const struct table *t, char **argv, struct err *err)
{
    const char *word = argv[optind - 1];

    if (optopt >= LONG_BASE)
        return err_set(err, E_USAGE, "option --%s takes no value",
                       t->rows[optopt - LONG_BASE]->name);
    if (optopt == 0 && strncmp(word, "--", 2) == 0)
        return unknown_long(t, word + 2, err);
    return err_set(err, E_USAGE, "there is no option -%c; --help lists those there are",
                   optopt);
}

static bool
is_choice(const char *choices, const char *value)
{
    size_t len = strlen(value);

    for (const char *c = choices; *c; c += strcspn(c, "|"), c += *c == '|')
        if (strcspn(c, "|") == len && memcmp(c, value, len) == 0)
            return true;
    return false;
}

static int
take(struct options *o, const struct option_row *row, const char *value, struct err *err)
{
    if (o->count == OPTIONS_MAX)
        return err_set(err, E_USAGE, "more than %d options; use fewer", OPTIONS_MAX);
    if (row->value && !row->many && options_has(o, row->name))
        return err_set(err, E_USAGE, "option --%s is given twice; give it once", row->name);
    if (row->choices && !is_choice(row->choices, value))
        return err_set(err, E_USAGE, "option --%s cannot be \"%s\"; it is one of %s", row->name,
                       value, row->choices);
    o->given[o->count].row = row;
    o->given[o->count].value = value;
    o->count++;
    return 0;
}

static const struct option_row *
row_of(const struct table *t, int c)
{
    if (c >= LONG_BASE)
        return t->rows[c - LONG_BASE];
    for (size_t i = 0; i < t->count; i++)
        if (t->rows[i]->letter == c)
            return t->rows[i];
    return NULL;
}

int
options_parse(struct options *ret, int argc, char **argv, const struct option_row *rows,
              const struct option_row *more, bool only_leading, struct err *err)
{
    struct table t = {.count = 0};
    int c, rc = 0;

    ret->count = 0;
    add_rows(&t, rows);
    add_rows(&t, more);
    make_table(&t, only_leading);
    optind = 0; /* glibc: start over, and with the new rules of order */
    opterr = 0;
    while (rc == 0 && (c = getopt_long(argc, argv, t.shorts, t.longs, NULL)) != -1) {
        const struct option_row *row = row_of(&t, c);
        if (row)
            rc = take(ret, row, optarg, err);
        else if (c == ':')
            rc = err_set(err, E_USAGE, "option %s needs a value", argv[optind - 1]);
        else
            rc = unknown(&t, argv, err);
    }
    ret->operands = argv + optind;
    ret->operand_count = (size_t)(argc - optind);
    return rc;
}

bool
options_has(const struct options *o, const char *name)
{
    for (size_t i = 0; i < o->count; i++)
        if (strcmp(o->given[i].row->name, name) == 0)
            return true;
    return false;
}

const char *
options_value(const struct options *o, const char *name, size_t nth)
{
    for (size_t i = 0; i < o->count; i++)
        if (strcmp(o->given[i].row->name, name) == 0 && nth-- == 0)
            return o->given[i].value;
    return NULL;
}

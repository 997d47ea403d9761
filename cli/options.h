/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Command-line options, driven by tables: each command has an array of rows,
 * ended by one without a name, and the same rows make getopt_long's tables and
 * the text of --help.
 *
 * Life: options_parse, and then the questions; nothing to free. Options and operands may
 * mix; "--" ends the options; long names may be shortened while unambiguous. An
 * unknown option, a missing value, an option given twice that may be given once,
 * or a value outside `choices` is E_USAGE with a sentence (the unknown option's
 * names the nearest known one). Values are borrowed from argv, whose operands are
 * moved behind the options. Uses getopt's globals: one thread.
 */
#ifndef SIGNET_CLI_OPTIONS_H
#define SIGNET_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* Most options on one command line, and most rows of one command with the global
 * ones. */
#define OPTIONS_MAX 256
#define OPTION_ROWS_MAX 64

struct option_row {
    const char *name;     /* long name */
    char letter;          /* short one, or 0 */
    const char *value;    /* what the value is called in the help; NULL: takes none */
    const char *help;
    bool optional;        /* the value may be left out (--name or --name=VALUE) */
    bool many;            /* may be given more than once */
    const char *choices;  /* "a|b|c": the only values; NULL: any */
};

struct options {
    size_t count;
    struct {
        const struct option_row *row;
        const char *value;
    } given[OPTIONS_MAX];
    char **operands;
    size_t operand_count;
};

/* rows: two tables, the command's and the global ones (each may be NULL). With
 * only_leading, parsing stops at the first operand. argv[0] is skipped. */
int options_parse(struct options *ret, int argc, char **argv, const struct option_row *rows,
                  const struct option_row *more, bool only_leading,
                  struct err *err) must_check;

bool options_has(const struct options *, const char *name);
/* The i-th value of that option, NULL behind the last. */
const char *options_value(const struct options *, const char *name, size_t i);
static inline const char *
options_get(const struct options *o, const char *name)
{
    return options_value(o, name, 0);
}

/* The name in the list (ended by NULL) that is most like `wrong`, or NULL when none
 * is near enough to be meant. */
const char *options_nearest(const char *wrong, const char *const *names);

#endif

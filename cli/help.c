/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --help, made of the same tables that parse the command line. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

/* The column at which explanations start, and where they end at the latest. */
#define HELP_COLUMN 30
#define HELP_WIDTH 90
/* Longer lists of choices stand below the option. */
#define CHOICES_INLINE 50

static const char statuses[] =
    "Exit status: 0 all well; 1 a signature is bad or content was altered; 2 usage;\n"
    "3 the signature is intact but its signer cannot be trusted; 4 no usable key,\n"
    "token or PIN; 5 malformed input; 6 agent or system failure.\n";

/* "a|b|c" as lines of "a, b, c", indented. */
static int
put_choices(struct buf *out, const char *choices)
{
    int rc = 0, column = HELP_WIDTH;

    for (const char *c = choices; rc == 0 && *c;) {
        int len = (int)strcspn(c, "|");
        bool fresh = column + len + 2 > HELP_WIDTH;
        if (fresh && c != choices)
            rc = buf_put_str(out, ",\n");
        if (rc == 0)
            rc = fresh ? buf_putf(out, "%*s%.*s", HELP_COLUMN, "", len, c)
                       : buf_putf(out, ", %.*s", len, c);
        column = (fresh ? HELP_COLUMN : column + 2) + len;
        c += len + (c[len] == '|');
    }
    return rc == 0 ? buf_put_byte(out, '\n') : rc;
}

static int
put_row(struct buf *out, const struct option_row *row)
{
    bool below = row->choices && strlen(row->choices) > CHOICES_INLINE;
    const char *value = row->choices && !below ? row->choices : row->value;
    char left[80], *at = left;
    size_t room = sizeof left;
    int rc, n = row->letter ? snprintf(at, room, "  -%c, ", row->letter)
                        : snprintf(at, room, "      ");

    n += snprintf(at + n, room - (size_t)n, "--%s", row->name);
    if (value)
        n += snprintf(at + n, room - (size_t)n, row->optional ? "[=%s]" : " %s", value);
    rc = n >= HELP_COLUMN ? buf_putf(out, "%s\n%*s%s\n", left, HELP_COLUMN, "", row->help)
                          : buf_putf(out, "%-*s%s\n", HELP_COLUMN, left, row->help);
    return rc == 0 && below ? put_choices(out, row->choices) : rc;
}

static int
put_rows(struct buf *out, const char *title, const struct option_row *rows)
{
    int rc = 0;

    if (!rows || !rows->name)
        return 0;
    rc = buf_putf(out, "\n%s:\n", title);
    for (; rc == 0 && rows->name; rows++)
        rc = put_row(out, rows);
    return rc;
}

/* The example's lines, indented. */
static int
put_example(struct buf *out, const char *example)
{
    int rc = buf_put_str(out, "\nExample:\n");

    while (rc == 0 && *example) {
        size_t len = strcspn(example, "\n");
        rc = buf_putf(out, "  %.*s\n", (int)len, example);
        example += len + (example[len] == '\n');
    }
    return rc;
}

int
help_put_command(struct buf *out, const struct command *c)
{
    int rc = buf_putf(out, "Usage: signet %s%s%s\n\n%s\n", c->name, *c->synopsis ? " " : "",
                      c->synopsis, c->text);

    if (rc == 0)
        rc = put_rows(out, "Options", c->options);
    if (rc == 0)
        rc = put_rows(out, "Options of every command", global_options);
    return rc == 0 ? put_example(out, c->example) : rc;
}

static int
put_summaries(struct buf *out, const char *group)
{
    size_t len = group ? strlen(group) : 0;
    int rc = buf_put_str(out, "\nCommands:\n");

    for (size_t i = 0; commands[i] && rc == 0; i++)
        if (!group || (strncmp(commands[i]->name, group, len) == 0 &&
                       commands[i]->name[len] == ' '))
            rc = buf_putf(out, "  %-16s%s\n", commands[i]->name, commands[i]->summary);
    return rc;
}

int
help_put_overview(struct buf *out)
{
    int rc = buf_put_str(out, "Usage: signet COMMAND [options] [FILE]\n\n"
                         "Signs, verifies, encrypts and decrypts mail and files with keys "
                         "that stay on a\nsmart card or HSM.\n");

    if (rc == 0)
        rc = put_summaries(out, NULL);
    if (rc == 0)
        rc = put_rows(out, "Options of every command", global_options);
    if (rc == 0)
        rc = buf_putf(out, "\n%s\nsignet COMMAND --help tells the options of a command; "
                      "signet(1) tells all.\n", statuses);
    return rc;
}

bool
help_is_group(const char *word)
{
    size_t len = strlen(word);

    for (size_t i = 0; commands[i]; i++)
        if (strncmp(commands[i]->name, word, len) == 0 && commands[i]->name[len] == ' ')
            return true;
    return false;
}

int
help_put_group(struct buf *out, const char *word)
{
    int rc = buf_putf(out, "Usage: signet %s COMMAND [options]\n", word);

    return rc == 0 ? put_summaries(out, word) : rc;
}

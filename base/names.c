/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/names.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Lines that are read, and the longest. */
#define LINES_MAX 65536u
#define LINE_BYTES 8192

static bool
is_number(const char *word, unsigned *ret)
{
    unsigned long n = strtoul(word, NULL, 10);

    if (!*word || word[strspn(word, "0123456789")] || strlen(word) > 10 || n >= 0xffffffffu)
        return false;
    *ret = (unsigned)n;
    return true;
}

/* passwd(5), group(5): name, password, number. */
static bool
look_up(const char *path, const char *name, unsigned *ret)
{
    FILE *f = fopen(path, "re");
    char line[LINE_BYTES];
    size_t len = strlen(name);
    bool found = false;

    for (unsigned i = 0; f && !found && i < LINES_MAX && fgets(line, sizeof line, f); i++) {
        char *colon = strchr(line, ':'), *number = colon ? strchr(colon + 1, ':') : NULL;
        if (!number || (size_t)(colon - line) != len || memcmp(line, name, len) != 0)
            continue;
        number[1 + strcspn(number + 1, ":\n")] = '\0';
        found = is_number(number + 1, ret);
    }
    if (f)
        fclose(f);
    return found;
}

int
names_user(const char *word, unsigned *ret)
{
    return is_number(word, ret) || look_up("/etc/passwd", word, ret) ? 0 : E_CONFIG;
}

int
names_group(const char *word, unsigned *ret)
{
    return is_number(word, ret) || look_up("/etc/group", word, ret) ? 0 : E_CONFIG;
}

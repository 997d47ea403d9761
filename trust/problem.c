/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/problem.h"

#include <string.h>

static const struct {
    const char *word;
    enum verdict_status status;
} problems[] = {
#define X(word, status) {word, status},
    PROBLEM_WORDS(X)
#undef X
};

#define COUNT (sizeof problems / sizeof *problems)

enum verdict_status
problem_weight(const char *word)
{
    for (size_t i = 0; i < COUNT; i++)
        if (strcmp(problems[i].word, word) == 0)
            return problems[i].status;
    return VERDICT_BAD;
}

const char *
problem_at(size_t i)
{
    return i < COUNT ? problems[i].word : NULL;
}

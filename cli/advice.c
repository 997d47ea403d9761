/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/advice.h"

#include <string.h>

static const struct {
    int code;
    const char *advice;
} rows[] = {
    {E_MALFORMED, "have it sent again"},
    {E_TRUNCATED, "get the whole of it again"},
    {E_LIMIT, "no honest message is like that"},
    {E_UNSUPPORTED, "another program may know it"},
    {E_DECRYPT, "have it sent again"},
    {E_NO_KEY, "have it encrypted to your certificate"},
    {E_WEAK, "give --allow-weak to decrypt it all the same"},
};

int
advice_add(const struct infile *in, int rc, struct err *err)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rc == rows[i].code && strchr(err_text(err), ';') != NULL)
            (void)err_prefix(err, "%s", infile_name(in));
        else if (rc == rows[i].code)
            (void)err_set(err, rc, "%s: %s; %s", infile_name(in), err_text(err), rows[i].advice);
    return rc;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/domain.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include <idn2.h>

static bool
is_ascii(const char *s)
{
    while (*s > 0)
        s++;
    return *s == '\0';
}

/* The name in A-labels and lower case; NULL when it has none. To be freed by idn2_free. */
static char *
to_ascii(const char *name)
{
    uint8_t *out = NULL;

    return idn2_lookup_u8((const uint8_t *)name, &out, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) ==
                   IDN2_OK
               ? (char *)out
               : NULL;
}

bool
domain_same(const char *a, const char *b)
{
    char *x, *y;
    bool same;

    if (is_ascii(a) && is_ascii(b))
        return strcasecmp(a, b) == 0;
    x = to_ascii(a);
    y = to_ascii(b);
    same = x != NULL && y != NULL ? strcasecmp(x, y) == 0 : strcmp(a, b) == 0;
    idn2_free(x);
    idn2_free(y);
    return same;
}

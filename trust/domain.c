/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/domain.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <idn2.h>

/* Loaded with the first name that is not ASCII: it and libunistring would cost every command
 * a tenth of its start. */
#define LIBRARY "libidn2.so.0"

static void *library;  /* stays for the life of the process */
static __typeof__(&idn2_lookup_u8) lookup;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
load(void)
{
    void *at;

    library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    at = library == NULL ? NULL : dlsym(library, "idn2_lookup_u8");
    memcpy(&lookup, &at, sizeof at);
}

static bool
is_ascii(const char *s)
{
    while (*s > 0)
        s++;
    return *s == '\0';
}

/* The name in A-labels and lower case, the caller's to free (libidn2 has it from malloc);
 * NULL when it has none. */
static char *
to_ascii(const char *name)
{
    uint8_t *out = NULL;

    if (pthread_once(&once, load) != 0 || lookup == NULL ||
        lookup((const uint8_t *)name, &out, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
        return NULL;
    return (char *)out;
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
    free(x);
    free(y);
    return same;
}

char *
domain_normal(const char *name)
{
    char *out = is_ascii(name) ? NULL : to_ascii(name);

    if (out == NULL)
        out = strdup(name);
    for (char *c = out; c != NULL && *c != '\0'; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c | 0x20);
    return out;
}

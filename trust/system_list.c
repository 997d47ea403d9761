/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/system_list.h"

#include <stdlib.h>
#include <string.h>

void
system_list_clear(struct system_list *l)
{
    buf_free(&l->bytes);
    free(l->entries);
    free(l->sources);
    *l = (struct system_list){0};
}

const unsigned char *
system_list_at(const struct system_list *l, struct system_part part)
{
    return (const unsigned char *)buf_data(l->bytes) + part.at;
}

int
system_list_put(struct system_list *l, const void *data, size_t len, struct system_part *ret)
{
    size_t at = buf_len(l->bytes);

    if (len > UINT32_MAX || at > UINT32_MAX - len)
        return E_LIMIT;
    int rc = buf_put(l->bytes, data, len);
    if (rc == 0)
        *ret = (struct system_part){(uint32_t)at, (uint32_t)len};
    return rc;
}

int
system_list_add(struct system_list *l, const struct system_entry *entry)
{
    /* Grown at powers of two. */
    if ((l->count & (l->count - 1)) == 0) {
        struct system_entry *more =
            reallocarray(l->entries, l->count == 0 ? 1 : 2 * l->count, sizeof *more);

        if (more == NULL)
            return E_NOMEM;
        l->entries = more;
    }
    l->entries[l->count++] = *entry;
    return 0;
}

int
system_list_add_source(struct system_list *l, const char *path)
{
    struct system_part *more = reallocarray(l->sources, l->source_count + 1, sizeof *more);
    struct system_part part;

    if (more == NULL)
        return E_NOMEM;
    l->sources = more;
    int rc = system_list_put(l, path, strlen(path) + 1, &part);
    if (rc == 0)
        l->sources[l->source_count++] = part;
    return rc;
}

uint32_t
system_name_hash(const X509_NAME *name)
{
    int ok = 0;

    return (uint32_t)X509_NAME_hash_ex(name, NULL, NULL, &ok);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the system's trust module said, as system_module.h reads it and system_cache.h keeps it:
 * entries that point into one run of bytes, so that nothing is decoded but what is asked
 * for. Plain storage; one thread.
 */
#ifndef SIGNET_TRUST_SYSTEM_LIST_H
#define SIGNET_TRUST_SYSTEM_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <openssl/x509.h>

#include "base/buf.h"
#include "base/err.h"

/* Bytes of the list's; length 0: there are none. */
struct system_part {
    uint32_t at, len;
};

enum system_kind { SYSTEM_FOR_MAIL, SYSTEM_FOR_OTHERS, SYSTEM_DISTRUSTED };

struct system_entry {
    uint32_t kind;
    uint32_t subject;                /* system_name_hash, of anchors */
    struct system_part value;        /* the certificate, of anchors */
    struct system_part spki, issuer, serial; /* DER, of what is distrusted */
};

struct system_list {
    struct buf *bytes;
    struct system_entry *entries;
    size_t count;
    struct system_part *sources;     /* paths of files and folders that were read, each with NUL */
    size_t source_count;
    bool vague;                      /* not all of these could be told: not to be kept */
};

void system_list_clear(struct system_list *);
const unsigned char *system_list_at(const struct system_list *, struct system_part);
/* Appends bytes; *ret says where they are. */
int system_list_put(struct system_list *, const void *, size_t, struct system_part *ret) must_check;
int system_list_add(struct system_list *, const struct system_entry *) must_check;
int system_list_add_source(struct system_list *, const char *path) must_check;
/* The same for names that RFC 5280 7.1 holds to be the same. */
uint32_t system_name_hash(const X509_NAME *);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/audit_chain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hex.h"

#define SEQ "{\"seq\":"

/* The number a line has; 0: none. */
static uint64_t
number_of(const char *line, size_t len)
{
    char text[48], *end;
    unsigned long long n;

    if (len < sizeof SEQ)
        return 0;
    snprintf(text, sizeof text, "%.*s", (int)(len < 40 ? len : 40), line);
    if (strncmp(text, SEQ, sizeof SEQ - 1) != 0)
        return 0;
    n = strtoull(text + sizeof SEQ - 1, &end, 10);
    return *end == ',' ? n : 0;
}

/* Reads the last two lines' worth of bytes. */
static ssize_t
read_end(int fd, char *room, size_t max)
{
    struct stat st;
    off_t from;

    if (fstat(fd, &st) != 0)
        return -1;
    from = st.st_size > (off_t)max ? st.st_size - (off_t)max : 0;
    return pread(fd, room, max, from);
}

int
chain_resume(struct chain *c, int fd, bool *ret_torn)
{
    static _Thread_local char room[3 * AUDIT_LINE_MAX];
    ssize_t n = read_end(fd, room, sizeof room);
    const char *end = room + (n > 0 ? n : 0), *line;
    size_t len;

    *c = (struct chain){0};
    *ret_torn = n > 0 && end[-1] != '\n';
    if (n < 0)
        return E_SYSTEM;
    if (n == 0)
        return 0;
    if (!*ret_torn)
        end--;
    line = memrchr(room, '\n', (size_t)(end - room));
    line = line ? line + 1 : room;
    len = (size_t)(end - line);
    sha256(line, len, c->hash);
    c->last = number_of(line, len);
    /* A torn one may lack even its number: it is the successor of the one before. */
    if (*ret_torn && line > room) {
        const char *before = memrchr(room, '\n', (size_t)(line - 1 - room));
        before = before ? before + 1 : room;
        c->last = number_of(before, (size_t)(line - 1 - before)) + 1;
        return c->last > 1 ? 0 : E_MALFORMED;
    }
    if (*ret_torn)
        c->last = 1;
    return c->last > 0 ? 0 : E_MALFORMED;
}

void
chain_begin(const struct chain *c, struct audit_line *l, const char **ret, size_t *ret_len)
{
    char hex[2 * SHA256_SIZE + 1], head[AUDIT_HEAD_MAX + 1];
    int n;

    hex_encode(c->hash, SHA256_SIZE, hex);
    n = snprintf(head, sizeof head, SEQ "%llu,\"prev\":\"%s\"", (unsigned long long)c->last + 1,
                 hex);
    memcpy(l->text + AUDIT_HEAD_MAX - n, head, (size_t)n);
    *ret = l->text + AUDIT_HEAD_MAX - n;
    *ret_len = l->len - AUDIT_HEAD_MAX + (size_t)n;
}

void
chain_go_on(struct chain *c, const char *line, size_t len)
{
    c->last++;
    sha256(line, len - 1, c->hash);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/audit_chain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hex.h"

#define SEQ "{\"seq\":"
/* The last two lines, and a torn one. */
#define END_MAX (3 * AUDIT_LINE_MAX)

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

/* What the end of the file, text of n bytes, says. */
static int
resume_from(struct chain *c, const char *text, size_t n, bool torn)
{
    const char *end = text + n - !torn, *before;
    const char *line = memrchr(text, '\n', (size_t)(end - text));
    size_t len;

    line = line ? line + 1 : text;
    len = (size_t)(end - line);
    sha256(line, len, c->hash);
    c->last = number_of(line, len);
    if (!torn)
        return c->last > 0 ? 0 : E_MALFORMED;
    /* It may lack even its number: it is the successor of the one before. */
    c->last = 1;
    if (line == text)
        return 0;
    before = memrchr(text, '\n', (size_t)(line - 1 - text));
    before = before ? before + 1 : text;
    c->last = number_of(before, (size_t)(line - 1 - before)) + 1;
    return c->last > 1 ? 0 : E_MALFORMED;
}

int
chain_resume(struct chain *c, int fd, bool *ret_torn)
{
    char *text = malloc(END_MAX);
    ssize_t n = text ? read_end(fd, text, END_MAX) : -1;
    int rc = n < 0 ? E_SYSTEM : 0;

    *c = (struct chain){0};
    *ret_torn = n > 0 && text[n - 1] != '\n';
    if (n > 0)
        rc = resume_from(c, text, (size_t)n, *ret_torn);
    free(text);
    return rc;
}

void
chain_begin(const struct chain *c, struct audit_line *l, char **ret, size_t *ret_len)
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

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An audit log that anybody may have written: the agent looks at its end to go on with the
 * chain, and the command reads its lines. What the agent appends must be its next line.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/audit_chain.h"
#include "cli/audit_log.h"
#include "fuzz/kit.h"

struct seen {
    uint64_t last;
    unsigned long lines;
    bool ended;
};

static int
see(void *arg, const struct audit_record *r, struct err *err)
{
    struct seen *s = arg;

    (void)err;
    fuzz_assert(r->line == s->lines + 1 && r->len <= AUDIT_RECORD_MAX && r->prev != NULL);
    s->lines = r->line;
    s->last = r->seq;
    s->ended = r->ended;
    return 0;
}

static int
read_all(int fd, struct seen *s)
{
    char path[32];
    struct err err = {0};

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    memset(s, 0, sizeof *s);
    int rc = audit_read(path, see, s, &err);
    fuzz_assert(rc == 0 || err.text[0] != '\0');
    return rc;
}

static void
go_on(int fd, struct chain *c)
{
    static const struct peer peer = {.exe = "/usr/bin/x", .front = "cli"};
    const struct audit_entry e = {.event = "pin", .peer = &peer, .operation = "forget"};
    struct audit_line line;
    struct seen s;
    char *text;
    size_t len;
    uint64_t last = c->last;

    audit_line_format(&line, &e);
    chain_begin(c, &line, &text, &len);
    fuzz_assert(lseek(fd, 0, SEEK_END) >= 0 && write(fd, text, len) == (ssize_t)len);
    chain_go_on(c, text, len);
    fuzz_assert(c->last == last + 1);
    /* A number that JSON cannot say is no concern of the agent's before the year 292,000,000. */
    if (read_all(fd, &s) == 0 && last < INT64_MAX)
        fuzz_assert(s.ended && s.last == last + 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    int fd = memfd_create("log", MFD_CLOEXEC);
    struct chain c = {0};
    struct seen s;
    bool torn = false;

    fuzz_assert(fd >= 0 && write(fd, data, len) == (ssize_t)len);
    (void)read_all(fd, &s);
    if (chain_resume(&c, fd, &torn) == 0 && !torn)
        go_on(fd, &c);
    close(fd);
    return 0;
}

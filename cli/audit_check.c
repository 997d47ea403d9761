/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/audit_check.h"

#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "base/sha256.h"

#define NO_HASH "0000000000000000000000000000000000000000000000000000000000000000"
#define NO_LINE "it is no line of the log"

static int
no_memory(struct err *err)
{
    return err_set(err, E_NOMEM, "out of memory while verifying the audit log");
}

int
audit_check_init(struct audit_check *c, audit_check_see *see, void *arg)
{
    *c = (struct audit_check){.hash = NO_HASH, .faults = json_array(), .notes = json_array(),
                              .see = see, .arg = arg};
    return c->faults && c->notes ? 0 : E_NOMEM;
}

void
audit_check_clear(struct audit_check *c)
{
    json_decref(c->faults);
    json_decref(c->notes);
    c->faults = c->notes = NULL;
}

static int
add(json_t *list, const char *file, unsigned long line, uint64_t seq, const char *text)
{
    json_t *o = json_pack("{s:s, s:I, s:I, s:s}", "file", file, "line", (json_int_t)line, "seq",
                          (json_int_t)seq, "text", text);

    return o && json_array_append_new(list, o) == 0 ? 0 : E_NOMEM;
}

int
audit_check_note(struct audit_check *c, const char *file, unsigned long line, uint64_t seq,
                 const char *text)
{
    return add(c->notes, file, line, seq, text);
}

int
audit_check_fault(struct audit_check *c, const char *file, unsigned long line, uint64_t seq,
                  const char *text)
{
    return c->fault_count++ < AUDIT_FAULTS_MAX ? add(c->faults, file, line, seq, text) : 0;
}

/* The number is the next one. What is missing or moved shows here. */
static int
check_number(struct audit_check *c, const struct audit_record *r)
{
    unsigned long long want = c->last + 1;
    char text[160];

    if (r->seq == want)
        return 0;
    if (r->seq > want)
        snprintf(text, sizeof text, "before it %llu lines are missing, from number %llu on",
                 (unsigned long long)r->seq - want, want);
    else
        snprintf(text, sizeof text, "it is out of its place, or there twice: number %llu was to "
                 "come", want);
    return audit_check_fault(c, r->file, r->line, r->seq, text);
}

/* It names the hash of the line before it: that one is as it was written, and none was put in
 * between. */
static int
check_hash(struct audit_check *c, const struct audit_record *r)
{
    if (strcmp(r->prev, c->hash) == 0)
        return 0;
    /* A gap was told of already. */
    if (r->seq != c->last + 1)
        return 0;
    return audit_check_fault(c, c->file, c->file_line, c->last,
                             "it is not what the agent wrote: the next line has another hash of it");
}

static int
begin(struct audit_check *c, const struct audit_record *r)
{
    char text[160];

    c->first = r->seq;
    if (r->seq == 0)
        return audit_check_fault(c, r->file, r->line, 0, NO_LINE);
    if (r->seq == 1 && strcmp(r->prev, NO_HASH) != 0)
        return audit_check_fault(c, r->file, r->line, r->seq,
                                 "it is not the beginning that it claims to be");
    if (r->seq == 1)
        return 0;
    snprintf(text, sizeof text, "the log begins with number %llu: what was before has been rotated "
             "away, or removed", (unsigned long long)r->seq);
    return audit_check_note(c, r->file, r->line, r->seq, text);
}

static const char *
text_of(const json_t *o, const char *name)
{
    const char *text = json_string_value(json_object_get(o, name));

    return text ? text : "";
}

static bool
tells_of_torn(const struct audit_record *r)
{
    return strcmp(text_of(r->json, "event"), "log") == 0 &&
           strcmp(text_of(r->json, "operation"), "torn") == 0;
}

static int
check_line(struct audit_check *c, const struct audit_record *r)
{
    int rc = 0;

    /* Torn as the first line ever, as the next one then says. */
    if (c->lines == 0 && !r->json)
        c->first = 1;
    else if (c->lines == 0)
        return begin(c, r);
    if (c->torn && r->json && !tells_of_torn(r))
        rc = audit_check_fault(c, c->file, c->file_line, c->last, NO_LINE);
    if (rc == 0 && c->torn && r->json && tells_of_torn(r))
        rc = audit_check_note(c, c->file, c->file_line, c->last,
                              "it ends early: the agent or the machine went down, as the next line says");
    if (rc == 0 && r->json)
        rc = check_number(c, r);
    return rc == 0 && r->json ? check_hash(c, r) : rc;
}

int
audit_check_line(void *arg, const struct audit_record *r, struct err *err)
{
    struct audit_check *c = arg;
    uint8_t hash[SHA256_SIZE];
    int rc;

    if (!r->ended && !r->json) {
        rc = audit_check_note(c, r->file, r->line, c->last + 1,
                              "it has no end: it is being written, or was cut");
        return rc == 0 ? 0 : no_memory(err);
    }
    rc = check_line(c, r);
    sha256(r->text, r->len, hash);
    hex_encode(hash, sizeof hash, c->hash);
    c->last = r->json && r->seq > 0 ? r->seq : c->last + 1;
    c->torn = !r->json;
    c->file = r->file;
    c->file_line = r->line;
    if (c->lines++ == 0)
        snprintf(c->begins, sizeof c->begins, "%.30s", text_of(r->json, "time"));
    if (r->json)
        snprintf(c->ends, sizeof c->ends, "%.30s", text_of(r->json, "time"));
    if (c->see)
        c->see(c->arg, c->last, c->hash);
    return rc == 0 ? 0 : no_memory(err);
}

int
audit_check_end(struct audit_check *c)
{
    return c->torn ? audit_check_fault(c, c->file, c->file_line, c->last, NO_LINE) : 0;
}

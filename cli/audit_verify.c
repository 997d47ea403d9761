/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/sha256.h"
#include "base/text.h"
#include "cli/audit_head.h"
#include "cli/audit_log.h"

/* Faults that are told one by one. */
#define FAULTS_MAX 50
#define HASH_HEX (2 * SHA256_SIZE + 1)
#define NO_HASH "0000000000000000000000000000000000000000000000000000000000000000"

struct check {
    struct cli *cli;
    uint64_t lines, first, last;   /* lines read; numbers of the first and the last */
    char hash[HASH_HEX];           /* of the last line */
    bool torn;                     /* the last one was no line of the log */
    unsigned long file_line;       /* where the last one is */
    const char *file;
    char begins[32], ends[32];     /* times of the first and the last */
    json_t *faults, *notes;
    size_t fault_count;
    struct audit_heads heads;
};

static int
no_memory(struct err *err)
{
    return err_set(err, E_NOMEM, "out of memory while verifying the audit log");
}

static int
add(json_t *list, const char *file, unsigned long line, uint64_t seq, const char *text)
{
    json_t *o = json_pack("{s:s, s:I, s:I, s:s}", "file", file, "line", (json_int_t)line, "seq",
                          (json_int_t)seq, "text", text);

    return o && json_array_append_new(list, o) == 0 ? 0 : E_NOMEM;
}

static int
fault(struct check *c, const char *file, unsigned long line, uint64_t seq, const char *text)
{
    return c->fault_count++ < FAULTS_MAX ? add(c->faults, file, line, seq, text) : 0;
}

/* The number is the next one. What is missing or moved shows here. */
static int
check_number(struct check *c, const struct audit_record *r)
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
    return fault(c, r->file, r->line, r->seq, text);
}

/* It names the hash of the line before it: that one is as it was written, and none was put in
 * between. */
static int
check_hash(struct check *c, const struct audit_record *r)
{
    if (strcmp(r->prev, c->hash) == 0)
        return 0;
    /* A gap was told of already. */
    if (r->seq != c->last + 1)
        return 0;
    return fault(c, c->file, c->file_line, c->last,
                 "it is not what the agent wrote: the next line has another hash of it");
}

static int
begin(struct check *c, const struct audit_record *r)
{
    char text[160];

    c->first = r->seq;
    if (r->seq == 1)
        return strcmp(r->prev, NO_HASH) == 0
                   ? 0
                   : fault(c, r->file, r->line, r->seq, "it is not the beginning that it claims to be");
    snprintf(text, sizeof text, "the log begins with number %llu: what was before has been rotated "
             "away, or removed", (unsigned long long)r->seq);
    return add(c->notes, r->file, r->line, r->seq, text);
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
check_line(struct check *c, const struct audit_record *r)
{
    int rc = 0;

    if (c->lines == 0)
        return r->json && r->seq > 0 ? begin(c, r)
                                     : fault(c, r->file, r->line, 0, "it is no line of the log");
    if (c->torn && r->json && !tells_of_torn(r))
        rc = fault(c, c->file, c->file_line, c->last, "it is no line of the log");
    if (rc == 0 && c->torn && r->json && tells_of_torn(r))
        rc = add(c->notes, c->file, c->file_line, c->last,
                 "it ends early: the agent or the machine went down, as the next line says");
    if (rc == 0 && r->json)
        rc = check_number(c, r);
    return rc == 0 && r->json ? check_hash(c, r) : rc;
}

static int
take(void *arg, const struct audit_record *r, struct err *err)
{
    struct check *c = arg;
    uint8_t hash[SHA256_SIZE];
    int rc;

    if (!r->ended && !r->json) {
        rc = add(c->notes, r->file, r->line, c->last + 1,
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
    audit_heads_see(&c->heads, c->last, c->hash);
    return rc == 0 ? 0 : no_memory(err);
}

/* What was signed of the log must be in it. */
static int
check_heads(struct check *c)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < c->heads.count; i++) {
        const struct audit_head *h = &c->heads.list[i];
        char text[200];

        if (h->seq < c->first) {
            snprintf(text, sizeof text, "line %llu, which it vouches for, is not here any more",
                     (unsigned long long)h->seq);
            rc = add(c->notes, h->file, 0, h->seq, text);
        } else if (!h->seen) {
            snprintf(text, sizeof text, "the log was cut: it vouches for line %llu, and the log "
                     "ends with %llu", (unsigned long long)h->seq, (unsigned long long)c->last);
            rc = fault(c, h->file, 0, h->seq, text);
        } else if (!h->same) {
            snprintf(text, sizeof text, "line %llu, or one before it, is not what it was when this "
                     "was signed", (unsigned long long)h->seq);
            rc = fault(c, h->file, 0, h->seq, text);
        }
    }
    return rc;
}

static int
put_list(struct buf *out, const json_t *list, const char *what)
{
    const json_t *o;
    size_t i;
    int rc = 0;

    json_array_foreach(list, i, o) {
        long long line = (long long)json_integer_value(json_object_get(o, "line"));
        const char *file = text_of(o, "file"), *text = text_of(o, "text");

        if (rc == 0)
            rc = buf_putf(out, "%s  ", what);
        if (rc == 0)
            rc = text_put_safe(out, file, strlen(file));
        if (rc == 0 && line > 0)
            rc = buf_putf(out, ", line %lld (number %lld)", line,
                          (long long)json_integer_value(json_object_get(o, "seq")));
        if (rc == 0)
            rc = buf_putf(out, ": %s\n", text);
    }
    return rc;
}

static int
print_text(struct check *c, struct err *err)
{
    autofree_buf struct buf *out = buf_new();
    int rc = out ? put_list(out, c->notes, "note ") : E_NOMEM;

    if (rc == 0)
        rc = put_list(out, c->faults, "fault");
    if (rc == 0 && c->fault_count > FAULTS_MAX)
        rc = buf_putf(out, "fault  and %zu more\n", c->fault_count - FAULTS_MAX);
    if (rc == 0)
        rc = buf_putf(out, "%llu lines, numbers %llu to %llu, from %s to %s\nhead   %llu %s\n",
                      (unsigned long long)c->lines, (unsigned long long)c->first,
                      (unsigned long long)c->last, c->begins[0] ? c->begins : "?",
                      c->ends[0] ? c->ends : "?", (unsigned long long)c->last, c->hash);
    return rc == 0 ? cli_print(out, err) : no_memory(err);
}

static int
print_json(struct check *c, struct err *err)
{
    json_t *o = json_pack("{s:b, s:I, s:I, s:I, s:s, s:s, s:s, s:O, s:O, s:I}", "whole",
                          c->fault_count == 0, "lines", (json_int_t)c->lines, "first",
                          (json_int_t)c->first, "last", (json_int_t)c->last, "hash", c->hash,
                          "begins", c->begins, "ends", c->ends, "faults", c->faults, "notes",
                          c->notes, "heads", (json_int_t)c->heads.count);
    int rc = o ? cli_print_json(o, err) : no_memory(err);

    json_decref(o);
    return rc;
}

static int
conclude(struct check *c, struct err *err)
{
    int rc = check_heads(c);

    if (rc != 0)
        return no_memory(err);
    rc = c->cli->json ? print_json(c, err) : print_text(c, err);
    if (rc != 0)
        return rc;
    if (c->fault_count > 0)
        return err_set(err, E_ALTERED, "the audit log is not as the agent wrote it: %zu fault%s",
                       c->fault_count, c->fault_count == 1 ? "" : "s");
    if (c->lines == 0)
        return 0;
    if (c->heads.count == 0)
        cli_note(c->cli, "the chain is whole; that nothing is missing at its end, only a signed "
                 "head can show (signet audit sign, and then --head)");
    else
        cli_note(c->cli, "the chain is whole, up to what was signed of it");
    return 0;
}

static int
run(struct cli *cli, const struct options *o, struct err *err)
{
    struct check c = {.cli = cli, .hash = NO_HASH, .faults = json_array(), .notes = json_array()};
    char **files = NULL;
    int rc = c.faults && c.notes ? audit_heads_load(&c.heads, cli, o, err) : no_memory(err);

    if (rc == 0)
        rc = audit_files(cli, o, &files, err);
    for (size_t i = 0; rc == 0 && files[i]; i++)
        rc = audit_read(files[i], take, &c, err);
    if (rc == 0)
        rc = conclude(&c, err);
    audit_files_free(&files);
    json_decref(c.faults);
    json_decref(c.notes);
    return rc;
}

static const struct option_row verify_options[] = {
    {.name = "head", .value = "FILE", .many = true,
     .help = "hold the log against what signet audit sign made"},
    TRUST_OPTION_ROWS,
    {.name = NULL},
};

const struct command command_audit_verify = {
    .name = "audit verify",
    .synopsis = "[--head FILE]... " TRUST_SYNOPSIS " [FILE]...",
    .summary = "find out whether the audit log was changed",
    .text = "Follows the chain of the agent's audit log, or of FILEs of it, oldest first: a line that\n"
            "was changed, removed, put in or moved is named. What was cut off at the end shows\n"
            "against a signed head (--head), whose signer has to be trusted as for signet verify.\n"
            "Exit status 1 when the log is not as the agent wrote it.",
    .example = "signet audit sign -u auditor -o head.p7m\n"
               "signet audit verify --head head.p7m --anchor ca.crt",
    .options = verify_options,
    .max_operands = OPTIONS_MAX,
    .run = run,
};

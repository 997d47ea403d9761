/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/audit_check.h"
#include "cli/audit_head.h"


struct check {
    struct cli *cli;
    struct audit_check log;
    struct audit_heads heads;
};

static int
no_memory(struct err *err)
{
    return err_set(err, E_NOMEM, "out of memory while verifying the audit log");
}

static const char *
text_of(const json_t *o, const char *name)
{
    const char *text = json_string_value(json_object_get(o, name));

    return text ? text : "";
}

/* What was signed of the log must be in it. */
static int
check_heads(struct check *c)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < c->heads.count; i++) {
        const struct audit_head *h = &c->heads.list[i];
        char text[200];

        if (h->seq < c->log.first) {
            snprintf(text, sizeof text, "line %llu, which it vouches for, is not here any more",
                     (unsigned long long)h->seq);
            rc = audit_check_note(&c->log, h->file, 0, h->seq, text);
        } else if (!h->seen) {
            snprintf(text, sizeof text, "the log was cut: it vouches for line %llu, and the log "
                     "ends with %llu", (unsigned long long)h->seq, (unsigned long long)c->log.last);
            rc = audit_check_fault(&c->log, h->file, 0, h->seq, text);
        } else if (!h->same) {
            snprintf(text, sizeof text, "line %llu, or one before it, is not what it was when this "
                     "was signed", (unsigned long long)h->seq);
            rc = audit_check_fault(&c->log, h->file, 0, h->seq, text);
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
    int rc = out ? put_list(out, c->log.notes, "note ") : E_NOMEM;

    if (rc == 0)
        rc = put_list(out, c->log.faults, "fault");
    if (rc == 0 && c->log.fault_count > AUDIT_FAULTS_MAX)
        rc = buf_putf(out, "fault  and %zu more\n", c->log.fault_count - AUDIT_FAULTS_MAX);
    if (rc == 0)
        rc = buf_putf(out, "%llu lines, numbers %llu to %llu, from %s to %s\nhead   %llu %s\n",
                      (unsigned long long)c->log.lines, (unsigned long long)c->log.first,
                      (unsigned long long)c->log.last, c->log.begins[0] ? c->log.begins : "?",
                      c->log.ends[0] ? c->log.ends : "?", (unsigned long long)c->log.last, c->log.hash);
    return rc == 0 ? cli_print(out, err) : no_memory(err);
}

static int
print_json(struct check *c, struct err *err)
{
    json_t *o = json_pack("{s:b, s:I, s:I, s:I, s:s, s:s, s:s, s:O, s:O, s:I}", "whole",
                          c->log.fault_count == 0, "lines", (json_int_t)c->log.lines, "first",
                          (json_int_t)c->log.first, "last", (json_int_t)c->log.last, "hash", c->log.hash,
                          "begins", c->log.begins, "ends", c->log.ends, "faults", c->log.faults, "notes",
                          c->log.notes, "heads", (json_int_t)c->heads.count);
    int rc = o ? cli_print_json(o, err) : no_memory(err);

    json_decref(o);
    return rc;
}

static int
conclude(struct check *c, struct err *err)
{
    int rc = audit_check_end(&c->log);

    if (rc == 0)
        rc = check_heads(c);
    if (rc != 0)
        return no_memory(err);
    rc = c->cli->json ? print_json(c, err) : print_text(c, err);
    if (rc != 0)
        return rc;
    if (c->log.fault_count > 0)
        return err_set(err, E_ALTERED, "the audit log is not as the agent wrote it: %zu fault%s",
                       c->log.fault_count, c->log.fault_count == 1 ? "" : "s");
    if (c->log.lines == 0)
        return 0;
    if (c->heads.count == 0)
        cli_note(c->cli, "the chain is whole; that nothing is missing at its end, only a signed "
                 "head can show (signet audit sign, and then --head)");
    else
        cli_note(c->cli, "the chain is whole, up to what was signed of it");
    return 0;
}

static void
see(void *arg, uint64_t seq, const char *hash)
{
    audit_heads_see(arg, seq, hash);
}

static int
run(struct cli *cli, const struct options *o, struct err *err)
{
    struct check c = {.cli = cli};
    char **files = NULL;
    int rc = audit_check_init(&c.log, see, &c.heads) == 0 ? audit_heads_load(&c.heads, cli, o, err)
                                                          : no_memory(err);

    if (rc == 0)
        rc = audit_files(cli, o, &files, err);
    for (size_t i = 0; rc == 0 && files[i]; i++)
        rc = audit_read(files[i], audit_check_line, &c.log, err);
    if (rc == 0)
        rc = conclude(&c, err);
    audit_files_free(&files);
    audit_heads_clear(&c.heads);
    audit_check_clear(&c.log);
    return rc;
}

static const struct option_row verify_options[] = {
    {.name = "head", .value = "FILE", .many = true,
     .help = "hold the log against what signet audit sign made (or all in a folder)"},
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

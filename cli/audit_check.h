/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether an audit log is as the agent wrote it (agent/audit.h): the chain of its lines is
 * followed, and each line that was changed, removed, put in or moved is a fault, with file, line
 * and number. What was changed in the last line, or cut behind it, the chain cannot show: heads do
 * (cli/audit_head.h).
 *
 * Life: audit_check_init; audit_read (cli/audit_log.h) with audit_check_line over the files, oldest
 * first; audit_check_end; what is found is in the struct; audit_check_clear. The files' names must
 * live as long. One thread.
 */
#ifndef SIGNET_CLI_AUDIT_CHECK_H
#define SIGNET_CLI_AUDIT_CHECK_H

#include "base/sha256.h"
#include "cli/audit_log.h"

/* Faults that are told one by one. */
#define AUDIT_FAULTS_MAX 50

/* Each line's number and hash (hex). */
typedef void audit_check_see(void *arg, uint64_t seq, const char *hash);

struct audit_check {
    uint64_t lines, first, last;         /* lines read; numbers of the first and the last */
    char hash[2 * SHA256_SIZE + 1];      /* of the last line */
    char begins[32], ends[32];           /* times of the first and the last */
    json_t *faults, *notes;              /* arrays of {file, line, seq, text} */
    size_t fault_count;                  /* with those that are not in the list */
    /* Its own. */
    bool torn;                           /* the last one was no line of the log */
    const char *file;                    /* where the last one is */
    unsigned long file_line;
    audit_check_see *see;
    void *arg;
};

/* see: NULL, or called for each line. E_NOMEM. */
int audit_check_init(struct audit_check *, audit_check_see *see, void *arg) must_check;
void audit_check_clear(struct audit_check *);

/* An audit_each; arg is the struct audit_check. E_NOMEM. */
int audit_check_line(void *arg, const struct audit_record *, struct err *err) must_check;
/* Behind the last file. E_NOMEM. */
int audit_check_end(struct audit_check *) must_check;

/* What else was found. E_NOMEM. */
int audit_check_note(struct audit_check *, const char *file, unsigned long line, uint64_t seq,
                     const char *text) must_check;
int audit_check_fault(struct audit_check *, const char *file, unsigned long line, uint64_t seq,
                      const char *text) must_check;

#endif

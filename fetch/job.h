/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One thing to fetch, from its ask to its answer. A job belongs to the list it is in; who
 * carries it out (fetch/transfer.h, fetch/resolve.h) sets its outcome and calls its done,
 * which sends the answer and frees it. One thread.
 */
#ifndef SIGNET_FETCH_JOB_H
#define SIGNET_FETCH_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <curl/curl.h>

#include "fetch/answer.h"
#include "fetch/ldif.h"
#include "fetch/url.h"
#include "fetch/wire.h"

struct job {
    struct job *next;
    uint32_t id;
    enum wire_kind kind;
    char *where;
    char *media_type;
    uint8_t *body;
    size_t body_len;
    uint64_t until;             /* job_clock's milliseconds */
    struct answer answer;
    bool authenticated;
    struct err err;

    /* fetch/transfer.c's */
    CURL *easy;
    struct curl_slist *headers;
    struct url url;
    struct ldif ldif;
    bool allow_private;
    bool proxied;
    bool refused;               /* an address was */
    char address[64];           /* that one */
    int rc;                     /* why the bytes were not wanted */
    unsigned redirects;
    char reason[CURL_ERROR_SIZE];

    /* fetch/resolve.c's */
    int query;
    bool asked;
};

/* NULL when memory is out. */
struct job *job_new(const struct wire_ask *);
void job_free(struct job **);

/* Monotonic milliseconds, and how many a job has left (0: none). */
uint64_t job_clock(void);
unsigned job_left(const struct job *);

#endif

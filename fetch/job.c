/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fetch/job.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

uint64_t
job_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

unsigned
job_left(const struct job *j)
{
    uint64_t now = job_clock();
    uint64_t left = j->until > now ? j->until - now : 0;
    return left < INT_MAX ? (unsigned)left : INT_MAX;
}

struct job *
job_new(const struct wire_ask *ask)
{
    struct job *j = calloc(1, sizeof *j);
    if (j == NULL)
        return NULL;
    j->id = ask->id;
    j->kind = ask->kind;
    j->until = job_clock() + ask->wait_ms;
    answer_init(&j->answer, ask->max_bytes);
    j->where = strdup(ask->where);
    j->media_type = strdup(ask->media_type);
    j->body = malloc(ask->body_len + 1);
    if (j->where == NULL || j->media_type == NULL || j->body == NULL) {
        job_free(&j);
        return NULL;
    }
    if (ask->body_len > 0)
        memcpy(j->body, ask->body, ask->body_len);
    j->body_len = ask->body_len;
    return j;
}

void
job_free(struct job **j)
{
    if (*j == NULL)
        return;
    if ((*j)->easy != NULL)
        curl_easy_cleanup((*j)->easy);
    curl_slist_free_all((*j)->headers);
    url_clear(&(*j)->url);
    answer_clear(&(*j)->answer);
    free((*j)->where);
    free((*j)->media_type);
    free((*j)->body);
    free(*j);
    *j = NULL;
}

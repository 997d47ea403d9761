/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How far long work has come, on one line of a terminal, for the person who waits:
 *
 *     disk.img  37 %  3.1 GB of 8.6 GB, 412 MB/s, 13 s left
 *
 * Life: progress_begin; progress_step as bytes pass; progress_end, which takes the line
 * away. Nothing is shown in the first PROGRESS_AFTER seconds, which most work ends in,
 * nor where standard error is no terminal, nor with --quiet or --batch
 * (progress_allow). A step costs a look at the clock. One thread.
 */
#ifndef SIGNET_CLI_PROGRESS_H
#define SIGNET_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

/* Seconds before the line shows, and milliseconds between two of it. */
#define PROGRESS_AFTER 2
#define PROGRESS_EVERY_MS 250

struct progress {
    int fd;                    /* -1: nothing is shown */
    const char *name;
    off_t size;                /* -1: not known */
    uint64_t done;
    int64_t start, next;       /* milliseconds */
    int64_t (*now)(void);      /* of a clock that never goes back; tests have their own */
    bool visible;
};

/* Whether anything is to be shown in this process; no is the default. */
void progress_allow(bool yes);

/* name is borrowed. */
void progress_begin(struct progress *, const char *name, off_t size);
void progress_step(struct progress *, uint64_t bytes);
void progress_end(struct progress *);

/* The line as it is after ms milliseconds, made safe, without the terminal's controls. */
int progress_put(const struct progress *, int64_t ms, struct buf *out) must_check;

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the suites of fetching share: a web server in a folder of its own, and a fetcher. */
#ifndef SIGNET_TESTS_FETCH_RIG_H
#define SIGNET_TESTS_FETCH_RIG_H

#include <stdbool.h>
#include <sys/types.h>

#include <check.h>

#include "trust/fetch.h"

/* A process whose standard input is ours to close, which ends it. */
struct server {
    pid_t pid;
    int input;
    char folder[64];
};

/* Starts argv (NULL-terminated); out: its standard output's other end, or NULL. */
void rig_start(struct server *, char *const argv[], int *out);
void rig_stop(struct server *);

/* httpd in a new folder under TMPDIR; the URL of path there, kept till eight calls later. */
void rig_httpd(struct server *);
const char *rig_url(const struct server *, const char *path);
void rig_httpd_stop(struct server *);
void rig_write(const struct server *, const char *name, const void *data, size_t len, bool run);
/* A file of the folder, NUL behind it; the caller's to free. Empty when it is not there. */
char *rig_read(const struct server *, const char *name, size_t *len);
/* Lines in it. */
unsigned rig_lines(const struct server *, const char *name);

/* A fetcher for loopback. */
struct fetcher *rig_fetcher(unsigned deadline_ms);
struct fetch_request rig_get(const char *url);
/* One request, run; asserts that the run itself went well. */
struct fetch_request rig_fetch(struct fetcher *, struct fetch_request);
#define assert_answer(r, code) \
    ck_assert_msg((r).rc == (code), "%s instead of %s: %s", err_name((r).rc), err_name(code), \
                  err_text(&(r).err))

/* Children of this process that live or wait to be reaped. */
unsigned rig_children(void);
pid_t rig_child(const char *name);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * HTTP and LDAP by libcurl, any number at once.
 *
 * Each connection's address is looked at when its socket is made (address_is_public), so
 * that neither a redirect nor a name that changes its address leads inside. Redirects are
 * read here, each held against the rules as the first URL was, at most
 * TRANSFER_REDIRECTS_MAX of them; a body that is posted is posted again. No answer's bytes
 * are wanted but those of status 200; nothing is decompressed but what a server sends
 * compressed in transfer, and that only up to the limit. No cookies, no passwords, no
 * .netrc, HTTP/1.1.
 *
 * Life: transfers_new; transfers_add for each job; transfers_wait and transfers_work in
 * turns. `done` is called by transfers_work, the job taken out, its err set.
 */
#ifndef SIGNET_FETCH_TRANSFER_H
#define SIGNET_FETCH_TRANSFER_H

#include "fetch/job.h"

#define TRANSFER_REDIRECTS_MAX 3
#define TRANSFER_CONNECT_MS 10000
#define TRANSFER_CONNECTIONS_MAX 64

typedef void (*job_done)(void *arg, struct job *);

struct transfers;

/* The settings are borrowed. */
int transfers_new(struct transfers **ret, const struct wire_settings *, job_done done,
                  void *arg, struct err *err) must_check;
/* Begins. On failure the job is the caller's as before, with the sentence in its err. */
int transfers_add(struct transfers *, struct job *) must_check;
/* Sleeps until there is work, one of the descriptors can be read, or ms are over. */
void transfers_wait(struct transfers *, struct curl_waitfd *, unsigned count, int ms);
void transfers_work(struct transfers *);

#endif

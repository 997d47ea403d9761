/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SMIMEA records by libunbound, which checks DNSSEC itself (RFC 4035): the resolver that
 * is asked need not be believed. What is bogus is E_DENIED; what is not signed, or where no
 * trust anchor is known, comes as not authenticated.
 *
 * Resolvers: the configured one; else those of /etc/resolv.conf. Trust anchor: the
 * configured file (DS or DNSKEY records, as a zone file); else the root's as Debian's
 * dns-root-data has it.
 *
 * Life: resolver_new; resolver_add for each job; resolver_work when resolver_fd can be read
 * and when a job's time is over. libunbound's thread begins with the first job.
 */
#ifndef SIGNET_FETCH_RESOLVE_H
#define SIGNET_FETCH_RESOLVE_H

#include "fetch/job.h"
#include "fetch/transfer.h"

#define RESOLVE_ROOT_KEY "/usr/share/dns/root.key"

struct resolver;

int resolver_new(struct resolver **ret, const struct wire_settings *, job_done done, void *arg,
                 struct err *err) must_check;
/* As transfers_add. */
int resolver_add(struct resolver *, struct job *) must_check;
/* -1 before the first job. */
int resolver_fd(const struct resolver *);
void resolver_work(struct resolver *);
/* Milliseconds till a job's time is over; -1: there is none. */
int resolver_timeout(const struct resolver *);

#endif

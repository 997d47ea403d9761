/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Learning from mails that are good: the sender's certificate to encrypt to and what the
 * sender's programs can read go to the certificate store (trust/store.h), for the answer.
 *
 * Life: harvest_new; harvest_take with each signed layer, while its reader lives; harvest_store
 * once, when and only when the whole verdict is good; harvest_free. Nothing it does can
 * fail what it learns from: a store that cannot be written is told with -v. [trust] learn
 * = no turns it off; harvest_new then makes one that takes nothing. One thread.
 */
#ifndef SIGNET_CLI_HARVEST_H
#define SIGNET_CLI_HARVEST_H

#include "cli/cli.h"
#include "cms/signed.h"
#include "trust/store.h"
#include "trust/verdict.h"

struct harvest;

int harvest_new(struct harvest **ret, struct cli *, struct err *err) must_check;
/* Takes what those say who signed and whom the mail is from; no one else. harvest may be
 * NULL. Judged as of another time than now, or with weak algorithms allowed, or a mail that
 * says not whom it is from: nothing is taken. */
/* verdict: on the same signatures. */
void harvest_take(struct harvest *, const struct cms_signed *, const struct verdict *,
                  const struct verdict_options *);
/* store: the one that is open already; NULL: it is opened, and made when it is missing. */
void harvest_store(struct harvest *, struct store *store);
void harvest_free(struct harvest **);

#endif

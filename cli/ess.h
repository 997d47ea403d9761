/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The security services (cms/ess.h): those that the command line asks for when it signs
 * (--label and --request-receipt, as signed attributes), and telling of those that are read.
 *
 * Life: ess_load; list and count go to each struct cms_signer (RFC 2634 2.2.1 wants the
 * requests to be identical); ess_clear, in every case. One thread.
 */
#ifndef SIGNET_CLI_ESS_H
#define SIGNET_CLI_ESS_H

#include "cli/cli.h"
#include "cms/attributes.h"
#include "trust/verdict.h"

#define ESS_ATTRIBUTES 2

struct ess {
    struct buf *label, *request;
    struct cms_new_attribute list[ESS_ATTRIBUTES]; /* the request is the last */
    size_t count;
};

/* Zero before. Options that the command does not have are not asked for. The label-policy of
 * [trust] is asked whether the label may be used: E_DENIED with its reason. */
int ess_load(struct ess *, struct cli *, const struct options *, struct err *err) must_check;
void ess_clear(struct ess *);

/* Of an intact signature: its label, what the label policy (a program, or NULL) says
 * of it, and a request for a receipt. */
int ess_tell(struct verdict *, const struct cms_signature *, const char *label_policy,
             struct err *err) must_check;

#endif

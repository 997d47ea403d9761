/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Security labels (RFC 2634, 3) before the local policy: a program of the
 * administrator's or the user's, `label-policy` in [trust], that says whether content under a
 * label may be read here, or sent.
 *
 * The program gets one JSON object on standard input, {"action": "read" or "sign",
 * "policy": OID, "classification": number or null, "classification_name": word or null,
 * "mark": text or null, "categories": [OID, ...], "signer": text or null, "emails": [...]},
 * and answers with its exit status: 0 allowed, anything else refused. The first line that it
 * writes to standard output is the reason that is shown. It has LABEL_POLICY_SECONDS;
 * one that cannot be run, is killed, or takes longer has refused: a policy that cannot be
 * asked allows nothing.
 *
 * Safe from several threads.
 */
#ifndef SIGNET_TRUST_LABEL_H
#define SIGNET_TRUST_LABEL_H

#include <stdbool.h>
#include <jansson.h>
#include <openssl/x509.h>

#include "base/err.h"
#include "cms/ess.h"
#include "trust/verdict.h"

#define LABEL_POLICY_SECONDS 10
/* Longest reason kept, in bytes. */
#define LABEL_REASON_MAX 200

enum label_action { LABEL_READ, LABEL_SIGN };

/* 0 with *allowed, and why (or why not; "" when the program said nothing), made safe to show.
 * signer may be NULL. E_NOMEM, E_SYSTEM. */
int label_ask(const char *program, enum label_action, const struct cms_label *,
              const X509 *signer, bool *allowed, char reason[LABEL_REASON_MAX + 1],
              struct err *err) must_check;

/* The label as JSON, as above without action and signer; NULL when memory is out. */
json_t *label_json(const struct cms_label *) must_check;

/* Tells the label of a signature, if it has one: security-label; and label-refused when it
 * cannot be read, or program (NULL: there is none) says so. */
int label_judge(struct verdict *, const struct cms_signature *, const char *program,
                struct err *err) must_check;

/* "POLICY[:CLASSIFICATION[:MARK]]": an OID; a basic name or a number; any text. E_USAGE. */
int label_parse(const char *text, struct cms_label *ret, struct err *err) must_check;

#endif

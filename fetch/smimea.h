/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where the DNS keeps the certificates of an address (RFC 8162, section 3). Pure. */
#ifndef SIGNET_FETCH_SMIMEA_H
#define SIGNET_FETCH_SMIMEA_H

#include "base/err.h"

#define SMIMEA_TYPE 53
#define SMIMEA_CLASS_IN 1
/* Usage, selector, matching type: what a record has at least. */
#define SMIMEA_HEAD 3
/* A domain name as text, with its NUL. */
#define SMIMEA_NAME_MAX 256

/* The owner name, with a dot behind. The local part's quotes are taken off; its case is
 * kept. E_MALFORMED: no address, or a domain that the DNS cannot hold. */
int smimea_name(const char *address, char out[SMIMEA_NAME_MAX], struct err *err) must_check;

#endif

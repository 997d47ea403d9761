/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Domain names as they are compared (RFC 5280 7.2, RFC 9598 5): without regard to
 * ASCII case, and an internationalised label in its A-label form whichever form it
 * came in (RFC 5891; mapped as programs do when they look names up, UTS #46).
 *
 * Pure, thread-safe.
 */
#ifndef SIGNET_TRUST_DOMAIN_H
#define SIGNET_TRUST_DOMAIN_H

#include <stdbool.h>

/* Both in UTF-8. What is no domain name equals only what is the same to the byte, and so does
 * every name outside ASCII where libidn2, loaded when it is needed, is missing. */
bool domain_same(const char *, const char *);

/* The form in which the same names are the same bytes: lower case, A-labels; what is no domain
 * name is left as it is. The caller's to free; NULL when memory is out. */
char *domain_normal(const char *);

#endif

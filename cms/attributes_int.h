/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside of the writer: the signed attributes that a signer asks for. */
#ifndef SIGNET_CMS_ATTRIBUTES_INT_H
#define SIGNET_CMS_ATTRIBUTES_INT_H

#include "cms/asn1.h"
#include "cms/sign.h"

/* Appends them to *attrs, which has others. E_USAGE, E_LIMIT, E_NOMEM. */
int attributes_add(STACK_OF(X509_ATTRIBUTE) **attrs, const struct cms_signer *,
                   struct err *err) must_check;

#endif

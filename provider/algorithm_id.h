/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The AlgorithmIdentifier of a signature scheme (RFC 5280, 4.1.1.2), as certificates, requests and
 * CRLs name it. Pure. */
#ifndef SIGNET_PROVIDER_ALGORITHM_ID_H
#define SIGNET_PROVIDER_ALGORITHM_ID_H

#include <openssl/core.h>
#include <stdbool.h>

#include "base/alg.h"

/* Its DER into the parameter; false when it has none (how may be NULL) or does not fit. */
bool algorithm_id_set(const struct alg_sig *how, OSSL_PARAM *);

#endif

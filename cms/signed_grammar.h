/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SignedData's grammar (RFC 5652, 5.1), for those who read it (signed_data.c) and those who change
 * it (edit.c): the same elements and bounds, with actions of their own. */
#ifndef SIGNET_CMS_SIGNED_GRAMMAR_H
#define SIGNET_CMS_SIGNED_GRAMMAR_H

#include "cms/reader.h"
#include "cms/reader_take.h"
#include "cms/walk.h"

/* SignedData's versions go up to this. */
#define SIGNED_NEWEST_VERSION 5

/* The rules of its fields: the version's action, that of each digest algorithm, the rules
 * within encapContentInfo, and the actions for each certificate, revocation list, signer. */
#define SIGNED_DATA_RULES(version, digest, encap, cert, crl, signer) \
    { .name = "version of SignedData", .id = BER_INTEGER, .action = WALK_CAPTURE, \
      .max = TAKE_VERSION_MAX, .element = version }, \
    { .name = "digestAlgorithms", .id = BER_SET, .action = WALK_EACH, \
      .max = TAKE_ALGORITHM_MAX, .element = digest }, \
    { .name = "encapContentInfo", .id = BER_SEQUENCE, .action = WALK_ENTER, .inside = encap }, \
    { .name = "certificates [0]", .id = BER_CONTEXT(0), .optional = true, \
      .action = WALK_EACH, .max = CMS_MAX_CERT_SIZE, .element = cert }, \
    { .name = "crls [1]", .id = BER_CONTEXT(1), .optional = true, .action = WALK_EACH, \
      .max = CMS_MAX_CRL_SIZE, .element = crl }, \
    { .name = "signerInfos", .id = BER_SET, .action = WALK_EACH, .max = CMS_MAX_SIGNER_SIZE, \
      .element = signer }, \
    { 0 }

#endif

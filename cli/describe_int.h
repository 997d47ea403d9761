/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside of the describing of attributes: their values taken apart. */
#ifndef SIGNET_CLI_DESCRIBE_INT_H
#define SIGNET_CLI_DESCRIBE_INT_H

#include <openssl/asn1.h>

#include "cli/describe.h"

/* Longest value that is taken apart, octets; longer ones are shown as hex alone. */
#define VALUE_MAX (64u * 1024)

/* The DER of a value of any constructed type; NULL for a primitive one. */
const uint8_t *value_der(const ASN1_TYPE *, size_t *ret_len);
/* The elements of a SEQUENCE, a SET or an implicitly tagged one; NULL when it is none, or
 * too long. The caller frees with elements_free. */
STACK_OF(ASN1_TYPE) *elements_of(const ASN1_TYPE *);
void elements_free(STACK_OF(ASN1_TYPE) *);
/* The i-th when it is of that type, else NULL. */
const ASN1_TYPE *element_at(const STACK_OF(ASN1_TYPE) *, int i, int type);
/* The number of a context tag; -1 when the value has none. */
int context_tag(const ASN1_TYPE *);

/* An IssuerAndSerialNumber, or one with a context tag in its place. */
bool put_issuer_serial(struct describe *, json_t *object, const ASN1_TYPE *);
/* A string of any type as text. */
void put_any_string(struct describe *, json_t *object, const char *key, const ASN1_TYPE *);
/* Appends hex, its prefix when it is long. */
void append_hex(struct describe *, json_t *object, const char *key, const uint8_t *data,
                size_t len);

/* One value of an attribute into the attribute's object. False: it is not what the
 * attribute's standard says; nothing was put. */
typedef bool put_value(struct describe *, json_t *object, const ASN1_TYPE *);

/* RFC 2634, RFC 5035 (describe_ess.c). */
put_value put_content_hints, put_label, put_labels, put_receipt_request, put_signing_cert,
    put_content_reference;

#endif

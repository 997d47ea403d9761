/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Describing what is in a message, as JSON objects with stable names (signet-inspect
 * in the man page): certificates, signers, attributes, recipients, CMS layers. Nothing
 * is verified, nothing decrypted. What people see is the same JSON as a tree
 * (cli/tree.h), so the two cannot disagree.
 *
 * Life: a struct describe, zeroed by the caller, goes along with everything that is
 * described for one input. It bounds what is listed, whatever the input holds: items
 * (certificates, signers, attributes, recipients, ...), MIME parts, and the bytes of all
 * values together; what is over is counted and left out. describe_failed at the end
 * says whether memory ran out on the way; functions in between need not be asked.
 *
 * An object that is NULL takes nothing: whoever describes what is left out needs no
 * second way. Every value that comes from the input is made safe to show
 * (base/text.h) and cut to DESCRIBE_TEXT_MAX bytes.
 *
 * One thread at a time.
 */
#ifndef SIGNET_CLI_DESCRIBE_H
#define SIGNET_CLI_DESCRIBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>
#include <openssl/x509.h>

#include "base/buf.h"
#include "base/err.h"
#include "cms/decrypt.h"
#include "cms/facts.h"
#include "cms/reader.h"

/* Most MIME parts, and most items of other kinds, that are listed. */
#define DESCRIBE_PARTS_MAX 1000
#define DESCRIBE_ITEMS_MAX 20000
/* Longest value, and all of them together, in bytes. */
#define DESCRIBE_TEXT_MAX 1000u
#define DESCRIBE_BYTES_MAX (4u * 1024 * 1024)
/* Octets of an unknown value that are shown. */
#define DESCRIBE_HEX_MAX 64u

struct describe {
    size_t parts, items;            /* listed */
    unsigned nested;                /* messages and signers in attributes, now */
    uint64_t bytes;
    uint64_t input;                 /* bytes of the input that came, set by who reads it, */
    uint64_t unpacked;              /* and of contents within it (compression) */
    uint64_t parts_left_out, items_left_out;
    bool no_memory;
    int rc;                         /* of the first fault in the input, or 0 */
    struct err err;                 /* its sentence */
};

/* E_NOMEM when memory ran out, else 0. */
int describe_failed(const struct describe *, struct err *err) must_check;

/*
 * Building. New objects are the caller's until describe_put or describe_append, which
 * take them (NULL is nothing).
 */

/* A new object; NULL when it must be left out. */
json_t *describe_item(struct describe *);
/* The same for a MIME part. */
json_t *describe_part(struct describe *);
/* A new object that is no item of its own, for a group of values. */
json_t *describe_group(struct describe *, const json_t *parent);
void describe_put(struct describe *, json_t *object, const char *key, json_t *value_steal);
/* To the array of that key, which is made when it is not there. */
void describe_append(struct describe *, json_t *object, const char *key, json_t *value_steal);

/* Values. */
void describe_text(struct describe *, json_t *object, const char *key, const void *text,
                   size_t len);
void describe_string(struct describe *, json_t *object, const char *key, const char *text);
void describe_append_string(struct describe *, json_t *object, const char *key,
                            const char *text);
void describe_number(struct describe *, json_t *object, const char *key, uint64_t);
void describe_true(struct describe *, json_t *object, const char *key);
/* Lower-case hex; more than max octets as the first of them and how many there are. */
void describe_hex(struct describe *, json_t *object, const char *key, const uint8_t *data,
                  size_t len, size_t max);
void describe_octets(struct describe *, json_t *object, const char *key,
                     const ASN1_STRING *);
void describe_integer(struct describe *, json_t *object, const char *key,
                      const ASN1_INTEGER *);
void describe_time(struct describe *, json_t *object, const char *key, const ASN1_TIME *);
void describe_name(struct describe *, json_t *object, const char *key, const X509_NAME *);

/* A fault of the input: the object gets "error", the first one is kept. Returns 0 then,
 * and rc when it is no fault of the input. err has the sentence. */
int describe_fault(struct describe *, json_t *object, int rc, const struct err *err) must_check;

/*
 * Names of identifiers (describe_oid.c).
 */
#define DESCRIBE_NAME_MAX 128
/* The name that signet has for it, else libcrypto's, else the dotted form. */
void describe_oid_name(const ASN1_OBJECT *, char out[DESCRIBE_NAME_MAX]);
/* The same for a dotted one. */
void describe_dotted_name(const char *oid, char out[DESCRIBE_NAME_MAX]);
/* Puts the algorithm's name as key, its OID as "KEY_oid". */
void describe_algorithm(struct describe *, json_t *object, const char *key, const X509_ALGOR *);
/* A signature algorithm, with the parameters of PSS; digest is the signer's. */
void describe_signature_algorithm(struct describe *, json_t *object, const char *key,
                                  const X509_ALGOR *, const X509_ALGOR *digest);

/*
 * Things. Each returns a new object, NULL when left out.
 */
json_t *describe_certificate(struct describe *, const X509 *);
json_t *describe_crl(struct describe *, const X509_CRL *);
/* certs may be NULL: among them the signer's is looked for. */
json_t *describe_signer(struct describe *, const struct cms_signer_facts *,
                        const STACK_OF(X509) *certs);
json_t *describe_attribute(struct describe *, const X509_ATTRIBUTE *);
json_t *describe_recipient(struct describe *, const struct cms_recipient *);

/* The lists of them; absent ones (NULL) leave no key. */
void describe_certificates(struct describe *, json_t *object, const STACK_OF(X509) *);
void describe_crls(struct describe *, json_t *object, const STACK_OF(X509_CRL) *);
void describe_attributes(struct describe *, json_t *object, const char *key,
                         const STACK_OF(X509_ATTRIBUTE) *);

/* A CMS layer, as far as it was read; offset is where it begins in what is around it. */
json_t *describe_layer(struct describe *, struct cms_reader *, uint64_t offset);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a message says of itself, for those who show its structure: every fact as it
 * was parsed, nothing verified, nothing decrypted.
 *
 * Everything here may be asked at any time, also of a reader that failed: then it is
 * what was understood up to the fault. All results are borrowed from the reader, or
 * from what cms_countersigner_read made. Pure functions; a reader belongs to one
 * thread at a time.
 *
 * What other headers tell is not told again: the content's type, its size, whether it
 * is there (cms/reader.h), recipients and cipher (cms/decrypt.h).
 */
#ifndef SIGNET_CMS_FACTS_H
#define SIGNET_CMS_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "cms/cipher.h"
#include "cms/decrypt.h"
#include "cms/reader.h"

/* Dotted OID of the ContentInfo's type, also of one that cannot be read here; "" when
 * it is not known yet. */
const char *cms_facts_type_oid(const struct cms_reader *);
/* The structure's version; -1 when it has none or it is not known yet. */
int cms_facts_version(const struct cms_reader *);
/* Where the content's octets begin (in the first segment, when there are several), counted
 * from the message's start; 0 while there are none. */
uint64_t cms_facts_content_offset(const struct cms_reader *);

/*
 * SignedData; nothing (0, NULL) for other types.
 */

/* The i-th of digestAlgorithms, dotted; NULL behind the last. */
const char *cms_facts_digest(const struct cms_reader *, size_t i);
/* In the message's order; NULL when the message is no SignedData. */
const STACK_OF(X509) *cms_facts_certs(const struct cms_reader *);
const STACK_OF(X509_CRL) *cms_facts_crls(const struct cms_reader *);
/* Certificates and revocation data of other forms. */
size_t cms_facts_other_certs(const struct cms_reader *);
size_t cms_facts_other_crls(const struct cms_reader *);

/* A SignerInfo (RFC 5652, 5.3). */
struct cms_signer_facts {
    int version;                            /* -1: not a small number */
    const X509_NAME *issuer;                /* these two, or ski */
    const ASN1_INTEGER *serial;
    const ASN1_OCTET_STRING *ski;
    const X509_ALGOR *digest, *algorithm;
    size_t signature_size;                  /* bytes */
    const STACK_OF(X509_ATTRIBUTE) *signed_attrs, *unsigned_attrs;  /* NULL: absent */
};

size_t cms_facts_signer_count(const struct cms_reader *);
/* false behind the last. */
bool cms_facts_signer(const struct cms_reader *, size_t i, struct cms_signer_facts *ret);

/* A countersignature: a value of that attribute. E_MALFORMED, E_NOMEM. */
struct cms_countersigner;
int cms_countersigner_read(struct cms_countersigner **ret, const uint8_t *der,
                           size_t len) must_check;
void cms_countersigner_facts(const struct cms_countersigner *, struct cms_signer_facts *ret);
/* Accepts NULL and pointer to NULL; nulls the pointer. */
void cms_countersigner_free(struct cms_countersigner **);

/*
 * DigestedData: the digest as it stands in the message; NULL before it is known.
 */
const uint8_t *cms_facts_digest_value(const struct cms_reader *, size_t *ret_len);

/*
 * EnvelopedData and AuthEnvelopedData, and what else names recipients.
 */

/* The algorithms of AuthenticatedData; NULL when absent, and for other types. */
const X509_ALGOR *cms_facts_mac_algorithm(const struct cms_reader *);
const X509_ALGOR *cms_facts_mac_digest(const struct cms_reader *);

/* A recipient's further parts; which are there depends on its kind. */
struct cms_recipient_facts {
    int version;                            /* -1: not a small number, or none */
    const X509_ALGOR *algorithm;            /* keyEncryptionAlgorithm; NULL for other kinds */
    const X509_ALGOR *derivation;           /* of a password; NULL: absent */
    size_t key_size;                        /* bytes of the encrypted key */
    const ASN1_OCTET_STRING *ukm;           /* key agreement; NULL: absent */
    const ASN1_GENERALIZEDTIME *date;       /* of a key identifier; NULL: absent */
    /* The other side of a key agreement: these two, or its SKI, or its key. */
    const X509_NAME *originator_issuer;
    const ASN1_INTEGER *originator_serial;
    const ASN1_OCTET_STRING *originator_ski;
    const X509_ALGOR *originator_key;
    size_t originator_key_size;             /* bytes of the public key's BIT STRING */
};

void cms_recipient_facts(const struct cms_recipient *, struct cms_recipient_facts *ret);

/* The cipher with its parameters; false when it is not known. */
bool cms_facts_cipher(const struct cms_reader *, struct cipher_params *ret);
/* Bytes of ciphertext that passed, and of the authentication tag. */
uint64_t cms_facts_ciphertext_size(const struct cms_reader *);
size_t cms_facts_mac_size(const struct cms_reader *);
/* Authenticated, and unauthenticated or unprotected ones; NULL: absent. */
const STACK_OF(X509_ATTRIBUTE) *cms_facts_auth_attrs(const struct cms_reader *);
const STACK_OF(X509_ATTRIBUTE) *cms_facts_unauth_attrs(const struct cms_reader *);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A key that is a file, as what signs (cms/sign.h) and what opens (cms/decrypt.h).
 *
 * Life: cms_keyfile_load; cms_keyfile_signer and cms_keyfile_opener as often as one
 * likes; cms_keyfile_free when what was made with them is freed.
 *
 * The private key is in this process, in libcrypto's memory, and in a file that others may
 * have copied: for tests, for examples, for keys of little worth. Whoever holds it elsewhere
 * fills struct cms_signer and struct cms_opener with callbacks of his own.
 *
 * After cms_keyfile_load nothing changes it: several threads may use one.
 */
#ifndef SIGNET_CMS_KEYFILE_H
#define SIGNET_CMS_KEYFILE_H

#include <openssl/evp.h>

#include "base/err.h"
#include "cms/decrypt.h"
#include "cms/sign.h"

/* Longest file taken, bytes. */
#define CMS_KEYFILE_MAX (1024u * 1024)

struct cms_keyfile;

/* A certificate (PEM or DER) and its private key (PEM or DER, not encrypted); both may be
 * one PEM file. E_INPUT: a file cannot be read or holds no such thing; E_NO_KEY: the key is
 * not the certificate's. */
int cms_keyfile_load(struct cms_keyfile **ret, const char *cert_file, const char *key_file,
                     struct err *err) must_check;
/* The same of what is loaded already; takes references of its own. */
int cms_keyfile_new(struct cms_keyfile **ret, X509 *cert, EVP_PKEY *key,
                    struct err *err) must_check;
void cms_keyfile_free(struct cms_keyfile **);
#define autofree_cms_keyfile __attribute__((cleanup(cms_keyfile_free)))

X509 *cms_keyfile_cert_view(const struct cms_keyfile *);

/* The scheme is the usual one of the key: RSA PKCS#1 v1.5 with SHA-256, ECDSA with the
 * digest of the curve's strength, EdDSA; NULL when the key cannot sign. Set another in
 * the result to sign with that. Borrows the keyfile. */
struct cms_signer cms_keyfile_signer(struct cms_keyfile *);

/* RSA keys unwrap, all others agree. Borrows the keyfile. */
struct cms_opener cms_keyfile_opener(struct cms_keyfile *);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a correspondent's programs can read (RFC 8551 2.5.2, SMIMECapabilities), and what
 * a mail to several of them is encrypted with.
 *
 * Life: a struct capabilities for each recipient, zero as long as nothing is known of them;
 * capability_note for each capability that a verified signature, a store or the
 * certificate (RFC 4262; capability_from_cert) tells; then capability_choose.
 *
 * Choosing: the strongest cipher that all can read; one that authenticates only when it
 * is known of all, since some programs show a blank page then; AES-256-CBC where nothing
 * is known. For each RSA key OAEP when the recipient is known to open it, PKCS#1
 * v1.5, which every program opens, when not.
 *
 * Pure functions on the caller's storage, safe from several threads.
 */
#ifndef SIGNET_MAIL_CAPABILITY_H
#define SIGNET_MAIL_CAPABILITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "base/alg.h"
#include "base/err.h"
#include "cms/cipher.h"

/* Most bytes of one capability in text, with its NUL. */
#define CAPABILITY_TEXT_MAX 256

/* What Signet reads, best first, ended by NULL, as struct cms_signer takes it. */
extern const char *const capability_own[];

struct capabilities {
    bool known;
    uint32_t ciphers;   /* bit i: cms_cipher_at(i) */
    bool oaep;          /* RSAES-OAEP with SHA-1 ... */
    bool oaep_sha256;   /* ... and with SHA-256 */
};

void capability_note(struct capabilities *, const char *oid, const uint8_t *parameters,
                     size_t len);
/* The same from text as in capability_own. */
void capability_note_text(struct capabilities *, const char *text);
/* Those in the certificate, when it has any. E_MALFORMED, E_NOMEM. */
int capability_from_cert(struct capabilities *, const X509 *) must_check;

/* One recipient: what is known goes in, the key transport comes out. */
struct capability_choice {
    struct capabilities can;
    const char *name;                  /* for the sentence; borrowed */
    bool pkcs1;                        /* out: RSA keys, v1.5 */
    const struct alg_digest *digest;   /* out: of OAEP */
};

/* The cipher; asked for (wanted) or chosen. reason gets a sentence for people that says
 * what and why. */
const struct cms_cipher *capability_choose(struct capability_choice *, size_t count,
                                           const struct cms_cipher *wanted, char *reason,
                                           size_t max);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Recipients, one kind after the other, in both directions: a content key into a
 * RecipientInfo and out of it. Inside of the library; cms/decrypt.h and
 * cms/encrypt.h are the contracts.
 */
#ifndef SIGNET_CMS_RECIPIENT_H
#define SIGNET_CMS_RECIPIENT_H

#include "base/secret.h"
#include "cms/decrypt.h"
#include "cms/encrypt.h"
#include "cms/keywrap.h"
#include "cms/recipient_asn1.h"

/* Views of one RecipientInfo: how many there are (a KeyAgreeRecipientInfo has one for
 * each key), and the i-th. */
size_t recipient_count(const SN_RECIPIENT *);
void recipient_view(const SN_RECIPIENT *, size_t i, struct cms_recipient *ret);

/*
 * Opening. Each gets the content key of `expected` bytes (0: as it is) into key, or fails as
 * cms/decrypt.h says; sentences have no subject yet. weak is set when an algorithm
 * is, which is E_WEAK unless it is allowed.
 */
struct opening {
    const struct cms_decrypt_options *options;
    STACK_OF(X509) *certs;      /* of originatorInfo */
    size_t expected;
    bool any_length;            /* other lengths will do (HMAC), where nothing can be guessed */
    uint64_t iterations;        /* of PBKDF2, done so far for this message */
    bool weak;
};
int transport_open(const SN_KTRI *, const struct cms_opener *, struct opening *,
                   struct secret *key, struct err *err) must_check;
int agree_open(const SN_KARI *, int i, const struct cms_opener *, struct opening *,
               struct secret *key, struct err *err) must_check;
int kek_open(const SN_KEKRI *, const struct cms_kek *, struct opening *, struct secret *key,
             struct err *err) must_check;
int password_open(const SN_PWRI *, const struct secret *password, struct opening *,
                  struct secret *key, struct err *err) must_check;

/* Making: a RecipientInfo with the content key in it. */
int transport_make(const struct cms_to *, const struct secret *key, SN_RECIPIENT **ret,
                   struct err *err) must_check;
int agree_make(const struct cms_to *, const struct secret *key, SN_RECIPIENT **ret,
               struct err *err) must_check;
int kek_make(const struct cms_to *, const struct secret *key, SN_RECIPIENT **ret,
             struct err *err) must_check;
int password_make(const struct cms_to *, const struct secret *key, SN_RECIPIENT **ret,
                  struct err *err) must_check;

/* Appends recipientInfos with the key for each; *version rises to what EnvelopedData needs
 * for them (RFC 5652, 6.1). Sentences name the recipient, not the subject. */
int recipients_put(const struct cms_to *, size_t count, const struct secret *key, struct buf *out,
                   long *version, struct err *err) must_check;

/* A new RecipientInfo of a kind with its version; NULL when memory is out. */
SN_RECIPIENT *recipient_new(int type, long version);
/* Copies a certificate's issuer and serial number. NULL when memory is out. */
SN_ISSUER_SERIAL *recipient_issuer_serial(X509 *cert);
/* The certificate's subjectKeyIdentifier, copied; E_USAGE without one. */
int recipient_ski(X509 *cert, ASN1_OCTET_STRING **ret, struct err *err) must_check;

#endif

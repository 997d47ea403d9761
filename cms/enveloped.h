/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* State of EnvelopedData and AuthEnvelopedData while they are read. Inside of the
 * reader: enveloped_data.c has the grammars, open.c finds the content key. */
#ifndef SIGNET_CMS_ENVELOPED_H
#define SIGNET_CMS_ENVELOPED_H

#include "cms/crypt.h"
#include "cms/reader_int.h"
#include "cms/recipient.h"

struct enveloped {
    SN_RECIPIENT **infos;               /* info_count of them */
    size_t info_count;
    struct cms_recipient *recipients;   /* result.count of them */
    size_t room;
    struct cipher_params params;        /* when result.cipher is known */
    char cipher_oid[ATTR_OID_MAX];
    struct secret *key;                 /* the content key, or NULL */
    struct crypt *crypt;                /* NULL: nothing is decrypted */
    uint8_t *out;                       /* CRYPT_PIECE + CRYPT_BLOCK */
    size_t fill;
    uint64_t ciphertext;                /* octets that came */
    STACK_OF(X509_ATTRIBUTE) *auth, *unauth;
    struct buf *aad;                    /* DER of auth */
    uint8_t mac[CIPHER_TAG_MAX];
    size_t mac_len;
    struct cms_attribute *attributes;
    struct cms_encrypted result;
};

/* Finds a recipient that the options open, and sets key and result.opened. */
int enveloped_open(struct cms_reader *, struct err *err) must_check;

#endif

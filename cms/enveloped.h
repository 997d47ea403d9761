/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * State of what has recipients, ciphertext or a MAC while it is read. Inside of the
 * reader: enveloped.c takes the parts that the types share, open.c finds the key,
 * enveloped_data.c has EnvelopedData, AuthEnvelopedData and EncryptedData,
 * authenticated_data.c AuthenticatedData.
 */
#ifndef SIGNET_CMS_ENVELOPED_H
#define SIGNET_CMS_ENVELOPED_H

#include "cms/crypt.h"
#include "cms/reader_int.h"
#include "cms/reader_take.h"
#include "cms/recipient.h"

struct enveloped {
    SN_RECIPIENT **infos;               /* info_count of them */
    size_t info_count;
    struct cms_recipient *recipients;   /* result.count of them */
    size_t room;
    struct taken_certs taken;           /* of originatorInfo */
    struct cipher_params params;        /* when result.cipher is known */
    char cipher_oid[ATTR_OID_MAX];      /* or macAlgorithm */
    struct secret *key;                 /* the content key, or NULL */
    size_t key_len;                     /* bytes that it should have */
    bool any_key_len;                   /* others may do, too: HMAC */
    struct crypt *crypt;                /* NULL: nothing is decrypted */
    uint8_t *out;                       /* CRYPT_PIECE + CRYPT_BLOCK, or NULL */
    size_t fill;
    uint64_t ciphertext;                /* octets that came */
    STACK_OF(X509_ATTRIBUTE) *auth, *unauth;
    struct buf *aad;                    /* DER of auth */
    uint8_t mac[TAKE_MAC_MAX];
    size_t mac_len;
    struct cms_attribute *attributes;
    struct cms_encrypted result;
};

int enveloped_start(struct cms_reader *, struct err *err) must_check;
void enveloped_free(struct cms_reader *);

/* OriginatorInfo (RFC 5652, 6.1). */
extern const struct walk_rule enveloped_originator_info[];
/* For rules: a RecipientInfo; authenticated attributes; others. */
int enveloped_recipient(void *reader, const uint8_t *der, size_t len, struct err *err) must_check;
int enveloped_auth_attributes(void *reader, const uint8_t *data, size_t len,
                              struct err *err) must_check;
int enveloped_other_attributes(void *reader, const uint8_t *data, size_t len,
                               struct err *err) must_check;
/* E_MALFORMED when there were no recipients. */
int enveloped_check_recipients(const struct cms_reader *, struct err *err) must_check;
/* A contentType attribute must say what the content is (RFC 5083, 2.1; RFC 5652, 11.1). */
int enveloped_check_content_type(const struct cms_reader *, struct err *err) must_check;
/* The list of attributes, for those who ask. */
int enveloped_list_attributes(struct cms_reader *, struct err *err) must_check;

/* Finds a recipient that the options open, and sets key and result.opened. */
int enveloped_open(struct cms_reader *, struct err *err) must_check;

/* The rules that begin every type with recipients; version: what takes it. */
#define ENVELOPED_RULES(what, version) \
    { .name = "version of " what, .id = BER_INTEGER, .action = WALK_CAPTURE, \
      .max = TAKE_VERSION_MAX, .element = version }, \
    { .name = "originatorInfo [0]", .id = BER_CONTEXT(0), .optional = true, \
      .action = WALK_ENTER, .inside = enveloped_originator_info }, \
    { .name = "recipientInfos", .id = BER_SET, .action = WALK_EACH, \
      .max = CMS_MAX_RECIPIENT_SIZE, .element = enveloped_recipient }

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* RecipientInfo (RFC 5652, 6.2) as libcrypto templates; see cms/asn1.h. */
#ifndef SIGNET_CMS_RECIPIENT_ASN1_H
#define SIGNET_CMS_RECIPIENT_ASN1_H

#include "cms/asn1.h"

/* KeyTransRecipientInfo (6.2.1). RecipientIdentifier is as SignerIdentifier. */
typedef struct {
    ASN1_INTEGER *version;
    SN_SID *rid;
    X509_ALGOR *alg;
    ASN1_OCTET_STRING *key;
} SN_KTRI;

/* OriginatorIdentifierOrKey (6.2.2). */
#define SN_ORIGINATOR_ISSUER_SERIAL 0
#define SN_ORIGINATOR_SKI 1
#define SN_ORIGINATOR_KEY 2
typedef struct {
    X509_ALGOR *alg;
    ASN1_BIT_STRING *key;
} SN_ORIGINATOR_PUBLIC;
typedef struct {
    int type;
    union {
        SN_ISSUER_SERIAL *issuer_serial;
        ASN1_OCTET_STRING *ski;
        SN_ORIGINATOR_PUBLIC *key;
    } d;
} SN_ORIGINATOR;

/* RecipientKeyIdentifier and KEKIdentifier (6.2.3): an identifier, date, other. */
typedef struct {
    ASN1_OCTET_STRING *id;
    ASN1_GENERALIZEDTIME *date;
    ASN1_TYPE *other;
} SN_KEY_ID;

/* KeyAgreeRecipientIdentifier. */
#define SN_RID_ISSUER_SERIAL 0
#define SN_RID_KEY_ID 1
typedef struct {
    int type;
    union {
        SN_ISSUER_SERIAL *issuer_serial;
        SN_KEY_ID *key_id;
    } d;
} SN_RID;

typedef struct {
    SN_RID *rid;
    ASN1_OCTET_STRING *key;
} SN_ENCRYPTED_KEY;
DEFINE_STACK_OF(SN_ENCRYPTED_KEY)

typedef struct {
    ASN1_INTEGER *version;
    SN_ORIGINATOR *originator;
    ASN1_OCTET_STRING *ukm;             /* NULL when absent */
    X509_ALGOR *alg;
    STACK_OF(SN_ENCRYPTED_KEY) *keys;
} SN_KARI;

typedef struct {
    ASN1_INTEGER *version;
    SN_KEY_ID *id;
    X509_ALGOR *alg;
    ASN1_OCTET_STRING *key;
} SN_KEKRI;

/* PasswordRecipientInfo (6.2.4). */
typedef struct {
    ASN1_INTEGER *version;
    X509_ALGOR *derivation;             /* NULL when absent */
    X509_ALGOR *alg;
    ASN1_OCTET_STRING *key;
} SN_PWRI;

/* OtherRecipientInfo (6.2.5). */
typedef struct {
    ASN1_OBJECT *type;
    ASN1_TYPE *value;
} SN_ORI;

#define SN_RECIPIENT_KTRI 0
#define SN_RECIPIENT_KARI 1
#define SN_RECIPIENT_KEKRI 2
#define SN_RECIPIENT_PWRI 3
#define SN_RECIPIENT_ORI 4
typedef struct {
    int type;
    union {
        SN_KTRI *ktri;
        SN_KARI *kari;
        SN_KEKRI *kekri;
        SN_PWRI *pwri;
        SN_ORI *ori;
    } d;
} SN_RECIPIENT;
DECLARE_ASN1_FUNCTIONS(SN_RECIPIENT)
DECLARE_ASN1_ITEM(SN_KTRI)
DECLARE_ASN1_ITEM(SN_KARI)
DECLARE_ASN1_ITEM(SN_KEKRI)
DECLARE_ASN1_ITEM(SN_PWRI)
DECLARE_ASN1_ITEM(SN_ENCRYPTED_KEY)
DECLARE_ASN1_ITEM(SN_ORIGINATOR_PUBLIC)
DECLARE_ASN1_ITEM(SN_KEY_ID)

#endif

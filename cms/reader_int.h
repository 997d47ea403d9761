/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inside of the reader, shared by reader.c and the content types. Each content
 * type is a struct content_kind: its grammar, whose callbacks get the reader, and
 * what frees its state.
 */
#ifndef SIGNET_CMS_READER_INT_H
#define SIGNET_CMS_READER_INT_H

#include "cms/asn1.h"
#include "cms/attr.h"
#include "cms/digests.h"
#include "cms/reader.h"
#include "cms/signed.h"
#include "cms/walk.h"

struct content_kind {
    int nid;                            /* of ContentInfo.contentType */
    const char *not_signed;             /* "it is ... first", when it is asked for signatures */
    const struct walk_rule *grammar;    /* of ContentInfo.content */
    int (*start)(struct cms_reader *, struct err *err);
    /* The octets of an encapContentInfo (take_encap_content_info); else NULL. */
    int (*content)(struct cms_reader *, const uint8_t *data, size_t len, struct err *err);
    int (*finish)(struct cms_reader *, struct err *err);    /* all was read; may be NULL */
    void (*free)(struct cms_reader *);
};

/* A SignerInfo as it was read, and what cms_verify found. */
struct signer {
    SN_SIGNER_INFO *info;
    struct cms_attribute *attributes;
    size_t attribute_count;
};

/* Certificates and revocation lists (RFC 5652, 10.2.1 and 10.2.2); those of forms that
 * libcrypto does not read are counted. */
struct taken_certs {
    STACK_OF(X509) *certs;
    STACK_OF(X509_CRL) *crls;
    size_t other_certs, other_crls;
};

struct signed_data {
    struct cms_digests *digests;        /* those announced; fed with the content */
    size_t algorithms;                  /* announced, known or not */
    char digest_oids[CMS_MAX_DIGESTS][ATTR_OID_MAX];
    struct taken_certs taken;
    struct signer signers[CMS_MAX_SIGNERS];
    size_t count;
    struct cms_signature *results;      /* of cms_verify; count of them */
    struct cms_signed result;
};

struct cms_reader {
    struct cms_reader_options options;
    struct walk walk;
    const struct content_kind *kind;    /* NULL before it is known */
    int type;                           /* of the ContentInfo */
    char type_oid[ATTR_OID_MAX];        /* the same, dotted */
    bool has_version;
    int version;                        /* of the structure */
    uint64_t content_offset;            /* where it begins */
    ASN1_OBJECT *content_type;          /* eContentType, or NULL */
    char content_oid[ATTR_OID_MAX];
    bool has_content;
    uint64_t content_size;
    bool finished;                      /* whole, and everything parsed */
    bool failed;
    struct signed_data *signed_data;    /* when kind is SignedData */
    struct enveloped *enveloped;        /* when it has recipients or ciphertext */
    struct compressed *compressed;      /* when it is CompressedData */
    struct digested *digested;          /* when it is DigestedData */
    struct authentication *authentication;  /* when it is AuthenticatedData */
};

extern const struct content_kind data_kind;
extern const struct content_kind signed_data_kind;
extern const struct content_kind enveloped_data_kind;
extern const struct content_kind auth_enveloped_data_kind;
extern const struct content_kind compressed_data_kind;
extern const struct content_kind encrypted_data_kind;
extern const struct content_kind digested_data_kind;
extern const struct content_kind authenticated_data_kind;

/* The kind of a type whose structure can be another message's content; NULL for id-data, which
 * says that the content is no structure, and for what is not known. */
const struct content_kind *reader_nested_kind(int nid);

/* For the grammars: eContentType, and content that is in the clear. */
int reader_content_type(void *reader, const uint8_t *der, size_t len, struct err *err) must_check;
int reader_content_begin(void *reader, struct err *err) must_check;
/* Counts, bounds and passes content on to the sink. */
int reader_content(struct cms_reader *, const uint8_t *data, size_t len,
                   struct err *err) must_check;

/* E_MALFORMED with "NAME before offset N is malformed". */
int reader_malformed(const struct cms_reader *, const char *name, struct err *err) must_check;

#endif

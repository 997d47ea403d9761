/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/facts.h"

#include <limits.h>
#include <stdlib.h>

#include <openssl/err.h>

#include "cms/enveloped.h"
#include "cms/reader_int.h"
#include "cms/shape.h"

struct cms_countersigner {
    SN_SIGNER_INFO *info;
};

const char *
cms_facts_type_oid(const struct cms_reader *r)
{
    return r->type_oid;
}

int
cms_facts_version(const struct cms_reader *r)
{
    return r->has_version ? r->version : -1;
}

uint64_t
cms_facts_content_offset(const struct cms_reader *r)
{
    return r->content_offset;
}

const char *
cms_facts_digest(const struct cms_reader *r, size_t i)
{
    const struct signed_data *sd = r->signed_data;

    return sd == NULL || i >= sd->algorithms || i >= CMS_MAX_DIGESTS ? NULL : sd->digest_oids[i];
}

const STACK_OF(X509) *
cms_facts_certs(const struct cms_reader *r)
{
    return r->signed_data == NULL ? NULL : r->signed_data->taken.certs;
}

const STACK_OF(X509_CRL) *
cms_facts_crls(const struct cms_reader *r)
{
    return r->signed_data == NULL ? NULL : r->signed_data->taken.crls;
}

size_t
cms_facts_other_certs(const struct cms_reader *r)
{
    return r->signed_data == NULL ? 0 : r->signed_data->taken.other_certs;
}

size_t
cms_facts_other_crls(const struct cms_reader *r)
{
    return r->signed_data == NULL ? 0 : r->signed_data->taken.other_crls;
}

size_t
cms_facts_signer_count(const struct cms_reader *r)
{
    return r->signed_data == NULL ? 0 : r->signed_data->count;
}

static int
small(const ASN1_INTEGER *n)
{
    int64_t value = -1;

    if (n == NULL || ASN1_INTEGER_get_int64(&value, n) != 1 || value < 0 || value > INT_MAX) {
        ERR_clear_error();
        return -1;
    }
    return (int)value;
}

static void
describe(const SN_SIGNER_INFO *info, struct cms_signer_facts *ret)
{
    *ret = (struct cms_signer_facts){
        .version = small(info->version),
        .digest = info->digest_alg,
        .algorithm = info->sig_alg,
        .signature_size = (size_t)ASN1_STRING_length(info->signature),
        .signed_attrs = info->signed_attrs,
        .unsigned_attrs = info->unsigned_attrs,
    };
    if (info->sid->type == SN_SID_SKI) {
        ret->ski = info->sid->d.ski;
    } else {
        ret->issuer = info->sid->d.issuer_serial->issuer;
        ret->serial = info->sid->d.issuer_serial->serial;
    }
}

bool
cms_facts_signer(const struct cms_reader *r, size_t i, struct cms_signer_facts *ret)
{
    if (i >= cms_facts_signer_count(r))
        return false;
    describe(r->signed_data->signers[i].info, ret);
    return true;
}

int
cms_countersigner_read(struct cms_countersigner **ret, const uint8_t *der, size_t len)
{
    const uint8_t *at = der;
    struct cms_countersigner *c;

    if (shape_check_signer(der, len) != 0)
        return E_MALFORMED;
    c = calloc(1, sizeof *c);
    if (c == NULL)
        return E_NOMEM;
    c->info = d2i_SN_SIGNER_INFO(NULL, &at, (long)len);
    ERR_clear_error();
    if (c->info == NULL || at != der + len) {
        cms_countersigner_free(&c);
        return E_MALFORMED;
    }
    *ret = c;
    return 0;
}

void
cms_countersigner_facts(const struct cms_countersigner *c, struct cms_signer_facts *ret)
{
    describe(c->info, ret);
}

void
cms_countersigner_free(struct cms_countersigner **c)
{
    if (c == NULL || *c == NULL)
        return;
    SN_SIGNER_INFO_free((*c)->info);
    free(*c);
    *c = NULL;
}

static void
describe_originator(const SN_ORIGINATOR *o, struct cms_recipient_facts *ret)
{
    if (o->type == SN_ORIGINATOR_ISSUER_SERIAL) {
        ret->originator_issuer = o->d.issuer_serial->issuer;
        ret->originator_serial = o->d.issuer_serial->serial;
    } else if (o->type == SN_ORIGINATOR_SKI) {
        ret->originator_ski = o->d.ski;
    } else {
        ret->originator_key = o->d.key->alg;
        ret->originator_key_size = (size_t)ASN1_STRING_length(o->d.key->key);
    }
}

static void
describe_agree(const SN_KARI *info, int i, struct cms_recipient_facts *ret)
{
    const SN_ENCRYPTED_KEY *key = sk_SN_ENCRYPTED_KEY_value(info->keys, i);

    ret->version = small(info->version);
    ret->algorithm = info->alg;
    ret->ukm = info->ukm;
    describe_originator(info->originator, ret);
    if (key == NULL)
        return;
    ret->key_size = (size_t)ASN1_STRING_length(key->key);
    if (key->rid->type == SN_RID_KEY_ID)
        ret->date = key->rid->d.key_id->date;
}

void
cms_recipient_facts(const struct cms_recipient *recipient, struct cms_recipient_facts *ret)
{
    const SN_RECIPIENT *r = recipient->info;

    *ret = (struct cms_recipient_facts){ .version = -1 };
    if (r->type == SN_RECIPIENT_KTRI) {
        ret->version = small(r->d.ktri->version);
        ret->algorithm = r->d.ktri->alg;
        ret->key_size = (size_t)ASN1_STRING_length(r->d.ktri->key);
    } else if (r->type == SN_RECIPIENT_KARI) {
        describe_agree(r->d.kari, recipient->key, ret);
    } else if (r->type == SN_RECIPIENT_KEKRI) {
        ret->version = small(r->d.kekri->version);
        ret->algorithm = r->d.kekri->alg;
        ret->key_size = (size_t)ASN1_STRING_length(r->d.kekri->key);
        ret->date = r->d.kekri->id->date;
    } else if (r->type == SN_RECIPIENT_PWRI) {
        ret->version = small(r->d.pwri->version);
        ret->algorithm = r->d.pwri->alg;
        ret->derivation = r->d.pwri->derivation;
        ret->key_size = (size_t)ASN1_STRING_length(r->d.pwri->key);
    }
}

bool
cms_facts_cipher(const struct cms_reader *r, struct cipher_params *ret)
{
    if (r->enveloped == NULL || r->enveloped->result.cipher == NULL)
        return false;
    *ret = r->enveloped->params;
    return true;
}

uint64_t
cms_facts_ciphertext_size(const struct cms_reader *r)
{
    return r->enveloped == NULL ? 0 : r->enveloped->ciphertext;
}

size_t
cms_facts_mac_size(const struct cms_reader *r)
{
    return r->enveloped == NULL ? 0 : r->enveloped->mac_len;
}

const STACK_OF(X509_ATTRIBUTE) *
cms_facts_auth_attrs(const struct cms_reader *r)
{
    return r->enveloped == NULL ? NULL : r->enveloped->auth;
}

const STACK_OF(X509_ATTRIBUTE) *
cms_facts_unauth_attrs(const struct cms_reader *r)
{
    return r->enveloped == NULL ? NULL : r->enveloped->unauth;
}

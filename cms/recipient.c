/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/recipient.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

size_t
recipient_count(const SN_RECIPIENT *r)
{
    return r->type == SN_RECIPIENT_KARI ? (size_t)sk_SN_ENCRYPTED_KEY_num(r->d.kari->keys) : 1;
}

static void
view_transport(const SN_KTRI *info, struct cms_recipient *ret)
{
    int nid;

    if (info->rid->type == SN_SID_SKI) {
        ret->ski = info->rid->d.ski;
    } else {
        ret->issuer = info->rid->d.issuer_serial->issuer;
        ret->serial = info->rid->d.issuer_serial->serial;
    }
    ret->kind = CMS_TO_RSA;
    algor_oid(info->alg, ret->oid, sizeof ret->oid);
    nid = OBJ_txt2nid(ret->oid);
    ret->algorithm = nid == NID_rsaEncryption ? "rsa-pkcs1"
                     : nid == NID_rsaesOaep   ? "rsa-oaep"
                                              : "";
}

static void
view_agree(const SN_KARI *info, size_t i, struct cms_recipient *ret)
{
    const SN_RID *rid = sk_SN_ENCRYPTED_KEY_value(info->keys, (int)i)->rid;
    const struct agree_scheme *scheme;

    if (rid->type == SN_RID_KEY_ID) {
        ret->ski = rid->d.key_id->id;
    } else {
        ret->issuer = rid->d.issuer_serial->issuer;
        ret->serial = rid->d.issuer_serial->serial;
    }
    ret->kind = CMS_TO_AGREE;
    ret->key = (int)i;
    algor_oid(info->alg, ret->oid, sizeof ret->oid);
    scheme = agree_scheme_by_oid(ret->oid);
    ret->algorithm = scheme == NULL ? "" : scheme->name;
}

static void
view_kek(const SN_KEKRI *info, struct cms_recipient *ret)
{
    const struct cms_wrap *wrap = wrap_read(info->alg);

    ret->kind = CMS_TO_KEK;
    ret->kek_id = info->id->id;
    algor_oid(info->alg, ret->oid, sizeof ret->oid);
    ret->algorithm = wrap == NULL ? "" : wrap->name;
}

static void
view_password(const SN_PWRI *info, struct cms_recipient *ret)
{
    const ASN1_OBJECT *oid = NULL;

    if (info->derivation != NULL)
        X509_ALGOR_get0(&oid, NULL, NULL, info->derivation);
    ret->kind = CMS_TO_PASSWORD;
    algor_oid(info->alg, ret->oid, sizeof ret->oid);
    ret->algorithm = oid != NULL && OBJ_obj2nid(oid) == NID_id_pbkdf2 ? "pbkdf2" : "";
}

void
recipient_view(const SN_RECIPIENT *r, size_t i, struct cms_recipient *ret)
{
    *ret = (struct cms_recipient){ .info = r, .algorithm = "" };
    if (r->type == SN_RECIPIENT_KTRI) {
        view_transport(r->d.ktri, ret);
    } else if (r->type == SN_RECIPIENT_KARI) {
        view_agree(r->d.kari, i, ret);
    } else if (r->type == SN_RECIPIENT_KEKRI) {
        view_kek(r->d.kekri, ret);
    } else if (r->type == SN_RECIPIENT_PWRI) {
        view_password(r->d.pwri, ret);
    } else {
        ret->kind = CMS_TO_OTHER;
        OBJ_obj2txt(ret->oid, sizeof ret->oid, r->d.ori->type, 1);
    }
}

bool
cms_recipient_is(const struct cms_recipient *r, X509 *cert)
{
    const ASN1_OCTET_STRING *ski;

    if (r->ski != NULL) {
        ski = X509_get0_subject_key_id(cert);
        return ski != NULL && ASN1_OCTET_STRING_cmp(ski, r->ski) == 0;
    }
    return r->issuer != NULL && X509_NAME_cmp(r->issuer, X509_get_issuer_name(cert)) == 0 &&
           ASN1_INTEGER_cmp(r->serial, X509_get0_serialNumber(cert)) == 0;
}

static const ASN1_ITEM *
item_of(int type)
{
    return type == SN_RECIPIENT_KTRI    ? ASN1_ITEM_rptr(SN_KTRI)
           : type == SN_RECIPIENT_KARI  ? ASN1_ITEM_rptr(SN_KARI)
           : type == SN_RECIPIENT_KEKRI ? ASN1_ITEM_rptr(SN_KEKRI)
                                        : ASN1_ITEM_rptr(SN_PWRI);
}

/* The first field of each kind is its version. */
SN_RECIPIENT *
recipient_new(int type, long version)
{
    SN_RECIPIENT *r = SN_RECIPIENT_new();
    void *info = r == NULL ? NULL : ASN1_item_new(item_of(type));

    if (info == NULL) {
        SN_RECIPIENT_free(r);
        return NULL;
    }
    r->type = type;
    r->d.ktri = info;
    if (ASN1_INTEGER_set(*(ASN1_INTEGER **)info, version) == 1)
        return r;
    SN_RECIPIENT_free(r);
    return NULL;
}

SN_ISSUER_SERIAL *
recipient_issuer_serial(X509 *cert)
{
    const ASN1_ITEM *item = ASN1_ITEM_rptr(SN_ISSUER_SERIAL);
    SN_ISSUER_SERIAL *is = (SN_ISSUER_SERIAL *)ASN1_item_new(item);
    ASN1_INTEGER *serial = ASN1_INTEGER_dup(X509_get0_serialNumber(cert));

    if (is == NULL || serial == NULL ||
        X509_NAME_set(&is->issuer, X509_get_issuer_name(cert)) != 1) {
        ASN1_INTEGER_free(serial);
        ASN1_item_free((ASN1_VALUE *)is, item);
        return NULL;
    }
    ASN1_INTEGER_free(is->serial);
    is->serial = serial;
    return is;
}

int
recipient_ski(X509 *cert, ASN1_OCTET_STRING **ret, struct err *err)
{
    const ASN1_OCTET_STRING *ski = X509_get0_subject_key_id(cert);

    if (ski == NULL)
        return err_set(err, E_USAGE, "its certificate has no subjectKeyIdentifier to name it by");
    *ret = ASN1_OCTET_STRING_dup(ski);
    return *ret == NULL ? err_set(err, E_NOMEM, "out of memory") : 0;
}

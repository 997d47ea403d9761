/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/attr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/objects.h>

#include "cms/algid.h"
#include "cms/ber.h"
#include "cms/der.h"

/* The issuer (one directoryName) and serial are the certificate's (RFC 5035, 5). */
static bool
issuer_serial_fits(const SN_ESS_ISSUER_SERIAL *is, X509 *cert)
{
    const GENERAL_NAME *name;

    if (sk_GENERAL_NAME_num(is->issuer) != 1)
        return false;
    name = sk_GENERAL_NAME_value(is->issuer, 0);
    return name->type == GEN_DIRNAME &&
           X509_NAME_cmp(name->d.directoryName, X509_get_issuer_name(cert)) == 0 &&
           ASN1_INTEGER_cmp(is->serial, X509_get0_serialNumber(cert)) == 0;
}

/* 1, 0 or E_UNSUPPORTED. */
static int
cert_id_fits(const SN_ESS_CERT_ID *id, const struct alg_digest *digest, X509 *cert)
{
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    EVP_MD *md;
    int ok;

    if (id->hash_alg != NULL)
        digest = algid_read_digest(id->hash_alg);
    md = digest == NULL ? NULL : EVP_MD_fetch(NULL, digest->ossl, NULL);
    if (md == NULL)
        return E_UNSUPPORTED;
    ok = X509_digest(cert, md, hash, &len);
    EVP_MD_free(md);
    if (ok != 1 || len != (unsigned)ASN1_STRING_length(id->hash) ||
        memcmp(hash, ASN1_STRING_get0_data(id->hash), len) != 0)
        return 0;
    return id->issuer_serial == NULL || issuer_serial_fits(id->issuer_serial, cert);
}

static const struct ess_kind {
    const char *oid;
    const ASN1_ITEM *(*item)(void);
    int digest;
} ess_kinds[] = {
    { ATTR_SIGNING_CERT, SN_ESS_V1_it, NID_sha1 },
    { ATTR_SIGNING_CERT_V2, SN_ESS_V2_it, NID_sha256 },
};

static int
ess_fits(const struct ess_kind *kind, const STACK_OF(X509_ATTRIBUTE) *attrs, X509 *cert)
{
    const ASN1_TYPE *value = NULL;
    SN_ESS *ess;
    int rc = attr_get(attrs, kind->oid, V_ASN1_SEQUENCE, &value);

    if (rc <= 0)
        return rc == 0 ? 1 : rc;
    ess = ASN1_item_unpack(value->value.sequence, kind->item());
    if (ess == NULL || sk_SN_ESS_CERT_ID_num(ess->certs) < 1)
        rc = E_MALFORMED;
    else
        rc = cert_id_fits(sk_SN_ESS_CERT_ID_value(ess->certs, 0),
                          cms_digest_by_nid(kind->digest), cert);
    ASN1_item_free((ASN1_VALUE *)ess, kind->item());
    return rc;
}

int
attr_names_cert(const STACK_OF(X509_ATTRIBUTE) *attrs, X509 *cert)
{
    for (size_t i = 0; i < sizeof ess_kinds / sizeof *ess_kinds; i++) {
        int rc = ess_fits(&ess_kinds[i], attrs, cert);

        if (rc != 1)
            return rc;
    }
    return 1;
}

/* Of a signature or of a MAC; the other's algorithm must not be there (RFC 6211, 2). */
static int
protects(const STACK_OF(X509_ATTRIBUTE) *attrs, const X509_ALGOR *digest, const X509_ALGOR *sig,
         const X509_ALGOR *mac)
{
    const ASN1_TYPE *value = NULL;
    SN_PROTECTION *p;
    int rc = attr_get(attrs, ATTR_PROTECTION, V_ASN1_SEQUENCE, &value);

    if (rc <= 0)
        return rc == 0 ? 1 : rc;
    p = ASN1_item_unpack(value->value.sequence, ASN1_ITEM_rptr(SN_PROTECTION));
    if (p == NULL || (p->sig_alg == NULL) != (sig == NULL) || (p->mac_alg == NULL) != (mac == NULL))
        rc = E_MALFORMED;
    else
        rc = algid_equal(p->digest_alg, digest) &&
             (sig == NULL || algid_equal(p->sig_alg, sig)) &&
             (mac == NULL || algid_equal(p->mac_alg, mac));
    SN_PROTECTION_free(p);
    return rc;
}

int
attr_protects(const STACK_OF(X509_ATTRIBUTE) *attrs, const X509_ALGOR *digest,
              const X509_ALGOR *sig)
{
    return protects(attrs, digest, sig, NULL);
}

int
attr_protects_mac(const STACK_OF(X509_ATTRIBUTE) *attrs, const X509_ALGOR *digest,
                  const X509_ALGOR *mac)
{
    return protects(attrs, digest, NULL, mac);
}

bool
attr_look_like(const uint8_t *head, size_t len)
{
    struct ber_header attributes, attribute;

    return ber_read_header(head, len, &attributes) == 1 && attributes.id == BER_SET &&
           ber_read_header(head + attributes.size, len - attributes.size, &attribute) == 1 &&
           attribute.id == BER_SEQUENCE && attributes.size + attribute.size < len &&
           head[attributes.size + attribute.size] == BER_OID;
}

/* One allocation holds the texts and values of one attribute. */
static int
list_one(X509_ATTRIBUTE *attr, bool is_signed, struct cms_attribute *ret)
{
    autofree_buf struct buf *der = buf_new();
    const ASN1_OBJECT *object = X509_ATTRIBUTE_get0_object(attr);
    const char *known = OBJ_nid2sn(OBJ_obj2nid(object));
    char oid[ATTR_OID_MAX];
    struct ber_header outer, type;
    uint8_t *raw = NULL, *copy;
    size_t skip, oid_size, name_size;
    int len = i2d_X509_ATTRIBUTE(attr, &raw), rc;

    rc = der == NULL || len <= 0 ? E_NOMEM : der_normalize(raw, (size_t)len, der);
    OPENSSL_free(raw);
    if (rc != 0)
        return rc;
    if (ber_read_header(buf_data(der), buf_len(der), &outer) != 1 ||
        ber_read_header(buf_data(der) + outer.size, buf_len(der) - outer.size, &type) != 1)
        return E_MALFORMED;
    skip = outer.size + type.size + (size_t)type.length;
    OBJ_obj2txt(oid, sizeof oid, object, 1);
    if (OBJ_obj2nid(object) == NID_undef || known == NULL)
        known = oid;
    oid_size = strlen(oid) + 1;
    name_size = strlen(known) + 1;
    ret->len = buf_len(der) - skip;
    copy = malloc(ret->len + oid_size + name_size);
    if (copy == NULL)
        return E_NOMEM;
    memcpy(copy, buf_data(der) + skip, ret->len);
    memcpy(copy + ret->len, oid, oid_size);
    memcpy(copy + ret->len + oid_size, known, name_size);
    ret->der = copy;
    ret->oid = (const char *)copy + ret->len;
    ret->name = ret->oid + oid_size;
    ret->is_signed = is_signed;
    return 0;
}

int
attr_list(const STACK_OF(X509_ATTRIBUTE) *signed_attrs,
          const STACK_OF(X509_ATTRIBUTE) *unsigned_attrs, struct cms_attribute **ret,
          size_t *ret_count)
{
    const STACK_OF(X509_ATTRIBUTE) *sets[] = { signed_attrs, unsigned_attrs };
    struct cms_attribute *list;
    size_t count = 0;
    int rc = 0;

    /* sk_*_num(NULL) is -1 */
    for (size_t s = 0; s < 2; s++)
        count += sets[s] == NULL ? 0 : (size_t)sk_X509_ATTRIBUTE_num(sets[s]);
    list = calloc(count + 1, sizeof *list);
    if (list == NULL)
        return E_NOMEM;
    count = 0;
    for (size_t s = 0; s < 2; s++)
        for (int i = 0; rc == 0 && i < sk_X509_ATTRIBUTE_num(sets[s]); i++) {
            rc = list_one(sk_X509_ATTRIBUTE_value(sets[s], i), s == 0, &list[count]);
            count += rc == 0;
        }
    if (rc != 0) {
        attr_list_free(list, count);
        return rc;
    }
    *ret = list;
    *ret_count = count;
    return 0;
}

void
attr_list_free(struct cms_attribute *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free((void *)(uintptr_t)list[i].der);
    free(list);
}

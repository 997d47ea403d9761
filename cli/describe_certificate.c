/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Certificates and revocation lists (RFC 5280). */
#include "cli/describe.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include "cms/algid.h"
#include "trust/certificate.h"

/* A flag of libcrypto's and its name in the standard. */
struct flag_row {
    uint32_t flag;
    const char *name;
};

static const struct flag_row usages[] = {
    {KU_DIGITAL_SIGNATURE, "digitalSignature"}, {KU_NON_REPUDIATION, "nonRepudiation"},
    {KU_KEY_ENCIPHERMENT, "keyEncipherment"},   {KU_DATA_ENCIPHERMENT, "dataEncipherment"},
    {KU_KEY_AGREEMENT, "keyAgreement"},         {KU_KEY_CERT_SIGN, "keyCertSign"},
    {KU_CRL_SIGN, "cRLSign"},                   {KU_ENCIPHER_ONLY, "encipherOnly"},
    {KU_DECIPHER_ONLY, "decipherOnly"},
};

struct taker {
    struct describe *d;
    json_t *object;
    bool in_subject;    /* whose addresses are wanted */
};

static int
take_email(void *arg, const char *address, bool in_subject)
{
    struct taker *t = arg;

    if (in_subject == t->in_subject)
        describe_append_string(t->d, t->object, in_subject ? "subject_emails" : "emails",
                               address);
    return 0;
}

static void
put_emails(struct describe *d, json_t *object, const X509 *cert)
{
    for (int in_subject = 0; in_subject <= 1; in_subject++) {
        struct taker t = {.d = d, .object = object, .in_subject = in_subject == 1};

        if (certificate_each_email(cert, take_email, &t) != 0)
            d->no_memory = true;
    }
    ERR_clear_error();
}

/* The curve as base/alg.h's readers write it, "P-256", else libcrypto's name. */
static void
put_curve(struct describe *d, json_t *object, const EVP_PKEY *key)
{
    char group[80];
    size_t len;
    const char *nist;

    if (EVP_PKEY_get_group_name(key, group, sizeof group, &len) != 1)
        return;
    nist = EC_curve_nid2nist(OBJ_sn2nid(group));
    describe_string(d, object, "curve", nist != NULL ? nist : group);
}

static void
put_key(struct describe *d, json_t *object, const X509 *cert)
{
    EVP_PKEY *key = X509_get0_pubkey(cert);
    enum alg_key_type type = key == NULL ? ALG_KEY_NONE : algid_key_type(key);
    X509_ALGOR *alg = NULL;

    if (type != ALG_KEY_NONE) {
        describe_string(d, object, "key_type", alg_key_name(type));
    } else {
        X509_PUBKEY_get0_param(NULL, NULL, NULL, &alg, X509_get_X509_PUBKEY(cert));
        describe_algorithm(d, object, "key_type", alg);
    }
    if (key != NULL)
        describe_number(d, object, "key_bits", (uint64_t)EVP_PKEY_get_bits(key));
    if (type == ALG_KEY_EC)
        put_curve(d, object, key);
    ERR_clear_error();
}

static void
put_usage(struct describe *d, json_t *object, X509 *cert)
{
    uint32_t flags = X509_get_extension_flags(cert), usage = X509_get_key_usage(cert);
    EXTENDED_KEY_USAGE *extended = X509_get_ext_d2i(cert, NID_ext_key_usage, NULL, NULL);
    char name[DESCRIBE_NAME_MAX];

    if ((flags & EXFLAG_CA) != 0)
        describe_true(d, object, "ca");
    for (size_t i = 0; (flags & EXFLAG_KUSAGE) != 0 && i < sizeof usages / sizeof *usages; i++)
        if ((usage & usages[i].flag) != 0)
            describe_append_string(d, object, "key_usage", usages[i].name);
    for (int i = 0; i < sk_ASN1_OBJECT_num(extended); i++) {
        describe_oid_name(sk_ASN1_OBJECT_value(extended, i), name);
        describe_append_string(d, object, "extended_key_usage", name);
    }
    EXTENDED_KEY_USAGE_free(extended);
    ERR_clear_error();
}

static void
put_fingerprint(struct describe *d, json_t *object, const X509 *cert)
{
    autofree_buf struct buf *hex = buf_new();

    if (hex == NULL || certificate_put_fingerprint(hex, cert) != 0)
        d->no_memory = true;
    else
        describe_string(d, object, "fingerprint", buf_cstr(hex));
}

json_t *
describe_certificate(struct describe *d, const X509 *cert)
{
    json_t *object = describe_item(d);
    X509 *c = (X509 *)(uintptr_t)cert;
    const X509_ALGOR *algorithm = X509_get0_tbs_sigalg(cert);

    if (object == NULL)
        return NULL;
    describe_name(d, object, "subject", X509_get_subject_name(cert));
    describe_name(d, object, "issuer", X509_get_issuer_name(cert));
    describe_integer(d, object, "serial", X509_get0_serialNumber(cert));
    describe_time(d, object, "not_before", X509_get0_notBefore(cert));
    describe_time(d, object, "not_after", X509_get0_notAfter(cert));
    put_emails(d, object, cert);
    put_key(d, object, cert);
    put_usage(d, object, c);
    describe_octets(d, object, "subject_key_id", X509_get0_subject_key_id(c));
    describe_signature_algorithm(d, object, "algorithm", algorithm, NULL);
    put_fingerprint(d, object, cert);
    return object;
}

json_t *
describe_crl(struct describe *d, const X509_CRL *crl)
{
    json_t *object = describe_item(d);
    X509_CRL *c = (X509_CRL *)(uintptr_t)crl;
    ASN1_INTEGER *number;
    const X509_ALGOR *algorithm = NULL;

    if (object == NULL)
        return NULL;
    number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
    X509_CRL_get0_signature(crl, NULL, &algorithm);
    describe_name(d, object, "issuer", X509_CRL_get_issuer(crl));
    describe_time(d, object, "this_update", X509_CRL_get0_lastUpdate(crl));
    describe_time(d, object, "next_update", X509_CRL_get0_nextUpdate(crl));
    describe_integer(d, object, "number", number);
    describe_number(d, object, "revoked",
                    (uint64_t)(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(c)) > 0
                                   ? sk_X509_REVOKED_num(X509_CRL_get_REVOKED(c))
                                   : 0));
    describe_signature_algorithm(d, object, "algorithm", algorithm, NULL);
    ASN1_INTEGER_free(number);
    ERR_clear_error();
    return object;
}

void
describe_certificates(struct describe *d, json_t *object, const STACK_OF(X509) *certs)
{
    for (int i = 0; i < sk_X509_num(certs); i++)
        describe_append(d, object, "certificates",
                        describe_certificate(d, sk_X509_value(certs, i)));
}

void
describe_crls(struct describe *d, json_t *object, const STACK_OF(X509_CRL) *crls)
{
    for (int i = 0; i < sk_X509_CRL_num(crls); i++)
        describe_append(d, object, "crls", describe_crl(d, sk_X509_CRL_value(crls, i)));
}

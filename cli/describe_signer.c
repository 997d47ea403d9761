/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SignerInfos (RFC 5652, 5.3), also as countersignatures (11.4). */
#include "cli/describe.h"

#include <openssl/asn1.h>

/* The certificate among certs that the signer names; NULL when none is. */
static X509 *
signer_cert(const struct cms_signer_facts *s, const STACK_OF(X509) *certs)
{
    struct cms_recipient name = {.issuer = s->issuer, .serial = s->serial, .ski = s->ski};

    for (int i = 0; i < sk_X509_num(certs); i++)
        if (cms_recipient_is(&name, sk_X509_value(certs, i)))
            return sk_X509_value(certs, i);
    return NULL;
}

json_t *
describe_signer(struct describe *d, const struct cms_signer_facts *s, const STACK_OF(X509) *certs)
{
    json_t *object = describe_item(d);
    X509 *cert;

    if (object == NULL)
        return NULL;
    cert = signer_cert(s, certs);
    if (cert != NULL)
        describe_name(d, object, "subject", X509_get_subject_name(cert));
    if (s->version >= 0)
        describe_number(d, object, "version", (uint64_t)s->version);
    describe_name(d, object, "issuer", s->issuer);
    describe_integer(d, object, "serial", s->serial);
    describe_octets(d, object, "subject_key_id", s->ski);
    describe_algorithm(d, object, "digest", s->digest);
    describe_signature_algorithm(d, object, "algorithm", s->algorithm, s->digest);
    describe_number(d, object, "signature_bytes", s->signature_size);
    describe_attributes(d, object, "signed_attributes", s->signed_attrs);
    describe_attributes(d, object, "unsigned_attributes", s->unsigned_attrs);
    return object;
}

void
describe_attributes(struct describe *d, json_t *object, const char *key,
                    const STACK_OF(X509_ATTRIBUTE) *attrs)
{
    for (int i = 0; i < sk_X509_ATTRIBUTE_num(attrs); i++)
        describe_append(d, object, key,
                        describe_attribute(d, sk_X509_ATTRIBUTE_value(attrs, i)));
}

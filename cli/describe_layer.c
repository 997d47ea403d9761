/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CMS layers (RFC 5652, 5083, 3274) as their readers know them. */
#include "cli/describe.h"

#include <string.h>
#include <openssl/objects.h>

#include "cms/digested.h"

static void
put_type(struct describe *d, json_t *object, const char *oid)
{
    char name[DESCRIBE_NAME_MAX];

    if (oid[0] == '\0')
        return;
    describe_dotted_name(oid, name);
    describe_string(d, object, "type", name);
    describe_string(d, object, "oid", oid);
}

/* AuthenticatedData has recipients, but its content is in the clear. */
static bool
is_encrypted(struct cms_reader *r)
{
    return cms_reader_encrypted(r) != NULL && cms_reader_type(r) != NID_id_smime_ct_authData;
}

/* EncapsulatedContentInfo and EncryptedContentInfo. */
static void
put_content(struct describe *d, json_t *object, struct cms_reader *r)
{
    json_t *content;

    if (cms_reader_content_oid(r)[0] == '\0')
        return;
    content = describe_group(d, object);
    put_type(d, content, cms_reader_content_oid(r));
    if (!cms_reader_has_content(r)) {
        describe_true(d, content, "absent");
    } else {
        describe_number(d, content, "offset", cms_facts_content_offset(r));
        if (is_encrypted(r))
            describe_number(d, content, "encrypted_size", cms_facts_ciphertext_size(r));
        else
            describe_number(d, content, "size", cms_reader_content_size(r));
    }
    describe_put(d, object, "content", content);
}

static void
put_signed(struct describe *d, json_t *object, struct cms_reader *r)
{
    struct cms_signer_facts signer;
    char name[DESCRIBE_NAME_MAX];

    for (size_t i = 0; cms_facts_digest(r, i) != NULL; i++) {
        describe_dotted_name(cms_facts_digest(r, i), name);
        describe_append_string(d, object, "digest_algorithms", name);
    }
    describe_certificates(d, object, cms_facts_certs(r));
    if (cms_facts_other_certs(r) > 0)
        describe_number(d, object, "other_certificates", cms_facts_other_certs(r));
    describe_crls(d, object, cms_facts_crls(r));
    if (cms_facts_other_crls(r) > 0)
        describe_number(d, object, "other_revocation_data", cms_facts_other_crls(r));
    for (size_t i = 0; cms_facts_signer(r, i, &signer); i++)
        describe_append(d, object, "signers", describe_signer(d, &signer, cms_facts_certs(r)));
}

static void
put_digested(struct describe *d, json_t *object, struct cms_reader *r)
{
    size_t len = 0;
    const uint8_t *value = cms_facts_digest_value(r, &len);

    if (cms_reader_digest(r) != NULL)
        describe_string(d, object, "digest", cms_reader_digest(r)->name);
    if (value != NULL)
        describe_hex(d, object, "digest_value", value, len, len);
}

static void
put_cipher(struct describe *d, json_t *object, struct cms_reader *r,
           const struct cms_encrypted *e)
{
    struct cipher_params params;
    char name[DESCRIBE_NAME_MAX];
    json_t *cipher;

    if (e->cipher_oid == NULL || e->cipher_oid[0] == '\0' || !is_encrypted(r))
        return;
    cipher = describe_group(d, object);
    describe_dotted_name(e->cipher_oid, name);
    describe_string(d, cipher, "name", name);
    describe_string(d, cipher, "oid", e->cipher_oid);
    if (cms_facts_cipher(r, &params)) {
        describe_number(d, cipher, "key_bits",
                        params.rc2_bits > 0 ? (uint64_t)params.rc2_bits : 8 * params.key_len);
        describe_number(d, cipher, "iv_bytes", params.iv_len);
        if (params.tag_len > 0)
            describe_number(d, cipher, "tag_bytes", params.tag_len);
    }
    if (e->weak)
        describe_true(d, cipher, "weak");
    describe_put(d, object, "cipher", cipher);
}

static void
put_originator(struct describe *d, json_t *object, const struct cms_encrypted *e)
{
    json_t *originator;

    if (sk_X509_num(e->originator_certs) <= 0 && e->originator_crls == 0)
        return;
    originator = describe_group(d, object);
    describe_certificates(d, originator, e->originator_certs);
    if (e->originator_crls > 0)
        describe_number(d, originator, "crl_count", e->originator_crls);
    describe_put(d, object, "originator", originator);
}

static void
put_encrypted(struct describe *d, json_t *object, struct cms_reader *r)
{
    const struct cms_encrypted *e = cms_reader_encrypted(r);

    if (e != NULL) {
        put_originator(d, object, e);
        for (size_t i = 0; i < e->count; i++)
            describe_append(d, object, "recipients", describe_recipient(d, &e->recipients[i]));
        put_cipher(d, object, r, e);
    }
    describe_algorithm(d, object, "mac_algorithm", cms_facts_mac_algorithm(r));
    describe_algorithm(d, object, "digest", cms_facts_mac_digest(r));
    describe_attributes(d, object, "authenticated_attributes", cms_facts_auth_attrs(r));
    if (cms_facts_mac_size(r) > 0)
        describe_number(d, object, "mac_bytes", cms_facts_mac_size(r));
    describe_attributes(d, object, "unprotected_attributes", cms_facts_unauth_attrs(r));
}

json_t *
describe_layer(struct describe *d, struct cms_reader *r, uint64_t offset)
{
    json_t *object = describe_item(d);

    if (object == NULL)
        return NULL;
    put_type(d, object, cms_facts_type_oid(r));
    describe_string(d, object, "encoding", cms_reader_is_ber(r) ? "BER" : "DER");
    describe_number(d, object, "offset", offset);
    describe_number(d, object, "size", cms_reader_offset(r));
    if (cms_facts_version(r) >= 0)
        describe_number(d, object, "version", (uint64_t)cms_facts_version(r));
    put_content(d, object, r);
    put_signed(d, object, r);
    put_digested(d, object, r);
    put_encrypted(d, object, r);
    return object;
}

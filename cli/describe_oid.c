/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Identifiers by the names that people know them by. */
#include "cli/describe.h"

#include <stdio.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/objects.h>

#include "cms/algid.h"
#include "cms/digests.h"

/* Names of our own, where libcrypto has none or one that nobody says. */
static const struct {
    const char *oid, *name;
} names[] = {
    /* content types (RFC 5652, 5083, 3274, 2634, 3161, 5035) */
    {"1.2.840.113549.1.7.1", "data"},
    {"1.2.840.113549.1.7.2", "signed-data"},
    {"1.2.840.113549.1.7.3", "enveloped-data"},
    {"1.2.840.113549.1.7.4", "signed-and-enveloped-data"},
    {"1.2.840.113549.1.7.5", "digested-data"},
    {"1.2.840.113549.1.7.6", "encrypted-data"},
    {"1.2.840.113549.1.9.16.1.1", "receipt"},
    {"1.2.840.113549.1.9.16.1.2", "authenticated-data"},
    {"1.2.840.113549.1.9.16.1.4", "tst-info"},
    {"1.2.840.113549.1.9.16.1.6", "content-info"},
    {"1.2.840.113549.1.9.16.1.9", "compressed-data"},
    {"1.2.840.113549.1.9.16.1.23", "auth-enveloped-data"},
    {"1.3.6.1.4.1.311.2.1.4", "spc-indirect-data"},
    /* attributes (RFC 5652, 8551, 2634, 5035, 6211, 5126, 3161) */
    {"1.2.840.113549.1.9.3", "contentType"},
    {"1.2.840.113549.1.9.4", "messageDigest"},
    {"1.2.840.113549.1.9.5", "signingTime"},
    {"1.2.840.113549.1.9.6", "countersignature"},
    {"1.2.840.113549.1.9.13", "signingDescription"},
    {"1.2.840.113549.1.9.15", "SMIMECapabilities"},
    {"1.2.840.113549.1.9.52", "CMSAlgorithmProtection"},
    {"1.2.840.113549.1.9.16.2.1", "receiptRequest"},
    {"1.2.840.113549.1.9.16.2.2", "securityLabel"},
    {"1.2.840.113549.1.9.16.2.3", "mlExpansionHistory"},
    {"1.2.840.113549.1.9.16.2.4", "contentHints"},
    {"1.2.840.113549.1.9.16.2.5", "msgSigDigest"},
    {"1.2.840.113549.1.9.16.2.7", "contentIdentifier"},
    {"1.2.840.113549.1.9.16.2.9", "equivalentLabels"},
    {"1.2.840.113549.1.9.16.2.10", "contentReference"},
    {"1.2.840.113549.1.9.16.2.11", "encryptionKeyPreference"},
    {"1.2.840.113549.1.9.16.2.12", "signingCertificate"},
    {"1.2.840.113549.1.9.16.2.14", "signatureTimeStampToken"},
    {"1.2.840.113549.1.9.16.2.15", "signaturePolicyIdentifier"},
    {"1.2.840.113549.1.9.16.2.47", "signingCertificateV2"},
    {"1.3.6.1.4.1.311.16.4", "microsoftEncryptionKeyPreference"},
    /* capabilities (RFC 8551, 2.5.2) */
    {"1.2.840.113549.1.9.15.1", "preferSignedData"},
    {"1.2.840.113549.1.9.15.2", "canNotDecryptAny"},
    {"1.2.840.113549.1.9.15.3", "receivedWithoutSignature"},
    /* algorithms that libcrypto 3.0 does not name, or names oddly */
    {"1.2.840.113549.1.1.1", "rsa"},
    {"1.2.840.113549.1.1.7", "rsa-oaep"},
    {"1.2.840.113549.1.1.10", "rsa-pss"},
    {"1.2.840.113549.1.9.16.3.5", "dh-ess"},
    {"1.2.840.113549.1.9.16.3.6", "3des-wrap"},
    {"1.2.840.113549.1.9.16.3.7", "rc2-wrap"},
    {"1.2.840.113549.1.9.16.3.8", "zlib"},
    {"1.2.840.113549.1.9.16.3.9", "pwri-kek"},
    {"1.2.840.113549.1.9.16.3.10", "dh-ssdh"},
    {"1.2.840.113549.1.9.16.3.13", "rsa-kem"},
    {"1.2.840.113549.1.9.16.3.14", "rsa-kem-spki"},
    {"1.2.840.113549.1.9.16.3.18", "chacha20-poly1305"},
    {"1.2.840.113549.1.9.16.13.3", "kem"},
    {"1.2.840.10045.2.1", "ec"},
};

/* Records that other tables have. */
static const char *
from_tables(const char *oid, int nid)
{
    const struct alg_digest *digest = nid == NID_undef ? NULL : cms_digest_by_nid(nid);

    if (digest != NULL)
        return digest->name;
    for (size_t i = 0; cms_cipher_at(i) != NULL; i++)
        if (strcmp(cms_cipher_at(i)->oid, oid) == 0)
            return cms_cipher_at(i)->name;
    for (size_t i = 0; cms_wrap_at(i) != NULL; i++)
        if (strcmp(cms_wrap_at(i)->oid, oid) == 0)
            return cms_wrap_at(i)->name;
    return NULL;
}

static const char *
find(const char *oid, int nid)
{
    const char *name;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i].oid, oid) == 0)
            return names[i].name;
    name = from_tables(oid, nid);
    if (name == NULL && nid != NID_undef)
        name = OBJ_nid2sn(nid);
    return name;
}

void
describe_oid_name(const ASN1_OBJECT *oid, char out[DESCRIBE_NAME_MAX])
{
    char dotted[DESCRIBE_NAME_MAX];
    const char *name;

    OBJ_obj2txt(dotted, sizeof dotted, oid, 1);
    name = find(dotted, OBJ_obj2nid(oid));
    snprintf(out, DESCRIBE_NAME_MAX, "%s", name != NULL ? name : dotted);
}

void
describe_dotted_name(const char *dotted, char out[DESCRIBE_NAME_MAX])
{
    ASN1_OBJECT *oid = OBJ_txt2obj(dotted, 1);
    const char *name = oid == NULL ? NULL : find(dotted, OBJ_obj2nid(oid));

    ASN1_OBJECT_free(oid);
    ERR_clear_error();
    snprintf(out, DESCRIBE_NAME_MAX, "%s", name != NULL ? name : dotted);
}

void
describe_algorithm(struct describe *d, json_t *object, const char *key, const X509_ALGOR *alg)
{
    char name[DESCRIBE_NAME_MAX], dotted[DESCRIBE_NAME_MAX], oid_key[64];
    const ASN1_OBJECT *oid;

    if (alg == NULL)
        return;
    X509_ALGOR_get0(&oid, NULL, NULL, alg);
    describe_oid_name(oid, name);
    OBJ_obj2txt(dotted, sizeof dotted, oid, 1);
    snprintf(oid_key, sizeof oid_key, "%s_oid", key);
    describe_string(d, object, key, name);
    describe_string(d, object, oid_key, dotted);
}

static void
describe_pss(struct describe *d, json_t *object, const struct algid_sig *sig)
{
    json_t *pss = describe_group(d, object);

    describe_string(d, pss, "digest", sig->digest->name);
    describe_string(d, pss, "mgf1_digest", sig->mgf->name);
    describe_number(d, pss, "salt_bytes", (uint64_t)sig->salt);
    describe_put(d, object, "pss", pss);
}

void
describe_signature_algorithm(struct describe *d, json_t *object, const char *key,
                             const X509_ALGOR *alg, const X509_ALGOR *digest)
{
    struct algid_sig sig;
    char name[64];
    struct err why;

    describe_algorithm(d, object, key, alg);
    if (algid_read_sig(alg, digest == NULL ? NULL : algid_read_digest(digest), &sig, &why) != 0) {
        ERR_clear_error();
        return;
    }
    algid_name(&sig, name, sizeof name);
    describe_string(d, object, key, name);
    if (sig.padding == ALG_PAD_PSS)
        describe_pss(d, object, &sig);
}

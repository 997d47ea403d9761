/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/purpose.h"

#include <stdint.h>
#include <string.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

static X509 *
mutable(const X509 *cert)
{
    return (X509 *)(uintptr_t)cert; /* libcrypto keeps what it finds in it, under a lock */
}

const char *
purpose_missing_ca(const X509 *cert, enum path_purpose purpose)
{
    uint32_t flags = X509_get_extension_flags(mutable(cert));
    uint32_t wanted = XKU_SMIME | XKU_ANYEKU;

    if (purpose == PATH_ANY_PURPOSE || (flags & EXFLAG_XKUSAGE) == 0)
        return NULL;
    return (X509_get_extended_key_usage(mutable(cert)) & wanted) != 0
               ? NULL : "it is for other things than mail (extended key usage)";
}

const char *
purpose_missing(const X509 *cert, enum path_purpose purpose)
{
    uint32_t flags = X509_get_extension_flags(mutable(cert));
    uint32_t usage = X509_get_key_usage(mutable(cert));
    const char *missing = purpose_missing_ca(cert, purpose);

    if (missing != NULL || purpose == PATH_ANY_PURPOSE || (flags & EXFLAG_KUSAGE) == 0)
        return missing;
    if (purpose == PATH_SIGN_MAIL && (usage & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)) == 0)
        return "its key is not for signing (key usage)";
    if (purpose == PATH_ENCRYPT_MAIL && (usage & (KU_KEY_ENCIPHERMENT | KU_KEY_AGREEMENT)) == 0)
        return "its key is not for encrypting (key usage)";
    return NULL;
}

static const char *
baseline_of(const char *oid)
{
    static const char prefix[] = "2.23.140.1.5.";
    static const char *const kinds[4][3] = {
        {"mailbox-validated, legacy", "mailbox-validated, multipurpose",
         "mailbox-validated, strict"},
        {"organization-validated, legacy", "organization-validated, multipurpose",
         "organization-validated, strict"},
        {"sponsor-validated, legacy", "sponsor-validated, multipurpose",
         "sponsor-validated, strict"},
        {"individual-validated, legacy", "individual-validated, multipurpose",
         "individual-validated, strict"},
    };
    const char *end = oid + sizeof prefix - 1;

    if (strncmp(oid, prefix, sizeof prefix - 1) != 0 || strlen(end) != 3 || end[1] != '.' ||
        end[0] < '1' || end[0] > '4' || end[2] < '1' || end[2] > '3')
        return NULL;
    return kinds[end[0] - '1'][end[2] - '1'];
}

const char *
purpose_baseline(const X509 *cert)
{
    CERTIFICATEPOLICIES *policies = X509_get_ext_d2i(cert, NID_certificate_policies, NULL, NULL);
    const char *found = NULL;

    for (int i = 0; found == NULL && i < sk_POLICYINFO_num(policies); i++) {
        char oid[64];

        if (OBJ_obj2txt(oid, sizeof oid, sk_POLICYINFO_value(policies, i)->policyid, 1) > 0)
            found = baseline_of(oid);
    }
    CERTIFICATEPOLICIES_free(policies);
    return found;
}

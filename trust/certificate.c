/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/certificate.h"

#include <string.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "base/hex.h"
#include "base/text.h"
#include "trust/domain.h"

/* id-on-SmtpUTF8Mailbox, RFC 9598 3; libcrypto 3.0 has its NID. */
#define SMTP_UTF8_MAILBOX NID_id_on_SmtpUTF8Mailbox

typedef int (*email_fn)(void *arg, const char *address, bool in_subject);

/* Calls each with the string if it can be an address at all. */
static int
offer(const ASN1_STRING *s, bool in_subject, email_fn each, void *arg)
{
    if (s == NULL)
        return 0;
    unsigned char *utf8 = NULL;
    int len = ASN1_STRING_to_UTF8(&utf8, s);
    if (len < 0)
        return 0;
    bool clean = len > 0;
    for (int i = 0; i < len && clean; i++)
        clean = utf8[i] > 0x20 && utf8[i] != 0x7f;
    int rc = clean ? each(arg, (const char *)utf8, in_subject) : 0;
    OPENSSL_free(utf8);
    return rc;
}

/* RFC 5280 4.2.1.6: rfc822Name is ASCII; what is not would be read as Latin-1 here and as
 * something else elsewhere. */
static bool
is_ascii(const ASN1_STRING *s)
{
    const unsigned char *p = ASN1_STRING_get0_data(s);

    for (int i = 0; i < ASN1_STRING_length(s); i++)
        if (p[i] >= 0x80)
            return false;
    return true;
}

static const ASN1_STRING *
general_name_email(const GENERAL_NAME *name)
{
    if (name->type == GEN_EMAIL)
        return is_ascii(name->d.rfc822Name) ? name->d.rfc822Name : NULL;
    if (name->type == GEN_OTHERNAME && name->d.otherName->value->type == V_ASN1_UTF8STRING &&
        OBJ_obj2nid(name->d.otherName->type_id) == SMTP_UTF8_MAILBOX)
        return name->d.otherName->value->value.utf8string;
    return NULL;
}

int
certificate_each_email(const X509 *cert, email_fn each, void *arg)
{
    int rc = 0, seen = 0;
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; rc == 0 && i < sk_GENERAL_NAME_num(names); i++) {
        const ASN1_STRING *s = general_name_email(sk_GENERAL_NAME_value(names, i));
        if (s != NULL && seen++ < CERTIFICATE_EMAILS_MAX)
            rc = offer(s, false, each, arg);
    }
    GENERAL_NAMES_free(names);

    const X509_NAME *subject = X509_get_subject_name(cert);
    int at = -1;
    while (rc == 0 && seen++ < CERTIFICATE_EMAILS_MAX &&
           (at = X509_NAME_get_index_by_NID(subject, NID_pkcs9_emailAddress, at)) >= 0)
        rc = offer(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)), true, each, arg);
    return rc;
}

bool
certificate_same_address(const char *a, const char *b)
{
    const char *at_a = strrchr(a, '@'), *at_b = strrchr(b, '@');
    if (at_a == NULL || at_b == NULL || at_a - a != at_b - b)
        return false;
    return memcmp(a, b, (size_t)(at_a - a)) == 0 && domain_same(at_a + 1, at_b + 1);
}

struct wanted {
    const char *address;
    enum certificate_match match;
};

static int
is_wanted(void *arg, const char *address, bool in_subject)
{
    struct wanted *wanted = arg;

    if (wanted->match == CERTIFICATE_NAMES_NOBODY)
        wanted->match = CERTIFICATE_OTHER;
    if (!certificate_same_address(wanted->address, address))
        return 0;
    wanted->match = in_subject ? CERTIFICATE_IN_SUBJECT : CERTIFICATE_MATCHES;
    return 1;
}

enum certificate_match
certificate_match(const X509 *cert, const char *address)
{
    struct wanted wanted = {.address = address, .match = CERTIFICATE_NAMES_NOBODY};

    /* Nothing matches when memory is out. */
    return certificate_each_email(cert, is_wanted, &wanted) < 0 ? CERTIFICATE_OTHER : wanted.match;
}

bool
certificate_has_email(const X509 *cert, const char *address)
{
    enum certificate_match match = certificate_match(cert, address);

    return match == CERTIFICATE_MATCHES || match == CERTIFICATE_IN_SUBJECT;
}

int
certificate_put_name(struct buf *out, const X509_NAME *name)
{
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio == NULL)
        return E_NOMEM;
    /* RFC 4514 without its escape of characters beyond ASCII, which people read. */
    unsigned long flags = XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB;
    int rc = E_NOMEM;
    if (X509_NAME_print_ex(bio, name, 0, flags) >= 0) {
        char *text = NULL;
        long len = BIO_get_mem_data(bio, &text);
        rc = text_put_safe(out, len > 0 ? text : "", len > 0 ? (size_t)len : 0);
    }
    BIO_free(bio);
    return rc;
}

int
certificate_put_fingerprint(struct buf *out, const X509 *cert)
{
    unsigned char md[EVP_MAX_MD_SIZE];
    char hex[2 * EVP_MAX_MD_SIZE + 1];
    unsigned len = 0;
    if (X509_digest(cert, EVP_sha256(), md, &len) != 1)
        return E_CRYPTO;
    hex_encode(md, len, hex);
    return buf_put_str(out, hex);
}

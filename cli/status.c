/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>

#include "base/alg.h"
#include "base/io.h"

#define PREFIX "[GNUPG:] "
/* GPG_ERR_NO_PUBKEY, and the same as gpgsm's. */
#define NO_PUBKEY 9
#define NO_PUBKEY_OF_GPGSM 50331657

/* Numbers of algorithms as libgcrypt has them (RFC 4880 9.4 and 9.1). */
static const struct {
    const char *digest;
    int number;
} digests[] = {
    {"md5", 1}, {"sha1", 2}, {"sha256", 8}, {"sha384", 9}, {"sha512", 10}, {"sha224", 11},
};

static const struct {
    const char *type;
    int number;
} keys[] = {
    {"RSA", 1}, {"RSA-PSS", 1}, {"DSA", 17}, {"EC", 301}, {"ED25519", 303}, {"ED448", 303},
};

/* gpgsm writes short names of GnuPG's own. */
static const struct {
    int nid;
    const char *name;
} attributes[] = {
    {NID_commonName, "CN"}, {NID_organizationName, "O"}, {NID_organizationalUnitName, "OU"},
    {NID_countryName, "C"}, {NID_stateOrProvinceName, "ST"}, {NID_localityName, "L"},
    {NID_pkcs9_emailAddress, "EMail"}, {NID_givenName, "GN"}, {NID_surname, "SN"},
};

int
status_open(int *ret, const struct options *o, struct err *err)
{
    const char *text = options_get(o, "status-fd");
    char *end;
    long n;

    *ret = -1;
    if (text == NULL)
        return 0;
    n = strtol(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || n > 65535 || fcntl((int)n, F_GETFD) < 0)
        return err_set(err, E_USAGE, "--status-fd %s is no open descriptor; give the number of "
                       "one, like 2", text);
    *ret = (int)n;
    return 0;
}

static int
put_all(int fd, const struct buf *out, int rc, struct err *err)
{
    if (rc != 0)
        return err_set(err, E_NOMEM, "out of memory for --status-fd");
    if (io_write_all(fd, buf_data(out), buf_len(out)) != 0)
        return err_set_sys(err, E_OUTPUT, errno, "--status-fd %d cannot be written", fd);
    return 0;
}

static int
put_fingerprint(struct buf *out, const X509 *cert)
{
    uint8_t md[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    int rc = X509_digest(cert, EVP_sha1(), md, &len) == 1 ? 0 : E_CRYPTO;

    for (unsigned i = 0; rc == 0 && i < len; i++)
        rc = buf_putf(out, "%02X", md[i]);
    return rc;
}

/* Escaped as GnuPG does. */
static int
put_escaped(struct buf *out, const unsigned char *s, size_t len)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < len; i++)
        rc = s[i] < 0x20 || s[i] == 0x7f || s[i] == '%' || s[i] == '/'
                 ? buf_putf(out, "%%%02X", s[i]) : buf_put_byte(out, s[i]);
    return rc;
}

static int
put_attribute(struct buf *out, const X509_NAME_ENTRY *entry)
{
    const ASN1_OBJECT *object = X509_NAME_ENTRY_get_object(entry);
    int nid = OBJ_obj2nid(object), len, rc = 0;
    unsigned char *utf8 = NULL;
    char oid[80];

    OBJ_obj2txt(oid, sizeof oid, object, 1);
    for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++)
        if (attributes[i].nid == nid)
            snprintf(oid, sizeof oid, "%s", attributes[i].name);
    len = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(entry));
    rc = buf_putf(out, "/%s=", oid);
    if (rc == 0 && len > 0)
        rc = put_escaped(out, utf8, (size_t)len);
    OPENSSL_free(utf8);
    return rc;
}

/* As gpgsm shows it: "/CN=Alice/O=Example", CN first. */
static int
put_name(struct buf *out, const X509 *cert)
{
    const X509_NAME *name = X509_get_subject_name(cert);
    int count = X509_NAME_entry_count(name), rc = 0;

    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; rc == 0 && i < count; i++) {
            const X509_NAME_ENTRY *e = X509_NAME_get_entry(name, i);
            bool is_cn = OBJ_obj2nid(X509_NAME_ENTRY_get_object(e)) == NID_commonName;

            if (is_cn == (pass == 0))
                rc = put_attribute(out, e);
        }
    return rc;
}

static int
key_number(const X509 *cert)
{
    EVP_PKEY *key = X509_get0_pubkey(cert);

    for (size_t i = 0; key != NULL && i < sizeof keys / sizeof *keys; i++)
        if (EVP_PKEY_is_a(key, keys[i].type))
            return keys[i].number;
    return 0;
}

static int
digest_number(const struct alg_digest *digest)
{
    for (size_t i = 0; digest != NULL && i < sizeof digests / sizeof *digests; i++)
        if (strcmp(digests[i].digest, digest->name) == 0)
            return digests[i].number;
    return 0;
}

/* "20261123T224600", or 0. */
static int
put_time(struct buf *out, const struct tm *tm)
{
    char text[32];

    return buf_put_str(out, tm != NULL && strftime(text, sizeof text, "%Y%m%dT%H%M%S", tm) > 0
                                ? text : "0");
}

static int
put_valid(struct buf *out, const struct verdict_signer *s)
{
    struct tm when, end, *has_end = NULL;
    char date[32] = "";
    int rc = buf_put_str(out, PREFIX "VALIDSIG ");

    if (s->has_time && (gmtime_r(&s->time, &when) == NULL ||
                        strftime(date, sizeof date, "%Y-%m-%d", &when) == 0))
        date[0] = '\0';
    /* As gpgsm: of the whole path. */
    if (s->end != 0)
        has_end = gmtime_r(&s->end, &end);
    if (rc == 0)
        rc = put_fingerprint(out, s->cert);
    if (rc == 0)
        rc = buf_putf(out, " %s ", date[0] != '\0' ? date : "0");
    if (rc == 0)
        rc = put_time(out, date[0] != '\0' ? &when : NULL);
    if (rc == 0)
        rc = buf_put_byte(out, ' ');
    if (rc == 0)
        rc = put_time(out, has_end);
    return rc == 0 ? buf_putf(out, " 0 0 %d %d 00\n", key_number(s->cert),
                              digest_number(s->digest)) : rc;
}

static int
put_word(struct buf *out, const char *word, const struct verdict_signer *s)
{
    int rc = buf_putf(out, PREFIX "%s ", word);

    if (rc == 0)
        rc = put_fingerprint(out, s->cert);
    if (rc == 0)
        rc = buf_put_byte(out, ' ');
    if (rc == 0)
        rc = put_name(out, s->cert);
    return rc == 0 ? buf_put_byte(out, '\n') : rc;
}

/* Who made it was not found, or how it was made is not known. */
static int
put_unchecked(struct buf *out, const struct verdict_signer *s)
{
    bool unknown = s->state == CMS_UNSUPPORTED || s->state == CMS_MALFORMED;
    int rc = buf_putf(out, PREFIX "ERRSIG 0000000000000000 %d %d 00 0 %d\n",
                      s->cert != NULL ? key_number(s->cert) : 0, digest_number(s->digest),
                      unknown ? 4 : NO_PUBKEY);

    return rc == 0 && !unknown
               ? buf_putf(out, PREFIX "ERROR verify.findkey %d\n", NO_PUBKEY_OF_GPGSM) : rc;
}

static int
put_trust(struct buf *out, const struct verdict *v, size_t i, const struct verdict_signer *s)
{
    const char *word = NULL;

    if (s->status == VERDICT_GOOD)
        return buf_put_str(out, PREFIX "TRUST_FULLY 0 shell\n");
    for (size_t k = 0; word == NULL && problem_at(k) != NULL; k++)
        if (problem_weight(problem_at(k)) != VERDICT_GOOD && verdict_signer_has(v, i, problem_at(k)))
            word = problem_at(k);
    return buf_putf(out, PREFIX "%s %s\n", verdict_signer_has(v, i, "revoked") ||
                                               verdict_signer_has(v, i, "distrusted")
                                               ? "TRUST_NEVER" : "TRUST_UNDEFINED",
                    word != NULL ? word : "0");
}

static int
put_signature(struct buf *out, const struct verdict *v, size_t i, const struct verdict_signer *s)
{
    const char *word = verdict_signer_has(v, i, "revoked")   ? "REVKEYSIG"
                       : verdict_signer_has(v, i, "expired") ? "EXPKEYSIG"
                                                             : "GOODSIG";
    int rc = buf_put_str(out, PREFIX "NEWSIG\n");

    if (rc != 0)
        return rc;
    if (s->cert == NULL || s->state == CMS_NO_CERTIFICATE || s->state == CMS_NO_CONTENT ||
        s->state == CMS_UNSUPPORTED || s->state == CMS_MALFORMED)
        return put_unchecked(out, s);
    if (s->state != CMS_INTACT || s->status >= VERDICT_BAD)
        return put_word(out, "BADSIG", s);
    rc = put_word(out, word, s);
    if (rc == 0)
        rc = put_valid(out, s);
    return rc == 0 ? put_trust(out, v, i, s) : rc;
}

int
status_put_verdict(int fd, const struct verdict *v, struct err *err)
{
    autofree_buf struct buf *out = fd >= 0 ? buf_new() : NULL;
    struct verdict_signer s;
    int rc = 0;

    if (fd < 0)
        return 0;
    if (out == NULL)
        return put_all(fd, out, E_NOMEM, err);
    for (size_t i = 0; rc == 0 && verdict_signer_at(v, i, &s); i++)
        rc = put_signature(out, v, i, &s);
    /* NODATA 4: no signature where one was expected. */
    if (rc == 0 && !verdict_signer_at(v, 0, &s))
        rc = buf_put_str(out, PREFIX "NODATA 4\n");
    return put_all(fd, out, rc, err);
}

int
status_put_decrypted(int fd, bool ok, struct err *err)
{
    const char *line = ok ? PREFIX "DECRYPTION_OKAY\n" : PREFIX "DECRYPTION_FAILED\n";

    if (fd >= 0 && io_write_all(fd, line, strlen(line)) != 0)
        return err_set_sys(err, E_OUTPUT, errno, "--status-fd %d cannot be written", fd);
    return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Certification requests (PKCS#10, RFC 2986) signed by a key on a token. */
#include <stdlib.h>
#include <string.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/io.h"
#include "cli/cli.h"
#include "cli/dn.h"
#include "cli/signer.h"

static int
no_request(struct err *err)
{
    return err_set_ossl(err, E_CRYPTO, "the certification request cannot be made");
}

static int
check_email(const char *email, struct err *err)
{
    const char *at = strchr(email, '@');

    for (const char *c = email; *c; c++)
        if (*c <= ' ' || (unsigned char)*c >= 0x7f)
            at = NULL;
    if (!at || at == email || !at[1] || strchr(at + 1, '@'))
        return err_set(err, E_USAGE, "\"%s\" is no e-mail address that a certificate can carry; "
                       "write it like alice@example.org", email);
    return 0;
}

static int
put_email(GENERAL_NAMES *names, const char *email)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *text = ASN1_IA5STRING_new();

    if (!name || !text || !ASN1_STRING_set(text, email, -1)) {
        GENERAL_NAME_free(name);
        ASN1_IA5STRING_free(text);
        return -1;
    }
    GENERAL_NAME_set0_value(name, GEN_EMAIL, text);
    if (sk_GENERAL_NAME_push(names, name) == 0) {
        GENERAL_NAME_free(name);
        return -1;
    }
    return 0;
}

static int
add_emails(STACK_OF(X509_EXTENSION) **extensions, const struct options *o, struct err *err)
{
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    const char *email;
    int rc = names ? 0 : no_request(err);

    for (size_t i = 0; rc == 0 && (email = options_value(o, "email", i)) != NULL; i++) {
        rc = check_email(email, err);
        if (rc == 0 && put_email(names, email) != 0)
            rc = no_request(err);
    }
    if (rc == 0 && sk_GENERAL_NAME_num(names) > 0 &&
        X509V3_add1_i2d(extensions, NID_subject_alt_name, names, 0, 0) != 1)
        rc = no_request(err);
    GENERAL_NAMES_free(names);
    return rc;
}

/* What the key is for, in words that libcrypto's extension tables read. */
static int
add_usages(STACK_OF(X509_EXTENSION) **extensions, enum alg_key_type type, struct err *err)
{
    const char *sign_only = "critical,digitalSignature,nonRepudiation",
               *unwrap = "critical,digitalSignature,nonRepudiation,keyEncipherment",
               *agree = "critical,digitalSignature,nonRepudiation,keyAgreement";
    const struct {
        int nid;
        const char *value;
    } usages[] = {
        {NID_key_usage, type == ALG_KEY_RSA ? unwrap : type == ALG_KEY_EC ? agree : sign_only},
        {NID_ext_key_usage, "emailProtection"},
    };

    for (size_t i = 0; i < sizeof usages / sizeof *usages; i++) {
        X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, usages[i].nid, usages[i].value);
        if (!ext || !X509v3_add_ext(extensions, ext, -1)) {
            X509_EXTENSION_free(ext);
            return no_request(err);
        }
        X509_EXTENSION_free(ext);
    }
    return 0;
}

static int
add_extensions(X509_REQ *req, const struct options *o, enum alg_key_type type, struct err *err)
{
    STACK_OF(X509_EXTENSION) *extensions = NULL;
    int rc = add_emails(&extensions, o, err);

    if (rc == 0)
        rc = add_usages(&extensions, type, err);
    if (rc == 0 && X509_REQ_add_extensions(req, extensions) != 1)
        rc = no_request(err);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    return rc;
}

static int
set_subject_and_key(X509_REQ *req, const struct signer *s, const char *subject,
                    EVP_PKEY **ret_public, struct err *err)
{
    const unsigned char *at = s->key.spki;
    X509_NAME *name = NULL;
    int rc = dn_parse(subject, &name, err);

    if (rc != 0)
        return rc;
    *ret_public = d2i_PUBKEY(NULL, &at, (long)s->key.spki_len);
    if (!*ret_public || X509_REQ_set_version(req, X509_REQ_VERSION_1) != 1 ||
        X509_REQ_set_subject_name(req, name) != 1 || X509_REQ_set_pubkey(req, *ret_public) != 1)
        rc = no_request(err);
    X509_NAME_free(name);
    return rc;
}

/* The signature's AlgorithmIdentifier: RSA has NULL parameters (RFC 4055, 5), ECDSA
 * and EdDSA none (RFC 5758, 3.2; RFC 8410, 3). */
static X509_ALGOR *
signature_algorithm(const struct alg_sig *scheme)
{
    static const struct {
        enum alg_key_type type;
        int nid;
    } keys[] = {{ALG_KEY_RSA, NID_rsaEncryption}, {ALG_KEY_EC, NID_X9_62_id_ecPublicKey},
                {ALG_KEY_ED25519, NID_ED25519}, {ALG_KEY_ED448, NID_ED448}};
    X509_ALGOR *algor = X509_ALGOR_new();
    int key = NID_undef, nid;

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (keys[i].type == scheme->key)
            key = keys[i].nid;
    nid = key;
    if (!algor || (scheme->digest && !OBJ_find_sigid_by_algs(&nid, scheme->digest->nid, key)) ||
        !X509_ALGOR_set0(algor, OBJ_nid2obj(nid),
                         scheme->key == ALG_KEY_RSA ? V_ASN1_NULL : V_ASN1_UNDEF, NULL)) {
        X509_ALGOR_free(algor);
        return NULL;
    }
    return algor;
}

/* EdDSA signs the bytes themselves, the others their digest. */
static int
sign_bytes(struct signer *s, const uint8_t *data, size_t len, struct buf *out, struct err *err)
{
    uint8_t md[EVP_MAX_MD_SIZE];
    unsigned md_len = 0;

    if (s->scheme->digest) {
        if (EVP_Digest(data, len, md, &md_len, EVP_get_digestbynid(s->scheme->digest->nid),
                       NULL) != 1)
            return no_request(err);
        data = md;
        len = md_len;
    }
    return client_sign(s->client, s->key.name, s->scheme, data, len, out, err);
}

static int
set_signature(X509_REQ *req, const struct buf *signature)
{
    ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();

    if (!bits || !ASN1_BIT_STRING_set(bits, buf_mutable((struct buf *)(uintptr_t)signature),
                                      (int)buf_len(signature))) {
        ASN1_BIT_STRING_free(bits);
        return -1;
    }
    bits->flags &= ~(ASN1_STRING_FLAG_BITS_LEFT | 0x07);
    bits->flags |= ASN1_STRING_FLAG_BITS_LEFT; /* no unused bits */
    X509_REQ_set0_signature(req, bits);
    return 0;
}

static int
sign_request(X509_REQ *req, struct signer *s, EVP_PKEY *public, struct err *err)
{
    autofree_buf struct buf *signature = buf_new();
    X509_ALGOR *algor = signature_algorithm(s->scheme);
    unsigned char *tbs = NULL;
    int rc = 0, len = -1;

    if (algor && X509_REQ_set1_signature_algo(req, algor) == 1)
        len = i2d_re_X509_REQ_tbs(req, &tbs);
    X509_ALGOR_free(algor);
    if (!signature || len <= 0)
        return no_request(err);
    rc = sign_bytes(s, tbs, (size_t)len, signature, err);
    OPENSSL_free(tbs);
    if (rc == 0 && set_signature(req, signature) != 0)
        rc = no_request(err);
    if (rc == 0 && X509_REQ_verify(req, public) != 1)
        rc = err_set_ossl(err, E_TOKEN, "token \"%s\" made a signature that does not fit key "
                          "\"%s\"; try again, or use another key", s->key.token, s->key.label);
    return rc;
}

static int
write_request(X509_REQ *req, const char *path, struct err *err)
{
    BIO *bio = BIO_new(BIO_s_mem());
    struct outfile *out = NULL;
    char *text;
    long len;
    int rc;

    if (!bio || PEM_write_bio_X509_REQ(bio, req) != 1) {
        BIO_free(bio);
        return no_request(err);
    }
    len = BIO_get_mem_data(bio, &text);
    rc = outfile_open(&out, path, false, err);
    if (rc == 0)
        rc = outfile_write(out, text, (size_t)len, err);
    if (rc == 0)
        rc = outfile_commit(out, err);
    outfile_free(&out);
    BIO_free(bio);
    return rc;
}

static int
make_request(struct signer *s, const struct options *o, struct err *err)
{
    X509_REQ *req = X509_REQ_new();
    EVP_PKEY *public = NULL;
    int rc = req ? 0 : no_request(err);

    if (rc == 0)
        rc = set_subject_and_key(req, s, options_get(o, "subject"), &public, err);
    if (rc == 0)
        rc = add_extensions(req, o, s->key.type, err);
    if (rc == 0)
        rc = sign_request(req, s, public, err);
    if (rc == 0)
        rc = write_request(req, options_get(o, "output"), err);
    EVP_PKEY_free(public);
    X509_REQ_free(req);
    return rc;
}

static int
run(struct cli *cli, const struct options *o, struct err *err)
{
    struct signer_wish wish = {.key = options_get(o, "key")};
    struct client *client = NULL;
    struct signer signer;
    int rc;

    if (!options_get(o, "subject"))
        return err_set(err, E_USAGE, "whom is the certificate for? give --subject, like "
                       "\"CN=Alice Example,O=Acme\"");
    rc = cli_client(cli, &client, err);
    if (rc == 0)
        rc = signer_load_key(&signer, client, &wish, err);
    if (rc != 0)
        return rc;
    rc = make_request(&signer, o, err);
    signer_clear(&signer);
    return rc;
}

static const struct option_row csr_options[] = {
    {.name = "key", .letter = 'u', .value = "KEY", .help = "the key to certify"},
    {.name = "subject", .value = "DN", .help = "its owner, like \"CN=Alice Example,O=Acme\""},
    {.name = "email", .value = "A", .help = "an address of the owner", .many = true},
    {.name = "output", .letter = 'o', .value = "OUT", .help = "write to OUT"},
    {.name = NULL},
};

const struct command command_csr = {
    .name = "csr",
    .synopsis = "-u KEY --subject DN [--email A]... [-o OUT]",
    .summary = "make a certification request for a key",
    .text = "Makes a certification request (PKCS#10) for a key on a token, signed by that key,\n"
            "and prints it as PEM. Send it to a CA; store what comes back with signet cert\n"
            "import.",
    .example = "signet csr -u mail --subject 'CN=Alice Example' --email alice@example.org",
    .options = csr_options,
    .run = run,
};

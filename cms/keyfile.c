/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/keyfile.h"

#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base/io.h"
#include "cms/algid.h"

struct cms_keyfile {
    X509 *cert;
    EVP_PKEY *key;
};

/* An encrypted key is not asked for on a terminal. */
static int
no_password(char *buf, int size, int writing, void *arg)
{
    (void)buf, (void)size, (void)writing, (void)arg;
    return -1;
}

static X509 *
read_cert(BIO *bio)
{
    X509 *cert = PEM_read_bio_X509(bio, NULL, no_password, NULL);

    if (cert == NULL && BIO_reset(bio) == 1)
        cert = d2i_X509_bio(bio, NULL);
    return cert;
}

static EVP_PKEY *
read_key(BIO *bio)
{
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);

    if (key == NULL && BIO_reset(bio) == 1)
        key = d2i_PrivateKey_bio(bio, NULL);
    return key;
}

/* What is in a file, by one of the two pointers. */
static int
read_file(const char *path, X509 **cert, EVP_PKEY **key, struct err *err)
{
    autofree_buf struct buf *text = buf_new();
    BIO *bio;
    int rc = text == NULL ? err_set(err, E_NOMEM, "out of memory for \"%s\"", path)
                          : io_read_file(path, CMS_KEYFILE_MAX, text, err);

    if (rc != 0)
        return rc;
    bio = BIO_new_mem_buf(buf_data(text), (int)buf_len(text));
    if (bio == NULL)
        return err_set(err, E_NOMEM, "out of memory for \"%s\"", path);
    if (cert != NULL)
        *cert = read_cert(bio);
    else
        *key = read_key(bio);
    BIO_free(bio);
    ERR_clear_error();
    if (cert != NULL ? *cert != NULL : *key != NULL)
        return 0;
    return err_set(err, E_INPUT, cert != NULL
                   ? "\"%s\" holds no certificate; name a PEM or DER file"
                   : "\"%s\" holds no private key, or an encrypted one; name a PEM or DER file "
                     "without a password", path);
}

int
cms_keyfile_new(struct cms_keyfile **ret, X509 *cert, EVP_PKEY *key, struct err *err)
{
    struct cms_keyfile *k;
    int fits = X509_check_private_key(cert, key);

    ERR_clear_error();
    if (fits != 1)
        return err_set(err, E_NO_KEY, "the private key is not the certificate's; name the two "
                       "that belong together");
    k = calloc(1, sizeof *k);
    if (k == NULL)
        return err_set(err, E_NOMEM, "out of memory for a key");
    X509_up_ref(cert);
    EVP_PKEY_up_ref(key);
    k->cert = cert;
    k->key = key;
    *ret = k;
    return 0;
}

int
cms_keyfile_load(struct cms_keyfile **ret, const char *cert_file, const char *key_file,
                 struct err *err)
{
    X509 *cert = NULL;
    EVP_PKEY *key = NULL;
    int rc = read_file(cert_file, &cert, NULL, err);

    if (rc == 0)
        rc = read_file(key_file, NULL, &key, err);
    if (rc == 0)
        rc = cms_keyfile_new(ret, cert, key, err);
    if (rc == E_NO_KEY)
        (void)err_prefix(err, "\"%s\" and \"%s\"", cert_file, key_file);
    X509_free(cert);
    EVP_PKEY_free(key);
    return rc;
}

void
cms_keyfile_free(struct cms_keyfile **pk)
{
    if (pk == NULL || *pk == NULL)
        return;
    X509_free((*pk)->cert);
    EVP_PKEY_free((*pk)->key);
    free(*pk);
    *pk = NULL;
}

X509 *
cms_keyfile_cert_view(const struct cms_keyfile *k)
{
    return k->cert;
}

/* EdDSA signs the message itself. */
static bool
sign_message(EVP_PKEY *key, const uint8_t *data, size_t len, uint8_t *sig, size_t *sig_len)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx != NULL && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
              EVP_DigestSign(ctx, sig, sig_len, data, len) == 1;

    EVP_MD_CTX_free(ctx);
    return ok;
}

static bool
sign_digest(EVP_PKEY *key, const struct alg_sig *scheme, const uint8_t *data, size_t len,
            uint8_t *sig, size_t *sig_len)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    EVP_MD *md = EVP_MD_fetch(NULL, scheme->digest->ossl, NULL);
    bool pss = scheme->padding == ALG_PAD_PSS;
    bool ok = ctx != NULL && md != NULL && EVP_PKEY_sign_init(ctx) == 1 &&
              (!pss || (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
                        EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1)) &&
              EVP_PKEY_CTX_set_signature_md(ctx, md) == 1 &&
              EVP_PKEY_sign(ctx, sig, sig_len, data, len) == 1;

    EVP_MD_free(md);
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

static int
sign(void *arg, const struct alg_sig *scheme, const uint8_t *data, size_t len, struct buf *out,
     struct err *err)
{
    struct cms_keyfile *k = arg;
    size_t room = (size_t)EVP_PKEY_get_size(k->key), sig_len = room;
    uint8_t *sig;

    if (buf_reserve(out, room, &sig) != 0)
        return err_set(err, E_NOMEM, "out of memory for a signature");
    if (scheme->digest == NULL ? !sign_message(k->key, data, len, sig, &sig_len)
                               : !sign_digest(k->key, scheme, data, len, sig, &sig_len)) {
        buf_trim(out, room);
        return err_set_ossl(err, E_CRYPTO, "the key file's key cannot make a %s signature",
                            scheme->name);
    }
    buf_trim(out, room - sig_len);
    return 0;
}

static const struct alg_sig *
usual_scheme(EVP_PKEY *key)
{
    enum alg_key_type type = algid_key_type(key);
    int bits = EVP_PKEY_get_bits(key);
    const char *digest = type != ALG_KEY_EC || bits <= 256 ? "sha256"
                         : bits <= 384                     ? "sha384"
                                                           : "sha512";

    if (type == ALG_KEY_RSA || type == ALG_KEY_EC)
        return alg_sig_find(type, type == ALG_KEY_RSA ? ALG_PAD_PKCS1 : ALG_PAD_NONE,
                            alg_digest_by_name(digest));
    return alg_sig_find(type, ALG_PAD_NONE, NULL);
}

struct cms_signer
cms_keyfile_signer(struct cms_keyfile *k)
{
    return (struct cms_signer){ .cert = k->cert, .scheme = usual_scheme(k->key), .sign = sign,
                                .arg = k };
}

static bool
set_oaep(EVP_PKEY_CTX *ctx, const struct cms_unwrap *u)
{
    void *label = u->label_len == 0 ? NULL : OPENSSL_memdup(u->label, u->label_len);

    if (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
        EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, u->digest->ossl, NULL) == 1 &&
        EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, u->mgf->ossl, NULL) == 1 &&
        (u->label_len == 0 ||
         EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, label, (int)u->label_len) == 1))
        return true;
    OPENSSL_free(label);
    return false;
}

static int
unwrap(void *arg, const struct cms_unwrap *u, struct secret *out, struct err *err)
{
    struct cms_keyfile *k = arg;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(k->key, NULL);
    size_t len = secret_max(out);
    bool ok = ctx != NULL && EVP_PKEY_decrypt_init(ctx) == 1 &&
              (u->padding == ALG_PAD_OAEP
                   ? set_oaep(ctx, u)
                   : EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1) &&
              EVP_PKEY_decrypt(ctx, secret_mutable(out), &len, u->ciphertext, u->len) == 1;

    EVP_PKEY_CTX_free(ctx);
    secret_set_len(out, ok ? len : 0);
    return ok ? 0 : err_set_ossl(err, E_DECRYPT, "the key file's key does not unwrap");
}

/* The other side's public key: a point of this key's curve, or the octets of X25519. */
static EVP_PKEY *
peer_key(EVP_PKEY *own, const uint8_t *point, size_t len)
{
    EVP_PKEY *peer;

    if (algid_key_type(own) != ALG_KEY_EC)
        return EVP_PKEY_new_raw_public_key(EVP_PKEY_get_id(own), NULL, point, len);
    peer = EVP_PKEY_new();
    if (peer != NULL && EVP_PKEY_copy_parameters(peer, own) == 1 &&
        EVP_PKEY_set1_encoded_public_key(peer, point, len) == 1)
        return peer;
    EVP_PKEY_free(peer);
    return NULL;
}

static int
agree(void *arg, const uint8_t *point, size_t len, struct secret *z, struct err *err)
{
    struct cms_keyfile *k = arg;
    EVP_PKEY *peer = peer_key(k->key, point, len);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(k->key, NULL);
    size_t size = secret_max(z);
    bool ok = peer != NULL && ctx != NULL && EVP_PKEY_derive_init(ctx) == 1 &&
              EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
              EVP_PKEY_derive(ctx, secret_mutable(z), &size) == 1;

    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(peer);
    secret_set_len(z, ok ? size : 0);
    return ok ? 0 : err_set_ossl(err, E_DECRYPT, "the key file's key does not agree");
}

struct cms_opener
cms_keyfile_opener(struct cms_keyfile *k)
{
    bool rsa = algid_key_type(k->key) == ALG_KEY_RSA;

    return (struct cms_opener){ .cert = k->cert, .unwrap = rsa ? unwrap : NULL,
                                .agree = rsa ? NULL : agree, .arg = k };
}

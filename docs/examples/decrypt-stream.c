/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Decrypts standard input, of any size, to a file that appears only when all of it was
 * right: decrypt-stream CERT KEY OUT. The RSA key is a file here; whatever unwraps will do
 * in its place. */
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base/io.h"
#include "cms/cms.h"

static int
unwrap(void *key, const struct cms_unwrap *u, struct secret *out, struct err *err)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    int oaep = u->padding == ALG_PAD_OAEP;
    size_t len = secret_max(out);
    int ok = EVP_PKEY_decrypt_init(ctx) == 1 &&
             EVP_PKEY_CTX_set_rsa_padding(ctx, oaep ? RSA_PKCS1_OAEP_PADDING
                                                    : RSA_PKCS1_PADDING) == 1 &&
             (!oaep || (EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, u->digest->ossl, NULL) == 1 &&
                        EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, u->mgf->ossl, NULL) == 1)) &&
             EVP_PKEY_decrypt(ctx, secret_mutable(out), &len, u->ciphertext, u->len) == 1;

    EVP_PKEY_CTX_free(ctx);
    secret_set_len(out, ok ? len : 0);
    return ok ? 0 : err_set_ossl(err, E_DECRYPT, "the key does not unwrap");
}

static int
to_file(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    return outfile_write(arg, data, len, err);
}

int
main(int argc, char **argv)
{
    FILE *cert_file = argc == 4 ? fopen(argv[1], "r") : NULL;
    FILE *key_file = argc == 4 ? fopen(argv[2], "r") : NULL;
    X509 *cert = cert_file == NULL ? NULL : PEM_read_X509(cert_file, NULL, NULL, NULL);
    EVP_PKEY *key = key_file == NULL ? NULL : PEM_read_PrivateKey(key_file, NULL, NULL, NULL);
    struct cms_opener opener = { .cert = cert, .unwrap = unwrap, .arg = key };
    struct cms_decrypt_options decrypt = { .openers = &opener, .opener_count = 1 };
    struct cms_reader_options options = { .content = { .write = to_file }, .decrypt = &decrypt };
    struct cms_reader *stream = NULL;
    struct outfile *out = NULL;
    struct err err = { 0 };
    static uint8_t piece[IO_CHUNK];
    ssize_t n = 0;
    int rc;

    if (cert == NULL || key == NULL)
        rc = err_set(&err, E_USAGE, "usage: decrypt-stream CERT KEY OUT < MESSAGE");
    else
        rc = outfile_open(&out, argv[3], false, &err);
    options.content.arg = out;
    if (rc == 0)
        rc = cms_reader_new(&stream, &options, &err);
    while (rc == 0 && (n = io_read(0, piece, sizeof piece)) > 0)
        rc = cms_reader_update(stream, piece, (size_t)n, &err);
    if (rc == 0 && n < 0)
        rc = err_set(&err, E_INPUT, "standard input cannot be read");
    if (rc == 0)
        rc = cms_reader_finish(stream, &err);
    if (rc == 0)
        rc = outfile_commit(out, &err);
    if (rc != 0)
        fprintf(stderr, "decrypt-stream: %s\n", err_text(&err));
    cms_reader_free(&stream);
    outfile_free(&out);
    X509_free(cert);
    EVP_PKEY_free(key);
    return err_exit_status(rc);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Signs standard input, of any size, to standard output: sign-stream CERT KEY. The key
 * is a file here; whatever signs a digest will do in its place. */
#include <openssl/pem.h>
#include <unistd.h>

#include "base/io.h"
#include "cms/cms.h"

static int
sign(void *key, const struct alg_sig *scheme, const uint8_t *digest, size_t len,
     struct buf *out, struct err *err)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    uint8_t sig[1024];
    size_t sig_len = sizeof sig;
    int ok = EVP_PKEY_sign_init(ctx) == 1 &&
             EVP_PKEY_CTX_set_signature_md(ctx, EVP_get_digestbynid(scheme->digest->nid)) == 1 &&
             EVP_PKEY_sign(ctx, sig, &sig_len, digest, len) == 1;

    EVP_PKEY_CTX_free(ctx);
    return ok ? buf_put(out, sig, sig_len) : err_set_ossl(err, E_CRYPTO, "the key cannot sign");
}

static int
to_stdout(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    (void)arg;
    return io_write_all(1, data, len) == 0 ? 0 : err_set(err, E_OUTPUT, "cannot write");
}

int
main(int argc, char **argv)
{
    FILE *cert_file = argc == 3 ? fopen(argv[1], "r") : NULL;
    FILE *key_file = argc == 3 ? fopen(argv[2], "r") : NULL;
    X509 *cert = cert_file == NULL ? NULL : PEM_read_X509(cert_file, NULL, NULL, NULL);
    EVP_PKEY *key = key_file == NULL ? NULL : PEM_read_PrivateKey(key_file, NULL, NULL, NULL);
    struct cms_signer signer = { .cert = cert, .scheme = alg_sig_by_name("ecdsa-sha256"),
                                 .sign = sign, .arg = key };
    struct cms_sign_options options = { .signers = &signer, .count = 1, .content_size = -1 };
    struct sink out = { .write = to_stdout };
    struct cms_sign *stream = NULL;
    struct err err = { 0 };
    static uint8_t piece[IO_CHUNK];
    ssize_t n = 0;
    int rc;

    if (cert == NULL || key == NULL)
        rc = err_set(&err, E_USAGE, "usage: sign-stream CERT KEY < CONTENT > MESSAGE");
    else
        rc = cms_sign_new(&stream, &options, &out, &err);
    while (rc == 0 && (n = io_read(0, piece, sizeof piece)) > 0)
        rc = cms_sign_update(stream, piece, (size_t)n, &err);
    if (rc == 0 && n < 0)
        rc = err_set(&err, E_INPUT, "standard input cannot be read");
    if (rc == 0)
        rc = cms_sign_finish(stream, &err);
    if (rc != 0)
        fprintf(stderr, "sign-stream: %s\n", err_text(&err));
    cms_sign_free(&stream);
    X509_free(cert);
    EVP_PKEY_free(key);
    return err_exit_status(rc);
}

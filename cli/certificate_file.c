/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/certificate_file.h"

#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/buf.h"
#include "base/io.h"

static int
read_input(const char *path, struct buf *out, struct err *err)
{
    struct infile *in = NULL;
    uint8_t piece[4096];
    ssize_t n;
    int rc = infile_open(&in, path, err);

    buf_set_max(out, CERTIFICATE_FILE_MAX);
    while (rc == 0 && (n = infile_read(in, piece, sizeof piece, err)) != 0) {
        rc = n < 0 ? (int)n : buf_put(out, piece, (size_t)n);
        if (rc == E_LIMIT && n > 0)
            err_set(err, rc, "%s is longer than a certificate can be; is it the right file?",
                    infile_name(in));
    }
    infile_free(&in);
    return rc;
}

/* A null passphrase: certificates are never encrypted, and nobody must be asked. */
static int
no_passphrase(char *out, int max, int verify, void *arg)
{
    (void)out, (void)max, (void)verify, (void)arg;
    return -1;
}

static X509 *
first_pem(const struct buf *data, size_t *ret_others)
{
    BIO *bio = BIO_new_mem_buf(buf_data(data), (int)buf_len(data));
    X509 *first = bio ? PEM_read_bio_X509(bio, NULL, no_passphrase, NULL) : NULL, *more;

    *ret_others = 0;
    while (first && (more = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL)) != NULL) {
        X509_free(more);
        ++*ret_others;
    }
    BIO_free(bio);
    return first;
}

static X509 *
whole_der(const struct buf *data)
{
    const unsigned char *at = buf_data(data);
    X509 *cert = d2i_X509(NULL, &at, (long)buf_len(data));

    if (cert && at != buf_data(data) + buf_len(data)) {
        X509_free(cert);
        return NULL;
    }
    return cert;
}

int
certificate_file_read(const char *path, uint8_t **ret_der, size_t *ret_len, size_t *ret_others,
                      struct err *err)
{
    autofree_buf struct buf *data = buf_new();
    uint8_t *der = NULL;
    X509 *cert;
    int rc = data ? read_input(path, data, err) : err_set(err, E_NOMEM, "out of memory"), len;

    if (rc != 0)
        return rc;
    cert = first_pem(data, ret_others);
    if (!cert)
        cert = whole_der(data);
    if (!cert)
        return err_set_ossl(err, E_MALFORMED, "%s holds no certificate (PEM or DER)", path);
    len = i2d_X509(cert, &der);
    X509_free(cert);
    if (len <= 0)
        return err_set_ossl(err, E_CRYPTO, "the certificate in %s cannot be encoded", path);
    *ret_der = der;
    *ret_len = (size_t)len;
    return 0;
}

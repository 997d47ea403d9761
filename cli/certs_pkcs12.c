/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Certificates out of PKCS#12 (RFC 7292): bags of certificates are opened, bags of keys never
 * are. */
#include <string.h>
#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>

#include "cli/certs_int.h"
#include "cli/password.h"

/* Rounds of the key derivation: more is meant to keep us busy. */
#define ROUNDS_MAX 10000000

/* Most of these files are encrypted with RC2 or RC4, which libcrypto keeps apart. Once loaded
 * they stay: without its own ones, which have to be named then too, libcrypto can do nothing. */
static void
load_old_ciphers(void)
{
    if (OSSL_PROVIDER_load(NULL, "default"))
        (void)OSSL_PROVIDER_load(NULL, "legacy");
}

static bool
is_reasonable(const PKCS12 *p12)
{
    const ASN1_INTEGER *rounds = NULL;

    PKCS12_get0_mac(NULL, NULL, NULL, &rounds, p12);
    return !rounds || (ASN1_INTEGER_get(rounds) >= 0 && ASN1_INTEGER_get(rounds) <= ROUNDS_MAX);
}

static int
take_bags(struct certs_pile *p, const STACK_OF(PKCS12_SAFEBAG) *bags, struct err *err)
{
    int rc = 0;

    for (int i = 0; rc == 0 && i < sk_PKCS12_SAFEBAG_num(bags); i++) {
        PKCS12_SAFEBAG *bag = sk_PKCS12_SAFEBAG_value(bags, i);
        X509 *cert = PKCS12_SAFEBAG_get_nid(bag) == NID_certBag &&
                             PKCS12_SAFEBAG_get_bag_nid(bag) == NID_x509Certificate
                         ? PKCS12_SAFEBAG_get1_cert(bag)
                         : NULL;
        uint8_t *der = NULL;
        int len = cert ? i2d_X509(cert, &der) : 0;
        if (len > 0)
            rc = certs_pile_der(p, der, (size_t)len, err);
        OPENSSL_free(der);
        X509_free(cert);
    }
    return rc;
}

/* password "" and none are not the same to everybody who writes such files. */
static int
take_safes(struct certs_pile *p, PKCS12 *p12, const char *password, int len, struct err *err)
{
    STACK_OF(PKCS7) *safes = PKCS12_unpack_authsafes(p12);
    int rc = safes ? 0 : E_MALFORMED;

    for (int i = 0; rc == 0 && i < sk_PKCS7_num(safes); i++) {
        PKCS7 *safe = sk_PKCS7_value(safes, i);
        STACK_OF(PKCS12_SAFEBAG) *bags = NULL;
        if (PKCS7_type_is_data(safe))
            bags = PKCS12_unpack_p7data(safe);
        else if (PKCS7_type_is_encrypted(safe))
            bags = PKCS12_unpack_p7encdata(safe, password, len);
        else
            continue;
        rc = bags ? take_bags(p, bags, err) : E_DECRYPT;
        sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
    }
    sk_PKCS7_pop_free(safes, PKCS7_free);
    return rc;
}

/* E_PIN_WRONG: another password is needed. */
static int
open_with(struct certs_pile *p, PKCS12 *p12, const char *password, int len, struct err *err)
{
    int rc;

    if (PKCS12_mac_present(p12) && !PKCS12_verify_mac(p12, password, len))
        return E_PIN_WRONG;
    rc = take_safes(p, p12, password, len, err);
    return rc == E_DECRYPT && !PKCS12_mac_present(p12) ? E_PIN_WRONG : rc;
}

static int
get_password(const struct cli *cli, const char *path, const char *file, struct secret **ret,
             struct err *err)
{
    autofree_secret struct secret *password = NULL;
    char prompt[300];
    int rc;

    if (file)
        return password_read(file, ret, err);
    if (!cli || cli->batch)
        return err_set(err, E_PIN_NEEDED, "%s is protected by a password; put it into a file and "
                       "name that with --password-file", path);
    password = secret_new(PASSWORD_MAX);
    if (!password)
        return err_set(err, E_NOMEM, "out of memory");
    snprintf(prompt, sizeof prompt, "Password of %s", path);
    rc = ask_pin(NULL, prompt, password, err);
    if (rc == E_PIN_NEEDED)
        return err_set(err, rc, "%s is protected by a password, and there is no terminal to ask "
                       "for it; name a file that holds it with --password-file", path);
    if (rc == 0) {
        *ret = password;
        password = NULL;
    }
    return rc;
}

static int
open_file(struct certs_pile *p, PKCS12 *p12, const struct cli *cli, const char *path,
          const char *password_file, struct err *err)
{
    autofree_secret struct secret *password = NULL;
    int rc = open_with(p, p12, NULL, 0, err);

    if (rc == E_PIN_WRONG)
        rc = open_with(p, p12, "", 0, err);
    if (rc != E_PIN_WRONG)
        return rc;
    ERR_clear_error();
    rc = get_password(cli, path, password_file, &password, err);
    if (rc == 0)
        rc = open_with(p, p12, (const char *)secret_data_view(password),
                       (int)secret_len(password), err);
    return rc == E_PIN_WRONG ? err_set(err, rc, "%s: the password is wrong, or the file is damaged",
                                       path)
                             : rc;
}

int
certs_pile_pkcs12(struct certs_pile *p, const struct cli *cli, const char *path,
                  const uint8_t *der, size_t len, const char *password_file, struct err *err)
{
    const unsigned char *at = der;
    PKCS12 *p12 = d2i_PKCS12(NULL, &at, (long)len);
    int rc = E_MALFORMED;

    if (p12 && !is_reasonable(p12))
        rc = err_set(err, E_LIMIT, "%s: its password is derived in more than %d rounds, which is "
                     "meant to take for ever", path, ROUNDS_MAX);
    else if (p12) {
        load_old_ciphers();
        rc = open_file(p, p12, cli, path, password_file, err);
    }
    PKCS12_free(p12);
    if (rc == E_DECRYPT)
        rc = err_set(err, E_UNSUPPORTED, "%s: its certificates are encrypted in a way that is not "
                     "known here; export them anew", path);
    ERR_clear_error();
    return rc;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/signer.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <openssl/x509v3.h>

#include "base/text.h"

/* RSA keys below this many bits are not signed with (DESIGN, invariant 9). */
#define RSA_BITS_MIN 2048
/* Certificates above a signer's, at most. */
#define CHAIN_MAX 8

static const char *
default_digest(const struct client_key *key)
{
    if (key->type == ALG_KEY_EC && key->bits > 384)
        return "sha512";
    if (key->type == ALG_KEY_EC && key->bits > 256)
        return "sha384";
    return "sha256";
}

static bool
is_edwards(enum alg_key_type type)
{
    return type == ALG_KEY_ED25519 || type == ALG_KEY_ED448;
}

/* Edwards keys bring their digest along (RFC 8419, 3.1). */
static int
check_edwards(const struct client_key *key, const struct signer_wish *wish, struct err *err)
{
    const char *fixed = key->type == ALG_KEY_ED25519 ? "sha512" : "shake256";

    if (wish->digest && strcmp(wish->digest, fixed) != 0)
        return err_set(err, E_USAGE, "%s keys always sign with %s; leave out --digest",
                       alg_key_name(key->type), fixed);
    return 0;
}

static int
find_digest(const struct client_key *key, const struct signer_wish *wish,
            const struct alg_digest **ret, struct err *err)
{
    const char *name = wish->digest ? wish->digest : default_digest(key);
    const struct alg_digest *digest = alg_digest_by_name(name);

    if (!digest)
        return err_set(err, E_USAGE, "there is no digest \"%s\"; use sha256, sha384 or sha512",
                       name);
    if (digest->weak)
        return err_set(err, E_WEAK, "%s is too weak to sign with; use sha256, sha384 or sha512",
                       digest->name);
    *ret = digest;
    return 0;
}

static int
find_scheme(struct signer *s, const struct signer_wish *wish, struct err *err)
{
    const struct client_key *key = &s->key;
    const struct alg_digest *digest = NULL;
    enum alg_padding padding = ALG_PAD_NONE;
    int rc = is_edwards(key->type) ? check_edwards(key, wish, err)
                                   : find_digest(key, wish, &digest, err);

    if (rc != 0)
        return rc;
    if (wish->pss && key->type != ALG_KEY_RSA)
        return err_set(err, E_USAGE, "--pss is for RSA keys; key \"%s\" is %s: leave it out",
                       key->label, alg_key_name(key->type));
    if (key->type == ALG_KEY_RSA) {
        if (key->bits < RSA_BITS_MIN)
            return err_set(err, E_WEAK, "key \"%s\" on token \"%s\" is RSA with %u bits, too weak "
                           "to sign with; make one of %d bits or more (signet key generate)",
                           key->label, key->token, key->bits, RSA_BITS_MIN);
        padding = wish->pss ? ALG_PAD_PSS : ALG_PAD_PKCS1;
    }
    s->scheme = alg_sig_find(key->type, padding, digest);
    if (!s->scheme)
        return err_set(err, E_MECHANISM, "key \"%s\" on token \"%s\" (%s) cannot sign; choose "
                       "another with -u (signet keys lists them)", key->label, key->token,
                       alg_key_name(key->type));
    return 0;
}

int
signer_load_key(struct signer *s, struct client *client, const struct signer_wish *wish,
                struct err *err)
{
    int rc;

    memset(s, 0, sizeof *s);
    s->client = client;
    rc = client_find_key(client, wish->key, &s->key, err);
    if (rc == 0)
        rc = find_scheme(s, wish, err);
    if (rc != 0)
        signer_clear(s);
    return rc;
}

/* What speaks against a certificate; the smallest that all of them have is told. */
enum fault { FIT, NOT_YET, EXPIRED, NOT_FOR_MAIL, NOT_FOR_SIGNING, UNREADABLE };

static enum fault
judge(X509 *cert)
{
    if (X509_cmp_current_time(X509_get0_notAfter(cert)) < 0)
        return EXPIRED;
    if (X509_cmp_current_time(X509_get0_notBefore(cert)) > 0)
        return NOT_YET;
    if (!(X509_get_key_usage(cert) & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)))
        return NOT_FOR_SIGNING;
    if (!(X509_get_extended_key_usage(cert) & (XKU_SMIME | XKU_ANYEKU)))
        return NOT_FOR_MAIL;
    return FIT;
}

static int
no_certificate(const struct signer *s, enum fault fault, struct err *err)
{
    static const char *const why[] = {
        [NOT_YET] = "has a certificate that is not valid yet; check this machine's clock, or "
                    "wait",
        [EXPIRED] = "has an expired certificate alone; get a new one (signet csr, signet cert "
                    "import)",
        [NOT_FOR_SIGNING] = "has a certificate that is not made for signing; choose another key "
                            "with -u",
        [UNREADABLE] = "has a certificate that cannot be read; import it again (signet cert "
                       "import)",
    };

    if (s->key.cert_count > 0)
        return err_set(err, E_NO_CERT, "key \"%s\" on token \"%s\" %s", s->key.label,
                       s->key.token, why[fault]);
    return err_set(err, E_NO_CERT, "key \"%s\" on token \"%s\" has no certificate; ask a CA for "
                   "one (signet csr -u %.16s --subject DN --email ADDRESS) and store it beside "
                   "the key (signet cert import FILE)", s->key.label, s->key.token, s->key.name);
}

/* The newest that fits. One whose extended usage leaves out mail is taken when there
 * is no other: the verifier judges that, and for plain CMS it does not matter. */
static int
choose_certificate(struct signer *s, struct err *err)
{
    enum fault best = UNREADABLE;

    for (size_t i = 0; i < s->key.cert_count && best != FIT; i++) {
        const unsigned char *at = s->key.certs[i].der;
        X509 *cert = d2i_X509(NULL, &at, (long)s->key.certs[i].len);
        enum fault fault = cert ? judge(cert) : UNREADABLE;
        bool usable = fault == FIT || fault == NOT_FOR_MAIL;
        if (usable && (fault == FIT || !s->cert)) {
            X509_free(s->cert);
            s->cert = cert;
            s->source = &s->key.certs[i];
        } else {
            X509_free(cert);
        }
        if (fault < best)
            best = fault;
    }
    return s->cert ? 0 : no_certificate(s, best, err);
}

int
signer_load(struct signer *s, struct client *client, const struct signer_wish *wish,
            struct err *err)
{
    int rc = signer_load_key(s, client, wish, err);

    if (rc != 0)
        return rc;
    rc = choose_certificate(s, err);
    if (rc != 0)
        signer_clear(s);
    return rc;
}

void
signer_clear(struct signer *s)
{
    client_key_clear(&s->key);
    X509_free(s->cert);
    s->cert = NULL;
    s->scheme = NULL;
}

static int
sign(void *arg, const struct alg_sig *scheme, const uint8_t *data, size_t len, struct buf *out,
     struct err *err)
{
    struct signer *s = arg;

    return client_sign(s->client, s->key.name, scheme, data, len, out, err);
}

struct cms_signer
signer_cms(struct signer *s)
{
    return (struct cms_signer){.cert = s->cert, .scheme = s->scheme, .sign = sign, .arg = s};
}

static const char *
string(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));

    return text ? text : "";
}

static X509 *
decode(const json_t *item)
{
    const unsigned char *at;
    uint8_t *der = NULL;
    size_t len;
    X509 *cert;

    if (client_binary(item, "der", &der, &len, NULL) != 0)
        return NULL;
    at = der;
    cert = d2i_X509(NULL, &at, (long)len);
    free(der);
    return cert;
}

/* The certificate in the listing that issued `cert`, newly made, or NULL; never a
 * root. Decoding a certificate costs libcrypto half a millisecond: the agent's text of
 * the names says which are worth it. */
static X509 *
find_issuer(const json_t *list, X509 *cert, const char *name, const char **ret_issuer)
{
    const json_t *item;
    size_t i;

    json_array_foreach(list, i, item) {
        X509 *other;
        *ret_issuer = string(item, "issuer");
        if (strcmp(string(item, "subject"), name) != 0 || strcmp(*ret_issuer, name) == 0)
            continue;
        other = decode(item);
        if (other && X509_check_issued(other, cert) == X509_V_OK)
            return other;
        X509_free(other);
    }
    return NULL;
}

static bool
has(STACK_OF(X509) *chain, X509 *cert)
{
    for (int i = 0; i < sk_X509_num(chain); i++)
        if (X509_cmp(sk_X509_value(chain, i), cert) == 0)
            return true;
    return false;
}

int
signer_put_chain(const struct signer *s, STACK_OF(X509) *chain, struct err *err)
{
    const char *name = s->source->issuer;
    X509 *at = s->cert;
    json_t *list = NULL;
    int rc = 0;

    if (strcmp(s->source->subject, name) == 0)
        return 0;
    rc = client_certs(s->client, &list, err);
    for (int depth = 0; rc == 0 && depth < CHAIN_MAX; depth++) {
        at = find_issuer(list, at, name, &name);
        if (!at || has(chain, at)) {
            X509_free(at);
            break;
        }
        if (sk_X509_push(chain, at) == 0) {
            X509_free(at);
            rc = err_set(err, E_NOMEM, "out of memory while collecting certificates");
        }
    }
    json_decref(list);
    return rc;
}

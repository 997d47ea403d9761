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
judge(const struct cms_certificate *cert)
{
    if (X509_cmp_current_time(cms_certificate_not_after(cert)) < 0)
        return EXPIRED;
    if (X509_cmp_current_time(cms_certificate_not_before(cert)) > 0)
        return NOT_YET;
    if (!(cms_certificate_key_usage(cert) & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)))
        return NOT_FOR_SIGNING;
    if (!cms_certificate_allows(cert, NID_email_protect))
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
        const struct client_cert *source = &s->key.certs[i];
        struct cms_certificate *cert = NULL;
        bool read = cms_certificate_read(&cert, source->der, source->len, NULL) == 0;
        enum fault fault = read ? judge(cert) : UNREADABLE;
        bool usable = fault == FIT || fault == NOT_FOR_MAIL;
        if (usable && (fault == FIT || !s->cert)) {
            cms_certificate_free(&s->cert);
            s->cert = cert;
            s->source = source;
        } else {
            cms_certificate_free(&cert);
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
    cms_certificate_free(&s->cert);
    json_decref(s->listing);
    s->listing = NULL;
    s->scheme = NULL;
}

static int
sign(void *arg, const struct alg_sig *scheme, const uint8_t *data, size_t len, struct buf *out,
     struct err *err)
{
    struct signer *s = arg;
    int rc = client_sign(s->client, s->key.name, scheme, data, len, out, err);

    client_meanwhile(s->client, NULL, NULL); /* in case it was never sent */
    return rc;
}

static void
meanwhile(void *arg, void (*work)(void *work_arg), void *work_arg)
{
    struct signer *s = arg;

    client_meanwhile(s->client, work, work_arg);
}

struct cms_signer
signer_cms(struct signer *s)
{
    return (struct cms_signer){.certificate = s->cert, .scheme = s->scheme, .sign = sign,
                               .meanwhile = meanwhile, .arg = s};
}

static const char *
string(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));

    return text ? text : "";
}

static X509 *
read_x509(const uint8_t *der, size_t len)
{
    const unsigned char *at = der;

    return d2i_X509(NULL, &at, (long)len);
}

static X509 *
decode(const json_t *item)
{
    uint8_t *der = NULL;
    size_t len;
    X509 *cert;

    if (client_binary(item, "der", &der, &len, NULL) != 0)
        return NULL;
    cert = read_x509(der, len);
    free(der);
    return cert;
}

/* Where a chain has got to. */
struct climb {
    const struct client_cert *source; /* the signer's, until cert is there */
    X509 *cert;
    const char *issuer; /* who issued it, in the agent's words */
};

/* Decoding a certificate costs libcrypto half a millisecond: it waits for a name to fit. */
static bool
issued_by(struct climb *at, X509 *issuer)
{
    if (!at->cert)
        at->cert = read_x509(at->source->der, at->source->len);
    return issuer && at->cert && X509_check_issued(issuer, at->cert) == X509_V_OK;
}

/* The certificate in the listing that issued the one at hand, newly made, or NULL;
 * never a root. *ret_issuer is who issued that one. */
static X509 *
find_issuer(const json_t *list, struct climb *at, const char **ret_issuer)
{
    const json_t *item;
    size_t i;

    json_array_foreach(list, i, item) {
        X509 *other;
        *ret_issuer = string(item, "issuer");
        if (strcmp(string(item, "subject"), at->issuer) != 0 ||
            strcmp(*ret_issuer, at->issuer) == 0)
            continue;
        other = decode(item);
        if (issued_by(at, other))
            return other;
        X509_free(other);
    }
    return NULL;
}

static int
ask_listing(struct signer *s, struct err *err)
{
    return s->listing ? 0 : client_certs(s->client, &s->listing, err);
}

X509 *
signer_x509(const struct signer *s)
{
    return read_x509(s->source->der, s->source->len);
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
signer_put_chain(struct signer *s, STACK_OF(X509) *chain, struct err *err)
{
    struct climb at = {.source = s->source, .issuer = s->source->issuer};
    X509 *first = NULL;
    int rc = 0;

    if (!s->source->issuer_here)
        return 0;
    rc = ask_listing(s, err);
    for (int depth = 0; rc == 0 && depth < CHAIN_MAX; depth++) {
        const char *issuer;
        X509 *next = find_issuer(s->listing, &at, &issuer);
        if (depth == 0)
            first = at.cert;
        if (!next || has(chain, next)) {
            X509_free(next);
            break;
        }
        if (sk_X509_push(chain, next) == 0) {
            X509_free(next);
            rc = err_set(err, E_NOMEM, "out of memory while collecting certificates");
        }
        at.cert = next;
        at.issuer = issuer;
    }
    X509_free(first);
    return rc;
}

static bool
encrypts(uint32_t usage)
{
    return usage & (KU_KEY_ENCIPHERMENT | KU_KEY_AGREEMENT);
}

static bool
shares_address(const json_t *a, const json_t *b)
{
    const json_t *one, *other;
    size_t i, k;

    json_array_foreach(json_object_get(a, "emails"), i, one)
        json_array_foreach(json_object_get(b, "emails"), k, other)
            if (json_equal(one, other))
                return true;
    return false;
}

/* The listing's entry for the signer's certificate. */
static const json_t *
own_entry(const struct signer *s, const json_t *list)
{
    const json_t *item;
    size_t i;

    json_array_foreach(list, i, item) {
        uint8_t *der = NULL;
        size_t len = 0;
        bool same;

        if (strcmp(string(item, "subject"), s->source->subject) != 0 ||
            client_binary(item, "der", &der, &len, NULL) != 0)
            continue;
        same = len == s->source->len && memcmp(der, s->source->der, len) == 0;
        free(der);
        if (same)
            return item;
    }
    return NULL;
}

static bool
better(X509 *cert, X509 *than)
{
    return encrypts(X509_get_key_usage(cert)) &&
           X509_cmp_current_time(X509_get0_notAfter(cert)) > 0 &&
           X509_cmp_current_time(X509_get0_notBefore(cert)) < 0 &&
           (!than || ASN1_TIME_compare(X509_get0_notBefore(cert),
                                       X509_get0_notBefore(than)) > 0);
}

int
signer_preferred(struct signer *s, X509 **ret, struct err *err)
{
    const json_t *item, *own;
    X509 *best = NULL;
    size_t i;
    int rc;

    *ret = NULL;
    if (!s->source->sibling_here || encrypts(cms_certificate_key_usage(s->cert)))
        return 0;
    rc = ask_listing(s, err);
    if (rc != 0)
        return rc;
    own = own_entry(s, s->listing);
    json_array_foreach(s->listing, i, item) {
        X509 *cert = own && item != own && shares_address(own, item) ? decode(item) : NULL;
        if (cert && better(cert, best)) {
            X509_free(best);
            best = cert;
        } else {
            X509_free(cert);
        }
    }
    *ret = best;
    return 0;
}

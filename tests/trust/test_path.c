/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which path is found among several, and what is made of hostile ones. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/x509v3.h>

#include "tests/support/pki.h"
#include "trust/issuer.h"
#include "trust/path.h"
#include "trust/problem.h"
#include "trust/purpose.h"
#include "trust/store.h"

#define DAY 86400L
#define MANY 1000

static EVP_PKEY *key_a, *key_b, *key_ca, *key_leaf;
static X509 *root_a, *root_b;
static char dir[64];
static struct err err;

static X509 *
ca_cert(const char *cn, EVP_PKEY *key, const X509 *issuer, EVP_PKEY *issuer_key)
{
    return pki_cert(&(struct pki_request){.cn = cn, .ca = true}, key, issuer, issuer_key);
}

static X509 *
leaf_cert(const X509 *issuer, EVP_PKEY *issuer_key)
{
    return pki_cert(&(struct pki_request){.cn = "Leaf", .email = "a@example.org"}, key_leaf,
                    issuer, issuer_key);
}

/* Adds an extension and signs anew. */
static X509 *
with(X509 *cert, int nid, const char *value, const X509 *issuer, EVP_PKEY *issuer_key)
{
    X509V3_CTX ctx;

    X509V3_set_ctx(&ctx, (X509 *)(uintptr_t)issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    ck_assert_ptr_nonnull(ext);
    ck_assert_int_eq(X509_add_ext(cert, ext, -1), 1);
    X509_EXTENSION_free(ext);
    ck_assert_int_gt(X509_sign(cert, issuer_key, EVP_sha256()), 0);
    return cert;
}

/* Its policies, dotted and ended by NULL. */
static X509 *
with_policies(X509 *cert, const char *const *oids, EVP_PKEY *issuer_key)
{
    CERTIFICATEPOLICIES *policies = CERTIFICATEPOLICIES_new();

    for (; *oids != NULL; oids++) {
        POLICYINFO *info = POLICYINFO_new();

        info->policyid = OBJ_txt2obj(*oids, 1);
        sk_POLICYINFO_push(policies, info);
    }
    ck_assert_int_eq(X509_add1_ext_i2d(cert, NID_certificate_policies, policies, 0, 0), 1);
    CERTIFICATEPOLICIES_free(policies);
    ck_assert_int_gt(X509_sign(cert, issuer_key, EVP_sha256()), 0);
    return cert;
}

static void
setup(void)
{
    strcpy(dir, "/tmp/signet-path-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    key_a = pki_key("p256");
    key_b = pki_key("p256");
    key_ca = pki_key("p256");
    key_leaf = pki_key("p256");
    root_a = ca_cert("Root A", key_a, NULL, NULL);
    root_b = ca_cert("Root B", key_b, NULL, NULL);
    err_clear(&err);
}

static void
teardown(void)
{
    static const char *const files[] = {"anchor", STORE_FILE, STORE_FILE "-wal",
                                        STORE_FILE "-shm"};
    char path[128];

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        unlink(path);
    }
    rmdir(dir);
    X509_free(root_a);
    X509_free(root_b);
    EVP_PKEY_free(key_a);
    EVP_PKEY_free(key_b);
    EVP_PKEY_free(key_ca);
    EVP_PKEY_free(key_leaf);
}

static void
add_anchor(struct anchors *anchors, const X509 *cert)
{
    char path[128];

    snprintf(path, sizeof path, "%s/anchor", dir);
    pki_write_pem(path, cert, false);
    ck_assert_int_eq(anchors_add_file(anchors, path, &err), 0);
}

/* What is given to path_check; certificates of the message are ended by NULL. */
struct given {
    const X509 *anchors[3];
    X509 *message[8];
    struct path_options options;
};

static struct path
check_path(X509 *cert, const struct given *g)
{
    struct anchors *anchors;
    struct path path;
    STACK_OF(X509) *message = sk_X509_new_null();

    ck_assert_int_eq(anchors_new(&anchors, &err), 0);
    for (size_t i = 0; g->anchors[i] != NULL; i++)
        add_anchor(anchors, g->anchors[i]);
    for (size_t i = 0; g->message[i] != NULL; i++)
        sk_X509_push(message, g->message[i]);
    ck_assert_msg(path_check(&path, anchors, cert, message, &g->options, &err) == 0, "%s",
                  err_text(&err));
    sk_X509_free(message);
    anchors_free(&anchors);
    return path;
}

/* word NULL: good. */
static void
expect(X509 *cert, const struct given *g, const char *word)
{
    struct path path = check_path(cert, g);

    if (word == NULL)
        ck_assert_msg(path.count == 0, "%s: %s", path.problems[0].word, path.problems[0].text);
    else
        ck_assert_msg(path_has(&path, word), "%s", path.count > 0 ? path.problems[0].text
                                                                  : "no problem");
    path_clear(&path);
}

/* One authority, certified by two roots, one of which is trusted; whatever the order. */
START_TEST(cross_certificates)
{
    X509 *by_a = ca_cert("CA", key_ca, root_a, key_a), *by_b = ca_cert("CA", key_ca, root_b, key_b);
    X509 *leaf = leaf_cert(by_a, key_ca);

    expect(leaf, &(struct given){{root_a}, {by_a, by_b}, {0}}, NULL);
    expect(leaf, &(struct given){{root_a}, {by_b, by_a}, {0}}, NULL);
    expect(leaf, &(struct given){{root_a}, {by_b, root_b, by_a, leaf}, {0}}, NULL);
    expect(leaf, &(struct given){{root_b}, {by_a, by_b}, {0}}, NULL);
    expect(leaf, &(struct given){{root_b}, {by_a, root_a}, {0}}, "untrusted-root");

    /* Root A certified by Root B: the way over it is longer. */
    X509 *cross = ca_cert("Root A", key_a, root_b, key_b);
    expect(leaf, &(struct given){{root_b}, {by_a, root_a, cross}, {0}}, NULL);
    struct path path = check_path(leaf, &(struct given){{root_a, root_b}, {by_a, cross}, {0}});
    ck_assert_int_eq(sk_X509_num(path.chain), 3);
    ck_assert_str_eq(path.anchor + strlen(path.anchor) - 7, "/anchor");
    ck_assert_uint_eq(path.tried, 1);
    path_clear(&path);
    X509_free(by_a);
    X509_free(by_b);
    X509_free(leaf);
    X509_free(cross);
}
END_TEST

/* A root that has a new key, certified by the old one, without identifiers of keys. */
START_TEST(new_key)
{
    X509 *old = ca_cert("Root", key_a, NULL, NULL), *new = ca_cert("Root", key_b, NULL, NULL);
    X509 *new_with_old = with(ca_cert("Root", key_b, old, key_a), NID_authority_key_identifier,
                              "keyid", old, key_a);
    X509 *leaf = leaf_cert(new, key_b), *older = leaf_cert(old, key_a);

    expect(leaf, &(struct given){{old}, {new, new_with_old}, {0}}, NULL);
    expect(leaf, &(struct given){{old}, {new}, {0}}, "path-invalid"); /* not by that key */
    expect(leaf, &(struct given){{old, new}, {new_with_old}, {0}}, NULL);
    expect(older, &(struct given){{new, old}, {NULL}, {0}}, NULL);
    X509_free(old);
    X509_free(new);
    X509_free(new_with_old);
    X509_free(leaf);
    X509_free(older);
}
END_TEST

START_TEST(one_way_expired)
{
    const struct pki_request expired = {.cn = "CA", .ca = true, .not_before = -3 * DAY,
                                        .not_after = -DAY};
    X509 *over = pki_cert(&expired, key_ca, root_a, key_a);
    X509 *valid = ca_cert("CA", key_ca, root_b, key_b), *leaf = leaf_cert(valid, key_ca);

    expect(leaf, &(struct given){{root_a, root_b}, {over, valid}, {0}}, NULL);
    struct path path = check_path(leaf, &(struct given){{root_a, root_b}, {over}, {0}});
    ck_assert_ptr_nonnull(strstr(path.problems[0].text, "\"CN=CA\": valid until 20"));
    ck_assert_str_eq(path.problems[0].word, "expired");
    path_clear(&path);
    X509_free(over);
    X509_free(valid);
    X509_free(leaf);
}
END_TEST

static struct store *
new_store(void)
{
    struct store *store;

    ck_assert_msg(store_open(&store, dir, false, &err) == 0, "%s", err_text(&err));
    return store;
}

START_TEST(distrusted)
{
    struct store *store = new_store();
    const struct path_options options = {.store = store};
    X509 *by_a = ca_cert("CA", key_ca, root_a, key_a), *by_b = ca_cert("CA", key_ca, root_b, key_b);
    X509 *leaf = leaf_cert(by_a, key_ca);

    ck_assert_int_eq(store_mark(store, root_a, STORE_DISTRUSTED, "test", &err), 0);
    expect(leaf, &(struct given){{root_a, root_b}, {by_a, by_b}, options}, NULL);
    expect(leaf, &(struct given){{root_a}, {by_a, by_b}, options}, "distrusted");
    /* The mark is on the key: no other certificate of it helps. */
    X509 *cross = ca_cert("Root A", key_a, root_b, key_b);
    expect(leaf, &(struct given){{root_b}, {by_a, cross}, options}, "distrusted");

    ck_assert_int_eq(store_mark(store, by_b, STORE_DISTRUSTED, "test", &err), 0);
    expect(leaf, &(struct given){{root_a, root_b}, {by_a, by_b}, options}, "distrusted");
    ck_assert_int_eq(store_mark(store, by_b, STORE_NO_MARK, "test", &err), 0);
    ck_assert_int_eq(store_mark(store, leaf, STORE_DISTRUSTED, "test", &err), 0);
    struct path path = check_path(leaf, &(struct given){{leaf, root_b}, {by_b}, options});
    ck_assert_ptr_nonnull(strstr(path.problems[0].text, "you marked it"));
    path_clear(&path);
    store_close(&store);
    X509_free(by_a);
    X509_free(by_b);
    X509_free(cross);
    X509_free(leaf);
}
END_TEST

/* Intermediates and trusted roots that the store has. */
START_TEST(stored)
{
    struct store *store = new_store();
    const struct path_options options = {.store = store};
    X509 *ca = ca_cert("CA", key_ca, root_a, key_a), *leaf = leaf_cert(ca, key_ca);
    char today[16];
    time_t now = time(NULL);

    ck_assert_int_eq(store_add(store, ca, "test", NULL, &err), 0);
    ck_assert_int_eq(store_add(store, root_a, "test", NULL, &err), 0);
    expect(leaf, &(struct given){{NULL}, {NULL}, options}, "untrusted-root"); /* being there is no trust */
    expect(leaf, &(struct given){{root_a}, {NULL}, options}, NULL);
    ck_assert_int_eq(store_mark(store, root_a, STORE_TRUSTED, "test", &err), 0);
    struct path path = check_path(leaf, &(struct given){{NULL}, {NULL}, options});
    ck_assert_uint_eq(path.count, 0);
    strftime(today, sizeof today, "%Y-%m-%d", gmtime(&now));
    ck_assert_msg(strncmp(path.anchor, "you, on 20", 10) == 0, "%s", path.anchor);
    path_clear(&path);
    ck_assert_int_eq(store_mark(store, root_a, STORE_NO_MARK, "test", &err), 0);
    ck_assert_int_eq(store_mark(store, leaf, STORE_TRUSTED, "test", &err), 0);
    expect(leaf, &(struct given){{NULL}, {NULL}, options}, NULL);
    store_close(&store);
    X509_free(ca);
    X509_free(leaf);
}
END_TEST

START_TEST(loops)
{
    X509 *a = ca_cert("A", key_a, NULL, NULL), *b = ca_cert("B", key_b, NULL, NULL);
    X509 *a_by_b = ca_cert("A", key_a, b, key_b), *b_by_a = ca_cert("B", key_b, a, key_a);
    X509 *leaf = leaf_cert(a, key_a);
    X509 *itself = ca_cert("Leaf", key_leaf, leaf, key_leaf);

    struct path path = check_path(leaf, &(struct given){{root_b}, {a_by_b, b_by_a, itself}, {0}});
    ck_assert_str_eq(path.problems[0].word, "untrusted-root");
    ck_assert_uint_eq(path.tried, 1);
    path_clear(&path);
    expect(leaf, &(struct given){{b}, {b_by_a, a_by_b}, {0}}, NULL);
    X509_free(a);
    X509_free(b);
    X509_free(a_by_b);
    X509_free(b_by_a);
    X509_free(itself);
    X509_free(leaf);
}
END_TEST

/* A thousand authorities of the issuer's name: work is bounded, and the right one is found where
 * its key's identifier is named. */
START_TEST(thousand_candidates)
{
    STACK_OF(X509) *message = sk_X509_new_null();
    const struct path_options options = {.at = 0};
    X509 *ca = ca_cert("CA", key_ca, root_a, key_a), *leaf = leaf_cert(ca, key_ca);
    X509 *named = with(leaf_cert(ca, key_ca), NID_authority_key_identifier, "keyid", ca, key_ca);
    struct anchors *anchors;
    struct path path;

    ck_assert_int_eq(anchors_new(&anchors, &err), 0);
    add_anchor(anchors, root_a);
    for (int i = 0; i < MANY; i++)
        sk_X509_push(message, ca_cert("CA", key_b, root_a, key_a));
    sk_X509_push(message, ca);

    ck_assert_int_eq(path_check(&path, anchors, leaf, message, &options, &err), 0);
    ck_assert_uint_eq(path.tried, PATH_JUDGED_MAX);
    ck_assert_uint_gt(path_faults(&path), 0);
    ck_assert_ptr_nonnull(strstr(path.problems[0].text, "more candidate paths than are tried"));
    path_clear(&path);

    ck_assert_int_eq(path_check(&path, anchors, named, message, &options, &err), 0);
    ck_assert_uint_eq(path.count, 0);
    ck_assert_uint_eq(path.tried, 1);
    path_clear(&path);
    anchors_free(&anchors);
    sk_X509_pop_free(message, X509_free);
    X509_free(named);
    X509_free(leaf);
}
END_TEST

/* A mesh: each of two dozen authorities certified by each other, nothing leads to an anchor. */
START_TEST(mesh)
{
    enum { NODES = 24 };
    STACK_OF(X509) *message = sk_X509_new_null();
    EVP_PKEY *keys[NODES];
    X509 *self[NODES];
    struct anchors *anchors;
    struct path path;

    for (int i = 0; i < NODES; i++) {
        char cn[16];

        snprintf(cn, sizeof cn, "N%d", i);
        keys[i] = pki_key("p256");
        self[i] = ca_cert(cn, keys[i], NULL, NULL);
    }
    for (int i = 0; i < NODES; i++)
        for (int k = 0; k < NODES; k++) {
            char cn[16];

            snprintf(cn, sizeof cn, "N%d", i);
            if (i != k)
                sk_X509_push(message, ca_cert(cn, keys[i], self[k], keys[k]));
        }
    X509 *leaf = leaf_cert(self[0], keys[0]);
    ck_assert_int_eq(anchors_new(&anchors, &err), 0);
    ck_assert_int_eq(path_check(&path, anchors, leaf, message, &(struct path_options){0}, &err), 0);
    ck_assert_str_eq(path.problems[0].word, "untrusted-root");
    ck_assert_ptr_nonnull(strstr(path.problems[0].text, "more candidate paths than are tried"));
    ck_assert_uint_eq(path.tried, 1);
    path_clear(&path);
    anchors_free(&anchors);
    for (int i = 0; i < NODES; i++) {
        EVP_PKEY_free(keys[i]);
        X509_free(self[i]);
    }
    sk_X509_pop_free(message, X509_free);
    X509_free(leaf);
}
END_TEST

START_TEST(purposes)
{
    const struct path_options encrypt = {.purpose = PATH_ENCRYPT_MAIL}, any = {.purpose = PATH_ANY_PURPOSE};
    static const struct {
        const char *eku, *usage;
        bool signs, encrypts;
    } cases[] = {
        {"emailProtection", "digitalSignature", true, false},
        {"anyExtendedKeyUsage", "digitalSignature", true, false},
        {"anyExtendedKeyUsage,serverAuth", "nonRepudiation", true, false},
        {"emailProtection", "keyEncipherment", false, true},
        {"emailProtection", "critical,keyAgreement", false, true},
        {"emailProtection,clientAuth", "digitalSignature,keyEncipherment", true, true},
        {"serverAuth", "digitalSignature,keyEncipherment", false, false},
        {"critical,codeSigning", "digitalSignature", false, false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        X509 *leaf = pki_cert(&(struct pki_request){.cn = "Leaf", .eku = cases[i].eku,
                                                    .usage = cases[i].usage}, key_leaf,
                              root_a, key_a);

        expect(leaf, &(struct given){{root_a}, {NULL}, {0}}, cases[i].signs ? NULL : "wrong-purpose");
        expect(leaf, &(struct given){{root_a}, {NULL}, encrypt},
               cases[i].encrypts ? NULL : "wrong-purpose");
        expect(leaf, &(struct given){{root_a}, {NULL}, any}, NULL);
        X509_free(leaf);
    }
    X509 *web = pki_cert(&(struct pki_request){.cn = "CA", .ca = true, .eku = "serverAuth"},
                         key_ca, root_a, key_a);
    X509 *leaf = leaf_cert(web, key_ca);
    expect(leaf, &(struct given){{root_a}, {web}, {0}}, "wrong-purpose");
    X509_free(web);
    X509_free(leaf);
}
END_TEST

START_TEST(name_constraints)
{
    X509 *ca = with(ca_cert("CA", key_ca, root_a, key_a), NID_name_constraints,
                    "critical,permitted;email:example.org", root_a, key_a);
    X509 *inside = leaf_cert(ca, key_ca);
    X509 *outside = pki_cert(&(struct pki_request){.cn = "Leaf", .email = "a@example.com"},
                             key_leaf, ca, key_ca);
    X509 *utf8 = with(pki_cert(&(struct pki_request){.cn = "Leaf"}, key_leaf, ca, key_ca),
                      NID_subject_alt_name, "otherName:1.3.6.1.5.5.7.8.9;UTF8:ä@example.com", ca,
                      key_ca);
    X509 *subject = pki_cert(&(struct pki_request){.cn = "Leaf",
                             .subject_email = "a@example.com"}, key_leaf, ca, key_ca);

    expect(inside, &(struct given){{root_a}, {ca}, {0}}, NULL);
    expect(outside, &(struct given){{root_a}, {ca}, {0}}, "path-invalid");
    expect(utf8, &(struct given){{root_a}, {ca}, {0}}, "path-invalid");
    expect(subject, &(struct given){{root_a}, {ca}, {0}}, "path-invalid");
    X509_free(ca);
    X509_free(inside);
    X509_free(outside);
    X509_free(utf8);
    X509_free(subject);
}
END_TEST

START_TEST(policies)
{
    static const char *const ours[] = {"1.3.6.1.4.1.99999.1", NULL}, *const wrong[] = {"x.y", NULL};
    static const char *const both[] = {"1.3.6.1.4.1.99999.1", "2.23.140.1.5.3.3", NULL};
    X509 *leaf = with_policies(leaf_cert(root_a, key_a), both, key_a);
    X509 *none = leaf_cert(root_a, key_a);
    const struct path_options require = {.policies = ours, .require_policy = true};
    struct anchors *anchors;
    struct path path = check_path(leaf, &(struct given){{root_a}, {NULL}, require});

    ck_assert_uint_eq(path.count, 0);
    ck_assert_str_eq(path.baseline, "sponsor-validated, strict");
    path_clear(&path);
    expect(none, &(struct given){{root_a}, {NULL}, require}, "policy-mismatch");
    expect(none, &(struct given){{root_a}, {NULL}, {.policies = ours}}, NULL);
    ck_assert_int_eq(anchors_new(&anchors, &err), 0);
    ck_assert_int_eq(path_check(&path, anchors, none, NULL,
                                &(struct path_options){.policies = wrong}, &err), E_USAGE);
    anchors_free(&anchors);
    X509_free(leaf);
    X509_free(none);
}
END_TEST

/* Names that would mislead are escaped wherever they are told of. */
START_TEST(hostile_names)
{
    const struct pki_request bidi = {.cn = "moc.elpmaxe\xe2\x80\xae@ecila", .not_before = -3 * DAY,
                                     .not_after = -DAY};
    X509 *leaf = pki_cert(&bidi, key_leaf, root_a, key_a);
    struct path path = check_path(leaf, &(struct given){{root_a}, {NULL}, {0}});

    ck_assert_str_eq(path.problems[0].word, "expired");
    ck_assert_msg(strstr(path.problems[0].text, "\\u{202e}") != NULL, "%s",
                  path.problems[0].text);
    ck_assert_ptr_null(strstr(path.problems[0].text, "\xe2\x80\xae"));
    path_clear(&path);
    X509_free(leaf);

    leaf = pki_cert(&(struct pki_request){.cn = "x", .not_before = -3 * DAY, .not_after = -DAY},
                    key_leaf, root_a, key_a);
    ck_assert_int_eq(X509_NAME_add_entry_by_txt(X509_get_subject_name(leaf), "O", MBSTRING_UTF8,
                                                (const unsigned char *)"a\0b", 3, -1, 0), 1);
    ck_assert_int_gt(X509_sign(leaf, key_a, EVP_sha256()), 0);
    path = check_path(leaf, &(struct given){{root_a}, {NULL}, {0}});
    ck_assert_msg(strstr(path.problems[0].text, "a\\") != NULL, "%s", path.problems[0].text);
    path_clear(&path);
    X509_free(leaf);
}
END_TEST

START_TEST(huge_extension)
{
    for (int critical = 0; critical < 2; critical++) {
        X509 *leaf = leaf_cert(root_a, key_a);
        ASN1_OBJECT *oid = OBJ_txt2obj("1.3.6.1.4.1.99999.7", 1);
        ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
        unsigned char *bytes = calloc(1, 100000);

        ck_assert_int_eq(ASN1_OCTET_STRING_set(value, bytes, 100000), 1);
        X509_EXTENSION *ext = X509_EXTENSION_create_by_OBJ(NULL, oid, critical, value);
        ck_assert_int_eq(X509_add_ext(leaf, ext, -1), 1);
        ck_assert_int_gt(X509_sign(leaf, key_a, EVP_sha256()), 0);
        expect(leaf, &(struct given){{root_a}, {NULL}, {0}}, critical ? "path-invalid" : NULL);
        X509_EXTENSION_free(ext);
        ASN1_OCTET_STRING_free(value);
        ASN1_OBJECT_free(oid);
        free(bytes);
        X509_free(leaf);
    }
}
END_TEST

/* As a machine sees it whose clock was never set. */
START_TEST(in_1970)
{
    X509 *leaf = leaf_cert(root_a, key_a);
    struct path path = check_path(leaf, &(struct given){{root_a}, {NULL}, {.at = DAY}});

    ck_assert_str_eq(path.problems[0].word, "not-yet-valid");
    ck_assert_ptr_nonnull(strstr(path.problems[0].text, "judged as of 1970-01-02"));
    path_clear(&path);
    X509_free(leaf);
}
END_TEST

static size_t
parsed(const unsigned char *data, size_t len)
{
    STACK_OF(X509) *out = sk_X509_new_null();

    ck_assert_int_eq(issuer_parse(data, len, out), 0);
    size_t count = (size_t)sk_X509_num(out);
    sk_X509_pop_free(out, X509_free);
    return count;
}

static size_t
parsed_bio(BIO *bio)
{
    char *data;
    long len = BIO_get_mem_data(bio, &data);
    size_t count = parsed((unsigned char *)data, (size_t)len);

    BIO_free(bio);
    return count;
}

/* What an issuer's address may answer. */
START_TEST(issuers)
{
    PKCS7 *p7 = PKCS7_new();
    BIO *bio = BIO_new(BIO_s_mem());

    ck_assert_int_eq(PKCS7_set_type(p7, NID_pkcs7_signed), 1);
    ck_assert_int_eq(PKCS7_content_new(p7, NID_pkcs7_data), 1);
    ck_assert_int_eq(PKCS7_add_certificate(p7, root_a), 1);
    ck_assert_int_eq(PKCS7_add_certificate(p7, root_b), 1);
    i2d_PKCS7_bio(bio, p7);
    ck_assert_uint_eq(parsed_bio(bio), 2);
    bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PKCS7(bio, p7);
    PEM_write_bio_X509(bio, root_a);
    ck_assert_uint_eq(parsed_bio(bio), 3);
    bio = BIO_new(BIO_s_mem());
    i2d_X509_bio(bio, root_a);
    ck_assert_uint_eq(parsed_bio(bio), 1);
    bio = BIO_new(BIO_s_mem());
    for (int i = 0; i < 2 * ISSUER_CERTS_MAX; i++)
        PEM_write_bio_X509(bio, root_a);
    ck_assert_uint_eq(parsed_bio(bio), ISSUER_CERTS_MAX);
    ck_assert_uint_eq(parsed((const unsigned char *)"<html>", 6), 0);
    ck_assert_uint_eq(parsed((const unsigned char *)"0\x82\xff\xff", 4), 0);
    PKCS7_free(p7);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("path");
    TCase *tcase = tcase_create("path");

    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, cross_certificates);
    tcase_add_test(tcase, new_key);
    tcase_add_test(tcase, one_way_expired);
    tcase_add_test(tcase, distrusted);
    tcase_add_test(tcase, stored);
    tcase_add_test(tcase, loops);
    tcase_add_test(tcase, thousand_candidates);
    tcase_add_test(tcase, mesh);
    tcase_add_test(tcase, purposes);
    tcase_add_test(tcase, name_constraints);
    tcase_add_test(tcase, policies);
    tcase_add_test(tcase, hostile_names);
    tcase_add_test(tcase, huge_extension);
    tcase_add_test(tcase, in_1970);
    tcase_add_test(tcase, issuers);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

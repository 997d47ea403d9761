/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* store-rate [COUNT [FOLDER]]: makes a certificate store of that many (1,000,000) and measures
 * how long each way of looking one up takes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "trust/store.h"

#define ROUNDS 2000
#define PER_TRANSACTION 20000

static double
now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
check(int rc, const struct err *err)
{
    if (rc == 0)
        return;
    fprintf(stderr, "store-rate: %s\n", err_text(err));
    exit(1);
}

/* One with a name, an address and a number of its own, and a key too. */
static X509 *
make(long i, EVP_PKEY *key)
{
    X509 *cert = X509_new();
    X509_NAME *name = X509_get_subject_name(cert);
    char text[64], email[80];
    EVP_PKEY *own = EVP_EC_gen("P-256");
    X509_EXTENSION *ext;

    snprintf(text, sizeof text, "Person %ld", i);
    snprintf(email, sizeof email, "email:person%ld@example.org", i);
    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set_int64(X509_get_serialNumber(cert), i + 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), 86400L * 365);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)text, -1, -1, 0);
    X509_NAME_add_entry_by_txt(X509_get_issuer_name(cert), "CN", MBSTRING_UTF8,
                               (const uint8_t *)"Issuer of a million", -1, -1, 0);
    X509_set_pubkey(cert, own);
    EVP_PKEY_free(own);
    ext = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, email);
    X509_add_ext(cert, ext, -1);
    X509_EXTENSION_free(ext);
    X509_sign(cert, key, EVP_sha256());
    return cert;
}

static int
count_one(void *arg, const struct store_cert *c)
{
    (void)c;
    ++*(long *)arg;
    return 0;
}

static void
measure(struct store *s, const char *what, unsigned by, long count, X509 *const *some)
{
    struct err err = {0};
    double worst = 0, begin = now();
    long found = 0;

    for (int i = 0; i < ROUNDS; i++) {
        X509 *cert = some[i];
        struct store_query q = {.by = by};
        char address[80];
        uint8_t print[EVP_MAX_MD_SIZE], *spki = NULL;
        double start;
        int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &spki);

        snprintf(address, sizeof address, "person%ld@example.org",
                 (long)ASN1_INTEGER_get(X509_get_serialNumber(cert)) - 1);
        X509_digest(cert, EVP_sha256(), print, NULL);
        if (by == STORE_BY_KEY)
            EVP_Digest(spki, (size_t)len, print, NULL, EVP_sha256(), NULL);
        OPENSSL_free(spki);
        q.address = address;
        q.bytes = print;
        q.len = by == STORE_BY_FINGERPRINT ? 8 : STORE_FINGERPRINT;
        q.name = by == STORE_BY_SUBJECT ? X509_get_subject_name(cert)
                                        : X509_get_issuer_name(cert);
        q.serial = X509_get0_serialNumber(cert);
        start = now();
        check(store_search(s, &q, 1, count_one, &found, &err), &err);
        if (now() - start > worst)
            worst = now() - start;
    }
    printf("%-22s %8.1f us on average, %8.1f us the slowest of %d (%ld found, of %ld)\n", what,
           (now() - begin) / ROUNDS * 1e6, worst * 1e6, ROUNDS, found, count);
}

int
main(int argc, char **argv)
{
    static X509 *some[ROUNDS];
    char folder[256] = "/tmp/store-rate.XXXXXX", command[300];
    long count = argc > 1 ? atol(argv[1]) : 1000000;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    struct store *s = NULL;
    struct err err = {0};
    double begin;
    int taken = 0;

    if (argc > 2)
        snprintf(folder, sizeof folder, "%s/store-rate.XXXXXX", argv[2]);
    if (count < ROUNDS || !mkdtemp(folder))
        return 2;
    check(store_open(&s, folder, false, &err), &err);
    begin = now();
    for (long i = 0; i < count; i++) {
        X509 *cert = make(i, key);
        if (i % PER_TRANSACTION == 0)
            check(store_begin(s, &err), &err);
        check(store_add(s, cert, "bench", NULL, &err), &err);
        if (i % PER_TRANSACTION == PER_TRANSACTION - 1 || i + 1 == count)
            check(store_end(s, 0, &err), &err);
        if (taken < ROUNDS && i % (count / ROUNDS) == 0)
            some[taken++] = cert;
        else
            X509_free(cert);
    }
    printf("%ld certificates made and added in %.0f s\n", count, now() - begin);
    store_close(&s);
    begin = now();
    check(store_open(&s, folder, true, &err), &err);
    printf("opened in %.1f ms\n", (now() - begin) * 1e3);
    measure(s, "by address", STORE_BY_ADDRESS, count, some);
    measure(s, "by key", STORE_BY_KEY, count, some);
    measure(s, "by subject", STORE_BY_SUBJECT, count, some);
    measure(s, "by issuer and serial", STORE_BY_ISSUER_SERIAL, count, some);
    measure(s, "by fingerprint's start", STORE_BY_FINGERPRINT, count, some);
    store_close(&s);
    for (int i = 0; i < ROUNDS; i++)
        X509_free(some[i]);
    EVP_PKEY_free(key);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command) == 0 ? 0 : 1;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is kept of CRLs, and a CRL with a million entries: looked up, not read. */
#include <check.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cms/ber.h"
#include "cms/der.h"
#include "tests/trust/revoking.h"
#include "trust/revocation_int.h"
#include "trust/sql.h"

#define ENTRIES 1000000u
#define ENTRY 23
#define SEQUENCE (BER_SEQUENCE | BER_CONSTRUCTED)

static struct ca root;
static X509 *leaf;
static char dir[64];
static struct store *store;

static void
reopen(void)
{
    struct err err = {0};

    store_close(&store);
    ck_assert_msg(store_open(&store, dir, false, &err) == 0, "%s", err_text(&err));
}

static void
setup(void)
{
    const char *tmp = getenv("TMPDIR");

    root = ca_new("Root", NULL);
    leaf = leaf_new("leaf", &root);
    /* Nobody listens there; who asks is told that it is offline. */
    leaf_point(&leaf, "127.0.0.1:9", 0, NULL, &root);
    snprintf(dir, sizeof dir, "%.40s/revocation-XXXXXX", tmp != NULL ? tmp : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    reopen();
}

static void
teardown(void)
{
    static const char *const endings[] = {"", "-wal", "-shm"};
    char path[128];

    store_close(&store);
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/" STORE_FILE "%s", dir, endings[i]);
        unlink(path);
    }
    rmdir(dir);
    ca_clear(&root);
    X509_free(leaf);
}

/* As a fetch that found it there does. */
static void
take_as_fetched(struct revocation *r, const uint8_t *der, size_t len)
{
    struct crl *c = NULL;
    struct err err = {0};

    ck_assert_msg(crl_read(&c, der, len, false, "http://127.0.0.1:9/", &err) == 0, "%s",
                  err_text(&err));
    c->fetched = true;
    ck_assert_int_eq(revocation_take_crl(r, c, NULL), 0);
}

/* Offline, with the store: what is known without asking. */
static struct revocation_finding
judge_offline(X509 *cert, enum revocation_mode mode)
{
    struct fetch_settings offline = {.offline = true};
    struct fetcher *fetcher = NULL;
    struct revocation *r = NULL;
    struct revocation_finding f[2];
    struct err err = {0};

    ck_assert_msg(fetcher_new(&fetcher, &offline, &err) == 0, "%s", err_text(&err));
    /* In hard, nobody is there who could be asked. */
    struct revocation_settings s = {.mode = mode, .store = store,
                                    .fetcher = mode == REVOCATION_HARD ? NULL : fetcher};
    ck_assert_int_eq(revocation_new(&r, &s, NULL), 0);
    judge_path(r, (X509 *[]){cert, root.cert}, 2, NULL, f);
    ck_assert_uint_eq(fetcher_count(fetcher), 0);
    revocation_free(&r);
    fetcher_free(&fetcher);
    return f[0];
}

static struct revocation_finding
judge_fetched(const uint8_t *der, size_t len)
{
    struct revocation_settings s = {.mode = REVOCATION_HARD, .store = store};
    struct revocation_finding f[2];
    struct revocation *r = NULL;

    ck_assert_int_eq(revocation_new(&r, &s, NULL), 0);
    take_as_fetched(r, der, len);
    judge_path(r, (X509 *[]){leaf, root.cert}, 2, NULL, f);
    revocation_free(&r);
    return f[0];
}

static int
take(void *arg, const struct sql_row *row)
{
    *(int64_t *)arg = sql_row_int(row, 0);
    return 0;
}

static int64_t
number(const char *question)
{
    int64_t value = -1;

    ck_assert_int_eq(sql_query(store_sql(store), question, NULL, 0, take, &value, NULL), 0);
    return value;
}

START_TEST(test_kept)
{
    struct revocation_finding f = judge_offline(leaf, REVOCATION_SOFT);
    uint8_t *der;
    size_t len;

    ck_assert_int_eq(f.state, REVOCATION_UNKNOWN);
    ck_assert_msg(strstr(f.text, "http://127.0.0.1:9/: not fetched: offline") != NULL, "%s",
                  f.text);
    ck_assert_int_eq(judge_offline(leaf, REVOCATION_OFF).state, REVOCATION_NOT_ASKED);

    /* What nobody could believe is not kept. */
    EVP_PKEY *key = pki_key("p256");
    len = list_new(&(struct list){.key = key}, &root, &der);
    ck_assert_int_eq(judge_fetched(der, len).state, REVOCATION_UNKNOWN);
    ck_assert_int_eq(number("SELECT count(*) FROM crl"), 0);
    OPENSSL_free(der);
    EVP_PKEY_free(key);

    len = list_new(&(struct list){.from = -DAY, .until = DAY}, &root, &der);
    ck_assert_int_eq(judge_fetched(der, len).state, REVOCATION_GOOD);
    OPENSSL_free(der);
    reopen();
    f = judge_offline(leaf, REVOCATION_HARD);
    ck_assert_msg(f.state == REVOCATION_GOOD, "%s", f.text);
    ck_assert_msg(strstr(f.text, "http://127.0.0.1:9/") != NULL, "%s", f.text);

    /* The next one takes its place. */
    len = list_new(&(struct list){.from = -60, .until = DAY,
                                  .revoked = {{.cert = leaf, .reason = 1, .when = -90}}},
                   &root, &der);
    ck_assert_int_eq(judge_fetched(der, len).state, REVOCATION_REVOKED);
    OPENSSL_free(der);
    reopen();
    f = judge_offline(leaf, REVOCATION_HARD);
    ck_assert_msg(f.state == REVOCATION_REVOKED && f.reason == 1, "%s", f.text);
    ck_assert_int_eq(number("SELECT count(*) FROM crl"), 1);
}
END_TEST

/* Serial numbers from 0x01000000 on, and the leaf's when it is to be. */
static void
put_entries(struct buf *out, const X509 *also)
{
    uint8_t entry[ENTRY] = {0x30, ENTRY - 2, 0x02, 0x04};
    unsigned char *serial = NULL;
    int len = i2d_ASN1_INTEGER(X509_get0_serialNumber(also), &serial);

    entry[8] = 0x17;
    entry[9] = 0x0d;
    memcpy(entry + 10, "250101000000Z", 13);
    for (uint32_t i = 0; i < ENTRIES; i++) {
        uint32_t number = 0x01000000 + i * 37;
        for (unsigned k = 0; k < 4; k++)
            entry[4 + k] = (uint8_t)(number >> 8 * (3 - k));
        ck_assert_int_eq(buf_put(out, entry, sizeof entry), 0);
    }
    struct buf *last = buf_new();
    ck_assert_int_eq(buf_put(last, serial, (size_t)len), 0);
    ck_assert_int_eq(buf_put(last, entry + 8, 15), 0);
    ck_assert_int_eq(der_put(out, SEQUENCE, buf_data(last), buf_len(last)), 0);
    buf_free(&last);
    OPENSSL_free(serial);
}

/* Signs the CRL of a small one's parts and those entries. */
static struct buf *
large_list(const X509 *also)
{
    struct buf *entries = buf_new(), *tbs = buf_new(), *inner = buf_new(), *out = buf_new();
    uint8_t *small, sig[256] = {0};
    size_t len = list_new(&(struct list){.number = 1}, &root, &small), sig_len = sizeof sig - 1;
    struct crl_der d;
    struct span alg;
    EVP_MD_CTX *md = EVP_MD_CTX_new();

    ck_assert_int_eq(crl_der_parse(small, len, &d), 0);
    put_entries(entries, also);
    ck_assert_int_eq(buf_put(inner, d.before.at, d.before.len), 0);
    ck_assert_int_eq(der_put(inner, SEQUENCE, buf_data(entries), buf_len(entries)), 0);
    ck_assert_int_eq(buf_put(inner, d.after.at, d.after.len), 0);
    ck_assert_int_eq(der_put(tbs, SEQUENCE, buf_data(inner), buf_len(inner)), 0);
    ck_assert_int_eq(EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, root.key), 1);
    ck_assert_int_eq(EVP_DigestSign(md, sig + 1, &sig_len, buf_data(tbs), buf_len(tbs)), 1);
    ck_assert_int_eq(crl_der_element(d.tail, &alg), 0);
    ck_assert_int_eq(buf_put(tbs, alg.at, alg.len), 0);
    ck_assert_int_eq(der_put(tbs, BER_BIT_STRING, sig, sig_len + 1), 0);
    ck_assert_int_eq(der_put(out, SEQUENCE, buf_data(tbs), buf_len(tbs)), 0);
    EVP_MD_CTX_free(md);
    OPENSSL_free(small);
    buf_free(&entries);
    buf_free(&inner);
    buf_free(&tbs);
    return out;
}

START_TEST(test_million)
{
    X509 *unlisted = leaf_new("unlisted", &root);
    struct buf *list = large_list(leaf);
    struct revocation_finding f = judge_fetched(buf_data(list), buf_len(list));

    ck_assert_msg(f.state == REVOCATION_REVOKED, "%s", f.text);
    buf_free(&list);
    reopen();
    /* A look-up reads one page by the index, and pages are small. */
    ck_assert_int_eq(number("SELECT entries FROM crl"), ENTRIES + 1);
    ck_assert_int_gt(number("SELECT count(*) FROM crl_page"), 5000);
    ck_assert_int_lt(number("SELECT max(length(data)) FROM crl_page"), 2 * CRL_PAGE_BYTES);
    ck_assert_int_lt(number("SELECT length(header) FROM crl"), 1024);
    ck_assert_int_eq(number("SELECT count(*) FROM crl WHERE spki IS NOT NULL"), 1);

    struct mallinfo2 before = mallinfo2();
    f = judge_offline(leaf, REVOCATION_HARD);
    ck_assert_msg(f.state == REVOCATION_REVOKED, "%s", f.text);
    f = judge_offline(unlisted, REVOCATION_HARD);
    ck_assert_msg(f.state == REVOCATION_GOOD, "%s", f.text);
    struct mallinfo2 after = mallinfo2();
    ck_assert_uint_lt(after.arena + after.hblkhd, before.arena + before.hblkhd + 4 * 1024 * 1024);
    X509_free(unlisted);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("revocation");
    TCase *tcase = tcase_create("revocation");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 200);
    tcase_add_test(tcase, test_kept);
    tcase_add_test(tcase, test_million);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

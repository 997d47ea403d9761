/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Folders of anchors, and the system's through its trust module over a folder of the test's. */
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/objects.h>
#include <openssl/pem.h>

#include "tests/support/pki.h"
#include "trust/path.h"
#include "trust/system_trust.h"

static EVP_PKEY *key_a, *key_b, *key_leaf;
static X509 *root_a, *root_b, *leaf;
static char dir[32], system_dir[64], cache[64];
static struct err err;

static void
setup(void)
{
    char path[128];

    strcpy(dir, "/tmp/signet-anch-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(system_dir, sizeof system_dir, "%s/system", dir);
    snprintf(cache, sizeof cache, "%s/cache", dir);
    mkdir(system_dir, 0700);
    snprintf(path, sizeof path, "%s/anchors", system_dir);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/blocklist", system_dir);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/blacklist", system_dir);
    mkdir(path, 0700);
    key_a = pki_key("p256");
    key_b = pki_key("p256");
    key_leaf = pki_key("p256");
    root_a = pki_cert(&(struct pki_request){.cn = "Root A", .ca = true}, key_a, NULL, NULL);
    root_b = pki_cert(&(struct pki_request){.cn = "Root B", .ca = true}, key_b, NULL, NULL);
    leaf = pki_cert(&(struct pki_request){.cn = "Leaf"}, key_leaf, root_a, key_a);
    err_clear(&err);
}

/* Depth is what the test made. */
static void
remove_all(const char *folder)
{
    DIR *d = opendir(folder);
    struct dirent *entry;

    while (d != NULL && (entry = readdir(d)) != NULL) {
        char path[512];

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (unlink(path) != 0)
            remove_all(path);
    }
    if (d != NULL)
        closedir(d);
    rmdir(folder);
}

static void
teardown(void)
{
    remove_all(dir);
    X509_free(root_a);
    X509_free(root_b);
    X509_free(leaf);
    EVP_PKEY_free(key_a);
    EVP_PKEY_free(key_b);
    EVP_PKEY_free(key_leaf);
}

static const char *
at(const char *name)
{
    static char path[256];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static struct path
judge(const struct anchors *anchors)
{
    struct path path;

    ck_assert_msg(path_check(&path, anchors, leaf, NULL, &(struct path_options){0}, &err) == 0,
                  "%s", err_text(&err));
    return path;
}

START_TEST(folder)
{
    struct anchors *anchors;
    struct path path;

    mkdir(at("folder"), 0700);
    pki_write_pem(at("folder/b.pem"), root_b, false);
    pki_write_der(at("folder/a.crt"), root_a);
    FILE *f = fopen(at("folder/a.crt~"), "w");
    fputs("an editor's", f);
    fclose(f);
    ck_assert_int_eq(anchors_new(&anchors, &err), 0);
    ck_assert_int_eq(anchors_add_folder(anchors, at("folder"), &err), 0);
    ck_assert_int_eq(anchors_add_folder(anchors, at("nowhere"), &err), 0);
    ck_assert_uint_eq(anchors_count(anchors), 0); /* not read yet */
    path = judge(anchors);
    ck_assert_uint_eq(path.count, 0);
    ck_assert_ptr_nonnull(strstr(path.anchor, "/folder/a.crt"));
    ck_assert_uint_eq(anchors_count(anchors), 2);
    path_clear(&path);
    anchors_free(&anchors);

    /* Files that were named come first, and folders are not touched then. */
    ck_assert_int_eq(anchors_new(&anchors, &err), 0);
    ck_assert_int_eq(anchors_add_folder(anchors, at("folder"), &err), 0);
    ck_assert_int_eq(anchors_add_file(anchors, at("folder/a.crt"), &err), 0);
    path = judge(anchors);
    ck_assert_int_eq(strncmp(path.anchor, "--anchor ", 9), 0);
    ck_assert_uint_eq(anchors_count(anchors), 1);
    path_clear(&path);
    anchors_free(&anchors);

    /* Something else in it is a fault, which names the file. */
    f = fopen(at("folder/README"), "w");
    fputs("nothing", f);
    fclose(f);
    ck_assert_int_eq(anchors_new(&anchors, &err), 0);
    ck_assert_int_eq(anchors_add_folder(anchors, at("folder"), &err), 0);
    ck_assert_int_eq(path_check(&path, anchors, leaf, NULL, &(struct path_options){0}, &err),
                     E_CONFIG);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "/folder/README"));
    anchors_free(&anchors);
}
END_TEST

static struct anchors *
with_system(const char *cache_file)
{
    struct anchors *anchors;

    ck_assert_int_eq(anchors_new(&anchors, &err), 0);
    ck_assert_int_eq(anchors_use_system(anchors, cache_file, system_dir, &err), 0);
    return anchors;
}

/* word NULL: good, by the system. */
static void
expect(const char *cache_file, const char *word)
{
    struct anchors *anchors = with_system(cache_file);
    struct path path = judge(anchors);

    if (word == NULL) {
        ck_assert_msg(path.count == 0, "%s", path.problems[0].text);
        ck_assert_str_eq(path.anchor, "the system");
    } else {
        ck_assert_msg(path_has(&path, word), "%s",
                      path.count > 0 ? path.problems[0].text : "no problem");
    }
    path_clear(&path);
    anchors_free(&anchors);
}

/* Trusted for one purpose, in the form of `openssl x509 -addtrust`. */
static void
write_trusted(const char *path, X509 *cert, int nid)
{
    FILE *f = fopen(path, "w");
    X509 *copy = X509_dup(cert);

    ck_assert_int_eq(X509_add1_trust_object(copy, OBJ_nid2obj(nid)), 1);
    ck_assert_int_eq(PEM_write_X509_AUX(f, copy), 1);
    X509_free(copy);
    fclose(f);
}

START_TEST(system_anchors)
{
    expect(NULL, "untrusted-root");
    pki_write_pem(at("system/anchors/a.pem"), root_a, false);
    expect(NULL, NULL);
    write_trusted(at("system/anchors/a.pem"), root_a, NID_email_protect);
    expect(NULL, NULL);
    write_trusted(at("system/anchors/a.pem"), root_a, NID_server_auth);
    expect(NULL, "untrusted-root");
}
END_TEST

/* The user's --anchor for a root whose key the system distrusts, by way of the system's. */
START_TEST(system_distrust)
{
    X509 *cross = pki_cert(&(struct pki_request){.cn = "Root A", .ca = true}, key_a, root_b,
                           key_b);
    STACK_OF(X509) *message = sk_X509_new_null();
    struct path path;

    sk_X509_push(message, cross);
    pki_write_pem(at("system/anchors/b.pem"), root_b, false);
    struct anchors *anchors = with_system(NULL);
    ck_assert_int_eq(path_check(&path, anchors, leaf, message, &(struct path_options){0}, &err),
                     0);
    ck_assert_uint_eq(path.count, 0);
    path_clear(&path);
    anchors_free(&anchors);

    pki_write_pem(at("system/blocklist/a.pem"), root_a, false);
    pki_write_pem(at("system/blacklist/a.pem"), root_a, false);
    anchors = with_system(NULL);
    ck_assert_int_eq(path_check(&path, anchors, leaf, message, &(struct path_options){0}, &err),
                     0);
    ck_assert(path_has(&path, "distrusted"));
    path_clear(&path);
    anchors_free(&anchors);
    sk_X509_pop_free(message, X509_free);
}
END_TEST

static bool
is_cached(void)
{
    struct system_trust *s;

    ck_assert_int_eq(system_trust_open(&s, cache, system_dir, &err), 0);
    bool cached = system_trust_cached(s);
    system_trust_free(&s);
    return cached;
}

START_TEST(system_cache)
{
    struct stat st;

    pki_write_pem(at("system/anchors/b.pem"), root_b, false);
    ck_assert(!is_cached());
    ck_assert(is_cached());
    ck_assert_int_eq(stat(cache, &st), 0);
    expect(cache, "untrusted-root");
    pki_write_pem(at("system/anchors/a.pem"), root_a, false);
    expect(cache, NULL);
    ck_assert(is_cached());
    expect(cache, NULL);
    ck_assert_int_eq(unlink(at("system/anchors/a.pem")), 0);
    expect(cache, "untrusted-root");

    /* What is not what was written is made anew. */
    for (off_t len = 0; len < 200; len += 7) {
        ck_assert_int_eq(truncate(cache, len), 0);
        ck_assert(!is_cached());
    }
    ck_assert(is_cached());
    FILE *f = fopen(cache, "r+");
    for (int i = 8; i < 20; i++) {
        fseek(f, i, SEEK_SET);
        fputc(0xff, f);
    }
    fclose(f);
    ck_assert(!is_cached());
    ck_assert(is_cached());
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("anchors");
    TCase *tcase = tcase_create("anchors");

    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, folder);
    tcase_add_test(tcase, system_anchors);
    tcase_add_test(tcase, system_distrust);
    tcase_add_test(tcase, system_cache);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

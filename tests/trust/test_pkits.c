/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * NIST's PKITS: each signed mail gets the verdict that its name says, and each line of
 * policy-tests.csv its own. As of 2003-10-10, weak algorithms allowed, revocation hard;
 * certificates and CRLs of the folder are in a store and a revocation of the test's own.
 *
 * The certificates name no address, so From is not compared; all else is the verdict that
 * `signet verify` gives. A table of all goes to standard output.
 */
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/text.h"
#include "mail/read.h"
#include "trust/path.h"
#include "trust/revocation.h"
#include "trust/store.h"
#include "trust/verdict.h"

#define POLICY_PREFIX "2.16.840.1.101.3.2.1.48."
#define FILES_MAX 512
/* So many were there when this was written; fewer means that something is not read. */
#define MAILS 224
#define SETTINGS 52

static char root[1024], dir[64];
static struct anchors *anchors;
static struct store *store;
static struct buf *crls[FILES_MAX];
static size_t crl_count;
static time_t at;
static struct err err;

static struct dirent **
list(const char *folder, const char *ending, int *count)
{
    char path[1100];
    struct dirent **names = NULL;
    int kept = 0;

    snprintf(path, sizeof path, "%s/%s", root, folder);
    *count = scandir(path, &names, NULL, alphasort);
    for (int i = 0; i < *count; i++) {
        size_t len = strlen(names[i]->d_name);
        if (len > strlen(ending) &&
            strcmp(names[i]->d_name + len - strlen(ending), ending) == 0)
            names[kept++] = names[i];
        else
            free(names[i]);
    }
    *count = kept;
    return names;
}

static void
free_list(struct dirent **names, int count)
{
    for (int i = 0; i < count; i++)
        free(names[i]);
    free(names);
}

static struct buf *
load(const char *folder, const char *name)
{
    char path[1400];
    struct buf *buf = buf_new();

    snprintf(path, sizeof path, "%s/%s/%s", root, folder, name);
    ck_assert_msg(io_read_file(path, BUF_MAX, buf, &err) == 0, "%s", err_text(&err));
    return buf;
}

static void
fill_store(void)
{
    int count;
    struct dirent **names = list("certs", ".crt", &count);

    ck_assert_int_gt(count, 300);
    ck_assert_int_eq(store_open(&store, dir, false, &err), 0);
    ck_assert_int_eq(store_begin(store, &err), 0);
    for (int i = 0; i < count; i++) {
        struct buf *file = load("certs", names[i]->d_name);
        const unsigned char *der = buf_data(file);
        X509 *cert = d2i_X509(NULL, &der, (long)buf_len(file));

        ck_assert_ptr_nonnull(cert);
        ck_assert_msg(store_add(store, cert, "file pkits", NULL, &err) == 0, "%s",
                      err_text(&err));
        X509_free(cert);
        buf_free(&file);
    }
    ck_assert_int_eq(store_end(store, 0, &err), 0);
    free_list(names, count);
}

static void
fill_crls(void)
{
    int count;
    struct dirent **names = list("crls", ".crl", &count);

    ck_assert_int_gt(count, 150);
    for (int i = 0; i < count; i++)
        crls[crl_count++] = load("crls", names[i]->d_name);
    free_list(names, count);
}

static bool
has_vectors(void)
{
    const char *base = getenv("SIGNET_VECTORS");

    snprintf(root, sizeof root, "%s/pkits", base == NULL ? SIGNET_VECTORS_DEFAULT : base);
    return access(root, R_OK) == 0;
}

static void
setup(void)
{
    char path[1100];

    strcpy(dir, "/tmp/signet-pkits-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    ck_assert_int_eq(text_parse_time("2003-10-10T12:00:00Z", &at), 0);
    ck_assert_int_eq(anchors_new(&anchors, &err), 0);
    snprintf(path, sizeof path, "%s/certs/TrustAnchorRootCertificate.crt", root);
    ck_assert_int_eq(anchors_add_file(anchors, path, &err), 0);
    fill_store();
    fill_crls();
}

static void
teardown(void)
{
    static const char *const files[] = {"", "-wal", "-shm", "-journal"};
    char path[128];

    store_close(&store);
    anchors_free(&anchors);
    for (size_t i = 0; i < crl_count; i++)
        buf_free(&crls[i]);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/" STORE_FILE "%s", dir, files[i]);
        unlink(path);
    }
    rmdir(dir);
}

/* One mail under one setting. */
struct setting {
    const char *policies[16];  /* dotted, ended by NULL; none: any */
    bool explicit, inhibit_mapping, inhibit_any;
};

static struct revocation *
make_revocation(const struct cms_signed *signed_)
{
    struct revocation_settings settings = {.mode = REVOCATION_HARD, .at = at, .allow_weak = true};
    struct revocation *r;

    ck_assert_int_eq(revocation_new(&r, &settings, &err), 0);
    for (int i = 0; i < sk_X509_CRL_num(signed_->crls); i++) {
        unsigned char *der = NULL;
        int len = i2d_X509_CRL(sk_X509_CRL_value(signed_->crls, i), &der);

        ck_assert_int_gt(len, 0);
        ck_assert_int_eq(revocation_add_crl(r, der, (size_t)len, &err), 0);
        OPENSSL_free(der);
    }
    for (size_t i = 0; i < crl_count; i++)
        ck_assert_int_eq(revocation_add_crl(r, buf_data(crls[i]), buf_len(crls[i]), &err), 0);
    return r;
}

static void
words_of(const struct verdict *v, char *out, size_t max)
{
    json_t *json = verdict_json(v), *signatures = json_object_get(json, "signatures"), *word;
    size_t i, len = 0;

    out[0] = '\0';
    json_array_foreach(json_object_get(json_array_get(signatures, 0), "problems"), i, word)
        if (len < max)
            len += (size_t)snprintf(out + len, max - len, " %s", json_string_value(word));
    json_decref(json);
}

static enum verdict_status
judge(const char *name, const struct setting *s, char *words, size_t max)
{
    struct mail_reader_options reading = {.all_digests = false};
    struct verdict_options options = {
        .anchors = anchors,
        .path = {.at = at, .allow_weak = true, .purpose = PATH_SIGN_MAIL, .store = store,
                 .policies = s->policies[0] != NULL ? s->policies : NULL,
                 .require_policy = s->explicit, .no_policy_mapping = s->inhibit_mapping,
                 .no_any_policy = s->inhibit_any},
    };
    struct mail_reader *reader;
    const struct cms_signed *signed_;
    struct verdict *verdict;
    struct buf *mail = load("smime", name);

    ck_assert_int_eq(mail_reader_new(&reader, &reading, &err), 0);
    ck_assert_msg(mail_reader_update(reader, buf_data(mail), buf_len(mail), &err) == 0 &&
                  mail_reader_finish(reader, &err) == 0 &&
                  mail_reader_verify(reader, NULL, &signed_, &err) == 0, "%s: %s", name,
                  err_text(&err));
    ck_assert_int_eq(verdict_new(&verdict, &err), 0);
    options.path.revocation = make_revocation(signed_);
    ck_assert_uint_eq(signed_->count, 1);
    ck_assert_msg(verdict_add_signature(verdict, &signed_->signatures[0], signed_->certs,
                                        &options, &err) == 0, "%s: %s", name, err_text(&err));
    enum verdict_status status = verdict_status(verdict);
    words_of(verdict, words, max);
    if (getenv("PKITS_VERBOSE") != NULL) {
        struct buf *text = buf_new();
        ck_assert_int_eq(verdict_put_text(verdict, text), 0);
        puts(buf_cstr(text));
        buf_free(&text);
    }
    verdict_free(&verdict);
    revocation_free(&options.path.revocation);
    mail_reader_free(&reader);
    buf_free(&mail);
    return status;
}

/* Not held to their names. What they get instead is, so that a change is seen. */
static const struct {
    const char *name, *word, *reason;
} left_out[] = {
    {"SignedValidDSAParameterInheritanceTest5.eml", "unsupported",
     "its key has no DSA parameters of its own and takes the issuer's, which libcrypto 3 does not "
     "do; to take them before the path is verified would let anybody choose them"},
    {"SignedValidcRLIssuerTest30.eml", "revocation-unknown",
     "the only CRL on its CRL issuer's certificate is that issuer's own, which PKITS itself calls "
     "circular and need not be accepted"},
};

/* NULL: it is held to its name. */
static const char *
left_out_with(const char *name, const char **ret_word)
{
    for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
        if (strcmp(left_out[i].name, name) == 0) {
            *ret_word = left_out[i].word;
            return left_out[i].reason;
        }
    return NULL;
}

static unsigned judged, wrong, skipped;

static void
leave_out(const char *name, const char *word, const char *reason)
{
    char words[512];
    enum verdict_status status = judge(name, &(struct setting){.explicit = false}, words,
                                       sizeof words);

    skipped++;
    printf("LEFT OUT %s: %s\n", name, reason);
    ck_assert_msg(status != VERDICT_GOOD && strstr(words, word) != NULL, "%s: %s%s", name,
                  verdict_status_word(status), words);
}

static void
expect(const char *name, const struct setting *s, const char *setting, bool valid)
{
    char words[512];
    enum verdict_status status = judge(name, s, words, sizeof words);
    bool right = (status == VERDICT_GOOD) == valid;

    judged++;
    wrong += !right;
    printf("%-6s %-58.*s %-14s %-8s %s%s\n", right ? "ok" : "WRONG", (int)strlen(name) - 4, name,
           setting, valid ? "valid" : "invalid", verdict_status_word(status), words);
}

START_TEST(names)
{
    const struct setting any = {.explicit = false};
    int count;
    unsigned by_name = 0, by_table = 0;
    struct dirent **mails = list("smime", ".eml", &count);

    judged = wrong = 0;
    ck_assert_int_eq(count, MAILS);
    for (int i = 0; i < count; i++) {
        const char *name = mails[i]->d_name;
        bool valid = strncmp(name, "SignedValid", 11) == 0;
        bool invalid = strncmp(name, "SignedInvalid", 13) == 0 ||
                       strcmp(name, "SignedMissingCRLTest1.eml") == 0;

        const char *word, *reason = left_out_with(name, &word);

        if (reason != NULL) {
            leave_out(name, word, reason);
            continue;
        }
        by_name += valid || invalid;
        by_table += !valid && !invalid;
        if (valid || invalid)
            expect(name, &any, "any", valid);
    }
    printf("%u mails by their names, %u left out, %u have their results in policy-tests.csv "
           "alone\n", by_name, skipped, by_table);
    ck_assert_msg(wrong == 0, "%u of %u mails have another verdict than their names say", wrong,
                  judged);
    free_list(mails, count);
}
END_TEST

/* Fills from "1 2" or "any"; texts must outlive the setting. */
static void
set_policies(struct setting *s, char *numbers, char texts[16][64])
{
    size_t n = 0;
    char *rest = NULL;

    for (char *word = strtok_r(numbers, " ", &rest); word != NULL && n < 15;
         word = strtok_r(NULL, " ", &rest)) {
        if (strcmp(word, "any") == 0)
            continue;
        snprintf(texts[n], 64, POLICY_PREFIX "%s", word);
        s->policies[n] = texts[n];
        n++;
    }
}

START_TEST(policies)
{
    struct buf *table = load(".", "policy-tests.csv");
    char *rest = NULL, *text = strdup(buf_cstr(table));

    judged = wrong = 0;
    for (char *line = strtok_r(text, "\r\n", &rest); line != NULL;
         line = strtok_r(NULL, "\r\n", &rest)) {
        char mail[96], numbers[32], shown[64], expected[16], texts[16][64];
        int explicit, mapping, any;

        if (line[0] == '#' || strncmp(line, "mail,", 5) == 0)
            continue;
        ck_assert_msg(sscanf(line, "%90[^,],%31[^,],%d,%d,%d,%15s", mail, numbers, &explicit,
                             &mapping, &any, expected) == 6, "%s", line);
        snprintf(shown, sizeof shown, "%s %d%d%d", numbers, explicit, mapping, any);
        strcat(mail, ".eml");
        struct setting s = {.explicit = explicit, .inhibit_mapping = mapping, .inhibit_any = any};
        set_policies(&s, numbers, texts);
        expect(mail, &s, shown, strcmp(expected, "valid") == 0);
    }
    ck_assert_msg(wrong == 0, "%u of %u settings have another verdict", wrong, judged);
    ck_assert_uint_eq(judged, SETTINGS);
    free(text);
    buf_free(&table);
}
END_TEST

int
main(void)
{
    if (!has_vectors()) {
        printf("skipped: no test vectors at %s (SIGNET_VECTORS)\n", root);
        return 77;
    }
    Suite *suite = suite_create("pkits");
    TCase *tcase = tcase_create("pkits");
    tcase_set_timeout(tcase, 120);
    tcase_add_unchecked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, names);
    tcase_add_test(tcase, policies);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Listings joined to a snapshot, and the names that people give. */
#include <string.h>

#include "agent/keyspec.h"
#include "tests/base/run.h"

#define A "aaaaaaaa00000000000000000000000000000000000000000000000000000000"
#define B "aaaaaaaa11111111000000000000000000000000000000000000000000000000"
#define C "cccccccc00000000000000000000000000000000000000000000000000000000"
#define FP_A "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SHA1_A "00112233445566778899aabbccddeeff00112233"

#define CERT_A "{\"der\":\"AA==\",\"subject\":\"CN=Alice\",\"emails\":[\"alice@example.org\"," \
    "\"alice+tag@example.org\"],\"fingerprint\":\"" FP_A "\",\"sha1\":\"" SHA1_A "\"}"
#define CERT_CA "{\"der\":\"AQ==\",\"subject\":\"CN=CA\",\"emails\":[],\"fingerprint\":\"ca\"," \
    "\"sha1\":\"\",\"key\":null}"
#define FLAGS "\"flags\":{\"initialized\":true,\"login_required\":true}"

/* Two tokens: key A on both, with its certificate on the second alone; B and C. */
static const char one[] =
    "[{\"slot\":1,\"label\":\"demo\",\"manufacturer\":\"M\",\"model\":\"T\",\"serial\":\"s1\","
    FLAGS ",\"keys\":["
    "{\"name\":\"" A "\",\"type\":\"rsa\",\"bits\":2048,\"label\":\"work\",\"id\":\"01\","
    "\"private\":true,\"certificates\":[]},"
    "{\"name\":\"" B "\",\"type\":\"ec\",\"bits\":256,\"label\":\"home\",\"id\":\"02\","
    "\"private\":null,\"certificates\":[]},"
    "{\"name\":\"dddddddd00000000000000000000000000000000000000000000000000000000\","
    "\"type\":\"rsa\",\"bits\":2048,\"label\":\"public only\",\"id\":\"09\",\"private\":false,"
    "\"certificates\":[]}],\"certificates\":[" CERT_CA "]}]";
static const char two[] =
    "[{\"slot\":5,\"label\":\"card\",\"manufacturer\":\"M\",\"model\":\"T\",\"serial\":\"s2\","
    FLAGS ",\"keys\":["
    "{\"name\":\"" A "\",\"type\":\"rsa\",\"bits\":2048,\"label\":\"\",\"id\":\"aa\","
    "\"private\":true,\"certificates\":[" CERT_A "]},"
    "{\"name\":\"" C "\",\"type\":\"rsa\",\"bits\":2048,\"label\":\"home\",\"id\":\"03\","
    "\"private\":true,\"certificates\":[]}],\"certificates\":[" CERT_A "," CERT_CA "]},"
    "{\"slot\":6,\"label\":\"card\",\"manufacturer\":\"M\",\"model\":\"T\",\"serial\":\"s3\","
    FLAGS ",\"keys\":[],\"certificates\":[]},"
    "{\"slot\":7,\"label\":\"\",\"manufacturer\":\"M\",\"model\":\"T\",\"serial\":\"\","
    "\"flags\":{\"initialized\":false},\"keys\":[],\"certificates\":[]}]";

static struct snapshot *snap;
static struct err err;

static int
add(const char *module, const char *text)
{
    json_t *list = json_loads(text, 0, NULL);
    int rc = snapshot_add(snap, module, NULL, list, NULL, NULL, &err);

    json_decref(list);
    return rc;
}

static void
setup(void)
{
    err_clear(&err);
    snap = snapshot_new();
    ck_assert_ptr_nonnull(snap);
    ck_assert_int_eq(add("m1", one), 0);
    ck_assert_int_eq(add("m2", two), 0);
    ck_assert_int_eq(snapshot_finish(snap, &err), 0);
}

static void
teardown(void)
{
    snapshot_unref(&snap);
}

static void
finds(const char *spec, const char *name)
{
    const struct key *k = NULL;
    int rc = keyspec_find(snap, spec, &k, &err);

    ck_assert_msg(rc == 0, "%s: %s", spec, err_text(&err));
    ck_assert_str_eq(k->name, name);
}

static void
fails(const char *spec, int code)
{
    const struct key *k = NULL;

    ck_assert_msg(keyspec_find(snap, spec, &k, &err) == code, "%s: %s", spec, err_text(&err));
    ck_assert_ptr_null(k);
}

START_TEST(same_key_is_one_with_two_places)
{
    const struct key *k = snapshot_find(snap, A);

    ck_assert_uint_eq(snapshot_key_count(snap), 3);
    ck_assert_ptr_nonnull(k);
    ck_assert_uint_eq(k->place_count, 2);
    ck_assert_str_eq(k->places[0].token->label, "demo");
    ck_assert_uint_eq(k->places[1].token->slot, 5);
    ck_assert_str_eq(k->label, "work");
    ck_assert_uint_eq(k->cert_count, 1);
    ck_assert_uint_eq(k->bits, 2048);
    ck_assert_int_eq(k->type, ALG_KEY_RSA);
}
END_TEST

START_TEST(json_shows_the_join)
{
    json_t *o = json_loads(snapshot_find(snap, A)->json, 0, NULL);

    ck_assert_str_eq(json_string_value(json_object_get(o, "token")), "demo");
    ck_assert_uint_eq(json_array_size(json_object_get(o, "tokens")), 2);
    ck_assert_uint_eq(json_array_size(json_object_get(o, "certificates")), 1);
    ck_assert_ptr_null(json_object_get(o, "private"));
    json_decref(o);
}
END_TEST

START_TEST(public_halves_are_no_keys)
{
    fails("dddddddd", E_NO_KEY);
    fails("public only", E_NO_KEY);
}
END_TEST

START_TEST(certs_are_listed_once_per_token)
{
    json_t *list = json_loads(snapshot_certs_json(snap), 0, NULL), *c;
    unsigned alice = 0, ca = 0;
    size_t i;

    json_array_foreach(list, i, c) {
        const char *subject = json_string_value(json_object_get(c, "subject"));
        if (strcmp(subject, "CN=Alice") == 0) {
            alice++;
            ck_assert_str_eq(json_string_value(json_object_get(c, "key")), A);
            ck_assert_str_eq(json_string_value(json_object_get(c, "token")), "card");
        } else {
            ca++;
            ck_assert(json_is_null(json_object_get(c, "key")));
        }
    }
    ck_assert_uint_eq(alice, 1);
    ck_assert_uint_eq(ca, 2);
    json_decref(list);
}
END_TEST

START_TEST(names_people_give)
{
    finds(A, A);
    finds("aaaaaaaa0", A);
    finds("AAAAAAAA1", B);
    finds("cccccccc", C);
    finds("work", A);
    finds("alice@example.org", A);
    finds("ALICE@Example.org", A);
    finds("alice+tag@example.org", A);
    finds("Alice Example <alice@example.org>", A);
    finds(FP_A, A);
    finds(SHA1_A, A);
    finds("00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33", A);
}
END_TEST

START_TEST(names_that_name_nothing)
{
    fails("aaaaaa", E_NO_KEY); /* a prefix too short */
    fails("bob@example.org", E_NO_KEY);
    fails("alice@example.orgx", E_NO_KEY);
    fails("Work", E_NO_KEY);
    fails("0123456789abcdef", E_NO_KEY); /* half a fingerprint */
}
END_TEST

START_TEST(ambiguity_lists_candidates)
{
    fails("home", E_AMBIGUOUS);
    ck_assert_ptr_nonnull(strstr(err.text, "aaaaaaaa11111111"));
    ck_assert_ptr_nonnull(strstr(err.text, "cccccccc00000000"));
    ck_assert_ptr_nonnull(strstr(err.text, "token \"card\""));
    fails("aaaaaaaa", E_AMBIGUOUS);
    fails(NULL, E_AMBIGUOUS);
    fails("", E_AMBIGUOUS);
}
END_TEST

START_TEST(uris)
{
    finds("pkcs11:object=work", A);
    finds("pkcs11:token=card;object=home", C);
    finds("pkcs11:token=demo;object=home", B);
    finds("pkcs11:id=%aa", A);
    finds("PKCS11:serial=s1;id=%02", B);
    finds("pkcs11:object=work;type=private?pin-value=1234", A);
    fails("pkcs11:token=nowhere", E_NO_KEY);
    fails("pkcs11:token=card", E_AMBIGUOUS);
    fails("pkcs11:id=%zz", E_USAGE);
}
END_TEST

START_TEST(tokens_by_name)
{
    const struct token *t = NULL;

    ck_assert_int_eq(keyspec_token(snap, "demo", &t, &err), 0);
    ck_assert_uint_eq(t->slot, 1);
    ck_assert_int_eq(keyspec_token(snap, "s3", &t, &err), 0);
    ck_assert_uint_eq(t->slot, 6);
    ck_assert_int_eq(keyspec_token(snap, "pkcs11:serial=s2", &t, &err), 0);
    ck_assert_uint_eq(t->slot, 5);
    ck_assert_int_eq(keyspec_token(snap, "card", &t, &err), E_AMBIGUOUS);
    ck_assert_ptr_nonnull(strstr(err.text, "s2"));
    ck_assert_ptr_nonnull(strstr(err.text, "s3"));
    ck_assert_int_eq(keyspec_token(snap, "", &t, &err), E_NO_TOKEN);
    ck_assert_uint_eq(keyspec_label_count(snap, "card"), 2);
}
END_TEST

START_TEST(malformed_listing_adds_nothing)
{
    static const char *const bad[] = {
        "{}", "[1]", "[{}]", "[{\"slot\":\"1\"}]",
        "[{\"slot\":1,\"label\":\"x\",\"keys\":[{\"name\":\"short\"}]}]",
        "[{\"slot\":1,\"keys\":[],\"certificates\":[{}]}]",
    };

    snapshot_unref(&snap);
    snap = snapshot_new();
    ck_assert_int_eq(add("m1", one), 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_msg(add("bad", bad[i]) == E_PROTOCOL, "%s", bad[i]);
        ck_assert_uint_eq(snapshot_token_count(snap), 1);
    }
    ck_assert_int_eq(snapshot_finish(snap, &err), 0);
    ck_assert_uint_eq(snapshot_key_count(snap), 2);
}
END_TEST

START_TEST(nothing_at_all)
{
    struct snapshot *empty = snapshot_new();
    const struct key *k;

    ck_assert_int_eq(snapshot_finish(empty, &err), 0);
    ck_assert_int_eq(keyspec_find(empty, NULL, &k, &err), E_NO_TOKEN);
    ck_assert_int_eq(keyspec_find(empty, "alice", &k, &err), E_NO_TOKEN);
    ck_assert_ptr_nonnull(strstr(err.text, "signet token create"));
    ck_assert_str_eq(snapshot_certs_json(empty), "[]");
    snapshot_unref(&empty);
}
END_TEST

int
main(void)
{
    TCase *c = tcase_create("keyspec");

    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, same_key_is_one_with_two_places);
    tcase_add_test(c, json_shows_the_join);
    tcase_add_test(c, public_halves_are_no_keys);
    tcase_add_test(c, certs_are_listed_once_per_token);
    tcase_add_test(c, names_people_give);
    tcase_add_test(c, names_that_name_nothing);
    tcase_add_test(c, ambiguity_lists_candidates);
    tcase_add_test(c, uris);
    tcase_add_test(c, tokens_by_name);
    tcase_add_test(c, malformed_listing_adds_nothing);
    tcase_add_test(c, nothing_at_all);
    return run_suite("agent-keyspec", &c, 1);
}

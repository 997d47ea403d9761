/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include <openssl/evp.h>

#include "base/alg.h"
#include "tests/base/run.h"

/* The table's facts are libcrypto's. */
START_TEST(digests_match_libcrypto)
{
    size_t i;
    for (i = 0; alg_digest_at(i) != NULL; i++) {
        const struct alg_digest *d = alg_digest_at(i);
        EVP_MD *md = EVP_MD_fetch(NULL, d->ossl, NULL);
        ck_assert_msg(md != NULL, "%s", d->ossl);
        ck_assert_int_eq(EVP_MD_get_type(md), d->nid);
        ck_assert_int_eq(EVP_MD_get_size(md), (int)d->size);
        EVP_MD_free(md);
        ck_assert_ptr_eq(alg_digest_by_name(d->name), d);
        ck_assert_ptr_eq(alg_digest_by_nid(d->nid), d);
        ck_assert_ptr_eq(alg_digest_by_micalg(d->micalg, strlen(d->micalg)), d);
        ck_assert_int_eq(d->weak, d->nid == NID_md5 || d->nid == NID_sha1);
    }
    ck_assert_uint_eq(i, 9);
}
END_TEST

START_TEST(digest_spellings)
{
    const struct alg_digest *sha256 = alg_digest_by_nid(NID_sha256);
    ck_assert_ptr_eq(alg_digest_by_name("SHA256"), sha256);
    ck_assert_ptr_eq(alg_digest_by_micalg("sha256", 6), sha256);
    ck_assert_ptr_eq(alg_digest_by_micalg("SHA-256; x", 7), sha256);
    ck_assert_ptr_eq(alg_digest_by_micalg("sha1", 4), alg_digest_by_nid(NID_sha1));
    ck_assert_ptr_null(alg_digest_by_micalg("sha-25", 6));
    ck_assert_ptr_null(alg_digest_by_micalg("unknown", 7));
    ck_assert_ptr_null(alg_digest_by_name(""));
    ck_assert_ptr_null(alg_digest_by_nid(NID_undef));
}
END_TEST

START_TEST(schemes_are_found_and_unique)
{
    size_t i;
    for (i = 0; alg_sig_at(i) != NULL; i++) {
        const struct alg_sig *s = alg_sig_at(i);
        ck_assert_ptr_eq(alg_sig_by_name(s->name), s);
        ck_assert_ptr_eq(alg_sig_find(s->key, s->padding, s->digest), s);
        if (s->digest != NULL)
            ck_assert_str_eq(s->name + strlen(s->name) - strlen(s->digest->name),
                             s->digest->name);
    }
    ck_assert_uint_eq(i, 9 * 3 + 2);
}
END_TEST

START_TEST(schemes_by_parts)
{
    const struct alg_digest *sha384 = alg_digest_by_name("sha384");
    ck_assert_str_eq(alg_sig_find(ALG_KEY_RSA, ALG_PAD_PKCS1, sha384)->name,
                     "rsa-pkcs1-sha384");
    ck_assert_str_eq(alg_sig_find(ALG_KEY_RSA, ALG_PAD_PSS, sha384)->name, "rsa-pss-sha384");
    ck_assert_str_eq(alg_sig_find(ALG_KEY_EC, ALG_PAD_NONE, sha384)->name, "ecdsa-sha384");
    ck_assert_str_eq(alg_sig_find(ALG_KEY_ED25519, ALG_PAD_NONE, NULL)->name, "ed25519");
    ck_assert_ptr_null(alg_sig_find(ALG_KEY_ED25519, ALG_PAD_NONE, sha384));
    ck_assert_ptr_null(alg_sig_find(ALG_KEY_RSA, ALG_PAD_OAEP, sha384));
    ck_assert_ptr_null(alg_sig_by_name("rsa-sha256"));
}
END_TEST

START_TEST(key_names)
{
    for (int k = ALG_KEY_RSA; k <= ALG_KEY_DSA; k++)
        ck_assert_int_eq(alg_key_by_name(alg_key_name((enum alg_key_type)k)), k);
    ck_assert_int_eq(alg_key_by_name("none"), ALG_KEY_NONE);
    ck_assert_int_eq(alg_key_by_name("RSA"), ALG_KEY_RSA);
    ck_assert_int_eq(alg_key_by_name(""), ALG_KEY_NONE);
    ck_assert_str_eq(alg_key_name((enum alg_key_type)99), "none");
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("alg");
    tcase_add_test(tc, digests_match_libcrypto);
    tcase_add_test(tc, digest_spellings);
    tcase_add_test(tc, schemes_are_found_and_unique);
    tcase_add_test(tc, schemes_by_parts);
    tcase_add_test(tc, key_names);
    return run_suite("alg", &tc, 1);
}

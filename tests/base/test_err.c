/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/err.h"
#include "tests/base/run.h"

START_TEST(sentence_and_code)
{
    struct err err = {.rv = 5, .sys = 6, .ossl = 7};
    ck_assert_int_eq(err_set(&err, E_PIN_LOCKED, "token \"%s\": PIN is locked", "x"),
                     E_PIN_LOCKED);
    ck_assert_int_eq(err.code, E_PIN_LOCKED);
    ck_assert_str_eq(err_text(&err), "token \"x\": PIN is locked");
    ck_assert(err.rv == 0 && err.sys == 0 && err.ossl == 0);
    ck_assert_int_eq(err_set(NULL, E_LIMIT, "nobody listens"), E_LIMIT);
    err_clear(&err);
    ck_assert_int_eq(err.code, 0);
}
END_TEST

START_TEST(own_text_as_argument)
{
    struct err err;
    err_set(&err, E_INPUT, "inner");
    err_set(&err, E_AGENT, "outer (%s)", err.text);
    ck_assert_str_eq(err.text, "outer (inner)");
}
END_TEST

START_TEST(prefix_keeps_code)
{
    struct err err;
    err_set_sys(&err, E_INPUT, ENOENT, "\"f\" cannot be opened");
    ck_assert_str_eq(err.text, "\"f\" cannot be opened: No such file or directory");
    ck_assert_int_eq(err.sys, ENOENT);
    ck_assert_int_eq(err_prefix(&err, "line %d", 3), E_INPUT);
    ck_assert_str_eq(err.text, "line 3: \"f\" cannot be opened: No such file or directory");
    ck_assert_int_eq(err.sys, ENOENT);
    struct err blank = {.code = E_WEAK};
    err_prefix(&blank, "key");
    ck_assert_str_eq(blank.text, "key: too weak to sign with");
}
END_TEST

/* A cut never leaves half a character, whatever the text's alignment. */
START_TEST(long_sentence_is_cut_at_a_character)
{
    static const char *const characters[] = {"a", "\xc3\xa9", "\xe2\x82\xac",
                                             "\xf0\x9f\x94\x91"};
    const char *c = characters[_i];
    size_t whole = strlen(c);
    for (size_t shift = 0; shift < 4; shift++) {
        char text[2 * ERR_TEXT_MAX + 8] = "xxxx";
        struct err err;
        text[shift] = '\0';
        while (strlen(text) + whole < 2 * ERR_TEXT_MAX)
            strcat(text, c);
        err_set(&err, E_INPUT, "%s", text);
        size_t len = strlen(err.text);
        ck_assert_uint_lt(len, ERR_TEXT_MAX);
        ck_assert_uint_ge(len + whole, ERR_TEXT_MAX);
        ck_assert_uint_eq((len - shift) % whole, 0);
    }
}
END_TEST

START_TEST(libcrypto_reason)
{
    struct err err;
    ERR_clear_error();
    ck_assert_ptr_null(EVP_MD_fetch(NULL, "no-such-digest", NULL));
    err_set_ossl(&err, E_CRYPTO, "digest");
    ck_assert_uint_ne(err.ossl, 0);
    ck_assert_str_eq(err.text, "digest: unsupported");
    ck_assert_uint_eq(ERR_peek_error(), 0);
    err_set_ossl(&err, E_CRYPTO, "nothing queued");
    ck_assert_str_eq(err.text, "nothing queued");
}
END_TEST

/* DESIGN, "Command line": the documented statuses. */
START_TEST(exit_statuses)
{
    ck_assert_int_eq(err_exit_status(0), 0);
    ck_assert_int_eq(err_exit_status(E_BAD_SIGNATURE), 1);
    ck_assert_int_eq(err_exit_status(E_USAGE), 2);
    ck_assert_int_eq(err_exit_status(E_INPUT), 2);
    ck_assert_int_eq(err_exit_status(E_UNTRUSTED), 3);
    ck_assert_int_eq(err_exit_status(E_NO_TOKEN), 4);
    ck_assert_int_eq(err_exit_status(E_MALFORMED), 5);
    ck_assert_int_eq(err_exit_status(E_OUTPUT), 6);
    ck_assert_int_eq(err_exit_status(-9999), 6);
    ck_assert_int_eq(err_exit_status(1), 6);
    for (int code = -1; code > -E_ORDINAL_END; code--) {
        ck_assert_int_ge(err_exit_status(code), 1);
        ck_assert_int_le(err_exit_status(code), 6);
        ck_assert_int_eq(strncmp(err_name(code), "E_", 2), 0);
        ck_assert_uint_gt(strlen(err_default_text(code)), 3);
    }
    ck_assert_str_eq(err_name(E_PIN_WRONG), "E_PIN_WRONG");
    ck_assert_str_eq(err_name(0), "E_?");
    ck_assert_str_eq(err_name(-9999), "E_?");
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("err");
    tcase_add_test(tc, sentence_and_code);
    tcase_add_test(tc, own_text_as_argument);
    tcase_add_test(tc, prefix_keeps_code);
    tcase_add_loop_test(tc, long_sentence_is_cut_at_a_character, 0, 4);
    tcase_add_test(tc, libcrypto_reason);
    tcase_add_test(tc, exit_statuses);
    return run_suite("err", &tc, 1);
}

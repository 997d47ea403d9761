/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* docs/examples/decrypt-stream.c does what its first lines say. */
#include "tests/cms/env_kit.h"

#include <stdio.h>
#include <stdlib.h>

#define SIZE 3000000

static char *
prepare(const char *cipher, bool pkcs1, uint8_t damage)
{
    struct cms_to to = to_of(pkcs1 ? "rsa2048-pkcs1" : "rsa2048");
    struct cms_encrypt_options options = { .cipher = cms_cipher_by_name(cipher), .to = &to,
                                           .count = 1, .content_size = -1 };
    char *dir = scratch_make();
    uint8_t *content = some_content(SIZE);
    struct buf *message = encrypt_content(&options, content, SIZE, 0);

    buf_mutable(message)[SIZE / 2] ^= damage;
    write_file(dir, "content", content, SIZE);
    write_file(dir, "message", buf_data(message), buf_len(message));
    write_receiver(dir, receiver_of("rsa2048"));
    buf_free(&message);
    free(content);
    return dir;
}

static int
run(const char *dir, const char *input)
{
    const char *program = getenv("DECRYPT_STREAM");

    ck_assert_ptr_nonnull(program);
    return shell("cd '%s' && '%s' cert.pem key.pem out < %s 2>log", dir, program, input);
}

START_TEST(decrypts)
{
    char *dir = prepare(_i ? "aes256-cbc" : "aes256-gcm", _i, 0);

    ck_assert_int_eq(run(dir, "message"), 0);
    ck_assert_int_eq(shell("cmp '%s/content' '%s/out'", dir, dir), 0);
    ck_assert_int_eq(shell("cd '%s' && openssl cms -encrypt -binary -outform DER -stream "
                           "-aes-256-gcm -in content -out theirs cert.pem", dir), 0);
    ck_assert_int_eq(run(dir, "theirs"), 0);
    ck_assert_int_eq(shell("cmp '%s/content' '%s/out'", dir, dir), 0);
    scratch_remove(dir);
}
END_TEST

/* Nothing appears under the name: not when a bit is flipped in the middle, nor when
 * the end is missing, nor with another's key. */
START_TEST(refuses)
{
    char *dir = prepare("aes256-gcm", false, 1);

    ck_assert_int_eq(run(dir, "message"), 5);
    ck_assert_int_eq(shell("cd '%s' && test ! -e out && grep -q 'cannot be decrypted' log", dir),
                     0);
    ck_assert_int_eq(shell("cd '%s' && head -c 2000000 message > short", dir), 0);
    ck_assert_int_eq(run(dir, "short"), 5);
    ck_assert_int_eq(shell("cd '%s' && test ! -e out && grep -q 'ends at offset 2000000' log",
                           dir), 0);
    write_receiver(dir, receiver_of("p256"));
    ck_assert_int_eq(run(dir, "message"), 4);
    ck_assert_int_eq(shell("cd '%s' && test ! -e out && ls -A | wc -l | grep -qx 6", dir), 0);
    scratch_remove(dir);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("cms-env-example");
    TCase *tc = tcase_create("example");

    receiver_of("rsa2048");
    receiver_of("p256");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, decrypts, 0, 2);
    tcase_add_test(tc, refuses);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}

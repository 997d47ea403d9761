/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The example of docs/examples does what its first lines say. */
#include "tests/cms/kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>

START_TEST(sign_stream)
{
    struct person *p = person_of("ecdsa-sha256");
    const char *program = getenv("SIGN_STREAM");
    char *dir = scratch_make(), path[4096];
    FILE *f;

    ck_assert_ptr_nonnull(program);
    snprintf(path, sizeof path, "%s/key.pem", dir);
    f = fopen(path, "w");
    ck_assert_int_eq(PEM_write_PrivateKey(f, p->key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(f);
    snprintf(path, sizeof path, "%s/cert.pem", dir);
    pki_write_pem(path, p->cert, false);
    ck_assert_int_eq(shell("cd '%s' && head -c 3000000 /dev/urandom > content && "
                           "'%s' cert.pem key.pem < content > message", dir, program), 0);
    ck_assert_int_eq(shell("cd '%s' && openssl cms -verify -binary -inform DER -in message "
                           "-noverify -out got 2>log || { cat log; false; }", dir), 0);
    ck_assert_int_eq(shell("cmp '%s/content' '%s/got'", dir, dir), 0);
    ck_assert_int_eq(shell("'%s' 2>'%s/log'", program, dir), 2);
    ck_assert_int_eq(shell("cd '%s' && '%s' cert.pem key.pem < content > /dev/full 2>log", dir,
                           program), 6);
    scratch_remove(dir);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("cms-example");
    TCase *tc = tcase_create("example");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, sign_stream);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}

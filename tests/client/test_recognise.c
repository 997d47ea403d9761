/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an input is taken for. */
#include <check.h>
#include <string.h>

#include "cli/recognise.h"

#define B64 "MIIFcwYJKoZIhvcNAQcCoIIFZDCCBWACAQExDTALBglghkgBZQMEAgEwCwYJKoZI"

static const struct {
    const char *data;
    size_t len;
    bool cms;
} rows[] = {
#define ROW(text, cms) {text, sizeof text - 1, cms}
    ROW("\x30\x82\x05\x73\x06\x09", true),
    ROW("\x30\x80\x06\x09", true),
    ROW("\x30\x17\x06\x09\x2a", true),
    ROW("-----BEGIN CMS-----\n", true),
    ROW("\n \r\n-----BEGIN PKCS7-----\n", true),
    ROW(B64 "\n", true),
    ROW("\r\n" B64 "\r\n", true),
    ROW(B64, true),
    ROW("\x30\x05\x30\x03\x02\x01\x01", true), /* the length of all of it */
    ROW("\x30\x06\x30\x03\x02\x01\x01", false),
    ROW("", false),
    ROW("0", false),
    ROW("01: a field of a mail\n", false),
    ROW("From: a@example.org\n", false),
    ROW("MIME-Version: 1.0\nContent-Type: multipart/signed\n", false),
    ROW("MIIF\n", false),
    ROW(B64 ": not base64\n", false),
    ROW("just words\n", false),
    ROW("\n\n\n", false),
};

START_TEST(inputs)
{
    ck_assert_int_eq(recognise_cms((const uint8_t *)rows[_i].data, rows[_i].len), rows[_i].cms);
}
END_TEST

static const struct {
    const char *data, *label; /* NULL: no PEM */
} blocks[] = {
    {"-----BEGIN CERTIFICATE-----\nMIIB", "CERTIFICATE"},
    {"\n\n-----BEGIN X509 CRL-----\r\n", "X509 CRL"},
    {"# a bundle\n\nof these\n-----BEGIN CERTIFICATE-----\n", "CERTIFICATE"},
    {"Certificate:\n    Data:\n-----BEGIN CERTIFICATE-----\n", "CERTIFICATE"},
    {"From: a@x\nSubject: y\n\n-----BEGIN CERTIFICATE-----\n", NULL},
    {"From: a@x\r\n\r\n-----BEGIN CERTIFICATE-----\r\n", NULL},
    {"text -----BEGIN CERTIFICATE-----\n", NULL},
    {"-----BEGIN CERTIFICATE\n", NULL},
    {"-----BEGIN -----\n", NULL},
    {"-----BEGIN xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-----\n", NULL},
    {"", NULL},
};

START_TEST(pem)
{
    char label[RECOGNISE_LABEL_MAX] = "";
    const char *text = blocks[_i].data;
    bool is = recognise_pem((const uint8_t *)text, strlen(text), label);

    ck_assert_int_eq(is, blocks[_i].label != NULL);
    if (is)
        ck_assert_str_eq(label, blocks[_i].label);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("recognise");
    TCase *tc = tcase_create("recognise");
    SRunner *sr;
    int failed;

    tcase_add_loop_test(tc, inputs, 0, sizeof rows / sizeof *rows);
    tcase_add_loop_test(tc, pem, 0, sizeof blocks / sizeof *blocks);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}

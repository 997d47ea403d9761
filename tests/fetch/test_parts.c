/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Addresses, URLs, proxies' exceptions, LDIF in pieces, messages, names in the DNS. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "fetch/address.h"
#include "fetch/answer.h"
#include "fetch/ldif.h"
#include "fetch/proxy.h"
#include "fetch/smimea.h"
#include "fetch/url.h"
#include "fetch/wire.h"

static bool
is_public(const char *text)
{
    struct sockaddr_in in4 = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &in4.sin_addr) == 1)
        return address_is_public((struct sockaddr *)&in4, sizeof in4);
    ck_assert_int_eq(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
    return address_is_public((struct sockaddr *)&in6, sizeof in6);
}

START_TEST(public_and_private)
{
    static const char *const there[] = {
        "8.8.8.8", "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
        "126.1.1.1", "128.0.0.1", "169.253.0.1", "172.15.255.255", "172.32.0.0", "192.167.0.1",
        "192.169.0.0", "198.17.0.1", "198.20.0.0", "223.255.255.255", "2a00:1450:4001::1",
        "2606:4700::1111", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8",
        "2002:808:808::1",
    };
    static const char *const not_there[] = {
        "0.0.0.0", "0.1.2.3", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255",
        "127.0.0.1", "127.255.255.255", "169.254.169.254", "172.16.0.0", "172.31.255.255",
        "192.0.0.1", "192.0.2.1", "192.168.0.0", "192.168.255.255", "198.18.0.0",
        "198.19.255.255", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.1.1.1", "240.0.0.1",
        "255.255.255.255", "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.1.2.3",
        "::ffff:0.0.0.0", "64:ff9b::10.0.0.1", "64:ff9b:1::8.8.8.8", "2002:a00:1::1",
        "2002:7f00:1::", "2001::1", "2001:db8::1", "3fff::1", "fc00::1", "fd12:3456::1",
        "fe80::1", "fec0::1", "ff02::1", "100::1", "4000::1",
    };
    for (size_t i = 0; i < sizeof there / sizeof *there; i++)
        ck_assert_msg(is_public(there[i]), "%s", there[i]);
    for (size_t i = 0; i < sizeof not_there / sizeof *not_there; i++)
        ck_assert_msg(!is_public(not_there[i]), "%s", not_there[i]);
    struct sockaddr local = {.sa_family = AF_UNIX};
    ck_assert(!address_is_public(&local, sizeof local));
    struct sockaddr_in cut = {.sin_family = AF_INET};
    ck_assert(!address_is_public((struct sockaddr *)&cut, 4));
}
END_TEST

START_TEST(exceptions_from_the_proxy)
{
    static const struct {
        const char *list;
        const char *host;
        bool excepted;
    } cases[] = {
        {"", "a.example", false}, {"*", "a.example", true}, {"example", "a.example", true},
        {".example", "a.example", true}, {"a.example", "a.example", true},
        {"A.Example.", "a.eXample", true}, {"ample", "a.example", false},
        {"b.a.example", "a.example", false}, {"x, y\texample", "a.example", true},
        {"10.0.0.0/8", "10.1.2.3", true}, {"10.0.0.0/8", "11.1.2.3", false},
        {"10.1.2.3", "10.1.2.3", true}, {"10.0.0.0/33", "10.1.2.3", false},
        {"10.0.0.0/", "10.1.2.3", false}, {"10.0.0.0/8x", "10.1.2.3", false},
        {"0.0.0.0/0", "8.8.8.8", true}, {"::1", "[::1]", true}, {"[::1]", "[::1]", true},
        {"fe80::/10", "[fe9f::1]", true}, {"fe80::/10", "[fec0::1]", false},
        {",,, ,", "a.example", false}, {".", "a.example", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_msg(proxy_excepted(cases[i].list, cases[i].host) == cases[i].excepted,
                      "%s in \"%s\"", cases[i].host, cases[i].list);
}
END_TEST

START_TEST(urls)
{
    struct url u;
    ck_assert_int_eq(url_read(&u, "LDAP://Dir.example/CN=A B,O=\xc3\xa9?certificateRevocationList"
                              ";binary,cACertificate?base", false, NULL), 0);
    ck_assert(u.ldap);
    ck_assert_uint_eq(u.port, 389);
    ck_assert_uint_eq(u.attribute_count, 2);
    ck_assert_str_eq(u.attributes[0], "certificateRevocationList;binary");
    ck_assert_str_eq(u.attributes[1], "cACertificate");
    ck_assert_ptr_nonnull(strstr(u.text, "CN=A%20B,O=%C3%A9"));
    ck_assert(ldif_wanted(&u, "CACERTIFICATE;binary"));
    ck_assert(ldif_wanted(&u, "certificateRevocationList"));
    ck_assert(!ldif_wanted(&u, "certificateRevocationLists"));
    ck_assert(!ldif_wanted(&u, ";binary"));
    url_clear(&u);
    ck_assert_int_eq(url_read(&u, "https://[2001:db8::1]:8443/x#y", false, NULL), 0);
    ck_assert(!u.ldap);
    ck_assert_uint_eq(u.port, 8443);
    ck_assert_str_eq(u.host, "[2001:db8::1]");
    url_clear(&u);
    ck_assert_int_eq(url_read(&u, "ldaps://a/b?c", true, NULL), E_DENIED);
    ck_assert_ptr_null(u.text);
    ck_assert_int_eq(url_read(&u, "ldap://a/b?c,d,e,f,g", false, NULL), E_UNSUPPORTED);
    ck_assert_int_eq(url_read(&u, "ldap://a/b?*", false, NULL), E_UNSUPPORTED);
    ck_assert_int_eq(url_read(&u, "ldap://a/b?c,,d", false, NULL), E_UNSUPPORTED);
}
END_TEST

static const char ldif[] =
    "DN: cn=a\n\tb:: QUJD\n\tb:: QUI=\n\tb:: QQ==\n\n\tc: text\n\tb;binary:: \n\tb: x y\n\tb:\n\n"
    "DN: cn=b\n\td: not this\n\tB;Binary:: AAECAw==\n\n";
static const char ldif_bytes[] = "ABCABAx y\0\1\2\3";

static struct url asked = {.ldap = true, .attributes = {"b;binary"}, .attribute_count = 1};

static int
read_in_two(const char *text, size_t len, size_t split, struct answer *a)
{
    struct ldif l;
    ldif_init(&l, &asked, a);
    int rc = ldif_update(&l, text, split);
    if (rc == 0)
        rc = ldif_update(&l, text + split, len - split);
    return rc == 0 ? ldif_finish(&l) : rc;
}

START_TEST(ldif_at_every_split)
{
    for (size_t i = 0; i < sizeof ldif; i++) {
        struct answer a;
        char bytes[64];
        answer_init(&a, 1000);
        ck_assert_int_eq(read_in_two(ldif, sizeof ldif - 1, i, &a), 0);
        ck_assert_uint_eq(a.count, 6);
        ck_assert_uint_eq(a.total, sizeof ldif_bytes - 1);
        ck_assert_uint_eq(a.lengths[3], 0);
        ck_assert_uint_eq(a.lengths[5], 4);
        ck_assert_int_eq(pread(a.fd, bytes, sizeof bytes, 0), (ssize_t)sizeof ldif_bytes - 1);
        ck_assert_mem_eq(bytes, ldif_bytes, sizeof ldif_bytes - 1);
        answer_clear(&a);
        answer_init(&a, sizeof ldif_bytes - 2);
        ck_assert_int_eq(read_in_two(ldif, sizeof ldif - 1, i, &a), E_LIMIT);
        answer_clear(&a);
    }
}
END_TEST

START_TEST(ldif_that_is_none)
{
    static const struct {
        const char *text;
        int rc;
    } cases[] = {
        {"", 0}, {"\n\n", 0}, {"x", E_MALFORMED}, {"\tb", E_TRUNCATED}, {"\t: x\n", E_MALFORMED},
        {"\tb:x\n", E_MALFORMED}, {"\tb::x\n", E_MALFORMED}, {"\tb:: Q\n", E_MALFORMED},
        {"\tb:: QQ\n", E_MALFORMED}, {"\tb:: QQ=\n", E_MALFORMED}, {"\tb:: Q===\n", E_MALFORMED},
        {"\tb:: QQ=Q\n", E_MALFORMED}, {"\tb:: QQ==QQ==\n", E_MALFORMED},
        {"\tb:: Q Q=\n", E_MALFORMED}, {"\tb:: QQ==", E_TRUNCATED}, {"\tb c: x\n", E_MALFORMED},
        {"DN: x", E_TRUNCATED}, {"\tother:: !!!\n", E_MALFORMED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct answer a;
        answer_init(&a, 1000);
        size_t len = strlen(cases[i].text);
        int rc = read_in_two(cases[i].text, len, len / 2, &a);
        ck_assert_msg(rc == cases[i].rc, "%s: %s", cases[i].text, err_name(rc));
        answer_clear(&a);
    }
}
END_TEST

START_TEST(no_more_values_than_the_cap)
{
    struct answer a;
    struct ldif l;
    int rc = 0;
    answer_init(&a, 1000000);
    ldif_init(&l, &asked, &a);
    for (int i = 0; rc == 0 && i < WIRE_VALUES_MAX; i++)
        rc = ldif_update(&l, "\tb: x\n", 6);
    ck_assert_int_eq(rc, 0);
    ck_assert_int_eq(ldif_update(&l, "\tb: x\n", 6), E_LIMIT);
    answer_clear(&a);
}
END_TEST

START_TEST(messages_cut_anywhere_are_none)
{
    struct buf *b = buf_new();
    uint32_t lengths[] = {3, 0, 4};
    struct wire_ask ask = {.id = 7, .kind = WIRE_POST, .wait_ms = 5, .max_bytes = 1u << 20,
                           .where = "http://x/", .media_type = "a/b",
                           .body = (const uint8_t *)"body", .body_len = 4}, ask2;
    struct wire_answer answer = {.id = 9, .total = 7, .lengths = (const uint8_t *)lengths,
                                 .count = 3, .authenticated = true}, answer2;
    ck_assert_int_eq(wire_put_ask(b, &ask), 0);
    ck_assert_int_eq(wire_get_ask(&ask2, buf_data(b), buf_len(b)), 0);
    ck_assert_str_eq(ask2.where, ask.where);
    ck_assert_mem_eq(ask2.body, "body", 4);
    for (size_t i = 0; i < buf_len(b); i++)
        ck_assert_int_eq(wire_get_ask(&ask2, buf_data(b), i), E_PROTOCOL);
    ck_assert_int_eq(wire_get_answer(&answer2, buf_data(b), buf_len(b)), E_PROTOCOL);
    buf_reset(b);
    ck_assert_int_eq(wire_put_answer(b, &answer), 0);
    ck_assert_int_eq(wire_get_answer(&answer2, buf_data(b), buf_len(b)), 0);
    ck_assert_uint_eq(wire_length(&answer2, 2), 4);
    ck_assert(answer2.authenticated);
    for (size_t i = 0; i < buf_len(b); i++)
        ck_assert_int_eq(wire_get_answer(&answer2, buf_data(b), i), E_PROTOCOL);
    buf_reset(b);
    answer.total = 8;
    ck_assert_int_eq(wire_put_answer(b, &answer), 0);
    ck_assert_int_eq(wire_get_answer(&answer2, buf_data(b), buf_len(b)), E_PROTOCOL);
    buf_free(&b);
}
END_TEST

START_TEST(names_in_the_dns)
{
    /* RFC 8162, section 3: "hugh@example.com". */
    static const char hugh[] =
        "c93f1e400f26708f98cb19d936620da35eec8f72e57f9eec01c1afd6._smimecert.example.com.";
    static const char *const bad[] = {"", "a", "@example.org", "a@", "\"a@example.org",
                                      "a@exa mple", "a@.example", "a@x..y", "a@x\\.y"};
    char name[SMIMEA_NAME_MAX], other[SMIMEA_NAME_MAX];
    ck_assert_int_eq(smimea_name("hugh@example.com", name, NULL), 0);
    ck_assert_str_eq(name, hugh);
    ck_assert_int_eq(smimea_name("\"h\\ugh\"@example.com", other, NULL), 0);
    ck_assert_str_eq(other, hugh);
    ck_assert_int_eq(smimea_name("Hugh@example.com", other, NULL), 0);
    ck_assert_str_ne(other, hugh);
    ck_assert_int_eq(smimea_name("hugh@b\xc3\xbc" "cher.example", other, NULL), 0);
    ck_assert_ptr_nonnull(strstr(other, "._smimecert.xn--bcher-kva.example."));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(smimea_name(bad[i], other, NULL) == E_MALFORMED, "%s", bad[i]);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("fetch-parts");
    TCase *t = tcase_create("parts");
    tcase_add_test(t, public_and_private);
    tcase_add_test(t, exceptions_from_the_proxy);
    tcase_add_test(t, urls);
    tcase_add_test(t, ldif_at_every_split);
    tcase_add_test(t, ldif_that_is_none);
    tcase_add_test(t, no_more_values_than_the_cap);
    tcase_add_test(t, messages_cut_anywhere_are_none);
    tcase_add_test(t, names_in_the_dns);
    suite_add_tcase(s, t);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* HTTP through the helper, against a server that is good, slow, endless or leads astray. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "tests/fetch/rig.h"

/* Longer than any machine needs; what ends by it says so. */
#define PLENTY_MS 60000
#define LITTLE_MS 300

static struct server http;
static struct fetcher *fetcher;

static void
begin(void)
{
    rig_httpd(&http);
    rig_write(&http, "file", "hello", 5, false);
    fetcher = rig_fetcher(PLENTY_MS);
}

static void
end(void)
{
    fetcher_free(&fetcher);
    rig_httpd_stop(&http);
}

START_TEST(a_file_comes_whole)
{
    struct fetch_request r = rig_fetch(fetcher, rig_get(rig_url(&http, "/file")));
    assert_answer(r, 0);
    ck_assert_uint_eq(r.count, 1);
    ck_assert_mem_eq(r.values[0].data, "hello", 5);
    ck_assert_uint_eq(r.values[0].len, 5);
    ck_assert(!r.authenticated);
    fetch_clear(&r);
}
END_TEST

START_TEST(an_empty_file_is_one_empty_value)
{
    rig_write(&http, "empty", "", 0, false);
    struct fetch_request r = rig_fetch(fetcher, rig_get(rig_url(&http, "/empty")));
    assert_answer(r, 0);
    ck_assert_uint_eq(r.count, 1);
    ck_assert_uint_eq(r.values[0].len, 0);
    fetch_clear(&r);
}
END_TEST

START_TEST(as_large_as_was_asked_for_and_no_larger)
{
    struct fetch_request r = rig_get(rig_url(&http, "/file?a"));
    r.max_bytes = 5;
    r = rig_fetch(fetcher, r);
    assert_answer(r, 0);
    fetch_clear(&r);
    r = rig_get(rig_url(&http, "/file?b"));
    r.max_bytes = 4;
    r = rig_fetch(fetcher, r);
    assert_answer(r, E_LIMIT);
    fetch_clear(&r);
}
END_TEST

/* What a path of the server's ends as. */
static const struct {
    const char *path;
    int rc;
} outcomes[] = {
    {"/none", E_INPUT},
    {"/status/410", E_INPUT},
    {"/status/500", E_SYSTEM},
    {"/status/204", E_SYSTEM},
    {"/endless", E_LIMIT},
    {"/huge", E_LIMIT},
    {"/undeclared", E_LIMIT},
    {"/short", E_TRUNCATED},
    {"/loop", E_LIMIT},
    {"/to?/file", 0},
    {"/to307?/file", 0},
    {"/to?/to?/to?/file", 0},
    {"/to?/to?/to?/to?/file", E_LIMIT},
    {"/to?file:///etc/passwd", E_DENIED},
    {"/to?ftp://127.0.0.1/x", E_DENIED},
    {"/to?gopher://127.0.0.1/x", E_DENIED},
    {"/to?ldap://127.0.0.1/o=x?cACertificate", E_DENIED},
    {"/to?http://who:me@127.0.0.1/", E_DENIED},
};

START_TEST(what_a_server_does_is_told)
{
    struct fetch_request r = rig_fetch(fetcher, rig_get(rig_url(&http, outcomes[_i].path)));
    ck_assert_msg(r.rc == outcomes[_i].rc, "%s: %s: %s", outcomes[_i].path, err_name(r.rc),
                  err_text(&r.err));
    ck_assert_uint_eq(r.count, r.rc == 0);
    if (r.rc != 0)
        ck_assert_uint_gt(strlen(r.err.text), 10);
    fetch_clear(&r);
}
END_TEST

/* None of them reaches a server. */
static const struct {
    const char *url;
    int rc;
} refused[] = {
    {"file:///etc/passwd", E_DENIED},
    {"ftp://127.0.0.1/", E_DENIED},
    {"gopher://127.0.0.1:70/", E_DENIED},
    {"dict://127.0.0.1/", E_DENIED},
    {"http://me@127.0.0.1/", E_DENIED},
    {"http://127.0.0.1/a\nb", E_MALFORMED},
    {"http://127.0.0.1/\x7f", E_MALFORMED},
    {"http:///x", E_MALFORMED},
    {"127.0.0.1/x", E_MALFORMED},
    {"", E_MALFORMED},
    {"ldap:///CN=x?certificateRevocationList", E_UNSUPPORTED},
    {"ldap://127.0.0.1/CN=x", E_UNSUPPORTED},
    {"ldap://127.0.0.1/CN=x?a?base?(b=c)?!bindname=d", E_UNSUPPORTED},
};

START_TEST(what_is_never_asked)
{
    struct fetch_request r = rig_fetch(fetcher, rig_get(refused[_i].url));
    ck_assert_msg(r.rc == refused[_i].rc, "%s: %s: %s", refused[_i].url, err_name(r.rc),
                  err_text(&r.err));
    fetch_clear(&r);
}
END_TEST

/* Addresses of this machine and of private networks, however they are written. */
static const char *const private_hosts[] = {
    "127.0.0.1", "localhost", "127.1", "0x7f000001", "2130706433", "[::1]", "[::ffff:127.0.0.1]",
    "10.0.0.1", "192.168.1.1", "169.254.169.254", "[fe80::1]", "[fc00::1]", "224.0.0.1",
    "[64:ff9b::10.0.0.1]", "0.0.0.0",
};

START_TEST(private_addresses_are_refused_unless_allowed)
{
    struct fetch_settings settings = {.deadline_ms = PLENTY_MS};
    struct fetcher *f = NULL;
    const char *port = strrchr(rig_url(&http, ""), ':');
    char url[200];
    ck_assert_int_eq(fetcher_new(&f, &settings, NULL), 0);
    snprintf(url, sizeof url, "http://%s%s/file", private_hosts[_i], port);
    struct fetch_request r = rig_fetch(f, rig_get(url));
    assert_answer(r, E_DENIED);
    ck_assert_ptr_nonnull(strstr(r.err.text, "private"));
    fetch_clear(&r);
    snprintf(url, sizeof url, "ldap://%s%s/o=x?cACertificate", private_hosts[_i], port);
    r = rig_fetch(f, rig_get(url));
    assert_answer(r, E_DENIED);
    fetch_clear(&r);
    ck_assert_uint_eq(rig_lines(&http, ".connections"), 0);
    fetcher_free(&f);
}
END_TEST

START_TEST(what_is_posted_arrives)
{
    static const char body[] = "a\0b";
    size_t len;
    rig_write(&http, "echo", "#!/bin/sh\ncat\n", 14, true);
    struct fetch_request r = rig_get(rig_url(&http, "/echo"));
    r.kind = FETCH_POST;
    r.media_type = "application/ocsp-request";
    r.body = (const uint8_t *)body;
    r.body_len = sizeof body;
    struct fetch_request again = r;
    again.where = rig_url(&http, "/to?/echo");
    r = rig_fetch(fetcher, r);
    assert_answer(r, 0);
    ck_assert_uint_eq(r.values[0].len, sizeof body);
    ck_assert_mem_eq(r.values[0].data, body, sizeof body);
    char *type = rig_read(&http, ".type", &len);
    ck_assert_str_eq(type, "application/ocsp-request");
    free(type);
    fetch_clear(&r);
    /* Posted again where a redirect leads. */
    again = rig_fetch(fetcher, again);
    assert_answer(again, 0);
    ck_assert_mem_eq(again.values[0].data, body, sizeof body);
    fetch_clear(&again);
    ck_assert_uint_eq(rig_lines(&http, ".hits"), 3);
}
END_TEST

START_TEST(a_post_needs_http)
{
    struct fetch_request r = rig_get("ldap://127.0.0.1/o=x?cACertificate");
    r.kind = FETCH_POST;
    r.media_type = "a/b\r\nX: y";
    r = rig_fetch(fetcher, r);
    assert_answer(r, E_UNSUPPORTED);
    fetch_clear(&r);
    r = rig_get(rig_url(&http, "/file"));
    r.kind = FETCH_POST;
    r.media_type = "a/b\r\nX: y";
    r = rig_fetch(fetcher, r);
    assert_answer(r, E_MALFORMED);
    fetch_clear(&r);
    ck_assert_uint_eq(rig_lines(&http, ".hits"), 0);
}
END_TEST

START_TEST(asked_twice_goes_out_once)
{
    const char *url = rig_url(&http, "/file"), *none = rig_url(&http, "/none");
    struct fetch_request r[] = {rig_get(url), rig_get(url), rig_get(none)};
    ck_assert_int_eq(fetcher_run(fetcher, r, 3, NULL), 0);
    struct fetch_request later = rig_fetch(fetcher, rig_get(url));
    struct fetch_request failed = rig_fetch(fetcher, rig_get(none));
    for (int i = 0; i < 2; i++) {
        assert_answer(r[i], 0);
        ck_assert_mem_eq(r[i].values[0].data, "hello", 5);
        fetch_clear(&r[i]);
    }
    assert_answer(r[2], E_INPUT);
    assert_answer(failed, E_INPUT);
    ck_assert_str_eq(failed.err.text, r[2].err.text);
    ck_assert_uint_eq(rig_lines(&http, ".hits"), 2);
    ck_assert_uint_eq(rig_lines(&http, ".connections"), 2);
    ck_assert_uint_eq(fetcher_count(fetcher), 2);
    /* An answer outlives the fetcher. */
    fetcher_free(&fetcher);
    ck_assert_mem_eq(later.values[0].data, "hello", 5);
    fetch_clear(&later);
}
END_TEST

START_TEST(slow_ones_end_with_the_deadline_and_others_do_not_wait)
{
    struct fetcher *f = rig_fetcher(LITTLE_MS);
    struct fetch_request r[12];
    char urls[12][100];
    for (int i = 0; i < 12; i++) {
        snprintf(urls[i], sizeof urls[i], "%s?%d", rig_url(&http, i < 10 ? "/slow" : "/drip"), i);
        r[i] = rig_get(urls[i]);
    }
    ck_assert_int_eq(fetcher_run(f, r, 12, NULL), 0);
    for (int i = 0; i < 12; i++) {
        ck_assert_msg(r[i].rc == E_TIMEOUT || (i >= 10 && r[i].rc < 0), "%d: %s", i,
                      err_text(&r[i].err));
        fetch_clear(&r[i]);
    }
    /* All had reached the server: they ran side by side. */
    ck_assert_uint_eq(rig_lines(&http, ".hits"), 12);
    /* The time is over for what comes later, too; nothing is asked. */
    struct fetch_request late = rig_fetch(f, rig_get(rig_url(&http, "/file")));
    assert_answer(late, E_TIMEOUT);
    ck_assert_uint_eq(rig_lines(&http, ".hits"), 12);
    fetcher_free(&f);
}
END_TEST

START_TEST(a_good_answer_beside_a_slow_one_is_had)
{
    struct fetcher *f = rig_fetcher(2000);
    struct fetch_request r[] = {rig_get(rig_url(&http, "/slow")), rig_get(rig_url(&http, "/file"))};
    ck_assert_int_eq(fetcher_run(f, r, 2, NULL), 0);
    assert_answer(r[0], E_TIMEOUT);
    assert_answer(r[1], 0);
    fetch_clear(&r[1]);
    fetcher_free(&f);
}
END_TEST

/* zeros compressed: 1 MiB in about 1 kB. */
static size_t
make_bomb(uint8_t *out, size_t max)
{
    static uint8_t zeros[1024 * 1024];
    z_stream z = {.next_in = zeros, .avail_in = sizeof zeros, .next_out = out,
                  .avail_out = (unsigned)max};
    ck_assert_int_eq(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return z.total_out;
}

START_TEST(nothing_is_decompressed)
{
    uint8_t bomb[8192];
    size_t len = make_bomb(bomb, sizeof bomb);
    rig_write(&http, "bomb", bomb, len, false);
    struct fetch_request r = rig_fetch(fetcher, rig_get(rig_url(&http, "/gzip/bomb")));
    assert_answer(r, 0);
    ck_assert_uint_eq(r.values[0].len, len);
    ck_assert_mem_eq(r.values[0].data, bomb, len);
    fetch_clear(&r);
    /* In transfer, where libcurl undoes it: no more than was asked for. */
    r = rig_fetch(fetcher, rig_get(rig_url(&http, "/tegzip/bomb")));
    ck_assert_msg(r.rc == E_LIMIT || r.rc == E_MALFORMED || (r.rc == 0 && r.values[0].len == len),
                  "%s", err_text(&r.err));
    fetch_clear(&r);
}
END_TEST

static struct fetcher *
with_proxy(const char *proxy)
{
    struct fetch_settings settings = {.proxy = proxy, .deadline_ms = PLENTY_MS};
    struct fetcher *f = NULL;
    ck_assert_int_eq(fetcher_new(&f, &settings, NULL), 0);
    return f;
}

START_TEST(a_proxy_is_used_and_its_own_address_is_no_matter)
{
    struct fetcher *f = with_proxy(rig_url(&http, ""));
    struct fetch_request r = rig_fetch(f, rig_get("http://ca.example/file"));
    assert_answer(r, 0);
    fetch_clear(&r);
    size_t len;
    char *hits = rig_read(&http, ".hits", &len);
    ck_assert_str_eq(hits, "GET http://ca.example/file\n");
    free(hits);
    fetcher_free(&f);
}
END_TEST

START_TEST(the_environments_proxy_and_its_exceptions)
{
    setenv("http_proxy", rig_url(&http, ""), 1);
    setenv("no_proxy", "10.0.0.0/8,.intern.example,localhost,127.0.0.1", 1);
    struct fetcher *f = with_proxy(NULL), *none = with_proxy("none");
    struct fetch_request r = rig_fetch(f, rig_get("http://ca.example/file"));
    assert_answer(r, 0);
    fetch_clear(&r);
    /* Not through the proxy, so its address counts; nor does a redirect lead there. */
    r = rig_fetch(f, rig_get("http://127.0.0.1:1/file"));
    assert_answer(r, E_DENIED);
    r = rig_fetch(f, rig_get("http://ca.example/to?http://127.0.0.1:1/file"));
    assert_answer(r, E_DENIED);
    r = rig_fetch(none, rig_get("http://127.0.0.1:1/file"));
    assert_answer(r, E_DENIED);
    fetcher_free(&f);
    fetcher_free(&none);
    unsetenv("http_proxy");
    unsetenv("no_proxy");
}
END_TEST

START_TEST(nobody_listens)
{
    struct fetch_request r = rig_fetch(fetcher, rig_get("http://127.0.0.1:1/file"));
    assert_answer(r, E_SYSTEM);
    r = rig_fetch(fetcher, rig_get("http://nowhere.invalid/file"));
    assert_answer(r, E_SYSTEM);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("fetch-http");
    TCase *t = tcase_create("http");
    tcase_set_timeout(t, 100);
    tcase_add_checked_fixture(t, begin, end);
    tcase_add_test(t, a_file_comes_whole);
    tcase_add_test(t, an_empty_file_is_one_empty_value);
    tcase_add_test(t, as_large_as_was_asked_for_and_no_larger);
    tcase_add_loop_test(t, what_a_server_does_is_told, 0, sizeof outcomes / sizeof *outcomes);
    tcase_add_loop_test(t, what_is_never_asked, 0, sizeof refused / sizeof *refused);
    tcase_add_loop_test(t, private_addresses_are_refused_unless_allowed, 0,
                        sizeof private_hosts / sizeof *private_hosts);
    tcase_add_test(t, what_is_posted_arrives);
    tcase_add_test(t, a_post_needs_http);
    tcase_add_test(t, asked_twice_goes_out_once);
    tcase_add_test(t, slow_ones_end_with_the_deadline_and_others_do_not_wait);
    tcase_add_test(t, a_good_answer_beside_a_slow_one_is_had);
    tcase_add_test(t, nothing_is_decompressed);
    tcase_add_test(t, a_proxy_is_used_and_its_own_address_is_no_matter);
    tcase_add_test(t, the_environments_proxy_and_its_exceptions);
    tcase_add_test(t, nobody_listens);
    suite_add_tcase(s, t);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}

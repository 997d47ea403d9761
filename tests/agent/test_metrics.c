/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is counted, how it is told, and to whom. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/metrics.h"
#include "agent/metrics_http.h"
#include "agent/metrics_text.h"
#include "tests/base/run.h"

#define KEY_A "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define KEY_B "fedcba98765432100123456789abcdef0123456789abcdef0123456789abcdef"
#define THREADS 8
#define ROUNDS 2000

static long
number(const json_t *o, const char *name)
{
    const json_t *n = json_object_get(o, name);

    ck_assert_msg(json_is_integer(n), "no number %s", name);
    return (long)json_integer_value(n);
}

/* The series of that key on that token in STATUS. */
static const json_t *
series(const json_t *o, const char *key, const char *token)
{
    const json_t *s;
    size_t i;

    json_array_foreach(json_object_get(o, "keys"), i, s)
        if (strcmp(json_string_value(json_object_get(s, "key")), key) == 0 &&
            strcmp(json_string_value(json_object_get(s, "token")), token) == 0)
            return s;
    ck_abort_msg("no series of %s on %s", key, token);
    return NULL;
}

START_TEST(counts_by_key_and_token)
{
    struct metrics *m = metrics_new();

    metrics_operation(m, KEY_A, "one", "sign", 0, 700);
    metrics_operation(m, KEY_A, "one", "sign", 0, 90);
    metrics_operation(m, KEY_A, "two", "decrypt", E_TOKEN, 5);
    metrics_operation(m, KEY_B, NULL, "derive", E_DENIED, 5);
    metrics_operation(m, KEY_B, NULL, "nonsense", 0, 5);
    json_t *o = metrics_json(m);
    ck_assert_int_eq(number(o, "ok"), 2);
    ck_assert_int_eq(number(o, "denied"), 1);
    ck_assert_int_eq(number(o, "failed"), 1);
    const json_t *a = series(o, "0123456789abcdef", "one");
    ck_assert_int_eq(number(json_object_get(a, "sign"), "ok"), 2);
    ck_assert_ptr_null(json_object_get(a, "decrypt"));
    const json_t *latency = json_object_get(a, "latency");
    ck_assert_int_eq(number(latency, "count"), 2);
    ck_assert_int_eq(number(latency, "sum_us"), 790);
    ck_assert_int_eq(number(latency, "p50_us"), 100);
    ck_assert_int_eq(number(latency, "p99_us"), 1000);
    const json_t *b = series(o, "fedcba9876543210", "");
    ck_assert_int_eq(number(json_object_get(b, "derive"), "denied"), 1);
    ck_assert_int_eq(number(json_object_get(b, "latency"), "count"), 0);
    ck_assert_uint_eq(json_array_size(json_object_get(o, "keys")), 3);
    json_decref(o);
    metrics_free(&m);
    ck_assert_ptr_null(m);
    metrics_free(&m);
}
END_TEST

START_TEST(counts_events)
{
    struct metrics *m = metrics_new();

    metrics_denial(m, METRICS_DENIED_POLICY);
    metrics_prompt_result(m, 0);
    metrics_prompt_result(m, E_PIN_NEEDED);
    metrics_prompt_result(m, E_PIN_CANCELLED);
    metrics_prompt_result(m, E_SYSTEM);
    metrics_login(m, 0);
    metrics_login(m, E_PIN_WRONG);
    metrics_client(m, true);
    metrics_client(m, false);
    json_t *o = metrics_json(m);
    ck_assert_int_eq(number(json_object_get(o, "denials"), "policy"), 1);
    ck_assert_int_eq(number(json_object_get(o, "denials"), "locked"), 0);
    const json_t *prompts = json_object_get(o, "prompts");
    ck_assert_int_eq(number(prompts, "answered"), 1);
    ck_assert_int_eq(number(prompts, "impossible"), 1);
    ck_assert_int_eq(number(prompts, "cancelled"), 1);
    ck_assert_int_eq(number(prompts, "failed"), 1);
    ck_assert_int_eq(number(o, "logins"), 1);
    ck_assert_int_eq(number(o, "logins_failed"), 1);
    ck_assert_int_eq(number(o, "clients"), 1);
    ck_assert_int_eq(number(o, "turned_away"), 1);
    json_decref(o);
    metrics_free(&m);
}
END_TEST

START_TEST(nobody_counts)
{
    metrics_operation(NULL, KEY_A, "t", "sign", 0, 1);
    metrics_denial(NULL, METRICS_DENIED_LOCKED);
    metrics_prompt(NULL, METRICS_PROMPT_FAILED);
    metrics_login(NULL, 0);
    metrics_client(NULL, true);
    metrics_touch(NULL);
    ck_assert_uint_eq(metrics_clients(NULL, true), 0);
}
END_TEST

static void *
work(void *arg)
{
    struct metrics *m = arg;
    char token[16];

    for (unsigned i = 0; i < ROUNDS; i++) {
        snprintf(token, sizeof token, "t%u", i % 40);
        metrics_operation(m, KEY_A, token, "sign", 0, i);
    }
    return NULL;
}

START_TEST(threads_lose_nothing)
{
    struct metrics *m = metrics_new();
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, work, m), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    json_t *o = metrics_json(m);
    ck_assert_uint_eq(json_array_size(json_object_get(o, "keys")), 40);
    ck_assert_int_eq(number(o, "ok"), THREADS * ROUNDS);
    json_decref(o);
    metrics_free(&m);
}
END_TEST

/* Who may name tokens may not fill the memory with them. */
START_TEST(series_are_bounded)
{
    struct metrics *m = metrics_new();
    char token[128];

    for (unsigned i = 0; i < 10 * METRICS_SERIES_MAX; i++) {
        snprintf(token, sizeof token, "%u-%.*s", i, (int)(i % 100), KEY_A KEY_B);
        metrics_operation(m, KEY_A, token, "sign", 0, 1);
    }
    json_t *o = metrics_json(m);
    ck_assert_uint_eq(json_array_size(json_object_get(o, "keys")), METRICS_SERIES_MAX + 1);
    ck_assert_int_eq(number(o, "ok"), 10 * METRICS_SERIES_MAX);
    ck_assert_int_eq(number(json_object_get(series(o, "other", ""), "sign"), "ok"),
                     9 * METRICS_SERIES_MAX);
    json_decref(o);
    metrics_free(&m);
}
END_TEST

static bool
rings(int bell)
{
    struct pollfd p = {.fd = bell, .events = POLLIN};
    uint64_t n;

    return poll(&p, 1, 0) == 1 && read(bell, &n, sizeof n) == (ssize_t)sizeof n;
}

START_TEST(bell_rings_once_per_settle)
{
    struct metrics *m = metrics_new();
    int bell = metrics_bell(m);

    ck_assert_int_ge(bell, 0);
    ck_assert_int_eq(metrics_bell(m), bell);
    ck_assert(!rings(bell));
    metrics_login(m, 0);
    ck_assert(rings(bell));
    metrics_login(m, 0);
    ck_assert(!rings(bell));
    metrics_settle(m);
    ck_assert(!rings(bell));
    metrics_touch(m);
    ck_assert(rings(bell));
    metrics_free(&m);
}
END_TEST

static struct buf *
text_of(struct metrics *m)
{
    struct hosts *hosts = hosts_new(NULL, NULL);
    const struct agent a = {.metrics = m, .hosts = hosts};
    struct buf *out = buf_new();

    ck_assert_int_eq(metrics_text(&a, out), 0);
    hosts_free(&hosts);
    return out;
}

static void
has_line(struct buf *text, const char *line)
{
    const char *at = buf_cstr(text);
    size_t len = strlen(line);

    while (at && !(strncmp(at, line, len) == 0 && at[len] == '\n')) {
        at = strchr(at, '\n');
        at = at ? at + 1 : NULL;
    }
    ck_assert_msg(at, "no line \"%s\" in:\n%s", line, buf_cstr(text));
}

START_TEST(prometheus_text)
{
    struct metrics *m = metrics_new();

    metrics_operation(m, KEY_A, "To\\k\"en\n", "sign", 0, 700);
    metrics_operation(m, KEY_A, "To\\k\"en\n", "sign", 0, 1300000);
    metrics_operation(m, KEY_A, "To\\k\"en\n", "sign", 0, 99000000);
    metrics_denial(m, METRICS_DENIED_HOURS);
    struct buf *text = text_of(m);
#define SERIES "key=\"0123456789abcdef\",token=\"To\\\\k\\\"en\\n\""
    has_line(text, "signet_operations_total{" SERIES ",operation=\"sign\",result=\"ok\"} 3");
    has_line(text, "signet_operation_duration_seconds_bucket{" SERIES ",le=\"0.0005\"} 0");
    has_line(text, "signet_operation_duration_seconds_bucket{" SERIES ",le=\"0.001\"} 1");
    has_line(text, "signet_operation_duration_seconds_bucket{" SERIES ",le=\"5\"} 2");
    has_line(text, "signet_operation_duration_seconds_bucket{" SERIES ",le=\"+Inf\"} 3");
    has_line(text, "signet_operation_duration_seconds_sum{" SERIES "} 100.300700");
    has_line(text, "signet_operation_duration_seconds_count{" SERIES "} 3");
    has_line(text, "signet_denials_total{reason=\"hours\"} 1");
    has_line(text, "# TYPE signet_operation_duration_seconds histogram");
    ck_assert_uint_eq(buf_data(text)[buf_len(text) - 1], '\n');
    buf_free(&text);
    metrics_free(&m);
}
END_TEST

static int
render_line(void *arg, struct buf *out)
{
    ++*(unsigned *)arg;
    return buf_put_str(out, "one 1\n");
}

/* What a request gets. shut: the client sends no more. */
static const char *
answer(const char *request, size_t len, unsigned *ret_rendered)
{
    static char reply[8192];
    size_t got = 0;
    ssize_t n;
    int pair[2];

    *ret_rendered = 0;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    ck_assert_int_eq(write(pair[0], request, len), (ssize_t)len);
    shutdown(pair[0], SHUT_WR);
    metrics_http(pair[1], render_line, ret_rendered);
    close(pair[1]);
    while ((n = read(pair[0], reply + got, sizeof reply - 1 - got)) > 0)
        got += (size_t)n;
    reply[got] = '\0';
    close(pair[0]);
    return reply;
}

START_TEST(http)
{
    static const struct {
        const char *request, *status;
        bool rendered, body;
    } cases[] = {
        {"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "200 OK", true, true},
        {"GET / HTTP/1.0\r\n\r\n", "200 OK", true, true},
        {"GET /metrics?x=y HTTP/1.1\n\n", "200 OK", true, true},
        {"HEAD /metrics HTTP/1.1\r\n\r\n", "200 OK", true, false},
        {"GET /metricsx HTTP/1.1\r\n\r\n", "404 Not Found", false, true},
        {"GET /../etc/passwd HTTP/1.1\r\n\r\n", "404 Not Found", false, true},
        {"POST /metrics HTTP/1.1\r\n\r\n", "405 Method Not Allowed", false, true},
        {"GET /metrics\r\n\r\n", "400 Bad Request", false, true},
        {"GET /metrics HTTP/1.1x\r\n\r\n", "400 Bad Request", false, true},
        {"get /metrics HTTP/1.1\r\n\r\n", "400 Bad Request", false, true},
        {"GET /metrics HTTP/1.1\r\nHost: cut", "400 Bad Request", false, true},
        {"\r\n\r\n", "400 Bad Request", false, true},
        {"", "400 Bad Request", false, true},
        {"GET /metrics HTTP/2.0\r\n\r\n", "400 Bad Request", false, true},
    };
    unsigned rendered;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *reply = answer(cases[i].request, strlen(cases[i].request), &rendered);
        char want[64];
        snprintf(want, sizeof want, "HTTP/1.1 %s\r\n", cases[i].status);
        ck_assert_msg(strncmp(reply, want, strlen(want)) == 0, "%s got: %s", cases[i].request,
                      reply);
        ck_assert_msg(!!rendered == cases[i].rendered, "%s", cases[i].request);
        const char *body = strstr(reply, "\r\n\r\n");
        ck_assert_ptr_nonnull(body);
        ck_assert_msg((body[4] != '\0') == cases[i].body, "%s got: %s", cases[i].request, reply);
    }
}
END_TEST

START_TEST(http_bad)
{
    static const char with_nul[] = "GET /\0etrics HTTP/1.1\r\n\r\n";
    char request[METRICS_HTTP_MAX + 100];
    unsigned rendered;
    int len = snprintf(request, sizeof request, "GET /metrics HTTP/1.1\r\n");

    memset(request + len, 'A', sizeof request - (size_t)len);
    const char *reply = answer(request, METRICS_HTTP_MAX, &rendered);
    ck_assert_msg(strncmp(reply, "HTTP/1.1 400", 12) == 0, "%s", reply);
    ck_assert_uint_eq(rendered, 0);
    reply = answer(with_nul, sizeof with_nul - 1, &rendered);
    ck_assert_msg(strncmp(reply, "HTTP/1.1 400", 12) == 0, "%s", reply);
}
END_TEST

int
main(void)
{
    TCase *c = tcase_create("metrics");

    tcase_add_test(c, counts_by_key_and_token);
    tcase_add_test(c, counts_events);
    tcase_add_test(c, nobody_counts);
    tcase_add_test(c, threads_lose_nothing);
    tcase_add_test(c, series_are_bounded);
    tcase_add_test(c, bell_rings_once_per_settle);
    tcase_add_test(c, prometheus_text);
    tcase_add_test(c, http);
    tcase_add_test(c, http_bad);
    return run_suite("metrics", &c, 1);
}

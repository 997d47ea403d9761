/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * agent-rate: how many signatures a second come through the agent: N clients, a
 * connection and a thread each, SIGN in a loop. Prints one line of JSON.
 *
 *     agent-rate --key KEY [--clients N] [--seconds N] [--home DIR]
 *
 * The agent is started when none runs. RSA keys sign a SHA-256 digest by PKCS#1
 * v1.5, EC keys by ECDSA, Ed25519 keys 32 bytes.
 */
#include <getopt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/client.h"

#define CLIENTS_MAX 256
#define DIGEST 32

static struct {
    const char *key, *home;
    unsigned clients, seconds;
} args = {.clients = 1, .seconds = 2};

static struct home home;
static struct client_key key;
static const struct alg_sig *scheme;
static pthread_barrier_t ready;
static atomic_bool stop, failed;

struct worker {
    pthread_t thread;
    struct client *client;
    unsigned long count;
    double slowest; /* microseconds */
};

static void
die(const char *what, const struct err *err)
{
    fprintf(stderr, "agent-rate: %s: %s\n", what, err_text(err));
    exit(1);
}

static void
parse(int argc, char **argv)
{
    static const struct option list[] = {{"key", required_argument, NULL, 'k'},
                                         {"clients", required_argument, NULL, 'c'},
                                         {"seconds", required_argument, NULL, 's'},
                                         {"home", required_argument, NULL, 'H'},
                                         {0}};
    int c;

    while ((c = getopt_long(argc, argv, "", list, NULL)) != -1) {
        if (c == 'k')
            args.key = optarg;
        else if (c == 'H')
            args.home = optarg;
        else if (c == 'c')
            args.clients = (unsigned)strtoul(optarg, NULL, 10);
        else if (c == 's')
            args.seconds = (unsigned)strtoul(optarg, NULL, 10);
        else
            exit(2);
    }
    if (!args.key || args.clients < 1 || args.clients > CLIENTS_MAX || args.seconds < 1) {
        fputs("usage: agent-rate --key KEY [--clients N] [--seconds N] [--home DIR]\n", stderr);
        exit(2);
    }
}

static double
now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct client *
open_client(void)
{
    static const struct client_options opts = {.batch = true, .front = "bench"};
    struct client *c = NULL;
    struct err err = {0};

    if (client_open(&c, &home, &opts, &err) != 0)
        die("no agent", &err);
    return c;
}

static void
find_key(void)
{
    struct client *c = open_client();
    struct err err = {0};

    if (client_find_key(c, args.key, &key, &err) != 0)
        die("no key", &err);
    client_free(&c);
    scheme = alg_sig_by_name(key.type == ALG_KEY_RSA  ? "rsa-pkcs1-sha256"
                             : key.type == ALG_KEY_EC ? "ecdsa-sha256"
                                                      : "ed25519");
}

static int
sign(struct worker *w, struct buf *out, struct err *err)
{
    uint8_t digest[DIGEST] = {0};

    memcpy(digest, &w->count, sizeof w->count);
    buf_reset(out);
    return client_sign(w->client, key.name, scheme, digest, sizeof digest, out, err);
}

static void *
work(void *arg)
{
    struct worker *w = arg;
    struct buf *out = buf_new();
    struct err err = {0};

    /* The first one logs in and warms up; it is not counted. */
    if (!out || sign(w, out, &err) != 0)
        die("the first signature failed", &err);
    pthread_barrier_wait(&ready);
    double began = now();
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        if (sign(w, out, &err) != 0) {
            fprintf(stderr, "agent-rate: %s\n", err_text(&err));
            atomic_store(&failed, true);
            break;
        }
        double at = now();
        if ((at - began) * 1e6 > w->slowest)
            w->slowest = (at - began) * 1e6;
        began = at;
        w->count++;
    }
    buf_free(&out);
    return NULL;
}

static void
measure(struct worker *workers)
{
    const struct timespec length = {.tv_sec = (time_t)args.seconds};
    unsigned long sum = 0;
    double began, took, slowest = 0;

    pthread_barrier_init(&ready, NULL, args.clients + 1);
    for (unsigned i = 0; i < args.clients; i++) {
        workers[i].client = open_client();
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            exit(1);
    }
    pthread_barrier_wait(&ready);
    began = now();
    nanosleep(&length, NULL);
    atomic_store(&stop, true);
    for (unsigned i = 0; i < args.clients; i++) {
        pthread_join(workers[i].thread, NULL);
        client_free(&workers[i].client);
        sum += workers[i].count;
        if (workers[i].slowest > slowest)
            slowest = workers[i].slowest;
    }
    took = now() - began;
    printf("{\"scheme\": \"%s\", \"clients\": %u, \"seconds\": %.2f, \"signatures\": %lu, "
           "\"per_second\": %.1f, \"slowest_us\": %.0f}\n", scheme->name, args.clients, took,
           sum, (double)sum / took, slowest);
}

int
main(int argc, char **argv)
{
    static struct worker workers[CLIENTS_MAX];
    struct err err = {0};

    parse(argc, argv);
    if (home_resolve(&home, args.home, &err) != 0)
        die("no home", &err);
    find_key();
    measure(workers);
    client_key_clear(&key);
    home_clear(&home);
    return atomic_load(&failed) ? 1 : 0;
}

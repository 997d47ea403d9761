/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is fetched from the network, by signet-fetch, the one process that may (fetch/).
 * This is the side of whoever asks; it opens no internet socket and loads no library
 * for one.
 *
 * Life: fetcher_new; fetcher_run with as many requests at once as there are, they run in
 * parallel; fetch_clear for each request; fetcher_free. The helper is started by the first
 * fetcher_run that has something to fetch, and ends with fetcher_free.
 *
 * Limits. All runs of one fetcher share one deadline, which begins with the first: what is
 * not there when it is over has failed (E_TIMEOUT). Nothing is asked for twice: the same
 * request gets the remembered answer, also when that is a failure. Offline, each request is
 * E_OFFLINE and no process is started. Schemes other than http, https, ldap and ldaps, and
 * (unless allowed) addresses of private networks and of this machine, are E_DENIED.
 *
 * Failures: E_INPUT, the server says that it has none (404, no such entry or value, no such
 * record); E_SYSTEM, unreachable or another refusal; E_TIMEOUT; E_LIMIT, too large, or more
 * than three redirects, or too many requests; E_MALFORMED, no URL or no proper answer;
 * E_UNSUPPORTED, a URL that cannot be fetched, such as one of LDAP that names no server or no
 * attribute; E_DENIED, as said, and a TLS server or a DNS answer (RFC 4035) that proves
 * false; E_HOST, the helper ended or said what it must not.
 *
 * What comes back was not looked at: it is hostile bytes, no longer than asked for, in sealed
 * memory of the helper's that is mapped here. One thread.
 */
#ifndef SIGNET_TRUST_FETCH_H
#define SIGNET_TRUST_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define FETCH_DEADLINE_MS 3000u
/* Requests of one fetcher_run, and of one fetcher's life, at most. */
#define FETCH_REQUESTS_MAX 64
#define FETCH_TOTAL_MAX 256
#define FETCH_URL_MAX 2048
/* Of a body that is posted, and of its media type. */
#define FETCH_BODY_MAX 65536
#define FETCH_TYPE_MAX 127
/* Values of one answer at most (an LDAP attribute, a DNS answer). */
#define FETCH_VALUES_MAX 1024

enum fetch_kind {
    FETCH_GET,      /* one value: the body; of an LDAP URL (RFC 4516) each value of the attribute */
    FETCH_POST,     /* HTTP alone */
    FETCH_SMIMEA,   /* where: an e-mail address; each value: the RDATA of a record (RFC 8162) */
};

struct fetch_value {
    const uint8_t *data;
    size_t len;
};

struct fetch_request {
    enum fetch_kind kind;
    const char *where;
    const char *media_type;      /* of a body that is posted */
    const uint8_t *body;
    size_t body_len;
    size_t max_bytes;            /* of the answer in all; more of it is E_LIMIT */

    /* The answer. */
    int rc;                      /* 0, or E_* with a sentence in err */
    struct err err;
    struct fetch_value *values;  /* till fetch_clear */
    size_t count;
    bool authenticated;          /* FETCH_SMIMEA: DNSSEC proved it, or that there is none */
    void *mapping;               /* fetch.c's own */
    size_t mapping_len;
};

struct fetch_settings {
    bool offline;
    bool allow_private;          /* [fetch] private */
    unsigned deadline_ms;        /* 0: FETCH_DEADLINE_MS */
    const char *proxy;           /* [fetch] proxy: a URL, "none"; NULL: the environment's */
    const char *trust_anchor;    /* [fetch] dnssec-anchor: a file; NULL: the root's */
    const char *resolver;        /* [fetch] resolver: HOST[@PORT]; NULL: the system's */
};

struct conf;
/* What [fetch] of a configuration says; the texts are borrowed from it. */
void fetch_settings_read(struct fetch_settings *, const struct conf *);

struct fetcher;

/* The settings are copied. */
int fetcher_new(struct fetcher **ret, const struct fetch_settings *, struct err *err) must_check;
/* Fills each request's answer. 0 whatever these are; E_* when nothing could be asked
 * (E_HOST: the helper cannot be run). */
int fetcher_run(struct fetcher *, struct fetch_request *, size_t count,
                struct err *err) must_check;
void fetch_clear(struct fetch_request *);
/* How many requests went out so far. */
unsigned fetcher_count(const struct fetcher *);
void fetcher_free(struct fetcher **);
#define autofree_fetcher __attribute__((cleanup(fetcher_free)))

#endif

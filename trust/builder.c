/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/builder.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/x509v3.h>

#include "base/text.h"
#include "trust/certificate.h"

/* Links known to be bad, and paths remembered as given; more are but met again. */
#define LINKS_MAX 256
#define GIVEN_MAX 128

/* Ranks of an issuer: the smaller the sooner. */
#define RANK_OTHER_KEY 16
#define RANK_NO_ANCHOR 8
#define RANK_NOT_VALID 4
#define RANK_NO_KEY_ID 2

struct edge {
    uint16_t to;
    uint8_t rank;
};

struct node {
    X509 *cert;
    const char *anchor;  /* borrowed, or mark */
    char mark[40];
    bool expanded, root; /* root: it has signed itself */
    struct edge *edges;
    size_t edge_count, edge_room;
};

struct way {
    uint16_t nodes[BUILDER_LENGTH_MAX];
    size_t length;
};

struct builder {
    struct builder_sources from;
    enum builder_reach reach;
    struct node *nodes[BUILDER_CERTS_MAX]; /* the first is the signer */
    size_t count;
    STACK_OF(X509) *fetched;
    struct way at;                        /* where the walk is */
    size_t next[BUILDER_LENGTH_MAX];      /* the edge to take there */
    struct way dead_end;
    struct way given[GIVEN_MAX];
    size_t given_count;
    struct { uint16_t child, issuer; } bad[LINKS_MAX];
    size_t bad_count;
    unsigned steps;
    bool bounded;
};

static int
no_memory(struct err *err)
{
    return err_set(err, E_NOMEM, "out of memory for certification paths");
}

static void
start(struct builder *b)
{
    b->at = (struct way){.length = 1};
    b->next[0] = 0;
}

/* The certificate's node, made when there is none; NULL with *rc 0 when there is no room. */
static struct node *
node_of(struct builder *b, X509 *cert, size_t *ret, int *rc)
{
    for (size_t i = 0; i < b->count; i++)
        if (b->nodes[i]->cert == cert || X509_cmp(b->nodes[i]->cert, cert) == 0) {
            *ret = i;
            return b->nodes[i];
        }
    if (b->count == BUILDER_CERTS_MAX) {
        b->bounded = true;
        return NULL;
    }
    struct node *n = calloc(1, sizeof *n);
    if (n == NULL) {
        *rc = E_NOMEM;
        return NULL;
    }
    X509_up_ref(cert);
    n->cert = cert;
    n->root = X509_NAME_cmp(X509_get_subject_name(cert), X509_get_issuer_name(cert)) == 0 &&
              X509_self_signed(cert, 1) == 1;
    *ret = b->count;
    return b->nodes[b->count++] = n;
}

int
builder_new(struct builder **ret, X509 *signer, const struct builder_sources *from,
            struct err *err)
{
    struct builder *b = calloc(1, sizeof *b);
    size_t first;
    int rc = 0;

    if (b == NULL)
        return no_memory(err);
    b->from = *from;
    if (b->from.at == 0)
        b->from.at = time(NULL);
    b->fetched = sk_X509_new_null();
    if (b->fetched == NULL || node_of(b, signer, &first, &rc) == NULL) {
        builder_free(&b);
        return no_memory(err);
    }
    start(b);
    *ret = b;
    return 0;
}

void
builder_free(struct builder **b)
{
    if (b == NULL || *b == NULL)
        return;
    for (size_t i = 0; i < (*b)->count; i++) {
        X509_free((*b)->nodes[i]->cert);
        free((*b)->nodes[i]->edges);
        free((*b)->nodes[i]);
    }
    sk_X509_pop_free((*b)->fetched, X509_free);
    free(*b);
    *b = NULL;
}

/* RFC 5280 4.2.1.1: a hint at which of several keys it was. */
static uint8_t
key_rank(const X509 *child, const X509 *issuer)
{
    const ASN1_OCTET_STRING *asked = X509_get0_authority_key_id((X509 *)(uintptr_t)child);
    const ASN1_OCTET_STRING *has = X509_get0_subject_key_id((X509 *)(uintptr_t)issuer);
    const ASN1_INTEGER *serial = X509_get0_authority_serial((X509 *)(uintptr_t)child);

    if (serial != NULL && ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(issuer)) != 0)
        return RANK_OTHER_KEY;
    if (asked == NULL || has == NULL)
        return RANK_NO_KEY_ID;
    return ASN1_OCTET_STRING_cmp(asked, has) == 0 ? 0 : RANK_OTHER_KEY;
}

static uint8_t
rank_of(const struct builder *b, const struct node *child, const struct node *issuer)
{
    time_t at = b->from.at;
    bool valid = X509_cmp_time(X509_get0_notBefore(issuer->cert), &at) < 0 &&
                 X509_cmp_time(X509_get0_notAfter(issuer->cert), &at) > 0;

    return (uint8_t)(key_rank(child->cert, issuer->cert) +
                     (issuer->anchor == NULL ? RANK_NO_ANCHOR : 0) +
                     (valid ? 0 : RANK_NOT_VALID));
}

static int
put_edge(struct node *n, struct edge edge)
{
    if (n->edge_count == n->edge_room) {
        size_t room = n->edge_room == 0 ? 4 : 2 * n->edge_room;
        struct edge *more = reallocarray(n->edges, room, sizeof *more);

        if (more == NULL)
            return E_NOMEM;
        n->edges = more;
        n->edge_room = room;
    }
    size_t at = n->edge_count++;
    while (at > 0 && n->edges[at - 1].rank > edge.rank) {
        n->edges[at] = n->edges[at - 1];
        at--;
    }
    n->edges[at] = edge;
    return 0;
}

/* What is found while the issuers of one node are looked for; or, with the node's own name,
 * whether it is an anchor itself. */
struct search {
    struct builder *b;
    struct node *child;
    bool itself;
};

/* An issuer to be ranked when all that is known of it is; edges are sorted afterwards. */
static int
take(struct search *s, X509 *cert, const char *anchor, const char *mark)
{
    size_t at;
    int rc = 0;

    if (s->itself && X509_cmp(cert, s->child->cert) != 0)
        return 0;
    struct node *n = node_of(s->b, cert, &at, &rc);
    if (n == NULL)
        return rc;
    if (mark != NULL && n->anchor == NULL) {
        snprintf(n->mark, sizeof n->mark, "%s", mark);
        n->anchor = n->mark;
    }
    if (anchor != NULL && n->anchor == NULL)
        n->anchor = anchor;
    if (s->itself)
        return 0;
    for (size_t i = 0; i < s->child->edge_count; i++)
        if (s->child->edges[i].to == at)
            return 0;
    return put_edge(s->child, (struct edge){.to = (uint16_t)at});
}

static int
take_anchor(void *arg, X509 *cert, const char *from)
{
    return take(arg, cert, from, NULL);
}

static int
take_stored(void *arg, const struct store_cert *stored)
{
    char mark[40], when[TEXT_TIME_LEN];

    if (stored->trust != STORE_TRUSTED)
        return take(arg, stored->cert, NULL, NULL);
    text_time(stored->marked, when);
    snprintf(mark, sizeof mark, "you, on %.10s", when);
    return take(arg, stored->cert, NULL, mark);
}

static int
look_in_list(struct search *s, STACK_OF(X509) *list, const X509_NAME *name)
{
    int rc = 0, count = sk_X509_num(list);

    if (count > BUILDER_CERTS_MAX) {
        s->b->bounded = true;
        count = BUILDER_CERTS_MAX;
    }
    for (int i = 0; rc == 0 && i < count; i++)
        if (X509_NAME_cmp(X509_get_subject_name(sk_X509_value(list, i)), name) == 0)
            rc = take(s, sk_X509_value(list, i), NULL, NULL);
    return rc;
}

static int
look(struct search *s, const X509_NAME *name, struct err *err)
{
    struct builder *b = s->b;
    struct store_query query = {.by = STORE_BY_SUBJECT, .name = name};
    enum anchors_reach reach = b->reach >= BUILDER_SYSTEM  ? ANCHORS_SYSTEM
                               : b->reach >= BUILDER_STORE ? ANCHORS_FOLDERS
                                                           : ANCHORS_NAMED;
    int rc = anchors_find(b->from.anchors, reach, name, take_anchor, s, err);

    if (rc == 0 && b->reach >= BUILDER_STORE && b->from.store != NULL)
        rc = store_search(b->from.store, &query, BUILDER_STORED_MAX, take_stored, s, err);
    if (rc == 0 && !s->itself)
        rc = look_in_list(s, b->from.message, name);
    if (rc == 0 && !s->itself)
        rc = look_in_list(s, b->fetched, name);
    return rc == E_NOMEM ? no_memory(err) : rc;
}

static void
sort_edges(const struct builder *b, struct node *n)
{
    size_t count = n->edge_count;

    for (n->edge_count = 0; n->edge_count < count;) {
        struct edge edge = n->edges[n->edge_count];

        edge.rank = rank_of(b, n, b->nodes[edge.to]);
        (void)!put_edge(n, edge); /* there is room */
    }
}

static int
expand(struct builder *b, struct node *n, struct err *err)
{
    int rc = 0;

    if (n->expanded)
        return 0;
    n->edge_count = 0;
    if (n == b->nodes[0])
        rc = look(&(struct search){b, n, true}, X509_get_subject_name(n->cert), err);
    if (rc == 0 && n->anchor == NULL && !n->root)
        rc = look(&(struct search){b, n, false}, X509_get_issuer_name(n->cert), err);
    if (rc == 0)
        sort_edges(b, n);
    n->expanded = rc == 0;
    return rc;
}

static bool
same_ca(const X509 *a, const X509 *b)
{
    const ASN1_BIT_STRING *key_a = X509_get0_pubkey_bitstr(a);
    const ASN1_BIT_STRING *key_b = X509_get0_pubkey_bitstr(b);

    return X509_NAME_cmp(X509_get_subject_name(a), X509_get_subject_name(b)) == 0 &&
           ASN1_STRING_cmp(key_a, key_b) == 0;
}

static bool
is_bad(const struct builder *b, uint16_t child, uint16_t issuer)
{
    for (size_t i = 0; i < b->bad_count; i++)
        if (b->bad[i].child == child && b->bad[i].issuer == issuer)
            return true;
    return false;
}

static bool
may_follow(const struct builder *b, uint16_t to)
{
    for (size_t i = 0; i < b->at.length; i++)
        if (b->at.nodes[i] == to || same_ca(b->nodes[b->at.nodes[i]]->cert, b->nodes[to]->cert))
            return false;
    return !is_bad(b, b->at.nodes[b->at.length - 1], to);
}

/* Goes on to the next issuer of the walk's last certificate; false: there is none. */
static bool
step(struct builder *b)
{
    const struct node *n = b->nodes[b->at.nodes[b->at.length - 1]];
    size_t *next = &b->next[b->at.length - 1];

    while (b->at.length < BUILDER_LENGTH_MAX && *next < n->edge_count) {
        uint16_t to = n->edges[(*next)++].to;

        if (!may_follow(b, to))
            continue;
        b->next[b->at.length] = 0;
        b->at.nodes[b->at.length++] = to;
        return true;
    }
    return false;
}

static bool
is_given(struct builder *b)
{
    size_t bytes = b->at.length * sizeof b->at.nodes[0];

    for (size_t i = 0; i < b->given_count; i++)
        if (b->given[i].length == b->at.length &&
            memcmp(b->given[i].nodes, b->at.nodes, bytes) == 0)
            return true;
    if (b->given_count < GIVEN_MAX)
        b->given[b->given_count++] = b->at;
    return false;
}

static void
fill(const struct builder *b, const struct way *way, struct candidate *ret)
{
    ret->count = way->length;
    for (size_t i = 0; i < way->length; i++)
        ret->certs[i] = b->nodes[way->nodes[i]]->cert;
    ret->anchor = b->nodes[way->nodes[way->length - 1]]->anchor;
}

/* Leaves the walk's last certificate; the walk is over at length 0. */
static void
back(struct builder *b)
{
    b->at.length--;
}

int
builder_next(struct builder *b, struct candidate *ret, struct err *err)
{
    while (b->at.length > 0) {
        struct node *n = b->nodes[b->at.nodes[b->at.length - 1]];
        int rc = expand(b, n, err);

        if (rc != 0)
            return rc;
        if (n->anchor != NULL) {
            bool given = is_given(b);

            fill(b, &b->at, ret);
            back(b);
            if (!given)
                return 1;
            continue;
        }
        if (b->at.length > b->dead_end.length)
            b->dead_end = b->at;
        if (b->steps == BUILDER_STEPS_MAX) {
            b->bounded = true;
            return 0;
        }
        b->steps++;
        if (!step(b))
            back(b);
    }
    return 0;
}

void
builder_bad_link(struct builder *b, size_t depth)
{
    const struct way *last = &b->at; /* the anchor that was left is still behind its end */

    if (depth + 1 > last->length)
        return;
    if (b->bad_count < LINKS_MAX) {
        b->bad[b->bad_count].child = last->nodes[depth];
        b->bad[b->bad_count++].issuer = last->nodes[depth + 1];
    }
    /* Nothing behind that link is worth a look. */
    if (b->at.length > depth + 1)
        b->at.length = depth + 1;
}

void
builder_widen(struct builder *b, enum builder_reach reach)
{
    b->reach = reach;
    for (size_t i = 0; i < b->count; i++)
        b->nodes[i]->expanded = false;
    start(b);
}

int
builder_add(struct builder *b, STACK_OF(X509) *certs, size_t *ret_new, struct err *err)
{
    *ret_new = 0;
    for (int i = 0; i < sk_X509_num(certs); i++) {
        X509 *cert = sk_X509_value(certs, i);
        bool known = false;

        for (int k = 0; !known && k < sk_X509_num(b->fetched); k++)
            known = X509_cmp(sk_X509_value(b->fetched, k), cert) == 0;
        if (known)
            continue;
        if (X509_add_cert(b->fetched, cert, X509_ADD_FLAG_UP_REF) != 1)
            return no_memory(err);
        ++*ret_new;
    }
    builder_widen(b, b->reach);
    return 0;
}

void
builder_each_orphan(const struct builder *b, void (*each)(void *arg, X509 *), void *arg)
{
    for (size_t i = 0; i < b->count; i++) {
        const struct node *n = b->nodes[i];

        if (n->expanded && n->anchor == NULL && !n->root && n->edge_count == 0)
            each(arg, n->cert);
    }
}

void
builder_dead_end(const struct builder *b, struct candidate *ret)
{
    struct way signer = {.length = 1};

    fill(b, b->dead_end.length > 0 ? &b->dead_end : &signer, ret);
}

bool
builder_bounded(const struct builder *b)
{
    return b->bounded;
}

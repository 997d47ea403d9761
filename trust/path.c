/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/path.h"

#include <stdio.h>
#include <string.h>

#include "trust/builder.h"
#include "trust/issuer.h"
#include "trust/judge.h"
#include "trust/problem.h"

/* How often issuers are fetched, one above the other, at most. */
#define FETCH_ROUNDS_MAX 4
#define FETCHED "issuer's address (AIA)"

struct work {
    struct builder *builder;
    struct judge judge;
    struct path best;
    bool has_best, anchored, bounded;
    size_t tried;
    STACK_OF(X509) *fetched;
};

bool
path_has(const struct path *p, const char *word)
{
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(p->problems[i].word, word) == 0)
            return true;
    return false;
}

size_t
path_faults(const struct path *p)
{
    size_t faults = 0;

    for (size_t i = 0; i < p->count; i++)
        faults += problem_weight(p->problems[i].word) != VERDICT_GOOD;
    return faults;
}

void
path_clear(struct path *path)
{
    sk_X509_pop_free(path->chain, X509_free);
    *path = (struct path){0};
}

static bool
is_better(const struct path *a, const struct path *b)
{
    size_t faults_a = path_faults(a), faults_b = path_faults(b);

    return faults_a < faults_b || (faults_a == faults_b && a->count < b->count);
}

static int
judge_one(struct work *w, const struct candidate *c, struct err *err)
{
    struct path path;
    size_t bad;
    int rc = judge_candidate(&w->judge, c, &path, &bad, err);

    if (rc != 0)
        return rc;
    w->tried++;
    if (bad != JUDGE_LINKS_HOLD && c->anchor != NULL)
        builder_bad_link(w->builder, bad);
    if (w->has_best && !is_better(&path, &w->best)) {
        path_clear(&path);
        return 0;
    }
    path_clear(&w->best);
    w->best = path;
    w->has_best = true;
    return 0;
}

static bool
is_done(const struct work *w)
{
    return (w->has_best && path_faults(&w->best) == 0) || w->bounded;
}

/* Judges what the builder finds, till one is without fault. */
static int
search(struct work *w, struct err *err)
{
    struct candidate c;
    int rc = 0;

    while (!is_done(w) && (rc = builder_next(w->builder, &c, err)) == 1) {
        w->anchored = true;
        if (w->tried == PATH_JUDGED_MAX)
            w->bounded = true;
        else if ((rc = judge_one(w, &c, err)) != 0)
            return rc;
    }
    return rc < 0 ? rc : 0;
}

static void
take_orphan(void *arg, X509 *cert)
{
    (void)!sk_X509_push(arg, cert); /* one that is not fetched when memory is out */
}

/* One round: whatever has no issuer is asked where that is. */
static int
fetch_round(struct work *w, size_t *ret_new, struct err *err)
{
    STACK_OF(X509) *orphans = sk_X509_new_null();
    int rc = orphans == NULL ? err_set(err, E_NOMEM, "out of memory for issuers") : 0;

    *ret_new = 0;
    if (rc == 0) {
        builder_each_orphan(w->builder, take_orphan, orphans);
        rc = issuer_fetch(w->judge.options->fetcher, orphans, w->fetched, err);
    }
    /* Without a helper that fetches, the path ends here: which is told as untrusted-root. */
    if (rc == E_HOST || rc == E_OFFLINE || rc == E_TIMEOUT) {
        err_clear(err);
        rc = 0;
    }
    if (rc == 0)
        rc = builder_add(w->builder, w->fetched, ret_new, err);
    sk_X509_free(orphans);
    return rc;
}

static int
search_fetched(struct work *w, struct err *err)
{
    int rc = 0;
    size_t news = 1;

    if (w->judge.options->fetcher == NULL)
        return 0;
    w->fetched = sk_X509_new_null();
    if (w->fetched == NULL)
        return err_set(err, E_NOMEM, "out of memory for issuers' certificates");
    for (int i = 0; rc == 0 && news > 0 && !w->anchored && i < FETCH_ROUNDS_MAX; i++) {
        rc = fetch_round(w, &news, err);
        if (rc == 0 && news > 0)
            rc = search(w, err);
    }
    return rc;
}

/* What was fetched and leads to an anchor is kept, so that it need not be fetched again; a
 * store that cannot be written changes no verdict. */
static void
keep_fetched(const struct work *w)
{
    struct store *store = w->judge.options->store;

    for (int i = 0; store != NULL && path_faults(&w->best) == 0 &&
                    i < sk_X509_num(w->best.chain); i++)
        for (int k = 0; k < sk_X509_num(w->fetched); k++)
            if (X509_cmp(sk_X509_value(w->best.chain, i), sk_X509_value(w->fetched, k)) == 0)
                (void)!store_add(store, sk_X509_value(w->fetched, k), FETCHED, NULL, NULL);
}

static int
search_all(struct work *w, struct err *err)
{
    int rc = search(w, err);

    if (rc == 0 && !is_done(w)) {
        builder_widen(w->builder, BUILDER_STORE);
        rc = search(w, err);
    }
    if (rc == 0 && !is_done(w) && !w->anchored) {
        builder_widen(w->builder, BUILDER_SYSTEM);
        rc = search(w, err);
    }
    if (rc == 0 && !is_done(w) && !w->anchored)
        rc = search_fetched(w, err);
    if (rc == 0 && !w->has_best) {
        struct candidate c;

        builder_dead_end(w->builder, &c);
        rc = judge_one(w, &c, err);
    }
    return rc;
}

/* A verdict that work was saved on says so. */
static void
tell_bound(struct work *w)
{
    struct path *p = &w->best;

    p->tried = w->tried;
    if (path_faults(p) == 0 || (!w->bounded && !builder_bounded(w->builder)))
        return;
    struct path_problem *first = &p->problems[0];
    static const char more[] = "; there are more candidate paths than are tried";
    size_t at = strlen(first->text), room = sizeof first->text - sizeof more;

    snprintf(first->text + (at < room ? at : room), sizeof more, "%s", more);
}

int
path_check(struct path *ret, const struct anchors *anchors, X509 *signer,
           STACK_OF(X509) *untrusted, const struct path_options *options, struct err *err)
{
    struct work w = {.judge = {.anchors = anchors, .options = options, .message = untrusted}};
    struct builder_sources from = {.anchors = anchors, .message = untrusted,
                                   .store = options->store, .at = options->at};
    int rc = builder_new(&w.builder, signer, &from, err);

    if (rc == 0)
        rc = search_all(&w, err);
    if (rc == 0) {
        keep_fetched(&w);
        tell_bound(&w);
        *ret = w.best;
    } else {
        path_clear(&w.best);
    }
    sk_X509_pop_free(w.fetched, X509_free);
    builder_free(&w.builder);
    return rc;
}

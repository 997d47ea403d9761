/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The verdict on a signed message, for people and for programs (DESIGN, "Command
 * line": verify --json).
 *
 * Life: verdict_new; verdict_add_layer for each layer opened, outermost first;
 * verdict_add_signature for each signature of the message; verdict_add_problem for
 * what concerns the whole message; then verdict_status, verdict_put_text and
 * verdict_json; verdict_free. Names and addresses in texts are made safe to show.
 *
 * A problem word says what is wrong, and trust/problem.h says how much: some
 * words make a signature bad or malformed, some make an intact one untrusted, some are
 * notes; with allow_weak weak-algorithm is one, too. The message's status is its worst
 * signature's or its own problems'; a message without a signature is bad, unless it is
 * said that none is asked for (verdict_unsigned).
 *
 * Who signed (RFC 8550 3): the certificate must name the address in From. One that
 * names only that in Sender is no match, and said to be so: people see From. A Sender
 * that is another's is noted. When several certificates of the message fit a
 * signature (same issuer and serial number, same key), the one that can be trusted
 * best is the signer's, so that nobody makes a signature worse by adding some.
 *
 * Not thread-safe.
 */
#ifndef SIGNET_TRUST_VERDICT_H
#define SIGNET_TRUST_VERDICT_H

#include <stdbool.h>
#include <jansson.h>
#include <openssl/x509.h>

#include "base/buf.h"
#include "base/err.h"
#include "cms/signed.h"
#include "trust/path.h"
#include "trust/problem.h"

struct verdict;

struct verdict_options {
    const struct anchors *anchors; /* what signers are judged against */
    struct path_options path;
    /* The addresses the mail says it is from, and whether that could be told
     * without doubt; count 0 with is_mail set is a mismatch too. */
    bool is_mail;
    const char *const *from;
    size_t from_count;
    bool from_ambiguous;
    const char *from_reason;  /* a sentence when it could not; NULL: none */
    const char *label_policy; /* program that is asked of labels (trust/label.h); or NULL */
    const char *sender;       /* the address in Sender, when it is not that in From; or NULL */
};

/* What is shown of the mail that was judged. Texts are UTF-8 and made safe here; NULL:
 * there is none. */
struct verdict_mail {
    const char *from, *subject;
    const char *protection;   /* mail/protected.h's word */
};

int verdict_new(struct verdict **ret, struct err *err) must_check;
void verdict_free(struct verdict **);
#define autofree_verdict __attribute__((cleanup(verdict_free)))

/* A layer's media type or CMS type: "multipart/signed", "signed-data". */
int verdict_add_layer(struct verdict *, const char *name, struct err *err) must_check;

/* After the last signature: finds what several say against one another. */
int verdict_compare(struct verdict *, struct err *err) must_check;

/* Judges one signature: its own state, its path, its address. certs: those of the
 * message, from which the path may be built. */
int verdict_add_signature(struct verdict *, const struct cms_signature *,
                          STACK_OF(X509) *certs, const struct verdict_options *,
                          struct err *err) must_check;

int verdict_set_mail(struct verdict *, const struct verdict_mail *, struct err *err) must_check;
/* weak-algorithm is but noted; signatures' options say the same. */
void verdict_allow_weak(struct verdict *, bool);
/* The message need not be signed; what is not has the status of its problems. */
void verdict_unsigned(struct verdict *);

/* A problem of the whole message: it counts for each signature. word is one of
 * trust/problem.h's, text a sentence. A word that is there already is not added again. */
int verdict_add_problem(struct verdict *, const char *word, const char *text,
                        struct err *err) must_check;

/* Whether the message has that problem; not a signature of it. */
bool verdict_has(const struct verdict *, const char *word);

enum verdict_status verdict_status(const struct verdict *);
/* "good", "untrusted", "bad", "malformed". */
const char *verdict_status_word(enum verdict_status);
/* 0, 3, 1, 5. */
int verdict_exit_status(enum verdict_status);

/* A signature as it was judged, for programs that want other words than ours. Borrowed till
 * verdict_free. */
struct verdict_signer {
    enum verdict_status status;
    enum cms_state state;
    X509 *cert;                     /* NULL: it was not found */
    bool has_time;
    time_t time;                    /* as the signer claims */
    time_t end;                     /* of the path, its earliest; 0: unknown */
    const struct alg_digest *digest;/* NULL: unknown */
};
/* The ith signature; false behind the last. */
bool verdict_signer_at(const struct verdict *, size_t i, struct verdict_signer *ret);
/* Whether the ith signature, or the message, has that problem. */
bool verdict_signer_has(const struct verdict *, size_t i, const char *word);

/* verdict_put_text writes terminals' escapes for colours. */
void verdict_set_colour(struct verdict *, bool);
/* Appends a few lines for people, each ending in LF: who, when, how strong, why trusted, and
 * of each problem what is wrong and what to do. */
int verdict_put_text(const struct verdict *, struct buf *out) must_check;
/* The object of signet-verify(1); the caller decrefs. NULL when memory is out. */
json_t *verdict_json(const struct verdict *) must_check;

#endif

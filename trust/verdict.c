/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/verdict_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "trust/certificate.h"

/* Certificates that are tried in a signer's place, at most. */
#define OTHERS_MAX 32

static const struct {
    const char *word;
    int exit_status;
} statuses[] = {
    [VERDICT_GOOD] = {"good", 0},
    [VERDICT_UNTRUSTED] = {"untrusted", 3},
    [VERDICT_BAD] = {"bad", 1},
    [VERDICT_MALFORMED] = {"malformed", 5},
};

int
verdict_no_memory(struct err *err)
{
    return err_set(err, E_NOMEM, "out of memory for the verdict");
}

int
verdict_new(struct verdict **ret, struct err *err)
{
    struct verdict *v = calloc(1, sizeof *v);

    if (v == NULL)
        return verdict_no_memory(err);
    v->layers = json_array();
    v->signatures = json_array();
    v->reasons = json_array();
    v->problems = json_array();
    if (v->layers == NULL || v->signatures == NULL || v->reasons == NULL || v->problems == NULL) {
        verdict_free(&v);
        return verdict_no_memory(err);
    }
    *ret = v;
    return 0;
}

void
verdict_free(struct verdict **v)
{
    if (v == NULL || *v == NULL)
        return;
    json_decref((*v)->layers);
    json_decref((*v)->signatures);
    json_decref((*v)->reasons);
    json_decref((*v)->problems);
    json_decref((*v)->mail);
    for (size_t i = 0; i < (*v)->signer_count; i++)
        X509_free((*v)->signers[i].cert);
    free((*v)->signers);
    free(*v);
    *v = NULL;
}

int
verdict_add_layer(struct verdict *v, const char *name, struct err *err)
{
    return json_array_append_new(v->layers, json_string(name)) == 0 ? 0 : verdict_no_memory(err);
}

bool
verdict_has(const struct verdict *v, const char *word)
{
    size_t i;
    json_t *problem;
    json_array_foreach(v->problems, i, problem)
        if (strcmp(json_string_value(json_object_get(problem, "word")), word) == 0)
            return true;
    return false;
}

int
verdict_add_problem(struct verdict *v, const char *word, const char *text, struct err *err)
{
    if (verdict_has(v, word))
        return 0;
    json_t *problem = json_pack("{s:s, s:s}", "word", word, "text", text);
    return json_array_append_new(v->problems, problem) == 0 ? 0 : verdict_no_memory(err);
}

void
verdict_allow_weak(struct verdict *v, bool allow)
{
    v->allow_weak = allow;
}

void
verdict_unsigned(struct verdict *v)
{
    v->need_none = true;
}

static int
set_safe(json_t *object, const char *key, const char *text)
{
    autofree_buf struct buf *safe = buf_new();
    if (text == NULL)
        return json_object_set_new(object, key, json_null());
    if (safe == NULL || text_put_safe(safe, text, strlen(text)) != 0)
        return -1;
    return json_object_set_new(object, key, json_string(buf_cstr(safe)));
}

int
verdict_set_mail(struct verdict *v, const struct verdict_mail *mail, struct err *err)
{
    json_t *object = json_object();
    if (object == NULL || set_safe(object, "from", mail->from) != 0 ||
        set_safe(object, "subject", mail->subject) != 0 ||
        set_safe(object, "header_protection", mail->protection) != 0) {
        json_decref(object);
        return verdict_no_memory(err);
    }
    json_decref(v->mail);
    v->mail = object;
    return 0;
}

enum verdict_status
verdict_weight(const struct verdict *v, const char *word)
{
    if (v->allow_weak && strcmp(word, "weak-algorithm") == 0)
        return VERDICT_GOOD;
    return problem_weight(word);
}

/* What is no failure of the signature has no sentence in it. */
static const struct {
    const char *word, *text;
} notes[] = {
    {"weak-algorithm", "the signature uses an algorithm or key that is too weak today"},
    {"digest-mismatch", "the content was hashed with another digest than the signature names"},
};

/* A list of words without repeats, and their sentences. */
struct findings {
    json_t *words;
    json_t *texts;
    bool failed;
};

static void
find(struct findings *f, const char *word, const char *text)
{
    size_t i;
    json_t *known;
    json_array_foreach(f->words, i, known)
        if (strcmp(json_string_value(known), word) == 0)
            return;
    if (json_array_append_new(f->words, json_string(word)) != 0 ||
        json_array_append_new(f->texts, json_string(text)) != 0)
        f->failed = true;
}

static void
find_own(struct findings *f, const struct cms_signature *s)
{
    for (size_t i = 0; i < CMS_PROBLEMS_MAX && s->problems[i] != NULL; i++) {
        const char *text = s->reason[0] != '\0' ? s->reason : s->problems[i];
        for (size_t k = 0; k < sizeof notes / sizeof notes[0]; k++)
            if (strcmp(s->problems[i], notes[k].word) == 0)
                text = notes[k].text;
        find(f, s->problems[i], text);
    }
}

/* Whether the other one could as well be the signer's: the message names it in the
 * same way, it has the same key, and the signer did not sign which one is meant. */
static bool
could_be(const struct cms_signature *s, const X509 *other)
{
    for (size_t i = 0; i < s->attribute_count; i++)
        if (s->attributes[i].is_signed &&
            (strcmp(s->attributes[i].oid, "1.2.840.113549.1.9.16.2.12") == 0 ||
             strcmp(s->attributes[i].oid, "1.2.840.113549.1.9.16.2.47") == 0))
            return false;
    return X509_cmp(s->cert, other) != 0 &&
           EVP_PKEY_eq(X509_get0_pubkey(s->cert), X509_get0_pubkey(other)) == 1 &&
           (s->ski != NULL || X509_issuer_and_serial_cmp(s->cert, other) == 0);
}

/* The path of the certificate with the fewest faults; *cert becomes that one. */
static int
best_path(struct path *ret, const struct cms_signature *s, STACK_OF(X509) *certs, X509 **cert,
          const struct verdict_options *options, struct err *err)
{
    int rc = path_check(ret, options->anchors, s->cert, certs, &options->path, err);
    size_t tried = 0;

    for (int i = 0; rc == 0 && path_faults(ret) > 0 && i < sk_X509_num(certs); i++) {
        X509 *other = sk_X509_value(certs, i);
        struct path path;

        if (!could_be(s, other) || tried++ == OTHERS_MAX)
            continue;
        rc = path_check(&path, options->anchors, other, certs, &options->path, err);
        if (rc == 0 && path_faults(&path) < path_faults(ret)) {
            path_clear(ret);
            *ret = path;
            *cert = other;
        } else if (rc == 0) {
            path_clear(&path);
        }
    }
    return rc;
}

/* Whether all of the path was valid at the time that the signer claims. */
static bool
was_valid(const struct path *path, const struct cms_signature *s)
{
    time_t then = s->signing_time;
    for (int i = 0; s->has_signing_time && i < sk_X509_num(path->chain); i++) {
        const X509 *cert = sk_X509_value(path->chain, i);
        if (X509_cmp_time(X509_get0_notBefore(cert), &then) >= 0 ||
            X509_cmp_time(X509_get0_notAfter(cert), &then) <= 0)
            return false;
    }
    return s->has_signing_time && sk_X509_num(path->chain) > 0;
}

/* The claimed time is nobody's but the signer's: it makes nothing good. */
static void
find_in_path(struct findings *f, const struct path *path, const struct cms_signature *s,
             const struct path_options *options)
{
    char text[sizeof path->problems[0].text + 128];
    for (size_t i = 0; i < path->count; i++) {
        const struct path_problem *p = &path->problems[i];
        bool claims = options->at == 0 && strcmp(p->word, "expired") == 0 && was_valid(path, s);
        snprintf(text, sizeof text, "%s%s", p->text,
                 claims ? "; it was valid at the time the signer claims, which nobody vouches for"
                        : "");
        find(f, p->word, text);
    }
}

static int
find_path(struct findings *f, struct cms_signature *s, STACK_OF(X509) *certs,
          const struct verdict_options *options, struct path *path, struct err *err)
{
    X509 *cert = s->cert;
    int rc = best_path(path, s, certs, &cert, options, err);
    if (rc != 0)
        return rc;
    s->cert = cert;
    find_in_path(f, path, s, &options->path);
    return 0;
}

static void
find_one_address(struct findings *f, const X509 *cert, const char *from,
                 const struct verdict_options *options)
{
    switch (certificate_match(cert, from)) {
    case CERTIFICATE_MATCHES:
        break;
    case CERTIFICATE_IN_SUBJECT:
        find(f, "subject-address", "the certificate names the address in its subject alone, "
             "as old ones do");
        break;
    case CERTIFICATE_NAMES_NOBODY:
        return find(f, "address-mismatch", "the certificate names no address");
    default:
        return find(f, "address-mismatch",
                    options->sender != NULL && certificate_has_email(cert, options->sender)
                        ? "the certificate is for the address in Sender, not for the one the "
                          "mail is from"
                        : "the certificate is not for the address the mail is from");
    }
    if (options->sender != NULL && !certificate_has_email(cert, options->sender))
        find(f, "sender-differs", "Sender names another address than From; the signature is "
             "of the one in From");
}

static void
find_address(struct findings *f, const struct cms_signature *s,
             const struct verdict_options *options)
{
    if (options->from_ambiguous || options->from_count == 0)
        return find(f, "address-mismatch", options->from_reason != NULL ? options->from_reason
                    : options->from_ambiguous
                        ? "the mail does not say without doubt whom it is from"
                        : "the mail does not say whom it is from");
    for (size_t i = 0; i < options->from_count; i++)
        find_one_address(f, s->cert, options->from[i], options);
}

static time_t
end_of(const X509 *cert)
{
    struct tm tm;
    return ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) == 1 ? timegm(&tm) : 0;
}

/* The first of the path that ends. */
static time_t
earliest_end(const X509 *signer, STACK_OF(X509) *chain)
{
    time_t end = signer != NULL ? end_of(signer) : 0;
    for (int i = 0; i < sk_X509_num(chain); i++) {
        time_t other = end_of(sk_X509_value(chain, i));
        end = other < end ? other : end;
    }
    return end;
}

/* For verdict_signer_at. */
static int
keep_signer(struct verdict *v, const struct cms_signature *s, const struct path *path)
{
    struct verdict_signer *grown = realloc(v->signers, (v->signer_count + 1) * sizeof *grown);
    if (grown == NULL)
        return E_NOMEM;
    v->signers = grown;
    grown[v->signer_count] = (struct verdict_signer){
        .state = s->state, .cert = s->cert, .has_time = s->has_signing_time,
        .time = s->signing_time, .end = earliest_end(s->cert, path->chain),
        .digest = s->digest};
    if (s->cert != NULL)
        X509_up_ref(s->cert);
    v->signer_count++;
    return 0;
}

static int
keep(struct verdict *v, const struct cms_signature *s, const struct path *path,
     const struct findings *f, struct err *err)
{
    json_t *shown = f->failed ? NULL : verdict_signature_json(s, path, f->words);
    int rc = 0;
    if (shown == NULL || json_array_append(v->signatures, shown) != 0 ||
        json_array_append(v->reasons, f->texts) != 0 || keep_signer(v, s, path) != 0)
        rc = verdict_no_memory(err);
    json_decref(shown);
    return rc;
}

int
verdict_add_signature(struct verdict *v, const struct cms_signature *s, STACK_OF(X509) *certs,
                      const struct verdict_options *options, struct err *err)
{
    struct findings f = {.words = json_array(), .texts = json_array()};
    struct cms_signature copy = *s; /* the certificate may become another */
    struct path path = {0};
    v->allow_weak = options->path.allow_weak;
    int rc = f.words == NULL || f.texts == NULL ? verdict_no_memory(err) : 0;
    if (rc == 0)
        find_own(&f, s);
    if (rc == 0 && s->cert != NULL)
        rc = find_path(&f, &copy, certs, options, &path, err);
    if (rc == 0 && s->cert != NULL && options->is_mail)
        find_address(&f, &copy, options);
    if (rc == 0)
        rc = keep(v, &copy, &path, &f, err);
    path_clear(&path);
    json_decref(f.words);
    json_decref(f.texts);
    return rc;
}

bool
verdict_signer_at(const struct verdict *v, size_t i, struct verdict_signer *ret)
{
    if (i >= v->signer_count)
        return false;
    *ret = v->signers[i];
    ret->status = verdict_status_of(v, json_array_get(v->signatures, i));
    return true;
}

bool
verdict_signer_has(const struct verdict *v, size_t at, const char *word)
{
    const json_t *words = json_object_get(json_array_get(v->signatures, at), "problems");
    size_t i;
    json_t *item;
    json_array_foreach(words, i, item)
        if (strcmp(json_string_value(item), word) == 0)
            return true;
    return verdict_has(v, word);
}

void
verdict_set_colour(struct verdict *v, bool colour)
{
    v->colour = colour;
}

static enum verdict_status
worst_word(const struct verdict *v, const json_t *words, enum verdict_status worst)
{
    size_t i;
    json_t *item;
    json_array_foreach(words, i, item) {
        enum verdict_status w = verdict_weight(v, json_string_value(item));
        worst = w > worst ? w : worst;
    }
    return worst;
}

static enum verdict_status
worst_problem(const struct verdict *v, enum verdict_status worst)
{
    size_t i;
    json_t *item;
    json_array_foreach(v->problems, i, item) {
        enum verdict_status w = verdict_weight(v, json_string_value(json_object_get(item, "word")));
        worst = w > worst ? w : worst;
    }
    return worst;
}

enum verdict_status
verdict_status_of(const struct verdict *v, const json_t *signature)
{
    return worst_problem(v, worst_word(v, json_object_get(signature, "problems"), VERDICT_GOOD));
}

int
verdict_compare(struct verdict *v, struct err *err)
{
    size_t i, intact = 0;
    json_t *item;
    json_array_foreach(v->signatures, i, item)
        intact += worst_word(v, json_object_get(item, "problems"), VERDICT_GOOD) < VERDICT_BAD;
    if (intact == 0 || intact == json_array_size(v->signatures))
        return 0;
    return verdict_add_problem(v, "contradictory-signatures", "some of the message's signatures "
                               "hold and some do not", err);
}

enum verdict_status
verdict_status(const struct verdict *v)
{
    bool none = json_array_size(v->signatures) == 0;
    enum verdict_status worst = worst_problem(v, none && !v->need_none ? VERDICT_BAD
                                                                       : VERDICT_GOOD);
    size_t i;
    json_t *signature;
    json_array_foreach(v->signatures, i, signature) {
        enum verdict_status s = verdict_status_of(v, signature);
        worst = s > worst ? s : worst;
    }
    return worst;
}

const char *
verdict_status_word(enum verdict_status status)
{
    return statuses[status].word;
}

int
verdict_exit_status(enum verdict_status status)
{
    return statuses[status].exit_status;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/verdict.h"

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

/* Everything is kept as the JSON that is shown; texts beside it for people. */
struct verdict {
    json_t *layers;     /* array of strings */
    json_t *signatures; /* array of the objects of DESIGN */
    json_t *reasons;    /* array, parallel: array of sentences */
    json_t *problems;   /* of the whole message: array of {word, text} */
    json_t *mail;       /* object: from, subject, header_protection; or NULL */
    bool allow_weak, need_none;
};

static int
no_memory(struct err *err)
{
    return err_set(err, E_NOMEM, "out of memory for the verdict");
}

int
verdict_new(struct verdict **ret, struct err *err)
{
    struct verdict *v = calloc(1, sizeof *v);

    if (v == NULL)
        return no_memory(err);
    v->layers = json_array();
    v->signatures = json_array();
    v->reasons = json_array();
    v->problems = json_array();
    if (v->layers == NULL || v->signatures == NULL || v->reasons == NULL || v->problems == NULL) {
        verdict_free(&v);
        return no_memory(err);
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
    free(*v);
    *v = NULL;
}

int
verdict_add_layer(struct verdict *v, const char *name, struct err *err)
{
    return json_array_append_new(v->layers, json_string(name)) == 0 ? 0 : no_memory(err);
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
    return json_array_append_new(v->problems, problem) == 0 ? 0 : no_memory(err);
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
        return no_memory(err);
    }
    json_decref(v->mail);
    v->mail = object;
    return 0;
}

static enum verdict_status
weight(const struct verdict *v, const char *word)
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

    for (int i = 0; rc == 0 && ret->count > 0 && i < sk_X509_num(certs); i++) {
        X509 *other = sk_X509_value(certs, i);
        struct path path;

        if (!could_be(s, other) || tried++ == OTHERS_MAX)
            continue;
        rc = path_check(&path, options->anchors, other, certs, &options->path, err);
        if (rc == 0 && path.count < ret->count) {
            path_clear(ret);
            *ret = path;
            *cert = other;
        } else if (rc == 0) {
            path_clear(&path);
        }
    }
    return rc;
}

static int
find_path(struct findings *f, struct cms_signature *s, STACK_OF(X509) *certs,
          const struct verdict_options *options, struct err *err)
{
    struct path path;
    X509 *cert = s->cert;
    int rc = best_path(&path, s, certs, &cert, options, err);
    if (rc != 0)
        return rc;
    s->cert = cert;
    for (size_t i = 0; i < path.count; i++)
        find(f, path.problems[i].word, path.problems[i].text);
    path_clear(&path);
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

static int
put_email(void *arg, const char *address, bool in_subject)
{
    (void)in_subject;
    autofree_buf struct buf *safe = buf_new();
    size_t i;
    json_t *known;
    if (safe == NULL || text_put_safe(safe, address, strlen(address)) != 0)
        return E_NOMEM;
    json_array_foreach(arg, i, known)
        if (strcmp(json_string_value(known), buf_cstr(safe)) == 0)
            return 0;
    return json_array_append_new(arg, json_string(buf_cstr(safe))) == 0 ? 0 : E_NOMEM;
}

static json_t *
signer_json(const X509 *cert)
{
    autofree_buf struct buf *subject = buf_new();
    autofree_buf struct buf *fingerprint = buf_new();
    json_t *emails = json_array();
    if (subject == NULL || fingerprint == NULL || emails == NULL ||
        certificate_put_name(subject, X509_get_subject_name(cert)) != 0 ||
        certificate_put_fingerprint(fingerprint, cert) != 0 ||
        certificate_each_email(cert, put_email, emails) != 0) {
        json_decref(emails);
        return NULL;
    }
    return json_pack("{s:s, s:o, s:s}", "subject", buf_cstr(subject), "emails", emails,
                     "fingerprint", buf_cstr(fingerprint));
}

static json_t *
signature_json(const struct cms_signature *s, json_t *words)
{
    char when[TEXT_TIME_LEN] = "";
    if (s->has_signing_time)
        text_time(s->signing_time, when);
    json_t *signer = s->cert != NULL ? signer_json(s->cert) : json_null();
    return json_pack("{s:o, s:s?, s:s, s:s?, s:O}", "signer", signer, "digest",
                     s->digest != NULL ? s->digest->name : NULL, "algorithm", s->algorithm,
                     "signing_time", s->has_signing_time ? when : NULL, "problems", words);
}

int
verdict_add_signature(struct verdict *v, const struct cms_signature *s, STACK_OF(X509) *certs,
                      const struct verdict_options *options, struct err *err)
{
    struct findings f = {.words = json_array(), .texts = json_array()};
    struct cms_signature copy = *s; /* the certificate may become another */
    v->allow_weak = options->path.allow_weak;
    int rc = f.words == NULL || f.texts == NULL ? no_memory(err) : 0;
    if (rc == 0)
        find_own(&f, s);
    if (rc == 0 && s->cert != NULL)
        rc = find_path(&f, &copy, certs, options, err);
    if (rc == 0 && s->cert != NULL && options->is_mail)
        find_address(&f, &copy, options);
    json_t *shown = rc == 0 && !f.failed ? signature_json(&copy, f.words) : NULL;
    if (rc == 0 && (shown == NULL || json_array_append(v->signatures, shown) != 0 ||
                    json_array_append(v->reasons, f.texts) != 0))
        rc = no_memory(err);
    json_decref(shown);
    json_decref(f.words);
    json_decref(f.texts);
    return rc;
}

static enum verdict_status
worst_word(const struct verdict *v, const json_t *words, enum verdict_status worst)
{
    size_t i;
    json_t *item;
    json_array_foreach(words, i, item) {
        enum verdict_status w = weight(v, json_string_value(item));
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
        enum verdict_status w = weight(v, json_string_value(json_object_get(item, "word")));
        worst = w > worst ? w : worst;
    }
    return worst;
}

static enum verdict_status
status_of(const struct verdict *v, const json_t *signature)
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
        enum verdict_status s = status_of(v, signature);
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

/* The signature's own problems and then the message's, without repeats. */
static json_t *
all_problems(const struct verdict *v, const json_t *signature)
{
    json_t *all = json_copy(json_object_get(signature, "problems"));
    size_t i;
    json_t *problem;
    json_array_foreach(v->problems, i, problem)
        json_array_append(all, json_object_get(problem, "word"));
    return all;
}

json_t *
verdict_json(const struct verdict *v)
{
    json_t *signatures = json_array();
    size_t i;
    json_t *signature;
    json_array_foreach(v->signatures, i, signature) {
        json_t *shown = json_pack("{s:s}", "status",
                                  verdict_status_word(status_of(v, signature)));
        json_object_update_missing(shown, signature);
        json_object_set_new(shown, "problems", all_problems(v, signature));
        json_array_append_new(signatures, shown);
    }
    json_t *object = json_pack("{s:s, s:o, s:O, s:O}", "status",
                               verdict_status_word(verdict_status(v)), "signatures", signatures,
                               "layers", v->layers, "problems", v->problems);
    if (v->mail != NULL && object != NULL)
        json_object_update(object, v->mail);
    return object;
}

/* "signed by  Alice <alice@example.org>"; columns of people's text. */
#define LABEL "  %-10s "

static const char *
text_of(const json_t *object, const char *key)
{
    const char *s = json_string_value(json_object_get(object, key));
    return s != NULL ? s : "unknown";
}

/* "problem", or "note" for what speaks against nothing. */
static int
put_problem(const struct verdict *v, const char *word, const char *text, struct buf *out)
{
    return buf_putf(out, LABEL "%s: %s\n", weight(v, word) == VERDICT_GOOD ? "note" : "problem",
                    word, text);
}

/* Whom the mail is from, as the verdict took it. */
static int
put_mail_text(const struct verdict *v, struct buf *out)
{
    const json_t *from = json_object_get(v->mail, "from");
    const json_t *subject = json_object_get(v->mail, "subject");
    int rc = 0;
    if (json_is_string(from))
        rc = buf_putf(out, LABEL "%s\n", "from", json_string_value(from));
    if (rc == 0 && json_is_string(subject))
        rc = buf_putf(out, LABEL "%s\n", "subject", json_string_value(subject));
    return rc;
}

static int
put_signature_text(const struct verdict *v, size_t at, struct buf *out)
{
    const json_t *s = json_array_get(v->signatures, at);
    const json_t *signer = json_object_get(s, "signer");
    int rc = buf_putf(out, "%s signature\n" LABEL "%s\n", verdict_status_word(status_of(v, s)),
                      "signer", text_of(signer, "subject"));
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(signer, "emails"), i, item)
        rc = rc != 0 ? rc : buf_putf(out, LABEL "%s\n", "address", json_string_value(item));
    if (rc == 0)
        rc = buf_putf(out, LABEL "%s\n" LABEL "%s, digest %s\n", "time",
                      json_is_string(json_object_get(s, "signing_time"))
                          ? text_of(s, "signing_time") : "not stated", "algorithm",
                      text_of(s, "algorithm"), text_of(s, "digest"));
    const json_t *words = json_object_get(s, "problems");
    json_array_foreach(json_array_get(v->reasons, at), i, item)
        rc = rc != 0 ? rc : put_problem(v, json_string_value(json_array_get(words, i)),
                                        json_string_value(item), out);
    return rc;
}

int
verdict_put_text(const struct verdict *v, struct buf *out)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < json_array_size(v->signatures); i++)
        rc = put_signature_text(v, i, out);
    if (rc == 0 && json_array_size(v->signatures) == 0 && !v->need_none)
        rc = buf_put_str(out, "bad: the message has no signature\n");
    size_t i;
    json_t *problem;
    json_array_foreach(v->problems, i, problem)
        rc = rc != 0 ? rc : put_problem(v, text_of(problem, "word"), text_of(problem, "text"),
                                        out);
    return rc == 0 ? put_mail_text(v, out) : rc;
}

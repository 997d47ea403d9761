/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/verdict_int.h"

#include <string.h>

#include "base/text.h"
#include "trust/certificate.h"

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

/* {subject, fingerprint}. */
static json_t *
cert_json(const X509 *cert)
{
    autofree_buf struct buf *subject = buf_new();
    autofree_buf struct buf *fingerprint = buf_new();
    if (subject == NULL || fingerprint == NULL ||
        certificate_put_name(subject, X509_get_subject_name(cert)) != 0 ||
        certificate_put_fingerprint(fingerprint, cert) != 0)
        return NULL;
    return json_pack("{s:s, s:s}", "subject", buf_cstr(subject), "fingerprint",
                     buf_cstr(fingerprint));
}

/* {type, bits}: "RSA", 2048; "P-256", 256. */
static json_t *
key_json(const X509 *cert)
{
    EVP_PKEY *key = X509_get0_pubkey(cert);
    const char *type = key != NULL ? EVP_PKEY_get0_type_name(key) : NULL;
    char group[64];
    if (type == NULL)
        return json_null();
    if (EVP_PKEY_get_group_name(key, group, sizeof group, NULL) == 1)
        type = strcmp(group, "prime256v1") == 0 ? "P-256" : strcmp(group, "secp384r1") == 0
               ? "P-384" : strcmp(group, "secp521r1") == 0 ? "P-521" : group;
    return json_pack("{s:s, s:i}", "type", type, "bits", EVP_PKEY_get_bits(key));
}

static json_t *
signer_json(const X509 *cert)
{
    json_t *signer = cert_json(cert), *emails = json_array();
    if (signer == NULL || emails == NULL || certificate_each_email(cert, put_email, emails) != 0 ||
        json_object_set(signer, "emails", emails) != 0 ||
        json_object_set_new(signer, "key", key_json(cert)) != 0) {
        json_decref(signer);
        signer = NULL;
    }
    json_decref(emails);
    return signer;
}

static json_t *
chain_json(STACK_OF(X509) *chain)
{
    json_t *list = json_array();
    for (int i = 0; i < sk_X509_num(chain); i++)
        if (json_array_append_new(list, cert_json(sk_X509_value(chain, i))) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

/* The texts are made from names of other people's. */
static json_t *
safe_json(const char *text)
{
    autofree_buf struct buf *safe = buf_new();
    if (text[0] == '\0')
        return json_null();
    return safe == NULL || text_put_safe(safe, text, strlen(text)) != 0
               ? NULL : json_string(buf_cstr(safe));
}

json_t *
verdict_signature_json(const struct cms_signature *s, const struct path *path, json_t *words)
{
    char when[TEXT_TIME_LEN] = "";
    if (s->has_signing_time)
        text_time(s->signing_time, when);
    json_t *signer = s->cert != NULL ? signer_json(s->cert) : json_null();
    return json_pack("{s:o, s:s?, s:s, s:s?, s:O, s:o, s:o, s:o}", "signer", signer, "digest",
                     s->digest != NULL ? s->digest->name : NULL, "algorithm", s->algorithm,
                     "signing_time", s->has_signing_time ? when : NULL, "problems", words,
                     "anchor", safe_json(path->anchor), "revocation", safe_json(path->revocation),
                     "chain", chain_json(path->chain));
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

/* {word, text, advice} of each of its own. */
static json_t *
details(const json_t *words, const json_t *texts)
{
    json_t *list = json_array(), *word;
    size_t i;
    json_array_foreach(words, i, word)
        json_array_append_new(list, json_pack("{s:O, s:O, s:s?}", "word", word, "text",
                                              json_array_get(texts, i), "advice",
                                              problem_advice(json_string_value(word))));
    return list;
}

json_t *
verdict_json(const struct verdict *v)
{
    json_t *signatures = json_array();
    size_t i;
    json_t *signature;
    json_array_foreach(v->signatures, i, signature) {
        json_t *shown = json_pack("{s:s}", "status",
                                  verdict_status_word(verdict_status_of(v, signature)));
        json_object_update_missing(shown, signature);
        json_object_set_new(shown, "problems", all_problems(v, signature));
        json_object_set_new(shown, "details", details(json_object_get(signature, "problems"),
                                                      json_array_get(v->reasons, i)));
        json_array_append_new(signatures, shown);
    }
    json_t *object = json_pack("{s:s, s:o, s:O, s:O}", "status",
                               verdict_status_word(verdict_status(v)), "signatures", signatures,
                               "layers", v->layers, "problems", v->problems);
    if (v->mail != NULL && object != NULL)
        json_object_update(object, v->mail);
    return object;
}

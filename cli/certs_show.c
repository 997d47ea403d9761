/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How certificates of the store are shown. */
#include <stdio.h>
#include <string.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "base/hex.h"
#include "base/text.h"
#include "cli/certs_int.h"
#include "cli/describe.h"
#include "cli/listing.h"
#include "cli/table.h"
#include "cli/trust_options.h"
#include "trust/certificate.h"
#include "trust/problem.h"

/* Of a label, before its value. */
#define LABEL 14

static const char *const trust_words[] = {
    [STORE_NO_MARK] = "none", [STORE_TRUSTED] = "trusted", [STORE_DISTRUSTED] = "distrusted"};

static int
no_memory(struct err *err)
{
    return err_set(err, E_NOMEM, "out of memory for certificates");
}

void
certs_date(const ASN1_TIME *time, char out[CERTS_DATE])
{
    struct tm tm;

    if (ASN1_TIME_to_tm(time, &tm) != 1)
        snprintf(out, CERTS_DATE, "?");
    else
        strftime(out, CERTS_DATE, "%Y-%m-%d", &tm);
}

int
certs_put_short(X509 *cert, struct buf *out)
{
    char date[CERTS_DATE];
    int rc = certificate_put_name(out, X509_get_subject_name(cert));

    certs_date(X509_get0_notAfter(cert), date);
    return rc == 0 ? buf_putf(out, ", until %s", date) : rc;
}

static int
put_hash(json_t *object, const char *key, const uint8_t *hash, size_t len)
{
    char hex[2 * EVP_MAX_MD_SIZE + 1];

    hex_encode(hash, len, hex);
    return json_object_set_new(object, key, json_string(hex)) == 0 ? 0 : E_NOMEM;
}

static int
put_hashes(json_t *object, const X509 *cert)
{
    uint8_t hash[EVP_MAX_MD_SIZE], *spki = NULL;
    unsigned len = 0;
    int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &spki), rc = E_NOMEM;

    if (n > 0 && X509_digest(cert, EVP_sha1(), hash, &len) == 1)
        rc = put_hash(object, "sha1", hash, len);
    if (rc == 0 && EVP_Digest(spki, (size_t)n, hash, &len, EVP_sha256(), NULL) == 1)
        rc = put_hash(object, "key", hash, len);
    OPENSSL_free(spki);
    return rc;
}

static int
put_time(json_t *object, const char *key, time_t when)
{
    char text[TEXT_TIME_LEN];

    if (when == 0)
        return 0;
    text_time(when, text);
    return json_object_set_new(object, key, json_string(text)) == 0 ? 0 : E_NOMEM;
}

static int
put_origin(json_t *object, const struct certs_entry *e)
{
    autofree_buf struct buf *source = buf_new();
    int rc = source ? text_put_safe(source, e->source, strlen(e->source)) : E_NOMEM;

    if (rc == 0 && json_object_set_new(object, "source", json_string(buf_cstr(source))) != 0)
        rc = E_NOMEM;
    if (rc == 0)
        rc = put_time(object, "learnt", e->learnt);
    if (rc == 0 &&
        json_object_set_new(object, "trust", json_string(trust_words[e->trust])) != 0)
        rc = E_NOMEM;
    return rc == 0 ? put_time(object, "marked", e->marked) : rc;
}

int
certs_json(const struct certs_entry *e, json_t **ret, struct err *err)
{
    struct describe d = {.parts = 0};
    json_t *object = describe_certificate(&d, e->cert);
    int rc = describe_failed(&d, err);

    if (rc == 0 && (!object || put_hashes(object, e->cert) != 0 || put_origin(object, e) != 0))
        rc = no_memory(err);
    if (rc != 0)
        json_decref(object);
    else
        *ret = object;
    return rc;
}

static int
first_email(void *arg, const char *address, bool in_subject)
{
    (void)in_subject;
    snprintf(arg, 256, "%s", address);
    return 1;
}

int
certs_put_table(const struct certs_list *l, struct buf *out)
{
    static const char *const headings[] = {"FINGERPRINT", "SUBJECT", "ADDRESS", "UNTIL", "TRUST",
                                           "FROM", NULL};
    autofree_table struct table *table = table_new(headings);
    int rc = table ? 0 : E_NOMEM;

    for (size_t i = 0; rc == 0 && i < l->count; i++) {
        const struct certs_entry *e = &l->items[i];
        autofree_buf struct buf *subject = buf_new();
        char print[2 * STORE_FINGERPRINT + 1], until[CERTS_DATE], email[256] = "";
        hex_encode(e->fingerprint, STORE_FINGERPRINT, print);
        print[CERTS_SHOWN] = '\0';
        certs_date(X509_get0_notAfter(e->cert), until);
        rc = certificate_each_email(e->cert, first_email, email) == E_NOMEM ? E_NOMEM : 0;
        if (rc == 0)
            rc = subject ? certificate_put_name(subject, X509_get_subject_name(e->cert)) : E_NOMEM;
        const char *cells[] = {print, rc == 0 ? buf_cstr(subject) : "", email, until,
                               e->trust == STORE_NO_MARK ? NULL : trust_words[e->trust],
                               e->source};
        if (rc == 0)
            rc = table_add(table, cells);
    }
    return rc == 0 ? table_put(table, out) : rc;
}

/* "Label:  value", nothing without a value. */
static int
put_line(struct buf *out, const char *label, const char *value)
{
    char with[LABEL + 2];

    snprintf(with, sizeof with, "%s:", label);
    return value && *value ? buf_putf(out, "%-*s %s\n", LABEL, with, value) : 0;
}

/* The strings of an array, with commas. */
static int
put_list(struct buf *out, const char *label, const json_t *object, const char *key,
         const char *remark)
{
    autofree_buf struct buf *line = buf_new();
    const json_t *item;
    size_t i;
    int rc = line ? 0 : E_NOMEM;

    json_array_foreach(json_object_get(object, key), i, item)
        if (rc == 0)
            rc = buf_putf(line, "%s%s%s", i > 0 ? ", " : "", json_string_value(item), remark);
    return rc == 0 ? put_line(out, label, buf_cstr(line)) : rc;
}

static int
put_key(struct buf *out, const json_t *object)
{
    const char *type = listing_string(object, "key_type"), *curve = listing_string(object, "curve");
    char text[256];

    if (curve)
        snprintf(text, sizeof text, "%s %s, name %s", type ? type : "?", curve,
                 listing_string(object, "key"));
    else
        snprintf(text, sizeof text, "%s %lld, name %s", type ? type : "?",
                 (long long)json_integer_value(json_object_get(object, "key_bits")),
                 listing_string(object, "key"));
    return put_line(out, "Key", text);
}

static int
put_trust(struct buf *out, const json_t *object)
{
    const char *trust = listing_string(object, "trust"), *marked = listing_string(object, "marked");
    char text[128];

    if (!trust || strcmp(trust, "none") == 0)
        return 0;
    snprintf(text, sizeof text, "%s by you, since %s", trust, marked ? marked : "?");
    return put_line(out, "Mark", text);
}

static int
put_learnt(struct buf *out, const json_t *object)
{
    const char *learnt = listing_string(object, "learnt"), *source = listing_string(object,
                                                                                    "source");
    autofree_buf struct buf *text = buf_new();

    if (!text || buf_putf(text, "%s%s%s", source ? source : "", learnt ? ", " : "",
                          learnt ? learnt : ", not in the store") != 0)
        return E_NOMEM;
    return put_line(out, "From", buf_cstr(text));
}

/* What it is for, as people would say it. */
static int
put_purpose(struct buf *out, const json_t *object)
{
    if (json_is_true(json_object_get(object, "ca")))
        return put_line(out, "For", "issuing certificates (a certificate authority)");
    return 0;
}

static int
put_path(struct buf *out, const json_t *object)
{
    const json_t *path = json_object_get(object, "path"), *item;
    size_t i;
    int rc = put_list(out, "Path", path, "chain", "");

    if (rc == 0)
        rc = put_line(out, "Trusted by", listing_string(path, "anchor"));
    if (rc == 0)
        rc = put_line(out, "Revocation", listing_string(path, "revocation"));
    json_array_foreach(json_object_get(path, "problems"), i, item)
        if (rc == 0)
            rc = put_line(out, problem_weight(listing_string(item, "word")) == VERDICT_GOOD
                                   ? "Note"
                                   : "Problem", listing_string(item, "text"));
    return rc;
}

int
certs_put_lines(const json_t *object, bool more, struct buf *out)
{
    autofree_buf struct buf *valid = buf_new();
    int rc = !valid ? E_NOMEM
                    : buf_putf(valid, "%s to %s", listing_string(object, "not_before"),
                               listing_string(object, "not_after"));

    if (rc == 0)
        rc = put_line(out, "Subject", listing_string(object, "subject"));
    if (rc == 0)
        rc = put_list(out, "Addresses", object, "emails", "");
    if (rc == 0)
        rc = put_list(out, "In the name", object, "subject_emails", "");
    if (rc == 0)
        rc = put_line(out, "Issuer", listing_string(object, "issuer"));
    if (rc == 0 && more)
        rc = put_line(out, "Serial", listing_string(object, "serial"));
    if (rc == 0)
        rc = put_line(out, "Valid", buf_cstr(valid));
    if (rc == 0)
        rc = put_purpose(out, object);
    if (rc == 0 && more)
        rc = put_list(out, "Key usage", object, "key_usage", "");
    if (rc == 0 && more)
        rc = put_list(out, "Purposes", object, "extended_key_usage", "");
    if (rc == 0 && more)
        rc = put_key(out, object);
    if (rc == 0)
        rc = put_line(out, "Fingerprint", listing_string(object, "fingerprint"));
    if (rc == 0 && more)
        rc = put_line(out, "SHA-1", listing_string(object, "sha1"));
    if (rc == 0)
        rc = put_learnt(out, object);
    if (rc == 0)
        rc = put_trust(out, object);
    return rc == 0 && more ? put_path(out, object) : rc;
}

static int
put_chain(const struct path *path, json_t *chain)
{
    int rc = chain ? 0 : E_NOMEM;

    for (int i = 0; rc == 0 && i < sk_X509_num(path->chain); i++) {
        autofree_buf struct buf *name = buf_new();
        rc = name ? certificate_put_name(name,
                                         X509_get_subject_name(sk_X509_value(path->chain, i)))
                  : E_NOMEM;
        if (rc == 0 && json_array_append_new(chain, json_string(buf_cstr(name))) != 0)
            rc = E_NOMEM;
    }
    return rc;
}

static int
put_judgement(json_t *object, const struct path *path, struct err *err)
{
    json_t *problems = json_array(), *chain = json_array(), *judged;
    int rc = problems ? put_chain(path, chain) : E_NOMEM;

    for (size_t i = 0; rc == 0 && i < path->count; i++)
        if (json_array_append_new(problems, json_pack("{s:s, s:s}", "word", path->problems[i].word,
                                                      "text", path->problems[i].text)) != 0)
            rc = E_NOMEM;
    judged = json_pack("{s:o, s:o, s:s, s:s}", "problems", problems, "chain", chain, "anchor",
                       path->anchor, "revocation", path->revocation);
    if (rc != 0 || !judged || json_object_set_new(object, "path", judged) != 0)
        return no_memory(err);
    return 0;
}

/* For what it is made for: a certificate that only encrypts is not to sign. */
static enum path_purpose
purpose_of(X509 *cert)
{
    if (X509_check_ca(cert) != 0)
        return PATH_ANY_PURPOSE;
    return X509_get_key_usage(cert) & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)
               ? PATH_SIGN_MAIL
               : PATH_ENCRYPT_MAIL;
}

static int
judge(struct cli *cli, const struct options *o, X509 *cert, json_t *object, struct err *err)
{
    autofree_trust struct trust *trust = NULL;
    struct path_options options;
    struct path path = {.count = 0};
    int rc = trust_open(&trust, cli, o, err);

    if (rc != 0)
        return rc;
    options = *trust_path(trust);
    options.purpose = purpose_of(cert);
    rc = path_check(&path, trust_anchors(trust), cert, NULL, &options, err);
    if (rc == 0)
        rc = put_judgement(object, &path, err);
    path_clear(&path);
    return rc;
}

static int
run(struct cli *cli, const struct options *o, struct err *err)
{
    autoclose_store struct store *store = NULL;
    autofree_buf struct buf *out = buf_new();
    struct certs_list found = {.count = 0};
    json_t *object = NULL;
    int rc = out ? certs_store(cli, true, &store, err) : no_memory(err);

    if (rc == 0)
        rc = certs_one(store, cli_operand(o, 0), true, &found, err);
    if (rc == 0)
        rc = certs_json(&found.items[0], &object, err);
    if (rc == 0)
        rc = judge(cli, o, found.items[0].cert, object, err);
    if (rc == 0 && cli->json)
        rc = cli_print_json(object, err);
    else if (rc == 0)
        rc = certs_put_lines(object, true, out) == 0 ? cli_print(out, err) : no_memory(err);
    json_decref(object);
    certs_list_clear(&found);
    return rc;
}

static const struct option_row options[] = {TRUST_OPTION_ROWS, {.name = NULL}};

const struct command command_certs_show = {
    .name = "certs show",
    .synopsis = TRUST_SYNOPSIS "\n         WHO|FILE",
    .summary = "show a certificate, and whether it would be trusted",
    .text = "Shows all of a certificate of the store (WHO as in signet certs list) or in a file:\n"
            "names, validity, purposes, key and fingerprints, where it is from, how it is\n"
            "marked; and the path to what makes it trusted, with all that speaks against it.",
    .example = "signet certs show bob@example.org",
    .options = options,
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/verdict_int.h"

#include <string.h>

/* "  signer     CN=Alice"; columns of people's text. */
#define LABEL "  %-10s "
/* Names of the path that are shown, at most. */
#define NAMES_SHOWN 6

static const char *const colours[] = {
    [VERDICT_GOOD] = "\033[1;32m",
    [VERDICT_UNTRUSTED] = "\033[1;33m",
    [VERDICT_BAD] = "\033[1;31m",
    [VERDICT_MALFORMED] = "\033[1;31m",
};
static const char plain[] = "\033[0m";

static const char *
colour_on(const struct verdict *v, enum verdict_status status)
{
    return v->colour ? colours[status] : "";
}

static const char *
colour_off(const struct verdict *v)
{
    return v->colour ? plain : "";
}

static const char *
text_of(const json_t *object, const char *key)
{
    const char *s = json_string_value(json_object_get(object, key));
    return s != NULL ? s : "unknown";
}

static int
put_line(struct buf *out, const char *label, const char *text)
{
    return buf_putf(out, LABEL "%s\n", label, text);
}

/* "problem", or "note" for what speaks against nothing; and what to do. */
static int
put_problem(const struct verdict *v, const char *word, const char *text, struct buf *out)
{
    enum verdict_status weight = verdict_weight(v, word);
    const char *advice = problem_advice(word);
    /* Some sentences say it already. */
    bool told = advice != NULL && strstr(text, advice) != NULL;
    int rc = weight == VERDICT_GOOD
                 ? buf_putf(out, LABEL "%s: %s\n", "note", word, text)
                 : buf_putf(out, "  %sproblem%s    %s: %s\n", colour_on(v, weight), colour_off(v),
                            word, text);
    return rc == 0 && advice != NULL && !told ? put_line(out, "do", advice) : rc;
}

/* Whom the mail is from, as the verdict took it. */
static int
put_mail_text(const struct verdict *v, struct buf *out)
{
    const json_t *from = json_object_get(v->mail, "from");
    const json_t *subject = json_object_get(v->mail, "subject");
    int rc = 0;
    if (json_is_string(from))
        rc = put_line(out, "from", json_string_value(from));
    if (rc == 0 && json_is_string(subject))
        rc = put_line(out, "subject", json_string_value(subject));
    return rc;
}

static int
put_strength(const json_t *s, struct buf *out)
{
    const json_t *key = json_object_get(json_object_get(s, "signer"), "key");
    int rc = buf_putf(out, LABEL "%s", "algorithm", text_of(s, "algorithm"));
    if (rc == 0 && json_is_object(key))
        rc = buf_putf(out, ", %s %d bits", text_of(key, "type"),
                      (int)json_integer_value(json_object_get(key, "bits")));
    return rc == 0 ? buf_putf(out, ", digest %s\n", text_of(s, "digest")) : rc;
}

/* The CN of a name in RFC 4514's form, else all of it. */
static int
put_short_name(const char *subject, struct buf *out)
{
    const char *cn = strncmp(subject, "CN=", 3) == 0 ? subject : strstr(subject, ",CN=");
    size_t len = 0;
    if (cn == NULL)
        return buf_put_str(out, subject);
    cn += cn[0] == ',' ? 4 : 3;
    while (cn[len] != '\0' && cn[len] != ',' && cn[len] != '+')
        len += cn[len] == '\\' && cn[len + 1] != '\0' ? 2 : 1;
    return buf_put(out, cn, len);
}

/* "Alice, by Intermediate, by Root". */
static int
put_chain(const json_t *s, struct buf *out)
{
    const json_t *chain = json_object_get(s, "chain");
    size_t i, count = json_array_size(chain);
    json_t *cert;
    int rc = count < 2 ? 0 : buf_putf(out, LABEL, "issued by");
    if (count < 2)
        return 0;
    json_array_foreach(chain, i, cert) {
        if (i == 0 || rc != 0)
            continue;
        if (i > NAMES_SHOWN)
            return buf_putf(out, ", and %zu more\n", count - i);
        rc = i > 1 ? buf_put_str(out, ", and that by ") : 0;
        if (rc == 0)
            rc = put_short_name(text_of(cert, "subject"), out);
    }
    return rc == 0 ? buf_put_byte(out, '\n') : rc;
}

/* Why it is trusted. */
static int
put_path(const json_t *s, struct buf *out)
{
    const json_t *anchor = json_object_get(s, "anchor");
    const json_t *revocation = json_object_get(s, "revocation");
    int rc = put_chain(s, out);
    if (rc == 0 && json_is_string(anchor))
        rc = put_line(out, "trusted by", json_string_value(anchor));
    if (rc == 0 && json_is_string(revocation))
        rc = put_line(out, "revocation", json_string_value(revocation));
    return rc;
}

static int
put_who(const json_t *signer, struct buf *out)
{
    int rc = put_line(out, "signer", text_of(signer, "subject"));
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(signer, "emails"), i, item)
        rc = rc != 0 ? rc : put_line(out, "address", json_string_value(item));
    return rc;
}

static int
put_signature_text(const struct verdict *v, size_t at, struct buf *out)
{
    const json_t *s = json_array_get(v->signatures, at);
    enum verdict_status status = verdict_status_of(v, s);
    int rc = buf_putf(out, "%s%s signature%s\n", colour_on(v, status),
                      verdict_status_word(status), colour_off(v));
    if (rc == 0)
        rc = put_who(json_object_get(s, "signer"), out);
    if (rc == 0)
        rc = put_line(out, "time", json_is_string(json_object_get(s, "signing_time"))
                                       ? text_of(s, "signing_time") : "not stated");
    if (rc == 0)
        rc = put_strength(s, out);
    if (rc == 0)
        rc = put_path(s, out);
    const json_t *words = json_object_get(s, "problems");
    size_t i;
    json_t *item;
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
        rc = buf_putf(out, "%sbad: the message has no signature%s\n", colour_on(v, VERDICT_BAD),
                      colour_off(v));
    size_t i;
    json_t *problem;
    json_array_foreach(v->problems, i, problem)
        rc = rc != 0 ? rc : put_problem(v, text_of(problem, "word"), text_of(problem, "text"),
                                        out);
    return rc == 0 ? put_mail_text(v, out) : rc;
}

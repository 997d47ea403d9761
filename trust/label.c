/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/label.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/objects.h>

#include "base/text.h"

static json_t *
text_or_null(const char *text)
{
    return text == NULL || *text == '\0' ? json_null() : json_string(text);
}

/* json_string takes UTF-8 alone; a mark that is none is shown made safe. */
static json_t *
mark_json(const struct cms_label *label)
{
    autofree_buf struct buf *safe = buf_new();

    if (safe == NULL || text_put_safe(safe, label->mark, strlen(label->mark)) != 0)
        return NULL;
    return text_or_null(buf_cstr(safe));
}

json_t *
label_json(const struct cms_label *label)
{
    json_t *categories = json_array();

    for (size_t i = 0; i < label->category_count; i++)
        if (json_array_append_new(categories, json_string(label->categories[i])) != 0) {
            json_decref(categories);
            return NULL;
        }
    return json_pack("{s:s, s:o, s:o, s:o, s:o}", "policy", label->policy, "classification",
                     label->classification < 0 ? json_null()
                                               : json_integer(label->classification),
                     "classification_name",
                     text_or_null(cms_classification_name(label->classification)), "mark",
                     mark_json(label), "categories", categories);
}

static int
parse_classification(const char *word, int *ret)
{
    char *end;
    long number;

    *ret = cms_classification_by_name(word);
    if (*ret >= 0)
        return 0;
    number = strtol(word, &end, 10);
    if (end == word || *end != '\0' || number < 0 || number > 256)
        return E_USAGE;
    *ret = (int)number;
    return 0;
}

static bool
is_oid(const char *text)
{
    ASN1_OBJECT *oid = OBJ_txt2obj(text, 1);

    ASN1_OBJECT_free(oid);
    ERR_clear_error();
    return oid != NULL;
}

/* Copies up to the colon, and steps over it; false when it does not fit. */
static bool
cut_word(const char **at, char *out, size_t max)
{
    size_t len = strcspn(*at, ":");

    if (len >= max)
        return false;
    memcpy(out, *at, len);
    out[len] = '\0';
    *at += len + ((*at)[len] == ':');
    return true;
}

int
label_parse(const char *text, struct cms_label *ret, struct err *err)
{
    char word[32];
    const char *at = text;

    *ret = (struct cms_label){ .classification = -1 };
    if (!cut_word(&at, ret->policy, sizeof ret->policy) || !is_oid(ret->policy))
        return err_set(err, E_USAGE, "label \"%s\": its policy is no OID; write it like "
                       "1.3.6.1.4.1.99999.1:confidential", text);
    if (!cut_word(&at, word, sizeof word) ||
        (*word != '\0' && parse_classification(word, &ret->classification) != 0))
        return err_set(err, E_USAGE, "label \"%s\": the classification is one of unmarked, "
                       "unclassified, restricted, confidential, secret, top-secret, or a "
                       "number up to 256", text);
    if (strlen(at) > CMS_LABEL_MARK_MAX)
        return err_set(err, E_USAGE, "label: its privacy mark is longer than %d bytes",
                       CMS_LABEL_MARK_MAX);
    memcpy(ret->mark, at, strlen(at) + 1);
    return 0;
}

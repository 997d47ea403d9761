/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A verdict's inside, for verdict.c, verdict_json.c and verdict_text.c alone. */
#ifndef SIGNET_TRUST_VERDICT_INT_H
#define SIGNET_TRUST_VERDICT_INT_H

#include "trust/verdict.h"

/* Everything is kept as the JSON that is shown; texts beside it for people. */
struct verdict {
    json_t *layers;     /* array of strings */
    json_t *signatures; /* array of the objects of DESIGN */
    json_t *reasons;    /* array, parallel: array of sentences */
    json_t *problems;   /* of the whole message: array of {word, text} */
    json_t *mail;       /* object: from, subject, header_protection; or NULL */
    struct verdict_signer *signers; /* parallel; certificates owned, status unset */
    size_t signer_count;
    bool allow_weak, need_none, colour;
};

int verdict_no_memory(struct err *err);
enum verdict_status verdict_weight(const struct verdict *, const char *word);
/* Of one of v->signatures. */
enum verdict_status verdict_status_of(const struct verdict *, const json_t *signature);
/* The object of a signature with its problem words; NULL when memory is out. */
json_t *verdict_signature_json(const struct cms_signature *, const struct path *,
                               json_t *words) must_check;

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What of a mail its signature does not cover: counted by mail/read.c while the
 * mail passes, asked through mail/read.h.
 *
 * Life: coverage_init on the caller's storage; coverage_gap with each gap of the
 * mail (mail/entity.h), coverage_part and coverage_extra with each part that is
 * beside the signed one, or behind the signature; coverage_finish; the questions.
 * The first COVERAGE_NAMED_MAX parts are named in the sentence, by their place
 * ("2.1": the first part of the second) and type; all are counted. Blanks and line ends do not count, and
 * neither do the preambles that S/MIME programs write for those without one.
 */
#ifndef SIGNET_MAIL_COVERAGE_H
#define SIGNET_MAIL_COVERAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "mail/entity.h"

/* Longest preamble that can be a known one. */
#define COVERAGE_KNOWN_MAX 128u
/* Parts that are named, and the longest name. */
#define COVERAGE_NAMED_MAX 4u
#define COVERAGE_NAME_MAX  96u

struct mail_coverage {
    uint64_t preamble; /* bytes of text before the first part of a multipart */
    uint64_t epilogue; /* and behind its last */
    uint64_t parts;    /* parts beside the signed one */
    uint64_t extra;    /* parts of the multipart/signed behind its second */
};

struct coverage {
    struct mail_coverage seen;
    /* The preamble that is being read, blanks left out. */
    uint64_t size;
    char text[COVERAGE_KNOWN_MAX];
    char named[COVERAGE_NAMED_MAX][COVERAGE_NAME_MAX];
    size_t names;
};

void coverage_init(struct coverage *);
void coverage_gap(struct coverage *, enum entity_gap, const uint8_t *data, size_t len);
/* In begin of such a part (mail/entity.h). */
void coverage_part(struct coverage *, const struct entity *);
void coverage_extra(struct coverage *, const struct entity *);
void coverage_finish(struct coverage *);

bool coverage_partial(const struct coverage *);
/* Appends a sentence when coverage_partial. */
/* Without its beginning: what there is outside. */
int coverage_put_outside(const struct coverage *, struct buf *out) must_check;
int coverage_put(const struct coverage *, struct buf *out) must_check;

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Matches a stream of BER elements against a grammar given as tables.
 *
 * A grammar is an array of struct walk_rule that ends with a rule without a
 * name: the elements of one SEQUENCE, in order. The walker matches each element
 * to the next rule with its identifier, skipping rules that are optional, and
 * does what the rule says:
 *
 *   WALK_ENTER    constructed; its elements follow the rules `inside`, or those
 *                 that `choose` returns (for ANY DEFINED BY)
 *   WALK_CAPTURE  the whole element, at most max octets, goes to `element`
 *   WALK_EACH     constructed; each element in it goes to `element`
 *   WALK_STRING   a string, primitive or in segments nested to any bounded depth;
 *                 its octets go to `bytes` as they come
 *
 * Elements handed to `element` are as received: header, contents and all.
 *
 * Life: walk_init with the outermost grammar; walk_update with pieces of input;
 * walk_finish; walk_clear.
 */
#ifndef SIGNET_CMS_WALK_H
#define SIGNET_CMS_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "cms/ber.h"

enum walk_action { WALK_ENTER, WALK_CAPTURE, WALK_EACH, WALK_STRING };

struct walk_rule {
    const char *name;              /* as the standard writes it, for messages */
    uint8_t id;                    /* identifier without the constructed bit */
    bool optional;
    enum walk_action action;
    size_t max;                    /* WALK_CAPTURE and WALK_EACH: octets of one element */
    const struct walk_rule *inside;
    int (*choose)(void *arg, const struct walk_rule **ret, struct err *err);
    int (*element)(void *arg, const uint8_t *data, size_t len, struct err *err);
    int (*begin)(void *arg, struct err *err);   /* WALK_STRING: it is there; may be NULL */
    int (*bytes)(void *arg, const uint8_t *data, size_t len, struct err *err);
};

/* One for each depth: what may come next among the elements there. */
struct walk_frame {
    const struct walk_rule *next;
    bool each;                       /* in a WALK_EACH: `next` is that rule, and stays */
};

struct walk {
    struct ber ber;
    struct walk_frame frames[CMS_MAX_DEPTH + 1];
    const struct walk_rule *active;  /* whose element is being captured or streamed, or NULL */
    unsigned active_depth;
    bool capturing;
    struct buf *capture;
    uint64_t other;                  /* octets that are not in a WALK_STRING */
    uint64_t max_other;
    uint32_t elements;               /* that are not within a WALK_STRING */
    void *arg;                       /* given to the callbacks */
};

int walk_init(struct walk *, const struct walk_rule *grammar, uint64_t max_other, void *arg,
              struct err *err) must_check;
/* Consumes input until it is used up or the outermost element is done; *data and
 * *len tell what is left. */
int walk_update(struct walk *, const uint8_t **data, size_t *len, struct err *err) must_check;
int walk_finish(const struct walk *, struct err *err) must_check;
void walk_clear(struct walk *);

#endif

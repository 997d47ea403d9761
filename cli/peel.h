/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The report on a mail's layers (mail/layers.h): what each is, what its signatures are
 * worth, how it was encrypted, and what of it may be shown.
 *
 * Life: peel_new; peel_judge once after mail_layers_finish; the questions; peel_free. For
 * a mail that could not be read to its end peel_seen instead, which says what
 * layers there were. No verdict is told for a part of a mail.
 *
 * The status is the worst of all layers'. peel_may_show is stricter than it in two things:
 * what was decrypted and may be made to leave (exposed-encryption), or is not
 * whole (malformed-content), is shown for no option; nor is what the label policy refuses.
 *
 * One thread. Errors: E_NOMEM, and those of cms_verify.
 */
#ifndef SIGNET_CLI_PEEL_H
#define SIGNET_CLI_PEEL_H

#include <jansson.h>

#include "cli/harvest.h"
#include "mail/layers.h"
#include "trust/verdict.h"

struct peel;

struct peel_options {
    struct verdict_options verdict;   /* anchors and path; the addresses are the mail's */
    struct harvest *harvest;          /* NULL: nothing is learnt of the sender */
    bool require_authenticated;
    bool legacy;                      /* mail/show.h left an element out */
};

int peel_new(struct peel **ret, struct err *err) must_check;
void peel_free(struct peel **);
#define autofree_peel __attribute__((cleanup(peel_free)))
int peel_judge(struct peel *, struct mail_layers *, const struct peel_options *,
               struct err *err) must_check;
int peel_seen(struct peel *, struct mail_layers *, struct err *err) must_check;

enum verdict_status peel_status(const struct peel *);
/* "good", "untrusted", "bad", "malformed"; and "unsigned" for what is good
 * without any signature. */
const char *peel_status_word(const struct peel *);
/* The content may be shown; anyway: also with a bad signature. */
bool peel_may_show(const struct peel *, bool anyway);

/* Lines for people, each layer with its number, then the mail as a whole. */
int peel_put_text(const struct peel *, bool colour, struct buf *out) must_check;
/* The ith layer's verdict if it is a signed one, else NULL; false behind the last. For an
 * encrypted one *ret_encrypted is set. */
bool peel_layer_at(const struct peel *, size_t i, const struct verdict **ret,
                   bool *ret_encrypted);
/* The object of signet-verify(1), READ. NULL when memory is out; the caller decrefs. */
json_t *peel_json(const struct peel *) must_check;

#endif

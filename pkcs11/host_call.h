/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One command that a token host serves, and its dialogue with the agent: what is inquired, what
 * is answered. Failures are E_* with a sentence. One thread.
 */
#ifndef SIGNET_PKCS11_HOST_CALL_H
#define SIGNET_PKCS11_HOST_CALL_H

#include <assuan.h>
#include <jansson.h>
#include <stddef.h>

#include "base/err.h"
#include "base/secret.h"
#include "pkcs11/lane.h"

/* Most words of a command line; longest data that fits one as hex, in bytes. */
#define WORDS_MAX 6
#define LINE_DATA_MAX 512

/* One command being served. */
struct call {
    assuan_context_t ctx;
    struct lane *lane;
    char *word[WORDS_MAX];
    int words;
    CK_SLOT_ID slot; /* of the first word, for commands that have one */
};

/* Takes what INQUIRE brings; the buffer is in locked memory (the context's allocator) and must
 * go back with assuan_free. */
int call_inquire(struct call *, const char *keyword, size_t max, unsigned char **ret,
                 size_t *ret_len, struct err *err) must_check;
int call_inquire_pin(struct call *, const char *keyword, struct secret *pin,
                     struct err *err) must_check;
int call_answer(struct call *, const void *data, size_t len, struct err *err) must_check;
int call_answer_secret(struct call *, const struct secret *, struct err *err) must_check;
/* Takes the reference; NULL is E_NOMEM. */
int call_answer_json(struct call *, json_t *, struct err *err) must_check;

/* host_use.c: SIGN, DECRYPT and DERIVE. */
int host_sign(struct call *, struct err *err) must_check;
int host_decrypt(struct call *, struct err *err) must_check;
int host_derive(struct call *, struct err *err) must_check;

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whom the command line encrypts to: -r's words become certificates, checked, and
 * what cms/encrypt.h takes.
 *
 * Life: recipients_new; recipients_source for each place where certificates are
 * looked for by name; recipients_add for each -r; recipients_list; recipients_free.
 * What the list borrows lives as long as the object.
 *
 * A word is a file when there is one of that name; else it is an e-mail address, a
 * label, or a fingerprint, and the sources are asked in their order; the first one
 * that has something fit decides, and of several certificates the best is taken, as
 * trust/choose.h says, which also says what is fit. E_NO_CERT, E_WEAK and E_UNTRUSTED say
 * what is not, and for whom. E_INPUT: a file with more than one certificate, or none.
 *
 * One thread.
 */
#ifndef SIGNET_CLI_RECIPIENTS_H
#define SIGNET_CLI_RECIPIENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <openssl/x509.h>

#include "cli/cli.h"
#include "cms/encrypt.h"
#include "trust/choose.h"

struct recipients;

struct recipients_wish {
    bool allow_expired;     /* and those not valid yet */
    bool pkcs1;             /* RSA: PKCS#1 v1.5 instead of OAEP */
    /* Borrowed; NULL: nobody asks whom to trust (trust/choose.h). */
    const struct anchors *anchors;
    const struct path_options *path;
    /* Where it is told which of several was taken; NULL: nowhere. */
    void (*note)(void *arg, const char *text);
    void *note_arg;
    bool verbose;           /* also when there is no doubt */
};

/* A place that certificates come from. */
struct recipients_source {
    const char *name;       /* "your tokens", for sentences */
    /* Adds each certificate that answers to the word; none is no error. */
    int (*find)(void *arg, const char *who, struct choose_list *out, struct err *err);
    void *arg;
};

struct trust;
/* Sets what says whom to trust, and where is told what (recipients_trust.c). */
void recipients_wish_trust(struct recipients_wish *, struct cli *, const struct trust *);

int recipients_new(struct recipients **ret, const struct recipients_wish *,
                   struct err *err) must_check;
/* E_LIMIT when there are too many. The struct is copied. */
int recipients_source(struct recipients *, const struct recipients_source *,
                      struct err *err) must_check;
/* The tokens as such a source (recipients_token.c); the agent is asked at the first
 * word that is no file. */
struct recipients_source recipients_tokens(struct cli *);
/* Those learnt from signed mails (trust/store.h, recipients_store.c), by address. To be asked
 * behind the tokens. */
struct recipients_source recipients_store(struct cli *);

/* A certificate that is there already is not added again. */
int recipients_add(struct recipients *, const char *who, struct err *err) must_check;
/* The same for an address out of a mail, never a file. */
int recipients_add_address(struct recipients *, const char *address,
                           struct err *err) must_check;
/* The certificate itself (which gets a reference), when it is fit; the faults are as for
 * a word. */
int recipients_add_cert(struct recipients *, const char *who, X509 *cert,
                        struct err *err) must_check;
int recipients_add_password(struct recipients *, const char *file, struct err *err) must_check;

const struct cms_to *recipients_list(const struct recipients *, size_t *ret_count);
void recipients_free(struct recipients **);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signs and reads mails with throw-away keys in libcrypto, so that suites need no
 * agent and no token. Aborts the test on failures that are not under test.
 */
#ifndef SIGNET_TESTS_MAIL_SIGNED_H
#define SIGNET_TESTS_MAIL_SIGNED_H

#include "base/buf.h"
#include "mail/read.h"
#include "mail/sign.h"

/* Made once for the process. */
struct signer {
    EVP_PKEY *key;
    X509 *cert;
    struct cms_signer cms;
};
/* Type as in tests/support/pki.h; digest NULL for EdDSA. */
struct signer *signed_signer(const char *type, const char *digest, bool pss);
X509 *signed_ca(void);

/* Both passes; what comes out is appended. */
int signed_make(const char *mail, size_t len, size_t way, bool opaque,
                struct signer *const *signers, size_t count, struct buf *out,
                struct err *err);

struct outcome {
    int rc;                /* the first failure, of update, finish or verify */
    struct err err;
    struct mail_reader *reader;
    const struct cms_signed *said;
    struct buf *content;
    bool intact;           /* rc 0, a signature at least, and all of them intact */
};
void signed_read(struct outcome *, const void *mail, size_t len, size_t way, bool all_digests);
void signed_clear(struct outcome *);
/* Whether the mail is accepted: intact, and all of it covered. */
bool signed_accepts(const void *mail, size_t len);

/* A private folder and files in it; signed_remove deletes it. */
const char *signed_folder(void);
const char *signed_path(const char *name);
void signed_write(const char *name, const void *data, size_t len);
struct buf *signed_load(const char *name);
void signed_remove(void);
/* Runs a shell command in the folder; its exit status. */
int signed_shell(const char *fmt, ...) printf_like(1, 2);

#endif

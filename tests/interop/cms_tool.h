/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cms-tool: the C library on the command line, with keys in files, for messages that
 * `signet` does not make or read by itself (key-encryption keys, key identifiers, no
 * signed attributes, ...). It reads standard input and writes standard output; what goes
 * wrong is one line on standard error and status 1.
 */
#ifndef SIGNET_TESTS_INTEROP_CMS_TOOL_H
#define SIGNET_TESTS_INTEROP_CMS_TOOL_H

#include <openssl/x509.h>

#include "base/buf.h"
#include "base/secret.h"
#include "cms/cms.h"

#define TOOL_KEYS_MAX 8

/* What the words on the command line said. */
struct tool {
    struct cms_signer signers[TOOL_KEYS_MAX];
    size_t signer_count;
    struct cms_to to[TOOL_KEYS_MAX];
    size_t to_count;
    struct cms_opener openers[TOOL_KEYS_MAX];
    size_t opener_count;
    struct cms_kek keks[TOOL_KEYS_MAX];
    size_t kek_count;
    const struct secret *password;
    const struct secret *secret_key;
    const struct cms_cipher *cipher;
    const struct alg_digest *digest;
    STACK_OF(X509) *certs;
    const char *content;
    bool detached, no_attributes, no_certs, ski, pkcs1, der, weak;
};

/* Each writes its result to out. 0 or E_*. */
int tool_sign(const struct tool *, const struct buf *in, struct buf *out, struct err *err);
int tool_encrypt(const struct tool *, const struct buf *in, struct buf *out, struct err *err);
int tool_authenticate(const struct tool *, const struct buf *in, struct buf *out,
                      struct err *err);
int tool_digest(const struct tool *, const struct buf *in, struct buf *out, struct err *err);
int tool_compress(const struct tool *, const struct buf *in, struct buf *out, struct err *err);
int tool_open(const struct tool *, const struct buf *in, struct buf *out, struct err *err);
int tool_certs(const struct tool *, const struct buf *in, struct buf *out, struct err *err);

/* A sink that appends to a struct buf. */
struct sink tool_sink(struct buf *);

#endif

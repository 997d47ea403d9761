/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A mail that carries certificates and nothing else: application/pkcs7-mime;
 * smime-type=certs-only, smime.p7c (RFC 8551 3.8), for those who want to encrypt to
 * somebody and have no signed mail of theirs.
 *
 * Life: mail_certs_new; mail_certs_update with a mail without text, in pieces of any size;
 * mail_certs_finish; mail_certs_free. The mail's fields stay as they are, except
 * Content-*, with one MIME-Version. A mail that has text is E_USAGE: it would be lost. The
 * other refusals are those of mail/sign.h; no certificates are E_USAGE. Not thread-safe.
 */
#ifndef SIGNET_MAIL_CERTS_H
#define SIGNET_MAIL_CERTS_H

#include <openssl/x509.h>

#include "base/sink.h"

struct mail_certs;
/* The certificates are borrowed until mail_certs_free. */
int mail_certs_new(struct mail_certs **ret, const STACK_OF(X509) *certs, const struct sink *out,
                   struct err *err) must_check;
int mail_certs_update(struct mail_certs *, const uint8_t *data, size_t len,
                      struct err *err) must_check;
int mail_certs_finish(struct mail_certs *, struct err *err) must_check;
void mail_certs_free(struct mail_certs **);
/* A sink that is mail_certs_update. */
struct sink mail_certs_sink(struct mail_certs *);

#endif

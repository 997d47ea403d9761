/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The streams of `signet inspect`: a mail's parts, the CMS messages in them, the mail in
 * those, each an object that is pushed bytes and describes what passes (cli/describe.h).
 * Nothing is kept but the description.
 *
 * Life: _new; _update with pieces of any size; _finish in every case (also after an
 * error of another stream around it), which completes the description; _free. A fault of
 * the input is in the description (describe_fault) and no error of these calls: what
 * follows it is passed over. They fail for other reasons alone.
 *
 * One thread at a time.
 */
#ifndef SIGNET_CLI_INSPECT_INT_H
#define SIGNET_CLI_INSPECT_INT_H

#include "cli/describe.h"
#include "cms/pem.h"
#include "mail/transfer.h"

/* Mails within messages within mails, at most. */
#define INSPECT_DEPTH_MAX 8u
/* Compressed mails in compressed mails multiply: contents of this size may come out
 * whatever went in, beyond it this many times the input. */
#define INSPECT_UNPACK_FREE (64u * 1024 * 1024)
#define INSPECT_UNPACK_RATIO 200u
/* Largest certificate file or revocation list that is looked at, bytes. */
#define INSPECT_CERTS_MAX (16u * 1024 * 1024)

/* A CMS message, a certificate or a revocation list; into (borrowed) gets "cms",
 * "certificates" or "crls". As text it is PEM, base64 or binary, which is found out;
 * other transfer encodings are undone. */
struct inspect_cms;
int inspect_cms_new(struct inspect_cms **ret, struct describe *, json_t *into, enum transfer,
                    unsigned depth, struct err *err) must_check;
int inspect_cms_update(struct inspect_cms *, const uint8_t *data, size_t len,
                       struct err *err) must_check;
int inspect_cms_finish(struct inspect_cms *, struct err *err) must_check;
void inspect_cms_free(struct inspect_cms **);
/* What the text was; CMS_FORM_AUTO when that could not be told. */
enum cms_form inspect_cms_form(const struct inspect_cms *);

/* A mail, or any MIME entity. */
struct inspect_mime;
int inspect_mime_new(struct inspect_mime **ret, struct describe *, unsigned depth,
                     struct err *err) must_check;
int inspect_mime_update(struct inspect_mime *, const uint8_t *data, size_t len,
                        struct err *err) must_check;
int inspect_mime_finish(struct inspect_mime *, struct err *err) must_check;
/* The description, after finish; the caller's. NULL when there is no header, or, within
 * a message, none that is MIME's. */
json_t *inspect_mime_take(struct inspect_mime *);
void inspect_mime_free(struct inspect_mime **);

/* Certificates and revocation lists in a file of PEM blocks. E_NOMEM. */
int inspect_pem(struct describe *, json_t *into, const uint8_t *data, size_t len,
                struct err *err) must_check;
/* One in DER: false when it is neither. */
bool inspect_der(struct describe *, json_t *into, const uint8_t *der, size_t len);

#endif

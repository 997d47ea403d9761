/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads one layer of an S/MIME mail (RFC 8551 3): finds the part that is one, streams
 * its content to the digests and to a sink, and the CMS to its reader. Layer after
 * layer is mail/layers.h's work.
 *
 * Life: mail_reader_new; mail_reader_update with the mail in pieces of any size;
 * mail_reader_finish; then mail_reader_verify and the questions;
 * mail_reader_free. What it lends lives as long as the reader.
 *
 * Found are, in any case and with or without "x-": multipart/signed with a
 * PKCS #7 signature; application/pkcs7-mime, whatever its smime-type says; and
 * application/octet-stream named *.p7m, *.p7c or *.p7z (within a multipart:
 * smime.*, as gateways write it; other names are attachments). The first of these in the
 * mail itself or in its multiparts (down to ENTITY_DEPTH_MAX) is the layer; with
 * root_only it must be the mail itself. Messages within the mail are not looked
 * into. Without one, finish is E_MALFORMED with a sentence, or with `plain` 0
 * and MAIL_NONE. What it is, cms_reader_type tells; an encrypted one is
 * opened with `decrypt`, and its content is dropped without.
 *
 * The content goes to the sink in canonical form, as it was signed, BEFORE
 * anything is verified: spool it.
 *
 * Digests of a multipart/signed are those its micalg names; when that names none
 * that is known, SHA-1, SHA-256, SHA-384 and SHA-512. When micalg lied,
 * mail_reader_verify leaves those signatures at CMS_NO_CONTENT and
 * mail_reader_again is true: read the mail once more with `all_digests`.
 *
 * Coverage: whatever of the mail the signature does not cover and a reader of
 * the mail could see. Preambles that S/MIME programs write are known and not
 * counted. The mail's own header is never covered; its From and Sender are what a
 * verdict compares with the signer unless the content has protected ones
 * (mail/protected.h). What is signed and says Content-Transfer-Encoding: binary is
 * hashed as it is, without line ends being made CRLF, in a mail that has come
 * with CRLF.
 *
 * Errors: E_MALFORMED, E_TRUNCATED, E_LIMIT, E_UNSUPPORTED with sentences; the
 * sink's. Memory is constant. Not thread-safe.
 */
#ifndef SIGNET_MAIL_READ_H
#define SIGNET_MAIL_READ_H

#include <stdbool.h>

#include "base/sink.h"
#include "cms/digests.h"
#include "cms/reader.h"
#include "cms/signed.h"
#include "mail/address.h"
#include "mail/coverage.h"

struct mail_reader_options {
    struct sink content;  /* .write NULL: dropped */
    bool all_digests;     /* whatever micalg says */
    /* What may open an encrypted mail (cms/decrypt.h); NULL: it is only parsed. */
    const struct cms_decrypt_options *decrypt;
    bool root_only;       /* not in the mail's parts */
    bool plain;           /* a mail without S/MIME is no error */
    bool nested;          /* CMS within the CMS is opened, too (cms/layers.h) */
};

enum mail_form {
    MAIL_NONE,    /* no S/MIME found (yet) */
    MAIL_CLEAR,   /* multipart/signed */
    MAIL_OPAQUE,  /* application/pkcs7-mime */
};

struct mail_reader;
int mail_reader_new(struct mail_reader **ret, const struct mail_reader_options *,
                    struct err *err) must_check;
void mail_reader_free(struct mail_reader **);
int mail_reader_update(struct mail_reader *, const uint8_t *data, size_t len,
                       struct err *err) must_check;
int mail_reader_finish(struct mail_reader *, struct err *err) must_check;

enum mail_form mail_reader_form(const struct mail_reader *);
/* The layer's media type in lower case, as the mail has it: "multipart/signed". */
const char *mail_reader_type(const struct mail_reader *);

/* The CMS message; for cms_reader_type and friends. */
struct cms_reader *mail_reader_cms(struct mail_reader *);
/* cms_verify with the mail's digests. `certs` may be NULL. */
int mail_reader_verify(struct mail_reader *, const STACK_OF(X509) *certs,
                       const struct cms_signed **ret, struct err *err) must_check;
/* With `nested`, the messages within the message: how many (1 without), the ith's reader,
 * and its verification; 0 is what the two functions above are about. */
size_t mail_reader_cms_count(const struct mail_reader *);
struct cms_reader *mail_reader_cms_at(struct mail_reader *, size_t i);
int mail_reader_verify_at(struct mail_reader *, size_t i, const STACK_OF(X509) *certs,
                          const struct cms_signed **ret, struct err *err) must_check;

/* Why mail_reader_verify failed, as a word of trust/problem.h: "two-contents",
 * "foreign-content"; NULL when it did not, or for no such reason. */
const char *mail_reader_word(const struct mail_reader *);
/* A signature's digest was not computed (see above). After mail_reader_verify. */
bool mail_reader_again(const struct mail_reader *);

/* Text that the signature does not cover. */
const struct mail_coverage *mail_reader_coverage(const struct mail_reader *);
bool mail_reader_partial(const struct mail_reader *);
/* Appends a sentence that says what is not covered; nothing when all is. */
int mail_reader_put_coverage(const struct mail_reader *, struct buf *out) must_check;
/* The same as a mere list, for an encrypted mail. */
int mail_reader_put_outside(const struct mail_reader *, struct buf *out) must_check;

/* "From" or "Sender" of the mail itself. */
void mail_reader_address(const struct mail_reader *, const char *field, struct address *ret);
const struct header *mail_reader_header(const struct mail_reader *);
/* The content's own header, NULL when it has none or more than
 * HEADER_PART_MAX bytes of it; and that of the message it is, when it is a
 * message/rfc822, NULL otherwise. */
const struct header *mail_reader_inner(const struct mail_reader *);
const struct header *mail_reader_wrapped(const struct mail_reader *);

/* After finish: the mail has a header that all programs read alike, no
 * unreadable or ambiguous Content-Type, and each multipart its end. */
bool mail_reader_whole(const struct mail_reader *);
/* It has an OpenPGP signature (RFC 3156). */
bool mail_reader_openpgp(const struct mail_reader *);
/* S/MIME parts that were seen, and left alone because of root_only. */
uint64_t mail_reader_inside(const struct mail_reader *);

#endif

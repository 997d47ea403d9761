/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Puts a mail into a CMS envelope: mail in, encrypted (or compressed) mail out, as a
 * stream (RFC 8551 3.3, 3.4, 3.6).
 *
 * Life: mail_encrypt_new; mail_encrypt_update with the whole mail in pieces of any
 * size; mail_encrypt_finish; mail_encrypt_free. It is a sink of mail/sign.h's
 * output (sign, then encrypt) and its output goes to mail/sign.h again (triple wrap):
 * mail_encrypt_sink.
 *
 * What happens to the mail. Its Content-* fields become the header of the entity
 * inside; all other fields stay outside, in their order and byte for byte, with one
 * MIME-Version. Bcc is left out, inside and outside. The entity inside has canonical
 * line ends (CRLF), 8-bit and binary parts stay as they are. With header protection
 * (mail/protect.h) the mail's fields are inside as well and some are hidden outside;
 * a mail that is signed or encrypted already gets none here, for its payload is deeper.
 *
 *   cipher CBC    application/pkcs7-mime; smime-type=enveloped-data, smime.p7m
 *   cipher AEAD   application/pkcs7-mime; smime-type=authEnveloped-data, smime.p7m
 *   compress      application/pkcs7-mime; smime-type=compressed-data, smime.p7z
 *
 * all as base64 with the lines ending as the mail's first does, Content-Disposition:
 * attachment, and names as RFC 8551 3.2.1 says.
 *
 * Refused with a sentence and E_MALFORMED: an empty mail; one without a header; a header
 * with a line that is no field; two Content-Type or two Content-Transfer-Encoding
 * fields. Other errors are those of cms/encrypt.h, cms/compress.h and of the sink.
 * Output before the end of mail_encrypt_finish is no whole mail: spool it. Memory is
 * constant. Not thread-safe.
 */
#ifndef SIGNET_MAIL_ENCRYPT_H
#define SIGNET_MAIL_ENCRYPT_H

#include <stdbool.h>

#include "base/sink.h"
#include "cms/compress.h"
#include "cms/encrypt.h"
#include "mail/protect.h"
#include "mail/scan.h"

struct mail_encrypt_options {
    /* Cipher and recipients; content_size and content_type are set here. */
    struct cms_encrypt_options cms;
    bool compress;                /* compressed-data instead; .cms is not looked at */
    int level;                    /* of compression; 0: zlib's default */
    /* Finished, of the same mail; NULL when the mail comes from mail_sign or
     * mail_encrypt. Without it the message is BER, which every reader takes; its end
     * of lines is then that of the first line. Borrowed until mail_encrypt_free. */
    const struct scan *scan;
    struct mail_protection protection;
};

struct mail_encrypt;
int mail_encrypt_new(struct mail_encrypt **ret, const struct mail_encrypt_options *,
                     const struct sink *out, struct err *err) must_check;
int mail_encrypt_update(struct mail_encrypt *, const uint8_t *data, size_t len,
                        struct err *err) must_check;
int mail_encrypt_finish(struct mail_encrypt *, struct err *err) must_check;
void mail_encrypt_free(struct mail_encrypt **);
/* A sink that is mail_encrypt_update. */
struct sink mail_encrypt_sink(struct mail_encrypt *);

#endif

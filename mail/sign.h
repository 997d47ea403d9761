/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signs a mail: mail in, signed mail out (RFC 8551 3.5), as a stream.
 *
 * Life, two passes over the same input: scan (mail/scan.h); then mail_sign_new,
 * mail_sign_update with the whole mail in pieces of any size, mail_sign_finish,
 * which calls the signers, mail_sign_free. A mail that comes from mail/encrypt.h (triple
 * wrap) needs no scan and no first pass: mail_sign_sink takes it as it is made.
 *
 * What happens to the mail. Its Content-* fields become the header of the signed
 * entity; all other fields stay outside, in their order and byte for byte, with one
 * MIME-Version. The body is kept byte for byte, except for the parts
 * that mail/scan.h says must be transfer-encoded. A mail without Content-Type says
 * text/plain with its character set inside. What is signed is the canonical form
 * (CRLF); what is written keeps the mail's own line ends, and the lines that are
 * added end as the mail's first line does. With header protection (mail/protect.h) the
 * other fields are inside as well; a mail that is signed or encrypted already gets none
 * here, for its payload is deeper.
 *
 *   clear    multipart/signed, protocol application/pkcs7-signature, smime.p7s
 *            (3.5.3); readable by everybody
 *   opaque   application/pkcs7-mime; smime-type=signed-data, smime.p7m (3.5.2)
 *
 * The boundary is random, 160 bits, and drawn when the mail is there already, so
 * that nothing in the mail can be it.
 *
 * Refused with a sentence and E_MALFORMED: an empty mail; one without a header
 * (bare data: that is cms/sign.h's); a header with a line that is no field; two
 * Content-Type or two Content-Transfer-Encoding fields. Other errors are those
 * of cms/sign.h and of the sink. Output before the end of mail_sign_finish is not
 * a signed mail: spool it. Memory is constant. Not thread-safe.
 */
#ifndef SIGNET_MAIL_SIGN_H
#define SIGNET_MAIL_SIGN_H

#include <stdbool.h>

#include "base/sink.h"
#include "cms/sign.h"
#include "mail/protect.h"
#include "mail/scan.h"

struct mail_sign_options {
    /* Signers, certificates, times; detached, content_size and content_type are
     * set here. Signers and certificates are borrowed until mail_sign_free. */
    struct cms_sign_options cms;
    const struct scan *scan; /* finished; borrowed until mail_sign_free; NULL: see above */
    bool opaque;
    /* PROTECT_CLEAR; PROTECT_CIPHER when an encryption around it follows at once. */
    struct mail_protection protection;
};

struct mail_sign;
int mail_sign_new(struct mail_sign **ret, const struct mail_sign_options *,
                  const struct sink *out, struct err *err) must_check;
int mail_sign_update(struct mail_sign *, const uint8_t *data, size_t len,
                     struct err *err) must_check;
int mail_sign_finish(struct mail_sign *, struct err *err) must_check;
void mail_sign_free(struct mail_sign **);
/* A sink that is mail_sign_update. */
struct sink mail_sign_sink(struct mail_sign *);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Puts a legacy display element (mail/protect.h) into a decoded text part as it passes:
 * at the start of text/plain, behind the <body> tag of text/html (RFC 9788 5.2.2, 5.2.3).
 *
 * Life: legacy_new, legacy_update with pieces of any size, legacy_finish,
 * legacy_free. HTML without a <body> in its first LEGACY_SEEK_MAX bytes gets it in
 * front, where readers take it for the body's first element, too. Fails as the sink
 * does, and with E_NOMEM. Not thread-safe.
 */
#ifndef SIGNET_MAIL_LEGACY_H
#define SIGNET_MAIL_LEGACY_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/sink.h"
#include "mail/entity.h"

#define LEGACY_SEEK_MAX (16u * 1024)

/* Whether the entity, as begun, is a main text part (RFC 9788 1.1.1), in a character set
 * that can take UTF-8 (only_ascii false) or ASCII; ret_html tells which kind. */
bool legacy_fits(const struct entity *, bool only_ascii, bool *ret_html);

struct legacy;
/* The element is copied. */
int legacy_new(struct legacy **ret, const struct buf *element, bool html,
               const struct sink *out) must_check;
int legacy_update(struct legacy *, const uint8_t *data, size_t len, struct err *err) must_check;
int legacy_finish(struct legacy *, struct err *err) must_check;
void legacy_free(struct legacy **);
struct sink legacy_sink(struct legacy *);

#endif

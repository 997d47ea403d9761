/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a question says, made safe: for a dialog in several lines, for the client's
 * terminal in one. Pure, but that the user's name is looked up in /etc/passwd. */
#ifndef SIGNET_AGENT_ASK_TEXT_H
#define SIGNET_AGENT_ASK_TEXT_H

#include "agent/ask.h"

/*     Enter the PIN of token "demo"
 *     to sign with key "alice" (f9e793e061f61813)
 *     for /usr/bin/signet (process 4711), user alice (1000), front cli
 *     SoftHSM project SoftHSM v2, serial number c55f6d12ab1892c7
 */
int ask_text_put_dialog(struct buf *out, const struct connection *,
                        const struct question *) must_check;
/*     Few tries are left. Enter the PIN of token "demo" to sign with key "alice" */
int ask_text_put_line(struct buf *out, const struct connection *,
                      const struct question *) must_check;

#endif

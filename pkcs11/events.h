/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tokens that come and go: notices it within a second, looks at the slots anew, and
 * tells the agent by a line on a descriptor.
 *
 * Only for modules with slots whose token can go (CKF_REMOVABLE_DEVICE), or without
 * any slot yet; for others nothing runs. C_WaitForSlotEvent hangs in some modules, lies
 * in others, is absent in many, and in some it holds the lock that every other call
 * wants. So it is called only where the configuration says so, and believed only when it has proved itself: until then, and from the
 * first lie on, the list of slots is asked for twice a second, which costs a token
 * nothing. It is first called while no command is under way; when the module answers
 * nothing else then, the host ends, and asks its agent for a successor that never
 * waits.
 *
 * Lines: "slots" when something has changed, "nowait" before such an end. PKCS#11 2.40,
 * section 5.5.
 */
#ifndef SIGNET_PKCS11_EVENTS_H
#define SIGNET_PKCS11_EVENTS_H

#include <stdbool.h>

#include "base/err.h"
#include "pkcs11/module.h"

#define EVENTS_POLL_MS 500
/* How long a module may take to list its slots while it waits for an event. */
#define EVENTS_PROBE_MS 3000
#define EVENTS_CHANGED "slots\n"
#define EVENTS_NO_WAIT "nowait\n"

struct events;

/* fd is borrowed; what does not fit it at once is left out. may_wait: whether
 * C_WaitForSlotEvent may be tried. The module must live until events_stop. */
int events_start(struct events **ret, struct module *, int fd, bool may_wait,
                 struct err *err) must_check;
/* Before C_Finalize; does not wait for a call that hangs. The memory is kept when one
 * does. */
void events_stop(struct events **);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mutexes for modules that lose count of their own (PKCS#11 2.40, 3.7 and 5.4: the
 * application may supply them).
 *
 * They may be taken again by the thread that has them, and what a thread still holds when
 * its call has returned is given back by locks_release: a module that keeps a mutex from
 * one call to the next would wait for itself for ever.
 *
 * OpenSC 0.23 is such a module: when a card is pulled out at the first command of a
 * signature, its sc_unlock() finds nothing to unlock and returns with the card's mutex
 * held; its next line takes it again.
 *
 * Thread-safe. The module's mutexes are the process's.
 */
#ifndef SIGNET_PKCS11_LOCKS_H
#define SIGNET_PKCS11_LOCKS_H

#include "pkcs11/ck.h"

/* The four functions, for C_Initialize. */
void locks_offer(CK_C_INITIALIZE_ARGS *);
/* Gives back all that the calling thread holds; how many there were. */
unsigned locks_release(void);

#endif

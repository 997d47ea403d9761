/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Users and groups by name, from /etc/passwd and /etc/group alone: what nsswitch.conf may name is
 * not to be loaded into a process that holds PINs. Those of directories are given by number.
 */
#ifndef SIGNET_BASE_NAMES_H
#define SIGNET_BASE_NAMES_H

#include "base/err.h"

/* A name or a number. E_CONFIG, without a sentence, when there is no such name. */
int names_user(const char *word, unsigned *ret) must_check;
int names_group(const char *word, unsigned *ret) must_check;

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a process that talks to strangers gives up before it does: new privileges, cores and
 * other processes' looks, memory and descriptors beyond what it needs, other programs, and
 * changing anything in the file system. It goes when its parent goes.
 *
 * With -Dsanitize only the parts that sanitizers can live with.
 */
#ifndef SIGNET_FETCH_CONFINE_H
#define SIGNET_FETCH_CONFINE_H

#include "base/err.h"

#define CONFINE_MEMORY_MAX (768ul * 1024 * 1024)
#define CONFINE_FILES_MAX 512
#define CONFINE_STACK (512ul * 1024)

/* Before any thread is begun. */
int confine(struct err *err) must_check;
/* Then, when it is known what is to be read besides the system's own files: anchor may be empty.
 * Where the kernel has no Landlock, the above has to do. */
void confine_files(const char *anchor);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Threads with small stacks, and waiting by the clock that no one sets. */
#ifndef SIGNET_AGENT_THREAD_H
#define SIGNET_AGENT_THREAD_H

#include <pthread.h>
#include <time.h>

#include "base/err.h"

/* Starts a joinable thread that takes no signals; 0 or an errno value. */
int thread_start(pthread_t *ret, void *(*run)(void *), void *arg) must_check;
/* A condition whose timed waits count on CLOCK_MONOTONIC. */
void thread_cond_init(pthread_cond_t *);
/* Now plus ms, for such a wait. */
void thread_deadline(struct timespec *, unsigned ms);
/* Wakes who waits at an eventfd, unless it rings already. Tried again when it fails: that
 * somebody is not woken is a thread that never ends. */
void thread_ring(int eventfd);

#endif

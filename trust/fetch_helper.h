/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The helper signet-fetch as a process: started, spoken to, believed in nothing, ended.
 * Private to trust/fetch.c. One thread.
 */
#ifndef SIGNET_TRUST_FETCH_HELPER_H
#define SIGNET_TRUST_FETCH_HELPER_H

#include <sys/types.h>

#include "fetch/wire.h"
#include "trust/fetch.h"

struct helper {
    pid_t pid;          /* 0: none runs */
    int fd;
    uint8_t packet[WIRE_PACKET_MAX];
};

/* E_HOST when it cannot be run. */
int helper_start(struct helper *, const struct wire_settings *, bool own_proxy,
                 struct err *err) must_check;
/* Ends it and waits for that; nothing when none runs. */
void helper_end(struct helper *);

/* 1: sent; 0: not now, there is no room; E_HOST: it is gone. */
int helper_send(struct helper *, const struct buf *packet) must_check;
/* 1: an answer, which borrows from the packet, with its descriptor (the caller's) or -1;
 * 0: none now; E_HOST: gone, or no proper message. */
int helper_receive(struct helper *, struct wire_answer *, int *ret_fd) must_check;

/* Maps len bytes of what came; E_HOST when it is not memory that nobody can change any more. */
int helper_map(int fd, size_t len, void **ret) must_check;

#endif

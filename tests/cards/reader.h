/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A card's connection to vpcd, the virtual reader of pcscd: the card connects by TCP;
 * every message is two bytes of length, most significant first, and the payload. One
 * byte is a control byte; only READER_ATR of these is answered.
 */
#ifndef TESTS_CARDS_READER_H
#define TESTS_CARDS_READER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define READER_OFF 0
#define READER_ON 1
#define READER_RESET 2
#define READER_ATR 4

/* A socket, or -1 while nothing listens there. */
int reader_connect(uint16_t port);
/* Acknowledge what comes at once: vpcd writes length and payload apart, and each
 * command would take 44 ms otherwise. Holds for one read. */
void reader_quick(int fd);
/* The payload's length, or -1 at the end and on an error. */
ssize_t reader_read(int fd, uint8_t *data, size_t max);
/* 0 or -1. */
int reader_write(int fd, const uint8_t *data, size_t n);

#endif

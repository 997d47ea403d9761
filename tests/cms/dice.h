/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Random numbers for the property tests: the same ones for a seed, everywhere. A failed
 * round is repeated alone with SIGNET_TEST_SEED, whose value dice_rounds prints.
 */
#ifndef SIGNET_TESTS_CMS_DICE_H
#define SIGNET_TESTS_CMS_DICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <check.h>

uint64_t dice_next(void);
/* 0 to n - 1. */
size_t dice_below(size_t n);
bool dice_coin(void);
/* 0 to max; small ones as often as long ones. */
size_t dice_size(size_t max);
/* Random octets; the caller frees. */
uint8_t *dice_bytes(size_t len);

/* Runs rounds, each from its own seed, until there were enough or the time is over. */
void dice_rounds(void (*round)(void), int rounds, int seconds);
/* For main, before and after the suite: makes the seed outlive a failed test's process, and says
 * how to repeat it. */
bool dice_share(void);
int dice_report(int rc);

#endif

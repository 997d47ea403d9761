/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/cms/dice.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

/* xorshift64*. */
static uint64_t state;
/* Of the round that runs. */
static uint64_t *shared_seed;

uint64_t
dice_next(void)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * UINT64_C(0x2545f4914f6cdd1d);
}

size_t
dice_below(size_t n)
{
    return (size_t)(dice_next() >> 16) % n;
}

bool
dice_coin(void)
{
    return dice_below(2) == 1;
}

size_t
dice_size(size_t max)
{
    return dice_below(((size_t)1 << dice_below(18)) % max + 1);
}

uint8_t *
dice_bytes(size_t len)
{
    uint8_t *bytes = malloc(len + 1);

    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(dice_next() >> 56);
    return bytes;
}

void
dice_rounds(void (*round)(void), int rounds, int seconds)
{
    const char *given = getenv("SIGNET_TEST_SEED");
    time_t end = time(NULL) + seconds;
    uint64_t seed = given != NULL ? strtoull(given, NULL, 0)
                                  : (uint64_t)time(NULL) * UINT64_C(0x9e3779b97f4a7c15);
    int done = 0;

    /* a given seed is a failed round's: that one alone */
    do {
        state = seed == 0 ? 1 : seed;
        *shared_seed = state;
        round();
        seed = dice_next();
        done++;
    } while (given == NULL && done < rounds && time(NULL) < end);
}

bool
dice_share(void)
{
    shared_seed = mmap(NULL, sizeof *shared_seed, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return shared_seed != MAP_FAILED;
}

int
dice_report(int rc)
{
    if (rc != EXIT_SUCCESS)
        printf("repeat the round with SIGNET_TEST_SEED=0x%" PRIx64 "\n", *shared_seed);
    return rc;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The loop in which a virtual card lives: the reader's connection (reader.h) on one
 * side, the tests' control socket (control.h) on the other, and between them what
 * befalls a card: it is slow, is pulled out or swapped at the n-th command, answers
 * garbage.
 *
 *     struct machine m;
 *     machine_init(&m, &ops, card, port, control_path);   listens on the control socket
 *     status = machine_run(&m);                           until told to quit
 *
 * One thread; nothing sleeps: what is late (an answer of a slow card, a card that comes
 * back) has a time at which it is due.
 */
#ifndef TESTS_CARDS_MACHINE_H
#define TESTS_CARDS_MACHINE_H

#include "apdu.h"
#include "card.h"

#define FAULTS_MAX 8
/* An instruction byte, or this. */
#define INS_ANY (-1)

enum fault_kind {
    FAULT_NONE,
    FAULT_OUT,      /* pulled out before it answers; back after value ms, if not 0 */
    FAULT_SWAP,     /* the same, and another card comes back */
    FAULT_SLOW,     /* answers value ms late */
    FAULT_HANG,     /* answers when told `go on` */
    FAULT_GARBAGE,  /* random bytes of the answer's length, and 9000 */
    FAULT_TRUNCATE, /* half of the answer's data, with its status */
    FAULT_SHORT,    /* one byte in all */
    FAULT_SW,       /* the command is not run; the status is value */
    FAULT_LOSE,     /* runs after a loss of the session, as another program may cause it */
};

struct fault {
    enum fault_kind kind;
    int ins;
    unsigned at; /* 1: the next command with this instruction */
    unsigned long value;
    char folder[256];
};

struct machine {
    const struct card_ops *ops;
    void *card;
    uint16_t port;
    int control, reader;      /* sockets; the reader's is -1 while the card is out */
    bool wanted_in, quit;
    long long in_due;         /* ms, when the card comes back; 0: not by itself */
    unsigned long slow;       /* ms, every answer */
    struct fault faults[FAULTS_MAX];
    bool holding, hung;       /* an answer waits */
    long long answer_due;
    uint8_t in[APDU_WIRE_MAX], out[APDU_WIRE_MAX];
    size_t out_len;
    bool powered, seen;       /* seen: the reader asked this insertion's card for its ATR */
    unsigned long apdus, by_ins[256], resets;
    FILE *log;                /* every command and answer, or NULL */
};

/* 0, or -1 with errno: no control socket. */
int machine_init(struct machine *, const struct card_ops *, void *card, uint16_t port,
                 const char *control_path);
/* An exit status. */
int machine_run(struct machine *);
/* Pulls the card out; it comes back after so many ms (0: when told). */
void machine_out(struct machine *, unsigned long back_ms);
/* Puts it in as soon as the reader listens. */
void machine_in(struct machine *);
/* Milliseconds of a clock that only goes forward. */
long long machine_now(void);

#endif

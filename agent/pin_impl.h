/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside pin.c and pin_forget.c: the state itself. */
#ifndef SIGNET_AGENT_PIN_IMPL_H
#define SIGNET_AGENT_PIN_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "agent/pin.h"

struct pin {
    struct pins *all;
    struct pin *next;
    char *identity;
    char *label, *serial;
    pthread_mutex_t lock;
    pthread_cond_t turn_over;
    bool busy;               /* somebody has the turn */
    bool leaving;            /* ... to log out: no operation begins meanwhile */
    bool source_failed;      /* the pin-source's PIN was refused */
    bool removed;            /* the token went during this turn */
    bool forget;             /* to be forgotten when this turn ends */
    atomic_uint errors;      /* in a row */
    atomic_llong rests;      /* until then */
    unsigned long logins;
    unsigned long failures;  /* turns that failed */
    struct err why;          /* of the last one */
    struct secret *cached;
    struct secret *refused;  /* one behind the other, a byte of length before each */
    struct pin_login login;
    atomic_uint ttl, ttl_max;
    atomic_llong used;       /* last use */
    atomic_llong dies;       /* when ttl_max ends it; 0: nothing is logged in */
    atomic_uint users;       /* operations under way */
};

struct pins {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    unsigned long pokes;
    struct pin *first;
    unsigned ttl, ttl_max;
    time_t (*clock)(void);
    void (*log_out)(const struct pin_login *);
};

/* (turn), lock held: wipes what is kept; who was logged in. */
struct pin_login pin_wipe_login(struct pin *);
/* (turn): wipes, and logs out. */
void pin_clear_login(struct pin *);
/* Whether its time is over. */
bool pin_expired(struct pin *);

#endif

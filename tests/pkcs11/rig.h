/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tokens for the suites: each rig is a real module with a private token in the
 * scratch folder, and says what it can do. Suites loop over rigs; what a token
 * lacks is expected to fail in the documented way, not left out.
 *
 * Everything asserts; a rig whose module is not installed makes its tests pass
 * as skipped (rig_missing says so on standard error).
 */
#ifndef SIGNET_TESTS_PKCS11_RIG_H
#define SIGNET_TESTS_PKCS11_RIG_H

#include <check.h>
#include <stdbool.h>

#include "base/secret.h"
#include "pkcs11/lane.h"
#include "pkcs11/module.h"

#define RIG_LABEL "rig"
#define RIG_PIN "rig-pin-1"

struct rig {
    const char *name;
    const char *paths[4];  /* where the module may be */
    void (*prepare)(void); /* makes the token's place, before loading */
    const char *(*init_args)(void);
    bool made_by_us;       /* the token is made by init_token */
    const char *types[12]; /* what generate_key makes, NULL-terminated */
    bool edwards;          /* Ed25519 and X25519 */
    bool oaep_sha2;        /* of its own; else in software */
    bool bare_rsa;         /* CKM_RSA_X_509 */
};

extern const struct rig rigs[];
#define RIG_SOFTHSM 0
#define RIG_NSS 1
#define RIG_COUNT 2

/* The module's file, or NULL (said on standard error). */
const char *rig_module(const struct rig *);
/* True when no rig has its module: the suite then exits with 77. */
bool rigs_missing(void);

/* A token ready for use in this process. */
struct bed {
    const struct rig *rig;
    struct module *module;
    struct lane *lane;
    CK_SLOT_ID slot;
};
/* Prepares, loads, makes the token, logs in. False: skipped. */
bool bed_open(struct bed *, const struct rig *);
/* The same for SoftHSM on a function table that changes the module's own. */
bool bed_open_calls(struct bed *, void (*change)(struct ck_calls *));
void bed_close(struct bed *);
void bed_login(struct bed *);
/* The module's own calls, as bed_open_calls found them. */
extern struct ck_calls real_calls;

struct secret *secret_of(const char *text);
/* Generates; asserts success; static storage, good for sixteen calls. */
const char *bed_key(struct bed *, const char *type, const char *label);
/* The public key of that name. Caller frees. */
EVP_PKEY *bed_public(struct bed *, const char *name);

/* Runs a program with arguments up to NULL; asserts status 0. */
void run_program(const char *const argv[]);
/* Writes softhsm2.conf and sets SOFTHSM2_CONF. */
void softhsm_prepare(void);

#endif

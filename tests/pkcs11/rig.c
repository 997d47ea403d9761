/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/pkcs11/rig.h"

#include <limits.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pkcs11/generate.h"
#include "pkcs11/init_token.h"
#include "pkcs11/loader.h"
#include "pkcs11/login.h"
#include "tests/base/run.h"

#if defined __has_feature
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
/* SoftHSM 2.6.1 forgets an ASN1_OCTET_STRING per use of an Edwards key. To see that
 * it was SoftHSM, the whole stack is needed. */
#define SANITIZER_HOOK __attribute__((visibility("default"))) const char *
SANITIZER_HOOK __lsan_default_suppressions(void);
SANITIZER_HOOK __asan_default_options(void);

SANITIZER_HOOK
__lsan_default_suppressions(void)
{
    return "leak:libsofthsm2.so\n";
}

SANITIZER_HOOK
__asan_default_options(void)
{
    return "fast_unwind_on_malloc=0";
}
#endif

struct ck_calls real_calls;

void
run_program(const char *const argv[])
{
    int status;
    pid_t pid = fork();

    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, 0);
        dup2(null, 1);
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s failed", argv[0]);
}

void
softhsm_prepare(void)
{
    char conf[PATH_MAX * 2];

    ck_assert_int_eq(mkdir(scratch_path("tokens"), 0700), 0);
    snprintf(conf, sizeof conf, "directories.tokendir = %s\nobjectstore.backend = file\n"
             "log.level = ERROR\n", scratch_path("tokens"));
    ck_assert_int_eq(setenv("SOFTHSM2_CONF", scratch_write("softhsm2.conf", conf), 1), 0);
}

static void
nss_prepare(void)
{
    static char db[PATH_MAX + 8];

    ck_assert_int_eq(mkdir(scratch_path("nss"), 0700), 0);
    snprintf(db, sizeof db, "sql:%s", scratch_path("nss"));
    run_program((const char *const[]){"certutil", "-N", "-d", db, "-f",
                                      scratch_write("pin", RIG_PIN "\n"), NULL});
}

static const char *
nss_init_args(void)
{
    static char args[PATH_MAX + 256];

    snprintf(args, sizeof args, "configdir='sql:%s' certPrefix='' keyPrefix='' secmod='' "
             "flags= dbTokenDescription='" RIG_LABEL "' minPWLen=4", scratch_path("nss"));
    return args;
}

const struct rig rigs[] = {
    [RIG_SOFTHSM] = {
        .name = "SoftHSM",
        .paths = {"/usr/lib/softhsm/libsofthsm2.so",
                  "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
                  "/usr/lib64/pkcs11/libsofthsm2.so"},
        .prepare = softhsm_prepare,
        .made_by_us = true,
        .types = {"rsa2048", "rsa3072", "p256", "p384", "p521", "ed25519", "x25519"},
        .edwards = true,
        .bare_rsa = true,
    },
    [RIG_NSS] = {
        .name = "NSS softokn",
        .paths = {"/usr/lib/x86_64-linux-gnu/libsoftokn3.so", "/usr/lib64/libsoftokn3.so",
                  "/usr/lib/aarch64-linux-gnu/libsoftokn3.so"},
        .prepare = nss_prepare,
        .init_args = nss_init_args,
        .types = {"rsa2048", "rsa3072", "p256", "p384", "p521"},
        .oaep_sha2 = true,
        .bare_rsa = true,
    },
};

const char *
rig_module(const struct rig *r)
{
    for (size_t i = 0; i < sizeof r->paths / sizeof *r->paths && r->paths[i]; i++)
        if (access(r->paths[i], R_OK) == 0)
            return r->paths[i];
    fprintf(stderr, "skipped: %s is not installed\n", r->name);
    return NULL;
}

bool
rigs_missing(void)
{
    for (size_t i = 0; i < RIG_COUNT; i++)
        if (rig_module(&rigs[i]))
            return false;
    return true;
}

struct secret *
secret_of(const char *text)
{
    struct secret *s = secret_new(255);

    ck_assert_ptr_nonnull(s);
    ck_assert_int_eq(secret_set(s, text, strlen(text)), 0);
    return s;
}

static void
ok(int rc, const struct err *err)
{
    ck_assert_msg(rc == 0, "%s: %s", err_name(rc), err_text(err));
}

void
bed_login(struct bed *b)
{
    autofree_secret struct secret *pin = secret_of(RIG_PIN);
    struct err err = {0};

    ok(login_user(b->lane, b->slot, pin, &err), &err);
}

/* Makes or finds the token, and logs in. */
static void
settle(struct bed *b)
{
    autofree_secret struct secret *pin = secret_of(RIG_PIN);
    struct slot *slots[MODULE_SLOTS_MAX];
    struct err err = {0};
    struct token t;

    ck_assert_int_eq(lane_new(&b->lane, b->module), 0);
    if (b->rig->made_by_us) {
        ok(init_token(b->lane, RIG_LABEL, pin, pin, &b->slot, &err), &err);
    } else {
        size_t n;
        bool found = false;
        ok(module_refresh(b->module, &err), &err);
        n = module_slots(b->module, slots);
        for (size_t i = 0; i < n && !found; i++) {
            slot_token(slots[i], &t);
            b->slot = slot_id(slots[i]);
            found = strcmp(t.label, RIG_LABEL) == 0;
        }
        ck_assert(found);
    }
    bed_login(b);
}

bool
bed_open(struct bed *b, const struct rig *r)
{
    struct module_options o = {.name = r->name, .path = rig_module(r)};
    struct err err = {0};

    *b = (struct bed){.rig = r};
    if (!o.path)
        return false;
    r->prepare();
    if (r->init_args)
        o.init_args = r->init_args();
    ok(module_open(&b->module, &o, &err), &err);
    settle(b);
    return true;
}

bool
bed_open_calls(struct bed *b, void (*change)(struct ck_calls *))
{
    static struct ck_calls changed;
    static struct loader *loader; /* stays loaded: the test's process ends soon */
    const struct rig *r = &rigs[RIG_SOFTHSM];
    const char *path = rig_module(r), *init_args;
    CK_FUNCTION_LIST *list;
    struct err err = {0};

    *b = (struct bed){.rig = r};
    if (!path)
        return false;
    r->prepare();
    ok(loader_open(&loader, "SoftHSM", path, NULL, &list, &init_args, &err), &err);
    ck_calls_from_list(&real_calls, list);
    changed = real_calls;
    change(&changed);
    ok(module_from_calls(&b->module, &changed, "SoftHSM", &err), &err);
    settle(b);
    return true;
}

void
bed_close(struct bed *b)
{
    lane_free(&b->lane);
    module_free(&b->module);
}

const char *
bed_key(struct bed *b, const char *type, const char *label)
{
    static char names[16][SPKI_NAME];
    static unsigned next;
    char *name = names[next++ % 16];
    struct err err = {0};

    ok(generate_key(b->lane, b->slot, type, label, name, &err), &err);
    ck_assert_uint_eq(strlen(name), SPKI_NAME - 1);
    return name;
}

EVP_PKEY *
bed_public(struct bed *b, const char *name)
{
    struct keyset *ks = NULL;
    struct slot *slot = NULL;
    struct err err = {0};
    const struct key *key;
    EVP_PKEY *pkey;

    ok(lane_slot(b->lane, b->slot, &slot, &err), &err);
    ok(lane_keys(b->lane, slot, false, &ks, &err), &err);
    key = keyset_find(ks, name);
    ck_assert_ptr_nonnull(key);
    pkey = key->spki.pkey;
    ck_assert_int_eq(EVP_PKEY_up_ref(pkey), 1);
    keyset_unref(&ks);
    return pkey;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * token-rate: how many signatures a second a token makes with nothing of ours in
 * between: the module loaded into this process, a session and a thread each,
 * C_SignInit and C_Sign in a loop. Prints one line of JSON.
 *
 *     token-rate --module FILE --token LABEL --pin-file FILE --key LABEL
 *                [--threads N] [--seconds N]
 *
 * RSA keys sign a SHA-256 DigestInfo with CKM_RSA_PKCS, EC keys 32 bytes with
 * CKM_ECDSA.
 */
#include <dlfcn.h>
#include <getopt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <p11-kit/pkcs11.h>

#define THREADS_MAX 64
#define SLOTS_MAX 64
#define DIGEST_INFO 51
#define DIGEST 32

static struct {
    const char *module, *token, *pin_file, *key;
    unsigned threads, seconds;
} args = {.threads = 1, .seconds = 2};

static CK_FUNCTION_LIST *ck;
static CK_SLOT_ID slot;
static CK_OBJECT_HANDLE key;
static CK_KEY_TYPE key_type;
static atomic_bool go, stop, failed;

struct worker {
    pthread_t thread;
    unsigned long count;
};

static void
die(const char *what, CK_RV rv)
{
    fprintf(stderr, "token-rate: %s (0x%lx)\n", what, rv);
    exit(1);
}

static void
need(CK_RV rv, const char *what)
{
    if (rv != CKR_OK)
        die(what, rv);
}

static void
parse(int argc, char **argv)
{
    static const struct option options[] = {
        {"module", required_argument, NULL, 'm'},   {"token", required_argument, NULL, 't'},
        {"pin-file", required_argument, NULL, 'p'}, {"key", required_argument, NULL, 'k'},
        {"threads", required_argument, NULL, 'n'},  {"seconds", required_argument, NULL, 's'},
        {0},
    };
    int o;

    while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (o == 'm')
            args.module = optarg;
        else if (o == 't')
            args.token = optarg;
        else if (o == 'p')
            args.pin_file = optarg;
        else if (o == 'k')
            args.key = optarg;
        else if (o == 'n')
            args.threads = (unsigned)strtoul(optarg, NULL, 10);
        else if (o == 's')
            args.seconds = (unsigned)strtoul(optarg, NULL, 10);
        else
            exit(2);
    }
    if (!args.module || !args.token || !args.pin_file || !args.key || args.threads < 1 ||
        args.threads > THREADS_MAX || args.seconds < 1) {
        fprintf(stderr, "usage: token-rate --module FILE --token LABEL --pin-file FILE "
                "--key LABEL [--threads N] [--seconds N]\n");
        exit(2);
    }
}

static void
load(void)
{
    CK_C_INITIALIZE_ARGS init = {.flags = CKF_OS_LOCKING_OK};
    CK_RV (*get)(CK_FUNCTION_LIST **);
    void *lib = dlopen(args.module, RTLD_NOW | RTLD_LOCAL);
    void *symbol = lib ? dlsym(lib, "C_GetFunctionList") : NULL;

    if (!symbol) {
        fprintf(stderr, "token-rate: %s\n", dlerror());
        exit(1);
    }
    memcpy(&get, &symbol, sizeof get);
    need(get(&ck), "no function list");
    need(ck->C_Initialize(&init), "module does not start");
}

static void
find_slot(void)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG count = SLOTS_MAX;
    const char *label = args.token ? args.token : "";
    size_t len = strlen(label);

    need(ck->C_GetSlotList(CK_TRUE, slots, &count), "no slots");
    for (CK_ULONG i = 0; i < count; i++) {
        CK_TOKEN_INFO info;
        if (ck->C_GetTokenInfo(slots[i], &info) == CKR_OK && len < sizeof info.label &&
            memcmp(info.label, label, len) == 0 && info.label[len] == ' ') {
            slot = slots[i];
            return;
        }
    }
    die("no such token", 0);
}

static CK_SESSION_HANDLE
session(void)
{
    CK_SESSION_HANDLE s;

    need(ck->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &s), "no session");
    return s;
}

static void
login(CK_SESSION_HANDLE s)
{
    char pin[256] = "";
    FILE *f = fopen(args.pin_file, "r");

    if (!f || !fgets(pin, sizeof pin, f))
        die("the PIN file cannot be read", 0);
    fclose(f);
    pin[strcspn(pin, "\r\n")] = '\0';
    need(ck->C_Login(s, CKU_USER, (CK_BYTE *)pin, strlen(pin)), "login failed");
    explicit_bzero(pin, sizeof pin);
}

static void
find_key(CK_SESSION_HANDLE s)
{
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE match[] = {
        {CKA_CLASS, &class, sizeof class},
        {CKA_LABEL, (void *)(size_t)args.key, strlen(args.key)},
    };
    CK_ATTRIBUTE type = {CKA_KEY_TYPE, &key_type, sizeof key_type};
    CK_ULONG count = 0;

    need(ck->C_FindObjectsInit(s, match, 2), "search failed");
    need(ck->C_FindObjects(s, &key, 1, &count), "search failed");
    ck->C_FindObjectsFinal(s);
    if (count != 1)
        die("no such key", 0);
    need(ck->C_GetAttributeValue(s, key, &type, 1), "the key has no type");
}

static bool
sign(CK_SESSION_HANDLE s, CK_BYTE *data, CK_ULONG len)
{
    CK_MECHANISM mech = {key_type == CKK_RSA ? CKM_RSA_PKCS : CKM_ECDSA, NULL, 0};
    CK_BYTE out[1024];
    CK_ULONG out_len = sizeof out;

    return ck->C_SignInit(s, &mech, key) == CKR_OK &&
           ck->C_Sign(s, data, len, out, &out_len) == CKR_OK;
}

static void *
work(void *arg)
{
    struct worker *w = arg;
    CK_SESSION_HANDLE s = session();
    CK_BYTE data[DIGEST_INFO] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
    CK_ULONG len = key_type == CKK_RSA ? DIGEST_INFO : DIGEST;

    while (!atomic_load(&go))
        sched_yield();
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        memcpy(data + sizeof data - sizeof w->count, &w->count, sizeof w->count);
        if (!sign(s, data, len)) {
            atomic_store(&failed, true);
            break;
        }
        w->count++;
    }
    return NULL;
}

static double
now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

int
main(int argc, char **argv)
{
    struct worker workers[THREADS_MAX] = {{0}};
    CK_SESSION_HANDLE keeper;
    unsigned long total = 0;
    double began, took;

    parse(argc, argv);
    load();
    find_slot();
    keeper = session();
    login(keeper);
    find_key(keeper);
    for (unsigned i = 0; i < args.threads; i++)
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            die("no thread", 0);
    began = now();
    atomic_store(&go, true);
    nanosleep(&(struct timespec){.tv_sec = (time_t)args.seconds}, NULL);
    atomic_store(&stop, true);
    for (unsigned i = 0; i < args.threads; i++) {
        pthread_join(workers[i].thread, NULL);
        total += workers[i].count;
    }
    took = now() - began;
    if (atomic_load(&failed))
        die("a signature failed", 0);
    printf("{\"key\": \"%s\", \"threads\": %u, \"signatures\": %lu, \"seconds\": %.3f, "
           "\"per_second\": %.1f}\n", args.key, args.threads, total, took,
           (double)total / took);
    ck->C_Finalize(NULL);
    return 0;
}

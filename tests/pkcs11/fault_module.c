/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A PKCS#11 module that wraps another one and misbehaves as told.
 *
 *     SIGNET_FAULT_MODULE   the module that does the work (default: SoftHSM)
 *     SIGNET_FAULT          rules, apart by ';' or line ends; looked at on each call
 *     SIGNET_FAULT_FILE     ... or a file with them, read anew on each call
 *
 * Rules (N counts calls of that function from 1 since the rule text last changed; 0 is
 * every call; numbers in decimal or 0x):
 *     fail FUNCTION N CKR     answers with that CKR and does nothing
 *     after FUNCTION N CKR    does it, then answers with that CKR
 *     delay FUNCTION N MS     hang FUNCTION N     crash FUNCTION N
 *     length FUNCTION N DIFF  the answer's length is off by DIFF (C_Sign, C_Decrypt)
 *     vanish                  no slot has a token
 *     renumber ADD            slot numbers are greater by ADD
 *     init null|args          C_Initialize takes only NULL, or anything but NULL
 *     sessions N              at most N sessions at once
 *     hide                    no object is found in a session that is not logged in
 *     drop CKA | no CKA       the attribute is absent; a boolean one is false
 *     nopublic | nocerts      no such objects are found
 *     rawpoint                CKA_EC_POINT comes without its OCTET STRING
 *     derive raw|der          the form of point that is refused
 *     derive null             C_DeriveKey wants a KDF (CKD_NULL is refused)
 *     sealed                  CKA_VALUE of what C_DeriveKey made cannot be read
 *     deny CKM                the mechanism is refused (C_SignInit, C_DecryptInit, C_DeriveKey)
 *     label nul|latin1        the token's label: padded with NUL; with bytes that are no UTF-8
 *     context                 private keys want a context login before each C_Sign
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <p11-kit/pkcs11.h>

#pragma GCC diagnostic ignored "-Wmissing-prototypes"

#define RULES_MAX 4096
#define WORDS 4
#define COUNTERS 32
#define SLOTS_MAX 64
#define EXPORT __attribute__((visibility("default")))

static CK_FUNCTION_LIST *real;
static CK_FUNCTION_LIST ours;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct { const char *name; unsigned long calls; } counters[COUNTERS];
static char seen[RULES_MAX];
static unsigned long open_sessions;
/* No thread's own: LeakSanitizer may crash over thread-local data of a module that was unloaded. */
static atomic_bool context_logged_in;
static atomic_ulong derived;

static void
rules_text(char out[RULES_MAX])
{
    const char *path = getenv("SIGNET_FAULT_FILE"), *text = getenv("SIGNET_FAULT");
    FILE *f = path ? fopen(path, "re") : NULL;
    size_t n = f ? fread(out, 1, RULES_MAX - 1, f) : 0;

    if (f)
        fclose(f);
    out[n] = '\0';
    if (!path && text)
        snprintf(out, RULES_MAX, "%s", text);
}

/* How often `name` was called since the rules changed, this call included. */
static unsigned long
count_call(const char *name, const char *rules)
{
    unsigned long n = 0;

    pthread_mutex_lock(&lock);
    if (strcmp(rules, seen) != 0) {
        snprintf(seen, sizeof seen, "%s", rules);
        memset(counters, 0, sizeof counters);
    }
    for (size_t i = 0; i < COUNTERS; i++) {
        if (counters[i].name && strcmp(counters[i].name, name) != 0)
            continue;
        counters[i].name = name;
        n = ++counters[i].calls;
        break;
    }
    pthread_mutex_unlock(&lock);
    return n;
}

/* The next rule that begins with that word; its words to w. */
static bool
next_rule(char **at, const char *verb, char *w[WORDS])
{
    char *line, *word;

    while ((line = strtok_r(NULL, ";\n", at))) {
        memset(w, 0, WORDS * sizeof *w);
        for (int i = 0; i < WORDS && (word = strtok_r(i ? NULL : line, " \t", &line)); i++)
            w[i] = word;
        if (w[0] && strcmp(w[0], verb) == 0)
            return true;
    }
    return false;
}

static char *
rules_begin(char text[RULES_MAX])
{
    memmove(text + 2, text, RULES_MAX - 2);
    text[RULES_MAX - 1] = '\0';
    text[0] = '-';
    text[1] = ';';
    char *at = NULL;
    strtok_r(text, ";\n", &at);
    return at;
}

/* Whether there is such a rule with that first argument (NULL: any), and its value. */
static bool
ruled(const char *verb, const char *first, char value[64])
{
    char text[RULES_MAX], *w[WORDS], *at;

    rules_text(text);
    at = rules_begin(text);
    while (next_rule(&at, verb, w)) {
        if (first && (!w[1] || strcmp(w[1], first) != 0))
            continue;
        if (value)
            snprintf(value, 64, "%s", w[1] ? w[1] : "");
        return true;
    }
    return false;
}

static bool
ruled_number(const char *verb, unsigned long number)
{
    char text[RULES_MAX], *w[WORDS], *at;

    rules_text(text);
    at = rules_begin(text);
    while (next_rule(&at, verb, w))
        if (w[1] && strtoul(w[1], NULL, 0) == number)
            return true;
    return false;
}

static bool
applies(const char *name, unsigned long n, char *w[WORDS])
{
    unsigned long at = w[2] ? strtoul(w[2], NULL, 0) : 0;

    return w[1] && strcmp(w[1], name) == 0 && (at == 0 || at == n);
}

struct gate {
    CK_RV after; /* the answer, whatever was done */
    long length; /* what to add to the length */
};

/* What is to happen before the call: false: answer with *ret at once. */
static bool
gate(const char *name, struct gate *g, CK_RV *ret)
{
    static const char *const verbs[] = {"delay", "hang", "crash", "fail", "after", "length"};
    char text[RULES_MAX], copy[RULES_MAX], *w[WORDS], *at;
    unsigned long n;

    *g = (struct gate){.after = CKR_OK};
    rules_text(text);
    n = count_call(name, text);
    for (size_t v = 0; v < sizeof verbs / sizeof *verbs; v++) {
        memcpy(copy, text, sizeof copy);
        at = rules_begin(copy);
        while (next_rule(&at, verbs[v], w)) {
            long value = w[3] ? strtol(w[3], NULL, 0) : 0;
            if (!applies(name, n, w))
                continue;
            if (v == 0) {
                struct timespec ts = {value / 1000, value % 1000 * 1000000};
                nanosleep(&ts, NULL);
            } else if (v == 1) {
                for (;;)
                    pause();
            } else if (v == 2) {
                _exit(139);
            } else if (v == 3) {
                *ret = (CK_RV)value;
                return false;
            } else if (v == 4) {
                g->after = (CK_RV)value;
            } else {
                g->length = value;
            }
        }
    }
    return true;
}

#define GATE(name) \
    struct gate g; \
    CK_RV rv; \
    if (!gate(name, &g, &rv)) \
        return rv
#define DONE return g.after != CKR_OK ? g.after : rv

static CK_SLOT_ID
shift(void)
{
    char value[64];

    return ruled("renumber", NULL, value) ? strtoul(value, NULL, 0) : 0;
}

static CK_RV
f_Initialize(void *args)
{
    GATE("C_Initialize");
    if ((ruled("init", "null", NULL) && args) || (ruled("init", "args", NULL) && !args))
        return CKR_ARGUMENTS_BAD;
    open_sessions = 0;
    rv = real->C_Initialize(args);
    DONE;
}

static CK_RV
f_GetSlotList(CK_BBOOL present, CK_SLOT_ID *slots, CK_ULONG *count)
{
    CK_ULONG max = count ? *count : 0;
    GATE("C_GetSlotList");
    rv = real->C_GetSlotList(present, slots, count);
    if (rv == CKR_OK && present && ruled("vanish", NULL, NULL))
        *count = 0;
    for (CK_ULONG i = 0; rv == CKR_OK && slots && i < *count && i < max; i++)
        slots[i] += shift();
    DONE;
}

static CK_RV
f_GetSlotInfo(CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
    GATE("C_GetSlotInfo");
    rv = real->C_GetSlotInfo(slot - shift(), info);
    DONE;
}

static CK_RV
f_GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
    size_t len = sizeof info->label;
    GATE("C_GetTokenInfo");
    if (ruled("vanish", NULL, NULL))
        return CKR_TOKEN_NOT_PRESENT;
    rv = real->C_GetTokenInfo(slot - shift(), info);
    if (rv == CKR_OK && ruled("label", "nul", NULL))
        for (; len > 0 && info->label[len - 1] == ' '; len--)
            info->label[len - 1] = '\0';
    if (rv == CKR_OK && ruled("label", "latin1", NULL))
        info->label[0] = 0xe4;
    DONE;
}

static void
session_ended(void)
{
    pthread_mutex_lock(&lock);
    open_sessions--;
    pthread_mutex_unlock(&lock);
}

static CK_RV
f_OpenSession(CK_SLOT_ID slot, CK_FLAGS flags, void *app, CK_NOTIFY notify,
              CK_SESSION_HANDLE *session)
{
    char value[64];
    bool full;
    GATE("C_OpenSession");
    if (ruled("vanish", NULL, NULL))
        return CKR_TOKEN_NOT_PRESENT;
    pthread_mutex_lock(&lock);
    full = ruled("sessions", NULL, value) && open_sessions >= strtoul(value, NULL, 0);
    open_sessions += !full;
    pthread_mutex_unlock(&lock);
    if (full)
        return CKR_SESSION_COUNT;
    rv = real->C_OpenSession(slot - shift(), flags, app, notify, session);
    if (rv != CKR_OK)
        session_ended();
    DONE;
}

static CK_RV
f_CloseSession(CK_SESSION_HANDLE session)
{
    GATE("C_CloseSession");
    rv = real->C_CloseSession(session);
    if (rv == CKR_OK)
        session_ended();
    DONE;
}

static CK_RV
f_GetSessionInfo(CK_SESSION_HANDLE session, CK_SESSION_INFO *info)
{
    GATE("C_GetSessionInfo");
    if (ruled("vanish", NULL, NULL))
        return CKR_DEVICE_REMOVED;
    rv = real->C_GetSessionInfo(session, info);
    DONE;
}

static CK_RV
f_Login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_BYTE *pin, CK_ULONG len)
{
    const char *want = getenv("SIGNET_FAULT_CONTEXT_PIN");
    GATE("C_Login");
    if (user == CKU_CONTEXT_SPECIFIC && ruled("context", NULL, NULL)) {
        context_logged_in = want && strlen(want) == len && memcmp(want, pin, len) == 0;
        rv = context_logged_in ? CKR_OK : CKR_PIN_INCORRECT;
    } else {
        rv = real->C_Login(session, user, pin, len);
    }
    DONE;
}

static CK_RV
f_InitToken(CK_SLOT_ID slot, CK_BYTE *pin, CK_ULONG len, CK_BYTE *label)
{
    GATE("C_InitToken");
    rv = real->C_InitToken(slot - shift(), pin, len, label);
    DONE;
}

static bool
logged_in(CK_SESSION_HANDLE session)
{
    CK_SESSION_INFO info;

    return real->C_GetSessionInfo(session, &info) == CKR_OK &&
           (info.state == CKS_RO_USER_FUNCTIONS || info.state == CKS_RW_USER_FUNCTIONS);
}

static CK_RV
f_FindObjectsInit(CK_SESSION_HANDLE session, CK_ATTRIBUTE *match, CK_ULONG count)
{
    CK_OBJECT_CLASS class = CKO_VENDOR_DEFINED, none = CKO_VENDOR_DEFINED;
    CK_ATTRIBUTE nothing = {CKA_CLASS, &none, sizeof none};
    GATE("C_FindObjectsInit");
    if (ruled("vanish", NULL, NULL))
        return CKR_DEVICE_REMOVED;
    for (CK_ULONG i = 0; i < count; i++)
        if (match[i].type == CKA_CLASS)
            memcpy(&class, match[i].pValue, sizeof class);
    if ((class == CKO_PUBLIC_KEY && ruled("nopublic", NULL, NULL)) ||
        (class == CKO_CERTIFICATE && ruled("nocerts", NULL, NULL)) ||
        (ruled("hide", NULL, NULL) && !logged_in(session)))
        rv = real->C_FindObjectsInit(session, &nothing, 1);
    else
        rv = real->C_FindObjectsInit(session, match, count);
    DONE;
}

/* 04 LEN [..] off the front; the length query tells the shorter length as well. */
static void
unwrap_point(CK_ATTRIBUTE *a)
{
    CK_BYTE *p = a->pValue;
    size_t head = a->ulValueLen > 129 ? 3 : 2;

    if (a->ulValueLen == CK_UNAVAILABLE_INFORMATION || a->ulValueLen <= head)
        return;
    a->ulValueLen -= head;
    if (p)
        memmove(p, p + head, a->ulValueLen);
}

static CK_RV
read_attribute(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *a)
{
    CK_BYTE buffer[512];
    CK_ATTRIBUTE whole = {a->type, buffer, sizeof buffer};
    CK_RV rv;

    if (ruled_number("drop", a->type)) {
        a->ulValueLen = CK_UNAVAILABLE_INFORMATION;
        return CKR_ATTRIBUTE_TYPE_INVALID;
    }
    if (a->type == CKA_VALUE && object == derived && ruled("sealed", NULL, NULL)) {
        a->ulValueLen = CK_UNAVAILABLE_INFORMATION;
        return CKR_ATTRIBUTE_SENSITIVE;
    }
    if (a->type == CKA_EC_POINT && ruled("rawpoint", NULL, NULL)) {
        rv = real->C_GetAttributeValue(session, object, &whole, 1);
        if (rv == CKR_OK) {
            unwrap_point(&whole);
            if (a->pValue && a->ulValueLen >= whole.ulValueLen)
                memcpy(a->pValue, buffer, whole.ulValueLen);
            a->ulValueLen = whole.ulValueLen;
        } else {
            a->ulValueLen = CK_UNAVAILABLE_INFORMATION;
        }
        return rv;
    }
    rv = real->C_GetAttributeValue(session, object, a, 1);
    if (rv == CKR_OK && a->pValue && a->ulValueLen == 1 && ruled_number("no", a->type))
        *(CK_BYTE *)a->pValue = CK_FALSE;
    return rv;
}

static CK_RV
f_GetAttributeValue(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *a,
                    CK_ULONG count)
{
    GATE("C_GetAttributeValue");
    rv = CKR_OK;
    for (CK_ULONG i = 0; i < count; i++) {
        CK_RV one = read_attribute(session, object, &a[i]);
        rv = rv == CKR_OK ? one : rv;
    }
    DONE;
}

static CK_RV
f_SignInit(CK_SESSION_HANDLE session, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
    GATE("C_SignInit");
    context_logged_in = false;
    if (ruled_number("deny", m->mechanism))
        return CKR_MECHANISM_INVALID;
    rv = real->C_SignInit(session, m, key);
    DONE;
}

static CK_RV
f_Sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len)
{
    GATE("C_Sign");
    rv = real->C_Sign(session, data, len, out, out_len);
    if (ruled("context", NULL, NULL) && !context_logged_in)
        return CKR_USER_NOT_LOGGED_IN;
    context_logged_in = false;
    *out_len += (CK_ULONG)g.length;
    DONE;
}

static CK_RV
f_DecryptInit(CK_SESSION_HANDLE session, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
    GATE("C_DecryptInit");
    if (ruled_number("deny", m->mechanism))
        return CKR_MECHANISM_INVALID;
    rv = real->C_DecryptInit(session, m, key);
    DONE;
}

static CK_RV
f_Decrypt(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG len, CK_BYTE *out,
          CK_ULONG *out_len)
{
    GATE("C_Decrypt");
    rv = real->C_Decrypt(session, data, len, out, out_len);
    *out_len += (CK_ULONG)g.length;
    DONE;
}

static CK_RV
f_DeriveKey(CK_SESSION_HANDLE session, CK_MECHANISM *m, CK_OBJECT_HANDLE key, CK_ATTRIBUTE *t,
            CK_ULONG count, CK_OBJECT_HANDLE *made)
{
    const CK_ECDH1_DERIVE_PARAMS *p = m->pParameter;
    /* An OCTET STRING's length is odd for a raw point, and 2 or 3 more for DER. */
    bool raw = p && p->ulPublicDataLen % 32 == 1;
    GATE("C_DeriveKey");
    if (ruled_number("deny", m->mechanism))
        return CKR_MECHANISM_INVALID;
    if ((raw && ruled("derive", "raw", NULL)) || (!raw && ruled("derive", "der", NULL)))
        return CKR_MECHANISM_PARAM_INVALID;
    if (p && p->kdf == CKD_NULL && ruled("derive", "null", NULL))
        return CKR_MECHANISM_PARAM_INVALID;
    rv = real->C_DeriveKey(session, m, key, t, count, made);
    derived = rv == CKR_OK ? *made : CK_INVALID_HANDLE;
    DONE;
}

static int
load(void)
{
    const char *path = getenv("SIGNET_FAULT_MODULE");
    void *so = dlopen(path ? path : "/usr/lib/softhsm/libsofthsm2.so", RTLD_NOW | RTLD_LOCAL);
    CK_RV (*list)(CK_FUNCTION_LIST **) = NULL;

    if (so)
        *(void **)&list = dlsym(so, "C_GetFunctionList");
    if (!list || list(&real) != CKR_OK)
        return -1;
    ours = *real;
#define X(name) ours.C_##name = f_##name;
    X(Initialize) X(GetSlotList) X(GetSlotInfo) X(GetTokenInfo) X(OpenSession) X(CloseSession)
    X(GetSessionInfo) X(Login) X(InitToken) X(FindObjectsInit) X(GetAttributeValue) X(SignInit)
    X(Sign) X(DecryptInit) X(Decrypt) X(DeriveKey)
#undef X
    return 0;
}

EXPORT CK_RV
C_GetFunctionList(CK_FUNCTION_LIST **ret)
{
    if (!real && load() != 0)
        return CKR_GENERAL_ERROR;
    *ret = &ours;
    return CKR_OK;
}

/* PKCS#11 3.0, 5.4.6: what it says is a lie; who trusts it crashes. */
EXPORT CK_RV
C_GetInterface(CK_BYTE *name, void *version, void **ret, CK_FLAGS flags)
{
    (void)name, (void)version, (void)flags;
    *ret = NULL;
    return CKR_OK;
}

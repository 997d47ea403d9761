/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/system_module.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include <p11-kit/pkcs11.h>
#include <p11-kit/pkcs11x.h>

#include "trust/system_trust.h"

#define SLOTS_MAX 64
#define ATTRIBUTE_MAX (1024u * 1024)
/* DER of the object identifier 2.5.29.37. */
static const unsigned char extended_key_usage[] = {0x06, 0x03, 0x55, 0x1d, 0x25};

struct session {
    CK_FUNCTION_LIST *f;
    CK_SESSION_HANDLE handle;
};

/* The attribute's bytes, which the caller frees; NULL when it has none, with *len 0. */
static unsigned char *
attribute(const struct session *s, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, size_t *len)
{
    CK_ATTRIBUTE a = {type, NULL, 0};

    *len = 0;
    if (s->f->C_GetAttributeValue(s->handle, object, &a, 1) != CKR_OK || a.ulValueLen == 0 ||
        a.ulValueLen > ATTRIBUTE_MAX)
        return NULL;
    a.pValue = malloc(a.ulValueLen);
    if (a.pValue == NULL ||
        s->f->C_GetAttributeValue(s->handle, object, &a, 1) != CKR_OK) {
        free(a.pValue);
        return NULL;
    }
    *len = a.ulValueLen;
    return a.pValue;
}

static bool
is_set(const struct session *s, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
    CK_BBOOL value = CK_FALSE;
    CK_ATTRIBUTE a = {type, &value, sizeof value};

    return s->f->C_GetAttributeValue(s->handle, object, &a, 1) == CKR_OK && value == CK_TRUE;
}

static int
put(const struct session *s, struct system_list *l, CK_OBJECT_HANDLE object,
    CK_ATTRIBUTE_TYPE type, struct system_part *ret)
{
    size_t len;
    unsigned char *value = attribute(s, object, type, &len);
    int rc = value != NULL ? system_list_put(l, value, len, ret) : 0;

    free(value);
    return rc;
}

static size_t
find(const struct session *s, CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *out,
     size_t max)
{
    CK_ULONG found = 0;

    if (s->f->C_FindObjectsInit(s->handle, template, count) != CKR_OK)
        return 0;
    if (s->f->C_FindObjects(s->handle, out, max, &found) != CKR_OK)
        found = 0;
    s->f->C_FindObjectsFinal(s->handle);
    return found;
}

static bool
allows_mail(const unsigned char *der, size_t len)
{
    X509_EXTENSION *ext = d2i_X509_EXTENSION(NULL, &der, (long)len);
    EXTENDED_KEY_USAGE *usages = ext != NULL ? X509V3_EXT_d2i(ext) : NULL;
    bool found = false;

    for (int i = 0; !found && i < sk_ASN1_OBJECT_num(usages); i++) {
        int nid = OBJ_obj2nid(sk_ASN1_OBJECT_value(usages, i));
        found = nid == NID_email_protect || nid == NID_anyExtendedKeyUsage;
    }
    sk_ASN1_OBJECT_pop_free(usages, ASN1_OBJECT_free);
    X509_EXTENSION_free(ext);
    ERR_clear_error();
    return found;
}

/* Whether purposes are attached to that key, and mail is none of them. */
static bool
is_for_others(const struct session *s, unsigned char *spki, size_t len)
{
    CK_OBJECT_CLASS class = CKO_X_CERTIFICATE_EXTENSION;
    CK_ATTRIBUTE template[] = {
        {CKA_CLASS, &class, sizeof class},
        {CKA_OBJECT_ID, (void *)(uintptr_t)extended_key_usage, sizeof extended_key_usage},
        {CKA_PUBLIC_KEY_INFO, spki, len},
    };
    CK_OBJECT_HANDLE object;
    size_t value_len;

    if (spki == NULL || find(s, template, 3, &object, 1) == 0)
        return false;
    unsigned char *value = attribute(s, object, CKA_VALUE, &value_len);
    bool others = value != NULL && !allows_mail(value, value_len);
    free(value);
    return others;
}

static int
put_anchor(const struct session *s, struct system_list *l, CK_OBJECT_HANDLE object)
{
    struct system_entry e = {.kind = SYSTEM_FOR_MAIL};
    size_t len;
    int rc = put(s, l, object, CKA_VALUE, &e.value);

    if (rc != 0 || e.value.len == 0)
        return rc;
    const unsigned char *der = system_list_at(l, e.value);
    X509 *cert = d2i_X509(NULL, &der, (long)e.value.len);
    ERR_clear_error();
    if (cert == NULL)
        return 0;
    unsigned char *spki = attribute(s, object, CKA_PUBLIC_KEY_INFO, &len);
    if (is_for_others(s, spki, len))
        e.kind = SYSTEM_FOR_OTHERS;
    free(spki);
    e.subject = system_name_hash(X509_get_subject_name(cert));
    X509_free(cert);
    return system_list_add(l, &e);
}

static int
put_distrusted(const struct session *s, struct system_list *l, CK_OBJECT_HANDLE object)
{
    struct system_entry e = {.kind = SYSTEM_DISTRUSTED};
    int rc = put(s, l, object, CKA_PUBLIC_KEY_INFO, &e.spki);

    if (rc == 0)
        rc = put(s, l, object, CKA_ISSUER, &e.issuer);
    if (rc == 0)
        rc = put(s, l, object, CKA_SERIAL_NUMBER, &e.serial);
    return rc != 0 ? rc : system_list_add(l, &e);
}

static int
read_session(const struct session *s, struct system_list *l)
{
    CK_OBJECT_CLASS class = CKO_CERTIFICATE;
    CK_ATTRIBUTE template = {CKA_CLASS, &class, sizeof class};
    CK_OBJECT_HANDLE *objects = calloc(SYSTEM_TRUST_CERTS_MAX, sizeof *objects);
    int rc = objects == NULL ? E_NOMEM : 0;
    size_t count = rc == 0 ? find(s, &template, 1, objects, SYSTEM_TRUST_CERTS_MAX) : 0;

    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (is_set(s, objects[i], CKA_X_DISTRUSTED))
            rc = put_distrusted(s, l, objects[i]);
        else if (is_set(s, objects[i], CKA_TRUSTED))
            rc = put_anchor(s, l, objects[i]);
    }
    free(objects);
    return rc;
}

static int
read_slot(CK_FUNCTION_LIST *f, CK_SLOT_ID slot, struct system_list *l)
{
    struct session s = {.f = f};
    CK_SLOT_INFO info;
    char path[sizeof info.slotDescription + 1] = "";

    if (f->C_GetSlotInfo(slot, &info) != CKR_OK ||
        f->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &s.handle) != CKR_OK)
        return 0;
    memcpy(path, info.slotDescription, sizeof info.slotDescription);
    /* A longer path was cut. */
    l->vague = l->vague || path[sizeof path - 2] != ' ';
    for (size_t i = strlen(path); i > 0 && path[i - 1] == ' '; i--)
        path[i - 1] = '\0';
    int rc = read_session(&s, l);
    if (rc == 0)
        rc = system_list_add_source(l, path);
    f->C_CloseSession(s.handle);
    return rc;
}

static int
read_slots(CK_FUNCTION_LIST *f, struct system_list *l)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG count = SLOTS_MAX;
    int rc = 0;

    if (f->C_GetSlotList(CK_TRUE, slots, &count) != CKR_OK)
        return 0;
    for (CK_ULONG i = 0; rc == 0 && i < count; i++)
        rc = read_slot(f, slots[i], l);
    return rc;
}

static int
read_with(CK_FUNCTION_LIST *f, const char *paths, struct system_list *l)
{
    char setting[4096];
    CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};

    if (paths != NULL &&
        snprintf(setting, sizeof setting, "paths='%s'", paths) >= (int)sizeof setting)
        return E_LIMIT;
    args.pReserved = paths != NULL ? setting : NULL;
    if (f->C_Initialize(&args) != CKR_OK)
        return 0;
    int rc = read_slots(f, l);
    f->C_Finalize(NULL);
    return rc;
}

int
system_module_read(const char *paths, struct system_list *l)
{
    void *library = dlopen(SIGNET_TRUST_MODULE, RTLD_NOW | RTLD_LOCAL);
    CK_C_GetFunctionList get = NULL;
    CK_FUNCTION_LIST *f = NULL;

    if (library == NULL)
        return 0;
    void *at = dlsym(library, "C_GetFunctionList");
    memcpy(&get, &at, sizeof at);
    int rc = get != NULL && get(&f) == CKR_OK ? read_with(f, paths, l) : 0;
    if (rc == 0)
        rc = system_list_add_source(l, SIGNET_TRUST_MODULE);
    dlclose(library);
    return rc;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pkcs11/import_cert.h"

#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include "base/hex.h"
#include "pkcs11/generate.h"
#include "pkcs11/rv.h"

/* The DER pieces that CKO_CERTIFICATE wants beside the certificate itself. */
struct pieces {
    X509 *x509;
    uint8_t *der, *subject, *issuer, *serial;
    int der_len, subject_len, issuer_len, serial_len;
    struct spki spki;
};

static void
pieces_clear(struct pieces *p)
{
    spki_clear(&p->spki);
    OPENSSL_free(p->der);
    OPENSSL_free(p->subject);
    OPENSSL_free(p->issuer);
    OPENSSL_free(p->serial);
    X509_free(p->x509);
}

static int
pieces_parse(struct pieces *p, const uint8_t *der, size_t len, struct err *err)
{
    const uint8_t *at = der;
    uint8_t *key = NULL;
    int key_len, rc = E_MALFORMED;

    p->x509 = len <= LONG_MAX ? d2i_X509(NULL, &at, (long)len) : NULL;
    if (p->x509 && at == der + len) {
        p->der_len = i2d_X509(p->x509, &p->der);
        p->subject_len = i2d_X509_NAME(X509_get_subject_name(p->x509), &p->subject);
        p->issuer_len = i2d_X509_NAME(X509_get_issuer_name(p->x509), &p->issuer);
        p->serial_len = i2d_ASN1_INTEGER(X509_get_serialNumber(p->x509), &p->serial);
        key_len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(p->x509), &key);
        if (p->der_len > 0 && p->subject_len > 0 && p->issuer_len > 0 && p->serial_len > 0 &&
            key_len > 0)
            rc = spki_from_der(&p->spki, key, (size_t)key_len);
        OPENSSL_free(key);
    }
    ERR_clear_error();
    if (rc != 0)
        err_set(err, rc, rc == E_UNSUPPORTED
                    ? "the certificate's key is of a type that cannot be used"
                    : "this is no X.509 certificate in DER");
    return rc;
}

static bool
is_there(const struct keyset *ks, const struct pieces *p)
{
    for (size_t i = 0; i < ks->cert_count; i++)
        if (ks->certs[i].len == (size_t)p->der_len &&
            memcmp(ks->certs[i].der, p->der, ks->certs[i].len) == 0)
            return true;
    return false;
}

static CK_RV
create(const struct ck_calls *ck, CK_SESSION_HANDLE session, const struct pieces *p,
       const struct key *key)
{
    CK_OBJECT_CLASS class = CKO_CERTIFICATE;
    CK_CERTIFICATE_TYPE type = CKC_X_509;
    CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    CK_OBJECT_HANDLE made;
    uint8_t id[KEY_ID_MAX];
    size_t id_len = key->id_len;

    memcpy(id, key->id, id_len);
    if (id_len == 0 &&
        hex_decode(key->spki.name, 2 * GENERATE_ID_SIZE, id, sizeof id, &id_len) != 0)
        return CKR_GENERAL_ERROR;
    CK_ATTRIBUTE t[] = {
        {CKA_CLASS, &class, sizeof class},
        {CKA_CERTIFICATE_TYPE, &type, sizeof type},
        {CKA_TOKEN, &yes, sizeof yes},
        {CKA_PRIVATE, &no, sizeof no},
        {CKA_LABEL, key->label, key->label ? strlen(key->label) : 0},
        {CKA_ID, id, id_len},
        {CKA_SUBJECT, p->subject, (CK_ULONG)p->subject_len},
        {CKA_ISSUER, p->issuer, (CK_ULONG)p->issuer_len},
        {CKA_SERIAL_NUMBER, p->serial, (CK_ULONG)p->serial_len},
        {CKA_VALUE, p->der, (CK_ULONG)p->der_len},
    };
    return ck->C_CreateObject(session, t, sizeof t / sizeof *t, &made);
}

static int
store(struct lane *lane, struct slot *slot, const struct pieces *p, const struct keyset *ks,
      struct err *err)
{
    const struct key *key = keyset_find(ks, p->spki.name);
    CK_SESSION_HANDLE session;
    char label[TOKEN_TEXT];
    CK_RV rv;

    slot_label(slot, label);
    /* A certificate alone does not make a key that could be named before login. */
    if (!key || key->private_state == KEY_PRIVATE_NO) {
        if (slot_wants_login(slot))
            return err_set(err, E_PIN_NEEDED, "token \"%s\": the PIN is needed to see whether "
                           "the certificate's key is there; log in first", label);
        return err_set(err, E_NO_KEY, "token \"%s\": has no key %.16s, which the certificate "
                       "belongs to; choose another token (signet keys)", label, p->spki.name);
    }
    if (is_there(ks, p))
        return 0;
    rv = lane_open_rw(lane, slot, &session);
    if (rv == CKR_OK) {
        rv = create(module_calls(lane_module(lane)), session, p, key);
        lane_close_rw(lane, slot, session);
        slot_forget(slot);
    }
    return rv == CKR_OK ? 0 : slot_err(slot, err, rv, "cannot store the certificate");
}

int
import_cert(struct lane *lane, CK_SLOT_ID id, const uint8_t *der, size_t len,
            char ret_name[SPKI_NAME], struct err *err)
{
    struct module *m = lane_module(lane);
    struct pieces p = {0};
    struct keyset *ks = NULL;
    struct slot *slot = NULL;
    int rc = pieces_parse(&p, der, len, err);

    if (rc == 0) {
        module_enter(m);
        rc = lane_slot(lane, id, &slot, err);
        module_leave(m);
    }
    if (rc == 0)
        rc = lane_keys(lane, slot, true, &ks, err);
    if (rc == 0) {
        module_enter(m);
        module_write_lock(m);
        rc = store(lane, slot, &p, ks, err);
        module_write_unlock(m);
        module_leave(m);
    }
    if (rc == 0)
        memcpy(ret_name, p.spki.name, SPKI_NAME);
    keyset_unref(&ks);
    pieces_clear(&p);
    return rc;
}

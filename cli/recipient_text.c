/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/recipient_text.h"

#include <openssl/bn.h>
#include <openssl/bio.h>

#include "base/hex.h"

/* Recipients that one sentence names. */
#define NAMED_MAX 3
/* Bytes of a serial number or an identifier that are shown. */
#define SHOWN_MAX 32

static const char *const kinds[] = {
    [CMS_TO_RSA] = "key-transport",
    [CMS_TO_AGREE] = "key-agreement",
    [CMS_TO_KEK] = "shared-key",
    [CMS_TO_PASSWORD] = "password",
    [CMS_TO_OTHER] = "other",
};

int
recipient_put_name(const X509_NAME *name, struct buf *out)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;
    long len;
    int rc = E_NOMEM;

    if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0) {
        len = BIO_get_mem_data(bio, &text);
        rc = buf_put(out, text, len > 0 ? (size_t)len : 0);
    }
    BIO_free(bio);
    return rc;
}

static int
put_hex(const ASN1_STRING *bytes, struct buf *out)
{
    char text[2 * SHOWN_MAX + 1];
    size_t len = (size_t)ASN1_STRING_length(bytes);

    hex_encode(ASN1_STRING_get0_data(bytes), len > SHOWN_MAX ? SHOWN_MAX : len, text);
    return buf_putf(out, "%s%s", text, len > SHOWN_MAX ? "..." : "");
}

int
recipient_put_text(const struct cms_recipient *r, struct buf *out)
{
    int rc;

    if (r->issuer) {
        rc = buf_put_str(out, "certificate ");
        if (rc == 0)
            rc = put_hex((const ASN1_STRING *)r->serial, out);
        if (rc == 0)
            rc = buf_put_str(out, " of \"");
        if (rc == 0)
            rc = recipient_put_name(r->issuer, out);
        return rc == 0 ? buf_put_byte(out, '"') : rc;
    }
    if (r->ski) {
        rc = buf_put_str(out, "key identifier ");
        return rc == 0 ? put_hex(r->ski, out) : rc;
    }
    if (r->kind == CMS_TO_PASSWORD)
        return buf_put_str(out, "a password");
    if (r->kind == CMS_TO_KEK && r->kek_id) {
        rc = buf_put_str(out, "a shared key with identifier ");
        return rc == 0 ? put_hex(r->kek_id, out) : rc;
    }
    return buf_putf(out, "a recipient of the unknown kind %s", r->oid);
}

int
recipients_put_text(const struct cms_recipient *list, size_t count, struct buf *out)
{
    size_t shown = count > NAMED_MAX + 1 ? NAMED_MAX : count;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < shown; i++) {
        if (i > 0)
            rc = buf_put_str(out, i + 1 == count ? " and " : ", ");
        if (rc == 0)
            rc = recipient_put_text(&list[i], out);
    }
    if (rc == 0 && shown < count)
        rc = buf_putf(out, " and %zu others", count - shown);
    return rc;
}

static json_t *
name_json(const X509_NAME *name)
{
    autofree_buf struct buf *text = buf_new();

    if (!name)
        return json_null();
    if (!text || recipient_put_name(name, text) != 0)
        return NULL;
    return json_string(buf_cstr(text));
}

static json_t *
hex_json(const ASN1_STRING *bytes)
{
    autofree_buf struct buf *text = buf_new();

    if (!bytes)
        return json_null();
    if (!text || put_hex(bytes, text) != 0)
        return NULL;
    return json_string(buf_cstr(text));
}

json_t *
recipient_json(const struct cms_recipient *r)
{
    return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}", "kind", kinds[r->kind], "algorithm",
                     r->algorithm ? r->algorithm : "", "oid", r->oid, "issuer",
                     name_json(r->issuer), "serial", hex_json((const ASN1_STRING *)r->serial),
                     "ski", hex_json(r->ski ? r->ski : r->kek_id));
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/countersign.h"

#include <stdlib.h>

#include <openssl/err.h>

#include "cms/attr.h"
#include "cms/der.h"
#include "cms/edit.h"
#include "cms/shape.h"
#include "cms/sign_int.h"

#define SEQUENCE (BER_SEQUENCE | BER_CONSTRUCTED)
#define UNSIGNED_ATTRS (BER_CONTEXT(1) | BER_CONSTRUCTED)

struct cms_countersign {
    struct cms_countersign_options options;
    struct edit edit;
    struct signing signing;
};

/* Octets of a message's part that shrink from the front. */
struct part {
    const uint8_t *data;
    size_t len;
};

static int
cut(struct part *from, struct part *ret)
{
    size_t size = 0;
    int rc = edit_element_size(from->data, from->len, &size);

    if (rc != 0)
        return rc;
    *ret = (struct part){ from->data, size };
    from->data += size;
    from->len -= size;
    return 0;
}

/* What is inside of an element, whose end edit_element_size found. */
static int
inside(struct part element, struct part *ret)
{
    struct ber_header h;

    if (ber_read_header(element.data, element.len, &h) != 1 || !h.constructed)
        return E_MALFORMED;
    *ret = (struct part){ element.data + h.size,
                          element.len - h.size - (h.length < 0 ? 2 : 0) };
    return 0;
}

/* The attribute with the one value that our SignerInfo is. */
static int
put_attribute(const struct signing *s, struct buf *out)
{
    static const uint8_t oid[] = { 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 6 };
    autofree_buf struct buf *info = buf_new(), *both = buf_new();
    int rc = info == NULL || both == NULL ? E_NOMEM : signing_put(s, info);

    if (rc == 0)
        rc = buf_put(both, oid, sizeof oid);
    if (rc == 0)
        rc = der_put(both, BER_SET | BER_CONSTRUCTED, buf_data(info), buf_len(info));
    return rc != 0 ? rc : der_put(out, SEQUENCE, buf_data(both), buf_len(both));
}

/* The SignerInfo again with one unsigned attribute more; the fields before
 * unsignedAttrs, the last of them, as they were. */
static int
put_countersigned(const struct signing *s, struct part info, struct buf *out)
{
    autofree_buf struct buf *fields = buf_new(), *attrs = buf_new();
    struct part rest, field;
    int rc = fields == NULL || attrs == NULL ? E_NOMEM : inside(info, &rest);

    while (rc == 0 && rest.len > 0) {
        rc = cut(&rest, &field);
        if (rc != 0)
            break;
        if (field.data[0] != UNSIGNED_ATTRS) {
            rc = buf_put(fields, field.data, field.len);
            continue;
        }
        rc = inside(field, &field);
        if (rc == 0)
            rc = buf_put(attrs, field.data, field.len);
    }
    if (rc == 0)
        rc = put_attribute(s, attrs);
    if (rc == 0)
        rc = edit_put_set(fields, UNSIGNED_ATTRS, attrs, true);
    return rc != 0 ? rc : der_put(out, SEQUENCE, buf_data(fields), buf_len(fields));
}

static int
sign_signature(struct cms_countersign *c, struct part info, struct err *err)
{
    autofree_cms_digests struct cms_digests *digests = NULL;
    const uint8_t *at = info.data;
    SN_SIGNER_INFO *parsed = NULL;
    int rc = shape_check_signer(info.data, info.len);

    if (rc == 0)
        parsed = d2i_SN_SIGNER_INFO(NULL, &at, (long)info.len);
    ERR_clear_error();
    if (parsed == NULL || at != info.data + info.len) {
        SN_SIGNER_INFO_free(parsed);
        return err_set(err, E_MALFORMED, "message: the SignerInfo of signer %zu is malformed",
                       c->options.index);
    }
    rc = cms_digests_new(&digests, err);
    if (rc == 0)
        rc = cms_digests_add(digests, c->signing.digest, err);
    if (rc == 0)
        rc = cms_digests_update(digests, ASN1_STRING_get0_data(parsed->signature),
                                (size_t)ASN1_STRING_length(parsed->signature), err);
    SN_SIGNER_INFO_free(parsed);
    return rc != 0 ? rc : signing_sign(&c->signing, digests, err);
}

/* All SignerInfos again, one of them changed. */
static int
replace(struct cms_countersign *c, struct edit *e, struct buf *out, struct err *err)
{
    struct part rest = { buf_data(e->signers.elements), buf_len(e->signers.elements) }, info;
    int rc = 0;

    for (size_t i = 0; rc == 0 && rest.len > 0; i++) {
        rc = cut(&rest, &info);
        if (rc == 0 && i == c->options.index) {
            rc = sign_signature(c, info, err);
            if (rc != 0)
                return rc;
            rc = put_countersigned(&c->signing, info, out);
        } else if (rc == 0) {
            rc = buf_put(out, info.data, info.len);
        }
    }
    return rc == 0 ? 0 : err_set(err, rc, "message: its SignerInfos cannot be changed: malformed, "
                                 "or out of memory");
}

static int
change(void *arg, struct edit *e, struct err *err)
{
    struct cms_countersign *c = arg;
    const struct cms_countersign_options *o = &c->options;
    struct buf *changed;
    int rc;

    if (o->index >= e->signers.count)
        return err_set(err, E_USAGE, "signing: the message has no signer %zu, only %zu of them, "
                       "counted from 0", o->index, e->signers.count);
    changed = buf_new();
    rc = changed == NULL ? err_set(err, E_NOMEM, "signing: out of memory")
                         : replace(c, e, changed, err);
    if (rc != 0) {
        buf_free(&changed);
        return rc;
    }
    buf_free(&e->signers.elements);
    e->signers.elements = changed;
    rc = edit_add_certs(e, o->no_cert ? NULL : c->signing.cert, o->certs);
    return rc == 0 ? 0 : err_set(err, rc, "signing: too many certificates, or out of memory");
}

static const struct edit_actions actions = { .change = change };

int
cms_countersign_new(struct cms_countersign **ret, const struct cms_countersign_options *options,
                    const struct sink *out, struct err *err)
{
    struct cms_sign_options sign = { .signing_time = options->signing_time,
                                     .no_attributes = options->no_attributes };
    struct cms_countersign *c = calloc(1, sizeof *c);
    int rc;

    if (c == NULL)
        return err_set(err, E_NOMEM, "signing: out of memory");
    if (sign.signing_time == 0)
        sign.signing_time = time(NULL);
    c->options = *options;
    rc = edit_init(&c->edit, &actions, c, out, err);
    if (rc == 0)
        rc = signing_prepare(&c->signing, options->signer, &sign, NULL, err);
    if (rc != 0)
        cms_countersign_free(&c);
    else
        *ret = c;
    return rc;
}

int
cms_countersign_update(struct cms_countersign *c, const void *data, size_t len, struct err *err)
{
    return edit_update(&c->edit, data, len, err);
}

int
cms_countersign_finish(struct cms_countersign *c, struct err *err)
{
    return edit_finish(&c->edit, err);
}

void
cms_countersign_free(struct cms_countersign **pc)
{
    if (pc == NULL || *pc == NULL)
        return;
    signing_clear(&(*pc)->signing);
    edit_clear(&(*pc)->edit);
    free(*pc);
    *pc = NULL;
}

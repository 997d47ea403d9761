/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/enveloped.h"

#include <inttypes.h>
#include <stdlib.h>

#include <openssl/objects.h>

int
enveloped_start(struct cms_reader *r, struct err *err)
{
    struct enveloped *e = calloc(1, sizeof *e);

    if (e == NULL)
        return err_set(err, E_NOMEM, "message: out of memory");
    r->enveloped = e;
    e->aad = buf_new();
    e->result.cipher_oid = e->cipher_oid;
    if (e->aad == NULL || taken_certs_init(&e->taken) != 0)
        return err_set(err, E_NOMEM, "message: out of memory");
    e->result.originator_certs = e->taken.certs;
    return 0;
}

void
enveloped_free(struct cms_reader *r)
{
    struct enveloped *e = r->enveloped;

    if (e == NULL)
        return;
    for (size_t i = 0; i < e->info_count; i++)
        SN_RECIPIENT_free(e->infos[i]);
    free(e->infos);
    free(e->recipients);
    secret_free(&e->key);
    crypt_free(&e->crypt);
    if (e->out != NULL)
        wipe(e->out, CRYPT_PIECE + CRYPT_BLOCK);
    free(e->out);
    sk_X509_ATTRIBUTE_pop_free(e->auth, X509_ATTRIBUTE_free);
    sk_X509_ATTRIBUTE_pop_free(e->unauth, X509_ATTRIBUTE_free);
    attr_list_free(e->attributes, e->result.attribute_count);
    taken_certs_clear(&e->taken);
    buf_free(&e->aad);
    free(e);
    r->enveloped = NULL;
}

static int
cert(void *reader, const uint8_t *der, size_t len, struct err *err)
{
    struct cms_reader *r = reader;

    return take_cert(r, &r->enveloped->taken, der, len, err);
}

static int
crl(void *reader, const uint8_t *der, size_t len, struct err *err)
{
    struct cms_reader *r = reader;
    struct taken_certs *t = &r->enveloped->taken;
    int rc = take_crl(r, t, der, len, err);

    r->enveloped->result.originator_crls = (size_t)sk_X509_CRL_num(t->crls) + t->other_crls;
    return rc;
}

const struct walk_rule enveloped_originator_info[] = {
    { .name = "certs [0]", .id = BER_CONTEXT(0), .optional = true, .action = WALK_EACH,
      .max = CMS_MAX_CERT_SIZE, .element = cert },
    { .name = "crls [1]", .id = BER_CONTEXT(1), .optional = true, .action = WALK_EACH,
      .max = CMS_MAX_CRL_SIZE, .element = crl },
    { 0 },
};

/* Room for n more views and one more RecipientInfo. */
static int
grow(struct enveloped *e, size_t n)
{
    size_t room = e->room == 0 ? 8 : e->room;
    void *more;

    while (room < e->result.count + n || room <= e->info_count)
        room *= 2;
    if (room == e->room)
        return 0;
    more = realloc(e->recipients, room * sizeof *e->recipients);
    if (more == NULL)
        return E_NOMEM;
    e->recipients = more;
    e->result.recipients = more;
    more = realloc(e->infos, room * sizeof *e->infos);
    if (more == NULL)
        return E_NOMEM;
    e->infos = more;
    e->room = room;
    return 0;
}

static int
add_recipient(struct cms_reader *r, SN_RECIPIENT *info, struct err *err)
{
    struct enveloped *e = r->enveloped;
    size_t n = recipient_count(info);

    if (n > CMS_MAX_RECIPIENTS - e->result.count || e->info_count == CMS_MAX_RECIPIENTS)
        return take_too_many(r, "recipients", CMS_MAX_RECIPIENTS, err);
    if (grow(e, n) != 0)
        return err_set(err, E_NOMEM, "message: out of memory for recipients");
    for (size_t i = 0; i < n; i++) {
        struct cms_recipient *view = &e->recipients[e->result.count++];

        recipient_view(info, i, view);
        view->offset = r->walk.ber.offset;
    }
    e->infos[e->info_count++] = info;
    return 0;
}

int
enveloped_recipient(void *reader, const uint8_t *der, size_t len, struct err *err)
{
    struct cms_reader *r = reader;
    const uint8_t *end = der + len;
    SN_RECIPIENT *info = d2i_SN_RECIPIENT(NULL, &der, (long)len);
    int rc;

    if (info == NULL || der != end) {
        SN_RECIPIENT_free(info);
        return reader_malformed(r, "RecipientInfo", err);
    }
    rc = add_recipient(r, info, err);
    if (rc != 0)
        SN_RECIPIENT_free(info);
    return rc;
}

int
enveloped_check_recipients(const struct cms_reader *r, struct err *err)
{
    return r->enveloped->result.count > 0
        ? 0 : err_set(err, E_MALFORMED, "message: it has no recipients, at offset %" PRIu64,
                      r->walk.ber.offset);
}

int
enveloped_auth_attributes(void *reader, const uint8_t *data, size_t len, struct err *err)
{
    struct cms_reader *r = reader;

    return take_attributes(r, data, len, r->enveloped->aad, &r->enveloped->auth, err);
}

int
enveloped_other_attributes(void *reader, const uint8_t *data, size_t len, struct err *err)
{
    struct cms_reader *r = reader;
    autofree_buf struct buf *der = buf_new();

    if (der == NULL)
        return err_set(err, E_NOMEM, "message: out of memory for attributes");
    return take_attributes(r, data, len, der, &r->enveloped->unauth, err);
}

int
enveloped_check_content_type(const struct cms_reader *r, struct err *err)
{
    const ASN1_TYPE *value = NULL;
    int rc = attr_get(r->enveloped->auth, ATTR_CONTENT_TYPE, V_ASN1_OBJECT, &value);

    if (rc == 0 || (rc == 1 && OBJ_cmp(value->value.object, r->content_type) == 0))
        return 0;
    return err_set(err, E_MALFORMED, "message: its contentType attribute, before offset %" PRIu64
                   ", contradicts the content's type", r->walk.ber.offset);
}

int
enveloped_list_attributes(struct cms_reader *r, struct err *err)
{
    struct enveloped *e = r->enveloped;
    int rc = attr_list(e->auth, e->unauth, &e->attributes, &e->result.attribute_count);

    e->result.attributes = e->attributes;
    return rc == 0 ? 0 : reader_malformed(r, "an attribute", err);
}

const struct cms_encrypted *
cms_reader_encrypted(struct cms_reader *r)
{
    return r->enveloped == NULL ? NULL : &r->enveloped->result;
}

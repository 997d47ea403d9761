/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/edit.h"

#include <inttypes.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/objects.h>

#include "cms/algid.h"
#include "cms/der.h"
#include "cms/reader.h"
#include "cms/signed_grammar.h"

/* Longest OBJECT IDENTIFIER taken, and a version, octets. */
#define OID_MAX 64
#define VERSION_SIZE 3

#define SEQUENCE (BER_SEQUENCE | BER_CONSTRUCTED)
#define SET (BER_SET | BER_CONSTRUCTED)
#define CONTEXT(n) (BER_CONTEXT(n) | BER_CONSTRUCTED)

static const uint8_t ends[8];

int
edit_element_size(const uint8_t *data, size_t len, size_t *ret)
{
    const uint8_t *at = data;
    struct ber_event event;
    struct ber ber;
    int rc;

    ber_init(&ber);
    while ((rc = ber_next(&ber, &at, &len, &event, NULL)) == 1)
        continue;
    if (rc != 0 || !ber.done)
        return E_MALFORMED;
    *ret = (size_t)(at - data);
    return 0;
}

static bool
all_definite(const struct buf *elements)
{
    const uint8_t *at = buf_data(elements);
    size_t left = buf_len(elements), size = 0;

    for (; left > 0; at += size, left -= size) {
        struct ber_header h;

        if (ber_read_header(at, left, &h) != 1 || h.length < 0 ||
            edit_element_size(at, left, &size) != 0)
            return false;
    }
    return true;
}

int
edit_put_set(struct buf *out, uint8_t id, const struct buf *elements, bool ordered)
{
    return ordered && all_definite(elements)
               ? der_put_set(out, id, elements)
               : der_put(out, id, buf_data(elements), buf_len(elements));
}

static int
list_put(struct edit_list *list, const uint8_t *der, size_t len, size_t max)
{
    if (list->count == max)
        return E_LIMIT;
    list->count++;
    return buf_put(list->elements, der, len);
}

static int
take(struct edit *e, struct edit_list *list, const uint8_t *der, size_t len, size_t max,
     struct err *err)
{
    int rc = list_put(list, der, len, max);

    return rc == 0 ? 0 : err_set(err, rc, "message: more than %zu elements of a kind, or out of "
                                 "memory, at offset %" PRIu64, max, e->walk.ber.offset);
}

static int
malformed(const struct edit *e, const char *name, struct err *err)
{
    ERR_clear_error();
    return err_set(err, E_MALFORMED, "message: %s before offset %" PRIu64 " is malformed", name,
                   e->walk.ber.offset);
}

static int
take_type(void *arg, const uint8_t *der, size_t len, struct err *err)
{
    const struct edit *e = arg;
    const uint8_t *at = der;
    ASN1_OBJECT *oid = d2i_ASN1_OBJECT(NULL, &at, (long)len);
    bool is_signed = oid != NULL && OBJ_obj2nid(oid) == NID_pkcs7_signed;
    bool valid = oid != NULL && at == der + len;

    ASN1_OBJECT_free(oid);
    if (!valid)
        return malformed(e, "contentType", err);
    return is_signed ? 0 : err_set(err, E_UNSUPPORTED, "message: it is no SignedData, to which "
                                   "alone a signature can be added");
}

static int
version(void *arg, const uint8_t *der, size_t len, struct err *err)
{
    struct edit *e = arg;

    if (len != VERSION_SIZE || der[1] != 1 || der[2] > SIGNED_NEWEST_VERSION)
        return err_set(err, E_UNSUPPORTED, "message: SignedData of a version that is not known");
    e->version = der[2];
    return 0;
}

static int
algorithm(void *arg, const uint8_t *der, size_t len, struct err *err)
{
    struct edit *e = arg;

    return take(e, &e->algorithms, der, len, CMS_MAX_DIGESTS, err);
}

static int
take_content_type(void *arg, const uint8_t *der, size_t len, struct err *err)
{
    struct edit *e = arg;
    const uint8_t *at = der;

    e->content_type = d2i_ASN1_OBJECT(NULL, &at, (long)len);
    if (e->content_type == NULL || at != der + len)
        return malformed(e, "eContentType", err);
    return e->actions->prepare == NULL ? 0 : e->actions->prepare(e->arg, e, err);
}

static int
put_oid(struct buf *out, const ASN1_OBJECT *oid)
{
    return der_put(out, BER_OID, OBJ_get0_data(oid), OBJ_length(oid));
}

static int
open_indefinite(struct buf *out, uint8_t id)
{
    const uint8_t header[] = { id, 0x80 };

    return buf_put(out, header, sizeof header);
}

/* version and digestAlgorithms. */
static int
put_first(const struct edit *e, struct buf *out)
{
    int rc = der_put(out, BER_INTEGER, &e->version, 1);

    return rc != 0 ? rc : edit_put_set(out, SET, e->algorithms.elements, true);
}

/* Up to the content's octets, with a string of this length; -1: in segments. */
static int
put_head(const struct edit *e, int64_t length, struct buf *out)
{
    uint8_t header[BER_WRITE_MAX], id = BER_OCTET_STRING;
    int rc = open_indefinite(out, SEQUENCE);

    if (rc == 0)
        rc = put_oid(out, OBJ_nid2obj(NID_pkcs7_signed));
    if (rc == 0)
        rc = open_indefinite(out, CONTEXT(0));
    if (rc == 0)
        rc = open_indefinite(out, SEQUENCE);
    if (rc == 0)
        rc = put_first(e, out);
    if (rc == 0)
        rc = open_indefinite(out, SEQUENCE);
    if (rc == 0)
        rc = put_oid(out, e->content_type);
    if (rc == 0)
        rc = open_indefinite(out, CONTEXT(0));
    if (length < 0)
        id |= BER_CONSTRUCTED;
    return rc != 0 ? rc : buf_put(out, header, ber_write_header(header, id, length));
}

static int
begin_content(void *arg, struct err *err)
{
    struct edit *e = arg;
    const struct ber_frame *frame = &e->walk.ber.frames[e->walk.ber.depth - 1];
    autofree_buf struct buf *head = buf_new();
    int rc;

    e->has_content = true;
    e->segmented = frame->constructed;
    rc = head == NULL ? E_NOMEM
                      : put_head(e, e->segmented ? -1 : (int64_t)(frame->end -
                                                                  e->walk.ber.offset), head);
    return rc != 0 ? err_set(err, rc, "message: out of memory")
                   : sink_write(&e->out, buf_data(head), buf_len(head), err);
}

static int
take_content(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    struct edit *e = arg;
    int rc = e->actions->content == NULL ? 0 : e->actions->content(e->arg, data, len, err);

    if (rc != 0)
        return rc;
    return e->segmented ? segments_put(&e->segments, &e->out, data, len, err)
                        : sink_write(&e->out, data, len, err);
}

static int
cert(void *arg, const uint8_t *der, size_t len, struct err *err)
{
    struct edit *e = arg;

    return take(e, &e->certs, der, len, CMS_MAX_CERTS, err);
}

static int
crl(void *arg, const uint8_t *der, size_t len, struct err *err)
{
    struct edit *e = arg;

    return take(e, &e->crls, der, len, CMS_MAX_CRLS, err);
}

static int
signer(void *arg, const uint8_t *der, size_t len, struct err *err)
{
    struct edit *e = arg;

    return take(e, &e->signers, der, len, CMS_MAX_SIGNERS, err);
}

static const struct walk_rule e_content[] = {
    { .name = "eContent as OCTET STRING", .id = BER_OCTET_STRING, .action = WALK_STRING,
      .begin = begin_content, .bytes = take_content },
    { 0 },
};

static const struct walk_rule encap_content_info[] = {
    { .name = "eContentType", .id = BER_OID, .action = WALK_CAPTURE, .max = OID_MAX,
      .element = take_content_type },
    { .name = "eContent [0]", .id = BER_CONTEXT(0), .optional = true, .action = WALK_ENTER,
      .inside = e_content },
    { 0 },
};

static const struct walk_rule fields[] = {
    SIGNED_DATA_RULES(version, algorithm, encap_content_info, cert, crl, signer),
};

static const struct walk_rule signed_data[] = {
    { .name = "SignedData", .id = BER_SEQUENCE, .action = WALK_ENTER, .inside = fields },
    { 0 },
};

static const struct walk_rule content_info_fields[] = {
    { .name = "contentType", .id = BER_OID, .action = WALK_CAPTURE, .max = OID_MAX,
      .element = take_type },
    { .name = "content [0]", .id = BER_CONTEXT(0), .action = WALK_ENTER,
      .inside = signed_data },
    { 0 },
};

static const struct walk_rule grammar[] = {
    { .name = "ContentInfo", .id = BER_SEQUENCE, .action = WALK_ENTER,
      .inside = content_info_fields },
    { 0 },
};

int
edit_init(struct edit *e, const struct edit_actions *actions, void *arg, const struct sink *out,
          struct err *err)
{
    struct edit_list *lists[] = { &e->algorithms, &e->certs, &e->crls, &e->signers };

    memset(e, 0, sizeof *e);
    e->actions = actions;
    e->arg = arg;
    e->out = *out;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        lists[i]->elements = buf_new();
        if (lists[i]->elements == NULL)
            return err_set(err, E_NOMEM, "message: out of memory");
    }
    if (segments_init(&e->segments) != 0)
        return err_set(err, E_NOMEM, "message: out of memory");
    return walk_init(&e->walk, grammar, CMS_MAX_OTHER_SIZE, e, err);
}

void
edit_clear(struct edit *e)
{
    buf_free(&e->algorithms.elements);
    buf_free(&e->certs.elements);
    buf_free(&e->crls.elements);
    buf_free(&e->signers.elements);
    segments_clear(&e->segments);
    walk_clear(&e->walk);
    ASN1_OBJECT_free(e->content_type);
    e->content_type = NULL;
}

int
edit_update(struct edit *e, const void *data, size_t len, struct err *err)
{
    const uint8_t *at = data;
    int rc;

    if (e->done)
        return err_set(err, E_USAGE, "message: data for a message that is done");
    rc = walk_update(&e->walk, &at, &len, err);
    if (rc == 0 && len > 0)
        rc = err_set(err, E_MALFORMED, "message: it ends at offset %" PRIu64 ", but other bytes "
                     "follow; it was damaged or added to", e->walk.ber.offset);
    e->done = rc != 0;
    return rc;
}

/* All that is behind encapContentInfo. */
static int
put_tail(const struct edit *e, struct buf *out)
{
    bool ordered = !e->has_content;
    int rc = e->certs.count == 0 ? 0 : edit_put_set(out, CONTEXT(0), e->certs.elements, ordered);

    if (rc == 0 && e->crls.count > 0)
        rc = edit_put_set(out, CONTEXT(1), e->crls.elements, ordered);
    return rc != 0 ? rc : edit_put_set(out, SET, e->signers.elements, ordered);
}

/* String (if it is open), [0] and encapContentInfo; tail; the three outer ones. */
static int
put_rest(struct edit *e, struct buf *out)
{
    int rc = buf_put(out, ends, e->segmented ? 6 : 4);

    if (rc == 0)
        rc = put_tail(e, out);
    return rc != 0 ? rc : buf_put(out, ends, 6);
}

static int
put_detached(struct edit *e, struct buf *out)
{
    autofree_buf struct buf *type = buf_new(), *inner = buf_new(), *info = buf_new();
    autofree_buf struct buf *data = buf_new();
    int rc;

    if (type == NULL || inner == NULL || info == NULL || data == NULL)
        return E_NOMEM;
    rc = put_first(e, inner);
    if (rc == 0)
        rc = put_oid(type, e->content_type);
    if (rc == 0)
        rc = der_put(inner, SEQUENCE, buf_data(type), buf_len(type));
    if (rc == 0)
        rc = put_tail(e, inner);
    if (rc == 0)
        rc = der_put(data, SEQUENCE, buf_data(inner), buf_len(inner));
    if (rc == 0)
        rc = put_oid(info, OBJ_nid2obj(NID_pkcs7_signed));
    if (rc == 0)
        rc = der_put(info, CONTEXT(0), buf_data(data), buf_len(data));
    return rc != 0 ? rc : der_put(out, SEQUENCE, buf_data(info), buf_len(info));
}

static int
finish(struct edit *e, struct err *err)
{
    autofree_buf struct buf *out = buf_new();
    int rc = walk_finish(&e->walk, err);

    if (rc == 0 && e->segmented)
        rc = segments_flush(&e->segments, &e->out, err);
    if (rc == 0)
        rc = e->actions->change(e->arg, e, err);
    if (rc != 0)
        return rc;
    rc = out == NULL ? E_NOMEM : e->has_content ? put_rest(e, out) : put_detached(e, out);
    return rc != 0 ? err_set(err, rc, "message: out of memory")
                   : sink_write(&e->out, buf_data(out), buf_len(out), err);
}

int
edit_finish(struct edit *e, struct err *err)
{
    if (e->done)
        return err_set(err, E_USAGE, "message: it is done already");
    e->done = true;
    return finish(e, err);
}

int
edit_add_algorithm(struct edit *e, const X509_ALGOR *alg)
{
    const uint8_t *at = buf_data(e->algorithms.elements), *end = at +
        buf_len(e->algorithms.elements);
    uint8_t *der = NULL;
    int len, rc;

    while (at < end) {
        X509_ALGOR *there = d2i_X509_ALGOR(NULL, &at, end - at);
        bool same = there != NULL && algid_read_digest(there) != NULL &&
                    algid_read_digest(there) == algid_read_digest(alg);

        X509_ALGOR_free(there);
        if (same)
            return 0;
        if (there == NULL)
            break;
    }
    ERR_clear_error();
    len = i2d_X509_ALGOR(alg, &der);
    rc = len <= 0 ? E_NOMEM : list_put(&e->algorithms, der, (size_t)len, CMS_MAX_DIGESTS);
    OPENSSL_free(der);
    return rc;
}

static bool
list_has(const struct edit_list *list, const uint8_t *der, size_t len)
{
    const uint8_t *at = buf_data(list->elements);
    size_t left = buf_len(list->elements), size = 0;

    for (; left > 0; at += size, left -= size) {
        if (edit_element_size(at, left, &size) != 0)
            return false;
        if (size == len && memcmp(at, der, len) == 0)
            return true;
    }
    return false;
}

int
edit_add_cert(struct edit *e, const uint8_t *der, size_t len)
{
    return list_has(&e->certs, der, len) ? 0 : list_put(&e->certs, der, len, CMS_MAX_CERTS);
}

static int
add_x509(struct edit *e, const X509 *cert)
{
    uint8_t *der = NULL;
    int len = i2d_X509(cert, &der);
    int rc = len <= 0 ? E_NOMEM : edit_add_cert(e, der, (size_t)len);

    OPENSSL_free(der);
    return rc;
}

int
edit_add_certs(struct edit *e, const struct cms_certificate *signer,
               const STACK_OF(X509) *further)
{
    size_t len = 0;
    const uint8_t *der = signer == NULL ? NULL : cms_certificate_der(signer, &len);
    int rc = der == NULL ? 0 : edit_add_cert(e, der, len);

    /* sk_X509_num(NULL) is -1 */
    for (int i = 0; rc == 0 && i < sk_X509_num(further); i++)
        rc = add_x509(e, sk_X509_value(further, i));
    return rc;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/encap.h"

#include <inttypes.h>
#include <string.h>

#include <openssl/objects.h>

#include "cms/ber.h"
#include "cms/der.h"

#define SEQUENCE (BER_SEQUENCE | BER_CONSTRUCTED)
#define CONTEXT_0 (BER_CONTEXT(0) | BER_CONSTRUCTED)

int
encap_init(struct encap *e, const char *doing, int type, int content_type, int64_t size,
           const struct sink *out, struct err *err)
{
    memset(e, 0, sizeof *e);
    e->doing = doing;
    e->out = *out;
    e->type = type;
    e->size = size;
    e->content_type = OBJ_nid2obj(content_type == 0 ? NID_pkcs7_data : content_type);
    if (e->content_type == NULL)
        return err_set_ossl(err, E_USAGE, "%s: no such content type", doing);
    e->before = buf_new();
    if (e->before == NULL || segments_init(&e->segments) != 0)
        return err_set(err, E_NOMEM, "%s: out of memory", doing);
    return 0;
}

void
encap_clear(struct encap *e)
{
    ASN1_OBJECT_free(e->content_type);
    e->content_type = NULL;
    buf_free(&e->before);
    segments_clear(&e->segments);
}

static int
put_header(const struct encap *e, struct buf *out, uint8_t id, uint64_t length)
{
    uint8_t header[BER_WRITE_MAX];
    size_t n = ber_write_header(header, id, e->size < 0 ? -1 : (int64_t)length);

    return buf_put(out, header, n);
}

static int
put_oid(struct buf *out, const ASN1_OBJECT *oid)
{
    return der_put(out, BER_OID, OBJ_get0_data(oid), OBJ_length(oid));
}

/* encapContentInfo up to the content's octets. */
static int
put_encap(const struct encap *e, struct buf *out)
{
    uint64_t size = e->size < 0 ? 0 : (uint64_t)e->size, string = ber_element_size(size);
    uint64_t oid = ber_element_size(OBJ_length(e->content_type));
    int rc = put_header(e, out, SEQUENCE, oid + ber_element_size(string));

    if (rc == 0)
        rc = put_oid(out, e->content_type);
    if (rc == 0)
        rc = put_header(e, out, CONTEXT_0, string);
    return rc != 0 ? rc : put_header(e, out, e->size < 0 ? BER_OCTET_STRING | BER_CONSTRUCTED
                                                         : BER_OCTET_STRING, size);
}

static int
put_head(const struct encap *e, struct buf *out)
{
    autofree_buf struct buf *inner = buf_new();
    const ASN1_OBJECT *type = OBJ_nid2obj(e->type);
    uint64_t fields, data;
    int rc = inner == NULL ? E_NOMEM : buf_put(inner, buf_data(e->before), buf_len(e->before));

    if (rc == 0)
        rc = put_encap(e, inner);
    if (rc != 0)
        return rc;
    fields = buf_len(inner) + (e->size < 0 ? 0 : (uint64_t)e->size) + e->tail;
    data = ber_element_size(fields);
    rc = put_header(e, out, SEQUENCE, ber_element_size(OBJ_length(type)) +
                    ber_element_size(data));
    if (rc == 0)
        rc = put_oid(out, type);
    if (rc == 0)
        rc = put_header(e, out, CONTEXT_0, data);
    if (rc == 0)
        rc = put_header(e, out, SEQUENCE, fields);
    return rc != 0 ? rc : buf_put(out, buf_data(inner), buf_len(inner));
}

static int
begin(struct encap *e, struct err *err)
{
    autofree_buf struct buf *head = NULL;
    int rc;

    if (e->begun)
        return 0;
    e->begun = true;
    head = buf_new();
    rc = head == NULL ? E_NOMEM : put_head(e, head);
    return rc != 0 ? err_set(err, rc, "%s: out of memory", e->doing)
                   : sink_write(&e->out, buf_data(head), buf_len(head), err);
}

int
encap_put(struct encap *e, const uint8_t *data, size_t len, struct err *err)
{
    int rc;

    e->done += len;
    if (e->size >= 0 && e->done > (uint64_t)e->size)
        return err_set(err, E_USAGE, "%s: the content is longer than the %" PRId64
                       " bytes that were announced; it grew while it was read", e->doing, e->size);
    rc = begin(e, err);
    if (rc != 0)
        return rc;
    return e->size < 0 ? segments_put(&e->segments, &e->out, data, len, err)
                       : sink_write(&e->out, data, len, err);
}

/* The ends of the indefinite lengths: string, [0] and encapContentInfo before the tail;
 * the type's SEQUENCE, [0] and ContentInfo behind it. */
int
encap_finish(struct encap *e, const struct buf *tail, struct err *err)
{
    static const uint8_t ends[6];
    autofree_buf struct buf *out = buf_new();
    size_t n = e->size < 0 ? sizeof ends : 0;
    int rc;

    if (e->size >= 0 && e->done != (uint64_t)e->size)
        return err_set(err, E_USAGE, "%s: the content has %" PRIu64 " bytes, not the %" PRId64
                       " that were announced; it shrank while it was read", e->doing, e->done,
                       e->size);
    rc = begin(e, err);
    if (rc == 0)
        rc = segments_flush(&e->segments, &e->out, err);
    if (rc != 0)
        return rc;
    if (out == NULL || buf_put(out, ends, n) != 0 ||
        (tail != NULL && buf_put(out, buf_data(tail), buf_len(tail)) != 0) ||
        buf_put(out, ends, n) != 0)
        return err_set(err, E_NOMEM, "%s: out of memory", e->doing);
    return sink_write(&e->out, buf_data(out), buf_len(out), err);
}

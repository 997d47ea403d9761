/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/inspect_int.h"

#include <stdlib.h>
#include <string.h>
#include <openssl/objects.h>

#include "cms/ber.h"
#include "cms/layers.h"

/* Octets that tell what an input is: two BER headers. */
#define HEAD_SIZE 32u

enum content { UNDECIDED, MESSAGE, CERTIFICATE, KEY };

struct inspect_cms {
    struct describe *d;
    json_t *into;
    unsigned depth;
    bool failed;                        /* what follows is passed over */
    struct transfer_stream *transfer;   /* one of these two undoes the text */
    struct cms_dearmor *dearmor;
    enum content is;
    uint8_t head[HEAD_SIZE];
    size_t head_len;
    struct cms_layers *layers;          /* of a message */
    struct inspect_mime *mime;          /* in its innermost content */
    struct buf *certificate;
};

/* A ContentInfo begins with an OID, certificates and revocation lists with a SEQUENCE,
 * PKCS #8 and PKCS #12 with a version. */
static enum content
decide(const uint8_t *data, size_t len)
{
    struct ber_header outer, inner;

    if (ber_read_header(data, len, &outer) != 1 || outer.id != BER_SEQUENCE ||
        ber_read_header(data + outer.size, len - outer.size, &inner) != 1)
        return MESSAGE;
    return inner.id == BER_SEQUENCE  ? CERTIFICATE
           : inner.id == BER_INTEGER ? KEY
                                     : MESSAGE;
}

/* The type of the innermost content. */
static bool
is_data(const struct inspect_cms *c)
{
    size_t n = cms_layers_count(c->layers);

    return n > 0 && cms_reader_content_type(cms_layers_get(c->layers, n - 1)) == NID_pkcs7_data;
}

static int
count_unpacked(struct describe *d, size_t len, struct err *err)
{
    d->unpacked += len;
    if (d->unpacked <= INSPECT_UNPACK_FREE ||
        (d->unpacked - INSPECT_UNPACK_FREE) / INSPECT_UNPACK_RATIO <= d->input)
        return 0;
    return err_set(err, E_LIMIT, "message: what is compressed in it is more than %u times as long "
                   "as the input; it may be made to waste time, and is not decompressed further",
                   INSPECT_UNPACK_RATIO);
}

static int
on_content(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    struct inspect_cms *c = arg;
    int rc = count_unpacked(c->d, len, err);

    if (rc != 0 || c->depth >= INSPECT_DEPTH_MAX || !is_data(c))
        return rc;
    if (c->mime == NULL)
        rc = inspect_mime_new(&c->mime, c->d, c->depth + 1, err);
    return rc != 0 ? rc : inspect_mime_update(c->mime, data, len, err);
}

static int
begin(struct inspect_cms *c, struct err *err)
{
    struct cms_layers_options options = {
        .reader = {.content = {.write = on_content, .arg = c}, .allow_padding = true},
    };

    c->is = decide(c->head, c->head_len);
    if (c->is == MESSAGE)
        return cms_layers_new(&c->layers, &options, err);
    if (c->is == KEY)
        return err_set(err, E_UNSUPPORTED, "it is a key (PKCS#8 or PKCS#12), not a message; only "
                       "messages, mails and certificates are inspected");
    c->certificate = buf_new();
    if (c->certificate == NULL)
        return err_set(err, E_NOMEM, "out of memory for a certificate");
    buf_set_max(c->certificate, INSPECT_CERTS_MAX);
    return 0;
}

static int
take(struct inspect_cms *c, const uint8_t *data, size_t len, struct err *err)
{
    int rc;

    if (c->is == MESSAGE)
        return cms_layers_update(c->layers, data, len, err);
    rc = buf_put(c->certificate, data, len);
    return rc == 0 ? 0 : err_set(err, rc, "more than %u bytes are no certificate or revocation "
                                 "list that is looked at", INSPECT_CERTS_MAX);
}

static int
decided(struct inspect_cms *c, struct err *err)
{
    int rc = begin(c, err);

    return rc != 0 ? rc : take(c, c->head, c->head_len, err);
}

static int
on_bytes(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    struct inspect_cms *c = arg;
    size_t n = HEAD_SIZE - c->head_len;
    int rc;

    if (c->is != UNDECIDED)
        return take(c, data, len, err);
    if (n > len)
        n = len;
    memcpy(c->head + c->head_len, data, n);
    c->head_len += n;
    if (c->head_len < HEAD_SIZE)
        return 0;
    rc = decided(c, err);
    return rc != 0 || len == n ? rc : take(c, data + n, len - n, err);
}

int
inspect_cms_new(struct inspect_cms **ret, struct describe *d, json_t *into,
                enum transfer transfer, unsigned depth, struct err *err)
{
    struct inspect_cms *c = calloc(1, sizeof *c);
    struct sink bytes = {.write = on_bytes, .arg = c};
    int rc;

    if (c == NULL)
        return err_set(err, E_NOMEM, "out of memory");
    c->d = d;
    c->into = json_incref(into);
    c->depth = depth;
    if (transfer == TRANSFER_QP || transfer == TRANSFER_BASE64)
        rc = transfer_decoder_new(&c->transfer, transfer, &bytes, err);
    else
        rc = cms_dearmor_new(&c->dearmor, CMS_FORM_AUTO, &bytes, err);
    if (rc != 0)
        inspect_cms_free(&c);
    else
        *ret = c;
    return rc;
}

void
inspect_cms_free(struct inspect_cms **pc)
{
    struct inspect_cms *c;

    if (pc == NULL || *pc == NULL)
        return;
    c = *pc;
    transfer_free(&c->transfer);
    cms_dearmor_free(&c->dearmor);
    cms_layers_free(&c->layers);
    inspect_mime_free(&c->mime);
    buf_free(&c->certificate);
    json_decref(c->into);
    free(c);
    *pc = NULL;
}

enum cms_form
inspect_cms_form(const struct inspect_cms *c)
{
    return c->dearmor == NULL ? CMS_FORM_AUTO : cms_dearmor_form(c->dearmor);
}

/* A fault ends this stream, not the inspection. */
static int
settle(struct inspect_cms *c, int rc, struct err *err)
{
    struct err room = {0};

    if (rc == 0)
        return 0;
    c->failed = true;
    return describe_fault(c->d, c->into, rc, err != NULL ? err : &room);
}

int
inspect_cms_update(struct inspect_cms *c, const uint8_t *data, size_t len, struct err *err)
{
    int rc;

    if (c->failed)
        return 0;
    rc = c->dearmor != NULL ? cms_dearmor_update(c->dearmor, data, len, err)
                            : transfer_update(c->transfer, data, len, err);
    return settle(c, rc, err);
}

/* Everything has come: is it whole? */
static int
complete(struct inspect_cms *c, struct err *err)
{
    int rc = c->dearmor != NULL ? cms_dearmor_finish(c->dearmor, err)
                                : transfer_finish(c->transfer, err);

    if (rc == 0 && c->is == UNDECIDED && c->head_len == 0)
        return err_set(err, E_TRUNCATED, "message: it is empty");
    if (rc == 0 && c->is == UNDECIDED)
        rc = decided(c, err);
    if (rc == 0 && c->is == MESSAGE)
        return cms_layers_finish(c->layers, err);
    if (rc == 0 && !inspect_der(c->d, c->into, buf_data(c->certificate),
                                buf_len(c->certificate)))
        return err_set(err, E_MALFORMED, "it is neither a CMS message, nor a certificate, nor a "
                       "revocation list");
    return rc;
}

/* The layers, each in the content of the one around it. */
static void
describe_layers(struct inspect_cms *c)
{
    json_t *around = c->into;
    uint64_t offset = 0;

    for (size_t i = 0; i < cms_layers_count(c->layers); i++) {
        struct cms_reader *reader = cms_layers_get(c->layers, i);

        describe_put(c->d, around, "cms", describe_layer(c->d, reader, offset));
        around = json_object_get(json_object_get(around, "cms"), "content");
        offset = cms_facts_content_offset(reader);
    }
    if (c->mime != NULL)
        describe_put(c->d, around, "mime", inspect_mime_take(c->mime));
}

int
inspect_cms_finish(struct inspect_cms *c, struct err *err)
{
    int rc = c->failed ? 0 : settle(c, complete(c, err), err);

    if (rc == 0 && c->mime != NULL)
        rc = inspect_mime_finish(c->mime, err);
    if (rc == 0 && c->layers != NULL)
        describe_layers(c);
    return rc;
}

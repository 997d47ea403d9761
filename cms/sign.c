/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/sign.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/objects.h>

#include "cms/ber.h"
#include "cms/der.h"
#include "cms/segments.h"
#include "cms/sign_int.h"

/* SignedData's versions (RFC 5652, 5.1): 1 when all is as in PKCS#7, else 3. */
#define VERSION_PLAIN 1
#define VERSION_NEW 3

#define SEQUENCE (BER_SEQUENCE | BER_CONSTRUCTED)
#define SET (BER_SET | BER_CONSTRUCTED)
#define CONTEXT_0 (BER_CONTEXT(0) | BER_CONSTRUCTED)
#define CONTEXT_1 (BER_CONTEXT(1) | BER_CONSTRUCTED)

enum form {
    FORM_DETACHED,  /* all at the end, DER */
    FORM_DER,       /* content in one string, all lengths known before */
    FORM_MIXED,     /* the same, but the outer lengths are indefinite */
    FORM_BER,       /* content in segments */
};

struct cms_sign {
    struct cms_sign_options options;
    struct sink out;
    enum form form;
    ASN1_OBJECT *content_type;
    struct cms_digests *digests;
    struct signing *signings;      /* options.count of them */
    struct buf *algorithms;        /* digestAlgorithms */
    struct buf *certs;             /* certificates [0] and crls [1], or empty */
    struct segments segments;      /* FORM_BER */
    uint64_t size;                 /* content so far */
    bool begun, done;
};

void
cms_sign_free(struct cms_sign **ps)
{
    struct cms_sign *s;

    if (ps == NULL || *ps == NULL)
        return;
    s = *ps;
    for (size_t i = 0; s->signings != NULL && i < s->options.count; i++)
        signing_clear(&s->signings[i]);
    free(s->signings);
    cms_digests_free(&s->digests);
    ASN1_OBJECT_free(s->content_type);
    buf_free(&s->algorithms);
    buf_free(&s->certs);
    segments_clear(&s->segments);
    free(s);
    *ps = NULL;
}

static int
prepare_signers(struct cms_sign *s, struct err *err)
{
    for (size_t i = 0; i < s->options.count; i++) {
        int rc = signing_prepare(&s->signings[i], &s->options.signers[i], &s->options,
                                 s->content_type, err);

        if (rc == 0)
            rc = cms_digests_add(s->digests, s->signings[i].digest, err);
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* digestAlgorithms: each once. */
static int
put_algorithms(struct cms_sign *s)
{
    autofree_buf struct buf *all = buf_new();
    int rc = all == NULL ? E_NOMEM : 0;

    for (size_t i = 0; rc == 0 && i < s->options.count; i++) {
        uint8_t *der = NULL;
        bool seen = false;
        int len;

        for (size_t j = 0; j < i; j++)
            seen |= s->signings[j].digest == s->signings[i].digest;
        if (seen)
            continue;
        len = i2d_X509_ALGOR(s->signings[i].info->digest_alg, &der);
        rc = len <= 0 ? E_NOMEM : buf_put(all, der, (size_t)len);
        OPENSSL_free(der);
    }
    return rc != 0 ? rc : der_put_set(s->algorithms, SET, all);
}

/* Certificates that were put, as ranges of the buffer. */
struct put {
    struct buf *all;
    struct range {
        size_t at, len;
    } *ranges;
    size_t count;
};

static int
put_cert(struct put *put, const uint8_t *der, size_t len)
{
    for (size_t i = 0; i < put->count; i++)
        if (put->ranges[i].len == len &&
            memcmp(buf_data(put->all) + put->ranges[i].at, der, len) == 0)
            return 0;
    put->ranges[put->count++] = (struct range){ buf_len(put->all), len };
    return buf_put(put->all, der, len);
}

static int
put_x509(struct put *put, const X509 *cert)
{
    uint8_t *der = NULL;
    int len = i2d_X509(cert, &der);
    int rc = len <= 0 ? E_NOMEM : put_cert(put, der, (size_t)len);

    OPENSSL_free(der);
    return rc;
}

/* Signers' certificates and further ones: each once. */
static int
put_certs(struct cms_sign *s)
{
    const struct cms_sign_options *o = &s->options;
    autofree_buf struct buf *all = buf_new();
    int further = o->certs != NULL ? sk_X509_num(o->certs) : 0;
    struct put put = { .all = all };
    int rc = 0;

    put.ranges = calloc(o->count + (size_t)further + 1, sizeof *put.ranges);
    if (all == NULL || put.ranges == NULL)
        rc = E_NOMEM;
    for (size_t i = 0; rc == 0 && !o->no_certs && i < o->count; i++) {
        size_t len;
        const uint8_t *der = cms_certificate_der(s->signings[i].cert, &len);
        rc = put_cert(&put, der, len);
    }
    for (int i = 0; rc == 0 && i < further; i++)
        rc = put_x509(&put, sk_X509_value(o->certs, i));
    if (rc == 0 && buf_len(all) > 0)
        rc = der_put_set(s->certs, CONTEXT_0, all);
    free(put.ranges);
    return rc;
}

/* Behind the certificates, where crls [1] stand. */
static int
put_crls(struct cms_sign *s)
{
    autofree_buf struct buf *all = buf_new();
    int rc = all == NULL ? E_NOMEM : 0;

    /* sk_X509_CRL_num(NULL) is -1 */
    for (int i = 0; rc == 0 && i < sk_X509_CRL_num(s->options.crls); i++) {
        uint8_t *der = NULL;
        int len = i2d_X509_CRL(sk_X509_CRL_value(s->options.crls, i), &der);

        rc = len <= 0 ? E_NOMEM : buf_put(all, der, (size_t)len);
        OPENSSL_free(der);
    }
    return rc != 0 || buf_len(all) == 0 ? rc : der_put_set(s->certs, CONTEXT_1, all);
}

static enum form
choose_form(const struct cms_sign *s)
{
    if (s->options.detached || s->options.count == 0)
        return FORM_DETACHED;
    if (s->options.content_size < 0)
        return FORM_BER;
    for (size_t i = 0; i < s->options.count; i++)
        if (!s->signings[i].size_known)
            return FORM_MIXED;
    return FORM_DER;
}

static int
prepare(struct cms_sign *s, struct err *err)
{
    int nid = s->options.content_type, rc;

    s->content_type = OBJ_nid2obj(nid == 0 ? NID_pkcs7_data : nid);
    s->signings = calloc(s->options.count + 1, sizeof *s->signings);
    s->algorithms = buf_new();
    s->certs = buf_new();
    if (s->content_type == NULL)
        return err_set_ossl(err, E_USAGE, "signing: no such content type");
    if (s->signings == NULL || s->algorithms == NULL || s->certs == NULL ||
        segments_init(&s->segments) != 0)
        return err_set(err, E_NOMEM, "signing: out of memory");
    rc = cms_digests_new(&s->digests, err);
    if (rc == 0)
        rc = prepare_signers(s, err);
    if (rc != 0)
        return rc;
    rc = put_algorithms(s);
    if (rc == 0)
        rc = put_certs(s);
    if (rc == 0)
        rc = put_crls(s);
    if (rc != 0)
        return err_set_ossl(err, rc, "signing: cannot encode the certificates");
    s->form = choose_form(s);
    return 0;
}

int
cms_sign_new(struct cms_sign **ret, const struct cms_sign_options *options,
             const struct sink *out, struct err *err)
{
    struct cms_sign *s;
    int rc;

    if (options->count > CMS_SIGNERS_MAX)
        return err_set(err, E_LIMIT, "signing: more than %d signers", CMS_SIGNERS_MAX);
    if (options->no_attributes && options->content_type != 0 &&
        options->content_type != NID_pkcs7_data)
        return err_set(err, E_USAGE, "signing: content that is not id-data needs signed "
                       "attributes");
    s = calloc(1, sizeof *s);
    if (s == NULL)
        return err_set(err, E_NOMEM, "signing: out of memory");
    s->options = *options;
    if (s->options.signing_time == 0)
        s->options.signing_time = time(NULL);
    s->out = *out;
    rc = prepare(s, err);
    if (rc != 0)
        cms_sign_free(&s);
    else
        *ret = s;
    return rc;
}

const struct alg_digest *
cms_sign_digest(const struct cms_sign *s, size_t i)
{
    return i < s->options.count ? s->signings[i].digest : NULL;
}

/* A header whose length is known, or as written in this form for the outer ones. */
static int
put_header(struct buf *out, uint8_t id, bool known, uint64_t length)
{
    uint8_t header[BER_WRITE_MAX];
    size_t n = ber_write_header(header, id, known ? (int64_t)length : -1);

    return buf_put(out, header, n);
}

static int
put_oid(struct buf *out, const ASN1_OBJECT *oid)
{
    return der_put(out, BER_OID, OBJ_get0_data(oid), OBJ_length(oid));
}

static uint8_t
version_of(const struct cms_sign *s)
{
    if (OBJ_obj2nid(s->content_type) != NID_pkcs7_data)
        return VERSION_NEW;
    for (size_t i = 0; i < s->options.count; i++)
        if (s->options.signers[i].ski)
            return VERSION_NEW;
    return VERSION_PLAIN;
}

/* certificates and signerInfos: all that is behind the content. */
static int
put_tail(const struct cms_sign *s, struct buf *out)
{
    autofree_buf struct buf *infos = buf_new();
    int rc = infos == NULL ? E_NOMEM : 0;

    for (size_t i = 0; rc == 0 && i < s->options.count; i++)
        rc = signing_put(&s->signings[i], infos);
    if (rc == 0)
        rc = buf_put(out, buf_data(s->certs), buf_len(s->certs));
    return rc != 0 ? rc : der_put_set(out, SET, infos);
}

/* encapContentInfo up to where the content's octets begin. */
static int
put_encap_head(const struct cms_sign *s, struct buf *out)
{
    uint64_t size = (uint64_t)s->options.content_size;
    uint64_t oid = ber_element_size(OBJ_length(s->content_type));
    bool content = s->form != FORM_DETACHED, known = s->form != FORM_BER;
    uint64_t string = content ? ber_element_size(size) : 0;
    uint64_t tagged = content ? ber_element_size(string) : 0;
    int rc = put_header(out, SEQUENCE, known, oid + tagged);

    if (rc == 0)
        rc = put_oid(out, s->content_type);
    if (rc == 0 && content)
        rc = put_header(out, CONTEXT_0, known, string);
    if (rc == 0 && content)
        rc = put_header(out, known ? BER_OCTET_STRING : BER_OCTET_STRING | BER_CONSTRUCTED,
                        known, size);
    return rc;
}

/* Everything before the content's octets; tail: how long what is behind will be. */
static int
put_head(const struct cms_sign *s, uint64_t tail, struct buf *out)
{
    autofree_buf struct buf *inner = buf_new();
    const ASN1_OBJECT *type = OBJ_nid2obj(NID_pkcs7_signed);
    uint64_t content = s->form == FORM_DETACHED ? 0 : (uint64_t)s->options.content_size;
    bool known = s->form == FORM_DETACHED || s->form == FORM_DER;
    uint64_t fields, data;
    uint8_t version = version_of(s);
    int rc = inner == NULL ? E_NOMEM : der_put(inner, BER_INTEGER, &version, 1);

    if (rc == 0)
        rc = buf_put(inner, buf_data(s->algorithms), buf_len(s->algorithms));
    if (rc == 0)
        rc = put_encap_head(s, inner);
    if (rc != 0)
        return rc;
    fields = buf_len(inner) + content + tail;
    data = ber_element_size(fields);
    if (!s->options.bare)
        rc = put_header(out, SEQUENCE, known,
                        ber_element_size(OBJ_length(type)) + ber_element_size(data));
    if (rc == 0 && !s->options.bare)
        rc = put_oid(out, type);
    if (rc == 0 && !s->options.bare)
        rc = put_header(out, CONTEXT_0, known, data);
    if (rc == 0)
        rc = put_header(out, SEQUENCE, known, fields);
    return rc != 0 ? rc : buf_put(out, buf_data(inner), buf_len(inner));
}

static int
put(struct cms_sign *s, const struct buf *b, struct err *err)
{
    return sink_write(&s->out, buf_data(b), buf_len(b), err);
}

/* Opaque: what is before the content. In DER the SignerInfos have their size now. */
static int
begin(struct cms_sign *s, struct err *err)
{
    autofree_buf struct buf *head = buf_new(), *tail = buf_new();
    int rc = head == NULL || tail == NULL ? E_NOMEM : 0;

    if (s->begun || s->form == FORM_DETACHED)
        return 0;
    s->begun = true;
    if (rc == 0 && s->form == FORM_DER)
        rc = put_tail(s, tail);
    if (rc == 0)
        rc = put_head(s, buf_len(tail), head);
    return rc != 0 ? err_set(err, rc, "signing: out of memory") : put(s, head, err);
}

static int
write_content(struct cms_sign *s, const uint8_t *data, size_t len, struct err *err)
{
    if (s->form == FORM_DETACHED)
        return 0;
    return s->form == FORM_BER ? segments_put(&s->segments, &s->out, data, len, err)
                               : sink_write(&s->out, data, len, err);
}

static int
update(struct cms_sign *s, const void *data, size_t len, struct err *err)
{
    int rc;

    s->size += len;
    if ((s->form == FORM_DER || s->form == FORM_MIXED) &&
        s->size > (uint64_t)s->options.content_size)
        return err_set(err, E_USAGE, "signing: the content is longer than the %" PRId64
                       " bytes that were announced; it grew while it was read",
                       s->options.content_size);
    if (s->options.count == 0)
        return err_set(err, E_USAGE, "signing: content, but no signer");
    rc = begin(s, err);
    if (rc == 0)
        rc = cms_digests_update(s->digests, data, len, err);
    return rc != 0 ? rc : write_content(s, data, len, err);
}

int
cms_sign_update(struct cms_sign *s, const void *data, size_t len, struct err *err)
{
    int rc;

    if (s->done)
        return err_set(err, E_USAGE, "signing: content for a message that is done");
    rc = len == 0 ? 0 : update(s, data, len, err);
    s->done = rc != 0;
    return rc;
}

static int
sign_all(struct cms_sign *s, struct err *err)
{
    for (size_t i = 0; i < s->options.count; i++) {
        int rc = signing_sign(&s->signings[i], s->digests, err);

        if (rc != 0)
            return rc;
    }
    return 0;
}

/* The ends of the indefinite lengths: string, [0] and encapContentInfo before the
 * tail; SignedData, [0] and ContentInfo behind it. */
static int
put_ends(const struct cms_sign *s, bool before, struct buf *out)
{
    static const uint8_t ends[6];
    bool there = s->form == FORM_BER || (s->form == FORM_MIXED && !before);
    size_t len = !before && s->options.bare ? 2 : sizeof ends;

    return there ? buf_put(out, ends, len) : 0;
}

static int
finish(struct cms_sign *s, struct err *err)
{
    autofree_buf struct buf *out = buf_new(), *tail = buf_new();
    int rc = begin(s, err);

    if (rc == 0)
        rc = segments_flush(&s->segments, &s->out, err);
    if (rc == 0)
        rc = sign_all(s, err);
    if (rc != 0)
        return rc;
    rc = out == NULL || tail == NULL ? E_NOMEM : put_tail(s, tail);
    if (rc == 0 && s->form == FORM_DETACHED)
        rc = put_head(s, buf_len(tail), out);
    if (rc == 0)
        rc = put_ends(s, true, out);
    if (rc == 0)
        rc = buf_put(out, buf_data(tail), buf_len(tail));
    if (rc == 0)
        rc = put_ends(s, false, out);
    return rc != 0 ? err_set_ossl(err, rc, "signing: cannot encode the message")
                   : put(s, out, err);
}

static int
write_sink(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    return cms_sign_update(arg, data, len, err);
}

struct sink
cms_sign_sink(struct cms_sign *s)
{
    return (struct sink){ .write = write_sink, .arg = s };
}

int
cms_sign_finish(struct cms_sign *s, struct err *err)
{
    bool known = s->form == FORM_DER || s->form == FORM_MIXED;

    if (s->done)
        return err_set(err, E_USAGE, "signing: the message is done already");
    s->done = true;
    if (known && s->size != (uint64_t)s->options.content_size)
        return err_set(err, E_USAGE, "signing: the content has %" PRIu64 " bytes, not the %"
                       PRId64 " that were announced; it shrank while it was read", s->size,
                       s->options.content_size);
    return finish(s, err);
}

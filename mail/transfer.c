/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mail/transfer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cms/pem.h"
#include "mail/quoted.h"
#include "mail/text2045.h"

static const char *const names[] = {
    [TRANSFER_7BIT] = "7bit",
    [TRANSFER_8BIT] = "8bit",
    [TRANSFER_BINARY] = "binary",
    [TRANSFER_QP] = "quoted-printable",
    [TRANSFER_BASE64] = "base64",
};

/* Base64 lines of mail: RFC 2045 6.8 allows 76. */
#define BASE64_COLUMNS 76

struct transfer_stream {
    struct sink out;
    struct quoted_encoder *qp_encoder;
    struct quoted_decoder *qp_decoder;
    struct cms_armor *armor;
    struct cms_dearmor *dearmor;
};

enum transfer
transfer_by_field(const uint8_t *value, size_t len)
{
    struct span2045 in = {.p = value, .len = len}, word;

    text2045_skip(&in);
    if (!text2045_token(&in, &word))
        return TRANSFER_UNKNOWN;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == word.len &&
            strncasecmp(names[i], (const char *)word.p, word.len) == 0)
            return (enum transfer)i;
    return TRANSFER_UNKNOWN;
}

const char *
transfer_name(enum transfer t)
{
    return t == TRANSFER_UNKNOWN ? NULL : names[t];
}

static int
stream_new(struct transfer_stream **ret, const struct sink *out, struct err *err)
{
    *ret = calloc(1, sizeof **ret);
    if (*ret == NULL)
        return err_set(err, E_NOMEM, "out of memory reading a mail");
    (*ret)->out = *out;
    return 0;
}

int
transfer_encoder_new(struct transfer_stream **ret, enum transfer t, bool crlf,
                     const struct sink *out, struct err *err)
{
    struct transfer_stream *s;
    struct cms_armor_options options = {.columns = BASE64_COLUMNS, .crlf = crlf};
    int rc = stream_new(&s, out, err);

    if (rc != 0)
        return rc;
    if (t == TRANSFER_QP)
        rc = quoted_encoder_new(&s->qp_encoder, crlf, out, err);
    else if (t == TRANSFER_BASE64)
        rc = cms_armor_new(&s->armor, &options, out, err);
    if (rc != 0)
        transfer_free(&s);
    else
        *ret = s;
    return rc;
}

int
transfer_decoder_new(struct transfer_stream **ret, enum transfer t, const struct sink *out,
                     struct err *err)
{
    struct transfer_stream *s;
    int rc;

    if (t == TRANSFER_UNKNOWN)
        return err_set(err, E_UNSUPPORTED, "a part of the mail has an unknown "
                       "Content-Transfer-Encoding");
    if ((rc = stream_new(&s, out, err)) != 0)
        return rc;
    if (t == TRANSFER_QP)
        rc = quoted_decoder_new(&s->qp_decoder, out, err);
    else if (t == TRANSFER_BASE64)
        rc = cms_dearmor_new(&s->dearmor, CMS_FORM_BASE64, out, err);
    if (rc != 0)
        transfer_free(&s);
    else
        *ret = s;
    return rc;
}

int
transfer_update(struct transfer_stream *s, const uint8_t *data, size_t len, struct err *err)
{
    if (s->qp_encoder != NULL)
        return quoted_encoder_update(s->qp_encoder, data, len, err);
    if (s->qp_decoder != NULL)
        return quoted_decoder_update(s->qp_decoder, data, len, err);
    if (s->armor != NULL)
        return cms_armor_update(s->armor, data, len, err);
    if (s->dearmor != NULL)
        return cms_dearmor_update(s->dearmor, data, len, err);
    return sink_write(&s->out, data, len, err);
}

int
transfer_finish(struct transfer_stream *s, struct err *err)
{
    if (s->qp_encoder != NULL)
        return quoted_encoder_finish(s->qp_encoder, err);
    if (s->qp_decoder != NULL)
        return quoted_decoder_finish(s->qp_decoder, err);
    if (s->armor != NULL)
        return cms_armor_finish(s->armor, err);
    return s->dearmor != NULL ? cms_dearmor_finish(s->dearmor, err) : 0;
}

void
transfer_free(struct transfer_stream **s)
{
    if (s == NULL || *s == NULL)
        return;
    quoted_encoder_free(&(*s)->qp_encoder);
    quoted_decoder_free(&(*s)->qp_decoder);
    cms_armor_free(&(*s)->armor);
    cms_dearmor_free(&(*s)->dearmor);
    free(*s);
    *s = NULL;
}

static int
sink_update(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    return transfer_update(arg, data, len, err);
}

struct sink
transfer_sink(struct transfer_stream *s)
{
    return (struct sink){.write = sink_update, .arg = s};
}

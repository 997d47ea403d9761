/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cms/pem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cms/base64.h"

#define OUT_SIZE (64u * 1024)
/* Longest BEGIN or END line that can be one, with blanks behind it. */
#define MARKER_MAX (CMS_PEM_LABEL_MAX + 32)
/* So many characters of base64 in a row are believed to be it. */
#define PROBE_MAX 64

enum state {
    STATE_PROBE,    /* AUTO: the first line is being gathered in `line` */
    STATE_BINARY,
    STATE_SEEK,     /* lines before BEGIN, the current one in `line` */
    STATE_BODY,
    STATE_END,      /* the END line is being gathered */
    STATE_AFTER,    /* white space only */
};

struct cms_dearmor {
    struct sink out;
    enum cms_form form;
    bool was_auto;
    enum state state;
    uint64_t offset;                /* characters taken */
    char label[CMS_PEM_LABEL_MAX + 1];
    char line[MARKER_MAX + 1];
    size_t line_len;                /* over MARKER_MAX: it is no marker */
    uint32_t bits;                  /* the group of four that is being read */
    unsigned sextets, padding;
    uint8_t data[OUT_SIZE + BASE64_SLACK];
    size_t data_len;
};

static const enum state first_state[] = {
    [CMS_FORM_AUTO] = STATE_PROBE,
    [CMS_FORM_BINARY] = STATE_BINARY,
    [CMS_FORM_PEM] = STATE_SEEK,
    [CMS_FORM_BASE64] = STATE_BODY,
};

int
cms_dearmor_new(struct cms_dearmor **ret, enum cms_form form, const struct sink *out,
                struct err *err)
{
    struct cms_dearmor *d = malloc(sizeof *d);

    if (d == NULL)
        return err_set(err, E_NOMEM, "base64: out of memory");
    memset(d, 0, offsetof(struct cms_dearmor, data));
    d->data_len = 0;
    d->out = *out;
    d->form = form;
    d->was_auto = form == CMS_FORM_AUTO;
    d->state = first_state[form];
    *ret = d;
    return 0;
}

void
cms_dearmor_free(struct cms_dearmor **pd)
{
    if (pd == NULL)
        return;
    free(*pd);
    *pd = NULL;
}

enum cms_form
cms_dearmor_form(const struct cms_dearmor *d)
{
    return d->form;
}

const char *
cms_dearmor_label(const struct cms_dearmor *d)
{
    return d->label;
}

static int
flush(struct cms_dearmor *d, struct err *err)
{
    size_t len = d->data_len;

    d->data_len = 0;
    return sink_write(&d->out, d->data, len, err);
}

static bool
is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool
is_eol(uint8_t c)
{
    return c == '\r' || c == '\n';
}

static int
fail_char(const struct cms_dearmor *d, uint8_t c, struct err *err)
{
    if (c == ':' && d->form == CMS_FORM_PEM)
        return err_set(err, E_UNSUPPORTED, "PEM: headers at offset %" PRIu64 ", as encrypted PEM "
                       "has them, are not supported", d->offset);
    return err_set(err, E_MALFORMED, "%s: the byte 0x%02x at offset %" PRIu64 " does not belong "
                   "there", d->form == CMS_FORM_PEM ? "PEM" : "base64", c, d->offset);
}

/* "-----WORD LABEL-----": copies the label. */
static bool
is_marker(const struct cms_dearmor *d, const char *word, char label[CMS_PEM_LABEL_MAX + 1])
{
    size_t dashes = 5, head = dashes + strlen(word) + 1, len = d->line_len;

    if (len > MARKER_MAX)
        return false;
    while (len > 0 && is_blank((uint8_t)d->line[len - 1]))
        len--;
    if (len < head + dashes || len - head - dashes > CMS_PEM_LABEL_MAX)
        return false;
    if (memcmp(d->line, "-----", dashes) != 0 ||
        memcmp(d->line + dashes, word, head - dashes - 1) != 0 || d->line[head - 1] != ' ' ||
        memcmp(d->line + len - dashes, "-----", dashes) != 0)
        return false;
    memcpy(label, d->line + head, len - head - dashes);
    label[len - head - dashes] = '\0';
    return true;
}

/* One more character of the gathered line, what is too long for a marker dropped. */
static void
gather(struct cms_dearmor *d, uint8_t c)
{
    if (d->line_len < MARKER_MAX)
        d->line[d->line_len] = (char)c;
    if (d->line_len <= MARKER_MAX)
        d->line_len++;
}

static int
seek_char(struct cms_dearmor *d, uint8_t c, struct err *err)
{
    if (!is_eol(c)) {
        gather(d, c);
        if (d->offset < CMS_PEM_PREAMBLE_MAX)
            return 0;
        return err_set(err, E_MALFORMED, "PEM: no BEGIN line in the first %u bytes",
                       CMS_PEM_PREAMBLE_MAX);
    }
    if (is_marker(d, "BEGIN", d->label)) {
        d->form = CMS_FORM_PEM;
        d->state = STATE_BODY;
    }
    d->line_len = 0;
    return 0;
}

static int
end_line(struct cms_dearmor *d, struct err *err)
{
    char label[CMS_PEM_LABEL_MAX + 1];

    if (!is_marker(d, "END", label) || strcmp(label, d->label) != 0)
        return err_set(err, E_MALFORMED, "PEM: no \"-----END %s-----\" line before offset %"
                       PRIu64, d->label, d->offset);
    d->state = STATE_AFTER;
    return 0;
}

/* A group with its last character: 3 bytes, or with padding fewer. */
static void
end_group(struct cms_dearmor *d)
{
    size_t n = 3 - d->padding;

    for (size_t i = 0; i < n; i++)
        d->data[d->data_len++] = (uint8_t)(d->bits >> (16 - 8 * i));
    d->bits = 0;
    d->sextets = 0;
}

/* Padding stands at the end of the last group, at most two (RFC 4648, 4). */
static int
pad_char(struct cms_dearmor *d, struct err *err)
{
    if (d->sextets + d->padding < 2 || d->sextets + d->padding > 3 || d->padding == 2)
        return fail_char(d, '=', err);
    d->padding++;
    if (d->sextets + d->padding < 4)
        return 0;
    d->bits <<= 6 * d->padding;
    end_group(d);
    return 0;
}

static int
body_char(struct cms_dearmor *d, uint8_t c, struct err *err)
{
    uint8_t value = base64_value(c);

    if (value != BASE64_NONE && d->padding == 0) {
        d->bits = d->bits << 6 | value;
        if (++d->sextets == 4)
            end_group(d);
        return 0;
    }
    if (is_blank(c))
        return 0;
    if (c == '=')
        return pad_char(d, err);
    if (c == '-' && d->form == CMS_FORM_PEM && d->sextets == 0) {
        d->state = STATE_END;
        d->line_len = 0;
        gather(d, c);
        return 0;
    }
    return fail_char(d, c, err);
}

static int
text_char(struct cms_dearmor *d, uint8_t c, struct err *err)
{
    switch (d->state) {
    case STATE_SEEK:
        return seek_char(d, c, err);
    case STATE_BODY:
        return body_char(d, c, err);
    case STATE_END:
        if (is_eol(c))
            return end_line(d, err);
        gather(d, c);
        return 0;
    default:
        return is_blank(c) ? 0 : fail_char(d, c, err);
    }
}

/* Whole groups in one go, and the line ends behind them: characters taken. */
static size_t
take_groups(struct cms_dearmor *d, const uint8_t *text, size_t len)
{
    size_t room = (OUT_SIZE - d->data_len) / 3 * 4;
    size_t bytes = 0;
    size_t n = base64_decode_lines(text, len < room ? len : room, d->data + d->data_len, &bytes);

    d->data_len += bytes;
    while (n < len && is_blank(text[n]))
        n++;
    return n;
}

/* Text: whole groups, and all else by the character. */
static int
take_text(struct cms_dearmor *d, const uint8_t *text, size_t len, struct err *err)
{
    int rc = 0;

    while (rc == 0 && len > 0) {
        size_t n = 0;

        if (d->data_len > OUT_SIZE - 3) {
            rc = flush(d, err);
            continue;
        }
        if (d->state == STATE_BODY && d->sextets == 0 && d->padding == 0)
            n = take_groups(d, text, len);
        if (n == 0) {
            rc = text_char(d, *text, err);
            n = 1;
        }
        text += n;
        len -= n;
        d->offset += n;
    }
    return rc;
}

/* What was gathered decides. Any element of CMS begins with SEQUENCE, 0x30, whose
 * base64 begins with M; a line of text is a preamble. */
static int
decide(struct cms_dearmor *d, struct err *err)
{
    uint8_t gathered[MARKER_MAX];
    size_t len = d->line_len;
    bool base64 = len >= 4 && d->line[0] == 'M';

    memcpy(gathered, d->line, len);
    for (size_t i = 0; i < len; i++)
        base64 &= base64_value(gathered[i]) != BASE64_NONE || gathered[i] == '=';
    d->line_len = 0;
    d->offset -= len;
    d->state = base64 ? STATE_BODY : STATE_SEEK;
    if (base64)
        d->form = CMS_FORM_BASE64;
    return take_text(d, gathered, len, err);
}

/* Takes characters until it is clear what they are; *len is what is left. */
static int
probe(struct cms_dearmor *d, const uint8_t **text, size_t *len, struct err *err)
{
    while (*len > 0) {
        uint8_t c = **text;

        if (d->offset == 0 && (c == 0x30 || c >= 0x80 || (c < ' ' && !is_blank(c)))) {
            d->form = CMS_FORM_BINARY;
            d->state = STATE_BINARY;
            return 0;
        }
        if (d->line_len > 0 && (is_eol(c) || d->line_len == PROBE_MAX))
            return decide(d, err);
        if (d->line_len > 0 || !is_blank(c))
            gather(d, c);
        (*text)++;
        (*len)--;
        d->offset++;
    }
    return 0;
}

int
cms_dearmor_update(struct cms_dearmor *d, const void *data, size_t len, struct err *err)
{
    const uint8_t *text = data;
    int rc = d->state == STATE_PROBE ? probe(d, &text, &len, err) : 0;

    if (rc != 0)
        return rc;
    if (d->state == STATE_BINARY) {
        d->offset += len;
        return sink_write(&d->out, text, len, err);
    }
    base64_expect(len);
    rc = take_text(d, text, len, err);
    return rc != 0 ? rc : flush(d, err);
}

static int
no_begin(const struct cms_dearmor *d, struct err *err)
{
    return err_set(err, E_MALFORMED, d->was_auto
                   ? "message: it is neither DER, BER, PEM nor base64"
                   : "PEM: there is no BEGIN line");
}

int
cms_dearmor_finish(struct cms_dearmor *d, struct err *err)
{
    int rc = 0;

    if (d->state == STATE_PROBE && d->line_len > 0)
        rc = decide(d, err);
    if (rc == 0 && d->state == STATE_END)
        rc = end_line(d, err);
    if (rc != 0)
        return rc;
    if (d->state == STATE_SEEK)
        return no_begin(d, err);
    if (d->sextets != 0)
        return err_set(err, E_TRUNCATED, "%s: it ends within a group of four characters, at "
                       "offset %" PRIu64, d->form == CMS_FORM_PEM ? "PEM" : "base64", d->offset);
    if (d->state == STATE_BODY && d->form == CMS_FORM_PEM)
        return err_set(err, E_TRUNCATED, "PEM: it ends at offset %" PRIu64 " without its END "
                       "line", d->offset);
    return flush(d, err);
}

static int
write_dearmor(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    return cms_dearmor_update(arg, data, len, err);
}

struct sink
cms_dearmor_sink(struct cms_dearmor *d)
{
    return (struct sink){ .write = write_dearmor, .arg = d };
}

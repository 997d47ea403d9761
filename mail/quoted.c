/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mail/quoted.h"

#include <stdlib.h>
#include <string.h>

#define HOLD_MAX 256u /* blanks that may turn out to end a line */

struct quoted_encoder {
    struct sink out;
    bool crlf, cr;    /* cr: a CR is waiting for what comes next */
    uint8_t blank;    /* a blank is waiting, or 0 */
    unsigned col;
    unsigned from;    /* how much of "From" the line holds, and nothing else */
    size_t fill;
    uint8_t buffer[QUOTED_BUFFER];
};

struct quoted_decoder {
    struct sink out;
    size_t held;
    uint8_t hold[HOLD_MAX];
};

int
quoted_encoder_new(struct quoted_encoder **ret, bool crlf, const struct sink *out,
                   struct err *err)
{
    struct quoted_encoder *q = calloc(1, sizeof *q);

    if (q == NULL)
        return err_set(err, E_NOMEM, "out of memory encoding a mail");
    q->out = *out;
    q->crlf = crlf;
    *ret = q;
    return 0;
}

void
quoted_encoder_free(struct quoted_encoder **q)
{
    if (q == NULL)
        return;
    free(*q);
    *q = NULL;
}

static void
end_line(struct quoted_encoder *q)
{
    if (q->crlf)
        q->buffer[q->fill++] = '\r';
    q->buffer[q->fill++] = '\n';
    q->col = q->from = 0;
}

/* Makes room for n columns, and a "=" behind them, on this line. */
static void
make_room(struct quoted_encoder *q, unsigned n)
{
    if (q->col + n < QUOTED_LINE_MAX)
        return;
    q->buffer[q->fill++] = '=';
    end_line(q);
}

static void
put_plain(struct quoted_encoder *q, uint8_t c)
{
    make_room(q, 1);
    q->from = q->col == q->from && q->from < 4 && c == (uint8_t)"From"[q->from] ? q->from + 1 : 0;
    q->buffer[q->fill++] = c;
    q->col++;
}

static void
put_escaped(struct quoted_encoder *q, uint8_t c)
{
    static const char digits[] = "0123456789ABCDEF";

    make_room(q, 3);
    q->buffer[q->fill++] = '=';
    q->buffer[q->fill++] = (uint8_t)digits[c >> 4];
    q->buffer[q->fill++] = (uint8_t)digits[c & 15];
    q->col += 3;
}

static void
put_blank(struct quoted_encoder *q, bool at_end)
{
    if (q->blank == 0)
        return;
    if (at_end || (q->from == 4 && q->col == 4))
        put_escaped(q, q->blank);
    else
        put_plain(q, q->blank);
    q->blank = 0;
}

/* Writes at most 3 escapes with their soft line ends: 18 bytes. */
static void
encode_byte(struct quoted_encoder *q, uint8_t c)
{
    if (c == '\n') {
        put_blank(q, true);
        q->cr = false;
        end_line(q);
        return;
    }
    if (q->cr) {
        put_blank(q, false);
        put_escaped(q, '\r');
        q->cr = false;
    }
    if (c == '\r') {
        q->cr = true;
        return;
    }
    put_blank(q, false);
    if (c == ' ' || c == '\t')
        q->blank = c;
    else if (c > ' ' && c < 0x7f && c != '=' && !(c == '.' && q->col == 0))
        put_plain(q, c);
    else
        put_escaped(q, c);
}

static int
encoder_flush(struct quoted_encoder *q, struct err *err)
{
    size_t fill = q->fill;

    q->fill = 0;
    return sink_write(&q->out, q->buffer, fill, err);
}

int
quoted_encoder_update(struct quoted_encoder *q, const uint8_t *data, size_t len,
                      struct err *err)
{
    int rc;

    for (size_t i = 0; i < len; i++) {
        if (q->fill > QUOTED_BUFFER - 32 && (rc = encoder_flush(q, err)) != 0)
            return rc;
        encode_byte(q, data[i]);
    }
    return encoder_flush(q, err);
}

int
quoted_encoder_finish(struct quoted_encoder *q, struct err *err)
{
    put_blank(q, true);
    if (q->cr)
        put_escaped(q, '\r');
    q->cr = false;
    return encoder_flush(q, err);
}

int
quoted_decoder_new(struct quoted_decoder **ret, const struct sink *out, struct err *err)
{
    struct quoted_decoder *q = calloc(1, sizeof *q);

    if (q == NULL)
        return err_set(err, E_NOMEM, "out of memory decoding a mail");
    q->out = *out;
    *ret = q;
    return 0;
}

void
quoted_decoder_free(struct quoted_decoder **q)
{
    if (q == NULL)
        return;
    free(*q);
    *q = NULL;
}

static int
hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool
is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static int
give_held(struct quoted_decoder *q, struct err *err)
{
    size_t n = q->held;

    q->held = 0;
    return sink_write(&q->out, q->hold, n, err);
}

/* With something held: takes c, or gives up what is held and leaves c. */
static int
decode_held(struct quoted_decoder *q, uint8_t c, bool *ret_taken, struct err *err)
{
    bool escape = q->hold[0] == '=', cr = q->held > 1 && q->hold[q->held - 1] == '\r';
    uint8_t both;

    *ret_taken = true;
    if (escape && q->held == 2 && hex_digit(q->hold[1]) >= 0) {
        if (hex_digit(c) >= 0) {
            both = (uint8_t)(hex_digit(q->hold[1]) << 4 | hex_digit(c));
            q->held = 0;
            return sink_write(&q->out, &both, 1, err);
        }
    } else if (c == '\n') {
        q->held = 0;
        if (escape)
            return 0;
        return cr ? sink_write(&q->out, (const uint8_t *)"\r\n", 2, err)
                  : sink_write(&q->out, &c, 1, err);
    } else if (!cr && q->held < HOLD_MAX &&
               (is_blank(c) || c == '\r' || (escape && q->held == 1 && hex_digit(c) >= 0))) {
        q->hold[q->held++] = c;
        return 0;
    }
    *ret_taken = false;
    return give_held(q, err);
}

int
quoted_decoder_update(struct quoted_decoder *q, const uint8_t *data, size_t len,
                      struct err *err)
{
    int rc = 0;

    while (rc == 0 && len > 0) {
        size_t n = 0;
        bool taken;

        if (q->held > 0) {
            rc = decode_held(q, data[0], &taken, err);
            data += taken;
            len -= taken;
            continue;
        }
        while (n < len && data[n] != '=' && !is_blank(data[n]))
            n++;
        if ((rc = sink_write(&q->out, data, n, err)) == 0 && n < len)
            q->hold[q->held++] = data[n++];
        data += n;
        len -= n;
    }
    return rc;
}

int
quoted_decoder_finish(struct quoted_decoder *q, struct err *err)
{
    bool escape = q->held > 1 && q->hold[0] == '=' && hex_digit(q->hold[1]) >= 0;

    /* A soft line end, or blanks at the last line's end, are nothing. */
    if (!escape)
        q->held = 0;
    return give_held(q, err);
}

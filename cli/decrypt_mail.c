/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An encrypted mail: the outermost encryption is taken off, and what was inside gets
 * the mail's own header again. What is signed inside stays signed.
 */
#include "cli/decrypt.h"

#include <string.h>
#include <strings.h>
#include <openssl/objects.h>

#include "cli/stream.h"
#include "mail/header.h"
#include "mail/read.h"

static const char crlf[] = "\r\n";

/* The content on its way to the output, after its header has been read. */
struct inner {
    struct mail_reader *mail;
    struct mail_reader *payload; /* the content read as a mail, to know that it is whole */
    int payload_rc;              /* of that */
    struct header *header;
    struct sink out;
    bool begun;
};

static int
put(const struct inner *in, const void *data, size_t len, struct err *err)
{
    return len == 0 ? 0 : sink_write(&in->out, data, len, err);
}

/* A field with CRLF at the end of each line, as the content has them. */
static int
put_field(const struct inner *in, const struct header_field *f, struct err *err)
{
    const uint8_t *at = f->raw, *end = f->raw + f->raw_len, *lf;
    int rc = 0;

    for (; rc == 0 && at < end; at = lf + 1) {
        lf = memchr(at, '\n', (size_t)(end - at));
        if (!lf)
            lf = end;
        size_t len = (size_t)(lf - at);
        rc = put(in, at, len > 0 && at[len - 1] == '\r' ? len - 1 : len, err);
        if (rc == 0)
            rc = put(in, crlf, 2, err);
        if (lf == end)
            break;
    }
    return rc;
}

/* What describes the encrypted part does not describe the content, and a field that is
 * inside as well was protected there (RFC 9788, 4.3). */
static bool
stays(const struct inner *in, const struct header_field *f)
{
    struct header_field inside;

    if (f->name_len == 0 || header_field_starts(f, "Content-"))
        return false;
    for (size_t i = 0; i < header_count(in->header); i++)
        if (header_at(in->header, i, &inside) && inside.name_len == f->name_len &&
            strncasecmp((const char *)inside.name, (const char *)f->name, f->name_len) == 0)
            return false;
    return true;
}

static int
put_header(const struct inner *in, struct err *err)
{
    const struct header *outer = mail_reader_header(in->mail);
    bool absent = header_absent(in->header);
    struct header_field f;
    const uint8_t *bytes;
    size_t len;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < header_count(outer); i++)
        if (header_at(outer, i, &f) && stays(in, &f))
            rc = put_field(in, &f, err);
    if (rc == 0 && !header_find(outer, "MIME-Version", 0, &f) &&
        !header_find(in->header, "MIME-Version", 0, &f))
        rc = put(in, "MIME-Version: 1.0\r\n", 19, err);
    bytes = absent ? header_rest_view(in->header, &len) : header_bytes_view(in->header, &len);
    /* Content without a header is text (RFC 2045, 5.2). */
    if (rc == 0 && absent)
        rc = put(in, crlf, 2, err);
    return rc == 0 ? put(in, bytes, len, err) : rc;
}

static int
into_inner(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    struct inner *in = arg;
    size_t used = 0;
    int rc = 0;

    if (in->payload_rc == 0)
        in->payload_rc = mail_reader_update(in->payload, data, len, NULL);
    if (!in->begun) {
        rc = header_update(in->header, data, len, &used, err);
        if (rc != 0 || !header_done(in->header))
            return rc;
        in->begun = true;
        rc = put_header(in, err);
    }
    return rc == 0 ? put(in, data + used, len - used, err) : rc;
}

/* Content that is a header and nothing else, or nothing at all. */
static int
finish_inner(struct inner *in, struct err *err)
{
    int rc = in->begun ? 0 : header_finish(in->header, err);

    return rc == 0 && !in->begun ? put_header(in, err) : rc;
}

static int
into_mail(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    return mail_reader_update(arg, data, len, err);
}

/* Other parts beside the encrypted one are the shape in which decrypted text is made to
 * leave (EFAIL): nothing comes out. Text around it is named, and left out. */
static int
tell_outside(const struct decrypt *d, const struct mail_reader *mail, struct err *err)
{
    const struct mail_coverage *seen = mail_reader_coverage(mail);
    autofree_buf struct buf *text = buf_new();

    if (!mail_reader_partial(mail))
        return 0;
    if (!text || mail_reader_put_outside(mail, text) != 0)
        return err_set(err, E_NOMEM, "out of memory for the report");
    if (seen->parts > 0 || seen->extra > 0)
        return err_set(err, E_MALFORMED, "%s: not all of it is encrypted: outside are %s; mails "
                       "are made so to send decrypted text away: have it sent again",
                       infile_name(d->in), buf_cstr(text));
    cli_note(d->cli, "%s: not all of it is encrypted, and that is left out of the output: %s",
             infile_name(d->in), buf_cstr(text));
    return 0;
}

/* What was decrypted without authentication could be anybody's cuttings (RFC 8551 6): it
 * must at least be one whole MIME entity. */
static int
check_whole(const struct decrypt *d, struct inner *in, struct err *err)
{
    const struct cms_encrypted *e = cms_reader_encrypted(mail_reader_cms(in->mail));

    if (d->anyway || e == NULL || e->authenticated)
        return 0;
    if (in->payload_rc == 0)
        in->payload_rc = mail_reader_finish(in->payload, NULL);
    /* A signature inside of a kind that is not known is whole all the same. */
    if (in->payload_rc == E_UNSUPPORTED ||
        (in->payload_rc == 0 && mail_reader_whole(in->payload)))
        return 0;
    return err_set(err, E_MALFORMED, "%s: it is encrypted so that alterations do not show (CBC), "
                   "and what it holds is no whole MIME entity, as altered text is not; have it "
                   "sent again, or write it with --anyway", infile_name(d->in));
}

static bool
is_signed_inside(const struct inner *in)
{
    struct header_field f;
    char value[128];
    size_t len;

    if (!header_find(in->header, "Content-Type", 0, &f))
        return false;
    len = f.value_len < sizeof value - 1 ? f.value_len : sizeof value - 1;
    memcpy(value, f.value, len);
    value[len] = '\0';
    return strcasestr(value, "multipart/signed") || strcasestr(value, "pkcs7-mime");
}

static int
conclude(struct decrypt *d, struct inner *in, struct err *err)
{
    struct cms_reader *reader = mail_reader_cms(in->mail);
    bool encrypted = false;
    int rc;

    if (mail_reader_form(in->mail) == MAIL_NONE)
        return err_set(err, E_UNSUPPORTED, "%s is not encrypted: it is taken for a mail, and has "
                       "no S/MIME part; give --cms if it is a bare message",
                       infile_name(d->in));
    rc = decrypt_report_layer(d, reader, &encrypted, err);
    if (rc == 0 && !encrypted)
        return err_set(err, E_UNSUPPORTED, "%s is a mail, but not encrypted outside: it is %s; "
                       "signet verify or signet read tells more", infile_name(d->in),
                       mail_reader_type(in->mail));
    if (rc == 0)
        rc = tell_outside(d, in->mail, err);
    if (rc == 0 && d->out)
        rc = check_whole(d, in, err);
    if (rc == 0 && d->out)
        rc = finish_inner(in, err);
    if (rc == 0 && is_signed_inside(in))
        cli_note(d->cli, "the mail inside is signed or encrypted again, which is not looked into "
                 "here; signet verify checks the output, and signet read opens all at once");
    return rc;
}

int
decrypt_mail(struct decrypt *d, struct err *err)
{
    struct inner in = {.mail = NULL};
    struct mail_reader_options options = {.content = {.write = into_inner, .arg = &in},
                                          .decrypt = opener_options(d->opener),
                                          .plain = true};
    const struct mail_reader_options as_mail = {.plain = true};
    struct sink input;
    int rc = header_new(&in.header, HEADER_PART_MAX);

    if (rc != 0)
        return err_set(err, rc, "out of memory while reading the mail");
    if (d->out)
        in.out = stream_outfile(d->out);
    else
        options.content.write = NULL;
    rc = mail_reader_new(&in.payload, &as_mail, err);
    if (rc == 0)
        rc = mail_reader_new(&in.mail, &options, err);
    if (rc == 0) {
        input = (struct sink){.write = into_mail, .arg = in.mail};
        rc = decrypt_pump(d, &input, err);
        if (rc == 0)
            rc = mail_reader_finish(in.mail, err);
        rc = rc == 0 ? conclude(d, &in, err) : decrypt_name_input(d, rc, err);
    }
    mail_reader_free(&in.mail);
    mail_reader_free(&in.payload);
    header_free(&in.header);
    return rc;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/wire.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* libassuan truncates lines behind this many bytes (its ASSUAN_LINELENGTH less
 * the line end); what does not fit of a sentence is cut here, at a character. */
#define LINE_MAX_BYTES 1000

#define KEYWORD "ERROR"

/* How each code looks to clients that know libgpg-error alone. Read backwards
 * (first match) for servers that send no S ERROR line. */
static const struct {
    int code;
    gpg_err_code_t gpg;
} table[] = {
    {E_PIN_WRONG, GPG_ERR_BAD_PIN},
    {E_PIN_LOCKED, GPG_ERR_PIN_BLOCKED},
    {E_PIN_CANCELLED, GPG_ERR_CANCELED},
    {E_PIN_CANCELLED, GPG_ERR_ASS_CANCELED},
    {E_PIN_NEEDED, GPG_ERR_NO_PIN},
    {E_PIN_NEEDED, GPG_ERR_NO_PIN_ENTRY},
    {E_PIN_INVALID, GPG_ERR_INV_PASSPHRASE},
    {E_NO_TOKEN, GPG_ERR_CARD_NOT_PRESENT},
    {E_NO_KEY, GPG_ERR_NO_SECKEY},
    {E_NO_CERT, GPG_ERR_NO_CERT_CHAIN},
    {E_AMBIGUOUS, GPG_ERR_AMBIGUOUS_NAME},
    {E_TOKEN_REMOVED, GPG_ERR_CARD_REMOVED},
    {E_TOKEN, GPG_ERR_CARD},
    {E_MECHANISM, GPG_ERR_UNSUPPORTED_OPERATION},
    {E_WEAK, GPG_ERR_WEAK_KEY},
    {E_DENIED, GPG_ERR_FORBIDDEN},
    {E_LOCKED, GPG_ERR_LOCKED},
    {E_USAGE, GPG_ERR_INV_ARG},
    {E_USAGE, GPG_ERR_ASS_PARAMETER},
    {E_USAGE, GPG_ERR_ASS_SYNTAX},
    {E_CONFIG, GPG_ERR_CONFIGURATION},
    {E_INPUT, GPG_ERR_NO_DATA},
    {E_EXISTS, GPG_ERR_EEXIST},
    {E_BAD_SIGNATURE, GPG_ERR_BAD_SIGNATURE},
    {E_ALTERED, GPG_ERR_CHECKSUM},
    {E_UNTRUSTED, GPG_ERR_NOT_TRUSTED},
    {E_MALFORMED, GPG_ERR_INV_DATA},
    {E_TRUNCATED, GPG_ERR_TRUNCATED},
    {E_LIMIT, GPG_ERR_TOO_LARGE},
    {E_LIMIT, GPG_ERR_ASS_TOO_MUCH_DATA},
    {E_LIMIT, GPG_ERR_ASS_LINE_TOO_LONG},
    {E_UNSUPPORTED, GPG_ERR_NOT_SUPPORTED},
    {E_DECRYPT, GPG_ERR_DECRYPT_FAILED},
    {E_OUTPUT, GPG_ERR_EIO},
    {E_NOMEM, GPG_ERR_ENOMEM},
    {E_SYSTEM, GPG_ERR_GENERAL},
    {E_CRYPTO, GPG_ERR_GENERAL},
    {E_AGENT, GPG_ERR_AGENT},
    {E_HOST, GPG_ERR_SCDAEMON},
    {E_TIMEOUT, GPG_ERR_TIMEOUT},
    {E_OFFLINE, GPG_ERR_NOT_ENABLED},
    {E_PROTOCOL, GPG_ERR_ASS_UNKNOWN_CMD},
    {E_PROTOCOL, GPG_ERR_ASS_UNEXPECTED_CMD},
    {E_PROTOCOL, GPG_ERR_ASS_UNKNOWN_INQUIRE},
    {E_CANCELLED, GPG_ERR_FULLY_CANCELED},
    {E_INTERNAL, GPG_ERR_INTERNAL},
};
#define TABLE_LEN (sizeof table / sizeof *table)

static gpg_err_code_t
gpg_from_code(int code)
{
    for (size_t i = 0; i < TABLE_LEN; i++)
        if (table[i].code == code)
            return table[i].gpg;
    return GPG_ERR_GENERAL;
}

static int
code_from_gpg(gpg_err_code_t gpg)
{
    for (size_t i = 0; i < TABLE_LEN; i++)
        if (table[i].gpg == gpg)
            return table[i].code;
    return E_PROTOCOL;
}

static int
code_from_name(const char *name, size_t len)
{
    static const int codes[] = {
#define X(code, status, text) code,
        ERR_CODES(X)
#undef X
    };

    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        const char *s = err_name(codes[i]);
        if (strlen(s) == len && memcmp(s, name, len) == 0)
            return codes[i];
    }
    return 0;
}

/* Length of text cut to max bytes, not inside a %XX escape or a UTF-8 sequence. */
static size_t
cut_escaped(const char *text, size_t len, size_t max)
{
    size_t cut = max;

    if (len <= max)
        return len;
    while (cut > 0 && ((unsigned char)text[cut] & 0xC0) == 0x80)
        cut--;
    for (size_t back = 1; back <= 2 && back <= cut; back++)
        if (text[cut - back] == '%')
            return cut - back;
    return cut;
}

gpg_error_t
wire_reply(assuan_context_t ctx, int code, const struct err *err)
{
    autofree_buf struct buf *text = buf_new();
    const char *sentence = err && err->text[0] ? err->text : err_default_text(code);
    const char *name = err_name(code);
    char line[LINE_MAX_BYTES];
    size_t room = sizeof line - sizeof "S " KEYWORD " " - strlen(name) - 2, len;

    if (code == 0)
        return 0;
    if (text && text_put_escaped(text, sentence, strlen(sentence)) == 0) {
        const char *escaped = buf_cstr(text);
        len = cut_escaped(escaped, buf_len(text), room);
        snprintf(line, sizeof line, "%s %.*s", name, (int)len, escaped);
    } else {
        snprintf(line, sizeof line, "%s", name);
    }
    /* A line that cannot be sent means a lost client; the return value is then
     * what libassuan logs. */
    if (assuan_write_status(ctx, KEYWORD, line) != 0)
        return gpg_err_make(GPG_ERR_SOURCE_USER_1, GPG_ERR_ASS_WRITE_ERROR);
    return gpg_err_make(GPG_ERR_SOURCE_USER_1, gpg_from_code(code));
}

int
wire_take_status(struct wire_status *st, const char *line)
{
    const size_t kw = sizeof KEYWORD - 1;
    const char *name, *end;
    char text[ERR_TEXT_MAX];

    if (strncmp(line, KEYWORD, kw) != 0 || (line[kw] != ' ' && line[kw] != '\0'))
        return 0;
    name = line + kw + strspn(line + kw, " ");
    end = name + strcspn(name, " ");
    snprintf(text, sizeof text, "%s", end + strspn(end, " "));
    text_unescape(text);

    /* A name of a newer release is still a failure with a sentence. */
    int code = code_from_name(name, (size_t)(end - name));
    if (code == 0)
        code = E_PROTOCOL;
    err_set(&st->err, code, "%s", text[0] ? text : err_default_text(code));
    return 1;
}

bool
wire_lost(gpg_error_t rc)
{
    static const gpg_err_code_t lost[] = {
        GPG_ERR_EOF, GPG_ERR_EPIPE, GPG_ERR_ECONNRESET, GPG_ERR_ECONNABORTED,
        GPG_ERR_ENOTCONN, GPG_ERR_EBADF, GPG_ERR_EAGAIN, GPG_ERR_ASS_READ_ERROR,
        GPG_ERR_ASS_WRITE_ERROR, GPG_ERR_ASS_CONNECT_FAILED, GPG_ERR_ASS_INV_RESPONSE,
        GPG_ERR_ASS_INCOMPLETE_LINE,
    };

    for (size_t i = 0; i < sizeof lost / sizeof *lost; i++)
        if (gpg_err_code(rc) == lost[i])
            return true;
    return false;
}

int
wire_result(struct wire_status *st, gpg_error_t rc, const char *peer, struct err *err)
{
    int lost = strcmp(peer, "agent") == 0 ? E_AGENT : E_HOST;
    int code;

    if (rc == 0)
        return 0;
    if (st->err.code != 0) {
        if (err)
            *err = st->err;
        return st->err.code;
    }
    if (wire_lost(rc))
        return err_set(err, lost, "the %s went away (%s); run the command again", peer,
                       gpg_strerror(rc));
    code = code_from_gpg(gpg_err_code(rc));
    if (gpg_err_code(rc) == GPG_ERR_ASS_UNKNOWN_CMD)
        return err_set(err, code, "the %s does not know this command: it is of another "
                       "version; stop it (signet agent stop) and run the command again", peer);
    return err_set(err, code, "the %s said: %s", peer, gpg_strerror(rc));
}

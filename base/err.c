/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/err.h"

#include <stdio.h>
#include <string.h>

struct err_record {
    const char *name;
    int status;
    const char *text;
};

static const struct err_record records[] = {
    [0] = {"E_?", 0, "no error"},
#define X(code, status, text) [code##_ORDINAL] = {#code, status, text},
    ERR_CODES(X)
#undef X
};

static const struct err_record *
find(int code)
{
    return code < 0 && code > -E_ORDINAL_END ? &records[-code] : NULL;
}

/* Takes back the head of a UTF-8 character whose end did not fit. */
static void
cut_at_character(char *text, size_t len)
{
    size_t start = len;
    while (start > 0 && len - start < 4 && ((unsigned char)text[start - 1] & 0xc0) == 0x80)
        start--;
    if (start == 0 || (unsigned char)text[start - 1] < 0xc0)
        return;
    unsigned char lead = (unsigned char)text[start - 1];
    size_t whole = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (len - (start - 1) < whole)
        text[start - 1] = '\0';
}

/* Writes the sentence into out. The arguments may point into *err, so callers
 * format elsewhere first. */
static size_t printf_like(2, 0)
format(char out[ERR_TEXT_MAX], const char *fmt, va_list ap)
{
    int n = vsnprintf(out, ERR_TEXT_MAX, fmt, ap);
    if (n < 0)
        out[0] = '\0';
    else if (n >= ERR_TEXT_MAX)
        cut_at_character(out, ERR_TEXT_MAX - 1);
    return strlen(out);
}

static void
append(char out[ERR_TEXT_MAX], const char *more)
{
    size_t len = strlen(out);
    int n = snprintf(out + len, ERR_TEXT_MAX - len, "%s", more);
    if (n >= 0 && (size_t)n >= ERR_TEXT_MAX - len)
        cut_at_character(out, ERR_TEXT_MAX - 1);
}

void
err_clear(struct err *err)
{
    if (err != NULL)
        *err = (struct err){0};
}

int
err_setv(struct err *err, int code, const char *fmt, va_list ap)
{
    if (err == NULL)
        return code;
    char text[ERR_TEXT_MAX];
    size_t len = format(text, fmt, ap);
    err->code = code;
    err->sys = 0;
    err->rv = 0;
    err->ossl = 0;
    memcpy(err->text, text, len + 1);
    return code;
}

int
err_set(struct err *err, int code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    err_setv(err, code, fmt, ap);
    va_end(ap);
    return code;
}

int
err_set_sys(struct err *err, int code, int sys, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    err_setv(err, code, fmt, ap);
    va_end(ap);
    if (err != NULL) {
        const char *reason = strerrordesc_np(sys);
        err->sys = sys;
        append(err->text, ": ");
        append(err->text, reason != NULL ? reason : "unknown error");
    }
    return code;
}

int
err_prefix(struct err *err, const char *fmt, ...)
{
    if (err == NULL)
        return E_INTERNAL;
    char text[ERR_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    format(text, fmt, ap);
    va_end(ap);
    append(text, ": ");
    append(text, err_text(err));
    memcpy(err->text, text, strlen(text) + 1);
    return err->code;
}

const char *
err_text(const struct err *err)
{
    if (err == NULL)
        return err_default_text(E_INTERNAL);
    return err->text[0] != '\0' ? err->text : err_default_text(err->code);
}

const char *
err_name(int code)
{
    const struct err_record *r = find(code);
    return r != NULL ? r->name : records[0].name;
}

const char *
err_default_text(int code)
{
    const struct err_record *r = find(code);
    if (r != NULL)
        return r->text;
    return code == 0 ? records[0].text : "unknown error";
}

int
err_exit_status(int code)
{
    const struct err_record *r = find(code);
    if (r != NULL)
        return r->status;
    return code == 0 ? 0 : records[E_INTERNAL_ORDINAL].status;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mail/coverage.h"

#include <inttypes.h>
#include <string.h>

/* Without blanks and full stops. */
static const char *const known[] = {
    "ThisisanS/MIMEsignedmessage",                       /* OpenSSL */
    "ThisisacryptographicallysignedmessageinMIMEformat", /* Mozilla */
    "ThisisamultipartmessageinMIMEformat",               /* Outlook, and many */
    "Thisisamulti-partmessageinMIMEformat",
    "ThisisaMIME-formattedmessage",
    "ThisisaMIMEmessage",
};

void
coverage_init(struct coverage *c)
{
    memset(c, 0, sizeof *c);
}

static bool
blank(uint8_t b)
{
    return b == ' ' || b == '\t' || b == '\r' || b == '\n';
}

static bool
is_known(const struct coverage *c)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (c->size == strlen(known[i]) && memcmp(c->text, known[i], (size_t)c->size) == 0)
            return true;
    return false;
}

static void
end_preamble(struct coverage *c)
{
    while (c->size > 0 && c->size <= COVERAGE_KNOWN_MAX && c->text[c->size - 1] == '.')
        c->size--;
    if (!is_known(c))
        c->seen.preamble += c->size;
    c->size = 0;
}

void
coverage_gap(struct coverage *c, enum entity_gap gap, const uint8_t *data, size_t len)
{
    if (gap == ENTITY_DELIMITER) {
        end_preamble(c);
        return;
    }
    for (size_t i = 0; i < len; i++) {
        if (blank(data[i]))
            continue;
        if (gap == ENTITY_EPILOGUE)
            c->seen.epilogue++;
        else if (c->size++ < COVERAGE_KNOWN_MAX)
            c->text[c->size - 1] = (char)data[i];
    }
}

void
coverage_finish(struct coverage *c)
{
    end_preamble(c);
}

bool
coverage_partial(const struct coverage *c)
{
    const struct mail_coverage *s = &c->seen;

    return s->preamble > 0 || s->epilogue > 0 || s->parts > 0 || s->extra > 0;
}

int
coverage_put(const struct coverage *c, struct buf *out)
{
    const struct {
        uint64_t count;
        const char *what;
    } rows[] = {
        {c->seen.parts, "part(s) of the mail beside the signed one"},
        {c->seen.extra, "part(s) behind the signature"},
        {c->seen.preamble, "byte(s) of text before the first part"},
        {c->seen.epilogue, "byte(s) of text behind the last part"},
    };
    const char *before = "the signature does not cover ";
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].count == 0)
            continue;
        rc = buf_putf(out, "%s%" PRIu64 " %s", before, rows[i].count, rows[i].what);
        before = ", ";
    }
    return rc;
}

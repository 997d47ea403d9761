/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mail/protect.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "mail/mailboxes.h"
#include "mail/text2045.h"

/* Written or removed on a mail's way (RFC 5322 3.6.7, RFC 6376, 8601, 8617); and Bcc,
 * which not everybody who gets the mail may see. A name that ends in '-' is a prefix. */
static const char *const transit[] = {
    "Received", "Return-Path", "Delivered-To", "X-Original-To", "Envelope-To", "Bcc",
    "Resent-", "DKIM-Signature", "DomainKey-Signature", "ARC-", "Authentication-Results",
    "Received-SPF", "X-Spam-", "X-Mozilla-", "Status", "X-Status", "X-UID", PROTECT_OUTER,
};

static const struct {
    const char *name;
    enum protect_policy policy;
} policies[] = {
    {"baseline", PROTECT_BASELINE},
    {"shy", PROTECT_SHY},
    {"none", PROTECT_OPEN},
};

bool
protect_policy_by_name(const char *name, enum protect_policy *ret)
{
    for (size_t i = 0; i < sizeof policies / sizeof *policies; i++)
        if (strcmp(policies[i].name, name) == 0) {
            *ret = policies[i].policy;
            return true;
        }
    return false;
}

bool
protect_structural(const struct header_field *f)
{
    return header_field_starts(f, "Content-") || header_field_is(f, "MIME-Version");
}

bool
protect_transit(const struct header_field *f)
{
    for (size_t i = 0; i < sizeof transit / sizeof *transit; i++) {
        bool prefix = transit[i][strlen(transit[i]) - 1] == '-';

        if (prefix ? header_field_starts(f, transit[i]) : header_field_is(f, transit[i]))
            return true;
    }
    return false;
}

/* What a policy does to a field. */
enum fate { KEEP, OBSCURE, REMOVE, ADDRESSES, IN_UTC };

/* RFC 9788 3.2.1, 3.2.2: from which policy on. */
static const struct {
    const char *name;
    enum fate fate;
    bool shy;      /* of PROTECT_SHY alone */
} fates[] = {
    {"Subject", OBSCURE, false},
    {"Comments", REMOVE, false},
    {"Keywords", REMOVE, false},
    {"From", ADDRESSES, true},
    {"To", ADDRESSES, true},
    {"Cc", ADDRESSES, true},
    {"Date", IN_UTC, true},
};

/* Those that people are shown (RFC 9788 1.1.1), as a legacy display repeats them. */
static const char *const user_facing[] = {
    "Subject", "From", "Sender", "To", "Cc", "Date", "Reply-To", "Comments", "Keywords",
};

static enum fate
fate_of(const struct header_field *f, enum protect_policy policy)
{
    for (size_t i = 0; policy != PROTECT_OPEN && i < sizeof fates / sizeof *fates; i++)
        if (header_field_is(f, fates[i].name) && (policy == PROTECT_SHY || !fates[i].shy))
            return fates[i].fate;
    return KEEP;
}

/* The addresses alone; false when the field is no list of them, and is kept. */
static int
put_addresses(struct buf *out, const struct header_field *f, bool *ret_put)
{
    struct mailboxes *list = NULL;
    int rc = mailboxes_new(&list);

    *ret_put = false;
    if (rc == 0)
        rc = mailboxes_add(list, f->value, f->value_len, NULL);
    if (rc == 0 && mailboxes_count(list) > 0) {
        for (size_t i = 0; rc == 0 && i < mailboxes_count(list); i++)
            rc = buf_putf(out, "%s %s", i == 0 ? "" : ",", mailboxes_at(list, i));
        *ret_put = true;
    }
    mailboxes_free(&list);
    return rc == E_NOMEM ? rc : 0;
}

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const char days[] = "SunMonTueWedThuFriSat";

/* A number of up to `digits` digits, blanks before it and `behind` after it (0: anything). */
static bool
take_number(const char **at, unsigned digits, char behind, int *ret)
{
    int n = 0;
    unsigned k = 0;

    while (**at == ' ' || **at == '\t')
        (*at)++;
    for (; **at >= '0' && **at <= '9' && k < digits; k++)
        n = 10 * n + *(*at)++ - '0';
    if (k == 0 || (behind != '\0' && *(*at)++ != behind))
        return false;
    *ret = n;
    return true;
}

/* "Jan" and a blank. */
static bool
take_month(const char **at, int *ret)
{
    const char *found;
    char name[4] = "";

    while (**at == ' ' || **at == '\t')
        (*at)++;
    for (size_t i = 0; i < 3; i++)
        if (**at >= 'A' && **at <= 'z')
            name[i] = *(*at)++;
    found = strstr(months, name);
    if (strlen(name) != 3 || found == NULL || (found - months) % 3 != 0)
        return false;
    *ret = (int)(found - months) / 3;
    return true;
}

/* A date-time (RFC 5322 3.3) with a numeric zone; false for what is none. */
static bool
read_date(const char *text, struct tm *ret, int *ret_offset)
{
    const char *at = strchr(text, ',');
    int zone;
    char sign;
    struct tm t = {0};

    at = at ? at + 1 : text;
    if (!take_number(&at, 2, '\0', &t.tm_mday) || !take_month(&at, &t.tm_mon) ||
        !take_number(&at, 4, '\0', &t.tm_year) || !take_number(&at, 2, ':', &t.tm_hour) ||
        !take_number(&at, 2, ':', &t.tm_min) || !take_number(&at, 2, ' ', &t.tm_sec))
        return false;
    while (*at == ' ')
        at++;
    sign = *at == '\0' ? '\0' : *at++;
    if ((sign != '+' && sign != '-') || !take_number(&at, 4, '\0', &zone) || t.tm_year < 1900)
        return false;
    t.tm_year -= 1900;
    *ret_offset = (zone / 100 * 60 + zone % 100) * (sign == '-' ? -60 : 60);
    *ret = t;
    return true;
}

static int
put_utc(struct buf *out, const struct header_field *f, bool *ret_put)
{
    char text[80];
    int offset = 0;
    struct tm t;
    time_t when;

    *ret_put = false;
    if (f->value_len >= sizeof text)
        return 0;
    memcpy(text, f->value, f->value_len);
    text[f->value_len] = '\0';
    if (!read_date(text, &t, &offset))
        return 0;
    when = timegm(&t) - offset;
    if (gmtime_r(&when, &t) == NULL)
        return 0;
    *ret_put = true;
    return buf_putf(out, " %.3s, %02d %.3s %04d %02d:%02d:%02d +0000", days + 3 * t.tm_wday,
                    t.tm_mday, months + 3 * t.tm_mon, t.tm_year + 1900, t.tm_hour, t.tm_min,
                    t.tm_sec);
}

/* The value as it is outside, not empty, with its leading blank. */
static int
put_value(struct buf *out, const struct header_field *f, enum fate fate)
{
    bool done = false;
    int rc = 0;

    if (fate == OBSCURE)
        return buf_put_str(out, " " PROTECT_SUBJECT);
    if (fate == ADDRESSES)
        rc = put_addresses(out, f, &done);
    else if (fate == IN_UTC)
        rc = put_utc(out, f, &done);
    return rc != 0 || done ? rc : buf_put(out, f->value, f->value_len);
}

static int
put_field(struct buf *out, const char *prefix, const struct header_field *f,
          enum protect_policy policy, const char *eol)
{
    enum fate fate = fate_of(f, policy);
    int rc;

    if (fate == REMOVE)
        return 0;
    rc = buf_putf(out, "%s%.*s:", prefix, (int)f->name_len, (const char *)f->name);
    if (rc == 0)
        rc = put_value(out, f, fate);
    return rc == 0 ? buf_put_str(out, eol) : rc;
}

int
protect_put_outer(struct buf *out, const struct header_field *f, enum protect_policy policy,
                  const char *eol)
{
    if (fate_of(f, policy) != KEEP)
        return put_field(out, "", f, policy, eol);
    if (buf_put(out, f->raw, f->raw_len) != 0)
        return E_NOMEM;
    return f->raw_len > 0 && f->raw[f->raw_len - 1] == '\n' ? 0 : buf_put_str(out, eol);
}

int
protect_put_hp_outer(struct buf *out, const struct header_field *f, enum protect_policy policy,
                     const char *eol)
{
    return put_field(out, PROTECT_OUTER ": ", f, policy, eol);
}

bool
protect_hides(const struct header_field *f, enum protect_policy policy)
{
    return fate_of(f, policy) != KEEP;
}

static bool
is_ours(struct span2045 part)
{
    static const char *const names[] = {"hp", "hp-legacy-display"};
    struct span2045 name;

    text2045_skip(&part);
    if (!text2045_attribute(&part, &name))
        return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t n = strlen(names[i]);

        if (name.len >= n && strncasecmp((const char *)name.p, names[i], n) == 0 &&
            (name.len == n || name.p[n] == '*'))
            return true;
    }
    return false;
}

static size_t
trimmed(const uint8_t *p, size_t len)
{
    while (len > 0 && strchr(" \t\r\n", p[len - 1]) != NULL)
        len--;
    return len;
}

int
protect_put_type(struct buf *out, const struct header_field *f, enum protect_mode mode,
                 bool legacy_display, const char *eol)
{
    struct span2045 in = {.p = f->value, .len = f->value_len};
    int rc = buf_putf(out, "%.*s:", (int)f->name_len, (const char *)f->name);

    for (bool first = true; rc == 0 && (first || in.len > 0); first = false) {
        struct span2045 part = in;

        text2045_skip_to(&in, ';');
        part.len = trimmed(part.p, part.len - in.len);
        (void)text2045_take(&in, ';');
        if (part.len == 0 || (!first && is_ours(part)))
            continue;
        rc = first ? 0 : buf_put_byte(out, ';');
        if (rc == 0)
            rc = buf_put(out, part.p, part.len);
    }
    if (rc == 0 && mode != PROTECT_NONE)
        rc = buf_putf(out, ";%s hp=\"%s\"", eol, mode == PROTECT_CLEAR ? "clear" : "cipher");
    if (rc == 0 && legacy_display)
        rc = buf_putf(out, ";%s hp-legacy-display=\"1\"", eol);
    return rc == 0 ? buf_put_str(out, eol) : rc;
}

/* A character of text as HTML shows it. */
static int
put_shown(struct buf *out, uint8_t c, bool html)
{
    if (html && c == '&')
        return buf_put_str(out, "&amp;");
    if (html && c == '<')
        return buf_put_str(out, "&lt;");
    if (html && c == '>')
        return buf_put_str(out, "&gt;");
    return buf_put_byte(out, c);
}

static int
put_shown_field(struct buf *out, const struct header_field *f, bool html, const char *eol)
{
    size_t len = trimmed(f->value, f->value_len);
    int rc = buf_putf(out, "%.*s:", (int)f->name_len, (const char *)f->name);

    for (size_t i = 0; rc == 0 && i < len; i++)
        if (f->value[i] != '\r' && f->value[i] != '\n')
            rc = put_shown(out, f->value[i], html);
    return rc == 0 ? buf_put_str(out, eol) : rc;
}

int
protect_put_legacy(struct buf *out, const struct header *h, enum protect_policy policy, bool html,
                   const char *eol)
{
    size_t start = buf_len(out);
    struct header_field f;
    int rc = 0;

    for (size_t i = 0; i < sizeof user_facing / sizeof *user_facing; i++)
        for (size_t k = 0; rc == 0 && header_find(h, user_facing[i], k, &f); k++) {
            if (!protect_hides(&f, policy))
                continue;
            if (html && buf_len(out) == start)
                rc = buf_putf(out, "<div class=\"header-protection-legacy-display\">%s<pre>", eol);
            if (rc == 0)
                rc = put_shown_field(out, &f, html, eol);
        }
    if (rc != 0 || buf_len(out) == start)
        return rc;
    return html ? buf_putf(out, "</pre>%s</div>%s", eol, eol) : buf_put_str(out, eol);
}

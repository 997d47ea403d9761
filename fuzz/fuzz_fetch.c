/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What signet-fetch and whoever it works for read: a directory's answer as LDIF, in two
 * pieces that must come to what one piece comes to; messages between the two; URLs; addresses.
 */
#include <stdlib.h>
#include <string.h>

#include "fetch/answer.h"
#include "fetch/ldif.h"
#include "fetch/proxy.h"
#include "fetch/smimea.h"
#include "fetch/url.h"
#include "fetch/wire.h"

#define KEPT 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static int
read_ldif(const uint8_t *data, size_t len, size_t split, struct answer *a)
{
    static const struct url url = {.ldap = true, .attributes = {"b;binary", "c"},
                                   .attribute_count = 2};
    struct ldif l;
    answer_init(a, KEPT);
    ldif_init(&l, &url, a);
    int rc = ldif_update(&l, data, split);
    if (rc == 0)
        rc = ldif_update(&l, data + split, len - split);
    return rc == 0 ? ldif_finish(&l) : rc;
}

static void
both_ways(const uint8_t *data, size_t len)
{
    struct answer whole, pieces;
    int rc = read_ldif(data, len, 0, &whole);
    if (read_ldif(data, len, len > 0 ? data[0] % (len + 1) : 0, &pieces) != rc)
        abort();
    if (rc == 0 && (whole.total != pieces.total || whole.count != pieces.count
                    || whole.total > KEPT))
        abort();
    answer_clear(&whole);
    answer_clear(&pieces);
}

static void
messages(const uint8_t *data, size_t len)
{
    struct wire_settings settings;
    struct wire_ask ask;
    struct wire_answer answer;
    uint64_t sum = 0;
    (void)!wire_get_settings(&settings, data, len);
    if (wire_get_ask(&ask, data, len) == 0
        && (strlen(ask.where) > WIRE_URL_MAX || ask.body_len > len))
        abort();
    if (wire_get_answer(&answer, data, len) != 0)
        return;
    for (size_t i = 0; i < answer.count; i++)
        sum += wire_length(&answer, i);
    if (sum != answer.total || strlen(answer.text) > WIRE_TEXT_MAX)
        abort();
}

/* What passes has a server, no user and a scheme that may be fetched. */
static void
texts(const uint8_t *data, size_t len)
{
    char text[WIRE_URL_MAX + 2], name[SMIMEA_NAME_MAX];
    struct url u;
    struct err err;
    size_t n = len < sizeof text ? len : sizeof text - 1;
    memcpy(text, data, n);
    text[n] = '\0';
    if (url_read(&u, text, (n & 1) != 0, &err) == 0) {
        if (u.host[0] == '\0' || u.port == 0 || (u.ldap && ((n & 1) || u.attribute_count == 0)))
            abort();
        (void)proxy_excepted(text, u.host);
        url_clear(&u);
    }
    (void)proxy_excepted(text, "[2001:db8::1]");
    if (smimea_name(text, name, &err) == 0 && name[strlen(name) - 1] != '.')
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    both_ways(data, len);
    messages(data, len);
    texts(data, len);
    return 0;
}

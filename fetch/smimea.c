/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fetch/smimea.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <idn2.h>
#include <openssl/sha.h>

#define HASH_BYTES 28
/* RFC 5321 4.5.3.1.1, and quotes and backslashes for each of them. */
#define LOCAL_MAX 256

/* The local part as it is hashed: without quotes and the backslashes in them. */
static int
unquote(const char *text, size_t len, char *out, size_t *ret)
{
    size_t n = 0;
    if (len == 0 || len > LOCAL_MAX)
        return E_MALFORMED;
    if (text[0] != '"') {
        memcpy(out, text, len);
        *ret = len;
        return 0;
    }
    if (len < 3 || text[len - 1] != '"')
        return E_MALFORMED;
    for (size_t i = 1; i + 1 < len; i++) {
        if (text[i] == '\\' && ++i + 1 == len)
            return E_MALFORMED;
        out[n++] = text[i];
    }
    *ret = n;
    return 0;
}

static bool
is_domain(const char *name)
{
    size_t label = 0, len = strlen(name);
    for (const char *p = name; *p != '\0'; p++) {
        if (*p == '.' ? label == 0 : (unsigned char)*p <= ' ' || *p >= 0x7f || *p == '\\')
            return false;
        label = *p == '.' ? 0 : label + 1;
        if (label > 63)
            return false;
    }
    return len > 0 && label > 0;
}

int
smimea_name(const char *address, char out[SMIMEA_NAME_MAX], struct err *err)
{
    const char *at = strrchr(address, '@');
    char local[LOCAL_MAX], hex[2 * HASH_BYTES + 1];
    uint8_t hash[SHA256_DIGEST_LENGTH];
    char *domain = NULL;
    size_t len = 0;
    int n = -1;
    if (at != NULL && unquote(address, (size_t)(at - address), local, &len) == 0
        && idn2_lookup_u8((const uint8_t *)at + 1, (uint8_t **)&domain,
                          IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) == IDN2_OK
        && is_domain(domain) && SHA256((const uint8_t *)local, len, hash) != NULL) {
        for (size_t i = 0; i < HASH_BYTES; i++)
            snprintf(hex + 2 * i, 3, "%02x", hash[i]);
        n = snprintf(out, SMIMEA_NAME_MAX, "%s._smimecert.%s.", hex, domain);
    }
    if (domain != NULL)
        idn2_free(domain);
    if (n < 0 || n >= SMIMEA_NAME_MAX)
        return err_set(err, E_MALFORMED, "%.200s: no address that the DNS could know", address);
    return 0;
}

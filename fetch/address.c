/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fetch/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct block {
    uint8_t start[16];
    unsigned bits;
};

static const struct block not_public4[] = {
    {{0}, 8},              /* this network */
    {{10}, 8},             /* RFC 1918 */
    {{100, 64}, 10},       /* RFC 6598 */
    {{127}, 8},            /* loopback */
    {{169, 254}, 16},      /* link-local, and where clouds keep their metadata */
    {{172, 16}, 12},       /* RFC 1918 */
    {{192, 0, 0}, 24},     /* RFC 6890 */
    {{192, 0, 2}, 24},     /* documentation */
    {{192, 88, 99}, 24},   /* 6to4 relays, RFC 7526 */
    {{192, 168}, 16},      /* RFC 1918 */
    {{198, 18}, 15},       /* RFC 2544 */
    {{198, 51, 100}, 24},  /* documentation */
    {{203, 0, 113}, 24},   /* documentation */
    {{224}, 4},            /* multicast */
    {{240}, 4},            /* reserved, and broadcast */
};

static const struct block public6 = {{0x20}, 3};
static const struct block not_public6[] = {
    {{0x20, 0x01}, 23},                /* RFC 2928: Teredo, benchmarks, ORCHID, ... */
    {{0x20, 0x01, 0x0d, 0xb8}, 32},    /* documentation */
    {{0x3f, 0xff}, 20},                /* documentation, RFC 9637 */
};

/* Where an IPv6 address holds an IPv4 address, and from which byte. */
static const struct {
    struct block block;
    unsigned at;
} holders[] = {
    {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96}, 12},    /* mapped, RFC 4291 2.5.5.2 */
    {{{0x00, 0x64, 0xff, 0x9b}, 96}, 12},                       /* NAT64, RFC 6052 */
    {{{0x20, 0x02}, 16}, 2},                                    /* 6to4, RFC 3056 */
};

static bool
within(const uint8_t *address, const struct block *b)
{
    unsigned whole = b->bits / 8, rest = b->bits % 8;
    if (memcmp(address, b->start, whole) != 0)
        return false;
    return rest == 0 || ((address[whole] ^ b->start[whole]) >> (8 - rest)) == 0;
}

static bool
is_public4(const uint8_t *address)
{
    for (size_t i = 0; i < sizeof not_public4 / sizeof *not_public4; i++)
        if (within(address, &not_public4[i]))
            return false;
    return true;
}

static bool
is_public6(const uint8_t *address)
{
    for (size_t i = 0; i < sizeof holders / sizeof *holders; i++)
        if (within(address, &holders[i].block))
            return is_public4(address + holders[i].at);
    for (size_t i = 0; i < sizeof not_public6 / sizeof *not_public6; i++)
        if (within(address, &not_public6[i]))
            return false;
    return within(address, &public6);
}

/* The address' bytes, 4 or 16 of them; 0 when it is of neither kind. */
static size_t
bytes_of(const struct sockaddr *address, size_t len, uint8_t out[16])
{
    struct sockaddr_in in4;
    struct sockaddr_in6 in6;
    if (len >= sizeof in4 && address->sa_family == AF_INET) {
        memcpy(&in4, address, sizeof in4);
        memcpy(out, &in4.sin_addr, 4);
        return 4;
    }
    if (len >= sizeof in6 && address->sa_family == AF_INET6) {
        memcpy(&in6, address, sizeof in6);
        memcpy(out, &in6.sin6_addr, 16);
        return 16;
    }
    return 0;
}

bool
address_is_public(const struct sockaddr *address, size_t len)
{
    uint8_t bytes[16];
    switch (bytes_of(address, len, bytes)) {
    case 4:
        return is_public4(bytes);
    case 16:
        return is_public6(bytes);
    default:
        return false;
    }
}

void
address_text(const struct sockaddr *address, size_t len, char out[ADDRESS_TEXT_MAX])
{
    uint8_t bytes[16];
    size_t n = bytes_of(address, len, bytes);
    if (n == 0 || inet_ntop(n == 4 ? AF_INET : AF_INET6, bytes, out, ADDRESS_TEXT_MAX) == NULL)
        snprintf(out, ADDRESS_TEXT_MAX, "?");
}

/* Of a text, in brackets or not: 4, 16 or 0. */
static size_t
read_address(const char *text, size_t len, uint8_t out[16])
{
    char copy[ADDRESS_TEXT_MAX];
    if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
        text++;
        len -= 2;
    }
    if (len >= sizeof copy)
        return 0;
    memcpy(copy, text, len);
    copy[len] = '\0';
    if (inet_pton(AF_INET, copy, out) == 1)
        return 4;
    return inet_pton(AF_INET6, copy, out) == 1 ? 16 : 0;
}

bool
address_in(const char *address, const char *text, size_t len)
{
    uint8_t bytes[16];
    struct block b = {0};
    const char *slash = memchr(text, '/', len);
    size_t n = read_address(address, strlen(address), bytes);
    size_t name = slash != NULL ? (size_t)(slash - text) : len, i = name + 1;
    if (n == 0 || read_address(text, name, b.start) != n)
        return false;
    b.bits = slash == NULL ? (unsigned)n * 8 : 0;
    if (slash != NULL && i == len)
        return false;
    for (; i < len; i++) {
        if (text[i] < '0' || text[i] > '9' || b.bits > n * 8)
            return false;
        b.bits = b.bits * 10 + (unsigned)(text[i] - '0');
    }
    return b.bits <= n * 8 && within(bytes, &b);
}

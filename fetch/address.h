/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which network addresses are nobody's on the public network: this machine, private
 * networks, links, multicast, documentation and what is reserved (the IANA special-purpose
 * registries, RFC 6890), also where an IPv6 address holds such an IPv4 address (mapped,
 * NAT64, 6to4). A certificate that names one would have us ask inside a network that its
 * author cannot reach. Of IPv6, only global unicast (2000::/3) is public.
 *
 * Pure, thread-safe.
 */
#ifndef SIGNET_FETCH_ADDRESS_H
#define SIGNET_FETCH_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/* What is neither IPv4 nor IPv6 is not public. */
bool address_is_public(const struct sockaddr *, size_t len);

/* The address as text, "?" for what has none. */
#define ADDRESS_TEXT_MAX 64
void address_text(const struct sockaddr *, size_t len, char out[ADDRESS_TEXT_MAX]);

/* Is the address (as text) in a list as no_proxy has them, "10.0.0.0/8" or "::1"? False
 * when either is no address. */
bool address_in(const char *address, const char *block, size_t block_len);

#endif

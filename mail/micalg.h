/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The digests that a multipart/signed announces (RFC 8551 3.5.3.2), put into a
 * set before its content comes. Fail as cms_digests_add does; a digest that
 * libcrypto lacks is left out. No limits of their own.
 */
#ifndef SIGNET_MAIL_MICALG_H
#define SIGNET_MAIL_MICALG_H

#include "cms/digests.h"

/* Those that the parameter names; SHA-1, SHA-256, SHA-384 and SHA-512 besides when
 * it is NULL or names one that is unknown. */
int micalg_add(struct cms_digests *, const char *micalg, struct err *err) must_check;
/* All there are. */
int micalg_add_all(struct cms_digests *, struct err *err) must_check;

#endif

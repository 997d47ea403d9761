/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A set of digests over one stream, all computed in one pass.
 *
 * Life: cms_digests_new; cms_digests_add for each wanted digest, before the
 * first byte; cms_digests_update with the stream; cms_digests_get as often as
 * one likes (also in mid-stream: it gives the digest of what came so far);
 * cms_digests_free. Not thread-safe; distinct sets are independent.
 *
 * A mail's multipart/signed is read with it: the caller feeds the first part to
 * a set made from the micalg parameter and hands the set to cms_verify()
 * (cms/signed.h) when the second part, the signature, has been read.
 */
#ifndef SIGNET_CMS_DIGESTS_H
#define SIGNET_CMS_DIGESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alg.h"
#include "base/err.h"

/* Most digests in one set: all that the table of algorithms knows, and to spare. */
#define CMS_DIGESTS_MAX 16
/* Sets with SHA-512 or SHAKE256 keep a stream that is no longer than this, since EdDSA
 * without signed attributes signs the content itself (RFC 8419, 3.2). */
#define CMS_EDDSA_CONTENT_MAX (1024u * 1024)
/* Longest digest in bytes. */
#define CMS_DIGEST_SIZE_MAX 64

struct cms_digests;

/* An empty set. E_NOMEM. */
int cms_digests_new(struct cms_digests **ret, struct err *err) must_check;
/* Accepts NULL and pointer to NULL; nulls the pointer. */
void cms_digests_free(struct cms_digests **);
#define autofree_cms_digests __attribute__((cleanup(cms_digests_free)))

/* Adds a digest; one that is there already is no error. E_USAGE once bytes came,
 * E_UNSUPPORTED when this libcrypto does not have it, E_LIMIT over the cap. */
int cms_digests_add(struct cms_digests *, const struct alg_digest *, struct err *err) must_check;
bool cms_digests_has(const struct cms_digests *, const struct alg_digest *);
size_t cms_digests_count(const struct cms_digests *);

int cms_digests_update(struct cms_digests *, const void *data, size_t len,
                       struct err *err) must_check;
/* Bytes that came so far. */
uint64_t cms_digests_size(const struct cms_digests *);

/* The digest of the bytes so far; out has room for CMS_DIGEST_SIZE_MAX. E_USAGE
 * when the set does not have this digest. */
int cms_digests_get(const struct cms_digests *, const struct alg_digest *, uint8_t *out,
                    size_t *ret_len, struct err *err) must_check;

/*
 * The digests that CMS can name, a superset of base/alg.h's table: SHAKE256 with
 * 64 bytes of output is there for Ed448 (RFC 8419). NULL when there is none.
 */
const struct alg_digest *cms_digest_by_nid(int nid);
/* The digest over the content that a scheme goes with: its own, or for Ed25519
 * SHA-512 and for Ed448 SHAKE256 (RFC 8419, 3.1). */
const struct alg_digest *cms_scheme_digest(const struct alg_sig *);

#endif

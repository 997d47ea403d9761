/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading CMS (RFC 5652) as a stream: DER or BER of any shape, pushed in pieces
 * of any size, in constant memory.
 *
 * Life: cms_reader_new; cms_reader_update with the message (binary: text goes
 * through cms/pem.h first); cms_reader_finish, which says whether the message was
 * whole; then the results: cms_verify (cms/signed.h) for SignedData;
 * cms_reader_free.
 *
 * The content goes to the content sink as it comes, BEFORE anything is verified:
 * the caller spools it (base/io.h) and throws it away when the verdict is bad. The
 * reader hashes it on the way with the digests that the message announces. A
 * content of another CMS type (eContentType) is given to the sink as it is;
 * cms/layers.h looks into it.
 *
 * Errors: E_MALFORMED, E_TRUNCATED, E_LIMIT and E_UNSUPPORTED carry the offset in
 * bytes from the message's start and what was expected there. After an error the
 * reader only takes free. Bytes behind the message are an error (RFC 5652 knows
 * none), except that zeroes or line ends may be let pass by allow_padding.
 *
 * A hostile message costs bounded memory and depth and linear time; the bounds
 * are the CMS_MAX_* below, each reported by E_LIMIT and its own sentence.
 *
 * One reader belongs to one thread at a time.
 */
#ifndef SIGNET_CMS_READER_H
#define SIGNET_CMS_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/sink.h"

/* Deepest nesting of elements in a message (a plain SignedData needs about 12). */
#define CMS_MAX_DEPTH 32
/* Most certificates, revocation lists and signers in one message. */
#define CMS_MAX_CERTS 1024
#define CMS_MAX_CRLS 256
#define CMS_MAX_SIGNERS 256
/* Most signed and unsigned attributes of one signer. */
#define CMS_MAX_ATTRIBUTES 128
/* Most values of them together. */
#define CMS_MAX_VALUES 1024
/* Most digest algorithms announced in one message. */
#define CMS_MAX_DIGESTS 32
/* Longest certificate, revocation list and signer (with its attributes), bytes. */
#define CMS_MAX_CERT_SIZE (256u * 1024)
#define CMS_MAX_CRL_SIZE (4u * 1024 * 1024)
#define CMS_MAX_SIGNER_SIZE (1024u * 1024)
/* Longest signature value, bytes: that of RSA-16384 is 2048 long, SLH-DSA's 50 kB. */
#define CMS_MAX_SIGNATURE_SIZE (64u * 1024)
/* Most bytes of everything that is not content. */
#define CMS_MAX_OTHER_SIZE (8u * 1024 * 1024)
/* Most ASN.1 elements in all of that: a parsed element takes far more memory than its
 * octets. A revocation list of 4 MB has about 400,000. */
#define CMS_MAX_ELEMENTS (1u << 20)
/* CompressedData: this many bytes come out whatever went in; beyond them, at most this many
 * times the bytes that went in, unless max_inflate_ratio says otherwise. zlib can do
 * 1032:1, which text and most data never come near. */
#define CMS_INFLATE_FREE (16u * 1024 * 1024)
#define CMS_INFLATE_RATIO 100u
#define CMS_INFLATE_ANY UINT32_MAX  /* for max_inflate_ratio: no bound but max_content */

struct cms_reader;
struct cms_decrypt_options;

/* Zero for all of it is a sensible value. */
struct cms_reader_options {
    struct sink content;        /* .write NULL: the content is hashed and dropped */
    uint64_t max_content;       /* most bytes of content; 0 is no bound */
    uint64_t max_other;         /* lowers CMS_MAX_OTHER_SIZE; 0 leaves it */
    bool allow_padding;         /* zero bytes or line ends behind the message */
    uint32_t max_inflate_ratio; /* 0: CMS_INFLATE_RATIO */
    /* NID of the type (NID_pkcs7_signed, ...) that the input is the bare structure of, as it
     * stands in the content of another message (RFC 5652, 5.2); 0: it is a ContentInfo. */
    int bare;
    /* What may open an encrypted message (cms/decrypt.h); NULL: it is only parsed. */
    const struct cms_decrypt_options *decrypt;
};

/* E_NOMEM; E_UNSUPPORTED when `bare` is no type that is known. */
int cms_reader_new(struct cms_reader **ret, const struct cms_reader_options *,
                   struct err *err) must_check;

/* More of the message. An error of the content sink comes back unchanged. */
int cms_reader_update(struct cms_reader *, const void *data, size_t len,
                      struct err *err) must_check;
/* A sink that is cms_reader_update. */
struct sink cms_reader_sink(struct cms_reader *);

/* The input has ended. E_TRUNCATED when the message has not. */
int cms_reader_finish(struct cms_reader *, struct err *err) must_check;

/* Accepts NULL and pointer to NULL; nulls the pointer. */
void cms_reader_free(struct cms_reader **);
#define autofree_cms_reader __attribute__((cleanup(cms_reader_free)))

/*
 * Facts, known from the moment they were parsed; all of them after finish.
 */

/* NID of the ContentInfo's type (NID_pkcs7_signed, ...); 0 when not known yet. */
int cms_reader_type(const struct cms_reader *);
/* NID of the eContentType (NID_pkcs7_data, ...), 0 when not known yet,
 * and its dotted OID, "" when not known yet. */
int cms_reader_content_type(const struct cms_reader *);
const char *cms_reader_content_oid(const struct cms_reader *);
/* Content was in the message (may be empty). False after finish: detached, or
 * a message of certificates alone. */
bool cms_reader_has_content(const struct cms_reader *);
uint64_t cms_reader_content_size(const struct cms_reader *);
/* Something was not DER: an indefinite length, a segmented string, a length that
 * is longer than needed. (Order within SETs is not judged.) */
bool cms_reader_is_ber(const struct cms_reader *);
/* Bytes of the message that were understood so far. */
uint64_t cms_reader_offset(const struct cms_reader *);

#endif

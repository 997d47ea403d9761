/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CMS, the Cryptographic Message Syntax (RFC 5652), as streams.
 *
 * Everything is pushed: the caller reads its input in pieces of any size, gives
 * them to an update function, and the output comes out of a sink (base/sink.h), a
 * callback. No object holds a message; a terabyte passes in the memory that a
 * kilobyte takes. Keys are callbacks: this library knows what must be signed and
 * where the signature goes, never who holds the key.
 *
 *   cms/sign.h      writes SignedData            content -> [sign] -> message
 *   cms/reader.h    reads a message              message -> [reader] -> content
 *   cms/signed.h    verdicts on its signatures   reader -> cms_verify -> signatures
 *   cms/encrypt.h   writes encrypted messages    content -> [encrypt] -> message
 *   cms/decrypt.h   whom those are for, and what opens them
 *   cms/layers.h    reads CMS within CMS         message -> [layers] -> content
 *   cms/compress.h  writes CompressedData        content -> [compress] -> message
 *   cms/digested.h  writes DigestedData          content -> [digested] -> message
 *   cms/authenticate.h  writes AuthenticatedData content -> [authenticate] -> message
 *   cms/addsign.h   adds signers                 message -> [addsign] -> message
 *   cms/countersign.h  signs a signature         message -> [countersign] -> message
 *   cms/digests.h   several digests in one pass  content -> [digests]
 *   cms/keyfile.h   keys that are files, as signers and openers
 *   cms/pem.h       PEM and base64 around it     bytes -> [armor] -> text, and back
 *
 * Signing a stream (docs/examples/sign-stream.c is the whole program):
 *
 *     struct cms_signer signer = { .cert = cert, .scheme = scheme, .sign = ask_token };
 *     struct cms_sign_options options = { .signers = &signer, .count = 1,
 *                                         .content_size = -1 };
 *     cms_sign_new(&sign, &options, &out, &err);
 *     while ((n = read(0, piece, sizeof piece)) > 0)
 *         cms_sign_update(sign, piece, n, &err);
 *     cms_sign_finish(sign, &err);
 *     cms_sign_free(&sign);
 *
 * What takes pieces is itself a sink (cms_sign_sink, cms_encrypt_sink, cms_reader_sink,
 * cms_armor_sink, ...), so one feeds another, and a file feeds any (base/io.h):
 *
 *     struct sink content = cms_sign_sink(sign);
 *     infile_pump(in, &content, &err);
 *
 * Verifying one:
 *
 *     struct cms_reader_options options = { .content = spool };
 *     cms_reader_new(&reader, &options, &err);
 *     ... cms_reader_update with each piece ...
 *     cms_reader_finish(reader, &err);
 *     cms_verify(reader, &(struct cms_verify_options){ 0 }, &verdict, &err);
 *     ... verdict->signatures[i].state == CMS_INTACT, then trust/ judges .cert ...
 *     cms_reader_free(&reader);
 *
 * Decrypting one (docs/examples/decrypt-stream.c) is reading it with a key:
 *
 *     struct cms_opener opener = { .cert = cert, .unwrap = ask_token };
 *     struct cms_decrypt_options decrypt = { .openers = &opener, .opener_count = 1 };
 *     struct cms_reader_options options = { .content = spool, .decrypt = &decrypt };
 *     ... as above, and cms_reader_finish says whether the content is true ...
 *
 * cms_keyfile_signer and cms_keyfile_opener fill both from files.
 *
 * Detached content is hashed by the caller, before or after the message is read,
 * into a struct cms_digests that cms_verify is given.
 *
 * What is read and written, and who says that the content is true:
 *
 *   Data (RFC 5652, 4)               read          nobody
 *   SignedData (5), also certs-only  both          cms_verify, for each signer
 *   EnvelopedData (6)                both          nobody; finish tells a wrong padding
 *   AuthEnvelopedData (RFC 5083)     both          finish: who knew the content key
 *   DigestedData (RFC 5652, 7)       both          nobody; finish tells damage by chance
 *   EncryptedData (8)                both          nobody; finish tells a wrong padding
 *   AuthenticatedData (9)            both          finish: who knew the key
 *   CompressedData (RFC 3274)        both          nobody; finish tells damage by chance
 *
 * Errors of reading, beside those of cms/decrypt.h:
 *
 *   E_MALFORMED    not BER, not the type's structure, other bytes behind it, a damaged
 *                  zlib stream
 *   E_TRUNCATED    the message, a layer or a zlib stream ends too early
 *   E_LIMIT        one of the bounds of cms/reader.h, cms/decrypt.h and cms/layers.h
 *   E_UNSUPPORTED  a type, version or algorithm that is not known; PKCS #7's bare content
 *   E_ALTERED      content that does not fit its digest or MAC
 *   E_NOMEM, E_CRYPTO, and what a sink or a callback returned
 *
 * Each sentence has the offset. Signatures have verdicts instead (cms/signed.h).
 *
 * Inside (not for callers): cms/ber.h, the tokenizer that turns pieces of bytes
 * into elements; cms/walk.h, which matches elements against a grammar given as
 * tables, one table for each content type; cms/asn1.h, the small structures
 * (SignerInfo, attributes) in libcrypto's templates; cms/der.h, what turns any BER
 * into DER. A new content type is a grammar table and its actions (cms/reader_int.h),
 * most of which cms/reader_take.h has; cms/encap.h writes what holds its content in the
 * clear.
 */
#ifndef SIGNET_CMS_CMS_H
#define SIGNET_CMS_CMS_H

#include "cms/authenticate.h"
#include "cms/cipher.h"
#include "cms/decrypt.h"
#include "cms/addsign.h"
#include "cms/compress.h"
#include "cms/countersign.h"
#include "cms/digested.h"
#include "cms/digests.h"
#include "cms/encrypt.h"
#include "cms/keyfile.h"
#include "cms/layers.h"
#include "cms/pem.h"
#include "cms/reader.h"
#include "cms/sign.h"
#include "cms/signed.h"

#endif

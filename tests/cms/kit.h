/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the CMS suites share: signers with software keys, messages read in pieces,
 * libcrypto's own CMS and the openssl program as peers.
 */
#ifndef SIGNET_TESTS_CMS_KIT_H
#define SIGNET_TESTS_CMS_KIT_H

#include <check.h>
#include <openssl/cms.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/buf.h"
#include "cms/cms.h"
#include "tests/support/pki.h"

/* A person who signs: key, certificate and scheme. */
struct person {
    const char *key_type;
    const char *scheme;
    EVP_PKEY *key;
    X509 *cert;
};

/* Makes the person's key and certificate once; later calls find them made. */
void person_make(struct person *);
/* A signer for cms_sign; its callback signs with the person's key. */
struct cms_signer person_signer(struct person *);

/* A sink that appends to a struct buf. */
struct sink gather_sink(struct buf *);

/* The number of people in the table below, and one. */
size_t people_count(void);
struct person *people(size_t i);
/* Named by scheme; aborts when there is none. */
struct person *person_of(const char *scheme);

/* Signs content, in pieces of `piece` bytes (0: all at once). Fails the test when
 * that fails. The caller frees. */
struct buf *sign_content(const struct cms_sign_options *, const void *content, size_t len,
                         size_t piece);

/* A message that was read. */
struct reading {
    int rc;                     /* of the call that failed, or 0 */
    struct err err;
    struct cms_reader *reader;
    struct buf *content;
    const struct cms_signed *result;    /* NULL when something failed */
};

/* Feeds data[0..len) in two pieces at `split` (len: in one; SPLIT_BYTES: byte by
 * byte), finishes, verifies; detached content may be given. */
#define SPLIT_BYTES SIZE_MAX
struct reading read_message(const void *data, size_t len, size_t split, const void *detached,
                            size_t detached_len);
struct reading read_with(const void *data, size_t len, size_t split,
                         const struct cms_digests *digests, const STACK_OF(X509) *certs,
                         const struct cms_reader_options *options);
void reading_clear(struct reading *);

/* Digests of content by every digest there is. */
struct cms_digests *digests_of(const void *content, size_t len);

/* Fills len bytes, an even number, with a and b in turn. */
void fill_pairs(uint8_t *out, size_t len, uint8_t a, uint8_t b);

/* Runs a shell command; its exit status. Output goes to the test's. */
int shell(const char *fmt, ...) printf_like(1, 2);
/* A new private folder; removed by scratch_remove. */
char *scratch_make(void);
void scratch_remove(char *);
void write_file(const char *dir, const char *name, const void *data, size_t len);
struct buf *read_file(const char *path);

/* "../shared/vectors/NAME" or what SIGNET_VECTORS says; NULL when it is absent. */
char *vector_path(const char *name);

/* Runs the suite as meson wants it. */
int run_suite(Suite *);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the commands of `signet certs` share: certificates with what is known of them
 * (certs_list.c), those that a person means (certs_who.c), those in a file (certs_file.c), and
 * how they are shown (certs_show.c). One thread.
 */
#ifndef SIGNET_CLI_CERTS_INT_H
#define SIGNET_CLI_CERTS_INT_H

#include <jansson.h>
#include <openssl/x509.h>

#include "cli/cli.h"
#include "trust/store.h"

/* Digits of a fingerprint that a listing shows; enough to be told. */
#define CERTS_SHOWN 16
/* Of a date: "2026-11-23". */
#define CERTS_DATE 11
/* Words for where a certificate is from; what begins so was vouched for (trust/choose.h). */
#define CERTS_FROM_FILE "file "
#define CERTS_FROM_DNS "smimea "
#define CERTS_FROM_TOKEN "token "

struct certs_entry {
    X509 *cert;                             /* owned */
    uint8_t fingerprint[STORE_FINGERPRINT];
    char *source;                           /* owned */
    time_t learnt;                          /* 0: not in the store */
    enum store_trust trust;
    time_t marked;
};

struct certs_list {
    struct certs_entry *items;
    size_t count, room;
};

void certs_list_clear(struct certs_list *);
/* One that is there already is not added again. The certificate gets a reference. */
int certs_list_add(struct certs_list *, const struct store_cert *, struct err *err) must_check;
/* The same for one that is from elsewhere. */
int certs_list_add_found(struct certs_list *, X509 *, const char *source,
                         struct err *err) must_check;

/* The store, made when it is missing; or, to read, *ret NULL when there is none. */
int certs_store(struct cli *, bool to_read, struct store **ret, struct err *err) must_check;

/* Appends all in the store (NULL: there is none) that `who` means: an address, eight digits or
 * more of the beginning of a fingerprint or of a key's name, a subject, or a part of one. */
int certs_who(struct store *, const char *who, struct certs_list *, struct err *err) must_check;
/* The one that is meant, a certificate file too; E_NO_CERT, E_AMBIGUOUS with the candidates. */
int certs_one(struct store *, const char *who, bool files, struct certs_list *,
              struct err *err) must_check;

/* What a file holds. */
struct certs_pile {
    STACK_OF(X509) *certs;
    struct certs_blob {
        uint8_t *der;
        size_t len;
    } *crls;
    size_t crl_count;
};
void certs_pile_clear(struct certs_pile *);
/* Adds what is in the file, in PEM or DER: certificates, CRLs, PKCS#7, and the certificates of
 * a PKCS#12 (password_file may be NULL: who is there is asked). E_INPUT when there is none. */
int certs_pile_file(struct certs_pile *, const struct cli *, const char *path,
                    const char *password_file, struct err *err) must_check;
/* The same for bytes: DER, one or many. E_MALFORMED. */
int certs_pile_der(struct certs_pile *, const uint8_t *der, size_t len,
                   struct err *err) must_check;
/* The certificates of a PKCS#12, which nobody knows the keys of (certs_pkcs12.c). */
int certs_pile_pkcs12(struct certs_pile *, const struct cli *, const char *path,
                      const uint8_t *der, size_t len, const char *password_file,
                      struct err *err) must_check;

/* A revocation list goes to the store when it is one; who issued it is seen when it is used
 * (certs_crl.c). path: for sentences. */
int certs_put_crl(struct store *, const uint8_t *der, size_t len, const char *path,
                  struct err *err) must_check;

/* As JSON: what `signet inspect` says of a certificate, and "sha1", "key", "source", "learnt",
 * "trust", "marked". */
int certs_json(const struct certs_entry *, json_t **ret, struct err *err) must_check;
int certs_put_table(const struct certs_list *, struct buf *out) must_check;
/* A few lines, for people; more: all that `certs show` has. */
int certs_put_lines(const json_t *, bool more, struct buf *out) must_check;
/* "CN=Alice, until 2027-01-01". */
int certs_put_short(X509 *, struct buf *out) must_check;
void certs_date(const ASN1_TIME *, char out[CERTS_DATE]);

#endif

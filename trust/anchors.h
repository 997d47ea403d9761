/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is trusted for no other certificate's sake: trust anchors, and what the system
 * distrusts.
 *
 * Life: anchors_new; anchors_add_file for each --anchor, anchors_add_folder for each folder of
 * them, anchors_use_system; then path_check as often as needed; anchors_free.
 *
 * Files named are read at once. Folders and the system are read when a path asks for
 * them: path_check first looks among the files, then in the folders (and in the store, for
 * certificates marked trusted), and asks the system only when nothing of these anchors the
 * path, since its trust module takes tens of milliseconds. Its answers are therefore
 * kept in a file, which holds as long as what it was made from is unchanged.
 *
 * The system's are those of p11-kit's trust module (it holds no keys and is no vendor's, so
 * it is loaded in process): trusted and distrusted certificates, by directory, and the
 * purposes attached to them. One that is not for mail anchors no mail.
 *
 * One thread; const functions load what is missing.
 */
#ifndef SIGNET_TRUST_ANCHORS_H
#define SIGNET_TRUST_ANCHORS_H

#include <stdbool.h>
#include <stddef.h>
#include <openssl/x509.h>

#include "base/err.h"

/* Largest anchor file, in bytes; files of one folder, at most. */
#define ANCHOR_FILE_MAX (16u * 1024 * 1024)
#define ANCHOR_FOLDER_MAX 4096

struct anchors;

int anchors_new(struct anchors **ret, struct err *err) must_check;
/* Adds every certificate of the file, one in DER or any number in PEM. E_INPUT when
 * it cannot be read, E_MALFORMED when it holds no certificate. */
int anchors_add_file(struct anchors *, const char *path, struct err *err) must_check;
/* Every file in it will be one of anchors, but for hidden ones and editors' copies ("x~");
 * a folder that does not exist has none. When it is read, a file that holds no certificate is
 * E_CONFIG. */
int anchors_add_folder(struct anchors *, const char *folder, struct err *err) must_check;
/* cache: the file that keeps the system's answers, made when missing; NULL: none.
 * paths: where the trust module is to look, as its own "paths" setting; NULL: where it is
 * configured to. */
int anchors_use_system(struct anchors *, const char *cache, const char *paths,
                       struct err *err) must_check;
/* How many were read so far. */
size_t anchors_count(const struct anchors *);
void anchors_free(struct anchors **);
#define autofree_anchors __attribute__((cleanup(anchors_free)))

/* For trust/builder.c. How far to look; each includes the ones before it. */
enum anchors_reach { ANCHORS_NAMED, ANCHORS_FOLDERS, ANCHORS_SYSTEM };

/* Calls each(arg, cert, from) for the anchors of that name until it returns non-zero, which is
 * then returned. from: what trusts it, for people. Reads what is to be read: E_* of that. */
int anchors_find(const struct anchors *, enum anchors_reach, const X509_NAME *subject,
                 int (*each)(void *arg, X509 *, const char *from), void *arg,
                 struct err *err) must_check;
/* Whether the system distrusts this certificate or its key; false as long as nobody had to ask
 * the system (ANCHORS_SYSTEM). */
bool anchors_distrust(const struct anchors *, const X509 *);

#endif

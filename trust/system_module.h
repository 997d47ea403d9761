/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asks p11-kit's trust module (CKO_CERTIFICATE with CKA_TRUSTED and CKA_X_DISTRUSTED; purposes in
 * the CKO_X_CERTIFICATE_EXTENSION of extended key usage that is attached to a key). A slot of it
 * is one file or folder, which its description names.
 *
 * A module that is missing or fails adds nothing, and is no error. One thread; the module is
 * loaded, asked and unloaded within the call.
 */
#ifndef SIGNET_TRUST_SYSTEM_MODULE_H
#define SIGNET_TRUST_SYSTEM_MODULE_H

#include "trust/system_list.h"

/* Appends to the list. paths: as system_trust_open. E_NOMEM, E_LIMIT. */
int system_module_read(const char *paths, struct system_list *) must_check;

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Stands in for what trust/ does not have yet. */
#include "trust/fetch.h"
#include "trust/revocation.h"

#ifdef PENDING_FETCH
void fetch_settings_read(struct fetch_settings *s, const struct conf *c) { (void)s, (void)c; }
int fetcher_new(struct fetcher **ret, const struct fetch_settings *s, struct err *err) { (void)s, (void)err; *ret = NULL; return 0; }
void fetcher_free(struct fetcher **f) { *f = NULL; }
#endif
#ifdef PENDING_REVOCATION
int revocation_new(struct revocation **ret, const struct revocation_settings *s, struct err *err) { (void)s, (void)err; *ret = NULL; return 0; }
void revocation_free(struct revocation **r) { *r = NULL; }
int revocation_add_crl(struct revocation *r, const uint8_t *d, size_t n, struct err *err) { (void)r, (void)d, (void)n, (void)err; return 0; }
int revocation_add_ocsp(struct revocation *r, const uint8_t *d, size_t n, struct err *err) { (void)r, (void)d, (void)n, (void)err; return 0; }
#endif

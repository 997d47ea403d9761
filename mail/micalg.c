/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mail/micalg.h"

#include <string.h>
#include <strings.h>

#include <openssl/obj_mac.h>

static const char *const usual[] = {"sha1", "sha256", "sha384", "sha512"};

static int
add(struct cms_digests *set, const struct alg_digest *d, struct err *err)
{
    int rc = d == NULL ? 0 : cms_digests_add(set, d, err);

    if (rc != E_UNSUPPORTED && rc != E_LIMIT)
        return rc;
    err_clear(err);
    return 0;
}

/* SHAKE256, with which Ed448 goes (RFC 8419 3), has no registered name. */
static const char *const shake256[] = {"shake256", "shake-256", "shake256-512"};

static const struct alg_digest *
by_name(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof shake256 / sizeof *shake256; i++)
        if (strlen(shake256[i]) == len && strncasecmp(name, shake256[i], len) == 0)
            return cms_digest_by_nid(NID_shake256);
    return alg_digest_by_micalg(name, len);
}

static int
add_usual(struct cms_digests *set, struct err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < sizeof usual / sizeof *usual; i++)
        rc = add(set, alg_digest_by_name(usual[i]), err);
    return rc;
}

int
micalg_add(struct cms_digests *set, const char *micalg, struct err *err)
{
    bool unknown = micalg == NULL || *micalg == '\0';
    int rc = 0;

    for (const char *p = micalg; !unknown && rc == 0 && *p != '\0';) {
        size_t blanks = strspn(p, ", \t"), len = strcspn(p + blanks, ", \t");
        const struct alg_digest *d = by_name(p + blanks, len);

        unknown = d == NULL && len > 0;
        rc = add(set, d, err);
        p += blanks + len;
    }
    return rc == 0 && (unknown || cms_digests_count(set) == 0) ? add_usual(set, err) : rc;
}

int
micalg_add_all(struct cms_digests *set, struct err *err)
{
    const struct alg_digest *d;
    int rc = add(set, cms_digest_by_nid(NID_shake256), err);

    for (size_t i = 0; rc == 0 && (d = alg_digest_at(i)) != NULL; i++)
        rc = add(set, d, err);
    return rc;
}

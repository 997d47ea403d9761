/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <openssl/obj_mac.h>

#include "mail/read_int.h"

bool
mail_reader_whole(const struct mail_reader *r)
{
    return !r->broken && !r->unclosed && !header_doubtful(entity_reader_header(r->reader));
}

bool
mail_reader_openpgp(const struct mail_reader *r)
{
    return r->openpgp;
}

uint64_t
mail_reader_inside(const struct mail_reader *r)
{
    return r->inside;
}

enum mail_form
mail_reader_form(const struct mail_reader *r)
{
    return r->form;
}

const char *
mail_reader_type(const struct mail_reader *r)
{
    return r->type;
}

struct cms_reader *
mail_reader_cms(struct mail_reader *r)
{
    return r->cms;
}

size_t
mail_reader_cms_count(const struct mail_reader *r)
{
    return r->nest != NULL ? cms_layers_count(r->nest) : r->cms != NULL;
}

struct cms_reader *
mail_reader_cms_at(struct mail_reader *r, size_t i)
{
    return r->nest != NULL ? cms_layers_get(r->nest, i) : i == 0 ? r->cms : NULL;
}

int
mail_reader_verify_at(struct mail_reader *r, size_t i, const STACK_OF(X509) *certs,
                      const struct cms_signed **ret, struct err *err)
{
    struct cms_verify_options options = {.content = i == 0 ? r->digests : NULL, .certs = certs};
    const struct cms_signed *s;
    int rc;

    r->word = NULL;
    if (i == 0 && r->form == MAIL_CLEAR && cms_reader_has_content(r->cms)) {
        r->word = "two-contents";
        return err_set(err, E_MALFORMED,
                       "the mail's signature holds content of its own beside the mail's text; "
                       "which of the two was signed cannot be told");
    }
    if ((rc = cms_verify(mail_reader_cms_at(r, i), &options, &s, err)) != 0)
        return rc;
    /* RFC 8551 2.4.2: what was signed as a timestamp or a receipt is no mail. */
    if (s->count > 0 && s->content_type != NID_pkcs7_data && i + 1 == mail_reader_cms_count(r)) {
        r->word = "foreign-content";
        return err_set(err, E_UNSUPPORTED,
                       "what was signed is no mail text but content of the type %s; take the "
                       "signature out and use --cms to verify it", s->content_oid);
    }
    for (size_t k = 0; i == 0 && k < s->count && r->form == MAIL_CLEAR; k++)
        r->again |= !r->options.all_digests && s->signatures[k].digest != NULL &&
                    !cms_digests_has(r->digests, s->signatures[k].digest);
    *ret = s;
    return 0;
}

int
mail_reader_verify(struct mail_reader *r, const STACK_OF(X509) *certs,
                   const struct cms_signed **ret, struct err *err)
{
    r->again = false;
    return mail_reader_verify_at(r, 0, certs, ret, err);
}

const char *
mail_reader_word(const struct mail_reader *r)
{
    return r->word;
}

bool
mail_reader_again(const struct mail_reader *r)
{
    return r->again;
}

const struct mail_coverage *
mail_reader_coverage(const struct mail_reader *r)
{
    return &r->coverage.seen;
}

bool
mail_reader_partial(const struct mail_reader *r)
{
    return coverage_partial(&r->coverage);
}

int
mail_reader_put_coverage(const struct mail_reader *r, struct buf *out)
{
    return coverage_put(&r->coverage, out);
}

int
mail_reader_put_outside(const struct mail_reader *r, struct buf *out)
{
    return coverage_put_outside(&r->coverage, out);
}

void
mail_reader_address(const struct mail_reader *r, const char *field, struct address *ret)
{
    address_from_header(ret, entity_reader_header(r->reader), field);
}

const struct header *
mail_reader_header(const struct mail_reader *r)
{
    return entity_reader_header(r->reader);
}

const struct header *
mail_reader_inner(const struct mail_reader *r)
{
    return r->inner_lost || header_absent(r->inner) ? NULL : r->inner;
}

const struct header *
mail_reader_wrapped(const struct mail_reader *r)
{
    return r->wrapped == NULL || r->wrapped_lost || header_absent(r->wrapped) ? NULL : r->wrapped;
}

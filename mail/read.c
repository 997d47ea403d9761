/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mail/read_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mail/kind.h"
#include "mail/micalg.h"

static int
out_of_memory(struct err *err)
{
    return err_set(err, E_NOMEM, "out of memory reading the mail");
}

/* The content's header is there. If it is a message, that one's comes next (RFC 8551
 * 3.1, header protection by wrapping). */
static void
end_inner(struct mail_reader *r)
{
    struct media *m = NULL;
    struct header_field f;
    bool message = false;

    if (!header_absent(r->inner) && header_find(r->inner, "Content-Type", 0, &f) &&
        media_parse(&m, f.value, f.value_len) == 0)
        message = media_is(m, "message", "rfc822");
    media_free(&m);
    if (message && header_find(r->inner, "Content-Transfer-Encoding", 0, &f))
        message = transfer_by_field(f.value, f.value_len) < TRANSFER_QP;
    if (message)
        r->wrapped_lost = header_new(&r->wrapped, HEADER_MAX) != 0;
}

/* The content passes: its first bytes are its header. How many of these were. */
static size_t
watch_header(struct mail_reader *r, const uint8_t *data, size_t len)
{
    size_t used = 0, more;

    if (!r->inner_lost && !header_done(r->inner)) {
        r->inner_lost = header_update(r->inner, data, len, &used, NULL) != 0;
        if (!r->inner_lost && header_done(r->inner))
            end_inner(r);
    }
    if (r->wrapped != NULL && !r->wrapped_lost && !header_done(r->wrapped))
        r->wrapped_lost = header_update(r->wrapped, data + used, len - used, &more, NULL) != 0;
    return used;
}

static int
pass_content(struct mail_reader *r, const uint8_t *data, size_t len, struct err *err)
{
    return r->options.content.write == NULL ? 0 : sink_write(&r->options.content, data, len, err);
}

/* What the CMS message holds. */
static int
keep_content(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    watch_header(arg, data, len);
    return pass_content(arg, data, len, err);
}

/* The signed part of a multipart/signed, as it was signed. */
static int
on_signed_content(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    struct mail_reader *r = arg;
    int rc = cms_digests_update(r->digests, data, len, err);

    return rc != 0 ? rc : pass_content(r, data, len, err);
}

/* A binary body has no lines (RFC 8551 3.1.1): it was signed as it is, unless the
 * mail came here with other line ends than it was sent with. */
static bool
is_binary(const struct header *h)
{
    struct header_field f;
    size_t len;
    const uint8_t *p = header_bytes_view(h, &len);

    if (header_absent(h) || !header_find(h, "Content-Transfer-Encoding", 0, &f) ||
        transfer_by_field(f.value, f.value_len) != TRANSFER_BINARY)
        return false;
    for (size_t i = 0; i < len; i++)
        if (p[i] == '\n' && (i == 0 || p[i - 1] != '\r'))
            return false;
    return true;
}

static int
update_signed(struct mail_reader *r, const uint8_t *data, size_t len, struct err *err)
{
    struct sink out = {.write = on_signed_content, .arg = r};
    bool in_header = !r->inner_lost && !header_done(r->inner);
    size_t used = watch_header(r, data, len);
    int rc;

    if (!in_header)
        used = 0;
    else if (!r->inner_lost && header_done(r->inner))
        r->binary = is_binary(r->inner);
    if (!r->binary)
        return canonical_update(&r->canonical, data, len, &out, err);
    rc = canonical_update(&r->canonical, data, used, &out, err);
    return rc != 0 || used == len ? rc : on_signed_content(r, data + used, len - used, err);
}

static int
on_cms(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    struct mail_reader *r = arg;

    return r->nest != NULL ? cms_layers_update(r->nest, data, len, err)
                           : cms_reader_update(r->cms, data, len, err);
}

/* A message or a signature follows: text in that encoding, to the CMS reader. */
static int
start_cms(struct mail_reader *r, enum transfer transfer, struct err *err)
{
    struct sink bytes = {.write = on_cms, .arg = r};
    struct cms_layers_options options = {.reader = {
        .content = {.write = keep_content, .arg = r},
        .allow_padding = transfer < TRANSFER_QP,
        .decrypt = r->options.decrypt,
    }};
    int rc = r->options.nested ? cms_layers_new(&r->nest, &options, err)
                               : cms_reader_new(&r->cms, &options.reader, err);

    if (rc != 0)
        return rc;
    if (r->nest != NULL)
        r->cms = cms_layers_get(r->nest, 0);
    if (transfer < TRANSFER_QP)
        return cms_dearmor_new(&r->dearmor, CMS_FORM_AUTO, &bytes, err);
    return transfer_decoder_new(&r->transfer, transfer, &bytes, err);
}

static int
update_cms(struct mail_reader *r, const uint8_t *data, size_t len, struct err *err)
{
    if (r->dearmor != NULL)
        return cms_dearmor_update(r->dearmor, data, len, err);
    return transfer_update(r->transfer, data, len, err);
}

static int
finish_cms(struct mail_reader *r, struct err *err)
{
    int rc = r->dearmor != NULL ? cms_dearmor_finish(r->dearmor, err)
                                : transfer_finish(r->transfer, err);

    if (rc != 0)
        return rc;
    return r->nest != NULL ? cms_layers_finish(r->nest, err) : cms_reader_finish(r->cms, err);
}

/* The second part of a multipart/signed: header, then the signature. */
static int
end_signature_header(struct mail_reader *r, struct err *err)
{
    struct media *m = NULL;
    struct header_field f;
    enum mail_kind kind = KIND_OTHER;
    enum transfer transfer = TRANSFER_7BIT;
    int rc = 0;

    if (header_find(r->head, "Content-Transfer-Encoding", 0, &f))
        transfer = transfer_by_field(f.value, f.value_len);
    if (header_find(r->head, "Content-Type", 0, &f))
        rc = media_parse(&m, f.value, f.value_len);
    if (rc == 0)
        rc = kind_of(m, r->head, &kind);
    media_free(&m);
    if (rc == E_NOMEM)
        return out_of_memory(err);
    if (kind != KIND_SIGNATURE && kind != KIND_CMS)
        return err_set(err, E_MALFORMED,
                       "the second part of the mail's multipart/signed is no S/MIME signature");
    return start_cms(r, transfer, err);
}

static int
update_signature(struct mail_reader *r, const uint8_t *data, size_t len, struct err *err)
{
    size_t used = 0;
    int rc;

    if (!header_done(r->head)) {
        rc = header_update(r->head, data, len, &used, err);
        if (rc == 0 && header_done(r->head))
            rc = end_signature_header(r, err);
        if (rc != 0)
            return rc;
    }
    return used == len ? 0 : update_cms(r, data + used, len - used, err);
}

static int
finish_signature(struct mail_reader *r, struct err *err)
{
    if (r->cms == NULL)
        return err_set(err, E_TRUNCATED, "the mail ends before its signature");
    return finish_cms(r, err);
}

static int
found(struct mail_reader *r, struct entity *e, enum mail_kind kind, struct err *err)
{
    const char *micalg = media_param(e->media, "micalg");
    int rc;

    snprintf(r->type, sizeof r->type, "%s/%s", media_type(e->media), media_subtype(e->media));
    if (kind == KIND_CMS) {
        r->form = MAIL_OPAQUE;
        r->message = e;
        return start_cms(r, e->transfer, err);
    }
    if (e->kind != ENTITY_MULTIPART)
        return err_set(err, E_MALFORMED,
                       "the mail's multipart/signed has no usable boundary");
    r->form = MAIL_CLEAR;
    e->kind = ENTITY_PARTS;
    if ((rc = cms_digests_new(&r->digests, err)) != 0)
        return rc;
    return r->options.all_digests ? micalg_add_all(r->digests, err)
                                  : micalg_add(r->digests, micalg, err);
}

/* What the entity is, as far as this reader opens such a thing. */
static int
look(struct mail_reader *r, const struct entity *e, enum mail_kind *ret)
{
    enum mail_kind kind;
    int rc = kind_of(e->media, e->header, &kind);

    if (rc != 0)
        return rc;
    /* Whole messages of a certificate or a signature are named so, too. */
    if (kind == KIND_SIGNATURE && e->depth == 0)
        kind = KIND_CMS;
    /* With two Content-Types, another program may see no message here at all. And a
     * file that somebody attached is not what the mail is. */
    if (kind == KIND_CMS && (e->broken || (e->depth > 0 && !kind_is_ours(e->media, e->header))))
        kind = KIND_OTHER;
    if ((kind == KIND_SIGNED || kind == KIND_CMS) && r->options.root_only && e->depth > 0) {
        r->inside++;
        kind = KIND_OTHER;
    }
    *ret = kind;
    return 0;
}

static int
on_begin(void *arg, struct entity *e, struct err *err)
{
    struct mail_reader *r = arg;
    enum mail_kind kind = KIND_OTHER;

    if (e->parent != NULL && e->parent->kind == ENTITY_PARTS) {
        if (e->index > 1)
            coverage_extra(&r->coverage, e);
        return 0;
    }
    if (e->depth == 0)
        r->has_header = header_count(e->header) > 0;
    if (r->form == MAIL_NONE && look(r, e, &kind) != 0)
        return out_of_memory(err);
    if (kind == KIND_SIGNED || kind == KIND_CMS)
        return found(r, e, kind, err);
    r->openpgp |= kind == KIND_OPENPGP;
    r->broken |= e->broken;
    /* Boundaries within what is not covered do not matter any more. */
    if (r->form != MAIL_NONE)
        e->kind = ENTITY_LEAF;
    if (e->kind == ENTITY_LEAF)
        coverage_part(&r->coverage, e);
    return 0;
}

static bool
is_part(const struct entity *e)
{
    return e->parent != NULL && e->parent->kind == ENTITY_PARTS;
}

static int
on_body(void *arg, const struct entity *e, const uint8_t *data, size_t len, struct err *err)
{
    struct mail_reader *r = arg;

    if (is_part(e) && e->index == 0)
        return update_signed(r, data, len, err);
    if (is_part(e))
        return e->index == 1 ? update_signature(r, data, len, err) : 0;
    return e == r->message ? update_cms(r, data, len, err) : 0;
}

static int
on_gap(void *arg, const struct entity *e, enum entity_gap gap, const uint8_t *data, size_t len,
       struct err *err)
{
    struct mail_reader *r = arg;

    (void)e;
    (void)err;
    coverage_gap(&r->coverage, gap, data, len);
    return 0;
}

static int
on_end(void *arg, const struct entity *e, struct err *err)
{
    struct mail_reader *r = arg;

    r->unclosed |= e->unclosed;
    if (is_part(e) && e->index == 1)
        return finish_signature(r, err);
    if (e != r->message)
        return 0;
    /* Its place may be another part's next. */
    r->message = NULL;
    return finish_cms(r, err);
}

int
mail_reader_new(struct mail_reader **ret, const struct mail_reader_options *options,
                struct err *err)
{
    struct mail_reader *r = calloc(1, sizeof *r);
    struct entity_handler handler = {
        .begin = on_begin, .body = on_body, .gap = on_gap, .end = on_end, .arg = r,
    };

    if (r == NULL)
        return out_of_memory(err);
    r->options = *options;
    r->empty = true;
    canonical_init(&r->canonical);
    coverage_init(&r->coverage);
    if (entity_reader_new(&r->reader, &handler, false) != 0 ||
        header_new(&r->inner, HEADER_PART_MAX) != 0 ||
        header_new(&r->head, HEADER_PART_MAX) != 0) {
        mail_reader_free(&r);
        return out_of_memory(err);
    }
    *ret = r;
    return 0;
}

void
mail_reader_free(struct mail_reader **r)
{
    if (r == NULL || *r == NULL)
        return;
    entity_reader_free(&(*r)->reader);
    cms_digests_free(&(*r)->digests);
    header_free(&(*r)->inner);
    header_free(&(*r)->wrapped);
    header_free(&(*r)->head);
    transfer_free(&(*r)->transfer);
    cms_dearmor_free(&(*r)->dearmor);
    if ((*r)->nest == NULL)
        cms_reader_free(&(*r)->cms);
    cms_layers_free(&(*r)->nest);
    free(*r);
    *r = NULL;
}

int
mail_reader_update(struct mail_reader *r, const uint8_t *data, size_t len, struct err *err)
{
    r->empty = r->empty && len == 0;
    return entity_reader_update(r->reader, data, len, err);
}

/* Why there is nothing to verify. */
static int
not_signed(const struct mail_reader *r, struct err *err)
{
    if (r->empty)
        return err_set(err, E_MALFORMED, "the mail is empty");
    if (r->openpgp)
        return err_set(err, E_UNSUPPORTED,
                       "the mail is signed with OpenPGP, not with S/MIME; use gpg");
    if (!r->has_header)
        return err_set(err, E_MALFORMED,
                       "the input is neither a mail (it has no header) nor a CMS message");
    if (r->broken)
        return err_set(err, E_MALFORMED,
                       "no signed part was found in the mail, and a Content-Type in it "
                       "is repeated, unreadable or without its boundary");
    return err_set(err, E_MALFORMED, "the mail is not signed: it has no S/MIME part");
}

int
mail_reader_finish(struct mail_reader *r, struct err *err)
{
    int rc = entity_reader_finish(r->reader, err);

    if (rc != 0)
        return rc;
    coverage_finish(&r->coverage);
    if (r->form == MAIL_NONE)
        return r->options.plain ? 0 : not_signed(r, err);
    if (r->cms == NULL)
        return err_set(err, E_TRUNCATED, "the mail ends before its signature");
    if (!r->inner_lost && !header_done(r->inner))
        r->inner_lost = header_finish(r->inner, NULL) != 0;
    if (r->wrapped != NULL && !r->wrapped_lost)
        r->wrapped_lost = header_finish(r->wrapped, NULL) != 0;
    return 0;
}

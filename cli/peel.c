/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/peel.h"

#include <stdlib.h>
#include <openssl/obj_mac.h>

#include "cli/binding.h"
#include "cli/check.h"
#include "cli/recipient_text.h"
#include "cms/decrypt.h"

/* One layer's part of the report. */
struct sheet {
    struct verdict *verdict;
    json_t *facts;            /* type, kind, cipher, ... */
    bool is_signed, encrypted;
};

struct peel {
    struct sheet *sheets;
    size_t count;
    struct verdict *mail;     /* what concerns the mail as a whole */
};

static const struct {
    int type;
    const char *kind;
} kinds[] = {
    {NID_pkcs7_signed, "signed-data"},
    {NID_pkcs7_enveloped, "enveloped-data"},
    {NID_id_smime_ct_authEnvelopedData, "authEnveloped-data"},
    {NID_id_smime_ct_compressedData, "compressed-data"},
};

static int
no_memory(struct err *err)
{
    (void)err_set(err, E_NOMEM, "out of memory for the report");
    return E_NOMEM;
}

static const char *
kind_word(const struct mail_reader *r, const struct cms_reader *cms)
{
    int type = cms == NULL ? NID_undef : cms_reader_type(cms);

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (type == kinds[i].type)
            return kinds[i].kind;
    return mail_reader_form(r) == MAIL_CLEAR ? "signed-data" : "unknown";
}

int
peel_new(struct peel **ret, struct err *err)
{
    struct peel *p = calloc(1, sizeof *p);

    if (p == NULL)
        return no_memory(err);
    if (verdict_new(&p->mail, err) != 0) {
        peel_free(&p);
        return E_NOMEM;
    }
    verdict_unsigned(p->mail);
    *ret = p;
    return 0;
}

void
peel_free(struct peel **p)
{
    if (p == NULL || *p == NULL)
        return;
    for (size_t i = 0; i < (*p)->count; i++) {
        verdict_free(&(*p)->sheets[i].verdict);
        json_decref((*p)->sheets[i].facts);
    }
    verdict_free(&(*p)->mail);
    free((*p)->sheets);
    free(*p);
    *p = NULL;
}

/* One layer: a reader's CMS, or a message within it. */
struct layer {
    struct mail_layers *all;
    struct mail_reader *reader;
    struct cms_reader *cms;      /* NULL: it had not come when reading failed */
    size_t nth, inside;          /* the reader among all, the CMS in it */
};

static int
begin_sheet(struct peel *p, const struct layer *l, struct sheet **ret, struct err *err)
{
    struct sheet *grown = realloc(p->sheets, (p->count + 1) * sizeof *grown), *s;
    int rc;

    if (grown == NULL)
        return no_memory(err);
    p->sheets = grown;
    s = &p->sheets[p->count];
    *s = (struct sheet){.verdict = NULL};
    *ret = s;
    if ((rc = verdict_new(&s->verdict, err)) != 0)
        return rc;
    p->count++;
    s->facts = json_pack("{s:s, s:s}", "type",
                         l->inside == 0 ? mail_reader_type(l->reader) : "CMS", "kind",
                         kind_word(l->reader, l->cms));
    return s->facts != NULL ? 0 : no_memory(err);
}

/* Every layer, the outermost first, to each. */
static int
each_layer(struct peel *p, struct mail_layers *all,
           int (*each)(struct peel *, const struct layer *, const struct peel_options *,
                       struct err *err),
           const struct peel_options *options, struct err *err)
{
    struct layer l = {.all = all};
    int rc = 0;

    for (; rc == 0 && (l.reader = mail_layers_get(all, l.nth)) != NULL; l.nth++) {
        l.inside = 0;
        do {
            l.cms = mail_reader_cms_at(l.reader, l.inside);
            rc = each(p, &l, options, err);
        } while (rc == 0 && ++l.inside < mail_reader_cms_count(l.reader));
    }
    return rc;
}

static int
see(struct peel *p, const struct layer *l, const struct peel_options *options, struct err *err)
{
    struct sheet *s;
    int rc = begin_sheet(p, l, &s, err);

    (void)options;
    if (rc == 0)
        verdict_unsigned(s->verdict);
    return rc;
}

int
peel_seen(struct peel *p, struct mail_layers *layers, struct err *err)
{
    return each_layer(p, layers, see, NULL, err);
}

static int
judge_signed(struct sheet *s, const struct layer *l, const struct peel_options *options,
             struct err *err)
{
    struct mail_reader *r = l->reader;
    const struct cms_signed *found;
    int rc = check_verify(s->verdict, r, l->inside, &found, err);

    if (rc == E_MALFORMED || rc == E_UNSUPPORTED) {
        s->is_signed = true;
        err_clear(err);
        return mail_reader_word(r) != NULL
                   ? 0
                   : verdict_add_problem(s->verdict, "malformed", "its signature cannot be read",
                                         err);
    }
    if (rc != 0)
        return rc;
    if (found->count == 0 && found->detached && mail_reader_form(r) == MAIL_OPAQUE) {
        verdict_unsigned(s->verdict);
        rc = json_object_set_new(s->facts, "kind", json_string("certs-only")) != 0 ||
             json_object_set_new(s->facts, "certificates",
                                 json_integer(sk_X509_num(found->certs))) != 0;
        return rc == 0 ? 0 : no_memory(err);
    }
    s->is_signed = true;
    rc = check_judge(s->verdict, found, &options->verdict, err);
    if (rc == 0)
        harvest_take(options->harvest, found, s->verdict, &options->verdict);
    return rc == 0 ? check_coverage(s->verdict, r, err) : rc;
}

/* Other parts beside an encrypted one are how its text is made to leave: HTML that begins
 * before it and ends behind it. Text around it only misleads. */
static int
judge_surroundings(struct sheet *s, const struct mail_reader *r, struct err *err)
{
    const struct mail_coverage *seen = mail_reader_coverage(r);
    autofree_buf struct buf *text = buf_new();
    bool parts = seen->parts > 0 || seen->extra > 0;

    if (!mail_reader_partial(r))
        return 0;
    if (text == NULL || buf_put_str(text, "not all of the mail is encrypted: outside are ") != 0 ||
        mail_reader_put_outside(r, text) != 0)
        return no_memory(err);
    return verdict_add_problem(s->verdict, parts ? "exposed-encryption" : "partial-encryption",
                               buf_cstr(text), err);
}

/* Its own, and those of the layers around it. */
static int
judge_all_surroundings(struct sheet *s, const struct layer *l, struct err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i <= l->nth; i++)
        rc = judge_surroundings(s, mail_layers_get(l->all, i), err);
    return rc;
}

static int
put_recipient(struct sheet *s, const struct cms_encrypted *e, struct err *err)
{
    autofree_buf struct buf *text = buf_new();

    if (e->opened == NULL)
        return 0;
    if (text == NULL || recipient_put_text(e->opened, text) != 0 ||
        json_object_set_new(s->facts, "opened", json_string(buf_cstr(text))) != 0)
        return no_memory(err);
    return 0;
}

static int
judge_encrypted(struct sheet *s, const struct layer *l, const struct peel_options *options,
                struct err *err)
{
    const struct cms_encrypted *e = cms_reader_encrypted(l->cms);
    int rc = 0;

    s->encrypted = true;
    verdict_unsigned(s->verdict);
    if (json_object_set_new(s->facts, "cipher", json_string(e->cipher != NULL ? e->cipher->name
                                                                              : e->cipher_oid)) ||
        json_object_set_new(s->facts, "authenticated", json_boolean(e->authenticated)) ||
        json_object_set_new(s->facts, "recipients", json_integer((json_int_t)e->count)))
        return no_memory(err);
    if (!e->authenticated && options->require_authenticated)
        rc = verdict_add_problem(s->verdict, "authentication-required", "it is encrypted so that "
                                 "alterations do not show (CBC), which --require-authenticated "
                                 "refuses", err);
    else if (!e->authenticated)
        rc = verdict_add_problem(s->verdict, "unauthenticated-encryption", "it is encrypted so "
                                 "that alterations do not show (CBC)", err);
    if (rc == 0 && e->weak)
        rc = verdict_add_problem(s->verdict, "weak-algorithm", "it is encrypted with an algorithm "
                                 "that is too weak today", err);
    if (rc == 0)
        rc = judge_all_surroundings(s, l, err);
    return rc == 0 ? put_recipient(s, e, err) : rc;
}

static int
judge_layer(struct peel *p, const struct layer *l, const struct peel_options *options,
            struct err *err)
{
    struct sheet *s;
    int rc = begin_sheet(p, l, &s, err);

    if (rc != 0)
        return rc;
    verdict_allow_weak(s->verdict, options->verdict.path.allow_weak);
    if (cms_reader_type(l->cms) == NID_pkcs7_signed)
        return judge_signed(s, l, options, err);
    if (cms_reader_encrypted(l->cms) != NULL)
        return judge_encrypted(s, l, options, err);
    verdict_unsigned(s->verdict);
    if (cms_reader_type(l->cms) == NID_id_smime_ct_compressedData)
        return 0;
    return verdict_add_problem(s->verdict, "unsupported", "it is a kind of CMS that mail does not "
                               "have", err);
}

/* What was decrypted without authentication could be anybody's cuttings: it must at
 * least be one whole MIME entity. */
static int
judge_payload(struct peel *p, const struct mail_layers *layers, struct err *err)
{
    const struct mail_reader *payload = mail_layers_payload(layers);
    struct sheet *last = NULL;

    for (size_t i = 0; i < p->count; i++)
        if (p->sheets[i].encrypted && json_is_false(json_object_get(p->sheets[i].facts,
                                                                    "authenticated")))
            last = &p->sheets[i];
    if (last != NULL && (payload == NULL || !mail_reader_whole(payload)))
        return verdict_add_problem(last->verdict, "malformed-content", "what it holds is no whole "
                                   "MIME entity, as altered text is not; signet decrypt --anyway "
                                   "writes it as it is", err);
    if (payload != NULL && p->count > 0 && mail_reader_inside(payload) > 0)
        return verdict_add_problem(p->mail, "nested-part", "a part of the content is signed or "
                                   "encrypted by itself; it was left as it is", err);
    return 0;
}

int
peel_judge(struct peel *p, struct mail_layers *layers, const struct peel_options *given,
           struct err *err)
{
    struct peel_options options = *given;
    struct protected_header protection;
    struct binding binding;
    int rc;

    mail_layers_protected(layers, &protection);
    binding_take(&binding, mail_layers_header(layers), &protection, &options.verdict);
    rc = each_layer(p, layers, judge_layer, &options, err);
    if (rc == 0)
        rc = judge_payload(p, layers, err);
    if (rc == 0)
        rc = binding_tell(&binding, p->mail, err);
    if (rc == 0 && options.legacy)
        rc = verdict_add_problem(p->mail, "legacy-display", "the text begins with a copy of "
                                 "protected fields for older programs, which is left out", err);
    return rc;
}

enum verdict_status
peel_status(const struct peel *p)
{
    enum verdict_status worst = verdict_status(p->mail);

    for (size_t i = 0; i < p->count; i++) {
        enum verdict_status s = verdict_status(p->sheets[i].verdict);

        worst = s > worst ? s : worst;
    }
    return worst;
}

const char *
peel_status_word(const struct peel *p)
{
    enum verdict_status status = peel_status(p);
    bool any = false;

    for (size_t i = 0; i < p->count; i++)
        any |= p->sheets[i].is_signed;
    return status == VERDICT_GOOD && !any ? "unsigned" : verdict_status_word(status);
}

bool
peel_may_show(const struct peel *p, bool anyway)
{
    for (size_t i = 0; i < p->count; i++) {
        const struct sheet *s = &p->sheets[i];

        if (verdict_has(s->verdict, "label-refused"))
            return false;
        if (s->encrypted && (verdict_status(s->verdict) > VERDICT_UNTRUSTED ||
                             verdict_has(s->verdict, "authentication-required")))
            return false;
    }
    return anyway || peel_status(p) <= VERDICT_UNTRUSTED;
}

static int
put_layer(const struct sheet *s, size_t number, struct buf *out)
{
    const json_t *f = s->facts;
    const char *cipher = json_string_value(json_object_get(f, "cipher"));
    const char *opened = json_string_value(json_object_get(f, "opened"));
    int rc = buf_putf(out, "layer %zu: %s, %s", number,
                      json_string_value(json_object_get(f, "type")),
                      json_string_value(json_object_get(f, "kind")));

    if (rc == 0 && cipher != NULL)
        rc = buf_putf(out, ", %s", cipher);
    if (rc == 0)
        rc = buf_put_str(out, "\n");
    if (rc == 0 && opened != NULL)
        rc = buf_putf(out, "  %-10s %s\n", "opened as", opened);
    return rc == 0 ? verdict_put_text(s->verdict, out) : rc;
}

bool
peel_layer_at(const struct peel *p, size_t i, const struct verdict **ret, bool *ret_encrypted)
{
    if (i >= p->count)
        return false;
    *ret = p->sheets[i].is_signed ? p->sheets[i].verdict : NULL;
    *ret_encrypted = p->sheets[i].encrypted;
    return true;
}

int
peel_put_text(const struct peel *p, bool colour, struct buf *out)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < p->count; i++) {
        verdict_set_colour(p->sheets[i].verdict, colour);
        rc = put_layer(&p->sheets[i], i + 1, out);
    }
    verdict_set_colour(p->mail, colour);
    if (rc == 0)
        rc = buf_putf(out, "%s mail\n", peel_status_word(p));
    return rc == 0 ? verdict_put_text(p->mail, out) : rc;
}

/* The layer's facts over its verdict, whose own layers it has none of. */
static json_t *
sheet_json(const struct sheet *s)
{
    json_t *object = verdict_json(s->verdict);

    if (object == NULL)
        return NULL;
    json_object_del(object, "layers");
    json_object_update(object, s->facts);
    return object;
}

json_t *
peel_json(const struct peel *p)
{
    json_t *object = verdict_json(p->mail);
    json_t *layers = json_array(), *signatures = json_array();

    for (size_t i = 0; object != NULL && i < p->count; i++) {
        json_t *sheet = sheet_json(&p->sheets[i]);

        json_array_extend(signatures, json_object_get(sheet, "signatures"));
        json_array_append_new(layers, sheet);
    }
    json_object_set_new(object, "status", json_string(peel_status_word(p)));
    json_object_set_new(object, "signatures", signatures);
    json_object_set_new(object, "layers", layers);
    return object;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/binding.h"

#include <stdio.h>

#include "mail/charset.h"
#include "trust/certificate.h"

static bool
is_doubtful(const struct address *a)
{
    return a->state == ADDRESS_SEVERAL || a->state == ADDRESS_AMBIGUOUS;
}

/* The protected header says whom the mail is from, if it says it at all. */
static const struct header *
choose(const struct header *outer, const struct protected_header *p)
{
    struct header_field f;

    if (p->form != PROTECTED_NOT &&
        (header_find(p->header, "From", 0, &f) || header_find(p->header, "Sender", 0, &f)))
        return p->header;
    return outer;
}

/* A From that is absent has its Sender; the doubt about one of them is the mail's. */
static void
weigh(struct binding *b, struct verdict_options *ret)
{
    const char *field = b->from.state == ADDRESS_NONE ? "Sender" : "From";

    if (b->from.state == ADDRESS_NONE)
        b->from = b->sender;
    if (is_doubtful(&b->from)) {
        snprintf(b->reason, sizeof b->reason, "the mail does not say without doubt whom it is "
                 "from (%s: %s)", field, b->from.reason);
        ret->from_reason = b->reason;
    } else if (b->sender.state == ADDRESS_AMBIGUOUS || b->sender.state == ADDRESS_SEVERAL) {
        snprintf(b->reason, sizeof b->reason, "the mail does not say without doubt who sent it "
                 "(Sender: %s)", b->sender.reason);
        ret->from_reason = b->reason;
        ret->from_ambiguous = true;
    }
}

void
binding_take(struct binding *b, const struct header *outer, const struct protected_header *p,
             struct verdict_options *ret)
{
    *b = (struct binding){.outer = outer, .protection = *p};
    b->header = choose(outer, p);
    address_from_header(&b->from, b->header, "From");
    address_from_header(&b->sender, b->header, "Sender");
    ret->from_reason = ret->sender = NULL;
    ret->from_ambiguous = false;
    weigh(b, ret);
    b->list[0] = b->from.text;
    ret->is_mail = b->from.state != ADDRESS_NONE;
    ret->from = b->list;
    ret->from_ambiguous |= is_doubtful(&b->from);
    ret->from_count = b->from.state == ADDRESS_ONE && !ret->from_ambiguous;
    if (b->from.state == ADDRESS_ONE && b->sender.state == ADDRESS_ONE &&
        !certificate_same_address(b->from.text, b->sender.text))
        ret->sender = b->sender.text;
}

static int
put_field(const struct binding *b, const char *name, struct buf *out)
{
    const struct header *h = b->protection.form != PROTECTED_NOT ? b->protection.header : b->outer;
    struct header_field f;

    if (!header_find(h, name, 0, &f) && !header_find(b->outer, name, 0, &f))
        return 0;
    return charset_put_header(out, f.value, f.value_len);
}

static int
tell_mail(const struct binding *b, struct verdict *v, struct err *err)
{
    autofree_buf struct buf *subject = buf_new(), *from = buf_new();
    struct verdict_mail mail = {.protection = protected_word(b->protection.form)};

    if (subject == NULL || from == NULL || put_field(b, "Subject", subject) != 0 ||
        put_field(b, "From", from) != 0)
        return err_set(err, E_NOMEM, "out of memory for the verdict");
    mail.from = b->from.state == ADDRESS_ONE ? b->from.text
                : buf_len(from) > 0          ? buf_cstr(from)
                                             : NULL;
    mail.subject = buf_len(subject) > 0 ? buf_cstr(subject) : NULL;
    return verdict_set_mail(v, &mail, err);
}

int
binding_tell(const struct binding *b, struct verdict *v, struct err *err)
{
    autofree_buf struct buf *names = buf_new(), *text = buf_new();
    int rc = tell_mail(b, v, err);

    if (rc != 0)
        return rc;
    if (names == NULL || text == NULL ||
        protected_put_differences(&b->protection, b->outer, names) != 0)
        return err_set(err, E_NOMEM, "out of memory for the verdict");
    if (b->protection.form != PROTECTED_NOT && header_doubtful(b->outer))
        return verdict_add_problem(v, "header-mismatch", "the mail's header outside has lines or "
                                   "bytes that programs read differently; what is shown here is "
                                   "the protected one", err);
    if (buf_len(names) == 0)
        return 0;
    if (buf_putf(text, "outside of the protected header the mail says otherwise in: %s; what is "
                 "shown here is the protected one", buf_cstr(names)) != 0)
        return err_set(err, E_NOMEM, "out of memory for the verdict");
    return verdict_add_problem(v, "header-mismatch", buf_cstr(text), err);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/label.h"

/* "labelled secret (policy 1.2.3): MARK", made safe by the verdict. */
static int
put_label(struct buf *out, const struct cms_label *label)
{
    const char *name = cms_classification_name(label->classification);
    int rc = buf_put_str(out, "labelled ");

    if (rc == 0 && name != NULL)
        rc = buf_putf(out, "%s ", name);
    else if (rc == 0 && label->classification >= 0)
        rc = buf_putf(out, "%d ", label->classification);
    if (rc == 0)
        rc = buf_putf(out, "by policy %s", label->policy);
    return rc == 0 && label->mark[0] != '\0' ? buf_putf(out, ": %s", label->mark) : rc;
}

static int
refuse(struct verdict *v, const char *why, struct err *err)
{
    return verdict_add_problem(v, "label-refused", why, err);
}

static int
ask(struct verdict *v, const struct cms_signature *s, const struct cms_label *label,
    const char *program, struct err *err)
{
    char reason[LABEL_REASON_MAX + 1];
    bool allowed = false;
    int rc = label_ask(program, LABEL_READ, label, s->cert, &allowed, reason, err);

    if (rc != 0 || allowed)
        return rc;
    return refuse(v, *reason != '\0' ? reason : "the label policy does not let it be read here",
                  err);
}

int
label_judge(struct verdict *v, const struct cms_signature *s, const char *program,
            struct err *err)
{
    autofree_buf struct buf *text = buf_new();
    struct cms_label label;
    int rc = cms_label_read(s, &label);

    if (rc == 0)
        return 0;
    if (rc == E_MALFORMED)
        return refuse(v, "its security label cannot be read", err);
    if (rc < 0 || text == NULL || put_label(text, &label) != 0)
        return err_set(err, E_NOMEM, "out of memory for the verdict");
    rc = verdict_add_problem(v, "security-label", buf_cstr(text), err);
    return rc == 0 && program != NULL ? ask(v, s, &label, program, err) : rc;
}

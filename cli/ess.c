/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/ess.h"

#include <string.h>

#include "cms/ess.h"
#include "trust/label.h"

static int
add(struct ess *e, const char *oid, const struct buf *der)
{
    e->list[e->count++] = (struct cms_new_attribute){oid, buf_data(der), buf_len(der)};
    return 0;
}

static int
ask_policy(struct cli *cli, const struct cms_label *label, struct err *err)
{
    char reason[LABEL_REASON_MAX + 1];
    const struct conf *conf = NULL;
    const char *program;
    bool allowed = true;
    int rc = cli_conf(cli, &conf, err);

    program = rc == 0 ? conf_get(conf, "trust", NULL, "label-policy") : NULL;
    if (program)
        rc = label_ask(program, LABEL_SIGN, label, NULL, &allowed, reason, err);
    if (rc != 0 || allowed)
        return rc;
    return err_set(err, E_DENIED, "the label policy %s does not let this label be used%s%s",
                   program, *reason ? ": " : "", reason);
}

static int
load_label(struct ess *e, struct cli *cli, const char *text, struct err *err)
{
    struct cms_label label;
    int rc = label_parse(text, &label, err);

    if (rc == 0)
        rc = ask_policy(cli, &label, err);
    if (rc != 0)
        return rc;
    e->label = buf_new();
    rc = e->label ? cms_label_put(e->label, &label) : E_NOMEM;
    return rc == 0 ? add(e, CMS_OID_LABEL, e->label)
                   : err_set(err, rc, "out of memory for the label");
}

static int
take_address(struct cms_receipt_request *r, const char *address, struct err *err)
{
    if (r->to_count == CMS_RECEIPT_ADDRESSES_MAX)
        return err_set(err, E_USAGE, "--request-receipt: receipts can go to %d addresses at most",
                       CMS_RECEIPT_ADDRESSES_MAX);
    if (!strchr(address, '@') || strlen(address) > CMS_RECEIPT_ADDRESS_MAX)
        return err_set(err, E_USAGE, "--request-receipt \"%s\": that is no address to send a "
                       "receipt to", address);
    memcpy(r->to[r->to_count++], address, strlen(address) + 1);
    return 0;
}

/* Everybody who gets the mail is asked. */
static int
load_request(struct ess *e, const struct options *o, struct err *err)
{
    struct cms_receipt_request request = {.from = CMS_RECEIPTS_ALL};
    const char *address;
    int rc = 0;

    for (size_t i = 0; rc == 0 && (address = options_value(o, "request-receipt", i)); i++)
        rc = take_address(&request, address, err);
    if (rc != 0)
        return rc;
    e->request = buf_new();
    rc = e->request ? cms_receipt_request_id(&request) : E_NOMEM;
    if (rc == 0)
        rc = cms_receipt_request_put(e->request, &request);
    return rc == 0 ? add(e, CMS_OID_RECEIPT_REQUEST, e->request)
                   : err_set(err, rc, "the request for a receipt cannot be made");
}

int
ess_load(struct ess *e, struct cli *cli, const struct options *o, struct err *err)
{
    const char *label = options_get(o, "label");
    int rc = label ? load_label(e, cli, label, err) : 0;

    return rc == 0 && options_has(o, "request-receipt") ? load_request(e, o, err) : rc;
}

void
ess_clear(struct ess *e)
{
    buf_free(&e->label);
    buf_free(&e->request);
    e->count = 0;
}

int
ess_tell(struct verdict *v, const struct cms_signature *s, const char *label_policy,
         struct err *err)
{
    struct cms_receipt_request request;
    int rc = label_judge(v, s, label_policy, err);

    if (rc != 0 || cms_receipt_request_read(s, &request) != 1)
        return rc;
    return verdict_add_problem(v, "receipt-requested", "the sender asks for a signed receipt; "
                               "\"signet receipt make\" answers", err);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/decrypt.h"

#include <errno.h>
#include <unistd.h>
#include <openssl/objects.h>

#include "cli/recipient_text.h"

static const struct {
    int nid;
    const char *name;
} types[] = {
    {NID_pkcs7_data, "data"},
    {NID_pkcs7_signed, "signed-data"},
    {NID_pkcs7_enveloped, "enveloped-data"},
    {NID_id_smime_ct_authEnvelopedData, "auth-enveloped-data"},
    {NID_pkcs7_digest, "digested-data"},
    {NID_pkcs7_encrypted, "encrypted-data"},
    {NID_id_smime_ct_authData, "authenticated-data"},
    {NID_id_smime_ct_compressedData, "compressed-data"},
};

static const char *
type_name(int nid)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].nid == nid)
            return types[i].name;
    return "unknown";
}

static int
tell(const struct decrypt *d, const struct cms_encrypted *e, struct err *err)
{
    autofree_buf struct buf *who = buf_new();
    int rc = who ? recipients_put_text(e->recipients, e->count, who) : E_NOMEM;

    if (rc == 0 && e->opened) {
        rc = buf_put_str(who, "; opened as ");
        if (rc == 0)
            rc = recipient_put_text(e->opened, who);
    }
    if (rc != 0)
        return err_set(err, rc, "out of memory for recipients");
    cli_note(d->cli, "encrypted with %s for %s", e->cipher ? e->cipher->name : e->cipher_oid,
             buf_cstr(who));
    return 0;
}

static json_t *
layer_json(const struct cms_reader *reader, const struct cms_encrypted *e)
{
    json_t *layer = json_pack("{s:s}", "type", type_name(cms_reader_type(reader)));
    json_t *list = e ? json_array() : NULL;
    bool ok = layer && (!e || list);

    for (size_t i = 0; ok && e && i < e->count; i++) {
        json_t *r = recipient_json(&e->recipients[i]);
        ok = r && json_object_set_new(r, "opened",
                                      json_boolean(&e->recipients[i] == e->opened)) == 0;
        if (json_array_append_new(list, r) != 0)
            ok = false;
    }
    if (ok && e)
        ok = json_object_update_new(layer, json_pack("{s:s, s:b, s:b, s:O}", "cipher",
                                                     e->cipher ? e->cipher->name : e->cipher_oid,
                                                     "authenticated", e->authenticated, "weak",
                                                     e->weak, "recipients", list)) == 0;
    json_decref(list);
    if (!ok) {
        json_decref(layer);
        return NULL;
    }
    return layer;
}

static int
warn(const struct decrypt *d, const struct cms_encrypted *e, struct err *err)
{
    const char *name = infile_name(d->in), *cipher = e->cipher ? e->cipher->name : e->cipher_oid;

    if (!e->authenticated && d->require_authenticated)
        return err_set(err, E_UNSUPPORTED, "%s is encrypted without authentication (%s), so that "
                       "it may have been altered unseen; leave out --require-authenticated to "
                       "decrypt it all the same", name, cipher);
    if (!e->authenticated)
        cli_note(d->cli, "%s is encrypted without authentication (%s): whether it was altered is "
                 "not to be told", name, cipher);
    if (e->weak)
        cli_note(d->cli, "%s is encrypted with weak algorithms (%s): others may have read it",
                 name, cipher);
    return 0;
}

int
decrypt_report_layer(struct decrypt *d, struct cms_reader *reader, bool *ret_encrypted,
                     struct err *err)
{
    const struct cms_encrypted *e = cms_reader_encrypted(reader);
    json_t *layer = layer_json(reader, e);
    int rc = 0;

    if (!d->layers)
        d->layers = json_array();
    if (!layer || json_array_append_new(d->layers, layer) != 0)
        return err_set(err, E_NOMEM, "out of memory for the report");
    if (!e)
        return 0;
    *ret_encrypted = true;
    rc = warn(d, e, err);
    return rc == 0 && d->cli->verbose ? tell(d, e, err) : rc;
}

static int
print_text(const struct decrypt *d, struct err *err)
{
    autofree_buf struct buf *text = buf_new();

    if (!d->verdict || d->cli->quiet)
        return 0;
    verdict_set_colour(d->verdict, d->style.colour);
    if (!text || verdict_put_text(d->verdict, text) != 0)
        return err_set(err, E_NOMEM, "out of memory for the verdict");
    if (io_write_all(STDERR_FILENO, buf_data(text), buf_len(text)) != 0)
        return err_set_sys(err, E_OUTPUT, errno, "standard error cannot be written");
    return 0;
}

int
decrypt_report(const struct decrypt *d, const char *status, const char *reason, struct err *err)
{
    json_t *object, *verdict;
    int rc;

    if (!d->cli->json)
        return print_text(d, err);
    verdict = d->verdict ? verdict_json(d->verdict) : json_null();
    object = json_pack("{s:s, s:s*, s:o*, s:O*}", "status", status, "reason", reason,
                       "signed", verdict, "layers", d->layers);
    rc = object ? cli_print_json(object, err)
                : err_set(err, E_NOMEM, "out of memory for the report");
    json_decref(object);
    return rc;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A bare message: every layer is opened, and what is signed inside is judged. */
#include "cli/decrypt.h"

#include <openssl/objects.h>

#include "cli/check.h"
#include "cli/stream.h"
#include "cms/layers.h"
#include "cms/pem.h"
#include "cms/signed.h"

static int
into_layers(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    return cms_layers_update(arg, data, len, err);
}

static int
read_all(struct decrypt *d, struct cms_layers *layers, struct err *err)
{
    autofree_cms_dearmor struct cms_dearmor *dearmor = NULL;
    struct sink binary = {.write = into_layers, .arg = layers}, in;
    int rc = cms_dearmor_new(&dearmor, CMS_FORM_AUTO, &binary, err);

    if (rc != 0)
        return rc;
    in = cms_dearmor_sink(dearmor);
    rc = decrypt_pump(d, &in, err);
    if (rc == 0)
        rc = cms_dearmor_finish(dearmor, err);
    return rc == 0 ? cms_layers_finish(layers, err) : rc;
}

static int
judge(struct decrypt *d, struct cms_reader *reader, struct err *err)
{
    struct cms_verify_options how = {.content = NULL};
    struct verdict_options options = {.is_mail = false};
    const struct cms_signed *found = NULL;
    int rc = d->verdict ? 0 : verdict_new(&d->verdict, err);

    trust_fill(d->trust, &options);
    if (rc == 0)
        rc = verdict_add_layer(d->verdict, "signed-data", err);
    if (rc == 0)
        rc = cms_verify(reader, &how, &found, err);
    return rc == 0 ? check_judge(d->verdict, found, &options, err) : rc;
}

static int
not_encrypted(const struct decrypt *d, const struct cms_reader *reader, struct err *err)
{
    int type = cms_reader_type(reader);

    return err_set(err, E_UNSUPPORTED, "%s is not encrypted: it is %s%s", infile_name(d->in),
                   type == NID_undef ? "an unknown kind of CMS" : OBJ_nid2ln(type),
                   type == NID_pkcs7_signed ? "; signet verify checks it and gives its content"
                                            : "; signet inspect shows what is in it");
}

static int
conclude(struct decrypt *d, const struct cms_layers *layers, struct err *err)
{
    size_t count = cms_layers_count(layers);
    bool encrypted = false;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = decrypt_report_layer(d, cms_layers_get(layers, i), &encrypted, err);
    if (rc == 0 && !encrypted)
        return not_encrypted(d, cms_layers_get(layers, 0), err);
    for (size_t i = 0; rc == 0 && i < count; i++)
        if (cms_reader_type(cms_layers_get(layers, i)) == NID_pkcs7_signed)
            rc = judge(d, cms_layers_get(layers, i), err);
    return rc;
}

int
decrypt_cms(struct decrypt *d, struct err *err)
{
    struct cms_layers_options options = {.reader.decrypt = opener_options(d->opener)};
    autofree_cms_layers struct cms_layers *layers = NULL;
    int rc;

    if (d->out)
        options.reader.content = stream_outfile(d->out);
    rc = cms_layers_new(&layers, &options, err);
    if (rc != 0)
        return rc;
    rc = read_all(d, layers, err);
    return rc == 0 ? conclude(d, layers, err) : decrypt_name_input(d, rc, err);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "cli/cli.h"
#include "cli/confine.h"
#include "cli/inspect_int.h"
#include "cli/recognise.h"
#include "cli/tree.h"

/* How the description's keys are shown. */
static const struct tree_row rows[] = {
    {.key = "size", .unit = "bytes"},
    {.key = "encrypted_size", .label = "encrypted size", .unit = "bytes"},
    {.key = "preamble_bytes", .label = "preamble", .unit = "bytes"},
    {.key = "epilogue_bytes", .label = "epilogue", .unit = "bytes"},
    {.key = "signature_bytes", .label = "signature", .unit = "bytes"},
    {.key = "encrypted_key_bytes", .label = "encrypted key", .unit = "bytes"},
    {.key = "public_key_bytes", .label = "public key size", .unit = "bytes"},
    {.key = "salt_bytes", .label = "salt", .unit = "bytes"},
    {.key = "iv_bytes", .label = "iv", .unit = "bytes"},
    {.key = "tag_bytes", .label = "tag", .unit = "bytes"},
    {.key = "mac_bytes", .label = "mac", .unit = "bytes"},
    {.key = "key_bits", .label = "key", .unit = "bits"},
    {.key = "fingerprint", .label = "SHA-256 fingerprint"},
    {.key = "mail", .of = "type"},
    {.key = "mime", .label = "MIME entity", .of = "type"},
    {.key = "parts", .label = "part", .of = "type", .number = "part"},
    {.key = "cms", .label = "CMS", .of = "type"},
    {.key = "content", .of = "type"},
    {.key = "certificates", .label = "certificate", .of = "subject"},
    {.key = "crls", .label = "revocation list", .of = "issuer"},
    {.key = "signers", .label = "signer", .of = "subject"},
    {.key = "recipients", .label = "recipient", .of = "kind"},
    {.key = "labels", .label = "label"},
    {.key = "cipher", .of = "name"},
    {.key = "pss", .label = "PSS"},
    {.key = "oaep", .label = "OAEP"},
    {.key = "pbkdf2", .label = "PBKDF2"},
    {.key = "signed_attributes", .lines = true},
    {.key = "unsigned_attributes", .lines = true},
    {.key = "authenticated_attributes", .lines = true},
    {.key = "unprotected_attributes", .lines = true},
    {.key = NULL},
};

struct inspection {
    struct infile *in;
    struct describe d;
    json_t *root;
    uint8_t *piece;
    struct inspect_cms *cms;    /* the input is one of these, */
    struct inspect_mime *mime;
    struct buf *pem;
};

/* One piece as full as it gets; 0 at the end. */
static int
read_piece(struct inspection *i, size_t *ret_len, struct err *err)
{
    size_t len = 0;
    ssize_t n;

    while (len < IO_CHUNK) {
        n = infile_read(i->in, i->piece + len, IO_CHUNK - len, err);
        if (n < 0)
            return (int)n;
        if (n == 0)
            break;
        len += (size_t)n;
    }
    i->d.input += len;
    *ret_len = len;
    return 0;
}

/* What the input is, by its start. */
static int
begin(struct inspection *i, size_t len, struct err *err)
{
    char label[RECOGNISE_LABEL_MAX];
    bool pem = recognise_pem(i->piece, len < RECOGNISE_PEM_BYTES ? len : RECOGNISE_PEM_BYTES,
                             label);
    /* Messages have many labels: "CMS", "PKCS7", gpgsm's "SIGNED MESSAGE". */
    bool message = pem && strstr(label, "CERTIFICATE") == NULL && strstr(label, "CRL") == NULL &&
                   strstr(label, "KEY") == NULL;

    if (pem && !message) {
        i->pem = buf_new();
        if (i->pem == NULL)
            return err_set(err, E_NOMEM, "out of memory");
        buf_set_max(i->pem, INSPECT_CERTS_MAX);
        return 0;
    }
    if (pem || recognise_cms(i->piece, len))
        return inspect_cms_new(&i->cms, &i->d, i->root, TRANSFER_BINARY, 0, err);
    return inspect_mime_new(&i->mime, &i->d, 0, err);
}

static int
take(struct inspection *i, size_t len, struct err *err)
{
    int rc;

    if (i->cms != NULL)
        return inspect_cms_update(i->cms, i->piece, len, err);
    if (i->mime != NULL)
        return inspect_mime_update(i->mime, i->piece, len, err);
    rc = buf_put(i->pem, i->piece, len);
    return rc == 0 ? 0 : err_set(err, rc, "%s: more than %u bytes of PEM are not looked at; take "
                                 "a part of it", infile_name(i->in), INSPECT_CERTS_MAX);
}

/* A fault of the whole. */
static int
nothing(struct inspection *i, const char *what, struct err *err)
{
    int rc;

    err_set(err, E_MALFORMED, "%s", what);
    rc = describe_fault(&i->d, i->root, E_MALFORMED, err);
    return rc;
}

static int
finish_mime(struct inspection *i, struct err *err)
{
    int rc = inspect_mime_finish(i->mime, err);
    json_t *mail = inspect_mime_take(i->mime);

    describe_string(&i->d, i->root, "form", "mail");
    describe_put(&i->d, i->root, "mail", mail);
    if (rc == 0 && mail == NULL && i->d.rc == 0)
        return nothing(i, "it is neither a mail (it has no header), nor a CMS message, nor a "
                       "certificate", err);
    return rc;
}

static int
finish_pem(struct inspection *i, struct err *err)
{
    int rc = inspect_pem(&i->d, i->root, buf_data(i->pem), buf_len(i->pem), err);

    describe_string(&i->d, i->root, "form", "PEM");
    if (rc == 0 && i->d.rc == 0 && json_object_get(i->root, "certificates") == NULL &&
        json_object_get(i->root, "crls") == NULL)
        return nothing(i, "it holds no message, certificate or revocation list; keys are not "
                       "inspected", err);
    return rc;
}

static int
finish_cms(struct inspection *i, struct err *err)
{
    static const char *const forms[] = {
        [CMS_FORM_AUTO] = "binary", [CMS_FORM_BINARY] = "binary", [CMS_FORM_PEM] = "PEM",
        [CMS_FORM_BASE64] = "base64",
    };
    int rc = inspect_cms_finish(i->cms, err);

    describe_string(&i->d, i->root, "form", forms[inspect_cms_form(i->cms)]);
    return rc;
}

static int
finish(struct inspection *i, struct err *err)
{
    if (i->d.input == 0)
        return nothing(i, "it is empty", err);
    if (i->cms != NULL)
        return finish_cms(i, err);
    return i->mime != NULL ? finish_mime(i, err) : finish_pem(i, err);
}

static void
put_left_out(struct inspection *i)
{
    json_t *group;

    if (i->d.parts_left_out == 0 && i->d.items_left_out == 0)
        return;
    group = describe_group(&i->d, i->root);
    describe_number(&i->d, group, "part_count", i->d.parts_left_out);
    describe_number(&i->d, group, "item_count", i->d.items_left_out);
    describe_put(&i->d, i->root, "left_out", group);
}

static int
inspect(struct inspection *i, struct err *err)
{
    size_t len = 0;
    int rc = read_piece(i, &len, err);

    if (rc == 0 && len > 0)
        rc = begin(i, len, err);
    while (rc == 0 && len > 0) {
        rc = take(i, len, err);
        if (rc == 0)
            rc = read_piece(i, &len, err);
    }
    if (rc == 0)
        rc = finish(i, err);
    describe_number(&i->d, i->root, "size", i->d.input);
    put_left_out(i);
    return rc == 0 ? describe_failed(&i->d, err) : rc;
}

static int
print(const struct cli *cli, const json_t *root, struct err *err)
{
    autofree_buf struct buf *out = buf_new();

    if (cli->json)
        return cli_print_json(root, err);
    if (out == NULL || tree_put(out, root, rows) != 0)
        return err_set(err, E_NOMEM, "out of memory while showing the input");
    return cli_print(out, err);
}

static bool
shows_anything(const json_t *root)
{
    static const char *const keys[] = {"mail", "cms", "certificates", "crls"};

    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
        if (json_object_get(root, keys[k]) != NULL)
            return true;
    return false;
}

/* What was understood is out; now what was not. */
static int
complain(const struct inspection *i, struct err *err)
{
    if (i->d.rc == 0)
        return 0;
    return err_set(err, i->d.rc, "%s: %s%s", infile_name(i->in), err_text(&i->d.err),
                   shows_anything(i->root) ? "; what was understood of it is shown" : "");
}

static int
run(struct cli *cli, const struct options *o, struct err *err)
{
    struct inspection i = {.in = NULL};
    int rc = infile_open(&i.in, cli_operand(o, 0), err);

    i.piece = malloc(IO_CHUNK);
    i.root = json_object();
    if (rc == 0 && (i.piece == NULL || i.root == NULL))
        rc = err_set(err, E_NOMEM, "out of memory");
    if (rc == 0) {
        confine_parser(cli, NULL, NULL, CONFINE_NO_AGENT);
        describe_string(&i.d, i.root, "input", infile_name(i.in));
        rc = inspect(&i, err);
    }
    if (rc == 0)
        rc = print(cli, i.root, err);
    if (rc == 0)
        rc = complain(&i, err);
    inspect_cms_free(&i.cms);
    inspect_mime_free(&i.mime);
    buf_free(&i.pem);
    json_decref(i.root);
    free(i.piece);
    infile_free(&i.in);
    return rc;
}

const struct command command_inspect = {
    .name = "inspect",
    .synopsis = "[FILE]",
    .summary = "show what is in a mail, a message or a certificate",
    .text = "Shows the structure of a mail (MIME parts, and the CMS messages in them), of a CMS\n"
            "message (DER, BER, PEM or base64) or of certificates and revocation lists: every\n"
            "layer with its algorithms, certificates, signers, attributes and recipients, as an\n"
            "indented tree, or with --json as one object. What it is, is found out.\n\n"
            "Nothing is verified and nothing decrypted: everything shown is what the message\n"
            "says of itself, and anybody can have written it. No agent and no key is needed.\n"
            "Of a damaged message, what comes before the fault is shown; the status is then 5.",
    .example = "signet inspect signed.eml\n"
               "signet inspect --json message.p7m | jq '.cms.signers[].algorithm'",
    .max_operands = 1,
    .run = run,
};

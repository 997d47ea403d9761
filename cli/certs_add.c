/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "cli/certs_int.h"

struct counts {
    size_t added, known, crls;
};

static int
add_certs(struct store *store, const struct certs_pile *pile, const char *source,
          struct counts *counts, struct err *err)
{
    int rc = 0;

    for (int i = 0; rc == 0 && i < sk_X509_num(pile->certs); i++) {
        bool new = false;
        rc = store_add(store, sk_X509_value(pile->certs, i), source, &new, err);
        counts->added += new;
        counts->known += !new;
    }
    return rc;
}

static int
add_file(struct store *store, const struct cli *cli, const char *path, const char *password,
         struct counts *counts, struct err *err)
{
    autofree_buf struct buf *source = buf_new();
    struct certs_pile pile = {.certs = NULL};
    int rc = source && buf_putf(source, CERTS_FROM_FILE "%s", path) == 0
                 ? certs_pile_file(&pile, cli, path, password, err)
                 : err_set(err, E_NOMEM, "out of memory for certificates");

    if (rc == 0)
        rc = add_certs(store, &pile, buf_cstr(source), counts, err);
    for (size_t i = 0; rc == 0 && i < pile.crl_count; i++) {
        rc = certs_put_crl(store, pile.crls[i].der, pile.crls[i].len, path, err);
        counts->crls++;
    }
    certs_pile_clear(&pile);
    return rc;
}

static int
tell(struct cli *cli, const struct counts *c, struct err *err)
{
    json_t *object;
    int rc;

    if (!cli->json) {
        cli_note(cli, "%zu certificate%s added, %zu known before%s", c->added,
                 c->added == 1 ? "" : "s", c->known,
                 c->crls ? "; the revocation lists are kept" : "");
        return 0;
    }
    object = json_pack("{s:I, s:I, s:I}", "added", (json_int_t)c->added, "known",
                       (json_int_t)c->known, "crls", (json_int_t)c->crls);
    rc = object ? cli_print_json(object, err) : err_set(err, E_NOMEM, "out of memory");
    json_decref(object);
    return rc;
}

/* All files or none. */
static int
run(struct cli *cli, const struct options *o, struct err *err)
{
    autoclose_store struct store *store = NULL;
    struct counts counts = {.added = 0};
    int rc = certs_store(cli, false, &store, err);

    if (rc != 0)
        return rc;
    rc = store_begin(store, err);
    if (rc != 0)
        return rc;
    for (size_t i = 0; rc == 0 && i < o->operand_count; i++)
        rc = add_file(store, cli, o->operands[i], options_get(o, "password-file"), &counts, err);
    rc = store_end(store, rc, err);
    return rc == 0 ? tell(cli, &counts, err) : rc;
}

static const struct option_row options[] = {
    {.name = "password-file", .value = "F",
     .help = "the first line of F is the password of a PKCS#12 file"},
    {.name = NULL},
};

const struct command command_certs_add = {
    .name = "certs add",
    .synopsis = "[--password-file F] FILE...",
    .summary = "put certificates and revocation lists into the store",
    .text = "Adds what is in the files, in PEM or DER, one or many: certificates, revocation\n"
            "lists, and the certificates of PKCS#7 and PKCS#12 files (their keys stay where they\n"
            "are). Added is not trusted: signet certs trust marks a certificate as such. If one\n"
            "file cannot be read nothing is added.",
    .example = "signet certs add bob.crt intermediates.p7b\n"
               "signet certs add --password-file pw old-key.p12",
    .options = options,
    .min_operands = 1,
    .max_operands = OPTIONS_MAX,
    .run = run,
};

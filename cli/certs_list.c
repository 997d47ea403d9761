/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/certs_int.h"

#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>

static int
no_memory(struct err *err)
{
    return err_set(err, E_NOMEM, "out of memory for certificates");
}

void
certs_list_clear(struct certs_list *l)
{
    for (size_t i = 0; i < l->count; i++) {
        X509_free(l->items[i].cert);
        free(l->items[i].source);
    }
    free(l->items);
    memset(l, 0, sizeof *l);
}

static int
make_room(struct certs_list *l)
{
    size_t room = l->room ? 2 * l->room : 16;
    struct certs_entry *items;

    if (l->count < l->room)
        return 0;
    items = reallocarray(l->items, room, sizeof *items);
    if (!items)
        return E_NOMEM;
    l->items = items;
    l->room = room;
    return 0;
}

static int
append(struct certs_list *l, const struct store_cert *c, struct err *err)
{
    struct certs_entry *e;
    char *source = strdup(c->source);

    if (!source || make_room(l) != 0) {
        free(source);
        return no_memory(err);
    }
    e = &l->items[l->count++];
    *e = (struct certs_entry){.cert = c->cert, .source = source, .learnt = c->learnt,
                              .trust = c->trust, .marked = c->marked};
    memcpy(e->fingerprint, c->fingerprint, STORE_FINGERPRINT);
    X509_up_ref(c->cert);
    return 0;
}

int
certs_list_add(struct certs_list *l, const struct store_cert *c, struct err *err)
{
    for (size_t i = 0; i < l->count; i++)
        if (memcmp(l->items[i].fingerprint, c->fingerprint, STORE_FINGERPRINT) == 0)
            return 0;
    return append(l, c, err);
}

int
certs_list_add_found(struct certs_list *l, X509 *cert, const char *source, struct err *err)
{
    uint8_t print[STORE_FINGERPRINT];
    struct store_cert c = {.cert = cert, .fingerprint = print, .source = source};

    if (X509_digest(cert, EVP_sha256(), print, NULL) != 1)
        return err_set_ossl(err, E_CRYPTO, "a certificate's fingerprint cannot be computed");
    return certs_list_add(l, &c, err);
}

int
certs_store(struct cli *cli, bool to_read, struct store **ret, struct err *err)
{
    int rc = to_read ? 0 : home_make(&cli->home, err);

    return rc == 0 ? store_open(ret, cli->home.state, to_read, err) : rc;
}

/* Each certificate is at hand as it comes, and gone with the next: there may be many. */
struct printer {
    struct cli *cli;
    struct certs_list *rows;    /* for people, whose columns need all rows */
    size_t count;
    struct err *err;
};

static int
print_json(struct printer *p, const struct store_cert *c)
{
    autofree_buf struct buf *out = buf_new();
    struct certs_list one = {.count = 0};
    json_t *object = NULL;
    char *text = NULL;
    int rc = out ? certs_list_add(&one, c, p->err) : no_memory(p->err);

    if (rc == 0)
        rc = certs_json(&one.items[0], &object, p->err);
    if (rc == 0) {
        text = json_dumps(object, JSON_COMPACT);
        rc = text && buf_putf(out, "%s%s", p->count ? ",\n" : "[", text) == 0
                 ? cli_print(out, p->err)
                 : no_memory(p->err);
    }
    free(text);
    json_decref(object);
    certs_list_clear(&one);
    return rc;
}

static int
take(void *arg, const struct store_cert *c)
{
    struct printer *p = arg;
    int rc = p->cli->json ? print_json(p, c) : append(p->rows, c, p->err);

    p->count++;
    return rc;
}

static int
finish(struct printer *p, struct err *err)
{
    autofree_buf struct buf *out = buf_new();
    int rc = out ? 0 : E_NOMEM;

    if (p->cli->json) {
        if (rc == 0)
            rc = buf_put_str(out, p->count ? "]\n" : "[]\n");
    } else if (p->count == 0) {
        cli_note(p->cli, "no certificate is there; those of signed mails are kept when these "
                 "are verified, others are added with signet certs add");
        return 0;
    } else if (rc == 0) {
        rc = certs_put_table(p->rows, out);
    }
    return rc == 0 ? cli_print(out, err) : no_memory(err);
}

/* Those that somebody means are few. */
static int
take_meant(struct printer *p, struct store *store, const char *who, struct err *err)
{
    struct certs_list found = {.count = 0};
    int rc = certs_who(store, who, &found, err);

    if (rc == 0 && found.count == 0)
        rc = err_set(err, E_NO_CERT, "no certificate of \"%s\" is in the store; signet certs "
                     "find looks for it elsewhere", who);
    for (size_t i = 0; rc == 0 && i < found.count; i++) {
        const struct certs_entry *e = &found.items[i];
        struct store_cert c = {.cert = e->cert, .fingerprint = e->fingerprint,
                               .source = e->source, .learnt = e->learnt, .trust = e->trust,
                               .marked = e->marked};
        rc = take(p, &c);
    }
    certs_list_clear(&found);
    return rc;
}

static int
run(struct cli *cli, const struct options *o, struct err *err)
{
    bool trusted = options_has(o, "trusted"), distrusted = options_has(o, "distrusted");
    struct store_query query = {.by = STORE_ALL};
    struct certs_list rows = {.count = 0};
    struct printer p = {.cli = cli, .rows = &rows, .err = err};
    autoclose_store struct store *store = NULL;
    const char *who = cli_operand(o, 0);
    int rc;

    if ((who != NULL) + trusted + distrusted > 1)
        return err_set(err, E_USAGE, "WHO, --trusted and --distrusted are listed one at a time");
    if (trusted || distrusted) {
        query.by = STORE_BY_TRUST;
        query.trust = trusted ? STORE_TRUSTED : STORE_DISTRUSTED;
    }
    rc = certs_store(cli, true, &store, err);
    if (rc == 0 && who)
        rc = take_meant(&p, store, who, err);
    else if (rc == 0 && store)
        rc = store_search(store, &query, 0, take, &p, err);
    if (rc == 0)
        rc = finish(&p, err);
    certs_list_clear(&rows);
    return rc;
}

static const struct option_row options[] = {
    {.name = "trusted", .help = "those marked as trusted"},
    {.name = "distrusted", .help = "those marked as distrusted"},
    {.name = NULL},
};

#define TEXT \
    "Lists the certificates in the store, or those of WHO: an address, 8 digits or more of\n" \
    "the beginning of a fingerprint or of a key's name, a subject or a part of one. Being in\n" \
    "the store makes no certificate trusted; a mark does (signet certs trust)."
#define EXAMPLE "signet certs list bob@example.org\nsignet certs list --trusted --json"

const struct command command_certs_list = {
    .name = "certs list",
    .synopsis = "[WHO | --trusted | --distrusted]",
    .summary = "list the certificates in the store",
    .text = TEXT,
    .example = EXAMPLE,
    .options = options,
    .max_operands = 1,
    .run = run,
};

const struct command command_certs = {
    .name = "certs",
    .synopsis = "[list | show | find | add | remove | export | trust | distrust] ...",
    .summary = "the same",
    .text = TEXT "\n\nsignet certs add --help, and so on, tell of the other commands.",
    .example = EXAMPLE,
    .options = options,
    .max_operands = 1,
    .run = run,
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Taking certificates out of the store, and marking them. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "cli/certs_int.h"
#include "trust/certificate.h"

/* A line that says yes or no. */
#define ANSWER_MAX 16

static int
no_memory(struct err *err)
{
    return err_set(err, E_NOMEM, "out of memory for certificates");
}

static int
remove_run(struct cli *cli, const struct options *o, struct err *err)
{
    autoclose_store struct store *store = NULL;
    autofree_buf struct buf *name = buf_new();
    struct certs_list found = {.count = 0};
    int rc = name ? certs_store(cli, true, &store, err) : no_memory(err);

    if (rc == 0)
        rc = certs_one(store, cli_operand(o, 0), false, &found, err);
    if (rc == 0 && certs_put_short(found.items[0].cert, name) != 0)
        rc = no_memory(err);
    if (rc == 0)
        rc = store_remove(store, found.items[0].fingerprint, err);
    if (rc == 0)
        cli_note(cli, "removed: %s", buf_cstr(name));
    if (rc == 0 && found.items[0].trust == STORE_DISTRUSTED)
        cli_note(cli, "it was marked as distrusted, which is forgotten with it");
    certs_list_clear(&found);
    return rc;
}

/* The certificate on the terminal, and a question. */
static int
ask(const json_t *object, const char *question, bool *ret, struct err *err)
{
    autofree_buf struct buf *out = buf_new();
    int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY), rc = 0;
    char answer[ANSWER_MAX] = "";
    ssize_t n = -1;

    if (tty < 0)
        return err_set(err, E_USAGE, "there is no terminal to ask whether this is meant; give "
                       "--yes after comparing the fingerprint with its owner");
    if (!out || certs_put_lines(object, false, out) != 0 ||
        buf_putf(out, "%s Type yes: ", question) != 0)
        rc = no_memory(err);
    else if (io_write_all(tty, buf_data(out), buf_len(out)) == 0)
        n = io_read(tty, answer, sizeof answer - 1);
    close(tty);
    if (rc == 0)
        *ret = n > 0 && strncmp(answer, "yes\n", 4) == 0;
    return rc;
}

static int
show(const struct cli *cli, const json_t *object, struct err *err)
{
    autofree_buf struct buf *out = buf_new();

    if (cli->quiet || cli->json)
        return 0;
    if (!out || certs_put_lines(object, false, out) != 0)
        return no_memory(err);
    return io_write_all(STDERR_FILENO, buf_data(out), buf_len(out)) == 0
               ? 0
               : err_set_sys(err, E_OUTPUT, errno, "standard error cannot be written");
}

/* Whether to go on: the person was asked or said so before. */
static int
confirm(struct cli *cli, const struct options *o, const json_t *object, const char *question,
        bool *ret, struct err *err)
{
    *ret = true;
    if (options_has(o, "yes") || options_has(o, "undo"))
        return show(cli, object, err);
    if (cli->batch)
        return err_set(err, E_USAGE, "with --batch nobody is asked whether this is meant; give "
                       "--yes after comparing the fingerprint with its owner");
    return ask(object, question, ret, err);
}

static int
mark(struct cli *cli, const struct options *o, enum store_trust trust, const char *question,
     struct err *err)
{
    autoclose_store struct store *store = NULL;
    autofree_buf struct buf *source = buf_new();
    struct certs_list found = {.count = 0};
    json_t *object = NULL;
    bool meant = false;
    int rc = source ? certs_store(cli, false, &store, err) : no_memory(err);

    if (rc == 0)
        rc = certs_one(store, cli_operand(o, 0), true, &found, err);
    if (rc == 0 && buf_putf(source, CERTS_FROM_FILE "%s", found.items[0].source) != 0)
        rc = no_memory(err);
    if (rc == 0)
        rc = certs_json(&found.items[0], &object, err);
    if (rc == 0)
        rc = confirm(cli, o, object, question, &meant, err);
    if (rc == 0 && !meant)
        rc = err_set(err, E_CANCELLED, "nothing was changed");
    if (rc == 0)
        rc = store_mark(store, found.items[0].cert,
                        options_has(o, "undo") ? STORE_NO_MARK : trust, buf_cstr(source), err);
    if (rc == 0)
        cli_note(cli, "%s", options_has(o, "undo")     ? "the mark is taken back"
                            : trust == STORE_TRUSTED ? "marked as trusted"
                                                     : "marked as distrusted");
    json_decref(object);
    certs_list_clear(&found);
    return rc;
}

static int
trust_run(struct cli *cli, const struct options *o, struct err *err)
{
    return mark(cli, o, STORE_TRUSTED, "Trust it, and all that it issues?", err);
}

static int
distrust_run(struct cli *cli, const struct options *o, struct err *err)
{
    return mark(cli, o, STORE_DISTRUSTED, "Never trust it, nor what it issues?", err);
}

static const struct option_row options[] = {
    {.name = "yes", .help = "do not ask"},
    {.name = "undo", .help = "take the mark back"},
    {.name = NULL},
};

const struct command command_certs_remove = {
    .name = "certs remove",
    .synopsis = "WHO",
    .summary = "take a certificate out of the store",
    .text = "Removes the certificate, and how it was marked. If several are meant they are\n"
            "listed, and none is removed.",
    .example = "signet certs remove 0123456789abcdef",
    .min_operands = 1,
    .max_operands = 1,
    .run = remove_run,
};

const struct command command_certs_trust = {
    .name = "certs trust",
    .synopsis = "[--yes | --undo] WHO|FILE",
    .summary = "trust a certificate, and what it issues",
    .text = "Shows the certificate and asks; then it is an anchor: a path that ends at it is\n"
            "trusted. Compare the fingerprint with what its owner says on another way first.\n"
            "A certificate in a file is put into the store.",
    .example = "signet certs trust company-root.crt",
    .options = options,
    .min_operands = 1,
    .max_operands = 1,
    .run = trust_run,
};

const struct command command_certs_distrust = {
    .name = "certs distrust",
    .synopsis = "[--yes | --undo] WHO|FILE",
    .summary = "never trust a certificate",
    .text = "Shows the certificate and asks; then no path through it is trusted, whatever else\n"
            "speaks for it. A certificate in a file is put into the store.",
    .example = "signet certs distrust 0123456789abcdef",
    .options = options,
    .min_operands = 1,
    .max_operands = 1,
    .run = distrust_run,
};

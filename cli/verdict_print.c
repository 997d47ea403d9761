/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/verdict_print.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"

/* no-color.org: any value but none. */
static bool
wants_colour(const char *word)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

    if (word != NULL && strcmp(word, "auto") != 0)
        return strcmp(word, "always") == 0;
    return (no == NULL || no[0] == '\0') && term != NULL && term[0] != '\0' &&
           strcmp(term, "dumb") != 0 && isatty(STDERR_FILENO);
}

int
verdict_style_read(struct verdict_style *ret, const struct options *o, struct err *err)
{
    ret->colour = wants_colour(options_get(o, "color"));
    return status_open(&ret->status_fd, o, err);
}

static int
print_text(const struct cli *cli, const struct verdict *v, struct err *err)
{
    autofree_buf struct buf *text = buf_new();

    if (cli->quiet)
        return 0;
    if (!text || verdict_put_text(v, text) != 0)
        return err_set(err, E_NOMEM, "out of memory for the verdict");
    if (io_write_all(STDERR_FILENO, buf_data(text), buf_len(text)) != 0)
        return err_set_sys(err, E_OUTPUT, errno, "standard error cannot be written");
    return 0;
}

int
verdict_print(const struct cli *cli, struct verdict *v, const struct verdict_style *style,
              struct err *err)
{
    json_t *object;
    int rc = status_put_verdict(style->status_fd, v, err);

    verdict_set_colour(v, style->colour);
    if (rc != 0 || !cli->json)
        return rc != 0 ? rc : print_text(cli, v, err);
    object = verdict_json(v);
    rc = object ? cli_print_json(object, err)
                : err_set(err, E_NOMEM, "out of memory for the verdict");
    json_decref(object);
    return rc;
}

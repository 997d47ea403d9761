/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/verdict_print.h"

#include <errno.h>
#include <unistd.h>

#include "base/io.h"

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
verdict_print(const struct cli *cli, const struct verdict *v, struct err *err)
{
    json_t *object;
    int rc;

    if (!cli->json)
        return print_text(cli, v, err);
    object = verdict_json(v);
    rc = object ? cli_print_json(object, err)
                : err_set(err, E_NOMEM, "out of memory for the verdict");
    json_decref(object);
    return rc;
}

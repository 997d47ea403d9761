/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Everything that the command line prints by itself. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/text.h"
#include "cli/cli.h"

int
cli_print(const struct buf *text, struct err *err)
{
    if (io_write_all(STDOUT_FILENO, buf_data(text), buf_len(text)) != 0)
        return err_set_sys(err, E_OUTPUT, errno, "standard output cannot be written");
    return 0;
}

int
cli_print_json(const json_t *value, struct err *err)
{
    autofree_buf struct buf *out = buf_new();
    char *text = json_dumps(value, JSON_INDENT(2) | JSON_ENCODE_ANY);
    int rc = E_NOMEM;

    if (out && text) {
        rc = buf_put_str(out, text);
        if (rc == 0)
            rc = buf_put_byte(out, '\n');
    }
    free(text);
    if (rc != 0)
        return err_set(err, rc, "out of memory while printing JSON");
    return cli_print(out, err);
}

/* One write, so that lines of several processes do not mix. */
void
cli_complain(const char *sentence)
{
    autofree_buf struct buf *out = buf_new();
    ssize_t n = 0;

    if (out && buf_put_str(out, "signet: ") == 0 &&
        text_put_safe(out, sentence, strlen(sentence)) == 0 && buf_put_byte(out, '\n') == 0)
        n = write(STDERR_FILENO, buf_data(out), buf_len(out));
    (void)n; /* there is nobody left to tell */
}

void
cli_note(const struct cli *cli, const char *fmt, ...)
{
    autofree_buf struct buf *text = buf_new();
    va_list ap;

    if (cli->quiet || !text)
        return;
    va_start(ap, fmt);
    if (buf_putfv(text, fmt, ap) == 0)
        cli_complain(buf_cstr(text));
    va_end(ap);
}

const char *
cli_operand(const struct options *o, size_t i)
{
    return i < o->operand_count ? o->operands[i] : NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A yes or no on the terminal, for when the agent has no pinentry. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <termios.h>
#include <unistd.h>

#include "base/io.h"
#include "base/text.h"
#include "cli/cli.h"

/* Longest line that is read; a longer one is no yes. */
#define LINE_SIZE 64

static int
show(int tty, const char *text)
{
    autofree_buf struct buf *out = buf_new();

    if (!out || text_put_safe(out, text, strlen(text)) != 0 || buf_put_str(out, "? [y/N] ") != 0)
        return -1;
    return io_write_all(tty, buf_data(out), buf_len(out));
}

/* The whole line is taken, its first bytes are kept. */
static size_t
read_line(int tty, char line[LINE_SIZE])
{
    size_t len = 0;
    char c = '\0';

    while (io_read(tty, &c, 1) == 1 && c != '\n')
        if (len < LINE_SIZE - 1)
            line[len++] = c;
    line[len] = '\0';
    return c == '\n' ? len : 0;
}

int
ask_confirm(void *arg, const char *prompt, bool *ret_yes, struct err *err)
{
    int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    char line[LINE_SIZE];

    (void)arg;
    if (tty < 0)
        return err_set(err, E_PIN_NEEDED, "this must be confirmed (%s), but there is no terminal "
                       "to ask on; run it on a terminal, or configure a pinentry", prompt);
    /* What was typed before is no answer. */
    tcflush(tty, TCIFLUSH);
    *ret_yes = show(tty, prompt) == 0 && read_line(tty, line) > 0 &&
               (strcasecmp(line, "y") == 0 || strcasecmp(line, "yes") == 0);
    close(tty);
    return 0;
}

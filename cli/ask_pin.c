/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PIN entry on the terminal, for when the agent has no pinentry. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/io.h"
#include "base/text.h"
#include "cli/cli.h"

/* Signals that would leave the terminal without echo. */
static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
#define CAUGHT (sizeof caught / sizeof *caught)

static volatile sig_atomic_t signalled;

static void
on_signal(int sig)
{
    signalled = sig;
}

static void
catch_signals(struct sigaction old[CAUGHT])
{
    struct sigaction sa = {.sa_handler = on_signal};

    sigemptyset(&sa.sa_mask);
    signalled = 0;
    for (size_t i = 0; i < CAUGHT; i++) {
        sigaction(caught[i], NULL, &old[i]);
        if (old[i].sa_handler != SIG_IGN)
            sigaction(caught[i], &sa, NULL);
    }
}

static void
release_signals(const struct sigaction old[CAUGHT])
{
    for (size_t i = 0; i < CAUGHT; i++)
        sigaction(caught[i], &old[i], NULL);
}

static int
show(int tty, const char *text)
{
    autofree_buf struct buf *out = buf_new();

    if (!out || text_put_safe(out, text, strlen(text)) != 0 || buf_put_str(out, ": ") != 0)
        return -1;
    return io_write_all(tty, buf_data(out), buf_len(out));
}

/* Bytes of the line, -1 when a signal came or the terminal went away. */
static ssize_t
read_line(int tty, struct secret *pin)
{
    uint8_t *at = secret_mutable(pin);
    size_t max = secret_max(pin), len = 0;

    for (;;) {
        ssize_t n = signalled ? -1 : read(tty, at + len, max - len);
        if (n <= 0)
            return n;
        len += (size_t)n;
        if (at[len - 1] == '\n')
            return (ssize_t)len;
        if (len == max)
            return (ssize_t)len;
    }
}

/* One entry with the echo off. 0, or the signal that ended it, or an E_*. */
static int
enter(int tty, const char *prompt, struct secret *pin, struct err *err)
{
    struct sigaction old[CAUGHT];
    struct termios before, quiet;
    ssize_t n = -1;
    bool whole;

    if (tcgetattr(tty, &before) != 0)
        return err_set_sys(err, E_PIN_NEEDED, errno, "a PIN is needed, but the terminal cannot "
                           "be used to ask for it");
    quiet = before;
    quiet.c_lflag = (quiet.c_lflag & ~(tcflag_t)(ECHO | ECHONL)) | ICANON | ISIG;
    catch_signals(old);
    if (tcsetattr(tty, TCSAFLUSH, &quiet) == 0 && show(tty, prompt) == 0)
        n = read_line(tty, pin);
    tcsetattr(tty, TCSAFLUSH, &before);
    release_signals(old);
    whole = n > 0 && secret_mutable(pin)[n - 1] == '\n';
    if (io_write_all(tty, "\n", 1) != 0)
        n = -1;
    if (signalled)
        return signalled;
    if (n <= 0 || n == 1)
        return err_set(err, E_PIN_CANCELLED, "PIN entry cancelled; run the command again to "
                       "enter it");
    if (!whole)
        return err_set(err, E_PIN_INVALID, "that PIN is too long; enter at most %zu characters",
                       secret_max(pin) - 1);
    secret_set_len(pin, (size_t)n - 1);
    return 0;
}

bool
ask_pin_can(void)
{
    int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

    if (tty >= 0)
        close(tty);
    return tty >= 0;
}

int
ask_pin(void *arg, const char *prompt, struct secret *pin, struct err *err)
{
    int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY), rc;

    (void)arg;
    if (tty < 0)
        return err_set(err, E_PIN_NEEDED, "a PIN is needed (%s), but there is no terminal to ask "
                       "for it; run it on a terminal, or configure a pinentry or the token's "
                       "pin-source", prompt);
    do {
        rc = enter(tty, prompt, pin, err);
        /* Suspended: the shell has its terminal as it was; ask again afterwards. */
        if (rc == SIGTSTP)
            raise(SIGSTOP);
    } while (rc == SIGTSTP);
    close(tty);
    if (rc != 0)
        secret_wipe(pin);
    if (rc == SIGINT)
        return err_set(err, E_PIN_CANCELLED, "PIN entry cancelled; run the command again to "
                       "enter it");
    if (rc > 0) {
        raise(rc);
        return err_set(err, E_PIN_CANCELLED, "PIN entry ended by a signal");
    }
    return rc;
}

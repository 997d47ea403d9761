/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A pinentry: a real Assuan server on its standard input and output. Beside the path by which
 * it was started, P, it reads and writes
 *
 *     P.answers   the answer to each question, a line each, taken from the front, the last one
 *                 again and again: a PIN, "cancel", "yes", "no", "hang" (never), "ask" (the
 *                 next line of the pipe P.fifo), "die" (ends at once)
 *     P.log       START, what it is told, the place in its environment, and how it ended:
 *                 BYE, or GONE when it was ended from outside while it asked
 *     P.window    held while a question is shown: OVERLAP in the log when two are at once
 */
#include <assuan.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static const char *self;
static int log_fd = -1;

static const char *
beside(const char *name)
{
    static char path[4200];

    snprintf(path, sizeof path, "%s.%s", self, name);
    return path;
}

static void
put_log(const char *verb, const char *text)
{
    dprintf(log_fd, "%s%s%s\n", verb, *text ? " " : "", text);
}

static void
on_term(int sig)
{
    static const char gone[] = "GONE\n";

    (void)sig;
    if (write(log_fd, gone, sizeof gone - 1) < 0)
        _exit(2);
    _exit(1);
}

/* The first line of the file, which loses it unless it is the last one. */
static void
take_answer(char out[512])
{
    char rest[8192];
    int fd = open(beside("answers"), O_RDWR | O_CLOEXEC);
    ssize_t n;
    char *end;

    flock(fd, LOCK_EX);
    n = read(fd, rest, sizeof rest - 1);
    rest[n > 0 ? n : 0] = '\0';
    end = strchr(rest, '\n');
    snprintf(out, 512, "%.*s", (int)strcspn(rest, "\n"), rest);
    if (end && end[1]) {
        size_t left = strlen(end + 1);
        if (ftruncate(fd, 0) != 0 || pwrite(fd, end + 1, left, 0) != (ssize_t)left)
            put_log("BROKEN", "answers");
    }
    close(fd);
}

static void
take_from_pipe(char out[512])
{
    bool got = false;
    FILE *f;

    out[0] = '\0';
    /* Who wrote the line before may not have closed the pipe yet: its end is no line. */
    while (!got && (f = fopen(beside("fifo"), "re"))) {
        got = fgets(out, 512, f) != NULL;
        fclose(f);
    }
    out[strcspn(out, "\n")] = '\0';
}

static gpg_error_t
ask(assuan_context_t ctx, bool yes_or_no)
{
    int window = open(beside("window"), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    char answer[512];
    gpg_error_t rc = 0;

    if (flock(window, LOCK_EX | LOCK_NB) != 0)
        put_log("OVERLAP", "");
    put_log(yes_or_no ? "CONFIRM" : "GETPIN", "");
    take_answer(answer);
    if (strcmp(answer, "ask") == 0)
        take_from_pipe(answer);
    while (strcmp(answer, "hang") == 0)
        pause();
    if (strcmp(answer, "die") == 0)
        _exit(3);
    if (strcmp(answer, "cancel") == 0)
        rc = gpg_error(GPG_ERR_CANCELED);
    else if (yes_or_no)
        rc = strcmp(answer, "yes") == 0 ? 0 : gpg_error(GPG_ERR_NOT_CONFIRMED);
    else
        rc = assuan_send_data(ctx, answer, strlen(answer));
    close(window);
    return rc;
}

static gpg_error_t
getpin(assuan_context_t ctx, char *line)
{
    (void)line;
    return ask(ctx, false);
}

static gpg_error_t
confirm(assuan_context_t ctx, char *line)
{
    (void)line;
    return ask(ctx, true);
}

static gpg_error_t
note(assuan_context_t ctx, char *line)
{
    put_log(assuan_get_command_name(ctx), line);
    return 0;
}

static gpg_error_t
option(assuan_context_t ctx, const char *name, const char *value)
{
    char text[1100];

    (void)ctx;
    snprintf(text, sizeof text, "%s=%s", name, value);
    put_log("OPTION", text);
    return 0;
}

static void
log_place(void)
{
    static const char *const names[] = {"DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "GPG_TTY"};
    char text[600];

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        snprintf(text, sizeof text, "%s=%s", names[i], value ? value : "");
        put_log("ENV", text);
    }
}

int
main(int argc, char **argv)
{
    static const char *const notes[] = {"SETDESC", "SETPROMPT", "SETTITLE", "SETOK", "SETCANCEL",
                                        "SETERROR", "SETTIMEOUT", "SETKEYINFO"};
    assuan_fd_t ends[2] = {STDIN_FILENO, STDOUT_FILENO};
    assuan_context_t ctx = NULL;
    gpg_error_t rc;

    (void)argc;
    self = argv[0];
    log_fd = open(beside("log"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    signal(SIGTERM, on_term);
    signal(SIGPIPE, SIG_IGN);
    put_log("START", "");
    log_place();
    rc = assuan_new(&ctx);
    if (!rc)
        rc = assuan_init_pipe_server(ctx, ends);
    for (size_t i = 0; !rc && i < sizeof notes / sizeof *notes; i++)
        rc = assuan_register_command(ctx, notes[i], note, NULL);
    if (!rc)
        rc = assuan_register_command(ctx, "GETPIN", getpin, NULL);
    if (!rc)
        rc = assuan_register_command(ctx, "CONFIRM", confirm, NULL);
    if (!rc)
        rc = assuan_register_option_handler(ctx, option);
    if (!rc)
        rc = assuan_accept(ctx);
    if (!rc)
        rc = assuan_process(ctx);
    put_log(rc ? "FAILED" : "BYE", "");
    assuan_release(ctx);
    return rc != 0;
}

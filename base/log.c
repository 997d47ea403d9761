/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"

/* Longest line; longer ones end in "...". */
#define LINE_MAX_BYTES 2048u

static struct {
    const char *program;
    atomic_int fd;
    atomic_int level;
} logger = {.program = "signet", .fd = STDERR_FILENO, .level = LOG_INFO_LEVEL};

int
log_open(const char *program, const char *path, struct err *err)
{
    int fd = STDERR_FILENO;
    if (path != NULL) {
        fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
        if (fd < 0)
            return err_set_sys(err, E_OUTPUT, errno, "log file \"%s\" cannot be opened", path);
    }
    logger.program = program;
    int old = atomic_exchange(&logger.fd, fd);
    if (old != STDERR_FILENO)
        close(old);
    return 0;
}

void
log_set_level(enum log_level level)
{
    atomic_store(&logger.level, (int)level);
}

enum log_level
log_level_get(void)
{
    return (enum log_level)atomic_load(&logger.level);
}

static size_t
put_stamp(char *line, size_t max, enum log_level level)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    struct timespec now;
    struct tm tm;
    char date[32];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
    int n = snprintf(line, max, "%s.%03ldZ %s[%ld] %s: ", date, now.tv_nsec / 1000000,
                     logger.program, (long)getpid(), names[level]);
    return n < 0 ? 0 : (size_t)n < max ? (size_t)n : max - 1;
}

/* Copies text to line[len..], controls as \xNN, and ends the line. */
static size_t
put_text(char *line, size_t len, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (len + 4 + 4 >= LINE_MAX_BYTES) {
            memset(line + len, '.', 3);
            len += 3;
            break;
        }
        if (c < 0x20 || c == 0x7f)
            len += (size_t)snprintf(line + len, 5, "\\x%02x", c);
        else
            line[len++] = (char)c;
    }
    line[len++] = '\n';
    return len;
}

void
log_line(enum log_level level, const char *fmt, ...)
{
    if ((int)level > atomic_load(&logger.level))
        return;
    int saved = errno;
    char text[LINE_MAX_BYTES];
    char line[LINE_MAX_BYTES + 8];
    va_list ap;
    va_start(ap, fmt);
    if (vsnprintf(text, sizeof text, fmt, ap) < 0)
        text[0] = '\0';
    va_end(ap);
    size_t len = put_stamp(line, LINE_MAX_BYTES / 2, level);
    len = put_text(line, len, text);
    if (io_write_all(atomic_load(&logger.fd), line, len) != 0) {
        /* Nobody can be told when the log itself cannot be written. */
    }
    errno = saved;
}

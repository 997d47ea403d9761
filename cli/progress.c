/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/progress.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

/* Longest name shown; of a longer one the end. */
#define NAME_SHOWN 40
/* Takes a line away, whatever is on it. */
#define CLEAR "\r\033[K"

static bool allowed;

static int64_t
monotonic(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void
progress_allow(bool yes)
{
    allowed = yes;
}

void
progress_begin(struct progress *p, const char *name, off_t size)
{
    bool shown = allowed && isatty(STDERR_FILENO);

    *p = (struct progress){.fd = shown ? STDERR_FILENO : -1, .name = name, .size = size,
                           .now = monotonic};
    if (!shown)
        return;
    p->start = p->now();
    p->next = p->start + PROGRESS_AFTER * 1000;
}

static int
put_bytes(struct buf *out, uint64_t bytes)
{
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
    double value = (double)bytes;
    size_t i = 0;

    while (value >= 1000 && i + 1 < sizeof units / sizeof *units) {
        value /= 1000;
        i++;
    }
    return buf_putf(out, i > 0 && value < 100 ? "%.1f %s" : "%.0f %s", value, units[i]);
}

static int
put_left(struct buf *out, int64_t seconds)
{
    if (seconds < 90)
        return buf_putf(out, ", %lld s left", (long long)seconds);
    if (seconds < 90 * 60)
        return buf_putf(out, ", %lld min left", (long long)(seconds + 30) / 60);
    return buf_putf(out, ", %lld h left", (long long)(seconds + 1800) / 3600);
}

int
progress_put(const struct progress *p, int64_t ms, struct buf *out)
{
    size_t len = strlen(p->name), skip = len > NAME_SHOWN ? len - NAME_SHOWN : 0;
    uint64_t total = p->size > 0 ? (uint64_t)p->size : 0;
    uint64_t rate = ms > 0 ? p->done * 1000 / (uint64_t)ms : 0;
    int rc = skip > 0 ? buf_put_str(out, "...") : 0;

    if (rc == 0)
        rc = text_put_safe(out, p->name + skip, len - skip);
    if (rc == 0 && total >= p->done && total > 0)
        rc = buf_putf(out, "  %llu %%", (unsigned long long)(p->done / (total / 100 + 1)));
    if (rc == 0)
        rc = buf_put_str(out, "  ");
    if (rc == 0)
        rc = put_bytes(out, p->done);
    if (rc == 0 && total >= p->done && total > 0 && (rc = buf_put_str(out, " of ")) == 0)
        rc = put_bytes(out, total);
    if (rc == 0 && (rc = buf_put_str(out, ", ")) == 0)
        rc = put_bytes(out, rate);
    if (rc == 0)
        rc = buf_put_str(out, "/s");
    if (rc == 0 && total >= p->done && total > 0 && rate > 0)
        rc = put_left(out, (int64_t)((total - p->done) / rate));
    return rc;
}

static void
show(struct progress *p, int64_t now)
{
    autofree_buf struct buf *line = buf_new();
    ssize_t n = 0;

    p->next = now + PROGRESS_EVERY_MS;
    if (!line || buf_put_str(line, CLEAR) != 0 || progress_put(p, now - p->start, line) != 0)
        return;
    n = write(p->fd, buf_data(line), buf_len(line));
    p->visible |= n > 0;
}

void
progress_step(struct progress *p, uint64_t bytes)
{
    int64_t now;

    p->done += bytes;
    if (p->fd < 0)
        return;
    now = p->now();
    if (now >= p->next)
        show(p, now);
}

void
progress_end(struct progress *p)
{
    ssize_t n = 0;

    if (p->visible)
        n = write(p->fd, CLEAR, strlen(CLEAR));
    p->visible = false;
    (void)n; /* a terminal that is gone needs no clearing */
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/channel.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/secret.h"
#include "base/secret_heap.h"

/* Held bytes at most: two lines of the longest kind (1,002 bytes) and more. */
#define HELD_MAX 4000

struct assuan_malloc_hooks channel_malloc_hooks = {secret_malloc, secret_realloc,
                                                   secret_release};

int
channel_init(struct channel *ch)
{
    memset(ch, 0, sizeof *ch);
    ch->watch = ch->withdraw = -1;
    ch->held = secret_malloc(HELD_MAX);
    return ch->held ? 0 : E_NOMEM;
}

void
channel_clear(struct channel *ch)
{
    secret_release(ch->held);
    ch->held = NULL;
    ch->len = 0;
}

/* A socket, or the pipe of a program that was started with pipes. */
static ssize_t
put_some(int fd, const char *data, size_t len)
{
    ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

    return n < 0 && errno == ENOTSOCK ? write(fd, data, len) : n;
}

static int
flush(struct channel *ch, int fd)
{
    size_t done = 0;

    while (done < ch->len) {
        ssize_t n = put_some(fd, ch->held + done, ch->len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            if (errno == EAGAIN)
                errno = ETIMEDOUT;
            break;
        }
        done += (size_t)n;
    }
    int failed = done < ch->len, saved = errno;
    wipe(ch->held, ch->len);
    ch->len = 0;
    errno = saved;
    return failed ? -1 : 0;
}

/* Notes how the line begins; true when data ends a line that must go out now. */
static bool
ends_turn(struct channel *ch, const char *data, size_t len)
{
    for (size_t i = 0; i < len && ch->kind_len < sizeof ch->kind; i++)
        ch->kind[ch->kind_len++] = data[i];
    if (data[len - 1] != '\n')
        return false;
    bool more = ch->kind_len == 2 && (ch->kind[0] == 'D' || ch->kind[0] == 'S') &&
                ch->kind[1] == ' ';
    ch->kind_len = 0;
    return !more;
}

/* libassuan keeps a data line that is out until another one is as long: a PIN for as long as the
 * connection lives. Only what is in the context itself is ours to wipe. */
static void
wipe_line(assuan_context_t ctx, const void *data, size_t len)
{
    uintptr_t start = (uintptr_t)ctx, line = (uintptr_t)data;
    size_t size = secret_heap_size(ctx);

    if (line >= start && size >= len && line - start <= size - len)
        wipe((void *)line, len);
}

/* libassuan gives us a whole line or a part of one, never parts of two. */
static ssize_t
hook_write(assuan_context_t ctx, assuan_fd_t fd, const void *data, size_t len)
{
    struct channel *ch = assuan_get_pointer(ctx);

    if (len == 0)
        return 0;
    if (len > HELD_MAX - ch->len && flush(ch, fd) != 0)
        return -1;
    if (len > HELD_MAX)
        len = HELD_MAX;
    memcpy(ch->held + ch->len, data, len);
    ch->len += len;
    bool now = ends_turn(ch, data, len);
    wipe_line(ctx, data, len);
    if (now && flush(ch, fd) != 0)
        return -1;
    return (ssize_t)len;
}

/* 0 when fd can be read; -1 with ECANCELED when the watched one is hung up. */
static int
await(const struct channel *ch, int fd)
{
    struct pollfd p[3] = {{.fd = fd, .events = POLLIN},
                          {.fd = ch->watch, .events = POLLRDHUP},
                          {.fd = ch->withdraw, .events = POLLIN}};
    int n;

    do
        n = poll(p, 3, ch->patience > 0 ? ch->patience : -1);
    while (n < 0 && errno == EINTR);
    if (n > 0 && p[0].revents)
        return 0;
    if (n >= 0)
        errno = n > 0 ? ECANCELED : ETIMEDOUT;
    return -1;
}

static ssize_t
hook_read(assuan_context_t ctx, assuan_fd_t fd, void *data, size_t len)
{
    struct channel *ch = assuan_get_pointer(ctx);
    ssize_t n;

    if ((ch->watch >= 0 || ch->withdraw >= 0 || ch->patience > 0) && await(ch, fd) != 0)
        return -1;
    n = read(fd, data, len);
    if (n < 0 && errno == EAGAIN)
        errno = ETIMEDOUT;
    return n;
}

static int
hook_close(assuan_context_t ctx, assuan_fd_t fd)
{
    struct channel *ch = assuan_get_pointer(ctx);

    return ch->keep_open ? 0 : close(fd);
}

void
channel_attach(assuan_context_t ctx, void *owner)
{
    static struct assuan_system_hooks hooks = {
        ASSUAN_SYSTEM_HOOKS_VERSION, __assuan_usleep, __assuan_pipe, hook_close,
        hook_read, hook_write, __assuan_recvmsg, __assuan_sendmsg, __assuan_spawn,
        __assuan_waitpid, __assuan_socketpair, __assuan_socket, __assuan_connect};

    assuan_set_pointer(ctx, owner);
    assuan_ctx_set_system_hooks(ctx, &hooks);
}

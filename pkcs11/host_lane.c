/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pkcs11/host_lane.h"

#include <string.h>
#include <assuan.h>

#include "base/io.h"
#include "base/secret.h"
#include "pkcs11/host_commands.h"

/* What is gathered of an answer at most, in bytes. */
#define GATHER_MAX 8192

struct server {
    struct host_session session; /* first: the context's pointer is of this type */
    size_t len;
    char out[GATHER_MAX];
};

static int
flush(struct server *s, int fd)
{
    int rc = io_write_all(fd, s->out, s->len);

    wipe(s->out, s->len);
    s->len = 0;
    return rc;
}

/* Data and status lines wait for the line that ends the answer, or asks back. */
static bool
may_wait(const struct server *s)
{
    const char *line;

    if (s->len == 0 || s->out[s->len - 1] != '\n')
        return true;
    line = memrchr(s->out, '\n', s->len - 1);
    line = line ? line + 1 : s->out;
    return line[1] == ' ' && (line[0] == 'D' || line[0] == 'S');
}

static ssize_t
gathering_write(assuan_context_t ctx, assuan_fd_t fd, const void *data, size_t len)
{
    struct server *s = assuan_get_pointer(ctx);

    if (len > GATHER_MAX - s->len && flush(s, fd) != 0)
        return -1;
    if (len > GATHER_MAX)
        return io_write_all(fd, data, len) == 0 ? (ssize_t)len : -1;
    memcpy(s->out + s->len, data, len);
    s->len += len;
    if (!may_wait(s) && flush(s, fd) != 0)
        return -1;
    return (ssize_t)len;
}

static gpg_error_t
set_up(assuan_context_t ctx, int fd)
{
    static struct assuan_system_hooks hooks = {
        .version = ASSUAN_SYSTEM_HOOKS_VERSION, .usleep = __assuan_usleep,
        .pipe = __assuan_pipe, .close = __assuan_close, .read = __assuan_read,
        .write = gathering_write, .recvmsg = __assuan_recvmsg, .sendmsg = __assuan_sendmsg,
        .spawn = __assuan_spawn, .waitpid = __assuan_waitpid,
        .socketpair = __assuan_socketpair, .socket = __assuan_socket,
        .connect = __assuan_connect,
    };
    gpg_error_t rc;

    assuan_ctx_set_system_hooks(ctx, &hooks);
    assuan_set_flag(ctx, ASSUAN_NO_LOGGING, 1);
    rc = assuan_init_socket_server(ctx, fd, ASSUAN_SOCKET_SERVER_ACCEPTED);
    if (rc == 0)
        rc = host_commands_register(ctx);
    if (rc == 0)
        rc = assuan_set_hello_line(ctx, "signet-token");
    return rc == 0 ? assuan_accept(ctx) : rc;
}

void
host_lane_serve(int fd, struct module *module, const struct err *fault)
{
    static struct assuan_malloc_hooks memory = {secret_malloc, secret_realloc, secret_release};
    struct server *s = secret_malloc(sizeof *s);
    assuan_context_t ctx = NULL;

    if (!s)
        return;
    *s = (struct server){.session = {.fault = fault}};
    if (module && lane_new(&s->session.lane, module) != 0)
        goto out;
    if (assuan_new_ext(&ctx, GPG_ERR_SOURCE_USER_1, &memory, NULL, NULL) == 0) {
        assuan_set_pointer(ctx, s);
        if (set_up(ctx, fd) == 0)
            assuan_process(ctx);
        assuan_release(ctx);
    }
    lane_free(&s->session.lane);
out:
    secret_release(s);
}

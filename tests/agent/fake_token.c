/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A signet-token without a token: it speaks the agent's side of the protocol on
 * its lanes and does what the files in the folder FAKE_TOKEN say, so that tests
 * can count what the agent sends and make it die at will.
 *
 *     pin      the right PIN            tries    wrong PINs left before it locks
 *     logins   (written) every PIN that was sent, a line each
 *     signs    (written) a line for each signature that was made
 *     crash    there: the next SIGN removes it and kills the process
 *     crash2   there: every SIGN kills the process
 *     mute     there: SIGN never answers
 *     twins    there: two tokens of the same label
 *     hidden   there: the token is not listed and not there
 *
 * One key, whose name is all "a". A signature is "signature of <data>".
 */
#include <assuan.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/text.h"
#include "client/wire.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool logged_in;

static void
path_of(const char *name, char out[512])
{
    snprintf(out, 512, "%s/%s", getenv("FAKE_TOKEN"), name);
}

static bool
there(const char *name)
{
    char path[512];

    path_of(name, path);
    return access(path, F_OK) == 0;
}

static void
read_file(const char *name, char out[64])
{
    char path[512];
    int fd;
    ssize_t n = 0;

    path_of(name, path);
    fd = open(path, O_RDONLY);
    if (fd >= 0)
        n = read(fd, out, 63);
    out[n > 0 ? n : 0] = '\0';
    out[strcspn(out, "\n")] = '\0';
    if (fd >= 0)
        close(fd);
}

static void
append(const char *name, const char *line)
{
    char path[512], text[300];
    int fd, n = snprintf(text, sizeof text, "%s\n", line);

    path_of(name, path);
    fd = open(path, O_WRONLY | O_APPEND | O_CREAT, 0600);
    if (write(fd, text, (size_t)n) != n)
        abort();
    close(fd);
}

static int
tries(void)
{
    char text[64];

    read_file("tries", text);
    return (int)strtol(text, NULL, 10);
}

static void
set_tries(int n)
{
    char path[512], text[16];
    int fd, len = snprintf(text, sizeof text, "%d\n", n);

    path_of("tries", path);
    fd = open(path, O_WRONLY | O_TRUNC | O_CREAT, 0600);
    if (write(fd, text, (size_t)len) != len)
        abort();
    close(fd);
}

static void
put_flags(char *out, size_t max)
{
    int n = tries();

    snprintf(out, max, "\"flags\":{\"login_required\":true,\"initialized\":true,"
             "\"user_pin_initialized\":true,\"pin_locked\":%s,\"pin_final_try\":%s,"
             "\"pin_count_low\":%s,\"protected_path\":false,\"write_protected\":false}",
             n <= 0 ? "true" : "false", n == 1 ? "true" : "false", n < 3 ? "true" : "false");
}

static void
put_token(char *out, size_t max, int slot, const char *serial, char key)
{
    char flags[400], name[65];

    memset(name, key, 64);
    name[64] = '\0';
    put_flags(flags, sizeof flags);
    snprintf(out, max, "{\"slot\":%d,\"label\":\"fake\",\"manufacturer\":\"Tests\","
             "\"model\":\"None\",\"serial\":\"%s\",%s,\"logged_in\":false,\"keys\":[{\"name\":"
             "\"%s\",\"type\":\"ed25519\",\"bits\":256,\"curve\":null,\"label\":\"key %c\","
             "\"id\":\"0%c\",\"token\":\"fake\",\"spki\":\"\",\"operations\":[\"sign\"],"
             "\"private\":null,\"certificates\":[]}],\"certificates\":[]}",
             slot, serial, flags, name, key, key);
}

static gpg_error_t
fail(assuan_context_t ctx, int code, const char *text)
{
    struct err err = {0};

    err_set(&err, code, "token \"fake\": %s", text);
    return wire_reply(ctx, code, &err);
}

static gpg_error_t
run_list(assuan_context_t ctx, char *line)
{
    char one[1400], two[1400], all[3000];

    (void)line;
    put_token(one, sizeof one, 1, "0001", 'a');
    put_token(two, sizeof two, 2, "0002", 'b');
    if (there("hidden"))
        strcpy(all, "[]");
    else if (there("twins"))
        snprintf(all, sizeof all, "[%s,%s]", one, two);
    else
        snprintf(all, sizeof all, "[%s]", one);
    return assuan_send_data(ctx, all, strlen(all));
}

static gpg_error_t
run_tokeninfo(assuan_context_t ctx, char *line)
{
    char flags[400], text[450];

    (void)line;
    put_flags(flags, sizeof flags);
    snprintf(text, sizeof text, "{%s}", flags);
    return assuan_send_data(ctx, text, strlen(text));
}

static gpg_error_t
judge(assuan_context_t ctx, const char *pin)
{
    char right[64];

    append("logins", pin);
    if (tries() <= 0)
        return fail(ctx, E_PIN_LOCKED, "the PIN is locked");
    read_file("pin", right);
    if (strcmp(pin, right) == 0) {
        logged_in = true;
        return 0;
    }
    set_tries(tries() - 1);
    return fail(ctx, tries() > 0 ? E_PIN_WRONG : E_PIN_LOCKED, "the PIN is wrong");
}

static gpg_error_t
run_login(assuan_context_t ctx, char *line)
{
    unsigned char *pin;
    size_t len;
    gpg_error_t rc = assuan_inquire(ctx, "PIN", &pin, &len, WIRE_PIN_MAX);

    (void)line;
    if (rc)
        return rc;
    pthread_mutex_lock(&lock);
    rc = judge(ctx, (char *)pin);
    pthread_mutex_unlock(&lock);
    assuan_free(ctx, pin);
    return rc;
}

static gpg_error_t
run_logout(assuan_context_t ctx, char *line)
{
    (void)ctx;
    (void)line;
    pthread_mutex_lock(&lock);
    logged_in = false;
    pthread_mutex_unlock(&lock);
    return 0;
}

static void
misbehave(void)
{
    char path[512];

    path_of("crash", path);
    if (unlink(path) == 0 || there("crash2"))
        kill(getpid(), SIGKILL);
    while (there("mute"))
        pause();
}

static gpg_error_t
run_sign(assuan_context_t ctx, char *line)
{
    char text[300];
    const char *data = strrchr(line, ' ');
    bool ready;

    if (there("hidden"))
        return fail(ctx, E_NO_TOKEN, "no token in the slot");
    pthread_mutex_lock(&lock);
    ready = logged_in;
    pthread_mutex_unlock(&lock);
    if (!ready)
        return fail(ctx, E_PIN_NEEDED, "a PIN is needed");
    misbehave();
    snprintf(text, sizeof text, "signature of %.200s", data ? data + 1 : "");
    append("signs", text);
    return assuan_send_data(ctx, text, strlen(text));
}

static const struct {
    const char *name;
    assuan_handler_t run;
} commands[] = {
    {"LIST", run_list},     {"TOKENINFO", run_tokeninfo}, {"LOGIN", run_login},
    {"LOGOUT", run_logout}, {"SIGN", run_sign},
};

static void *
serve(void *arg)
{
    assuan_context_t ctx;
    gpg_error_t rc = assuan_new(&ctx);

    if (!rc)
        rc = assuan_init_socket_server(ctx, *(int *)arg, ASSUAN_SOCKET_SERVER_ACCEPTED);
    for (size_t i = 0; !rc && i < sizeof commands / sizeof *commands; i++)
        rc = assuan_register_command(ctx, commands[i].name, commands[i].run, NULL);
    if (!rc)
        rc = assuan_accept(ctx);
    if (!rc)
        assuan_process(ctx);
    assuan_release(ctx);
    return NULL;
}

int
main(int argc, char **argv)
{
    pthread_t threads[32];
    int fds[32], lanes = 1;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--list") == 0)
            return 0;
        if (strcmp(argv[i], "--lanes") == 0 && i + 1 < argc)
            lanes = (int)strtol(argv[i + 1], NULL, 10);
    }
    append("starts", "start");
    for (int i = 0; i < lanes && i < 32; i++) {
        fds[i] = 3 + i;
        if (pthread_create(&threads[i], NULL, serve, &fds[i]) != 0)
            return 1;
    }
    for (int i = 0; i < lanes && i < 32; i++)
        pthread_join(threads[i], NULL);
    return 0;
}

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
 *     serial   the token's serial number, if other than 0001
 *     card     there: the token can be taken out
 *     spare    there: a second token, "spare", with the same key and no PIN
 *     err1     there: SIGN in slot 1 fails with the CK_RV it holds (hex); err2: in slot 2
 *     sessions lanes that get a session, the others get CKR_SESSION_COUNT
 *     count-low, nopin, tochange, keypad    there: the token says so of its PIN
 *     context  there: each SIGN wants the PIN anew; contexts (written): those that came
 *     poke     each time it is written, the agent is told that tokens have changed
 *     gate     a FIFO: each SIGN reads a byte from it first
 *     busy     (written) how many SIGNs are under way, at the beginning of each
 *     slots    (written) the slot of each signature that was made or failed by err1, err2
 *
 * One key, whose name is all "a". A signature is "signature of <data>". A token that
 * was hidden is not logged in when it comes back.
 */
#include <assuan.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/text.h"
#include "client/wire.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool logged_in;
static atomic_int under_way;

/* As the agent has it: the pipe of events is behind the lanes. */
#define FIRST_LANE 3
/* CKR_SESSION_COUNT */
#define RV_SESSION_COUNT 0xb1ul

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

static const char *
truth(bool yes)
{
    return yes ? "true" : "false";
}

static void
put_flags(char *out, size_t max)
{
    int n = tries();

    snprintf(out, max, "\"flags\":{\"login_required\":true,\"initialized\":true,"
             "\"user_pin_initialized\":%s,\"pin_locked\":%s,\"pin_final_try\":%s,"
             "\"pin_count_low\":%s,\"protected_path\":%s,\"pin_to_be_changed\":%s,"
             "\"write_protected\":false}", truth(!there("nopin")), truth(n <= 0), truth(n == 1),
             truth(n < 3 || there("count-low")), truth(there("keypad")),
             truth(there("tochange")));
}

static void
put_token(char *out, size_t max, int slot, const char *label, const char *serial, char key)
{
    char flags[400], name[65];

    memset(name, key, 64);
    name[64] = '\0';
    put_flags(flags, sizeof flags);
    snprintf(out, max, "{\"slot\":%d,\"label\":\"%s\",\"manufacturer\":\"Tests\","
             "\"model\":\"None\",\"serial\":\"%s\",\"removable\":%s,%s,\"logged_in\":false,"
             "\"keys\":[{\"name\":"
             "\"%s\",\"type\":\"ed25519\",\"bits\":256,\"curve\":null,\"label\":\"key %c\","
             "\"id\":\"0%c\",\"token\":\"%s\",\"spki\":\"\",\"operations\":[\"sign\"],"
             "\"private\":null,\"certificates\":[]}],\"certificates\":[]}",
             slot, label, serial, truth(there("card")), flags, name, key, key, label);
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
    char one[1400], two[1400], all[3000], serial[64];

    (void)line;
    read_file("serial", serial);
    put_token(one, sizeof one, 1, "fake", serial[0] ? serial : "0001", 'a');
    if (there("spare"))
        put_token(two, sizeof two, 2, "spare", "0003", 'a');
    else
        put_token(two, sizeof two, 2, "fake", "0002", 'b');
    if (there("hidden")) {
        pthread_mutex_lock(&lock);
        logged_in = false;
        pthread_mutex_unlock(&lock);
        strcpy(all, "[]");
    } else if (there("twins") || there("spare")) {
        snprintf(all, sizeof all, "[%s,%s]", one, two);
    } else {
        snprintf(all, sizeof all, "[%s]", one);
    }
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
    gpg_error_t rc;

    (void)line;
    if (there("keypad")) {
        append("logins", "keypad");
        pthread_mutex_lock(&lock);
        logged_in = true;
        pthread_mutex_unlock(&lock);
        return 0;
    }
    rc = assuan_inquire(ctx, "PIN", &pin, &len, WIRE_PIN_MAX);
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

/* A CK_RV of the module's, as the files say. */
static gpg_error_t
fail_rv(assuan_context_t ctx, unsigned long rv, const char *text)
{
    char hex[24];

    snprintf(hex, sizeof hex, "%lx", rv);
    assuan_write_status(ctx, WIRE_RV, hex);
    return fail(ctx, E_TOKEN, text);
}

static gpg_error_t
check_context(assuan_context_t ctx)
{
    static const char *const how[] = {" final-try", " count-low", ""};
    char right[64], keyword[40];
    unsigned char *pin;
    size_t len;
    int n = tries();
    gpg_error_t rc;

    snprintf(keyword, sizeof keyword, "CONTEXTPIN%s%s", there("keypad") ? " keypad" : "",
             how[n == 1 ? 0 : n < 3 ? 1 : 2]);
    rc = assuan_inquire(ctx, keyword, &pin, &len, WIRE_PIN_MAX);
    if (rc)
        return rc;
    append("contexts", (char *)pin);
    read_file("pin", right);
    bool ok = there("keypad") || strcmp((char *)pin, right) == 0;
    assuan_free(ctx, pin);
    if (ok)
        return 0;
    set_tries(tries() - 1);
    return fail(ctx, tries() > 0 ? E_PIN_WRONG : E_PIN_LOCKED, "the PIN is wrong");
}

static void
pass_gate(void)
{
    char path[512], byte;
    int fd;

    path_of("gate", path);
    fd = open(path, O_RDONLY);
    if (fd < 0)
        return;
    if (read(fd, &byte, 1) < 0)
        abort();
    close(fd);
}

/* What the files say that goes wrong in that slot; 0 for nothing. */
static unsigned long
trouble(assuan_context_t ctx, unsigned long slot)
{
    const int *lane = assuan_get_pointer(ctx);
    char name[16], text[64];

    read_file("sessions", text);
    if (text[0] && *lane - FIRST_LANE >= (int)strtol(text, NULL, 10))
        return RV_SESSION_COUNT;
    snprintf(name, sizeof name, "err%lu", slot);
    read_file(name, text);
    return strtoul(text, NULL, 16);
}

static gpg_error_t
sign(assuan_context_t ctx, const char *line, unsigned long slot)
{
    const char *data = strrchr(line, ' ');
    unsigned long rv = trouble(ctx, slot);
    gpg_error_t rc = 0;
    char text[300];
    bool ready;

    pthread_mutex_lock(&lock);
    ready = logged_in || slot != 1;
    pthread_mutex_unlock(&lock);
    if (!ready)
        return fail(ctx, E_PIN_NEEDED, "a PIN is needed");
    misbehave();
    if (rv == RV_SESSION_COUNT)
        return fail_rv(ctx, rv, "no session");
    pass_gate();
    snprintf(text, sizeof text, "%lu", slot);
    append("slots", text);
    if (rv != 0)
        return fail_rv(ctx, rv, "it errs");
    if (there("context"))
        rc = check_context(ctx);
    if (rc)
        return rc;
    snprintf(text, sizeof text, "signature of %.200s", data ? data + 1 : "");
    append("signs", text);
    return assuan_send_data(ctx, text, strlen(text));
}

static gpg_error_t
run_sign(assuan_context_t ctx, char *line)
{
    unsigned long slot = strtoul(line, NULL, 10);
    char text[16];
    gpg_error_t rc;

    if (there("hidden"))
        return fail(ctx, E_NO_TOKEN, "no token in the slot");
    snprintf(text, sizeof text, "%d", atomic_fetch_add(&under_way, 1) + 1);
    append("busy", text);
    rc = sign(ctx, line, slot);
    atomic_fetch_sub(&under_way, 1);
    return rc;
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
    assuan_set_pointer(ctx, arg);
    if (!rc)
        assuan_process(ctx);
    assuan_release(ctx);
    return NULL;
}

/* Tells the agent of each change that the test announces. */
static void *
tell_events(void *arg)
{
    char buffer[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
    int in = inotify_init1(IN_CLOEXEC), fd = *(int *)arg;
    ssize_t n;

    if (inotify_add_watch(in, getenv("FAKE_TOKEN"), IN_CLOSE_WRITE) < 0)
        return NULL;
    while ((n = read(in, buffer, sizeof buffer)) > 0) {
        for (char *at = buffer; at < buffer + n;) {
            const struct inotify_event *e = (const struct inotify_event *)at;
            if (e->len > 0 && strcmp(e->name, "poke") == 0 && write(fd, "slots\n", 6) < 0)
                return NULL;
            at += sizeof *e + e->len;
        }
    }
    return NULL;
}

int
main(int argc, char **argv)
{
    pthread_t threads[32], teller;
    int fds[33], lanes = 1;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--list") == 0)
            return 0;
        if (strcmp(argv[i], "--lanes") == 0 && i + 1 < argc)
            lanes = (int)strtol(argv[i + 1], NULL, 10);
    }
    append("starts", "start");
    fds[32] = FIRST_LANE + lanes;
    if (pthread_create(&teller, NULL, tell_events, &fds[32]) != 0)
        return 1;
    for (int i = 0; i < lanes && i < 32; i++) {
        fds[i] = FIRST_LANE + i;
        if (pthread_create(&threads[i], NULL, serve, &fds[i]) != 0)
            return 1;
    }
    for (int i = 0; i < lanes && i < 32; i++)
        pthread_join(threads[i], NULL);
    return 0;
}

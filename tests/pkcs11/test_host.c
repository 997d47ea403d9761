/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The real signet-token, spoken to over its sockets as the agent does. */
#include <assuan.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <openssl/evp.h>

#include "base/buf.h"
#include "base/hex.h"
#include "client/wire.h"
#include "pkcs11/spki.h"
#include "tests/base/run.h"
#include "tests/pkcs11/rig.h"
#include "tests/support/pki.h"

#define LANES 2

static struct {
    pid_t pid;
    int fd[LANES];
    assuan_context_t lane[LANES];
} host;

/* The child gets the lanes as descriptors 3 and up and nothing else of ours, but
 * `extra` (or -1) as the one behind them. */
static void
spawn(const char *const argv[], int extra)
{
    int theirs[LANES];

    for (int i = 0; i < LANES; i++) {
        int pair[2];
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        host.fd[i] = pair[0];
        theirs[i] = fcntl(pair[1], F_DUPFD_CLOEXEC, 20);
        close(pair[1]);
    }
    host.pid = fork();
    ck_assert_int_ge(host.pid, 0);
    if (host.pid == 0) {
        if (extra >= 0)
            extra = fcntl(extra, F_DUPFD_CLOEXEC, 30);
        for (int i = 0; i < LANES; i++)
            dup2(theirs[i], 3 + i);
        if (extra >= 0)
            dup2(extra, 3 + LANES);
        execv(SIGNET_TOKEN, (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    for (int i = 0; i < LANES; i++)
        close(theirs[i]);
}

static void
connect_lanes(void)
{
    for (int i = 0; i < LANES; i++) {
        ck_assert_int_eq(assuan_new(&host.lane[i]), 0);
        ck_assert_int_eq(assuan_socket_connect_fd(host.lane[i], host.fd[i], 0), 0);
    }
}

static void
close_lanes(void)
{
    for (int i = 0; i < LANES; i++) {
        assuan_release(host.lane[i]);
        host.lane[i] = NULL;
    }
}

/* Waits for the host to end by itself with status 0. */
static void
host_ends(void)
{
    int status;

    ck_assert_int_eq(waitpid(host.pid, &status, 0), host.pid);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status 0x%x", status);
}

static bool
start(void)
{
    const char *path = rig_module(&rigs[RIG_SOFTHSM]);

    if (!path)
        return false;
    softhsm_prepare();
    spawn((const char *const[]){"signet-token", "--module", "soft", "--path", path, "--lanes",
                                "2", NULL}, -1);
    connect_lanes();
    return true;
}

/* Answers to one command. */
struct talk {
    assuan_context_t ctx;
    struct wire_status status;
    struct buf *data;
    const char *keyword, *answer, *keyword2, *answer2;
    size_t answer_len;
};

static gpg_error_t
take_data(void *arg, const void *data, size_t len)
{
    return buf_put(((struct talk *)arg)->data, data, len) == 0 ? 0 : GPG_ERR_ENOMEM;
}

static gpg_error_t
take_status(void *arg, const char *line)
{
    wire_take_status(&((struct talk *)arg)->status, line);
    return 0;
}

static gpg_error_t
take_inquiry(void *arg, const char *line)
{
    struct talk *t = arg;

    if (t->keyword && strcmp(line, t->keyword) == 0)
        return assuan_send_data(t->ctx, t->answer,
                                t->answer_len ? t->answer_len : strlen(t->answer));
    if (t->keyword2 && strcmp(line, t->keyword2) == 0)
        return assuan_send_data(t->ctx, t->answer2, strlen(t->answer2));
    return GPG_ERR_ASS_CANCELED;
}

static int
talk(struct talk *t, int lane, struct err *err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static int
talk(struct talk *t, int lane, struct err *err, const char *fmt, ...)
{
    char line[1000];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    t->ctx = host.lane[lane];
    t->status = (struct wire_status){0};
    if (!t->data)
        t->data = buf_new();
    buf_reset(t->data);
    return wire_result(&t->status,
                       assuan_transact(t->ctx, line, take_data, t, take_inquiry, t, take_status,
                                       t), "token host", err);
}

static void
must(int rc, const struct err *err)
{
    ck_assert_msg(rc == 0, "%s: %s", err_name(rc), err_text(err));
}

/* Makes a token, logs in, generates a key; *slot and name are filled. */
static void
furnish(struct talk *t, unsigned long *slot, char name[SPKI_NAME], const char *type)
{
    struct err err = {0};

    t->keyword = "SOPIN";
    t->answer = "so-pin-1";
    t->keyword2 = "PIN";
    t->answer2 = RIG_PIN;
    must(talk(t, 0, &err, "INIT_TOKEN my+token"), &err);
    *slot = strtoul(buf_cstr(t->data), NULL, 10);
    t->keyword = "PIN";
    t->answer = RIG_PIN;
    must(talk(t, 0, &err, "LOGIN %lu", *slot), &err);
    must(talk(t, 0, &err, "GENERATE %lu %s my+key", *slot, type), &err);
    snprintf(name, SPKI_NAME, "%s", buf_cstr(t->data));
    t->keyword = t->keyword2 = NULL;
}

static json_t *
find(json_t *array, const char *key, const char *value)
{
    json_t *o;
    size_t i;

    json_array_foreach(array, i, o)
        if (strcmp(json_string_value(json_object_get(o, key)), value) == 0)
            return o;
    return NULL;
}

START_TEST(a_whole_session)
{
    struct talk t = {0};
    char name[SPKI_NAME];
    struct err err = {0};
    unsigned long slot;

    if (!start())
        return;
    furnish(&t, &slot, name, "p256");

    /* Listed on the other lane, with its public key. */
    must(talk(&t, 1, &err, "LIST"), &err);
    json_t *all = json_loads(buf_cstr(t.data), 0, NULL);
    json_t *token = find(all, "label", "my token");
    ck_assert_ptr_nonnull(token);
    ck_assert_str_eq(json_string_value(json_object_get(token, "module")), "soft");
    json_t *key = find(json_object_get(token, "keys"), "name", name);
    ck_assert_ptr_nonnull(key);
    ck_assert_str_eq(json_string_value(json_object_get(key, "label")), "my key");
    const char *b64 = json_string_value(json_object_get(key, "spki"));
    uint8_t der[512];
    const uint8_t *p = der;
    ck_assert_int_gt(EVP_DecodeBlock(der, (const unsigned char *)b64, (int)strlen(b64)), 0);
    EVP_PKEY *pub = d2i_PUBKEY(NULL, &p, sizeof der);
    ck_assert_ptr_nonnull(pub);
    json_decref(all);

    /* Signed on either lane, though only one logged in. */
    uint8_t digest[32] = {5};
    char hex[65];
    hex_encode(digest, sizeof digest, hex);
    for (int lane = 0; lane < LANES; lane++) {
        must(talk(&t, lane, &err, "SIGN %lu %s ecdsa-sha256 %s", slot, name, hex), &err);
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pub, NULL);
        ck_assert_int_eq(EVP_PKEY_verify_init(ctx), 1);
        ck_assert_int_eq(EVP_PKEY_verify(ctx, buf_data(t.data), buf_len(t.data), digest, 32), 1);
        EVP_PKEY_CTX_free(ctx);
    }

    must(talk(&t, 0, &err, "TOKENINFO %lu", slot), &err);
    json_t *info = json_loads(buf_cstr(t.data), 0, NULL);
    ck_assert(json_is_true(json_object_get(info, "logged_in")));
    json_decref(info);

    must(talk(&t, 0, &err, "LOGOUT %lu", slot), &err);
    ck_assert_int_eq(talk(&t, 1, &err, "SIGN %lu %s ecdsa-sha256 %s", slot, name, hex),
                     E_PIN_NEEDED);
    t.keyword = "PIN";
    t.answer = "wrong-pin";
    ck_assert_int_eq(talk(&t, 1, &err, "LOGIN %lu", slot), E_PIN_WRONG);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "token \"my token\": the PIN is wrong"));
    t.keyword = NULL;
    ck_assert_int_eq(talk(&t, 1, &err, "LOGIN %lu", slot), E_PIN_CANCELLED);
    EVP_PKEY_free(pub);
    buf_free(&t.data);
    close_lanes();
    host_ends();
}
END_TEST

START_TEST(data_by_inquiry)
{
    static char message[20000];
    struct talk t = {0};
    char name[SPKI_NAME], rsa[SPKI_NAME];
    struct err err = {0};
    unsigned long slot;

    if (!start())
        return;
    memset(message, 'm', sizeof message);
    furnish(&t, &slot, name, "ed25519");
    must(talk(&t, 0, &err, "GENERATE %lu rsa2048", slot), &err);
    snprintf(rsa, sizeof rsa, "%s", buf_cstr(t.data));
    t.keyword = "DATA";
    t.answer = message;
    t.answer_len = sizeof message;
    must(talk(&t, 0, &err, "SIGN %lu %s ed25519", slot, name), &err);
    ck_assert_uint_eq(buf_len(t.data), 64);

    t.keyword = "CIPHERTEXT";
    t.answer_len = 256;
    must(talk(&t, 1, &err, "DECRYPT %lu %s rsa-pkcs1 24", slot, rsa), &err);
    ck_assert_uint_eq(buf_len(t.data), 24);
    ck_assert_int_eq(talk(&t, 1, &err, "DECRYPT %lu %s rsa-oaep-sha256", slot, rsa), E_DECRYPT);
    ck_assert_int_eq(talk(&t, 1, &err, "DECRYPT %lu %s rsa-pkcs1 246", slot, rsa), E_USAGE);
    ck_assert_int_eq(talk(&t, 1, &err, "DECRYPT %lu %s rsa-oaep-sha1 mgf1=sha512 label=00ff",
                          slot, rsa), E_DECRYPT);
    ck_assert_int_eq(talk(&t, 1, &err, "DECRYPT %lu %s rsa-oaep-sha1 16 label=0", slot, rsa),
                     E_USAGE);
    ck_assert_int_eq(talk(&t, 1, &err, "DECRYPT %lu %s rsa-oaep-sha1 mgf1=rot13", slot, rsa),
                     E_MECHANISM);
    ck_assert_int_eq(talk(&t, 1, &err, "DECRYPT %lu %s rsa-pkcs1 24 mgf1=sha1", slot, rsa),
                     E_USAGE);

    EVP_PKEY *ca_key = pki_key("p256");
    X509 *cert = pki_cert(&(struct pki_request){.cn = "x"}, ca_key, NULL, ca_key);
    uint8_t *der = NULL;
    t.keyword = "CERTIFICATE";
    t.answer_len = (size_t)i2d_X509(cert, &der);
    t.answer = (char *)der;
    ck_assert_int_eq(talk(&t, 1, &err, "IMPORT_CERT %lu", slot), E_NO_KEY);
    t.answer = "rubbish";
    t.answer_len = 7;
    ck_assert_int_eq(talk(&t, 1, &err, "IMPORT_CERT %lu", slot), E_MALFORMED);
    OPENSSL_free(der);
    X509_free(cert);
    EVP_PKEY_free(ca_key);
    buf_free(&t.data);
    close_lanes();
    host_ends();
}
END_TEST

START_TEST(nonsense_is_refused)
{
    static const char *const lines[] = {
        "SIGN", "SIGN x y z", "SIGN 1 abc rsa-pkcs1-sha256 00", "LIST 1", "TOKENINFO -1",
        "LOGIN", "DERIVE 1", "GENERATE 1", "GENERATE 1 dsa", "GETINFO colour",
        "INIT_TOKEN a b c", "SIGN 1 2 3 4 5 6 7 8 9",
    };
    struct talk t = {0};
    struct err err = {0};

    if (!start())
        return;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        int rc = talk(&t, 0, &err, "%s", lines[i]);
        ck_assert_msg(rc == E_USAGE, "%s: %s", lines[i], err_name(rc));
        ck_assert_uint_gt(strlen(err_text(&err)), 10);
    }
    must(talk(&t, 0, &err, "GETINFO pid"), &err);
    ck_assert_int_eq(strtol(buf_cstr(t.data), NULL, 10), host.pid);
    buf_free(&t.data);
    close_lanes();
    host_ends();
}
END_TEST

START_TEST(a_missing_module_is_explained)
{
    struct talk t = {0};
    struct err err = {0};

    spawn((const char *const[]){"signet-token", "--module", "gone", "--path",
                                "/nonexistent/gone.so", "--lanes", "2", NULL}, -1);
    connect_lanes();
    for (int lane = 0; lane < LANES; lane++) {
        ck_assert_int_eq(talk(&t, lane, &err, "LIST"), E_HOST);
        ck_assert_ptr_nonnull(strstr(err_text(&err), "module \"gone\": cannot load"));
    }
    buf_free(&t.data);
    close_lanes();
    host_ends();
}
END_TEST

/* The vendor's call never returns; the host ends all the same when its lanes do. */
START_TEST(a_hanging_module_does_not_hold_the_host)
{
    int beacon[2];
    char byte;

    ck_assert_int_eq(pipe2(beacon, O_CLOEXEC), 0);
    ck_assert_int_eq(setenv("HANGING_MODULE_FD", "5", 1), 0);
    spawn((const char *const[]){"signet-token", "--path", HANGING_MODULE, "--lanes", "2", NULL},
          beacon[1]);
    close(beacon[1]);
    connect_lanes();
    ck_assert_int_eq(assuan_write_line(host.lane[0], "LIST"), 0);
    ck_assert_int_eq(read(beacon[0], &byte, 1), 1); /* it hangs now */
    close_lanes();
    host_ends();
    close(beacon[0]);
}
END_TEST

START_TEST(ends_on_sigterm)
{
    if (!start())
        return;
    ck_assert_int_eq(kill(host.pid, SIGTERM), 0);
    host_ends();
    close_lanes();
}
END_TEST

/* An agent that is killed takes its host along, even when somebody else still
 * holds the other ends of the lanes. */
START_TEST(ends_with_its_parent)
{
    const char *path = rig_module(&rigs[RIG_SOFTHSM]);
    int life[2];
    pid_t agent;
    char byte;

    if (!path)
        return;
    softhsm_prepare();
    ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    ck_assert_int_eq(pipe(life), 0); /* inherited: its write end closes with the host */
    agent = fork();
    ck_assert_int_ge(agent, 0);
    if (agent == 0) {
        /* The lanes' other ends stay open in the host itself: no hang-up from them. */
        int pair[2];
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
            _exit(1);
        int held = fcntl(pair[0], F_DUPFD, 40), write_end = fcntl(life[1], F_DUPFD, 41);
        int theirs = fcntl(pair[1], F_DUPFD, 42);
        pid_t pid = fork();
        if (pid == 0) {
            dup2(theirs, 3);
            execl(SIGNET_TOKEN, "signet-token", "--path", path, NULL);
            _exit(127);
        }
        close(write_end);
        close(theirs);
        close(pair[1]);
        /* The greeting says that the host watches its parent by now. */
        if (pid < 0 || read(held, &byte, 1) != 1)
            _exit(1);
        _exit(0);
    }
    close(life[1]);
    ck_assert_int_eq(waitpid(agent, NULL, 0), agent);
    ck_assert_int_eq(read(life[0], &byte, 1), 0);
    ck_assert_int_gt(wait(NULL), 0);
    close(life[0]);
}
END_TEST

START_TEST(lists_configured_modules)
{
    char line[PATH_MAX + 128];
    FILE *f = popen(SIGNET_TOKEN " --list", "r");

    ck_assert_ptr_nonnull(f);
    while (fgets(line, sizeof line, f)) {
        const char *tab = strchr(line, '\t');
        ck_assert_ptr_nonnull(tab);
        ck_assert_int_eq(tab[1], '/');
        ck_assert_ptr_null(strstr(line, "p11-kit-trust"));
    }
    ck_assert_int_eq(pclose(f), 0);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("host");

    signal(SIGPIPE, SIG_IGN); /* libassuan says BYE to a host that may be gone */
    tcase_add_checked_fixture(tc, scratch_setup, scratch_teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_whole_session);
    tcase_add_test(tc, data_by_inquiry);
    tcase_add_test(tc, nonsense_is_refused);
    tcase_add_test(tc, a_missing_module_is_explained);
    tcase_add_test(tc, a_hanging_module_does_not_hold_the_host);
    tcase_add_test(tc, ends_on_sigterm);
    tcase_add_test(tc, ends_with_its_parent);
    tcase_add_test(tc, lists_configured_modules);
    return run_suite("pkcs11: token host", &tc, 1);
}

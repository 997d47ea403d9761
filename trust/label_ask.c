/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/label.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/text.h"
#include "trust/certificate.h"

extern char **environ;

/* A program at work. */
struct asking {
    int question;       /* its standard input: a file, so that it need not read it */
    int answer[2];      /* pipe from its standard output */
    pid_t pid;
    struct timespec until;
};

static int
add_email(void *arg, const char *address, bool in_subject)
{
    (void)in_subject;
    return json_array_append_new(arg, json_string(address)) == 0 ? 0 : E_NOMEM;
}

static int
add_signer(json_t *object, const X509 *signer)
{
    autofree_buf struct buf *name = buf_new();
    json_t *emails = json_array();
    int rc = name == NULL || emails == NULL ? E_NOMEM : 0;

    if (rc == 0 && signer != NULL)
        rc = certificate_put_name(name, X509_get_subject_name(signer));
    if (rc == 0 && signer != NULL)
        rc = certificate_each_email(signer, add_email, emails);
    if (rc != 0 || json_object_set_new(object, "emails", emails) != 0 ||
        json_object_set_new(object, "signer", signer == NULL ? json_null()
                                                             : json_string(buf_cstr(name))) != 0)
        return E_NOMEM;
    return 0;
}

/* The question as a file whose name is gone. */
static int
write_question(struct asking *a, enum label_action action, const struct cms_label *label,
               const X509 *signer, struct err *err)
{
    json_t *object = label_json(label);
    char *text = NULL;
    int rc = E_NOMEM;

    if (object != NULL && add_signer(object, signer) == 0 &&
        json_object_set_new(object, "action",
                            json_string(action == LABEL_READ ? "read" : "sign")) == 0)
        text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    if (text != NULL) {
        a->question = memfd_create("label", MFD_CLOEXEC);
        rc = a->question >= 0 && io_write_all(a->question, text, strlen(text)) == 0 &&
                     lseek(a->question, 0, SEEK_SET) == 0
                 ? 0
                 : E_SYSTEM;
    }
    free(text);
    return rc == 0 ? 0
                   : err_set_sys(err, rc, errno, "label policy: the question cannot be written");
}

/* In a process group of its own, so that all of it can be ended. */
static int
start(struct asking *a, const char *program)
{
    char *argv[] = { (char *)(uintptr_t)program, NULL };
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    sigset_t none;
    int rc;

    /* Not all systems' spawn says that there is nothing to run. */
    if (access(program, X_OK) != 0 || pipe2(a->answer, O_CLOEXEC) != 0)
        return errno;
    sigemptyset(&none);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&how);
    posix_spawn_file_actions_adddup2(&files, a->question, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&files, a->answer[1], STDOUT_FILENO);
    posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigmask(&how, &none);
    rc = posix_spawn(&a->pid, program, &files, &how, argv, environ);
    posix_spawnattr_destroy(&how);
    posix_spawn_file_actions_destroy(&files);
    if (rc != 0)
        a->pid = -1;
    close(a->answer[1]);
    a->answer[1] = -1;
    return rc;
}

static int
milliseconds_left(const struct asking *a)
{
    struct timespec now;
    long long left;

    clock_gettime(CLOCK_MONOTONIC, &now);
    left = (a->until.tv_sec - now.tv_sec) * 1000LL + (a->until.tv_nsec - now.tv_nsec) / 1000000;
    return left < 0 ? 0 : (int)left;
}

/* Its output to the end, of which the start is kept. False: time was up. */
static bool
read_answer(const struct asking *a, struct buf *out)
{
    char piece[512];

    for (;;) {
        struct pollfd p = { .fd = a->answer[0], .events = POLLIN };
        int n = poll(&p, 1, milliseconds_left(a));
        ssize_t got;

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        got = read(a->answer[0], piece, sizeof piece);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return true;
        if (buf_len(out) < LABEL_REASON_MAX && buf_put(out, piece, (size_t)got) != 0)
            return false;
    }
}

/* Its end. A program may close its output and go on: it is given until the deadline. */
static int
wait_for(const struct asking *a, bool in_time)
{
    const struct timespec nap = { .tv_nsec = 2 * 1000 * 1000 };
    int status = -1;

    while (in_time && milliseconds_left(a) > 0) {
        if (waitpid(a->pid, &status, WNOHANG) == a->pid)
            return status;
        nanosleep(&nap, NULL);
    }
    kill(-a->pid, SIGKILL);
    while (waitpid(a->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return -1;
}

/* The first line, made safe, as many whole characters as fit. */
static void
take_reason(struct buf *said, char reason[LABEL_REASON_MAX + 1])
{
    autofree_buf struct buf *safe = buf_new();
    size_t len = strcspn(buf_cstr(said), "\r\n");

    if (safe == NULL || text_put_safe(safe, buf_cstr(said), len) != 0)
        return;
    len = buf_len(safe);
    if (len > LABEL_REASON_MAX)
        for (len = LABEL_REASON_MAX; len > 0 && (buf_data(safe)[len] & 0xc0) == 0x80; len--)
            continue;
    memcpy(reason, buf_data(safe), len);
    reason[len] = '\0';
}

static void
converse(struct asking *a, const char *program, bool *allowed, char reason[LABEL_REASON_MAX + 1])
{
    autofree_buf struct buf *said = buf_new();
    int status, rc = said == NULL ? ENOMEM : start(a, program);
    bool in_time;

    if (rc != 0) {
        snprintf(reason, LABEL_REASON_MAX + 1, "the program cannot be run: %s", strerror(rc));
        return;
    }
    in_time = read_answer(a, said);
    status = wait_for(a, in_time);
    *allowed = status >= 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (status == -1)
        snprintf(reason, LABEL_REASON_MAX + 1, "the program did not answer within %d seconds",
                 LABEL_POLICY_SECONDS);
    else
        take_reason(said, reason);
}

int
label_ask(const char *program, enum label_action action, const struct cms_label *label,
          const X509 *signer, bool *allowed, char reason[LABEL_REASON_MAX + 1], struct err *err)
{
    struct asking a = { .question = -1, .answer = { -1, -1 }, .pid = -1 };
    int rc = write_question(&a, action, label, signer, err);

    *allowed = false;
    *reason = '\0';
    clock_gettime(CLOCK_MONOTONIC, &a.until);
    a.until.tv_sec += LABEL_POLICY_SECONDS;
    if (rc == 0)
        converse(&a, program, allowed, reason);
    if (a.question >= 0)
        close(a.question);
    if (a.answer[0] >= 0)
        close(a.answer[0]);
    return rc;
}

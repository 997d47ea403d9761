/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LINE_MAX_LEN 1024
/* How long a swap takes when nothing is said: longer than the reader's polling, or
 * nobody would notice. */
#define SWAP_MS 1000

static int
address(const char *path, struct sockaddr_un *a)
{
    memset(a, 0, sizeof *a);
    a->sun_family = AF_UNIX;
    if (strlen(path) >= sizeof a->sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(a->sun_path, path, strlen(path));
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

int
control_listen(const char *path)
{
    struct sockaddr_un a;
    int fd = address(path, &a);

    if (fd < 0)
        return -1;
    unlink(path);
    if (bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 16) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* The next word of a line, cut off; "" at the end. */
static char *
word(char **line)
{
    char *w = *line + strspn(*line, " ");
    size_t n = strcspn(w, " ");

    *line = w + n;
    if (**line != '\0')
        *(*line)++ = '\0';
    return w;
}

/* NULL, or what is wrong. */
typedef const char *(*verb_fn)(struct machine *, char *line, FILE *answer);

static const char *
do_in(struct machine *m, char *line, FILE *answer)
{
    (void)line;
    (void)answer;
    machine_in(m);
    return NULL;
}

static const char *
do_out(struct machine *m, char *line, FILE *answer)
{
    (void)answer;
    machine_out(m, strtoul(word(&line), NULL, 10));
    return NULL;
}

static const char *
do_slow(struct machine *m, char *line, FILE *answer)
{
    (void)answer;
    m->slow = strtoul(word(&line), NULL, 10);
    return NULL;
}

static const struct {
    const char *name;
    enum fault_kind kind;
    int base; /* of its value; 0: it has none */
} fault_names[] = {
    {"out", FAULT_OUT, 10},         {"swap", FAULT_SWAP, 10}, {"slow", FAULT_SLOW, 10},
    {"hang", FAULT_HANG, 0},        {"garbage", FAULT_GARBAGE, 0},
    {"truncate", FAULT_TRUNCATE, 0}, {"short", FAULT_SHORT, 0}, {"sw", FAULT_SW, 16},
    {"lose", FAULT_LOSE, 0},
};

static const char *
read_fault(char *line, struct fault *f)
{
    const char *name = word(&line), *value;

    for (size_t i = 0; i < sizeof fault_names / sizeof *fault_names; i++) {
        if (strcmp(fault_names[i].name, name) != 0)
            continue;
        f->kind = fault_names[i].kind;
        if (f->kind == FAULT_SWAP)
            snprintf(f->folder, sizeof f->folder, "%s", word(&line));
        value = word(&line);
        if (*value != '\0')
            f->value = strtoul(value, NULL, fault_names[i].base ? fault_names[i].base : 10);
        else if (f->kind == FAULT_SWAP)
            f->value = SWAP_MS;
        return NULL;
    }
    return "no such fault";
}

static const char *
do_on(struct machine *m, char *line, FILE *answer)
{
    struct fault f = {.kind = FAULT_NONE};
    const char *ins = word(&line), *n = word(&line), *wrong = read_fault(line, &f);

    (void)answer;
    if (wrong != NULL)
        return wrong;
    f.ins = strcmp(ins, "any") == 0 ? INS_ANY : (int)strtoul(ins, NULL, 16);
    f.at = (unsigned)strtoul(n, NULL, 10);
    if (f.at == 0)
        return "N is 1 or more";
    for (size_t i = 0; i < FAULTS_MAX; i++)
        if (m->faults[i].kind == FAULT_NONE) {
            m->faults[i] = f;
            return NULL;
        }
    return "too many faults";
}

static const char *
do_swap(struct machine *m, char *line, FILE *answer)
{
    const char *folder = word(&line), *ms = word(&line);
    void *other = m->ops->open(folder);

    (void)answer;
    if (other == NULL)
        return "no card in that folder";
    machine_out(m, *ms != '\0' ? strtoul(ms, NULL, 10) : SWAP_MS);
    m->card = other;
    return NULL;
}

static const char *
do_go(struct machine *m, char *line, FILE *answer)
{
    (void)line;
    (void)answer;
    m->hung = false;
    return NULL;
}

static const char *
do_calm(struct machine *m, char *line, FILE *answer)
{
    (void)line;
    (void)answer;
    memset(m->faults, 0, sizeof m->faults);
    m->hung = false;
    m->slow = 0;
    return NULL;
}

static const struct {
    uint8_t ins;
    const char *name;
} counted[] = {
    {INS_SELECT, "select"},
    {INS_GET_DATA, "get-data"},
    {INS_GET_RESPONSE, "get-response"},
    {INS_VERIFY, "verify"},
    {INS_CHANGE_REFERENCE_DATA, "change-reference-data"},
    {INS_RESET_RETRY_COUNTER, "reset-retry-counter"},
    {INS_GENERAL_AUTHENTICATE, "general-authenticate"},
};

static const char *
do_count(struct machine *m, char *line, FILE *answer)
{
    unsigned long named = 0;

    (void)line;
    fprintf(answer, "apdus=%lu resets=%lu in=%d powered=%d seen=%d holding=%d", m->apdus,
            m->resets, m->reader >= 0, m->powered, m->seen, m->holding);
    for (size_t i = 0; i < sizeof counted / sizeof *counted; i++) {
        fprintf(answer, " %s=%lu", counted[i].name, m->by_ins[counted[i].ins]);
        named += m->by_ins[counted[i].ins];
    }
    fprintf(answer, " other=%lu ", m->apdus - named);
    m->ops->count(m->card, answer);
    fputc('\n', answer);
    return NULL;
}

static const char *
do_zero(struct machine *m, char *line, FILE *answer)
{
    (void)line;
    (void)answer;
    m->apdus = m->resets = 0;
    memset(m->by_ins, 0, sizeof m->by_ins);
    return NULL;
}

static const char *
do_log(struct machine *m, char *line, FILE *answer)
{
    (void)answer;
    if (m->log != NULL)
        fclose(m->log);
    m->log = fopen(word(&line), "we");
    return m->log != NULL ? NULL : "that file cannot be written";
}

static const char *
do_quit(struct machine *m, char *line, FILE *answer)
{
    (void)line;
    (void)answer;
    m->quit = true;
    return NULL;
}

static const struct {
    const char *name;
    verb_fn fn;
} verbs[] = {
    {"in", do_in},     {"out", do_out},   {"swap", do_swap},   {"slow", do_slow},
    {"on", do_on},     {"go", do_go},     {"calm", do_calm},   {"count", do_count},
    {"zero", do_zero}, {"log", do_log},   {"quit", do_quit},
};

static void
obey(struct machine *m, char *line, FILE *answer)
{
    const char *name = word(&line), *wrong = NULL;
    char *text = NULL;
    size_t len = 0, i;
    FILE *body = open_memstream(&text, &len);

    for (i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(verbs[i].name, name) == 0)
            break;
    if (body == NULL)
        return;
    if (i < sizeof verbs / sizeof *verbs)
        wrong = verbs[i].fn(m, line, body);
    else if (!m->ops->tell(m->card, name, line, body))
        wrong = "no such command, or it does not apply";
    fclose(body);
    if (wrong != NULL)
        fprintf(answer, "ERR %s\n", wrong);
    else
        fprintf(answer, "OK\n%s", text);
    free(text);
}

/* A stream per direction: one for both would need a seek in between. */
static bool
open_streams(int fd, FILE **in, FILE **out)
{
    int other = fd < 0 ? -1 : dup(fd);

    *in = fd < 0 ? NULL : fdopen(fd, "re");
    *out = other < 0 ? NULL : fdopen(other, "we");
    if (*in != NULL && *out != NULL)
        return true;
    if (*in != NULL)
        fclose(*in);
    else if (fd >= 0)
        close(fd);
    if (*out != NULL)
        fclose(*out);
    else if (other >= 0)
        close(other);
    return false;
}

void
control_serve(struct machine *m)
{
    char line[LINE_MAX_LEN];
    FILE *in, *out;

    if (!open_streams(accept4(m->control, NULL, NULL, SOCK_CLOEXEC), &in, &out))
        return;
    if (fgets(line, sizeof line, in) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        obey(m, line, out);
    }
    fclose(out);
    fclose(in);
}

int
control_tell(const char *path, int words, char **line)
{
    struct sockaddr_un a;
    char answer[LINE_MAX_LEN];
    int fd = address(path, &a), status = 1;
    FILE *in, *out;

    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) != 0) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return 2;
    }
    if (!open_streams(fd, &in, &out))
        return 2;
    for (int i = 0; i < words; i++)
        fprintf(out, "%s%s", line[i], i + 1 < words ? " " : "\n");
    fclose(out);
    while (fgets(answer, sizeof answer, in) != NULL) {
        if (strcmp(answer, "OK\n") == 0)
            status = 0;
        else
            fputs(answer, status == 0 ? stdout : stderr);
    }
    fclose(in);
    return status;
}

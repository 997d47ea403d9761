/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/ask_text.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"

/* Digits of a key's name that are shown, and bytes of a label or a program's path. */
#define NAME_DIGITS 16u
#define WORD_MAX 160u
/* Entries of /etc/passwd that are read, and the longest. */
#define USERS_MAX 4096u
#define USER_LINE_MAX 1024u

static int
put_word(struct buf *out, const char *text)
{
    size_t len = strlen(text);

    return text_put_safe(out, text, len > WORD_MAX ? WORD_MAX : len);
}

/* The end of a path says more than its beginning. */
static int
put_path(struct buf *out, const char *path)
{
    size_t len = strlen(path);

    if (len <= WORD_MAX)
        return put_word(out, path);
    int rc = buf_put_str(out, "...");
    return rc == 0 ? put_word(out, path + len - WORD_MAX) : rc;
}

static int
put_quoted(struct buf *out, const char *before, const char *text)
{
    int rc = buf_putf(out, "%s \"", before);

    if (rc == 0)
        rc = put_word(out, text);
    return rc == 0 ? buf_put_byte(out, '"') : rc;
}

static int
put_question(struct buf *out, const struct question *q)
{
    return q->token ? put_quoted(out, q->what, q->token) : buf_put_str(out, q->what);
}

/* to sign with key "alice" (f9e793e061f61813) */
static int
put_use(struct buf *out, const struct connection *c, const char *before, bool with_name)
{
    const struct key *key = c->key;
    int rc;

    if (!key)
        return 0;
    rc = buf_putf(out, "%sto %s with key", before, c->doing);
    if (rc == 0 && key->label && *key->label)
        rc = put_quoted(out, "", key->label);
    if (rc == 0 && (with_name || !key->label || !*key->label))
        rc = buf_putf(out, " (%.*s)", (int)NAME_DIGITS, key->name);
    return rc;
}

/* Not getpwuid: what nsswitch.conf may name is not to be loaded into this process. */
static int
put_user(struct buf *out, uid_t uid)
{
    FILE *f = fopen("/etc/passwd", "re");
    char line[USER_LINE_MAX];
    struct passwd entry = {0}, *found = NULL;
    int rc;

    for (unsigned i = 0; f && i < USERS_MAX; i++) {
        int failed = fgetpwent_r(f, &entry, line, sizeof line, &found);
        if (failed != 0 || entry.pw_uid == uid)
            break;
        found = NULL;
    }
    rc = buf_put_str(out, ", user ");
    if (rc == 0 && found)
        rc = put_word(out, found->pw_name);
    if (f)
        fclose(f);
    return rc == 0 ? buf_putf(out, found ? " (%u)" : "%u", (unsigned)uid) : rc;
}

static int
put_who(struct buf *out, const struct peer *peer)
{
    int rc = buf_put_str(out, "\nfor ");

    if (rc == 0)
        rc = peer->exe[0] ? put_path(out, peer->exe) : buf_put_str(out, "an unknown program");
    if (rc == 0)
        rc = buf_putf(out, " (process %d)", (int)peer->pid);
    if (rc == 0)
        rc = put_user(out, peer->uid);
    if (rc == 0 && peer->front[0])
        rc = buf_put_str(out, ", front ");
    return rc == 0 && peer->front[0] ? put_word(out, peer->front) : rc;
}

/* Lines are kept, all else is made safe once more. */
static int
put_lines(struct buf *out, const char *text)
{
    int rc = 0;

    while (rc == 0 && *text) {
        size_t len = strcspn(text, "\n");
        rc = buf_put_byte(out, '\n');
        if (rc == 0)
            rc = text_put_safe(out, text, len);
        text += len + (text[len] == '\n');
    }
    return rc;
}

int
ask_text_put_dialog(struct buf *out, const struct connection *c, const struct question *q)
{
    int rc = put_question(out, q);

    if (rc == 0)
        rc = put_use(out, c, "\n", true);
    if (rc == 0)
        rc = put_who(out, &c->peer);
    return rc == 0 && q->detail ? put_lines(out, q->detail) : rc;
}

int
ask_text_put_line(struct buf *out, const struct connection *c, const struct question *q)
{
    int rc = q->warning ? buf_putf(out, "%s ", q->warning) : 0;

    if (rc == 0)
        rc = put_question(out, q);
    return rc == 0 ? put_use(out, c, " ", false) : rc;
}

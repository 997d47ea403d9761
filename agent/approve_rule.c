/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "2 of alice, bob, @officers" */
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/approve.h"

/* Entries of /etc/passwd and /etc/group that are read, and the longest. */
#define ENTRIES_MAX 65536u
#define LINE_BYTES 8192u
#define WORD_MAX 64u

/* Not getpwnam: what nsswitch.conf may name is not to be loaded into the agent. */
static bool
find_user(const char *name, uid_t *ret)
{
    FILE *f = fopen("/etc/passwd", "re");
    char line[LINE_BYTES];
    struct passwd entry, *found = NULL;
    bool is = false;

    for (unsigned i = 0; f && !is && i < ENTRIES_MAX; i++) {
        if (fgetpwent_r(f, &entry, line, sizeof line, &found) != 0)
            break;
        is = strcmp(entry.pw_name, name) == 0;
    }
    if (is)
        *ret = entry.pw_uid;
    if (f)
        fclose(f);
    return is;
}

static bool
find_group(const char *name, gid_t *ret)
{
    FILE *f = fopen("/etc/group", "re");
    char line[LINE_BYTES];
    struct group entry, *found = NULL;
    bool is = false;

    for (unsigned i = 0; f && !is && i < ENTRIES_MAX; i++) {
        if (fgetgrent_r(f, &entry, line, sizeof line, &found) != 0)
            break;
        is = strcmp(entry.gr_name, name) == 0;
    }
    if (is)
        *ret = entry.gr_gid;
    if (f)
        fclose(f);
    return is;
}

static bool
is_number(const char *word, unsigned *ret)
{
    unsigned long n = strtoul(word, NULL, 10);

    if (!*word || word[strspn(word, "0123456789")] || strlen(word) > 10 || n >= 0xffffffffu)
        return false;
    *ret = (unsigned)n;
    return true;
}

static int
add_user(struct approve_rule *r, const char *word, struct err *err)
{
    unsigned n;
    uid_t uid;

    if (is_number(word, &n))
        uid = n;
    else if (!find_user(word, &uid))
        return err_set(err, E_CONFIG, "approvers: there is no user \"%s\" on this machine", word);
    for (unsigned i = 0; i < r->user_count; i++)
        if (r->users[i] == uid)
            return err_set(err, E_CONFIG, "approvers: user \"%s\" is named twice", word);
    if (r->user_count == APPROVE_USERS_MAX)
        return err_set(err, E_CONFIG, "approvers: a rule names %u users at most; name a group "
                       "(@GROUP)", APPROVE_USERS_MAX);
    r->users[r->user_count++] = uid;
    return 0;
}

static int
add_group(struct approve_rule *r, const char *word, struct err *err)
{
    unsigned n;
    gid_t gid;

    if (is_number(word, &n))
        gid = n;
    else if (!find_group(word, &gid))
        return err_set(err, E_CONFIG, "approvers: there is no group \"%s\" on this machine", word);
    if (r->group_count == APPROVE_GROUPS_MAX)
        return err_set(err, E_CONFIG, "approvers: a rule names %u groups at most",
                       APPROVE_GROUPS_MAX);
    r->groups[r->group_count++] = gid;
    return 0;
}

static int
faulty(const char *text, struct err *err)
{
    return err_set(err, E_CONFIG, "approvers \"%.100s\" cannot be read; write them as \"2 of alice, "
                   "bob, @officers\"", text);
}

int
approve_parse(const char *text, struct approve_rule *ret, struct err *err)
{
    struct approve_rule r = {.name = ret->name, .patience = ret->patience};
    const char *s = text + strspn(text, " \t");
    char *end, word[WORD_MAX];
    unsigned long need = strtoul(s, &end, 10);
    int rc = 0;

    if (*s < '0' || *s > '9' || need == 0 || need > APPROVE_USERS_MAX ||
        strspn(end, " \t") == 0 || strncmp(end + strspn(end, " \t"), "of", 2) != 0)
        return faulty(text, err);
    s = end + strspn(end, " \t") + 2;
    if (strspn(s, " \t") == 0)
        return faulty(text, err);
    for (s += strspn(s, " ,\t"); rc == 0 && *s; s += strspn(s, " ,\t")) {
        size_t len = strcspn(s, " ,\t");
        if (len >= sizeof word)
            return faulty(text, err);
        memcpy(word, s, len);
        word[len] = '\0';
        s += len;
        rc = word[0] == '@' ? add_group(&r, word + 1, err) : add_user(&r, word, err);
    }
    if (rc != 0)
        return rc;
    r.need = (unsigned)need;
    if (r.user_count + r.group_count == 0)
        return faulty(text, err);
    if (r.group_count == 0 && r.need > r.user_count)
        return err_set(err, E_CONFIG, "approvers: %u are wanted of %u, which can never be", r.need,
                       r.user_count);
    *ret = r;
    return 0;
}

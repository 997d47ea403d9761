/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "2 of alice, bob, @officers" */
#include <stdlib.h>
#include <string.h>

#include "agent/approve.h"
#include "base/names.h"

#define WORD_MAX 64u

static int
add_user(struct approve_rule *r, const char *word, struct err *err)
{
    unsigned uid;

    if (names_user(word, &uid) != 0)
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
    unsigned gid;

    if (names_group(word, &gid) != 0)
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

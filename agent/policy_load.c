/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/policy_impl.h"
#include "base/names.h"

#define SEPARATORS ", \t"

static int
no_memory(struct err *err)
{
    return err_set(err, E_NOMEM, "out of memory while reading the policy");
}

static void
words_clear(struct policy_words *w)
{
    for (unsigned i = 0; i < w->count; i++)
        free(w->word[i]);
    w->count = 0;
}

void
rule_clear(struct rule *r)
{
    words_clear(&r->executables);
    words_clear(&r->units);
    words_clear(&r->fronts);
    words_clear(&r->operations);
    words_clear(&r->schemes);
    free(r->pattern);
    free(r->name);
    memset(r, 0, sizeof *r);
}

/* What a rule is made of. */
struct source {
    const struct conf *conf;
    const char *path, *section;
};

static int
faulty(const struct source *s, const char *key, const char *what, struct err *err)
{
    return err_set(err, E_CONFIG, "%s: [key %s]: %s: %s", s->path, s->section, key, what);
}

static int
take_words(const struct source *s, const char *key, struct policy_words *ret, struct err *err)
{
    const char *value = conf_get(s->conf, "key", s->section, key);
    char *copy, *save = NULL;
    int rc = 0;

    if (!value)
        return 0;
    copy = strdup(value);
    if (!copy)
        return no_memory(err);
    for (char *word = strtok_r(copy, SEPARATORS, &save); rc == 0 && word;
         word = strtok_r(NULL, SEPARATORS, &save)) {
        if (ret->count == POLICY_WORDS_MAX)
            rc = faulty(s, key, "more words than a condition may have", err);
        else if (!(ret->word[ret->count] = strdup(word)))
            rc = no_memory(err);
        else
            ret->count++;
    }
    free(copy);
    if (rc == 0 && ret->count == 0)
        rc = faulty(s, key, "an empty list would cover nobody; leave the line out to cover all",
                    err);
    return rc;
}

static int
take_ids(const struct source *s, const char *key, bool groups, struct policy_ids *ret,
         struct err *err)
{
    struct policy_words words = {.count = 0};
    int rc = take_words(s, key, &words, err);

    for (unsigned i = 0; rc == 0 && i < words.count; i++) {
        unsigned id;
        rc = (groups ? names_group : names_user)(words.word[i], &id);
        if (rc != 0)
            rc = err_set(err, E_CONFIG, "%s: [key %s]: %s: there is no %s \"%.60s\"", s->path,
                         s->section, key, groups ? "group" : "user", words.word[i]);
        else
            ret->id[ret->count++] = id;
    }
    words_clear(&words);
    return rc;
}

static int
take_limits(const struct source *s, struct rule *r, struct err *err)
{
    const char *rate = conf_get(s->conf, "key", s->section, "rate");
    const char *hours = conf_get(s->conf, "key", s->section, "hours");
    struct err why = {0};

    r->limits.name = r->name;
    r->limits.total = conf_get_number(s->conf, "key", s->section, "count", 0);
    r->limits.per_user = conf_get_bool(s->conf, "key", s->section, "per-user", false);
    if (rate && limits_parse_rates(rate, &r->limits, &why) != 0)
        return faulty(s, "rate", err_text(&why), err);
    if (hours && hours_parse(hours, &r->limits.hours, &why) != 0)
        return faulty(s, "hours", err_text(&why), err);
    return 0;
}

static int
take_person(const struct source *s, struct rule *r, struct err *err)
{
    const char *confirm = conf_get(s->conf, "key", s->section, "confirm");
    const char *approvers = conf_get(s->conf, "key", s->section, "approvers");
    struct err why = {0};

    r->approve.name = r->name;
    r->approve.patience = conf_get_duration(s->conf, "key", s->section, "approve-within", 0);
    if (confirm && confirm_parse(confirm, &r->confirm, &why) != 0)
        return faulty(s, "confirm", err_text(&why), err);
    if (approvers && approve_parse(approvers, &r->approve, &why) != 0)
        return faulty(s, "approvers", err_text(&why), err);
    return 0;
}

/* A rule that denies says nothing of how it is allowed. */
static int
check_denial(const struct source *s, const struct rule *r, struct err *err)
{
    static const char *const without[] = {"confirm", "approvers", "rate", "count", "hours"};

    for (size_t i = 0; r->deny && i < sizeof without / sizeof *without; i++)
        if (conf_get(s->conf, "key", s->section, without[i]))
            return faulty(s, without[i], "has no meaning with action = deny", err);
    return 0;
}

static int
take_rule(const struct source *s, struct rule *r, struct err *err)
{
    const char *action = conf_get(s->conf, "key", s->section, "action");
    int rc = 0;

    r->pattern = strdup(s->section);
    if (!r->pattern || asprintf(&r->name, "[key %s] of %s", s->section, s->path) < 0) {
        r->name = NULL;
        return no_memory(err);
    }
    r->deny = action && strcmp(action, "deny") == 0;
    rc = take_ids(s, "users", false, &r->users, err);
    if (rc == 0)
        rc = take_ids(s, "groups", true, &r->groups, err);
    if (rc == 0)
        rc = take_words(s, "executables", &r->executables, err);
    if (rc == 0)
        rc = take_words(s, "units", &r->units, err);
    if (rc == 0)
        rc = take_words(s, "fronts", &r->fronts, err);
    if (rc == 0)
        rc = take_words(s, "operations", &r->operations, err);
    if (rc == 0)
        rc = take_words(s, "schemes", &r->schemes, err);
    if (rc == 0)
        rc = take_person(s, r, err);
    if (rc == 0)
        rc = take_limits(s, r, err);
    return rc == 0 ? check_denial(s, r, err) : rc;
}

int
policy_add(struct policy *p, const struct conf *conf, const char *path, struct err *err)
{
    struct source s = {.conf = conf, .path = path};

    for (unsigned i = 0; (s.section = conf_section(conf, "key", i)); i++) {
        struct rule *rules;
        int rc;

        if (p->count == POLICY_RULES_MAX)
            return err_set(err, E_CONFIG, "%s: more than %u rules in all", path, POLICY_RULES_MAX);
        rules = reallocarray(p->rules, p->count + 1, sizeof *rules);
        if (!rules)
            return no_memory(err);
        p->rules = rules;
        memset(&rules[p->count], 0, sizeof *rules);
        rc = take_rule(&s, &rules[p->count++], err);
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* Who can write the file decides who may use the keys. */
static int
check_file(const char *path, struct err *err)
{
    struct stat st;

    if (lstat(path, &st) != 0)
        return err_set_sys(err, E_CONFIG, errno, "policy %s cannot be read", path);
    if (!S_ISREG(st.st_mode) || (st.st_uid != 0 && st.st_uid != geteuid()) ||
        (st.st_mode & 022) != 0)
        return err_set(err, E_CONFIG, "policy %s is not heeded, nor anything else while it is there: "
                       "it must be a plain file of root's or the agent's user, writable by nobody "
                       "else (chown, chmod 644)", path);
    return 0;
}

static int
add_file(struct policy *p, const char *path, struct err *err)
{
    struct conf *conf = NULL;
    int rc = check_file(path, err);

    if (rc == 0)
        rc = conf_load_file(&conf, path, err);
    if (rc == 0)
        rc = policy_add(p, conf, path, err);
    conf_free(&conf);
    return rc;
}

static int
is_policy(const struct dirent *e)
{
    size_t len = strlen(e->d_name);

    return e->d_name[0] != '.' && len > 5 && strcmp(e->d_name + len - 5, ".conf") == 0;
}

int
policy_add_folder(struct policy *p, const char *folder, struct err *err)
{
    struct dirent **names = NULL;
    char *at;
    int n, rc = 0;

    if (asprintf(&at, "%s/policy.d", folder) < 0)
        return no_memory(err);
    n = scandir(at, &names, is_policy, alphasort);
    if (n < 0 && errno != ENOENT)
        rc = err_set_sys(err, E_CONFIG, errno, "policy folder %s cannot be read", at);
    for (int i = 0; i < n; i++) {
        char *path = NULL;
        if (rc == 0 && asprintf(&path, "%s/%s", at, names[i]->d_name) < 0) {
            path = NULL;
            rc = no_memory(err);
        }
        if (rc == 0)
            rc = add_file(p, path, err);
        free(path);
        free(names[i]);
    }
    free(names);
    free(at);
    return rc;
}

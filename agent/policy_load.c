/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files of a policy. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/policy_impl.h"

static int
no_memory(struct err *err)
{
    return err_set(err, E_NOMEM, "out of memory while reading the policy");
}

/* Who can write there decides who may use the keys. follow: links are its owner's to make. */
static int
check_owner(const char *path, mode_t type, bool follow, struct err *err)
{
    struct stat st;

    if (fstatat(AT_FDCWD, path, &st, follow ? 0 : AT_SYMLINK_NOFOLLOW) != 0)
        return err_set_sys(err, E_CONFIG, errno, "policy %s cannot be read", path);
    if ((st.st_mode & S_IFMT) != type || (st.st_uid != 0 && st.st_uid != geteuid()) ||
        (st.st_mode & 022) != 0)
        return err_set(err, E_CONFIG, "policy %s is not heeded, nor anything else while it is there: "
                       "it must be a plain %s of root's or the agent's user, writable by nobody "
                       "else (chown, chmod go-w)", path, S_ISDIR(type) ? "folder" : "file");
    return 0;
}

/* Rules of the files of conf whose path is that one; NULL: of all. */
static int
add(struct policy *p, const struct conf *conf, const char *path, struct err *err)
{
    unsigned first = p->count;
    struct conf_place at;
    int rc = 0;

    for (unsigned i = 0; rc == 0 && conf_place(conf, "key", i, &at); i++) {
        struct rule *rules;
        if (path && strcmp(at.path, path) != 0)
            continue;
        if (p->count == POLICY_RULES_MAX)
            return err_set(err, E_CONFIG, "%s:%u: more than %u rules in all; fewer with lists do "
                           "the same", at.path, at.line, POLICY_RULES_MAX);
        rules = reallocarray(p->rules, p->count + 1, sizeof *rules);
        if (!rules)
            return no_memory(err);
        p->rules = rules;
        memset(&rules[p->count], 0, sizeof *rules);
        rc = rule_read(conf, &at, rules + first, p->count - first, &rules[p->count], err);
        p->count++;
    }
    return rc;
}

static int
add_file(struct policy *p, const char *path, struct err *err)
{
    struct conf *conf = NULL;
    struct conf_place other;
    int rc = check_owner(path, S_IFREG, false, err);

    if (rc == 0)
        rc = conf_load_file(&conf, path, err);
    if (rc == 0 && conf_place_other(conf, "key", &other))
        rc = err_set(err, E_CONFIG, "%s:%u: a file of policy.d holds [key ...] sections alone; put "
                     "the others into signet.conf", path, other.line);
    if (rc == 0)
        rc = add(p, conf, NULL, err);
    conf_free(&conf);
    return rc;
}

static int
is_policy(const struct dirent *e)
{
    size_t len = strlen(e->d_name);

    return e->d_name[0] != '.' && len > 5 && strcmp(e->d_name + len - 5, ".conf") == 0;
}

/* By bytes, whatever the locale. */
static int
by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int
add_files(struct policy *p, const char *folder, struct dirent **names, int n, struct err *err)
{
    char path[PATH_MAX];
    int rc = 0;

    for (int i = 0; i < n && rc == 0; i++) {
        if (snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name) >= (int)sizeof path)
            rc = err_set(err, E_CONFIG, "policy %s/%s has too long a path", folder,
                         names[i]->d_name);
        else
            rc = add_file(p, path, err);
    }
    return rc;
}

/* policy.d in that folder, if there is one. */
static int
add_folder(struct policy *p, const char *folder, struct err *err)
{
    struct dirent **names = NULL;
    char at[PATH_MAX];
    int n, rc;

    if (snprintf(at, sizeof at, "%s/policy.d", folder) >= (int)sizeof at)
        return err_set(err, E_CONFIG, "policy folder %s has too long a path", folder);
    n = scandir(at, &names, is_policy, by_name);
    if (n < 0)
        return errno == ENOENT ? 0
                               : err_set_sys(err, E_CONFIG, errno, "policy folder %s cannot be read",
                                             at);
    rc = check_owner(at, S_IFDIR, false, err);
    if (rc == 0)
        rc = add_files(p, at, names, n, err);
    for (int i = 0; i < n; i++)
        free(names[i]);
    free(names);
    return rc;
}

/* One signet.conf and the policy.d beside it. */
static int
add_both(struct policy *p, const struct conf *conf, const char *path, struct err *err)
{
    unsigned before = p->count;
    const char *slash = strrchr(path, '/');
    char folder[PATH_MAX];
    int rc = add(p, conf, path, err);

    if (rc == 0 && p->count > before)
        rc = check_owner(path, S_IFREG, true, err);
    if (rc != 0 || !slash || (size_t)(slash - path) >= sizeof folder)
        return rc;
    memcpy(folder, path, (size_t)(slash - path));
    folder[slash - path] = '\0';
    return add_folder(p, folder, err);
}

int
policy_read(struct policy *p, const struct home *home, const struct conf *conf, struct err *err)
{
    char site[PATH_MAX] = "";
    int rc = 0;

    if (home->site &&
        snprintf(site, sizeof site, "%s/signet.conf", home->site) >= (int)sizeof site)
        return err_set(err, E_CONFIG, "the folder %s has too long a path", home->site);
    if (site[0])
        rc = add_both(p, conf, site, err);
    return rc == 0 && strcmp(site, home->config) != 0 ? add_both(p, conf, home->config, err) : rc;
}

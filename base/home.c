/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/home.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "signet-config.h"

static const char *
environment(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

static char *
join(const char *folder, const char *name)
{
    char *path;
    return asprintf(&path, "%s/%s", folder, name) < 0 ? NULL : path;
}

static char *
absolute(const char *path)
{
    char cwd[PATH_MAX];
    if (path[0] == '/')
        return strdup(path);
    return getcwd(cwd, sizeof cwd) != NULL ? join(cwd, path) : NULL;
}

/* The user's home folder, or NULL. */
static char *
user_home(void)
{
    const char *home = environment("HOME");
    if (home != NULL && home[0] == '/')
        return strdup(home);
    char room[4096];
    struct passwd pw, *found = NULL;
    if (getpwuid_r(geteuid(), &pw, room, sizeof room, &found) != 0 || found == NULL)
        return NULL;
    return strdup(found->pw_dir);
}

/* An XDG base folder: relative values are to be ignored (XDG Base Directory
 * Specification 0.8, "Environment variables"). */
static char *
xdg(const char *variable, const char *fallback, const char *name)
{
    const char *value = environment(variable);
    if (value != NULL && value[0] == '/')
        return join(value, name);
    char *home = fallback != NULL ? user_home() : NULL;
    char *folder = home != NULL ? join(home, fallback) : NULL;
    char *path = folder != NULL ? join(folder, name) : NULL;
    free(folder);
    free(home);
    return path;
}

static void
resolve_xdg(struct home *h)
{
    h->config = xdg("XDG_CONFIG_HOME", ".config", "signet/signet.conf");
    h->state = xdg("XDG_DATA_HOME", ".local/share", "signet");
    h->runtime = xdg("XDG_RUNTIME_DIR", NULL, "signet");
    if (h->runtime == NULL && h->state != NULL)
        h->runtime = join(h->state, "run");
}

static void
resolve_root(struct home *h, const char *root)
{
    h->root = absolute(root);
    if (h->root == NULL)
        return;
    h->config = join(h->root, "signet.conf");
    h->state = strdup(h->root);
    h->runtime = join(h->root, "run");
}

int
home_resolve(struct home *ret, const char *override, struct err *err)
{
    struct home h = {0};
    const char *root = override != NULL ? override : environment("SIGNET_HOME");
    if (override != NULL && override[0] == '\0')
        return err_set(err, E_USAGE, "--home: the folder's name is empty; name a folder");
    if (root != NULL)
        resolve_root(&h, root);
    else
        resolve_xdg(&h);
    if (root == NULL)
        h.site = strdup(SIGNET_SYSCONFDIR);
    if (h.runtime != NULL)
        h.socket = join(h.runtime, "agent.sock");
    if (h.config == NULL || h.state == NULL || h.socket == NULL
        || (root == NULL && h.site == NULL)) {
        home_clear(&h);
        return err_set(err, E_SYSTEM,
                       "no folder for Signet's files is known; set HOME or SIGNET_HOME");
    }
    *ret = h;
    return 0;
}

/* The first folder that the service manager names, or the usual one. */
static char *
service_folder(const char *variable, const char *usual)
{
    const char *value = environment(variable);
    if (value == NULL || value[0] != '/')
        return strdup(usual);
    return strndup(value, strcspn(value, ":"));
}

int
home_resolve_system(struct home *ret, struct err *err)
{
    struct home h = {.system = true};
    h.site = service_folder("CONFIGURATION_DIRECTORY", SIGNET_SYSCONFDIR);
    h.state = service_folder("STATE_DIRECTORY", SIGNET_SYSTEM_STATE);
    h.runtime = service_folder("RUNTIME_DIRECTORY", SIGNET_SYSTEM_RUNTIME);
    if (h.state != NULL && h.runtime != NULL) {
        h.config = join(h.state, "signet.conf");
        h.socket = join(h.runtime, "agent.sock");
    }
    if (h.site == NULL || h.config == NULL || h.socket == NULL) {
        home_clear(&h);
        return err_set(err, E_NOMEM, "out of memory");
    }
    *ret = h;
    return 0;
}

int
home_use_agent(struct home *h, const char *which, struct err *err)
{
    bool asked = which != NULL;
    if (which == NULL)
        which = environment("SIGNET_AGENT");
    if (which == NULL)
        return 0;
    const char *path = strcmp(which, HOME_AGENT_SYSTEM) == 0
                           ? SIGNET_SYSTEM_RUNTIME "/agent.sock" : which;
    const char *slash = strrchr(path, '/');
    if (path[0] != '/' || slash[1] == '\0')
        return err_set(err, E_USAGE, "%s: \"%s\" is neither \"" HOME_AGENT_SYSTEM "\" (the "
                       "machine's agent) nor the absolute path of an agent's socket",
                       asked ? "--agent" : "SIGNET_AGENT", which);
    char *socket = strdup(path);
    char *folder = slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
    if (socket == NULL || folder == NULL) {
        free(socket);
        free(folder);
        return err_set(err, E_NOMEM, "out of memory");
    }
    free(h->socket);
    free(h->runtime);
    h->socket = socket;
    h->runtime = folder;
    h->elsewhere = true;
    return 0;
}

void
home_clear(struct home *h)
{
    free(h->site);
    free(h->root);
    free(h->config);
    free(h->state);
    free(h->runtime);
    free(h->socket);
    *h = (struct home){0};
}

/* mkdir -p with mode 0700 for what is missing; len bytes of path. */
static int
make_folders(const char *path, size_t len, struct err *err)
{
    char *name = strndup(path, len);
    if (name == NULL)
        return err_set(err, E_NOMEM, "out of memory");
    int rc = 0;
    for (char *p = name + 1; rc == 0; p++) {
        if (*p != '/' && *p != '\0')
            continue;
        char end = *p;
        *p = '\0';
        if (mkdir(name, 0700) != 0 && errno != EEXIST)
            rc = err_set_sys(err, E_OUTPUT, errno, "folder \"%s\" cannot be made", name);
        *p = end;
        if (end == '\0')
            break;
    }
    free(name);
    return rc;
}

static int
check_runtime(const char *path, struct err *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return err_set_sys(err, E_SYSTEM, errno, "socket folder \"%s\" cannot be used", path);
    int rc = 0;
    if (fstat(fd, &st) != 0)
        rc = err_set_sys(err, E_SYSTEM, errno, "socket folder \"%s\" cannot be used", path);
    else if (st.st_uid != geteuid())
        rc = err_set(err, E_DENIED,
                     "socket folder \"%s\" belongs to another user (%u, this is %u); remove it "
                     "or set SIGNET_HOME to a folder of your own", path, (unsigned)st.st_uid,
                     (unsigned)geteuid());
    else if ((st.st_mode & 022) != 0)
        rc = err_set(err, E_DENIED,
                     "socket folder \"%s\" can be written by others (mode %03o); run chmod go-w "
                     "on it", path, (unsigned)st.st_mode & 07777);
    close(fd);
    return rc;
}

int
home_make(const struct home *h, struct err *err)
{
    const char *slash = strrchr(h->config, '/');
    int rc = make_folders(h->config, (size_t)(slash - h->config), err);
    if (rc == 0)
        rc = make_folders(h->state, strlen(h->state), err);
    if (rc == 0)
        rc = make_folders(h->runtime, strlen(h->runtime), err);
    return rc == 0 ? check_runtime(h->runtime, err) : rc;
}

static bool
is_program(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* Looks for name under folder: as it is when installed, and where the build puts it. */
static bool
program_under(const char *folder, const char *name, char *out, size_t max)
{
    static const char *const places[] = {"", "agent/", "pkcs11/", "cli/", "fetch/", "../agent/",
                                         "../pkcs11/", "../cli/", "../fetch/"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        int n = snprintf(out, max, "%s/%s%s", folder, places[i], name);
        if (n > 0 && (size_t)n < max && is_program(out))
            return true;
    }
    return false;
}

int
home_program(const char *name, char *out, size_t max)
{
    char self[PATH_MAX];
    const char *libexec = environment("SIGNET_LIBEXEC");
    if (libexec != NULL)
        return program_under(libexec, name, out, max) ? 0 : E_SYSTEM;
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n > 0) {
        self[n] = '\0';
        *strrchr(self, '/') = '\0';
        if (program_under(self, name, out, max))
            return 0;
    }
    if (program_under(SIGNET_LIBEXECDIR, name, out, max)
        || program_under(SIGNET_BINDIR, name, out, max))
        return 0;
    return E_SYSTEM;
}

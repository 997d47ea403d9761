/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/softhsm.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/text.h"

/* Where distributions put it; and p11-kit's name for it. */
static const char *const places[] = {
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
};
#define KIT_NAME "softhsm2"

/* p11-kit knows where it is when we do not. Lines of "name TAB path". */
static int
ask_kit(char path[PATH_MAX])
{
    autofree_buf struct buf *list = buf_new();
    const char *line, *end;
    size_t name = strlen(KIT_NAME);

    if (!list || host_list_modules(list, NULL) != 0)
        return -1;
    for (line = buf_cstr(list); *line; line = *end ? end + 1 : end) {
        end = line + strcspn(line, "\n");
        if (strncmp(line, KIT_NAME "\t", name + 1) != 0 || line[name + 1] != '/')
            continue;
        snprintf(path, PATH_MAX, "%.*s", (int)(end - line - (long)name - 1), line + name + 1);
        return 0;
    }
    return -1;
}

static int
find_module(char path[PATH_MAX], struct err *err)
{
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (access(places[i], R_OK) == 0) {
            snprintf(path, PATH_MAX, "%s", places[i]);
            return 0;
        }
    }
    if (ask_kit(path) == 0)
        return 0;
    return err_set(err, E_CONFIG, "the software token needs SoftHSM, which is not installed "
                   "(Debian: apt install softhsm2)");
}

static int
make_folder(const char *path, struct err *err)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return err_set_sys(err, E_OUTPUT, errno, "folder %s cannot be made", path);
    return 0;
}

static int
write_conf(const char *path, const char *folder, struct err *err)
{
    struct outfile *f = NULL;
    autofree_buf struct buf *text = buf_new();
    int rc;

    if (!text || buf_putf(text, "# Made by signet-agent.\ndirectories.tokendir = %s/tokens\n"
                          "objectstore.backend = file\nlog.level = ERROR\n", folder) != 0)
        return err_set(err, E_NOMEM, "out of memory while writing %s", path);
    rc = outfile_open(&f, path, false, err);
    if (rc == 0)
        rc = outfile_write(f, buf_data(text), buf_len(text), err);
    if (rc == 0)
        rc = outfile_commit(f, err);
    outfile_free(&f);
    return rc;
}

static int
make_files(const struct home *home, char conf[PATH_MAX], struct err *err)
{
    char folder[PATH_MAX], tokens[PATH_MAX];
    int rc;

    if (snprintf(conf, PATH_MAX, "%s/softhsm/softhsm2.conf", home->state) >= PATH_MAX)
        return err_set(err, E_CONFIG, "the state folder %s has too long a name", home->state);
    snprintf(folder, sizeof folder, "%s/softhsm", home->state);
    snprintf(tokens, sizeof tokens, "%.*s/tokens", (int)sizeof tokens - 8, folder);
    rc = make_folder(folder, err);
    if (rc == 0)
        rc = make_folder(tokens, err);
    return rc == 0 && access(conf, F_OK) != 0 ? write_conf(conf, folder, err) : rc;
}

int
softhsm_prepare(struct agent *agent, struct host **ret_host, struct err *err)
{
    char module[PATH_MAX], conf[PATH_MAX];
    struct settings *s = agent->settings;
    int rc = 0;

    *ret_host = hosts_named(agent->hosts, SOFTHSM_MODULE);
    if (*ret_host)
        return 0;
    if (!conf_get(settings_conf(s), "module", SOFTHSM_MODULE, "path")) {
        rc = find_module(module, err);
        if (rc == 0)
            rc = make_files(agent->home, conf, err);
        if (rc == 0)
            rc = settings_write(s, "module", SOFTHSM_MODULE, "path", module, err);
        if (rc == 0)
            rc = settings_write(s, "module", SOFTHSM_MODULE, "softhsm-conf", conf, err);
    }
    if (rc != 0)
        return rc;
    hosts_update(agent->hosts, s);
    *ret_host = hosts_named(agent->hosts, SOFTHSM_MODULE);
    if (!*ret_host)
        return err_set(err, E_HOST, "module \"%s\" does not run; see [module %s] in signet.conf "
                       "and the agent's log", SOFTHSM_MODULE, SOFTHSM_MODULE);
    return 0;
}

int
softhsm_create(struct agent *agent, const char *label, const struct secret *pin,
               struct err *err)
{
    autofree_buf struct buf *line = buf_new();
    struct host *host;
    int rc = softhsm_prepare(agent, &host, err);

    if (rc != 0)
        return rc;
    if (!line || buf_put_str(line, "INIT_TOKEN ") != 0 ||
        text_put_escaped(line, label, strlen(label)) != 0)
        return err_set(err, E_NOMEM, "out of memory while making token \"%s\"", label);
    const struct lane_answer answer = {"PIN", secret_data_view(pin), secret_len(pin)};
    const struct lane_command cmd = {
        .line = buf_cstr(line),
        .answers = {{"SOPIN", answer.data, answer.len}, answer},
    };
    return host_call(host, &cmd, NULL, NULL, err);
}

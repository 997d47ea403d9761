/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/confine.h"

#include <limits.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

#include "base/home.h"
#include "base/sandbox.h"

/* Files of options that are let through; more are not read later, either: they were opened. */
#define PATHS_MAX 64u

struct paths {
    const char *list[PATHS_MAX + 1];
    size_t count;
};

static void
add(struct paths *p, const char *path)
{
    if (path && *path && p->count < PATHS_MAX)
        p->list[p->count++] = path;
}

static void
add_option(struct paths *p, const struct options *o, const char *name)
{
    const char *value;

    for (size_t i = 0; o && (value = options_value(o, name, i)); i++)
        add(p, value);
}

/* Our own loader, which a program that is started needs, too. */
static int
find_loader(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size;
    for (unsigned i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_INTERP)
            *(const char **)arg =
                (const char *)(uintptr_t)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
    return 1;
}

/* The folder that the output is made in: through a link the one it leads to. */
static const char *
folder_of(const char *path, char folder[PATH_MAX])
{
    char *slash;

    if (strlen(path) >= PATH_MAX)
        return NULL;
    if (!realpath(path, folder))
        memcpy(folder, path, strlen(path) + 1);
    slash = strrchr(folder, '/');
    if (!slash)
        return ".";
    slash[slash == folder] = '\0';
    return folder;
}

enum confine_agent
confine_meet_agent(struct cli *cli, bool start)
{
    struct client *client = NULL;
    struct err ignored = {0};
    int rc = start ? cli_client(cli, &client, &ignored)
                   : cli_running_client(cli, &client, &ignored);

    return rc == 0 && client ? CONFINE_AGENT_HERE : CONFINE_AGENT_LATER;
}

void
confine_parser(const struct cli *cli, const struct options *o, const struct trust *trust,
               enum confine_agent agent)
{
    char folder[PATH_MAX], fetch[PATH_MAX];
    struct paths read = {.count = 0}, write = {.count = 0}, run = {.count = 0};
    const char *loader = NULL, *temporary = getenv("TMPDIR"), *out;
    struct sandbox s = {.files = true, .read = read.list, .write = write.list, .run = run.list};

    /* The site's own program for labels may need anything, too. */
    if (agent == CONFINE_AGENT_LATER || (trust && trust_label_policy(trust))) {
        s = (struct sandbox){.may = SANDBOX_PROGRAMS | SANDBOX_INTERNET | SANDBOX_LISTEN |
                                    SANDBOX_NAMESPACES};
        sandbox_enter(&s, NULL);
        return;
    }
    add(&read, "/etc");
    add(&read, "/usr");
    add(&read, "/opt");
    add(&read, "/dev/urandom"); /* libcrypto's, where there is no getrandom(2) */
    add(&read, cli->home.config);
    add_option(&read, o, "anchor");
    add_option(&read, o, "crl");
    add(&write, cli->home.state);
    add(&write, temporary && *temporary ? temporary : "/tmp");
    add(&write, "/dev/tty");
    add(&write, "/dev/null");
    out = o ? options_get(o, "output") : NULL;
    if (out && strcmp(out, "-") != 0)
        add(&write, folder_of(out, folder));
    if (trust && trust_may_fetch(trust) &&
        home_program("signet-fetch", fetch, sizeof fetch) == 0) {
        dl_iterate_phdr(find_loader, &loader);
        add(&run, fetch);
        add(&run, loader);
        /* Its resolver's, which is often a link there. */
        add(&read, "/run/systemd/resolve");
        add(&read, cli->conf ? conf_get(cli->conf, "fetch", NULL, "dnssec-anchor") : NULL);
        s.may |= SANDBOX_PROGRAMS | SANDBOX_INTERNET;
    }
    sandbox_enter(&s, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* signet-agent: see agent.h for the reading order. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/activation.h"
#include "agent/audit_sign.h"
#include "agent/approve.h"
#include "agent/confirm.h"
#include "agent/daemon.h"
#include "agent/forget_events.h"
#include "agent/json_read.h"
#include "agent/keeper.h"
#include "agent/limit.h"
#include "agent/lockdown.h"
#include "agent/login.h"
#include "agent/metrics.h"
#include "agent/metrics_export.h"
#include "agent/notify.h"
#include "agent/policy.h"
#include "agent/prompts.h"
#include "agent/reload.h"
#include "agent/server.h"
#include "agent/socket.h"
#include "base/log.h"
#include "base/secret.h"
#include "signet-config.h"

/* How long commands under way may take when the agent ends, in milliseconds; and
 * how long they may take to notice that it is over. */
#define DRAIN_MS 2000u
#define PART_MS 2000u

struct options {
    const char *home;
    int ready;       /* descriptor, or -1 */
    bool foreground;
    bool system;
    struct activation passed;
    struct exporter *exporter;
};

static const char usage[] =
    "usage: signet-agent [--home DIR | --system] [--foreground] [--ready-fd N]\n"
    "\n"
    "Keeps PINs, runs token hosts and serves the signet command. It is started when it\n"
    "is needed; one runs per home.\n"
    "\n"
    "  --home DIR      everything under this folder (else SIGNET_HOME, else XDG's)\n"
    "  --system        the machine's agent: /etc/signet, /var/lib/signet, /run/signet, and a\n"
    "                  socket for its group (docs/hsm.md)\n"
    "  --foreground    stay in the foreground and log to standard error\n"
    "  --ready-fd N    write a byte to this descriptor when the agent listens\n"
    "  --version       print the version\n"
    "  --help          print this\n";

/* An exit status, or -1 to go on. */
static int
parse(int argc, char **argv, struct options *o)
{
    static const struct option list[] = {
        {"home", required_argument, NULL, 'H'},   {"foreground", no_argument, NULL, 'f'},
        {"system", no_argument, NULL, 's'},
        {"ready-fd", required_argument, NULL, 'r'}, {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},         {0},
    };
    char *end;
    int c;

    while ((c = getopt_long(argc, argv, "h", list, NULL)) != -1) {
        switch (c) {
        case 'H':
            o->home = optarg;
            break;
        case 'f':
            o->foreground = true;
            break;
        case 's':
            o->system = true;
            break;
        case 'r':
            o->ready = (int)strtol(optarg, &end, 10);
            if (*end || o->ready < 0) {
                fprintf(stderr, "signet-agent: --ready-fd wants a number, not \"%s\"\n", optarg);
                return 2;
            }
            break;
        case 'V':
            puts("signet-agent " SIGNET_VERSION);
            return 0;
        case 'h':
            fputs(usage, stdout);
            return 0;
        default:
            return 2;
        }
    }
    if (o->system && o->home) {
        fputs("signet-agent: --home and --system are two different homes; give one\n", stderr);
        return 2;
    }
    if (optind < argc) {
        fprintf(stderr, "signet-agent: unexpected argument \"%s\"; --help says what there is\n",
                argv[optind]);
        return 2;
    }
    return -1;
}

/* Nothing but the standard descriptors, the ready one and the service manager's is ours. */
static void
close_inherited(const struct options *o)
{
    const int kept[] = {o->ready, o->passed.agent, o->passed.metrics};
    int from = STDERR_FILENO + 1;

    for (;;) {
        int next = INT_MAX;
        for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
            if (kept[i] >= from && kept[i] < next)
                next = kept[i];
        if (next == INT_MAX)
            break;
        if (next > from)
            close_range((unsigned)from, (unsigned)next - 1, 0);
        from = next + 1;
    }
    close_range((unsigned)from, UINT_MAX, 0);
}

static void
say_ready(int *fd)
{
    if (*fd < 0)
        return;
    /* Who asked may have gone: then nobody waits. */
    if (write(*fd, "\n", 1) != 1)
        log_debug("nobody waits for this agent");
    close(*fd);
    *fd = -1;
}

static void
set_log_level(const struct conf *conf)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    const char *level = conf_get(conf, "agent", NULL, "log-level");

    log_set_level(LOG_WARN_LEVEL);
    for (unsigned i = 0; level && i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], level) == 0)
            log_set_level((enum log_level)i);
}

/* In the thread that waits for such events; the line in the log tells why. */
static void
forget_pins(void *arg, const char *why)
{
    struct agent *a = arg;
    const struct peer self = {.uid = getuid(), .pid = getpid(), .front = "agent"};
    const struct audit_entry e = {.event = "pin", .peer = &self, .operation = "forget",
                                  .scheme = why};
    struct err err = {0};

    pins_forget_all(a->pins);
    confirm_forget(a->confirm);
    if (audit_write(a->audit, &e, &err) != 0)
        log_warn("that PINs were forgotten (%s) is not in the audit log: %s", why, err.text);
}

/* Tokens came or went, or a host was started anew. */
static void
note_tokens(void *arg)
{
    struct agent *a = arg;

    metrics_touch(a->metrics);
    watch_poke(a->watch);
}

static int
make_parts(struct agent *a, int listener, struct err *err)
{
    const struct conf *conf = settings_conf(a->settings);
    unsigned ttl = conf_get_duration(conf, "agent", NULL, "pin-ttl", PIN_TTL_DEFAULT);
    unsigned ttl_max = conf_get_duration(conf, "agent", NULL, "pin-ttl-max",
                                         PIN_TTL_MAX_DEFAULT);

    char *seen = NULL;

    if (asprintf(&seen, "%s/tokens-seen.json", a->home->state) < 0)
        return err_set(err, E_NOMEM, "out of memory while starting");
    a->memory = memory_new(seen);
    free(seen);
    if (asprintf(&seen, "%s/counts", a->home->state) < 0)
        return err_set(err, E_NOMEM, "out of memory while starting");
    a->limits = limits_new(seen);
    free(seen);
    a->confirm = confirm_new();
    a->approvals = approvals_new(conf_get_number(conf, "agent", NULL, "max-connections",
                                                 SERVER_CONNECTIONS_DEFAULT) / 2);
    if (!a->limits || !a->confirm || !a->approvals)
        return err_set(err, E_NOMEM, "out of memory while starting");
    a->watch = watch_new();
    a->lockdown = lockdown_new();
    a->prompts = prompts_new();
    a->forget_events = forget_events_new(forget_pins, a);
    if (!a->memory || !a->watch || !a->lockdown || !a->prompts || !a->forget_events)
        return err_set(err, E_NOMEM, "out of memory while starting");
    a->hosts = hosts_new(note_tokens, a);
    a->pins = pins_new(ttl, ttl_max, NULL, login_log_out);
    if (!a->hosts || !a->pins)
        return err_set(err, E_NOMEM, "out of memory while starting");
    a->registry = registry_new(a->hosts, a->settings, a->pins, a->watch, a->memory);
    if (!a->registry)
        return err_set(err, E_NOMEM, "out of memory while starting");
    return server_new(&a->server, a, listener,
                      conf_get_number(conf, "agent", NULL, "max-connections",
                                      SERVER_CONNECTIONS_DEFAULT), err);
}

static void
free_parts(struct agent *a)
{
    forget_events_free(&a->forget_events);
    server_free(&a->server);
    registry_free(&a->registry);
    hosts_free(&a->hosts);
    pins_free(&a->pins);
    watch_free(&a->watch);
    prompts_free(&a->prompts);
    approvals_free(&a->approvals);
    confirm_free(&a->confirm);
    limits_free(&a->limits);
    lockdown_free(&a->lockdown);
    memory_free(&a->memory);
    metrics_free(&a->metrics);
    notify_free(&a->notify);
    audit_close(&a->audit);
    policies_free(&a->policies);
    settings_free(&a->settings);
}

/* own: the socket that was made here, NULL when the service manager passed one. Serves until
 * told to stop, then takes everything down in order: no new clients,
 * commands under way, token hosts, the rest. */
static int
serve(struct agent *a, struct daemon *d, const struct socket_file *own, struct options *o,
      struct err *err)
{
    struct keeper *keeper = NULL;
    struct audit_sign *signing = NULL;
    int rc = make_parts(a, own ? own->fd : o->passed.agent, err);

    if (rc == 0)
        rc = watch_start(a->watch, a->registry, err);
    if (rc == 0)
        rc = keeper_start(&keeper, a, err);
    if (rc == 0)
        rc = exporter_start(o->exporter, err);
    if (rc == 0)
        rc = audit_sign_start(&signing, a, err);
    daemon_started(d);
    if (rc == 0) {
        say_ready(&o->ready);
        notify_ready(a->notify, a->home->socket);
        server_run(a->server);
    }
    notify_stopping(a->notify);
    daemon_ending(d);
    audit_sign_stop(&signing);
    if (own)
        socket_remove(a->home->socket, own);
    if (a->server && !server_drain(a->server, DRAIN_MS))
        log_warn("commands under way were cut off");
    if (a->hosts)
        hosts_stop(a->hosts);
    if (a->watch)
        watch_stop(a->watch);
    keeper_stop(&keeper);
    exporter_stop(&o->exporter);
    daemon_unlock(d);
    if (a->server && !server_part(a->server, PART_MS))
        _exit(0); /* their threads use what would be freed now */
    return rc;
}

/* Where journald listens (systemd.journal-native-protocol). */
#define JOURNAL "/run/systemd/journal/socket"

static int
open_audit(struct agent *a, const struct home *home, struct err *err)
{
    const struct conf *conf = settings_conf(a->settings);
    const char *journal = conf_get(conf, "audit", NULL, "journal");
    const char *when_full = conf_get(conf, "audit", NULL, "when-full");
    struct audit_settings settings = {
        .max_size = conf_get_size(conf, "audit", NULL, "max-size", 0),
        .max_age = conf_get_duration(conf, "audit", NULL, "max-age", 0),
        .keep = conf_get_number(conf, "audit", NULL, "keep", 0),
        .sync = conf_get_bool(conf, "audit", NULL, "sync", false),
        .go_on = when_full && strcmp(when_full, "go-on") == 0,
    };
    char *path;
    int rc;

    if (journal && journal[0] == '/')
        settings.journal = journal;
    else if (conf_get_bool(conf, "audit", NULL, "journal", false))
        settings.journal = JOURNAL;
    if (asprintf(&path, "%s/audit.log", home->state) < 0)
        return err_set(err, E_NOMEM, "out of memory while starting");
    rc = audit_open(&a->audit, path, &settings, err);
    free(path);
    return rc;
}

static int
load_policy(struct agent *a, const struct home *home, struct err *err)
{
    a->policies = policies_new();
    if (!a->policies)
        return err_set(err, E_NOMEM, "out of memory while starting");
    a->reload = reload_by_signal;
    return policies_load(a->policies, home, settings_conf(a->settings), err);
}

/* All that can fail for reasons a user should see, before going to the background. */
static int
prepare(struct agent *a, struct home *home, const struct options *o, char **ret_log,
        struct err *err)
{
    int rc = o->system ? home_resolve_system(home, err) : home_resolve(home, o->home, err);

    if (rc == 0)
        rc = home_make(home, err);
    if (rc == 0 && o->passed.agent >= 0)
        rc = activation_check(o->passed.agent, home, err);
    if (rc == 0)
        rc = settings_load(&a->settings, home, err);
    if (rc != 0)
        return rc;
    rc = load_policy(a, home, err);
    if (rc == 0)
        rc = open_audit(a, home, err);
    if (rc == 0 && asprintf(ret_log, "%s/agent.log", home->state) < 0) {
        *ret_log = NULL;
        rc = err_set(err, E_NOMEM, "out of memory while starting");
    }
    return rc;
}

static void
block_signals(void)
{
    sigset_t set;

    server_signals(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

/* What it starts inherits all of this, and token hosts, PIN dialogs and PIN commands need what
 * nobody here can know. So the agent gives up what none of them can want; its own parsing of
 * strangers' messages is none. */
static void
confine(struct agent *a)
{
    const struct sandbox s = {.may = SANDBOX_PROGRAMS | SANDBOX_INTERNET | SANDBOX_LISTEN |
                                     SANDBOX_NAMESPACES};

    sandbox_enter(&s, &a->sandbox);
    if (!a->sandbox.calls && !sandbox_sanitized())
        log_warn("system calls are not filtered: this kernel cannot");
}

static int
become_agent(struct agent *a, struct daemon *d, struct options *o, const char *log,
             struct err *err)
{
    bool passed = o->passed.agent >= 0;
    struct socket_file own = {.fd = -1};
    int rc;

    /* Before there is a socket that tells of us: from then on they mean an orderly
     * end, which the server sees to. */
    block_signals();
    rc = exporter_new(&o->exporter, a, o->passed.metrics, err);
    if (rc == 0 && !passed)
        rc = socket_open(a->home, &own, err);
    if (rc == 0 && !o->foreground)
        rc = daemon_detach(log, err);
    if (rc == 0) {
        daemon_note_pid(d);
        rc = log_open("signet-agent", NULL, err);
        confine(a);
    }
    if (rc == 0)
        rc = serve(a, d, passed ? NULL : &own, o, err);
    exporter_stop(&o->exporter);
    if (own.fd >= 0)
        close(own.fd);
    daemon_unlock(d);
    return rc;
}

static int
run(struct options *o, struct err *err)
{
    struct home home = {0};
    struct agent a = {.home = &home};
    struct daemon d = {.lock = -1};
    bool ours = false;
    char *log = NULL;
    int rc = prepare(&a, &home, o, &log, err);

    pthread_mutex_init(&a.manage, NULL);
    a.notify = notify_open();
    a.metrics = metrics_new();
    if (rc == 0 && !a.metrics)
        rc = err_set(err, E_NOMEM, "out of memory while starting");
    if (rc == 0) {
        set_log_level(settings_conf(a.settings));
        rc = daemon_lock(&d, &home, o->passed.agent >= 0, &ours, err);
    }
    if (rc == 0 && ours)
        rc = become_agent(&a, &d, o, log, err);
    else if (rc == 0)
        say_ready(&o->ready);
    if (rc != 0)
        notify_failed(a.notify, err->sys, err_text(err));
    free_parts(&a);
    pthread_mutex_destroy(&a.manage);
    free(log);
    home_clear(&home);
    return rc;
}

int
main(int argc, char **argv)
{
    struct options o = {.ready = -1, .passed = {-1, -1}};
    char absolute[PATH_MAX];
    struct err err = {0};
    int rc;

    secret_harden_process();
    json_read_init();
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a full log is an error of write(2) */
    umask(077);
    /* A thread per client must not mean a heap per client. */
    mallopt(M_ARENA_MAX, 2);
    rc = parse(argc, argv, &o);
    if (rc >= 0)
        return rc;
    rc = activation_take(&o.passed, &err);
    if (rc != 0) {
        fprintf(stderr, "signet-agent: %s\n", err_text(&err));
        return err_exit_status(rc);
    }
    o.foreground |= o.passed.agent >= 0;
    close_inherited(&o);
    if (o.home && mkdir(o.home, 0700) == 0)
        errno = 0;
    if (o.home && realpath(o.home, absolute))
        o.home = absolute;
    rc = run(&o, &err);
    if (rc == 0)
        return 0;
    fprintf(stderr, "%s%s\n", o.ready < 0 ? "signet-agent: " : "", err_text(&err));
    return err_exit_status(rc);
}

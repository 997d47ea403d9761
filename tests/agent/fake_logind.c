/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A logind on a private bus (DBUS_SYSTEM_BUS_ADDRESS): takes its name, gives out
 * inhibitors, knows two sessions (.../session/mine of this user, .../session/other of
 * another one), and sends the signals that its standard input asks for, a word a line:
 *
 *     sleep, wake          PrepareForSleep true, false
 *     lock NAME            the session's Lock signal
 *     hint NAME, unhint NAME   its LockedHint changes to true, false
 *
 * On standard output: "ready", "inhibit" for each inhibitor that is given out and "released"
 * when its holder lets it go. Ends with its standard input. Exit 77: no libsystemd.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/sd_bus.h"

#define MANAGER_PATH "/org/freedesktop/login1"
#define SESSION "org.freedesktop.login1.Session"
#define PROPERTIES "org.freedesktop.DBus.Properties"
#define HELD_MAX 32

static int (*request_name)(sd_bus *, const char *, uint64_t);
static int (*add_filter)(sd_bus *, sd_bus_slot **, sd_bus_handler *, void *);
static int (*is_method_call)(sd_bus_message *, const char *, const char *);
static int (*reply_return)(sd_bus_message *, const char *, ...);
static int (*emit_signal)(sd_bus *, const char *, const char *, const char *, const char *, ...);

static const struct sd_bus_api *api;
static int held[HELD_MAX], held_count;
static int hint;

static void
say(const char *word)
{
    puts(word);
    fflush(stdout);
}

static int
give_inhibitor(sd_bus_message *m)
{
    int ends[2], rc;

    if (held_count == HELD_MAX || pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    rc = reply_return(m, "h", ends[1]);
    close(ends[1]);
    held[held_count++] = ends[0];
    say("inhibit");
    return rc;
}

static int
on_call(sd_bus_message *m, void *arg, sd_bus_error *ret)
{
    const char *interface, *name, *path = api->message_get_path(m);

    (void)arg;
    (void)ret;
    if (is_method_call(m, "org.freedesktop.login1.Manager", "Inhibit") > 0)
        return give_inhibitor(m) < 0 ? -1 : 1;
    if (is_method_call(m, PROPERTIES, "Get") <= 0 ||
        api->message_read(m, "ss", &interface, &name) < 0)
        return 0;
    if (strcmp(name, "User") == 0)
        reply_return(m, "v", "(uo)", (unsigned)getuid() + (strstr(path, "other") != NULL),
                     "/org/freedesktop/login1/user/x");
    else
        reply_return(m, "v", "b", strcmp(name, "LockedHint") == 0 ? hint : 0);
    return 1;
}

static void
obey(sd_bus *bus, char *line)
{
    char *name = strchr(line, ' '), path[128] = "";

    line[strcspn(line, "\n")] = '\0';
    if (name) {
        *name++ = '\0';
        snprintf(path, sizeof path, MANAGER_PATH "/session/%s", name);
    }
    if (strcmp(line, "sleep") == 0 || strcmp(line, "wake") == 0)
        emit_signal(bus, MANAGER_PATH, "org.freedesktop.login1.Manager", "PrepareForSleep", "b",
                    strcmp(line, "sleep") == 0);
    if (strcmp(line, "lock") == 0)
        emit_signal(bus, path, SESSION, "Lock", "");
    hint = strcmp(line, "hint") == 0;
    if (hint || strcmp(line, "unhint") == 0)
        emit_signal(bus, path, PROPERTIES, "PropertiesChanged", "sa{sv}as", SESSION, 1,
                    "LockedHint", "b", hint, 0);
}

/* What a holder has let go is told once. */
static void
look_at_held(const struct pollfd *p)
{
    for (int i = held_count - 1; i >= 0; i--) {
        if (!p[i].revents)
            continue;
        close(held[i]);
        held[i] = held[--held_count];
        say("released");
    }
}

static void
serve(sd_bus *bus)
{
    char line[128];

    for (;;) {
        struct pollfd p[HELD_MAX + 2];
        while (api->process(bus, NULL) > 0)
            ;
        for (int i = 0; i < held_count; i++)
            p[i] = (struct pollfd){.fd = held[i]};
        int n = held_count;
        p[n] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
        p[n + 1] = (struct pollfd){.fd = api->get_fd(bus), .events = (short)api->get_events(bus)};
        poll(p, (nfds_t)n + 2, -1);
        if (p[n].revents && !fgets(line, sizeof line, stdin))
            return;
        if (p[n].revents)
            obey(bus, line);
        look_at_held(p);
    }
}

int
main(void)
{
    const struct {
        const char *name;
        void **at;
    } more[] = {
        {"sd_bus_request_name", (void **)&request_name},
        {"sd_bus_add_filter", (void **)&add_filter},
        {"sd_bus_message_is_method_call", (void **)&is_method_call},
        {"sd_bus_reply_method_return", (void **)&reply_return},
        {"sd_bus_emit_signal", (void **)&emit_signal},
    };
    void *library = dlopen("libsystemd.so.0", RTLD_NOW);
    struct err err = {0};
    sd_bus *bus = NULL;

    if (!library || sd_bus_load(&api, &err) != 0)
        return 77;
    for (size_t i = 0; i < sizeof more / sizeof *more; i++)
        *more[i].at = dlsym(library, more[i].name);
    /* One line at a time: poll must see what is left. */
    setvbuf(stdin, NULL, _IONBF, 0);
    if (api->open_system(&bus) < 0 || add_filter(bus, NULL, on_call, NULL) < 0 ||
        request_name(bus, "org.freedesktop.login1", 0) < 0) {
        fputs("no bus\n", stderr);
        return 1;
    }
    say("ready");
    serve(bus);
    api->flush_close_unref(bus);
    return 0;
}

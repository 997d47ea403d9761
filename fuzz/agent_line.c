/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a client of the agent says, line by line: options of the connection (name=value
 * behind OPTION), the words of a command, and words as names of keys and tokens (pkcs11:
 * URIs among them).
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "agent/commands.h"
#include "agent/keyspec.h"
#include "base/text.h"

#define LINE_MAX_BYTES 1002

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct token token = {.label = "demo", .manufacturer = "Tests", .model = "None",
                                   .serial = "0001", .module = "fake", .error = "",
                                   .flags = TOKEN_INITIALIZED};
static const char *emails[] = {"alice@example.org", NULL};
static const struct cert cert = {.fingerprint = "00ff00ff", .sha1 = "ff00", .label = "alice",
                                 .subject = "CN=Alice", .emails = emails};
static const struct key key = {.name = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                                       "aaaaaaaa",
                               .label = "key a", .type = ALG_KEY_ED25519,
                               .places = {{.token = &token, .label = "key a", .id = "0a"}},
                               .place_count = 1, .certs = &cert, .cert_count = 1, .json = "{}"};

static void
check(bool holds)
{
    if (!holds)
        abort();
}

/* What is kept of an option is one line and fits. */
static void
check_text(const char *text, size_t max)
{
    size_t len = strnlen(text, max);

    check(len < max);
    for (size_t i = 0; i < len; i++)
        check(!iscntrl((unsigned char)text[i]));
}

static void
option(struct connection *c, char *line)
{
    char *value = strchr(line, '=');

    if (value)
        *value++ = '\0';
    if (command_option(c, line, value ? value : "") != 0)
        return;
    check_text(c->says.ttyname, sizeof c->says.ttyname);
    check_text(c->says.ttytype, sizeof c->says.ttytype);
    check_text(c->says.display, sizeof c->says.display);
    check_text(c->says.lc_ctype, sizeof c->says.lc_ctype);
    check_text(c->says.wayland_display, sizeof c->says.wayland_display);
    check_text(c->says.xauthority, sizeof c->says.xauthority);
    check_text(c->peer.front, sizeof c->peer.front);
    check(c->says.wait <= CONNECTION_WAIT_MAX);
}

static void
command(char *line, unsigned least)
{
    const struct command cmd = {.name = "TEST", .least = least, .most = COMMAND_WORDS_MAX};
    struct words w;
    struct err err = {0};
    bool yes;

    if (command_split(line, &cmd, &w, &err) != 0) {
        check(err.text[0] != '\0');
        return;
    }
    check(w.count >= least && w.count <= COMMAND_WORDS_MAX);
    for (unsigned i = 0; i < w.count; i++) {
        struct buf *out = buf_new();
        char *copy;

        check(out && text_put_escaped(out, w.word[i], strlen(w.word[i])) == 0);
        copy = strdup(buf_cstr(out));
        check(copy && strpbrk(copy, " \t\r\n") == NULL);
        text_unescape(copy);
        check(strcmp(copy, w.word[i]) == 0);
        free(copy);
        buf_free(&out);
        if (keyspec_matches(&key, w.word[i], &yes, &err) != 0)
            check(err.text[0] != '\0');
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct connection c = {0};

    while (len > 0) {
        const uint8_t *end = memchr(data, '\n', len);
        size_t n = end ? (size_t)(end - data) : len, kept = n < LINE_MAX_BYTES ? n : LINE_MAX_BYTES;
        char line[LINE_MAX_BYTES + 1];

        memcpy(line, data, kept);
        line[kept] = '\0';
        if (strncmp(line, "OPTION ", 7) == 0)
            option(&c, line + 7);
        else
            command(line, kept % (COMMAND_WORDS_MAX + 1));
        data += end ? n + 1 : n;
        len -= end ? n + 1 : n;
    }
    return 0;
}

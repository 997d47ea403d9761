/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/conf_schema.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

bool
conf_parse_bool(const char *value, bool *ret)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {{"yes", true}, {"no", false}, {"true", true}, {"false", false},
                 {"on", true},  {"off", false}, {"1", true},   {"0", false}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcasecmp(value, words[i].word) == 0) {
            *ret = words[i].value;
            return true;
        }
    }
    return false;
}

bool
conf_parse_number(const char *value, unsigned *ret)
{
    unsigned long n = 0;
    if (value[0] == '\0')
        return false;
    for (; *value != '\0'; value++) {
        if (*value < '0' || *value > '9')
            return false;
        n = n * 10 + (unsigned)(*value - '0');
        if (n > UINT_MAX)
            return false;
    }
    *ret = (unsigned)n;
    return true;
}

bool
conf_parse_size(const char *value, uint64_t *ret)
{
    static const char units[] = "kKmMgG";
    size_t len = strlen(value);
    const char *unit = len > 1 ? strchr(units, value[len - 1]) : NULL;
    char digits[16];
    unsigned n;

    if (len == 0 || len >= sizeof digits)
        return false;
    memcpy(digits, value, len + 1);
    if (unit)
        digits[len - 1] = '\0';
    if (!conf_parse_number(digits, &n))
        return false;
    *ret = (uint64_t)n << (unit ? 10 * ((unit - units) / 2 + 1) : 0);
    return true;
}

static bool
is_any(const char *value)
{
    return value[0] != '\0';
}

static bool
is_path(const char *value)
{
    return value[0] == '/';
}

static bool
is_pinentry(const char *value)
{
    return strcmp(value, "none") == 0 || is_path(value);
}

static bool
is_pin_source(const char *value)
{
    return strncmp(value, "file:/", 6) == 0 || strncmp(value, "command:/", 9) == 0 ||
           (strncmp(value, "credential:", 11) == 0 && value[11] && value[11] != '.' &&
            !strchr(value, '/'));
}

static bool
is_bool(const char *value)
{
    bool ignored;
    return conf_parse_bool(value, &ignored);
}

static bool
is_duration(const char *value)
{
    unsigned ignored;
    return text_parse_duration(value, &ignored) == 0;
}

static bool
is_between(const char *value, unsigned least, unsigned most)
{
    unsigned n;
    return conf_parse_number(value, &n) && n >= least && n <= most;
}

static bool
is_lanes(const char *value)
{
    return is_between(value, 1, 64);
}

static bool
is_connections(const char *value)
{
    return is_between(value, 1, 65536);
}

/* Is value one of the words of "one|two|three"? */
static bool
is_word_of(const char *value, const char *words)
{
    size_t len = strcspn(value, "|");
    if (value[len] != '\0')
        return false;
    while (len > 0 && words != NULL) {
        if (strncmp(words, value, len) == 0 && (words[len] == '|' || words[len] == '\0'))
            return true;
        words = strchr(words, '|');
        words = words != NULL ? words + 1 : NULL;
    }
    return false;
}

#define LOG_LEVELS "error|warning|info|debug"
#define REVOCATIONS "off|soft|hard"
#define DIGESTS "sha256|sha384|sha512"
#define CERTS "none|signer|chain"
#define WHEN_FULL "stop|go-on"
#define ACTIONS "allow|deny"

static bool
is_log_level(const char *value)
{
    return is_word_of(value, LOG_LEVELS);
}

static bool
is_revocation(const char *value)
{
    return is_word_of(value, REVOCATIONS);
}

static bool
is_digest(const char *value)
{
    return is_word_of(value, DIGESTS);
}

static bool
is_certs(const char *value)
{
    return is_word_of(value, CERTS);
}

static bool
is_short_duration(const char *value)
{
    unsigned seconds;
    return text_parse_duration(value, &seconds) == 0 && seconds >= 1 && seconds <= 600;
}

static bool
is_interval(const char *value)
{
    unsigned seconds;
    return text_parse_duration(value, &seconds) == 0 && seconds >= 1;
}

static bool
is_prompt_timeout(const char *value)
{
    unsigned seconds;
    return text_parse_duration(value, &seconds) == 0 && seconds >= 5 && seconds <= 86400;
}

static bool
is_proxy(const char *value)
{
    static const char *const schemes[] = {"http://", "https://", "socks5h://", "socks5://",
                                          "socks4a://", "socks4://"};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (strncmp(value, schemes[i], strlen(schemes[i])) == 0)
            return value[strlen(schemes[i])] != '\0';
    return strcmp(value, "none") == 0;
}

/* ADDRESS or ADDRESS@PORT: libunbound looks no names up to find its resolver. */
static bool
is_resolver(const char *value)
{
    size_t len = strcspn(value, "@");
    return len > 0 && len == strspn(value, "0123456789abcdefABCDEF.:")
        && (value[len] == '\0' || is_between(value + len + 1, 1, 65535));
}

static bool
is_directories(const char *value)
{
    while (*(value += strspn(value, " \t,")) != '\0') {
        if (strncmp(value, "ldap://", 7) != 0 && strncmp(value, "ldaps://", 8) != 0)
            return false;
        value += strcspn(value, " \t,");
    }
    return true;
}

static bool
is_size(const char *value)
{
    uint64_t ignored;
    return conf_parse_size(value, &ignored);
}

static bool
is_journal(const char *value)
{
    return is_bool(value) || is_path(value);
}

static bool
is_when_full(const char *value)
{
    return is_word_of(value, WHEN_FULL);
}

static bool
is_action(const char *value)
{
    return is_word_of(value, ACTIONS);
}

static bool
is_count(const char *value)
{
    return is_between(value, 0, 1000000);
}

static const struct conf_kind kinds[] = {
    {"agent", false, false}, {"module", true, false}, {"token", true, false},
    {"trust", false, false}, {"sign", false, false}, {"fetch", false, false},
    {"certs", false, false}, {"audit", false, false}, {"key", true, true},
};

#define PATH "an absolute path"
#define BOOL "yes or no"
#define DURATION "a duration such as 90s, 10m, 2h or 1d"

static const struct conf_key keys[] = {
    {"agent", "pinentry", is_pinentry, PATH " or \"none\""},
    {"agent", "pin-ttl", is_duration, DURATION},
    {"agent", "pin-ttl-max", is_duration, DURATION},
    {"agent", "prompt-timeout", is_prompt_timeout, "a duration from 5s to 1d"},
    {"agent", "p11-kit", is_bool, BOOL},
    {"agent", "max-connections", is_connections, "a number from 1 to 65536"},
    {"agent", "log-level", is_log_level, "one of " LOG_LEVELS},
    {"agent", "metrics-file", is_path, PATH},
    {"agent", "metrics-socket", is_path, PATH},
    {"agent", "metrics-interval", is_short_duration, "a duration from 1s to 10m"},
    {"module", "path", is_path, PATH},
    {"module", "lanes", is_lanes, "a number from 1 to 64"},
    {"module", "init-args", is_any, "a text"},
    {"module", "softhsm-conf", is_path, PATH},
    {"module", "disable", is_bool, BOOL},
    {"module", "sandbox", is_bool, BOOL},
    {"module", "wait-for-events", is_bool, BOOL},
    {"token", "pin-source", is_pin_source,
     "file:/path, credential:NAME or command:/path and its words"},
    {"token", "pin-ttl", is_duration, DURATION},
    {"token", "pin-ttl-max", is_duration, DURATION},
    {"token", "cache-always-authenticate", is_bool, BOOL},
    {"trust", "revocation", is_revocation, "one of " REVOCATIONS},
    {"trust", "learn", is_bool, BOOL},
    {"trust", "label-policy", is_path, PATH},
    {"trust", "system-anchors", is_bool, BOOL},
    {"key", "action", is_action, "one of " ACTIONS},
    {"key", "users", is_any, "users, with commas between them"},
    {"key", "groups", is_any, "groups, with commas between them"},
    {"key", "executables", is_any, "paths or globs of programs, with commas between them"},
    {"key", "units", is_any, "systemd units, with commas between them"},
    {"key", "fronts", is_any, "fronts such as cli, with commas between them"},
    {"key", "operations", is_any, "sign, decrypt, derive, with commas between them"},
    {"key", "schemes", is_any, "schemes such as rsa-pss-*, with commas between them"},
    {"key", "confirm", is_any, "no, each or session"},
    {"key", "approvers", is_any, "2 of alice, bob, @officers"},
    {"key", "approve-within", is_duration, DURATION},
    {"key", "rate", is_any, "10/minute, 200/day"},
    {"key", "count", is_count, "a number of uses"},
    {"key", "per-user", is_bool, BOOL},
    {"key", "hours", is_any, "mon-fri 08:00-18:00"},
    {"audit", "max-size", is_size, "a size such as 512k, 64M or 1G"},
    {"audit", "max-age", is_duration, DURATION},
    {"audit", "keep", is_count, "a number of files (0: all)"},
    {"audit", "when-full", is_when_full, "one of " WHEN_FULL},
    {"audit", "sync", is_bool, BOOL},
    {"audit", "sign-key", is_any, "a key"},
    {"audit", "sign-every", is_interval, "a duration from 1s on"},
    {"audit", "journal", is_journal, BOOL " or an absolute path"},
    {"certs", "ldap", is_directories, "ldap:// or ldaps:// URLs, with blanks between them"},
    {"sign", "key", is_any, "a key"},
    {"sign", "digest", is_digest, "one of " DIGESTS},
    {"sign", "certs", is_certs, "one of " CERTS},
    {"fetch", "deadline", is_short_duration, "a duration from 1s to 10m"},
    {"fetch", "offline", is_bool, BOOL},
    {"fetch", "private", is_bool, BOOL},
    {"fetch", "proxy", is_proxy, "\"none\" or the URL of a proxy (http, https, socks4, socks5)"},
    {"fetch", "resolver", is_resolver, "ADDRESS or ADDRESS@PORT"},
    {"fetch", "dnssec-anchor", is_path, PATH},
};

const struct conf_kind *
conf_kind_find(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strlen(kinds[i].name) == len && memcmp(kinds[i].name, name, len) == 0)
            return &kinds[i];
    return NULL;
}

const struct conf_key *
conf_key_find(const char *kind, const char *name)
{
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(keys[i].kind, kind) == 0 && strcmp(keys[i].name, name) == 0)
            return &keys[i];
    return NULL;
}

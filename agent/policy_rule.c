/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One rule, from its section to what can be compared at once. */
#include <ctype.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/policy_impl.h"
#include "base/alg.h"
#include "base/names.h"
#include "base/text.h"

#define SEPARATORS ", \t"
#define WILDCARDS "*?[\\"

/* What a rule is read from. */
struct source {
    const struct conf *conf;
    const struct conf_place *at;
};

static int
no_memory(struct err *err)
{
    return err_set(err, E_NOMEM, "out of memory while reading the policy");
}

static void
words_clear(struct policy_words *w)
{
    for (unsigned i = 0; i < w->count; i++)
        free(w->word[i].text);
    free(w->word);
    *w = (struct policy_words){.count = 0};
}

void
rule_clear(struct rule *r)
{
    words_clear(&r->executables);
    words_clear(&r->units);
    words_clear(&r->fronts);
    words_clear(&r->schemes);
    free(r->users.id);
    free(r->groups.id);
    free(r->covers.text);
    free(r->pattern);
    free(r->digits);
    free(r->name);
    free(r->id);
    free(r->rate);
    free(r->hours);
    free(r->approvers);
    memset(r, 0, sizeof *r);
}

static const char *
value(const struct source *s, const char *key)
{
    return conf_value(s->conf, s->at, key, NULL);
}

/* Names the line of that key, or of the section. */
static int
faulty(const struct source *s, const char *key, const char *what, struct err *err)
{
    unsigned line = s->at->line;

    (void)conf_value(s->conf, s->at, key, &line);
    return err_set(err, E_CONFIG, "%s:%u: [key %.100s]: %s: %s", s->at->path, line, s->at->name,
                   key, what);
}

static int
word_make(const char *text, struct policy_word *ret, struct err *err)
{
    size_t len = strlen(text), wild = strcspn(text, WILDCARDS);

    ret->text = strdup(text);
    if (!ret->text)
        return no_memory(err);
    ret->len = wild;
    if (wild == len)
        ret->match = POLICY_SAME;
    else if (wild + 1 == len && text[wild] == '*')
        ret->match = wild == 0 ? POLICY_ALL : POLICY_BEGINNING;
    else
        ret->match = POLICY_GLOB;
    return 0;
}

/* Room for as many words as there can be, which is given back. */
static int
split(const struct source *s, const char *key, char *copy, struct policy_words *ret,
      struct err *err)
{
    char *save = NULL;
    int rc = 0;

    for (char *word = strtok_r(copy, SEPARATORS, &save); rc == 0 && word;
         word = strtok_r(NULL, SEPARATORS, &save)) {
        if (ret->count == POLICY_WORDS_MAX)
            return faulty(s, key, "more words than a condition may have (64); make two rules", err);
        rc = word_make(word, &ret->word[ret->count], err);
        if (rc == 0)
            ret->count++;
    }
    if (rc == 0 && ret->count == 0)
        rc = faulty(s, key, "an empty list would cover nobody; leave the line out to cover all",
                    err);
    return rc;
}

static int
take_words(const struct source *s, const char *key, struct policy_words *ret, struct err *err)
{
    const char *text = value(s, key);
    struct policy_word *fit;
    char *copy;
    int rc;

    if (!text)
        return 0;
    copy = strdup(text);
    ret->word = calloc(POLICY_WORDS_MAX, sizeof *ret->word);
    rc = copy && ret->word ? split(s, key, copy, ret, err) : no_memory(err);
    free(copy);
    fit = rc == 0 ? reallocarray(ret->word, ret->count, sizeof *fit) : NULL;
    if (fit)
        ret->word = fit;
    return rc;
}

static int
take_ids(const struct source *s, const char *key, bool groups, struct policy_ids *ret,
         struct err *err)
{
    struct policy_words words = {.count = 0};
    int rc = take_words(s, key, &words, err);
    char what[120];

    if (rc == 0 && words.count > 0) {
        ret->id = calloc(words.count, sizeof *ret->id);
        if (!ret->id)
            rc = no_memory(err);
    }
    for (unsigned i = 0; rc == 0 && ret->id && i < words.count; i++) {
        unsigned id = 0;
        const char *name = words.word[i].text;
        snprintf(what, sizeof what, "there is no %s \"%.60s\" (others by number)",
                 groups ? "group" : "user", name);
        if ((groups ? names_group : names_user)(name, &id) != 0)
            rc = faulty(s, key, what, err);
        else
            ret->id[ret->count++] = id;
    }
    words_clear(&words);
    return rc;
}

static int
take_operations(const struct source *s, struct rule *r, struct err *err)
{
    struct policy_words words = {.count = 0};
    int rc = take_words(s, "operations", &words, err);

    for (unsigned i = 0; rc == 0 && i < words.count; i++) {
        unsigned k = 0;
        while (policy_operations[k] && strcmp(policy_operations[k], words.word[i].text) != 0)
            k++;
        if (policy_operations[k])
            r->operations |= 1u << k;
        else
            rc = faulty(s, "operations", "only sign, decrypt and derive can be said", err);
    }
    words_clear(&words);
    return rc;
}

/* Those of decryption, of which base/alg.h has no table (docs/protocol.md, DECRYPT). */
static const char *const decryption_schemes[] = {
    "rsa-pkcs1", "rsa-oaep-sha1", "rsa-oaep-sha224", "rsa-oaep-sha256", "rsa-oaep-sha384",
    "rsa-oaep-sha512", NULL,
};

/* Bits of the operations that this word is about; what is too weak to sign with is none. */
static unsigned
operations_of_scheme(const char *word)
{
    unsigned found = 0;
    const struct alg_sig *sig;

    for (size_t i = 0; (sig = alg_sig_at(i)); i++)
        if (!(sig->digest && sig->digest->weak) && fnmatch(word, sig->name, 0) == 0)
            found |= 1u << 0;
    for (size_t i = 0; decryption_schemes[i]; i++)
        if (fnmatch(word, decryption_schemes[i], 0) == 0)
            found |= 1u << 1;
    return found;
}

static int
take_schemes(const struct source *s, struct rule *r, struct err *err)
{
    int rc = take_words(s, "schemes", &r->schemes, err);
    unsigned all = 0;
    char what[160];

    for (unsigned i = 0; rc == 0 && i < r->schemes.count; i++) {
        const char *word = r->schemes.word[i].text;
        unsigned found = operations_of_scheme(word);
        snprintf(what, sizeof what, "\"%.40s\" is no scheme that is known and strong enough, such as "
                 "rsa-pss-sha256, ecdsa-*, ed25519 or rsa-oaep-*", word);
        if (found == 0)
            rc = faulty(s, "schemes", what, err);
        all |= found;
    }
    if (rc == 0 && r->schemes.count > 0 && r->operations != 0 && !(all & r->operations))
        rc = faulty(s, "schemes", "none of them is one of the rule's operations", err);
    return rc;
}

/* Absolute, or of any folder. */
static int
take_executables(const struct source *s, struct rule *r, struct err *err)
{
    int rc = take_words(s, "executables", &r->executables, err);

    for (unsigned i = 0; rc == 0 && i < r->executables.count; i++)
        if (!strchr("/*", r->executables.word[i].text[0]))
            rc = faulty(s, "executables", "programs are absolute paths, or globs that begin with "
                        "'*'", err);
    return rc;
}

static int
keep_text(const char *text, char **ret, struct err *err)
{
    *ret = text ? strdup(text) : NULL;
    return text && !*ret ? no_memory(err) : 0;
}

static int
take_limits(const struct source *s, struct rule *r, struct err *err)
{
    const char *count = value(s, "count"), *per_user = value(s, "per-user");
    struct err why = {0};
    int rc = keep_text(value(s, "rate"), &r->rate, err);

    if (rc == 0)
        rc = keep_text(value(s, "hours"), &r->hours, err);
    if (rc != 0)
        return rc;
    r->limits.name = r->name;
    r->limits.id = r->id;
    r->limits.total = count ? strtoul(count, NULL, 10) : 0;
    if (count && r->limits.total == 0)
        return faulty(s, "count", "0 allows nothing; say action = deny", err);
    if (r->rate && limits_parse_rates(r->rate, &r->limits, &why) != 0)
        return faulty(s, "rate", err_text(&why), err);
    if (r->hours && hours_parse(r->hours, &r->limits.hours, &why) != 0)
        return faulty(s, "hours", err_text(&why), err);
    if (per_user && !r->rate && !count)
        return faulty(s, "per-user", "there is neither rate nor count that it could be about", err);
    /* conf_schema.c has seen to it that it is one of the words for yes or no. */
    r->limits.per_user = per_user && (strchr("yYtT1", per_user[0]) ||
                                      strcasecmp(per_user, "on") == 0);
    return 0;
}

static int
take_person(const struct source *s, struct rule *r, struct err *err)
{
    const char *confirm = value(s, "confirm"), *within = value(s, "approve-within");
    struct err why = {0};
    int rc = keep_text(value(s, "approvers"), &r->approvers, err);

    if (rc != 0)
        return rc;
    r->approve.name = r->name;
    if (confirm && confirm_parse(confirm, &r->confirm, &why) != 0)
        return faulty(s, "confirm", err_text(&why), err);
    if (r->approvers && approve_parse(r->approvers, &r->approve, &why) != 0)
        return faulty(s, "approvers", err_text(&why), err);
    if (within && !r->approvers)
        return faulty(s, "approve-within", "there are no approvers to wait for", err);
    if (within && text_parse_duration(within, &r->approve.patience) != 0)
        return faulty(s, "approve-within", "it is no duration", err);
    if (within && (r->approve.patience == 0 || r->approve.patience > APPROVE_PATIENCE_MAX))
        return faulty(s, "approve-within", "from 1s to 1d can be waited", err);
    return 0;
}

/* A rule that denies says nothing of how it is allowed. */
static int
check_denial(const struct source *s, const struct rule *r, struct err *err)
{
    static const char *const without[] = {"confirm", "approvers", "approve-within", "rate",
                                          "count", "per-user", "hours"};

    for (size_t i = 0; r->deny && i < sizeof without / sizeof *without; i++)
        if (value(s, without[i]))
            return faulty(s, without[i], "has no meaning with action = deny", err);
    return 0;
}

static bool
is_unconditional(const struct rule *r)
{
    return r->users.count == 0 && r->groups.count == 0 && r->executables.count == 0 &&
           r->units.count == 0 && r->fronts.count == 0 && r->schemes.count == 0 &&
           r->operations == 0;
}

/* "[key *] of FILE", and "[key *] (2) of FILE" for the second with that pattern. */
static int
name_rule(const struct source *s, const struct rule *seen, unsigned seen_count, struct rule *r,
          struct err *err)
{
    const char *pattern = s->at->name;
    char number[24] = "";
    unsigned n = 1;

    for (unsigned i = 0; i < seen_count; i++) {
        bool same = strcmp(seen[i].pattern, pattern) == 0;
        if ((same || strcmp(seen[i].pattern, "*") == 0) && is_unconditional(&seen[i])) {
            return err_set(err, E_CONFIG, "%s:%u: [key %.100s] is never looked at: %s covers it and "
                           "has no condition; put it before that", s->at->path, s->at->line,
                           pattern, seen[i].name);
        }
        n += same;
    }
    if (n > 1)
        snprintf(number, sizeof number, " (%u)", n);
    if (asprintf(&r->id, "[key %s]%s of %s", pattern, number, s->at->path) < 0) {
        r->id = NULL;
        return no_memory(err);
    }
    if (asprintf(&r->name, "[key %s] of %s:%u", pattern, s->at->path, s->at->line) < 0) {
        r->name = NULL;
        return no_memory(err);
    }
    return 0;
}

static int
take_pattern(const struct source *s, struct rule *r, struct err *err)
{
    static const char of_token[] = "token:";
    const char *pattern = s->at->name;
    size_t len = strlen(pattern);

    r->of_token = strncmp(pattern, of_token, sizeof of_token - 1) == 0;
    if (r->of_token && !pattern[sizeof of_token - 1])
        return err_set(err, E_CONFIG, "%s:%u: [key token:] names no token; write its label or a "
                       "glob behind it", s->at->path, s->at->line);
    r->pattern = strdup(pattern);
    if (!r->pattern)
        return no_memory(err);
    if (len >= POLICY_NAME_MIN && strspn(pattern, "0123456789abcdefABCDEF") == len) {
        r->digits = strdup(pattern);
        if (!r->digits)
            return no_memory(err);
        for (char *c = r->digits; *c; c++)
            *c = (char)tolower((unsigned char)*c);
    }
    return word_make(r->of_token ? pattern + sizeof of_token - 1 : pattern, &r->covers, err);
}

int
rule_read(const struct conf *conf, const struct conf_place *at, const struct rule *seen,
          unsigned seen_count, struct rule *r, struct err *err)
{
    const struct source s = {conf, at};
    const char *action = value(&s, "action");
    const struct {
        const char *key;
        struct policy_words *words;
    } lists[] = {{"units", &r->units}, {"fronts", &r->fronts}};
    int rc = take_pattern(&s, r, err);

    r->deny = action && strcmp(action, "deny") == 0;
    if (rc == 0)
        rc = name_rule(&s, seen, seen_count, r, err);
    if (rc == 0)
        rc = take_ids(&s, "users", false, &r->users, err);
    if (rc == 0)
        rc = take_ids(&s, "groups", true, &r->groups, err);
    if (rc == 0)
        rc = take_operations(&s, r, err);
    if (rc == 0)
        rc = take_schemes(&s, r, err);
    if (rc == 0)
        rc = take_executables(&s, r, err);
    for (size_t i = 0; rc == 0 && i < sizeof lists / sizeof *lists; i++)
        rc = take_words(&s, lists[i].key, lists[i].words, err);
    if (rc == 0)
        rc = take_person(&s, r, err);
    if (rc == 0)
        rc = take_limits(&s, r, err);
    return rc == 0 ? check_denial(&s, r, err) : rc;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LOCK, UNLOCK. */
#include <limits.h>
#include <string.h>

#include "agent/approve.h"
#include "agent/ask.h"
#include "agent/commands.h"
#include "agent/confirm.h"
#include "agent/lockdown.h"
#include "agent/pin_source.h"
#include "agent/prompts.h"
#include "client/wire.h"

#define WORD_FILE "passphrase-file="

static int
take_file(const struct words *w, const char **ret, struct err *err)
{
    const char *word = w->word[0];

    *ret = NULL;
    if (!word)
        return 0;
    if (strncmp(word, WORD_FILE, sizeof WORD_FILE - 1) != 0)
        return err_set(err, E_USAGE, "\"%.40s\" is not " WORD_FILE "FILE", word);
    *ret = word + sizeof WORD_FILE - 1;
    if (**ret != '/' || strlen(*ret) >= PATH_MAX)
        return err_set(err, E_USAGE, "the file \"%.100s\" is no absolute path", *ret);
    return 0;
}

static int
ask(struct connection *c, const char *what, const char *prompt, struct secret *ret,
    struct err *err)
{
    const struct question q = {.what = what, .prompt = prompt, .while_locked = true,
                               .remedy = "the passphrase must be asked for; give it in a file "
                                         "(--passphrase-file)"};
    int rc = ask_pin(c, &q, ret, NULL, err);

    if (rc == 0 && secret_len(ret) == 0)
        rc = err_set(err, E_PIN_CANCELLED, "no passphrase was given; nothing was changed");
    return rc == E_PIN_CANCELLED ? err_set(err, rc, "no passphrase was given; nothing was changed")
                                 : rc;
}

/* Twice when it is new, since nobody sees what he types. */
static int
get_passphrase(struct connection *c, const char *file, bool fresh, struct secret *ret,
               struct err *err)
{
    autofree_secret struct secret *again = NULL;
    int rc;

    if (file)
        return pin_file_read(file, ret, err);
    if (!fresh)
        return ask(c, "Enter the passphrase that unlocks the agent", "Passphrase:", ret, err);
    again = secret_new(WIRE_PIN_MAX);
    if (!again)
        return err_set(err, E_NOMEM, "out of memory while asking for a passphrase");
    rc = ask(c, "Choose a passphrase that will unlock the agent", "Passphrase:", ret, err);
    if (rc == 0)
        rc = ask(c, "Repeat the passphrase", "Repeat:", again, err);
    if (rc == 0 && !secret_equal(ret, again))
        rc = err_set(err, E_PIN_INVALID, "the two passphrases differ and nothing was locked; run "
                     "the command again");
    return rc;
}

static int
audit(struct connection *c, const char *operation, int result, unsigned long began,
      struct err *err)
{
    const struct audit_entry e = {.event = "agent", .peer = &c->peer, .operation = operation,
                                  .result = result, .latency_us = audit_clock() - began};
    struct err why = {0};

    if (audit_write(c->agent->audit, &e, &why) == 0 || result != 0)
        return result;
    if (err)
        *err = why;
    return why.code;
}

static int
with_passphrase(struct connection *c, struct words *w, bool fresh, struct secret **ret,
                struct err *err)
{
    const char *file;
    int rc = take_file(w, &file, err);

    if (rc != 0)
        return rc;
    *ret = secret_new(WIRE_PIN_MAX);
    if (!*ret)
        return err_set(err, E_NOMEM, "out of memory while asking for a passphrase");
    rc = get_passphrase(c, file, fresh, *ret, err);
    if (rc != 0)
        secret_free(ret);
    return rc;
}

/* Locked is said first: no login and no question begins behind it. */
static int
run_lock(struct connection *c, struct words *w, struct err *err)
{
    struct agent *a = c->agent;
    struct secret *passphrase = NULL;
    unsigned long began = audit_clock();
    int rc = lockdown_check(a, NULL);

    if (rc != 0)
        return err_set(err, rc, "the agent is locked already; unlock it first (signet agent "
                       "unlock)");
    rc = with_passphrase(c, w, true, &passphrase, err);
    if (rc != 0)
        return rc;
    rc = lockdown_lock(a->lockdown, passphrase, err);
    secret_free(&passphrase);
    if (rc == 0) {
        prompts_withdraw(a->prompts);
        approvals_withdraw(a->approvals);
        pins_forget_all(a->pins);
        confirm_forget(a->confirm);
    }
    return audit(c, "lock", rc, began, err);
}

static int
run_unlock(struct connection *c, struct words *w, struct err *err)
{
    struct lockdown *l = c->agent->lockdown;
    struct secret *passphrase = NULL;
    unsigned long began = audit_clock();
    int rc;

    if (!lockdown_stands(l))
        return 0;
    rc = with_passphrase(c, w, false, &passphrase, err);
    if (rc != 0)
        return rc;
    rc = lockdown_unlock(l, passphrase, connection_gone, c, err);
    secret_free(&passphrase);
    return audit(c, "unlock", rc, began, err);
}

const struct command commands_lock[] = {
    {"LOCK", run_lock, 0, 1,
     "LOCK [passphrase-file=<path>]\n\nForgets all PINs and refuses every use of a key and every "
     "PIN command\nuntil UNLOCK brings the passphrase, which is asked for twice.", .manages = true},
    {"UNLOCK", run_unlock, 0, 1,
     "UNLOCK [passphrase-file=<path>]\n\nEnds what LOCK began. Wrong passphrases are answered ever "
     "more slowly.", .manages = true},
    {0},
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PENDING, APPROVE, REFUSE. */
#include <stdlib.h>
#include <string.h>

#include "agent/approve.h"
#include "agent/commands.h"

static int
send_json(struct connection *c, json_t *json, struct err *err)
{
    char *text = json_dumps(json, JSON_COMPACT);
    int rc = text ? command_send(c, text, strlen(text), err)
                  : err_set(err, E_NOMEM, "out of memory while telling of requests");

    free(text);
    json_decref(json);
    return rc;
}

static int
run_pending(struct connection *c, struct words *w, struct err *err)
{
    json_t *list = NULL;
    int rc = 0;

    if (w->word[0]) {
        if (!*w->word[0] || w->word[0][strspn(w->word[0], "0123456789")])
            return err_set(err, E_USAGE, "the serial \"%.20s\" is no number", w->word[0]);
        rc = approvals_await(c, strtoul(w->word[0], NULL, 10), c->says.wait * 1000u, err);
    }
    if (rc == 0)
        rc = approvals_list(c, &list, err);
    return rc == 0 ? send_json(c, list, err) : rc;
}

static int
decide(struct connection *c, const char *id, bool yes, struct err *err)
{
    json_t *request = NULL;
    int rc = approvals_decide(c, id, yes, &request, err);

    return rc == 0 ? send_json(c, request, err) : rc;
}

static int
run_approve(struct connection *c, struct words *w, struct err *err)
{
    return decide(c, w->word[0], true, err);
}

static int
run_refuse(struct connection *c, struct words *w, struct err *err)
{
    return decide(c, w->word[0], false, err);
}

const struct command commands_approve[] = {
    {"PENDING", run_pending, 0, 1,
     "PENDING [<serial>]\n\nReplies with the requests that wait for approval, as a JSON object, and its\n"
     "serial. With a serial: waits as long as OPTION wait says until there is\nanother."},
    {"APPROVE", run_approve, 1, 1,
     "APPROVE <id>\n\nApproves the request, and replies with it.", .not_locked = true},
    {"REFUSE", run_refuse, 1, 1,
     "REFUSE <id>\n\nRefuses the request, and replies with it.", .not_locked = true},
    {0},
};

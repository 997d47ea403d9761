/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Requests that wait for approval. */
#include <stdio.h>
#include <string.h>

#include "client/ask.h"

/* An id is hexadecimal digits. */
#define ID_MAX 64u

static int
ask_object(struct client *c, const char *doing, const char *command, json_t **ret,
           struct err *err)
{
    autofree_buf struct buf *out = buf_new();
    const struct ask ask = {.doing = doing, .out = out};
    json_t *object;
    int rc;

    if (!out)
        return err_set(err, E_NOMEM, "out of memory while %s", doing);
    rc = client_ask(c, &ask, command, err);
    if (rc != 0)
        return rc;
    object = json_loadb((const char *)buf_data(out), buf_len(out), 0, NULL);
    if (!json_is_object(object)) {
        json_decref(object);
        return err_set(err, E_PROTOCOL, "the agent's answer while %s cannot be read", doing);
    }
    *ret = object;
    return 0;
}

int
client_pending(struct client *c, unsigned long *seen, json_t **ret, struct err *err)
{
    char line[40] = "PENDING";
    int rc;

    if (*seen != CLIENT_ANY)
        snprintf(line, sizeof line, "PENDING %lu", *seen);
    rc = ask_object(c, "listing requests", line, ret, err);
    if (rc == 0)
        *seen = (unsigned long)json_integer_value(json_object_get(*ret, "serial"));
    return rc;
}

int
client_decide(struct client *c, const char *id, bool yes, json_t **ret, struct err *err)
{
    char line[ID_MAX + 16];
    size_t len = strlen(id);

    if (len == 0 || len > ID_MAX || id[strspn(id, "0123456789abcdef")])
        return err_set(err, E_USAGE, "\"%.64s\" is no request; signet approve lists those that "
                       "wait", id);
    snprintf(line, sizeof line, "%s %s", yes ? "APPROVE" : "REFUSE", id);
    return ask_object(c, yes ? "approving" : "refusing", line, ret, err);
}

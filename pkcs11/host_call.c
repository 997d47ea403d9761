/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pkcs11/host_call.h"

#include <stdlib.h>
#include <string.h>

#include "client/wire.h"

int
call_inquire(struct call *c, const char *keyword, size_t max, unsigned char **ret, size_t *ret_len,
        struct err *err)
{
    gpg_error_t rc = assuan_inquire(c->ctx, keyword, ret, ret_len, max);

    switch (gpg_err_code(rc)) {
    case GPG_ERR_NO_ERROR:
        return 0;
    case GPG_ERR_ASS_TOO_MUCH_DATA:
        return err_set(err, E_LIMIT, "%s may have %zu bytes at most", keyword, max);
    case GPG_ERR_ASS_CANCELED:
    case GPG_ERR_CANCELED:
        return err_set(err, E_CANCELLED, "cancelled while waiting for %s", keyword);
    default:
        return err_set(err, E_PROTOCOL, "no %s came: %s", keyword, gpg_strerror(rc));
    }
}

int
call_inquire_pin(struct call *c, const char *keyword, struct secret *pin, struct err *err)
{
    unsigned char *data = NULL;
    size_t len = 0;
    int rc;

    assuan_begin_confidential(c->ctx);
    rc = call_inquire(c, keyword, WIRE_PIN_MAX, &data, &len, err);
    assuan_end_confidential(c->ctx);
    if (rc == 0 && secret_set(pin, data, len) != 0)
        rc = err_set(err, E_LIMIT, "the PIN is too long");
    if (data) {
        wipe(data, len);
        assuan_free(c->ctx, data);
    }
    return rc == E_CANCELLED ? err_set(err, E_PIN_CANCELLED, "PIN entry was cancelled") : rc;
}

int
call_answer(struct call *c, const void *data, size_t len, struct err *err)
{
    gpg_error_t rc = assuan_send_data(c->ctx, data, len);

    return rc == 0 ? 0 : err_set(err, E_PROTOCOL, "the answer cannot be sent: %s",
                                 gpg_strerror(rc));
}

int
call_answer_secret(struct call *c, const struct secret *s, struct err *err)
{
    int rc;

    assuan_begin_confidential(c->ctx);
    rc = call_answer(c, secret_data_view(s), secret_len(s), err);
    /* Flushes the line while it is still confidential. */
    assuan_send_data(c->ctx, NULL, 0);
    assuan_end_confidential(c->ctx);
    return rc;
}

int
call_answer_json(struct call *c, json_t *j, struct err *err)
{
    char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
    int rc = text ? call_answer(c, text, strlen(text), err)
                  : err_set(err, E_NOMEM, "out of memory");

    free(text);
    json_decref(j);
    return rc;
}

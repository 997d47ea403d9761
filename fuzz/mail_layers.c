/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Any bytes as a mail with layers, some of them encrypted for a key that is here: the
 * same layers and the same payload however the input is cut, never more layers than
 * allowed, and a payload that can be shown. The first two bytes say where to cut.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "cms/decrypt.h"
#include "mail/layers.h"
#include "mail/show.h"

#define KEK "0123456789abcdef0123456789abcdef"
#define PAYLOAD_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct result {
    int rc;
    size_t layers;
    struct buf *payload;
};

static int
put(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    struct buf *b = arg;

    if (buf_len(b) + len > PAYLOAD_MAX)
        return err_set(err, E_LIMIT, "enough");
    return buf_put(b, data, len);
}

static int
restart(void *arg, struct err *err)
{
    (void)err;
    buf_reset(arg);
    return 0;
}

static void
ask(struct mail_layers *layers)
{
    const struct cms_signed *said;
    struct protected_header p;
    struct buf *names = buf_new();
    struct mail_reader *r;

    if (names == NULL)
        abort();
    for (size_t i = 0; (r = mail_layers_get(layers, i)) != NULL; i++)
        for (size_t k = 0; k < mail_reader_cms_count(r); k++)
            (void)(mail_reader_verify_at(r, k, NULL, &said, NULL) == 0 &&
                   mail_reader_put_coverage(r, names) == 0);
    mail_layers_protected(layers, &p);
    buf_reset(names);
    if (protected_put_differences(&p, mail_layers_header(layers), names) != 0)
        abort();
    buf_free(&names);
}

static void
open_mail(const uint8_t *data, size_t len, size_t cut, struct result *ret)
{
    struct secret *key = secret_new(32);
    struct cms_kek kek = {.key = key};
    struct cms_decrypt_options decrypt = {.keks = &kek, .kek_count = 1, .allow_weak = true};
    struct mail_layers_options options = {.decrypt = &decrypt, .restart = restart};
    struct mail_layers *layers;

    *ret = (struct result){.payload = buf_new()};
    if (key == NULL || ret->payload == NULL || secret_set(key, KEK, 32) != 0)
        abort();
    options.content = (struct sink){.write = put, .arg = ret->payload};
    options.restart_arg = ret->payload;
    if (mail_layers_new(&layers, &options, NULL) != 0)
        abort();
    ret->rc = mail_layers_update(layers, data, cut, NULL);
    if (ret->rc == 0)
        ret->rc = mail_layers_update(layers, data + cut, len - cut, NULL);
    if (ret->rc == 0)
        ret->rc = mail_layers_finish(layers, NULL);
    ret->layers = mail_layers_count(layers);
    if (ret->layers > MAIL_LAYERS_MAX + (ret->rc != 0))
        abort();
    if (ret->rc == 0)
        ask(layers);
    mail_layers_free(&layers);
    secret_free(&key);
}

static void
show(const struct buf *payload)
{
    struct buf *text = buf_new();
    struct sink out = {.write = put, .arg = text};
    struct show *s;

    if (text == NULL || show_new(&s, &out, NULL) != 0)
        abort();
    if (show_update(s, buf_data(payload), buf_len(payload), NULL) == 0)
        (void)(show_finish(s, NULL) == 0);
    /* Nothing but tabs and line ends moves a cursor. */
    for (size_t i = 0; i < buf_len(text); i++)
        if (buf_data(text)[i] < ' ' && buf_data(text)[i] != '\n' && buf_data(text)[i] != '\t')
            abort();
    show_free(&s);
    buf_free(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct result whole, cut;
    size_t at;

    if (len < 2)
        return 0;
    at = (size_t)(data[0] << 8 | data[1]);
    data += 2;
    len -= 2;
    at = len == 0 ? 0 : at % len;
    open_mail(data, len, 0, &whole);
    open_mail(data, len, at, &cut);
    /* Which of two faults is met first may depend on the cut. */
    if ((whole.rc == 0) != (cut.rc == 0))
        abort();
    if (whole.rc == 0 &&
        (whole.layers != cut.layers || buf_len(whole.payload) != buf_len(cut.payload) ||
         memcmp(buf_data(whole.payload), buf_data(cut.payload), buf_len(cut.payload)) != 0))
        abort();
    if (whole.rc == 0)
        show(whole.payload);
    buf_free(&whole.payload);
    buf_free(&cut.payload);
    return 0;
}

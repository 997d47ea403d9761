/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mail/wrap.h"

#include <stdlib.h>

/* From the inside: a signature, compression, encryption, a signature. */
#define LAYERS_MAX 4

struct layer {
    struct mail_sign *sign;
    struct mail_encrypt *encrypt;
};

struct mail_wrap {
    struct layer layers[LAYERS_MAX]; /* the outermost first, as they are made */
    size_t count;
};

static struct sink
layer_sink(const struct layer *l)
{
    return l->sign != NULL ? mail_sign_sink(l->sign) : mail_encrypt_sink(l->encrypt);
}

/* Where the next layer writes to. */
static struct sink
inward(const struct mail_wrap *w, const struct sink *out)
{
    return w->count == 0 ? *out : layer_sink(&w->layers[w->count - 1]);
}

/* The first layer of the mail's way, which sees the mail itself: how it is protected. */
static struct mail_protection
protection_of(const struct mail_wrap_options *o)
{
    struct mail_protection p = o->protection;

    if (p.mode != PROTECT_NONE)
        p.mode = o->encrypt != NULL ? PROTECT_CIPHER : PROTECT_CLEAR;
    return p;
}

static int
add_sign(struct mail_wrap *w, const struct mail_wrap_options *o, bool first,
         const struct sink *out, struct err *err)
{
    struct mail_sign_options sign = {.cms = first || o->outer == NULL ? *o->sign : *o->outer,
                                     .opaque = first && o->opaque};
    struct sink next = inward(w, out);
    int rc;

    if (first) {
        sign.scan = o->scan;
        sign.protection = protection_of(o);
    }
    rc = mail_sign_new(&w->layers[w->count].sign, &sign, &next, err);
    w->count += rc == 0;
    return rc;
}

static int
add_encrypt(struct mail_wrap *w, const struct mail_wrap_options *o, bool compress, bool first,
            const struct sink *out, struct err *err)
{
    struct mail_encrypt_options encrypt = {.compress = compress};
    struct sink next = inward(w, out);
    int rc;

    if (!compress)
        encrypt.cms = *o->encrypt;
    if (first) {
        encrypt.scan = o->scan;
        encrypt.protection = protection_of(o);
    }
    rc = mail_encrypt_new(&w->layers[w->count].encrypt, &encrypt, &next, err);
    w->count += rc == 0;
    return rc;
}

static int
add_layers(struct mail_wrap *w, const struct mail_wrap_options *o, const struct sink *out,
           struct err *err)
{
    int rc = o->triple ? add_sign(w, o, false, out, err) : 0;

    if (rc == 0 && o->encrypt != NULL)
        rc = add_encrypt(w, o, false, o->sign == NULL && !o->compress, out, err);
    if (rc == 0 && o->compress)
        rc = add_encrypt(w, o, true, o->sign == NULL, out, err);
    return rc == 0 && o->sign != NULL ? add_sign(w, o, true, out, err) : rc;
}

int
mail_wrap_new(struct mail_wrap **ret, const struct mail_wrap_options *o, const struct sink *out,
              struct err *err)
{
    struct mail_wrap *w;
    int rc;

    if (o->sign == NULL && o->encrypt == NULL && !o->compress)
        return err_set(err, E_USAGE, "the mail is to be neither signed nor encrypted");
    if (o->triple && (o->sign == NULL || o->encrypt == NULL))
        return err_set(err, E_USAGE, "a triple wrap is signed, encrypted, and signed again");
    w = calloc(1, sizeof *w);
    if (w == NULL)
        return err_set(err, E_NOMEM, "out of memory wrapping the mail");
    rc = add_layers(w, o, out, err);
    if (rc != 0)
        mail_wrap_free(&w);
    else
        *ret = w;
    return rc;
}

void
mail_wrap_free(struct mail_wrap **w)
{
    if (w == NULL || *w == NULL)
        return;
    for (size_t i = 0; i < (*w)->count; i++) {
        mail_sign_free(&(*w)->layers[i].sign);
        mail_encrypt_free(&(*w)->layers[i].encrypt);
    }
    free(*w);
    *w = NULL;
}

int
mail_wrap_update(struct mail_wrap *w, const uint8_t *data, size_t len, struct err *err)
{
    struct sink in = layer_sink(&w->layers[w->count - 1]);

    return sink_write(&in, data, len, err);
}

int
mail_wrap_finish(struct mail_wrap *w, struct err *err)
{
    int rc = 0;

    for (size_t i = w->count; rc == 0 && i-- > 0;)
        rc = w->layers[i].sign != NULL ? mail_sign_finish(w->layers[i].sign, err)
                                       : mail_encrypt_finish(w->layers[i].encrypt, err);
    return rc;
}

static int
into(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    return mail_wrap_update(arg, data, len, err);
}

struct sink
mail_wrap_sink(struct mail_wrap *w)
{
    return (struct sink){.write = into, .arg = w};
}

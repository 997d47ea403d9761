/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/interop/cms_tool.h"

#include <stdio.h>
#include <string.h>

#include <openssl/pem.h>

#include "base/io.h"
#include "tests/support/soft_key.h"

/* Longest KEK and password. */
#define SECRET_MAX 256

static X509 *
load_cert(const char *path, struct err *err)
{
    FILE *f = fopen(path, "r");
    X509 *cert = f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;

    if (f)
        fclose(f);
    if (!cert)
        err_set(err, E_INPUT, "%s holds no certificate in PEM", path);
    return cert;
}

static EVP_PKEY *
load_key(const char *path, struct err *err)
{
    FILE *f = fopen(path, "r");
    EVP_PKEY *key = f ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : NULL;

    if (f)
        fclose(f);
    if (!key)
        err_set(err, E_INPUT, "%s holds no private key in PEM", path);
    return key;
}

static struct secret *
secret_of_hex(const char *hex)
{
    struct secret *s = secret_new(SECRET_MAX);
    size_t len = 0;

    if (s && OPENSSL_hexstr2buf_ex(secret_mutable(s), SECRET_MAX, &len, hex, '\0') == 1)
        secret_set_len(s, len);
    return s;
}

static int
add_signer(struct tool *t, char **v, struct err *err)
{
    struct cms_signer *s = &t->signers[t->signer_count++];

    s->cert = load_cert(v[0], err);
    s->arg = s->cert ? load_key(v[1], err) : NULL;
    s->scheme = alg_sig_by_name(v[2]);
    s->sign = soft_key_sign;
    return s->arg && s->scheme ? 0 : E_INPUT;
}

static int
add_recipient(struct tool *t, char **v, struct err *err)
{
    struct cms_to *to = &t->to[t->to_count++];

    to->cert = load_cert(v[0], err);
    return to->cert ? 0 : E_INPUT;
}

static int
add_key(struct tool *t, char **v, struct err *err)
{
    X509 *cert = load_cert(v[0], err);
    EVP_PKEY *key = cert ? load_key(v[1], err) : NULL;

    if (key)
        t->openers[t->opener_count++] = soft_key_opener(cert, key);
    return key ? 0 : E_INPUT;
}

/* For both directions: to make a message with and to open one. */
static int
add_kek(struct tool *t, char **v, struct err *err)
{
    struct secret *key = secret_of_hex(v[0]);

    (void)err;
    t->keks[t->kek_count++] = (struct cms_kek){.key = key};
    t->to[t->to_count++] = (struct cms_to){
        .kek = key, .kek_id = (const uint8_t *)v[1], .kek_id_len = strlen(v[1])};
    return 0;
}

static int
set_password(struct tool *t, char **v, struct err *err)
{
    struct secret *s = secret_new(SECRET_MAX);

    if (!s || secret_set(s, v[0], strlen(v[0])) != 0)
        return err_set(err, E_NOMEM, "no memory for the password");
    t->password = s;
    t->to[t->to_count++] = (struct cms_to){.password = s};
    return 0;
}

static int
set_secret_key(struct tool *t, char **v, struct err *err)
{
    (void)err;
    t->secret_key = secret_of_hex(v[0]);
    return 0;
}

static int
set_cipher(struct tool *t, char **v, struct err *err)
{
    t->cipher = cms_cipher_by_name(v[0]);
    return t->cipher ? 0 : err_set(err, E_USAGE, "no cipher %s", v[0]);
}

static int
set_digest(struct tool *t, char **v, struct err *err)
{
    t->digest = alg_digest_by_name(v[0]);
    return t->digest ? 0 : err_set(err, E_USAGE, "no digest %s", v[0]);
}

static int
add_cert(struct tool *t, char **v, struct err *err)
{
    X509 *cert = load_cert(v[0], err);

    return cert && sk_X509_push(t->certs, cert) > 0 ? 0 : E_INPUT;
}

static int
set_content(struct tool *t, char **v, struct err *err)
{
    (void)err;
    t->content = v[0];
    return 0;
}

static const struct word {
    const char *name;
    int values;
    int (*take)(struct tool *, char **values, struct err *);
    size_t flag;                        /* take NULL: offset of this bool */
} words[] = {
    {"--signer", 3, add_signer, 0},     /* CERT KEY SCHEME */
    {"--to", 1, add_recipient, 0},      /* CERT */
    {"--key", 2, add_key, 0},           /* CERT KEY */
    {"--kek", 2, add_kek, 0},           /* HEX NAME */
    {"--password", 1, set_password, 0},
    {"--secret-key", 1, set_secret_key, 0},  /* HEX: of EncryptedData */
    {"--cipher", 1, set_cipher, 0},
    {"--digest", 1, set_digest, 0},     /* OAEP's or the key derivation's */
    {"--cert", 1, add_cert, 0},         /* to put in; to find signers in */
    {"--content", 1, set_content, 0},
    {"--detached", 0, NULL, offsetof(struct tool, detached)},
    {"--no-attributes", 0, NULL, offsetof(struct tool, no_attributes)},
    {"--no-certs", 0, NULL, offsetof(struct tool, no_certs)},
    {"--ski", 0, NULL, offsetof(struct tool, ski)},
    {"--pkcs1", 0, NULL, offsetof(struct tool, pkcs1)},
    {"--der", 0, NULL, offsetof(struct tool, der)},
    {"--weak", 0, NULL, offsetof(struct tool, weak)},
};

static int
take_words(struct tool *t, char **v, struct err *err)
{
    int rc = 0;

    while (rc == 0 && *v) {
        const struct word *w = words, *end = words + sizeof words / sizeof *words;
        int have = 0;

        while (w < end && strcmp(w->name, *v) != 0)
            w++;
        if (w == end)
            return err_set(err, E_USAGE, "no option %s", *v);
        v++;
        while (have < w->values && v[have])
            have++;
        if (have < w->values)
            return err_set(err, E_USAGE, "%s wants %d values", w->name, w->values);
        if (w->take)
            rc = w->take(t, v, err);
        else
            *(bool *)((char *)t + w->flag) = true;
        v += have;
    }
    return rc;
}

/* What a signer or recipient is told on its own command line follows all of them. */
static void
settle(struct tool *t)
{
    for (size_t i = 0; i < t->signer_count; i++)
        t->signers[i].ski = t->ski;
    for (size_t i = 0; i < t->to_count; i++) {
        if (!t->to[i].cert)
            continue;
        t->to[i].ski = t->ski;
        t->to[i].pkcs1 = t->pkcs1;
        t->to[i].digest = t->digest;
    }
}

static int
gather(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    int rc = buf_put(arg, data, len);

    return rc == 0 ? 0 : err_set(err, rc, "the output is too large for this tool");
}

struct sink
tool_sink(struct buf *b)
{
    return (struct sink){.write = gather, .arg = b};
}

static const struct verb {
    const char *name;
    int (*run)(const struct tool *, const struct buf *in, struct buf *out, struct err *err);
} verbs[] = {
    {"sign", tool_sign},
    {"encrypt", tool_encrypt},
    {"authenticate", tool_authenticate},
    {"digest", tool_digest},
    {"compress", tool_compress},
    {"open", tool_open},        /* whatever it is: verified, decrypted, unpacked */
    {"certs", tool_certs},      /* the certificates of a message, in PEM */
};

static int
run(char **argv, struct err *err)
{
    autofree_buf struct buf *in = buf_new(), *out = buf_new();
    static struct tool t;
    const struct verb *v = verbs, *end = verbs + sizeof verbs / sizeof *verbs;
    int rc;

    t.certs = sk_X509_new_null();
    while (v < end && argv[1] && strcmp(v->name, argv[1]) != 0)
        v++;
    if (!argv[1] || v == end)
        return err_set(err, E_USAGE, "usage: cms-tool sign|encrypt|authenticate|digest|compress|open|certs "
                       "OPTION...");
    rc = take_words(&t, argv + 2, err);
    settle(&t);
    if (rc == 0)
        rc = io_read_file("/dev/stdin", BUF_MAX, in, err);
    if (rc == 0)
        rc = v->run(&t, in, out, err);
    if (rc == 0 && io_write_all(1, buf_data(out), buf_len(out)) != 0)
        rc = err_set(err, E_OUTPUT, "standard output cannot be written");
    return rc;
}

int
main(int argc, char **argv)
{
    struct err err = {0};

    (void)argc;
    if (run(argv, &err) == 0)
        return 0;
    fprintf(stderr, "cms-tool: %s\n", err_text(&err));
    return 1;
}

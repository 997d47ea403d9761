/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/mail/signed.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/rsa.h>

#include "base/io.h"
#include "tests/mail/pieces.h"
#include "tests/support/pki.h"

#define SIGNERS_MAX 16

static char folder[256];

static int
sign_digest(void *arg, const struct alg_sig *scheme, const uint8_t *data, size_t len,
            struct buf *out, struct err *err)
{
    struct signer *s = arg;
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(s->key, NULL);
    size_t size = 0;
    uint8_t *p;

    (void)err;
    ck_assert_int_eq(EVP_PKEY_sign_init(c), 1);
    ck_assert_int_eq(EVP_PKEY_CTX_set_signature_md(c, EVP_get_digestbyname(scheme->digest->name)),
                     1);
    if (scheme->padding == ALG_PAD_PSS) {
        ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_PSS_PADDING), 1);
        ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_pss_saltlen(c, RSA_PSS_SALTLEN_DIGEST), 1);
    }
    ck_assert_int_eq(EVP_PKEY_sign(c, NULL, &size, data, len), 1);
    ck_assert_int_eq(buf_reserve(out, size, &p), 0);
    size_t room = size;
    ck_assert_int_eq(EVP_PKEY_sign(c, p, &size, data, len), 1);
    buf_trim(out, room - size);
    EVP_PKEY_CTX_free(c);
    return 0;
}

static int
sign_data(void *arg, const struct alg_sig *scheme, const uint8_t *data, size_t len,
          struct buf *out, struct err *err)
{
    struct signer *s = arg;
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    size_t size = 0;
    uint8_t *p;

    (void)scheme;
    (void)err;
    ck_assert_int_eq(EVP_DigestSignInit(c, NULL, NULL, NULL, s->key), 1);
    ck_assert_int_eq(EVP_DigestSign(c, NULL, &size, data, len), 1);
    ck_assert_int_eq(buf_reserve(out, size, &p), 0);
    ck_assert_int_eq(EVP_DigestSign(c, p, &size, data, len), 1);
    EVP_MD_CTX_free(c);
    return 0;
}

static EVP_PKEY *
ca_key(void)
{
    static EVP_PKEY *key;

    if (key == NULL)
        key = pki_key("p256");
    return key;
}

X509 *
signed_ca(void)
{
    static X509 *ca;

    if (ca == NULL)
        ca = pki_cert(&(struct pki_request){.cn = "Mail Test CA", .ca = true}, ca_key(), NULL,
                      NULL);
    return ca;
}

struct signer *
signed_signer(const char *type, const char *digest, bool pss)
{
    static struct {
        char name[64];
        struct signer signer;
    } made[SIGNERS_MAX];
    struct pki_request request = {.cn = "Alice", .email = "alice@example.org"};
    bool rsa = strncmp(type, "rsa", 3) == 0, eddsa = strncmp(type, "ed", 2) == 0;
    struct signer *s;
    char name[64];
    size_t i = 0;

    snprintf(name, sizeof name, "%s %s %d", type, digest == NULL ? "" : digest, pss);
    while (made[i].name[0] != '\0' && strcmp(made[i].name, name) != 0)
        i++;
    ck_assert_uint_lt(i, SIGNERS_MAX);
    s = &made[i].signer;
    if (made[i].name[0] != '\0')
        return s;
    memcpy(made[i].name, name, sizeof name);
    s->key = pki_key(type);
    s->cert = pki_cert(&request, s->key, signed_ca(), ca_key());
    s->cms = (struct cms_signer){
        .cert = s->cert,
        .scheme = alg_sig_find(rsa ? ALG_KEY_RSA : eddsa ? alg_key_by_name(type) : ALG_KEY_EC,
                               !rsa ? ALG_PAD_NONE : pss ? ALG_PAD_PSS : ALG_PAD_PKCS1,
                               digest == NULL ? NULL : alg_digest_by_name(digest)),
        .sign = eddsa ? sign_data : sign_digest,
        .arg = s,
    };
    ck_assert_ptr_nonnull(s->cms.scheme);
    return s;
}

static int
update_scan(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    return scan_update(arg, data, len, err);
}

static int
update_sign(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    return mail_sign_update(arg, data, len, err);
}

int
signed_make(const char *mail, size_t len, size_t way, bool opaque, struct signer *const *signers,
            size_t count, struct buf *out, struct err *err)
{
    struct cms_signer list[SIGNERS_MAX];
    struct mail_sign_options options = {.opaque = opaque};
    struct sink sink = pieces_sink(out);
    struct mail_sign *sign = NULL;
    struct scan *scan;
    int rc;

    for (size_t i = 0; i < count; i++)
        list[i] = signers[i]->cms;
    ck_assert_int_eq(scan_new(&scan), 0);
    rc = pieces_feed(update_scan, scan, mail, len, way, err);
    if (rc == 0)
        rc = scan_finish(scan, err);
    options.scan = scan;
    options.cms.signers = list;
    options.cms.count = count;
    if (rc == 0)
        rc = mail_sign_new(&sign, &options, &sink, err);
    if (rc == 0)
        rc = pieces_feed(update_sign, sign, mail, len, way, err);
    if (rc == 0)
        rc = mail_sign_finish(sign, err);
    mail_sign_free(&sign);
    scan_free(&scan);
    return rc;
}

static int
update_read(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    return mail_reader_update(arg, data, len, err);
}

void
signed_read(struct outcome *o, const void *mail, size_t len, size_t way, bool all_digests)
{
    struct mail_reader_options options = {.all_digests = all_digests};

    *o = (struct outcome){.content = buf_new()};
    options.content = pieces_sink(o->content);
    ck_assert_int_eq(mail_reader_new(&o->reader, &options, &o->err), 0);
    o->rc = pieces_feed(update_read, o->reader, mail, len, way, &o->err);
    if (o->rc == 0)
        o->rc = mail_reader_finish(o->reader, &o->err);
    if (o->rc == 0)
        o->rc = mail_reader_verify(o->reader, NULL, &o->said, &o->err);
    o->intact = o->rc == 0 && o->said->count > 0;
    for (size_t i = 0; o->rc == 0 && i < o->said->count; i++)
        o->intact &= o->said->signatures[i].state == CMS_INTACT;
}

void
signed_clear(struct outcome *o)
{
    mail_reader_free(&o->reader);
    buf_free(&o->content);
}

bool
signed_accepts(const void *mail, size_t len)
{
    struct outcome o;
    bool good;

    signed_read(&o, mail, len, 0, false);
    good = o.intact && !mail_reader_partial(o.reader);
    ck_assert(o.rc == 0 || err_text(&o.err)[0] != '\0');
    signed_clear(&o);
    return good;
}

const char *
signed_folder(void)
{
    const char *tmp = getenv("TMPDIR");

    if (folder[0] == '\0') {
        snprintf(folder, sizeof folder, "%s/signet-mail.XXXXXX", tmp == NULL ? "/tmp" : tmp);
        ck_assert_ptr_nonnull(mkdtemp(folder));
    }
    return folder;
}

const char *
signed_path(const char *name)
{
    static char path[512];

    snprintf(path, sizeof path, "%s/%s", signed_folder(), name);
    return path;
}

void
signed_write(const char *name, const void *data, size_t len)
{
    FILE *f = fopen(signed_path(name), "w");

    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(data, 1, len, f), len);
    ck_assert_int_eq(fclose(f), 0);
}

struct buf *
signed_load(const char *name)
{
    struct buf *b = buf_new();

    ck_assert_int_eq(io_read_file(signed_path(name), BUF_MAX, b, NULL), 0);
    return b;
}

int
signed_shell(const char *fmt, ...)
{
    char command[2048];
    int n = snprintf(command, sizeof command, "cd '%s' && exec 2>>log && ", signed_folder());
    va_list ap;
    int status;

    va_start(ap, fmt);
    vsnprintf(command + n, sizeof command - (size_t)n, fmt, ap);
    va_end(ap);
    status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void
signed_remove(void)
{
    if (folder[0] != '\0')
        ck_assert_int_eq(signed_shell("rm -rf '%s'", folder), 0);
    folder[0] = '\0';
}

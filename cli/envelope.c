/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/envelope.h"

#include <stdlib.h>
#include <string.h>

#include "cli/recipient_text.h"
#include "cli/recipients.h"
#include "cli/trust_options.h"
#include "mail/capability.h"
#include "mail/mailboxes.h"
#include "trust/certificate.h"
#include "trust/store.h"

/* Most messages of one mail: each Bcc recipient's is signed and encrypted anew. */
#define MESSAGES_MAX 256
/* Addresses named in a sentence. */
#define NAMED_MAX 5

struct message {
    const char *bcc;
    struct cms_to *to;
    size_t count;
    const struct cms_cipher *cipher;
};

struct envelope {
    struct cli *cli;
    const struct options *options;
    struct mailboxes *open, *bcc, *from;  /* To and Cc; Bcc; From */
    struct trust *trust;
    struct recipients *others, *self;
    struct store *store;                  /* NULL: there is none yet */
    struct message messages[MESSAGES_MAX];
    size_t count;
};

static int
out_of_memory(struct err *err)
{
    return err_set(err, E_NOMEM, "out of memory for recipients");
}

static int
read_addresses(struct envelope *e, const struct header *h, struct err *err)
{
    int rc = 0;

    if (mailboxes_new(&e->open) != 0 || mailboxes_new(&e->bcc) != 0 ||
        mailboxes_new(&e->from) != 0)
        return out_of_memory(err);
    rc = mailboxes_add_fields(e->open, h, "To", err);
    if (rc == 0)
        rc = mailboxes_add_fields(e->open, h, "Cc", err);
    if (rc == 0)
        rc = mailboxes_add_fields(e->bcc, h, "Bcc", err);
    /* Whoever it is from gets a copy if that can be told; it is no fault if not. */
    if (rc == 0 && mailboxes_add_fields(e->from, h, "From", NULL) == E_NOMEM)
        rc = out_of_memory(err);
    return rc;
}

/* One's own certificates are on tokens alone: nobody else can read with the others. */
static int
new_recipients(struct envelope *e, bool others, struct recipients **ret, struct err *err)
{
    struct recipients_wish wish = {.allow_expired = options_has(e->options, "allow-expired"),
                                   .pkcs1 = options_has(e->options, "pkcs1")};
    struct recipients_source tokens = recipients_tokens(e->cli), store = recipients_store(e->cli);
    int rc = e->trust ? 0 : trust_open(&e->trust, e->cli, e->options, err);

    if (rc == 0) {
        recipients_wish_trust(&wish, e->cli, e->trust);
        rc = recipients_new(ret, &wish, err);
    }
    if (rc == 0)
        rc = recipients_source(*ret, &tokens, err);
    return rc == 0 && others ? recipients_source(*ret, &store, err) : rc;
}

/* Those whose certificate is missing, to be told together. */
struct missing {
    struct buf *names;
    size_t count;
    struct err first;
};

static int
add_address(struct envelope *e, const char *address, struct missing *missing, struct err *err)
{
    struct err mine;
    int rc;

    err_clear(&mine);
    rc = recipients_add_address(e->others, address, &mine);
    if (rc != E_NO_CERT) {
        if (rc != 0 && err)
            *err = mine;
        return rc;
    }
    if (missing->count++ == 0)
        missing->first = mine;
    if (missing->count > NAMED_MAX)
        return 0;
    return buf_putf(missing->names, "%s%s", missing->count > 1 ? ", " : "", address) != 0
               ? out_of_memory(err)
               : 0;
}

static int
tell_missing(struct missing *missing, struct err *err)
{
    if (missing->count == 0)
        return 0;
    if (missing->count == 1) {
        if (err)
            *err = missing->first;
        return E_NO_CERT;
    }
    if (missing->count > NAMED_MAX)
        return err_set(err, E_NO_CERT, "no usable certificate for %s and %zu more; give those of "
                       "all recipients as files with -r", buf_cstr(missing->names),
                       missing->count - NAMED_MAX);
    return err_set(err, E_NO_CERT, "no usable certificate for %s; give those of all recipients "
                   "as files with -r", buf_cstr(missing->names));
}

static int
add_from_header(struct envelope *e, struct err *err)
{
    autofree_buf struct buf *names = buf_new();
    struct missing missing = {.names = names};
    const char *address;
    int rc = names ? 0 : out_of_memory(err);

    if (rc == 0 && mailboxes_count(e->open) + mailboxes_count(e->bcc) == 0)
        return err_set(err, E_USAGE, "the mail is to nobody; name a recipient with -r, or in a "
                       "To field");
    for (size_t i = 0; rc == 0 && (address = mailboxes_at(e->open, i)); i++)
        rc = add_address(e, address, &missing, err);
    for (size_t i = 0; rc == 0 && (address = mailboxes_at(e->bcc, i)); i++)
        rc = add_address(e, address, &missing, err);
    return rc == 0 ? tell_missing(&missing, err) : rc;
}

static int
load_others(struct envelope *e, struct err *err)
{
    const char *who, *password = options_get(e->options, "password-file");
    int rc = new_recipients(e, true, &e->others, err);

    for (size_t i = 0; rc == 0 && (who = options_value(e->options, "recipient", i)); i++)
        rc = recipients_add(e->others, who, err);
    if (rc == 0 && password)
        rc = recipients_add_password(e->others, password, err);
    if (rc == 0 && !options_has(e->options, "recipient") && !password)
        rc = add_from_header(e, err);
    return rc;
}

/* By the signer's certificate, or another one of his. */
static int
self_by_signer(struct envelope *e, const struct signers *signers)
{
    for (size_t i = 0; i < signers->count; i++) {
        const struct client_cert *source = signers->list[i].source;
        const unsigned char *at = source->der;
        X509 *own = signers->preferred[i] ? NULL : d2i_X509(NULL, &at, (long)source->len);
        X509 *cert = own ? own : signers->preferred[i];
        int rc = cert ? recipients_add_cert(e->self, "yourself", cert, NULL) : E_NO_CERT;

        X509_free(own);
        if (rc == 0 || rc == E_NOMEM)
            return rc;
    }
    return E_NO_CERT;
}

static int
load_self(struct envelope *e, const struct signers *signers, struct err *err)
{
    const struct conf *conf = NULL;
    const char *word;
    int rc = new_recipients(e, false, &e->self, err);

    if (rc != 0 || options_has(e->options, "no-self"))
        return rc;
    rc = cli_conf(e->cli, &conf, err);
    if (rc != 0)
        return rc;
    rc = self_by_signer(e, signers);
    for (size_t i = 0; rc != 0 && rc != E_NOMEM && (word = mailboxes_at(e->from, i)); i++)
        rc = recipients_add_address(e->self, word, NULL);
    word = conf_get(conf, "sign", NULL, "key");
    if (rc != 0 && rc != E_NOMEM && word)
        rc = recipients_add_address(e->self, word, NULL);
    if (rc == E_NOMEM)
        return out_of_memory(err);
    if (rc != 0)
        cli_note(e->cli, "no certificate of yours to encrypt to is on your tokens: you will not "
                 "be able to read this mail (--no-self if that is meant)");
    return 0;
}

/* The address in Bcc that the certificate is for and that no open field has; NULL: none. */
static const char *
bcc_address(const struct envelope *e, const X509 *cert)
{
    const char *address;

    for (size_t i = 0; (address = mailboxes_at(e->open, i)); i++)
        if (certificate_has_email(cert, address))
            return NULL;
    for (size_t i = 0; (address = mailboxes_at(e->bcc, i)); i++)
        if (certificate_has_email(cert, address))
            return address;
    return NULL;
}

static bool
has(const struct message *m, const X509 *cert)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->to[i].cert && X509_cmp(m->to[i].cert, cert) == 0)
            return true;
    return false;
}

static int
put(struct message *m, const struct cms_to *to, struct err *err)
{
    struct cms_to *grown;

    if (to->cert && has(m, to->cert))
        return 0;
    grown = reallocarray(m->to, m->count + 1, sizeof *m->to);
    if (!grown)
        return out_of_memory(err);
    m->to = grown;
    m->to[m->count++] = *to;
    return 0;
}

/* The message of that Bcc address. */
static struct message *
bcc_message(struct envelope *e, const char *address, struct err *err)
{
    for (size_t i = 1; i < e->count; i++)
        if (e->messages[i].bcc == address)
            return &e->messages[i];
    if (e->count == MESSAGES_MAX) {
        err_set(err, E_LIMIT, "more than %d recipients in Bcc; send the mail in several parts",
                MESSAGES_MAX - 1);
        return NULL;
    }
    e->messages[e->count].bcc = address;
    return &e->messages[e->count++];
}

static int
part(struct envelope *e, struct err *err)
{
    bool separate = options_has(e->options, "separate");
    size_t count, hidden = 0;
    const struct cms_to *to = recipients_list(e->others, &count);
    const char *first = NULL;
    int rc = 0;

    e->count = 1;
    for (size_t i = 0; i < count; i++) {
        const char *bcc = to[i].cert ? bcc_address(e, to[i].cert) : NULL;
        hidden += bcc != NULL;
        first = first ? first : bcc;
    }
    if (hidden > 0 && count > 1 && !separate)
        return err_set(err, E_USAGE, "%s is in Bcc, and everybody who gets the message could see "
                       "whom else it is encrypted for; give --separate to write a message of "
                       "its own for each of those, or leave them out", first);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        const char *bcc = separate && to[i].cert ? bcc_address(e, to[i].cert) : NULL;
        struct message *m = bcc ? bcc_message(e, bcc, err) : &e->messages[0];
        rc = m ? put(m, &to[i], err) : E_LIMIT;
    }
    to = recipients_list(e->self, &count);
    for (size_t i = 0; rc == 0 && i < e->count; i++)
        for (size_t k = 0; rc == 0 && k < count; k++)
            rc = put(&e->messages[i], &to[k], err);
    return rc;
}

static void
note(void *arg, const char *text)
{
    capability_note_text(arg, text);
}

/* What is known of whoever has the certificate: the last mail says more than it does. */
static int
learn(const struct envelope *e, const X509 *cert, struct capabilities *ret, struct err *err)
{
    size_t count;
    const struct cms_to *self = recipients_list(e->self, &count);

    for (size_t i = 0; i < count; i++)
        if (X509_cmp(self[i].cert, cert) == 0) {
            for (size_t k = 0; capability_own[k]; k++)
                capability_note_text(ret, capability_own[k]);
            return 0;
        }
    /* What cannot be read tells nothing. */
    if (capability_from_cert(ret, cert) != 0)
        *ret = (struct capabilities){.known = false};
    if (!e->store)
        return 0;
    return store_capabilities(e->store, cert, note, ret, err);
}

static int
put_name(const struct cms_to *to, struct buf *out)
{
    return to->cert ? recipient_put_name(X509_get_subject_name(to->cert), out)
                    : buf_put_str(out, "whoever knows the password");
}

static void
tell(const struct envelope *e, const struct cms_to *to, const char *name)
{
    const char *how = "";

    if (!e->cli->verbose)
        return;
    if (to->cert && EVP_PKEY_get_base_id(X509_get0_pubkey(to->cert)) == EVP_PKEY_RSA)
        how = to->pkcs1 ? " (RSA, PKCS#1 v1.5)" : " (RSA, OAEP)";
    cli_note(e->cli, "encrypts to %s%s", name, how);
}

static int
choose(struct envelope *e, struct message *m, struct err *err)
{
    const char *wanted = options_get(e->options, "cipher");
    struct capability_choice *list = calloc(m->count, sizeof *list);
    struct buf **names = calloc(m->count, sizeof *names);
    bool forced = options_has(e->options, "pkcs1");
    char reason[ERR_TEXT_MAX];
    int rc = list && names ? 0 : E_NOMEM;

    for (size_t i = 0; rc == 0 && i < m->count; i++) {
        names[i] = buf_new();
        rc = names[i] ? put_name(&m->to[i], names[i]) : E_NOMEM;
        if (rc == 0 && m->to[i].cert)
            rc = learn(e, m->to[i].cert, &list[i].can, err);
        if (rc == 0)
            list[i].name = buf_cstr(names[i]);
    }
    if (rc == 0)
        m->cipher = capability_choose(list, m->count, wanted ? cms_cipher_by_name(wanted) : NULL,
                                      reason, sizeof reason);
    for (size_t i = 0; rc == 0 && i < m->count; i++) {
        EVP_PKEY *key = m->to[i].cert ? X509_get0_pubkey(m->to[i].cert) : NULL;
        if (key && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA) {
            m->to[i].pkcs1 = forced || list[i].pkcs1;
            m->to[i].digest = m->to[i].pkcs1 ? NULL : list[i].digest;
        }
        tell(e, &m->to[i], list[i].name);
    }
    if (rc == 0 && e->cli->verbose)
        cli_note(e->cli, "%s", reason);
    for (size_t i = 0; names && i < m->count; i++)
        buf_free(&names[i]);
    free(names);
    free(list);
    return rc == E_NOMEM ? out_of_memory(err) : rc;
}

int
envelope_new(struct envelope **ret, struct cli *cli, const struct options *options,
             const struct header *h, const struct signers *signers, struct err *err)
{
    struct envelope *e = calloc(1, sizeof *e);
    int rc;

    if (!e)
        return out_of_memory(err);
    e->cli = cli;
    e->options = options;
    rc = read_addresses(e, h, err);
    if (rc == 0)
        rc = load_others(e, err);
    if (rc == 0)
        rc = load_self(e, signers, err);
    if (rc == 0)
        rc = part(e, err);
    if (rc == 0)
        rc = store_open(&e->store, cli->home.state, true, err);
    for (size_t i = 0; rc == 0 && i < e->count; i++)
        if (e->messages[i].count > 0)
            rc = choose(e, &e->messages[i], err);
    if (rc != 0)
        envelope_free(&e);
    else
        *ret = e;
    return rc;
}

bool
envelope_message(const struct envelope *e, size_t i, struct envelope_message *ret)
{
    if (i >= e->count)
        return false;
    *ret = (struct envelope_message){
        .cms = {.cipher = e->messages[i].cipher,
                .to = e->messages[i].to,
                .count = e->messages[i].count},
        .bcc = e->messages[i].bcc,
    };
    return true;
}

void
envelope_free(struct envelope **pe)
{
    struct envelope *e = pe ? *pe : NULL;

    if (!e)
        return;
    for (size_t i = 0; i < e->count; i++)
        free(e->messages[i].to);
    mailboxes_free(&e->open);
    mailboxes_free(&e->bcc);
    mailboxes_free(&e->from);
    recipients_free(&e->others);
    recipients_free(&e->self);
    trust_free(&e->trust);
    store_close(&e->store);
    free(e);
    *pe = NULL;
}

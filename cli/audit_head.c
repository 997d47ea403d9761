/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/audit_head.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <openssl/obj_mac.h>

#include "cli/check.h"
#include "cli/stream.h"
#include "cms/reader.h"
#include "cms/signed.h"
#include "trust/verdict.h"

#define VERSION 1
/* Of a folder: each costs the verification of a signature. */
#define FOLDER_HEADS_MAX 64

static int
into_reader(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    return cms_reader_update(arg, data, len, err);
}

static int
keep(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    return buf_put(arg, data, len) == 0 ? 0
                                        : err_set(err, E_LIMIT, "it is too long for a head of an "
                                                  "audit log");
}

/* The content, if its signature holds and its signer is trusted. */
static int
open_head(const char *file, const struct trust *trust, struct buf *content, struct err *err)
{
    struct cms_reader_options options = {.content = {.write = keep, .arg = content}};
    struct cms_verify_options verifying = {.content = NULL};
    struct verdict_options judging = {.is_mail = false};
    const struct cms_signed *found = NULL;
    struct cms_reader *reader = NULL;
    struct verdict *verdict = NULL;
    struct infile *in = NULL;
    struct sink sink;
    int rc = infile_open(&in, file, err);

    if (rc == 0)
        rc = cms_reader_new(&reader, &options, err);
    sink = (struct sink){.write = into_reader, .arg = reader};
    if (rc == 0)
        rc = stream_pump(in, &sink, err);
    if (rc == 0)
        rc = cms_reader_finish(reader, err);
    if (rc == 0 && cms_reader_type(reader) != NID_pkcs7_signed)
        rc = err_set(err, E_MALFORMED, "%s is no signed data, so no head of an audit log", file);
    if (rc == 0)
        rc = cms_verify(reader, &verifying, &found, err);
    if (rc == 0)
        rc = verdict_new(&verdict, err);
    trust_fill(trust, &judging);
    if (rc == 0)
        rc = check_judge(verdict, found, &judging, err);
    if (rc == 0 && verdict_status(verdict) != VERDICT_GOOD)
        rc = err_set(err, verdict_status(verdict) == VERDICT_BAD ? E_BAD_SIGNATURE : E_UNTRUSTED,
                     "%s: the signature of this head is %s; see signet verify --cms %s", file,
                     verdict_status_word(verdict_status(verdict)), file);
    verdict_free(&verdict);
    cms_reader_free(&reader);
    infile_free(&in);
    return rc;
}

static int
take_head(struct audit_head *h, const struct buf *content, struct err *err)
{
    json_t *o = json_loadb((const char *)buf_data(content), buf_len(content),
                           JSON_REJECT_DUPLICATES, NULL);
    const char *hash = json_string_value(json_object_get(o, "hash"));
    json_int_t seq = json_integer_value(json_object_get(o, "seq"));
    bool good = json_integer_value(json_object_get(o, "signet-audit-head")) == VERSION && hash &&
                strlen(hash) == sizeof h->hash - 1 && seq > 0;

    if (good) {
        memcpy(h->hash, hash, sizeof h->hash);
        h->seq = (uint64_t)seq;
    }
    json_decref(o);
    return good ? 0 : err_set(err, E_MALFORMED, "%s is signed, but no head of an audit log", h->file);
}

static int
load_one(struct audit_heads *heads, const struct trust *trust, const char *file, struct err *err)
{
    struct audit_head *h = &heads->list[heads->count];
    autofree_buf struct buf *content = buf_new();
    int rc;

    if (heads->count == AUDIT_HEADS_MAX)
        return err_set(err, E_LIMIT, "more than %d heads", AUDIT_HEADS_MAX);
    *h = (struct audit_head){.file = strdup(file)};
    if (!content || !h->file) {
        free(h->file);
        return err_set(err, E_NOMEM, "out of memory while reading a head");
    }
    heads->count++;
    buf_set_max(content, AUDIT_HEAD_MAX);
    rc = open_head(file, trust, content, err);
    return rc == 0 ? take_head(h, content, err) : rc;
}

static int
is_head(const struct dirent *e)
{
    const char *dot = strrchr(e->d_name, '.');

    return e->d_name[0] != '.' && dot && strcmp(dot, ".p7m") == 0;
}

/* Names are times: the newest ones, each of which vouches for all before it, are last. */
static int
load_folder(struct audit_heads *heads, const struct trust *trust, const char *folder,
            struct err *err)
{
    struct dirent **names = NULL;
    int count = scandir(folder, &names, is_head, alphasort), rc = 0;

    if (count < 0)
        return err_set_sys(err, E_INPUT, errno, "the folder %s cannot be read", folder);
    if (count == 0)
        rc = err_set(err, E_INPUT, "the folder %s has no head of an audit log (*.p7m)", folder);
    for (int i = 0; i < count; i++) {
        char *path = NULL;
        if (rc == 0 && i + FOLDER_HEADS_MAX >= count) {
            if (asprintf(&path, "%s/%s", folder, names[i]->d_name) < 0)
                rc = err_set(err, E_NOMEM, "out of memory while reading heads");
            else
                rc = load_one(heads, trust, path, err);
            free(path);
        }
        free(names[i]);
    }
    free(names);
    return rc;
}

int
audit_heads_load(struct audit_heads *heads, struct cli *cli, const struct options *o,
                 struct err *err)
{
    autofree_trust struct trust *trust = NULL;
    const char *file;
    int rc = options_has(o, "head") ? trust_open(&trust, cli, o, err) : 0;

    for (size_t i = 0; rc == 0 && (file = options_value(o, "head", i)); i++) {
        struct stat st;
        rc = stat(file, &st) == 0 && S_ISDIR(st.st_mode) ? load_folder(heads, trust, file, err)
                                                         : load_one(heads, trust, file, err);
    }
    return rc;
}

void
audit_heads_clear(struct audit_heads *heads)
{
    for (size_t i = 0; i < heads->count; i++)
        free(heads->list[i].file);
    heads->count = 0;
}

void
audit_heads_see(struct audit_heads *heads, uint64_t seq, const char *hash)
{
    for (size_t i = 0; i < heads->count; i++)
        if (heads->list[i].seq == seq) {
            heads->list[i].seen = true;
            heads->list[i].same = strcmp(heads->list[i].hash, hash) == 0;
        }
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/hex.h"
#include "base/sha256.h"
#include "base/text.h"
#include "cli/audit_head.h"
#include "cli/audit_log.h"
#include "cli/signers.h"
#include "cli/stream.h"
#include "cms/sign.h"

/* The last whole line. */
struct last {
    uint64_t seq;
    uint8_t hash[SHA256_SIZE];
};

static int
take(void *arg, const struct audit_record *r, struct err *err)
{
    struct last *l = arg;

    (void)err;
    if (!r->ended)
        return 0;
    l->seq = r->json && r->seq > 0 ? r->seq : l->seq + 1;
    sha256(r->text, r->len, l->hash);
    return 0;
}

static int
put_head(struct buf *out, const struct last *l)
{
    char hex[2 * SHA256_SIZE + 1], now[TEXT_TIME_LEN];

    hex_encode(l->hash, sizeof l->hash, hex);
    text_time(time(NULL), now);
    return buf_putf(out, "{\"signet-audit-head\":1,\"seq\":%llu,\"hash\":\"%s\",\"time\":\"%s\"}\n",
                    (unsigned long long)l->seq, hex, now);
}

static int
write_head(struct outfile *out, struct signers *signers, const struct buf *content, struct err *err)
{
    struct cms_sign_options options = signers_options(signers);
    autofree_cms_sign struct cms_sign *sign = NULL;
    struct sink to = stream_outfile(out);
    int rc;

    options.content_size = (int64_t)buf_len(content);
    rc = cms_sign_new(&sign, &options, &to, err);
    if (rc == 0)
        rc = cms_sign_update(sign, buf_data(content), buf_len(content), err);
    return rc == 0 ? cms_sign_finish(sign, err) : rc;
}

static int
read_last(struct cli *cli, const struct options *o, struct last *ret, struct err *err)
{
    char **files = NULL;
    int rc = audit_files(cli, o, &files, err);
    size_t n = 0;

    while (rc == 0 && files[n])
        n++;
    /* Just rotated: the newest may be empty yet. */
    while (rc == 0 && ret->seq == 0 && n > 0)
        rc = audit_read(files[--n], take, ret, err);
    audit_files_free(&files);
    if (rc == 0 && ret->seq == 0)
        rc = err_set(err, E_INPUT, "the audit log is empty, so there is nothing to sign of it");
    return rc;
}

static int
run(struct cli *cli, const struct options *o, struct err *err)
{
    autofree_buf struct buf *content = buf_new();
    autofree_outfile struct outfile *out = NULL;
    struct signers signers = {.count = 0};
    struct last last = {.seq = 0};
    int rc = content ? read_last(cli, o, &last, err) : err_set(err, E_NOMEM, "out of memory");

    if (rc == 0 && put_head(content, &last) != 0)
        rc = err_set(err, E_NOMEM, "out of memory");
    if (rc == 0)
        rc = signers_load(&signers, cli, o, false, err);
    if (rc == 0)
        rc = outfile_open(&out, options_get(o, "output"), true, err);
    if (rc == 0)
        rc = write_head(out, &signers, content, err);
    if (rc == 0)
        rc = outfile_commit(out, err);
    if (rc == 0)
        cli_note(cli, "line %llu of the audit log is signed; keep the head where nobody can change "
                 "it, and hold the log against it with signet audit verify --head",
                 (unsigned long long)last.seq);
    signers_clear(&signers);
    return rc;
}

static const struct option_row sign_options[] = {
    {.name = "key", .letter = 'u', .value = "KEY", .help = "sign with this key"},
    {.name = "output", .letter = 'o', .value = "OUT", .help = "write to OUT"},
    {.name = NULL},
};

const struct command command_audit_sign = {
    .name = "audit sign",
    .synopsis = "[-u KEY] [-o OUT] [FILE]",
    .summary = "sign how far the audit log has come",
    .text = "Writes a signed head of the audit log, or of FILE: the number and hash of its last line, as CMS in\n"
            "DER. Whoever has it can tell later, with signet audit verify --head, that no line up to\n"
            "there was changed or cut off. With sign-key in [audit] the agent does it by itself, each\n"
            "day, into the folder audit-heads beside the log.",
    .example = "signet audit sign -u auditor -o /srv/heads/$(date +%F).p7m",
    .options = sign_options,
    .max_operands = 1,
    .run = run,
};

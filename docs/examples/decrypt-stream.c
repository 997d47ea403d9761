/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Decrypts standard input, of any size, to a file that appears only when all was right:
 * decrypt-stream CERT KEY OUT. Whatever unwraps does for the key file (struct cms_opener). */
#include <stdio.h>

#include "base/io.h"
#include "cms/cms.h"

static int
decrypt(char **argv, struct err *err)
{
    autofree_infile struct infile *in = NULL;
    autofree_outfile struct outfile *out = NULL;
    autofree_cms_keyfile struct cms_keyfile *key = NULL;
    autofree_cms_reader struct cms_reader *stream = NULL;

    if (infile_open(&in, "-", err) != 0 || outfile_open(&out, argv[3], false, err) != 0 ||
        cms_keyfile_load(&key, argv[1], argv[2], err) != 0)
        return err->code;
    struct cms_opener opener = cms_keyfile_opener(key);
    struct cms_decrypt_options with = { .openers = &opener, .opener_count = 1 };
    struct cms_reader_options options = { .content = outfile_sink(out), .decrypt = &with };
    if (cms_reader_new(&stream, &options, err) != 0)
        return err->code;
    struct sink message = cms_reader_sink(stream);
    if (infile_pump(in, &message, err) != 0 || cms_reader_finish(stream, err) != 0)
        return err->code;
    return outfile_commit(out, err);
}

int
main(int argc, char **argv)
{
    struct err err = { 0 };
    int rc = argc == 4 ? decrypt(argv, &err)
                       : err_set(&err, E_USAGE, "usage: decrypt-stream CERT KEY OUT < MESSAGE");
    if (rc != 0)
        fprintf(stderr, "decrypt-stream: %s\n", err_text(&err));
    return err_exit_status(rc);
}

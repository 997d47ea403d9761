/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Signs standard input, of any size, to standard output: sign-stream CERT KEY. The key is a
 * file here; whatever signs a digest will do in its place (struct cms_signer). */
#include <stdio.h>

#include "base/io.h"
#include "cms/cms.h"

static int
sign(const char *cert, const char *key_file, struct err *err)
{
    autofree_infile struct infile *in = NULL;
    autofree_outfile struct outfile *out = NULL;
    autofree_cms_keyfile struct cms_keyfile *key = NULL;
    autofree_cms_sign struct cms_sign *stream = NULL;

    if (infile_open(&in, "-", err) != 0 || outfile_open(&out, "-", false, err) != 0 ||
        cms_keyfile_load(&key, cert, key_file, err) != 0)
        return err->code;
    struct cms_signer signer = cms_keyfile_signer(key);
    struct cms_sign_options options = { .signers = &signer, .count = 1, .content_size = -1 };
    struct sink message = outfile_sink(out);
    if (cms_sign_new(&stream, &options, &message, err) != 0)
        return err->code;
    struct sink content = cms_sign_sink(stream);
    if (infile_pump(in, &content, err) != 0 || cms_sign_finish(stream, err) != 0)
        return err->code;
    return outfile_commit(out, err);
}

int
main(int argc, char **argv)
{
    struct err err = { 0 };
    int rc = argc == 3 ? sign(argv[1], argv[2], &err)
                       : err_set(&err, E_USAGE, "usage: sign-stream CERT KEY < DATA > MESSAGE");
    if (rc != 0)
        fprintf(stderr, "sign-stream: %s\n", err_text(&err));
    return err_exit_status(rc);
}

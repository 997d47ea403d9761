/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/anchors.h"

#include <string.h>

static int
add_named(struct anchors *a, const struct options *o, struct err *err)
{
    const char *file;
    int rc = 0;

    for (size_t i = 0; rc == 0 && (file = options_value(o, "anchor", i)) != NULL; i++) {
        rc = anchors_add_file(a, file, err);
        /* The message is not what is malformed here. */
        if (rc == E_MALFORMED && err)
            rc = err->code = E_INPUT;
    }
    return rc;
}

static int
add_folders(struct anchors *a, const struct home *home, struct err *err)
{
    autofree_buf struct buf *folder = buf_new();
    const char *slash = strrchr(home->config, '/');
    int rc = folder ? buf_putf(folder, "%.*s/" ANCHORS_FOLDER,
                               slash ? (int)(slash - home->config) : 1, slash ? home->config : ".")
                    : E_NOMEM;

    if (rc != 0)
        return err_set(err, rc, "out of memory for trust anchors");
    rc = anchors_add_folder(a, buf_cstr(folder), err);
    return rc == 0 && !home->root ? anchors_add_folder(a, ANCHORS_OF_MACHINE, err) : rc;
}

static int
add_system(struct anchors *a, const struct home *home, struct err *err)
{
    autofree_buf struct buf *cache = buf_new();
    int rc = cache ? buf_putf(cache, "%s/" ANCHORS_CACHE, home->state) : E_NOMEM;

    if (rc != 0)
        return err_set(err, rc, "out of memory for trust anchors");
    return anchors_use_system(a, buf_cstr(cache), NULL, err);
}

int
anchors_of_options(struct anchors **ret, const struct cli *cli, const struct conf *conf,
                   const struct options *o, struct err *err)
{
    int rc = anchors_new(ret, err);

    if (rc == 0)
        rc = add_named(*ret, o, err);
    if (rc == 0)
        rc = add_folders(*ret, &cli->home, err);
    if (rc == 0 && conf_get_bool(conf, "trust", NULL, "system-anchors", true))
        rc = add_system(*ret, &cli->home, err);
    return rc;
}

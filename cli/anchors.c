/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/anchors.h"

int
anchors_of_options(struct anchors **ret, const struct options *o, struct err *err)
{
    const char *file;
    int rc = anchors_new(ret, err);

    for (size_t i = 0; rc == 0 && (file = options_value(o, "anchor", i)) != NULL; i++) {
        rc = anchors_add_file(*ret, file, err);
        /* The message is not what is malformed here. */
        if (rc == E_MALFORMED && err)
            rc = err->code = E_INPUT;
    }
    return rc;
}

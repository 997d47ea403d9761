/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/encrypt_mail.h"

int
encrypt_mail(struct cli *cli, const struct options *o, struct err *err)
{
    (void)cli, (void)o;
    return err_set(err, E_UNSUPPORTED, "mails are not encrypted yet; files are: give --cms");
}

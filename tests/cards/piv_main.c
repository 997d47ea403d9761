/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "machine.h"
#include "piv.h"

static int
usage(void)
{
    fputs("usage: virtual-piv [--out] PORT CONTROL-SOCKET FOLDER\n"
          "       virtual-piv --tell CONTROL-SOCKET WORD...\n"
          "A PIV card in the virtual reader (vpcd) on PORT; see control.h, piv.h.\n",
          stderr);
    return 2;
}

int
main(int argc, char **argv)
{
    static struct machine m;
    bool out = argc > 1 && strcmp(argv[1], "--out") == 0;
    void *card;

    if (argc > 3 && strcmp(argv[1], "--tell") == 0)
        return control_tell(argv[2], argc - 3, argv + 3);
    argv += out;
    argc -= out;
    if (argc != 4 || strtoul(argv[1], NULL, 10) == 0)
        return usage();
    card = piv_ops.open(argv[3]);
    if (card == NULL)
        return 1;
    if (machine_init(&m, &piv_ops, card, (uint16_t)strtoul(argv[1], NULL, 10), argv[2]) != 0) {
        fprintf(stderr, "virtual-piv: %s: %s\n", argv[2], strerror(errno));
        return 1;
    }
    if (!out)
        machine_in(&m);
    return machine_run(&m);
}

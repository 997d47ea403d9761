/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pkcs11/host_args.h"

#include <getopt.h>
#include <stdlib.h>

const char host_usage[] =
    "usage: signet-token [--module NAME] --path FILE | --p11-kit NAME [--init-args TEXT]\n"
    "                    [--lanes N] [--events] [--no-wait] [--no-sandbox]\n"
    "       signet-token --list\n"
    "\n"
    "Serves one PKCS#11 module to signet-agent, on the sockets it inherits as\n"
    "descriptors 3 and up, one per lane; with --events it tells on the one behind them\n"
    "when tokens come and go, with --no-wait never by C_WaitForSlotEvent.\n"
    "With --no-sandbox the module may do what others may not: mount, listen, keep keys in\n"
    "the kernel. --list prints the modules that p11-kit's configuration names.\n";

enum { OPT_MODULE = 256, OPT_PATH, OPT_P11_KIT, OPT_INIT_ARGS, OPT_LANES, OPT_EVENTS,
       OPT_NO_WAIT, OPT_NO_SANDBOX, OPT_LIST, OPT_HELP, OPT_VERSION };

static const struct option options[] = {
    {"module", required_argument, NULL, OPT_MODULE},
    {"path", required_argument, NULL, OPT_PATH},
    {"p11-kit", required_argument, NULL, OPT_P11_KIT},
    {"init-args", required_argument, NULL, OPT_INIT_ARGS},
    {"lanes", required_argument, NULL, OPT_LANES},
    {"events", no_argument, NULL, OPT_EVENTS},
    {"no-wait", no_argument, NULL, OPT_NO_WAIT},
    {"no-sandbox", no_argument, NULL, OPT_NO_SANDBOX},
    {"list", no_argument, NULL, OPT_LIST},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {0},
};

static int
parse_lanes(unsigned *ret, const char *text, struct err *err)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);

    if (text[0] < '0' || text[0] > '9' || *end || n < 1 || n > HOST_LANES_MAX)
        return err_set(err, E_USAGE, "--lanes takes a number from 1 to %d, not \"%s\"",
                       HOST_LANES_MAX, text);
    *ret = (unsigned)n;
    return 0;
}

static int
take(struct host_args *a, int option, struct err *err)
{
    switch (option) {
    case OPT_MODULE:
        a->module.name = optarg;
        return 0;
    case OPT_PATH:
        a->module.path = optarg;
        return 0;
    case OPT_P11_KIT:
        a->module.p11_kit = optarg;
        return 0;
    case OPT_INIT_ARGS:
        a->module.init_args = optarg;
        return 0;
    case OPT_LANES:
        return parse_lanes(&a->lanes, optarg, err);
    case OPT_EVENTS:
        a->events = true;
        return 0;
    case OPT_NO_WAIT:
        a->no_wait = true;
        return 0;
    case OPT_NO_SANDBOX:
        a->no_sandbox = true;
        return 0;
    case OPT_LIST:
        a->task = HOST_LIST;
        return 0;
    case OPT_HELP:
        a->task = HOST_HELP;
        return 0;
    case OPT_VERSION:
        a->task = HOST_VERSION;
        return 0;
    default:
        return err_set(err, E_USAGE, "unknown option or missing argument; see "
                       "signet-token --help");
    }
}

int
host_args_parse(struct host_args *ret, int argc, char **argv, struct err *err)
{
    struct host_args a = {.task = HOST_SERVE, .lanes = 1};
    int option, rc = 0;

    opterr = 0;
    optind = 1;
    while (rc == 0 && (option = getopt_long(argc, argv, "", options, NULL)) != -1)
        rc = take(&a, option, err);
    if (rc == 0 && optind != argc)
        rc = err_set(err, E_USAGE, "unexpected argument \"%s\"; see signet-token --help",
                     argv[optind]);
    if (rc == 0 && a.task == HOST_SERVE && !a.module.path == !a.module.p11_kit)
        rc = err_set(err, E_USAGE, "give either --path or --p11-kit; see signet-token --help");
    if (rc == 0)
        *ret = a;
    return rc;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* signet-token: the process that holds one PKCS#11 module. */
#include <stdio.h>
#include <string.h>
#include <assuan.h>
#include <openssl/crypto.h>

#include "base/sandbox.h"
#include "base/secret.h"
#include "pkcs11/host.h"
#include "pkcs11/host_args.h"
#include "pkcs11/loader.h"
#include "signet-config.h"

static int
print_module(void *arg, const char *name, const char *path)
{
    return fprintf(arg, "%s\t%s\n", name, path) < 0 ? E_OUTPUT : 0;
}

static int
print(const char *text)
{
    return fputs(text, stdout) == EOF ? E_OUTPUT : 0;
}

/* Modules need files, devices, sockets and sometimes programs of their own; none needs to look
 * into other processes, to mount, or to be called from outside. */
static void
confine(bool all_rights)
{
    const struct sandbox s = {.may = SANDBOX_PROGRAMS | SANDBOX_INTERNET};

    if (!all_rights)
        sandbox_enter(&s, NULL);
}

static int
run(int argc, char **argv, struct err *err)
{
    struct host_args args;
    int rc = host_args_parse(&args, argc, argv, err);

    if (rc != 0)
        return rc;
    switch (args.task) {
    case HOST_LIST:
        rc = loader_list(print_module, stdout, err);
        break;
    case HOST_HELP:
        rc = print(host_usage);
        break;
    case HOST_VERSION:
        rc = print("signet-token " SIGNET_VERSION "\n");
        break;
    case HOST_SERVE:
        confine(args.no_sandbox);
        return host_serve(&args, err);
    }
    if (rc == E_OUTPUT || fflush(stdout) != 0)
        return err_set(err, E_OUTPUT, "standard output cannot be written");
    return rc;
}

int
main(int argc, char **argv)
{
    struct err err = {0};
    int rc;

    secret_harden_process();
    /* The system's openssl.cnf may load a provider that leads back to us. */
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    assuan_set_gpg_err_source(GPG_ERR_SOURCE_USER_1);
    rc = run(argc, argv, &err);
    if (rc != 0)
        fprintf(stderr, "signet-token: %s\n", err_text(&err));
    return err_exit_status(rc);
}

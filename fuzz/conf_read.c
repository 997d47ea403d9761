/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A configuration file, read; and then with one key written into it, which must be there when
 * it is read again and keep what was good.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static char folder[] = "/tmp/fuzz-conf-XXXXXX", path[64];

static void
clean_up(void)
{
    unlink(path);
    rmdir(folder);
}

static void
check(int holds)
{
    if (!holds)
        abort();
}

static void
prepare(void)
{
    if (path[0])
        return;
    check(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/signet.conf", folder);
    atexit(clean_up);
}

static void
rewrite(void)
{
    struct conf *c = NULL;
    struct err err = {0};

    if (conf_write(path, "token", "fuzz", "pin-source", "file:/x", &err) != 0)
        return;
    check(conf_load_file(&c, path, &err) == 0);
    const char *value = conf_get(c, "token", "fuzz", "pin-source");
    check(value != NULL && strcmp(value, "file:/x") == 0);
    conf_free(&c);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct conf *c = NULL;
    struct err err = {0};
    FILE *f;

    prepare();
    f = fopen(path, "w");
    check(f && fwrite(data, 1, len, f) == len && fclose(f) == 0);
    int rc = conf_load_file(&c, path, &err);
    if (rc != 0) {
        check(c == NULL && err.text[0] != '\0');
        return 0;
    }
    for (unsigned i = 0; conf_section(c, "token", i); i++)
        (void)conf_get(c, "token", conf_section(c, "token", i), "pin-source");
    conf_free(&c);
    if (len > 0 && data[0] % 8 == 0)
        rewrite();
    return 0;
}

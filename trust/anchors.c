/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/anchors.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/io.h"
#include "base/text.h"
#include "trust/system_trust.h"

#define SYSTEM "the system"

struct item {
    X509 *cert;
    const char *from; /* one of texts */
};

struct anchors {
    struct item *items;
    size_t count, room;
    size_t named;      /* of these, the first came from files that were named */
    char **texts;
    size_t text_count;
    char **folders;
    size_t folder_count;
    bool use_system;
    char *cache, *paths;
    struct lazy {
        bool folders_read;
        struct system_trust *system;
    } lazy;
};

static int
no_memory(struct err *err)
{
    return err_set(err, E_NOMEM, "out of memory for trust anchors");
}

int
anchors_new(struct anchors **ret, struct err *err)
{
    struct anchors *a = calloc(1, sizeof *a);

    if (a == NULL)
        return no_memory(err);
    *ret = a;
    return 0;
}

static void
free_texts(char **texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(texts[i]);
    free(texts);
}

void
anchors_free(struct anchors **a)
{
    if (a == NULL || *a == NULL)
        return;
    for (size_t i = 0; i < (*a)->count; i++)
        X509_free((*a)->items[i].cert);
    free((*a)->items);
    free_texts((*a)->texts, (*a)->text_count);
    free_texts((*a)->folders, (*a)->folder_count);
    system_trust_free(&(*a)->lazy.system);
    free((*a)->cache);
    free((*a)->paths);
    free(*a);
    *a = NULL;
}

size_t
anchors_count(const struct anchors *a)
{
    return a->count;
}

/* Takes the certificate over. */
static int
add(struct anchors *a, X509 *cert, const char *from)
{
    if (a->count == a->room) {
        size_t room = a->room == 0 ? 8 : 2 * a->room;
        struct item *more = reallocarray(a->items, room, sizeof *more);

        if (more == NULL) {
            X509_free(cert);
            return E_NOMEM;
        }
        a->items = more;
        a->room = room;
    }
    a->items[a->count++] = (struct item){.cert = cert, .from = from};
    return 0;
}

static int
append_text(char ***list, size_t *count, char *text)
{
    char **more = text == NULL ? NULL : reallocarray(*list, *count + 1, sizeof *more);

    if (more == NULL) {
        free(text);
        return E_NOMEM;
    }
    *list = more;
    more[(*count)++] = text;
    return 0;
}

/* "--anchor ca.crt", safe to show. */
static int
describe(struct anchors *a, const char *how, const char *path, const char **ret)
{
    autofree_buf struct buf *text = buf_new();
    int rc = text == NULL ? E_NOMEM : buf_put_str(text, how);

    if (rc == 0)
        rc = text_put_safe(text, path, strlen(path));
    if (rc == 0)
        rc = append_text(&a->texts, &a->text_count, strdup(buf_cstr(text)));
    if (rc == 0)
        *ret = a->texts[a->text_count - 1];
    return rc;
}

/* An encrypted block is no certificate of ours: nobody is asked for a passphrase. */
static int
no_passphrase(char *out, int max, int writing, void *arg)
{
    (void)out, (void)max, (void)writing, (void)arg;
    return -1;
}

static int
add_pem(struct anchors *a, BIO *bio, const char *path, const char *from, struct err *err)
{
    X509 *cert;

    while ((cert = PEM_read_bio_X509_AUX(bio, NULL, no_passphrase, NULL)) != NULL)
        if (add(a, cert, from) != 0)
            return no_memory(err);
    if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        return err_set_ossl(err, E_MALFORMED, "anchor file \"%s\": damaged certificate", path);
    ERR_clear_error();
    return 0;
}

static int
read_file(struct anchors *a, const char *path, const char *from, struct err *err)
{
    autofree_buf struct buf *file = buf_new();
    if (file == NULL)
        return no_memory(err);
    int rc = io_read_file(path, ANCHOR_FILE_MAX, file, err);
    if (rc != 0)
        return rc;

    size_t before = a->count;
    const unsigned char *der = buf_data(file);
    bool may_be = buf_len(file) > 0 && der[0] == 0x30;
    X509 *cert = may_be ? d2i_X509(NULL, &der, (long)buf_len(file)) : NULL;
    if (cert != NULL)
        return add(a, cert, from) == 0 ? 0 : no_memory(err);
    ERR_clear_error();
    BIO *bio = BIO_new_mem_buf(buf_data(file), (int)buf_len(file));
    if (bio == NULL)
        return no_memory(err);
    rc = add_pem(a, bio, path, from, err);
    BIO_free(bio);
    if (rc == 0 && a->count == before)
        rc = err_set(err, E_MALFORMED,
                     "anchor file \"%s\": holds no certificate in PEM or DER", path);
    return rc;
}

int
anchors_add_file(struct anchors *a, const char *path, struct err *err)
{
    const char *from;
    int rc = describe(a, "--anchor ", path, &from);

    rc = rc == 0 ? read_file(a, path, from, err) : no_memory(err);
    a->named = a->count;
    return rc;
}

int
anchors_add_folder(struct anchors *a, const char *folder, struct err *err)
{
    int rc = append_text(&a->folders, &a->folder_count, strdup(folder));

    return rc == 0 ? 0 : no_memory(err);
}

int
anchors_use_system(struct anchors *a, const char *cache, const char *paths, struct err *err)
{
    a->cache = cache != NULL ? strdup(cache) : NULL;
    a->paths = paths != NULL ? strdup(paths) : NULL;
    a->use_system = true;
    return (cache != NULL && a->cache == NULL) || (paths != NULL && a->paths == NULL)
               ? no_memory(err) : 0;
}

static int
is_anchor_file(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);

    return entry->d_type != DT_DIR && entry->d_name[0] != '.' && entry->d_name[len - 1] != '~';
}

static int
read_one(struct anchors *a, const char *folder, const char *name, struct err *err)
{
    char path[PATH_MAX];
    const char *from;

    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
        return err_set(err, E_CONFIG, "folder of anchors \"%s\": a name in it is too long", folder);
    if (describe(a, "anchor file ", path, &from) != 0)
        return no_memory(err);
    int rc = read_file(a, path, from, err);
    if (rc == 0 || rc == E_NOMEM)
        return rc;
    err_prefix(err, "folder of anchors, where each file must be one");
    if (err != NULL)
        err->code = E_CONFIG;
    return E_CONFIG;
}

static int
read_folder(struct anchors *a, const char *folder, struct err *err)
{
    struct dirent **names = NULL;
    int count = scandir(folder, &names, is_anchor_file, alphasort);
    int rc = 0;

    if (count < 0)
        return errno == ENOENT || errno == ENOTDIR
                   ? 0 : err_set_sys(err, E_CONFIG, errno, "folder of anchors \"%s\"", folder);
    if (count > ANCHOR_FOLDER_MAX)
        rc = err_set(err, E_CONFIG, "folder of anchors \"%s\": holds more than %d files", folder,
                     ANCHOR_FOLDER_MAX);
    for (int i = 0; i < count; i++) {
        if (rc == 0)
            rc = read_one(a, folder, names[i]->d_name, err);
        free(names[i]);
    }
    free(names);
    return rc;
}

static int
read_folders(struct anchors *a, struct err *err)
{
    int rc = 0;

    if (a->lazy.folders_read)
        return 0;
    for (size_t i = 0; rc == 0 && i < a->folder_count; i++)
        rc = read_folder(a, a->folders[i], err);
    a->lazy.folders_read = rc == 0;
    return rc;
}

/* What find_system hands over. */
struct from_system {
    int (*each)(void *arg, X509 *, const char *from);
    void *arg;
};

static int
pass_on(void *arg, X509 *cert)
{
    struct from_system *f = arg;

    return f->each(f->arg, cert, SYSTEM);
}

static int
find_system(struct anchors *a, const X509_NAME *subject, struct from_system *f, struct err *err)
{
    int rc = 0;

    if (!a->use_system)
        return 0;
    if (a->lazy.system == NULL)
        rc = system_trust_open(&a->lazy.system, a->cache, a->paths, err);
    return rc != 0 ? rc : system_trust_find(a->lazy.system, subject, pass_on, f);
}

int
anchors_find(const struct anchors *anchors, enum anchors_reach reach, const X509_NAME *subject,
             int (*each)(void *arg, X509 *, const char *from), void *arg, struct err *err)
{
    struct anchors *a = (struct anchors *)(uintptr_t)anchors; /* to read what is missing */
    int rc = reach >= ANCHORS_FOLDERS ? read_folders(a, err) : 0;
    size_t count = reach >= ANCHORS_FOLDERS ? a->count : a->named;

    for (size_t i = 0; rc == 0 && i < count; i++)
        if (X509_NAME_cmp(X509_get_subject_name(a->items[i].cert), subject) == 0)
            rc = each(arg, a->items[i].cert, a->items[i].from);
    if (rc == 0 && reach >= ANCHORS_SYSTEM)
        rc = find_system(a, subject, &(struct from_system){each, arg}, err);
    return rc;
}

bool
anchors_distrust(const struct anchors *a, const X509 *cert)
{
    return a->lazy.system != NULL && system_trust_distrusts(a->lazy.system, cert);
}

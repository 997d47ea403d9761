/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/system_cache.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <openssl/evp.h>

#include "base/io.h"
#include "trust/system_trust.h"

/* Below a source, that deep. p11-kit looks into anchors and blocklist of a folder. */
#define DEPTH_MAX 2
#define DIGEST 32

/* The file: this, the entries, the sources, the bytes. */
struct head {
    char magic[8];
    uint32_t entry_count, source_count, byte_count, reserved;
    unsigned char state[DIGEST];
};
static const char magic[8] = "SGNTRST1";

static void
hash_stat(EVP_MD_CTX *md, const char *path, const struct stat *st)
{
    const int64_t facts[] = {
        (int64_t)st->st_mtim.tv_sec, (int64_t)st->st_mtim.tv_nsec, (int64_t)st->st_ctim.tv_sec,
        (int64_t)st->st_ctim.tv_nsec, (int64_t)st->st_size, (int64_t)st->st_ino,
        (int64_t)st->st_dev, (int64_t)st->st_mode,
    };

    EVP_DigestUpdate(md, path, strlen(path) + 1);
    EVP_DigestUpdate(md, facts, sizeof facts);
}

static int
is_no_dot(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

/* A path that is not there counts as such. Depth is bounded. */
static void
hash_path(EVP_MD_CTX *md, const char *path, int depth)
{
    struct stat st = {0};
    struct dirent **names = NULL;

    if (stat(path, &st) != 0)
        st = (struct stat){0};
    hash_stat(md, path, &st);
    if (!S_ISDIR(st.st_mode) || depth == DEPTH_MAX)
        return;
    int count = scandir(path, &names, is_no_dot, alphasort);
    for (int i = 0; i < count; i++) {
        char below[PATH_MAX];

        if (snprintf(below, sizeof below, "%s/%s", path, names[i]->d_name) < (int)sizeof below)
            hash_path(md, below, depth + 1);
        free(names[i]);
    }
    free(names);
}

static bool
hash_sources(const struct system_list *l, const char *paths, unsigned char out[DIGEST])
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool ok = md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1;

    if (ok) {
        EVP_DigestUpdate(md, paths != NULL ? paths : "", paths != NULL ? strlen(paths) : 0);
        for (size_t i = 0; i < l->source_count; i++)
            hash_path(md, (const char *)system_list_at(l, l->sources[i]), 0);
        ok = EVP_DigestFinal_ex(md, out, NULL) == 1;
    }
    EVP_MD_CTX_free(md);
    return ok;
}

static bool
is_within(struct system_part part, size_t total)
{
    return part.at <= total && part.len <= total - part.at;
}

static bool
is_sound(const struct system_list *l)
{
    size_t total = buf_len(l->bytes);

    for (size_t i = 0; i < l->count; i++)
        if (!is_within(l->entries[i].value, total) || !is_within(l->entries[i].spki, total) ||
            !is_within(l->entries[i].issuer, total) || !is_within(l->entries[i].serial, total))
            return false;
    for (size_t i = 0; i < l->source_count; i++)
        if (l->sources[i].len == 0 || !is_within(l->sources[i], total) ||
            system_list_at(l, l->sources[i])[l->sources[i].len - 1] != '\0')
            return false;
    return true;
}

static void *
copy_of(const void *data, size_t count, size_t size)
{
    void *copy = calloc(count > 0 ? count : 1, size);

    if (copy != NULL && count > 0)
        memcpy(copy, data, count * size);
    return copy;
}

/* Takes the file apart; false when it is not what was written. */
static bool
parse(const struct buf *file, struct head *head, struct system_list *l)
{
    const unsigned char *at = buf_data(file);
    size_t entries, sources;

    if (buf_len(file) < sizeof *head)
        return false;
    memcpy(head, at, sizeof *head);
    entries = (size_t)head->entry_count * sizeof *l->entries;
    sources = (size_t)head->source_count * sizeof *l->sources;
    if (memcmp(head->magic, magic, sizeof magic) != 0 ||
        buf_len(file) - sizeof *head != entries + sources + head->byte_count)
        return false;
    at += sizeof *head;
    l->entries = copy_of(at, head->entry_count, sizeof *l->entries);
    l->sources = copy_of(at + entries, head->source_count, sizeof *l->sources);
    if (l->entries == NULL || l->sources == NULL ||
        buf_put(l->bytes, at + entries + sources, head->byte_count) != 0)
        return false;
    l->count = head->entry_count;
    l->source_count = head->source_count;
    return is_sound(l);
}

bool
system_cache_read(const char *path, const char *paths, struct system_list *l)
{
    autofree_buf struct buf *file = buf_new();
    struct head head;
    unsigned char state[DIGEST];

    if (file == NULL || io_read_file(path, SYSTEM_TRUST_CACHE_MAX, file, NULL) != 0)
        return false;
    if (parse(file, &head, l) && hash_sources(l, paths, state) &&
        memcmp(state, head.state, DIGEST) == 0)
        return true;
    struct buf *bytes = l->bytes;
    l->bytes = NULL;
    system_list_clear(l);
    l->bytes = bytes;
    buf_reset(bytes);
    return false;
}

void
system_cache_write(const char *path, const char *paths, const struct system_list *l)
{
    struct head head = {.entry_count = (uint32_t)l->count,
                        .source_count = (uint32_t)l->source_count,
                        .byte_count = (uint32_t)buf_len(l->bytes)};
    autofree_buf struct buf *file = buf_new();
    struct outfile *out = NULL;

    memcpy(head.magic, magic, sizeof magic);
    if (file == NULL || l->vague || !hash_sources(l, paths, head.state) ||
        buf_put(file, &head, sizeof head) != 0 ||
        buf_put(file, l->entries, l->count * sizeof *l->entries) != 0 ||
        buf_put(file, l->sources, l->source_count * sizeof *l->sources) != 0 ||
        buf_put(file, buf_data(l->bytes), buf_len(l->bytes)) != 0 ||
        buf_len(file) > SYSTEM_TRUST_CACHE_MAX)
        return;
    if (outfile_open(&out, path, false, NULL) == 0 &&
        outfile_write(out, buf_data(file), buf_len(file), NULL) == 0)
        (void)!outfile_commit(out, NULL);
    outfile_free(&out);
}

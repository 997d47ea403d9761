/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/counts.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sha256.h"

#define RECORD 128u
/* Name and number in hex, and so much of their SHA-256. */
#define NAME_HEX (2 * COUNTS_NAME_SIZE)
#define NUMBER_HEX 16u
#define SUM_SIZE 16u
#define BODY (NAME_HEX + 1 + NUMBER_HEX + 1)

struct counts {
    char *path;
    int fd;                  /* -1: there is no file yet */
    unsigned count;
    struct entry {
        uint8_t name[COUNTS_NAME_SIZE];
        uint64_t number;
    } *entries;              /* the i-th is the file's i-th record */
};

static void
put_hex(char *out, const uint8_t *data, size_t len)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[data[i] >> 4];
        out[2 * i + 1] = digits[data[i] & 15];
    }
}

static void
make_record(const struct entry *e, char out[RECORD])
{
    uint8_t sum[SHA256_SIZE];
    char number[NUMBER_HEX + 1];

    memset(out, ' ', RECORD);
    put_hex(out, e->name, COUNTS_NAME_SIZE);
    snprintf(number, sizeof number, "%016" PRIx64, e->number);
    memcpy(out + NAME_HEX + 1, number, NUMBER_HEX);
    sha256(out, BODY, sum);
    put_hex(out + BODY, sum, SUM_SIZE);
    out[RECORD - 1] = '\n';
}

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Reading is writing it again: then the check sum and all else are as they have to be. */
static bool
read_record(const char in[RECORD], struct entry *e)
{
    char again[RECORD];

    e->number = 0;
    for (size_t i = 0; i < NAME_HEX; i += 2) {
        int high = hex_digit(in[i]), low = hex_digit(in[i + 1]);
        if (high < 0 || low < 0)
            return false;
        e->name[i / 2] = (uint8_t)(high << 4 | low);
    }
    for (size_t i = 0; i < NUMBER_HEX; i++) {
        int digit = hex_digit(in[NAME_HEX + 1 + i]);
        if (digit < 0)
            return false;
        e->number = e->number << 4 | (uint64_t)digit;
    }
    make_record(e, again);
    return memcmp(again, in, RECORD) == 0;
}

static int
check_file(const struct counts *c, const struct stat *st, struct err *err)
{
    if (!S_ISREG(st->st_mode))
        return err_set(err, E_SYSTEM, "%s is no file; remove it, and what rules limit "
                       "is counted anew", c->path);
    if (st->st_uid != geteuid() || (st->st_mode & (S_IWGRP | S_IWOTH)))
        return err_set(err, E_SYSTEM, "%s, which counts what rules limit, can be written by "
                       "others; give it to the agent's user with mode 600 once its content was "
                       "looked at", c->path);
    if ((uint64_t)st->st_size > (uint64_t)COUNTS_MAX * RECORD)
        return err_set(err, E_SYSTEM, "%s is too large for what the agent counts; restore it, or "
                       "remove it to count anew", c->path);
    return 0;
}

static int
load(struct counts *c, struct err *err)
{
    struct stat st;
    char record[RECORD];
    int rc;

    if (fstat(c->fd, &st) != 0)
        return err_set_sys(err, E_SYSTEM, errno, "%s cannot be read", c->path);
    rc = check_file(c, &st, err);
    for (off_t at = 0; rc == 0 && at + (off_t)RECORD <= st.st_size; at += RECORD) {
        ssize_t n = pread(c->fd, record, RECORD, at);
        if (n != (ssize_t)RECORD)
            return err_set_sys(err, E_SYSTEM, n < 0 ? errno : EIO, "%s cannot be read", c->path);
        if (!read_record(record, &c->entries[c->count++]))
            return err_set(err, E_SYSTEM, "%s is damaged in its record %u; restore it, or remove "
                           "it to count anew what rules limit", c->path, c->count);
    }
    return rc;
}

static int
open_file(struct counts *c, int flags, struct err *err)
{
    c->fd = open(c->path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | flags, 0600);
    if (c->fd >= 0)
        return 0;
    if (errno == ENOENT && !flags)
        return 0;
    if (errno == ELOOP)
        return err_set(err, E_SYSTEM, "%s is a link; remove it: the agent writes what it counts "
                       "to a file of its own", c->path);
    return err_set_sys(err, E_SYSTEM, errno, "%s cannot be opened", c->path);
}

int
counts_open(struct counts **ret, const char *path, struct err *err)
{
    struct counts *c = calloc(1, sizeof *c);
    int rc = E_NOMEM;

    if (c) {
        c->fd = -1;
        c->path = strdup(path);
        c->entries = calloc(COUNTS_MAX, sizeof *c->entries);
    }
    if (c && c->path && c->entries)
        rc = open_file(c, 0, err);
    else
        err_set(err, rc, "out of memory while reading what was counted");
    if (rc == 0 && c->fd >= 0)
        rc = load(c, err);
    if (rc != 0) {
        counts_close(&c);
        return rc;
    }
    *ret = c;
    return 0;
}

void
counts_close(struct counts **c)
{
    if (!c || !*c)
        return;
    if ((*c)->fd >= 0)
        close((*c)->fd);
    free((*c)->path);
    free((*c)->entries);
    free(*c);
    *c = NULL;
}

static unsigned
find(const struct counts *c, const uint8_t name[COUNTS_NAME_SIZE])
{
    unsigned i = 0;

    while (i < c->count && memcmp(c->entries[i].name, name, COUNTS_NAME_SIZE) != 0)
        i++;
    return i;
}

uint64_t
counts_get(const struct counts *c, const uint8_t name[COUNTS_NAME_SIZE])
{
    unsigned i = find(c, name);

    return i < c->count ? c->entries[i].number : 0;
}

static int
write_record(const struct counts *c, unsigned i, const struct entry *e, struct err *err)
{
    char record[RECORD];
    off_t at = (off_t)i * RECORD;
    ssize_t n;

    make_record(e, record);
    n = pwrite(c->fd, record, RECORD, at);
    if (n == (ssize_t)RECORD && fdatasync(c->fd) == 0)
        return 0;
    int sys = n >= 0 && n < (ssize_t)RECORD ? ENOSPC : errno;
    /* What was appended in part goes again; a part that stays is dropped when it is read. */
    if (i == c->count && ftruncate(c->fd, at) != 0)
        return err_set_sys(err, E_SYSTEM, errno, "%s cannot be mended", c->path);
    return err_set_sys(err, E_SYSTEM, sys, "a limited use of a key cannot be counted in %s", c->path);
}

int
counts_put(struct counts *c, const uint8_t name[COUNTS_NAME_SIZE], uint64_t number,
           struct err *err)
{
    unsigned i = find(c, name);
    struct entry e = {.number = number};
    int rc = 0;

    if (i == COUNTS_MAX)
        return err_set(err, E_SYSTEM, "%s counts %u limited uses already, and no more; remove "
                       "rules that limit a total for each user", c->path, COUNTS_MAX);
    memcpy(e.name, name, sizeof e.name);
    if (c->fd < 0)
        rc = open_file(c, O_CREAT | O_EXCL, err);
    if (rc == 0)
        rc = write_record(c, i, &e, err);
    if (rc != 0)
        return rc;
    c->entries[i] = e;
    c->count += i == c->count;
    return 0;
}

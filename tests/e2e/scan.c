/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * scan PID FILE: where in a process's memory the first line of FILE is, read through
 * /proc/PID/mem as root or the process's debugger would. Prints "guarded N elsewhere M": N in
 * mappings that are locked (lo) and left out of cores (dd), M in all others, each of which is
 * told on standard error; and looks at its command line and environment, which are in M.
 * The halves of the text are kept apart here, so that no scan finds this program's own.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE (1u << 20)
#define NEEDLE_MAX 128

struct mapping {
    unsigned long from, to;
    char name[256];
};

static size_t
count(const char *hay, size_t len, const char *needle, size_t n, size_t *ret_at)
{
    size_t found = 0;
    const char *p = hay, *end = hay + len;
    while ((size_t)(end - p) >= n && (p = memmem(p, (size_t)(end - p), needle, n)) != NULL) {
        *ret_at = (size_t)(p - hay);
        found++;
        p++;
    }
    return found;
}

static size_t
scan_mapping(int mem, const struct mapping *m, const char *needle, size_t n, char *room,
             size_t *ret_at)
{
    size_t found = 0, at = 0;
    for (unsigned long a = m->from; a < m->to; a += PIECE - NEEDLE_MAX) {
        size_t want = m->to - a < PIECE ? m->to - a : PIECE;
        ssize_t got = pread(mem, room, want, (off_t)a);
        size_t here = got > 0 ? count(room, (size_t)got, needle, n, &at) : 0;
        if (here > 0)
            *ret_at = a + at;
        found += here;
        if (want < PIECE)
            break;
    }
    return found;
}

static size_t
scan_file(const char *pid, const char *name, const char *needle, size_t n, char *room)
{
    char path[64];
    size_t at = 0;
    snprintf(path, sizeof path, "/proc/%s/%s", pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, room, PIECE) : 0;
    if (fd >= 0)
        close(fd);
    return got > 0 ? count(room, (size_t)got, needle, n, &at) : 0;
}

int
main(int argc, char **argv)
{
    char path[64], line[1024], needle[NEEDLE_MAX], *room = malloc(PIECE);
    size_t guarded = 0, elsewhere = 0, found = 0, at = 0;
    struct mapping m = {0};
    FILE *f = argc == 3 ? fopen(argv[2], "r") : NULL;
    if (f == NULL || room == NULL || fgets(needle, sizeof needle, f) == NULL)
        return 2;
    fclose(f);
    needle[strcspn(needle, "\n")] = '\0';
    size_t n = strlen(needle);
    snprintf(path, sizeof path, "/proc/%s/mem", argv[1]);
    int mem = open(path, O_RDONLY | O_CLOEXEC);
    snprintf(path, sizeof path, "/proc/%s/smaps", argv[1]);
    f = fopen(path, "r");
    if (n < 8 || mem < 0 || f == NULL) {
        perror(path);
        return 2;
    }
    while (fgets(line, sizeof line, f) != NULL) {
        unsigned long from, to;
        char rights[8];
        int name = 0;
        if (sscanf(line, "%lx-%lx %7s %*s %*s %*s %n", &from, &to, rights, &name) >= 3) {
            m = (struct mapping){.from = from, .to = to};
            snprintf(m.name, sizeof m.name, "%s", line + name);
            m.name[strcspn(m.name, "\n")] = '\0';
            found = strcmp(m.name, "[vvar]") == 0 || strcmp(m.name, "[vsyscall]") == 0
                        ? 0 : scan_mapping(mem, &m, needle, n, room, &at);
        } else if (found > 0 && strncmp(line, "VmFlags:", 8) == 0) {
            if (strstr(line, " lo") != NULL && strstr(line, " dd") != NULL) {
                guarded += found;
            } else {
                elsewhere += found;
                fprintf(stderr, "%zu at %lx-%lx (+%zx) %s %s", found, m.from, m.to,
                        at - m.from, m.name, line);
            }
            found = 0;
        }
    }
    found = scan_file(argv[1], "cmdline", needle, n, room) +
            scan_file(argv[1], "environ", needle, n, room);
    if (found > 0)
        fprintf(stderr, "%zu in the command line or the environment\n", found);
    printf("guarded %zu elsewhere %zu\n", guarded, elsewhere + found);
    explicit_bzero(room, PIECE);
    explicit_bzero(needle, sizeof needle);
    return 0;
}

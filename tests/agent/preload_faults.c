/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Loaded into the agent (LD_PRELOAD): the FAULT_AT-th of its allocations and system calls
 * fails, and only that one. They are counted in the file FAULT_COUNT (a shared mapping), so
 * that a run with FAULT_AT=0 tells how many there are. What the C library calls by itself is
 * not counted but for allocations. Token hosts are left alone.
 */
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <dlfcn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);

static atomic_uint *count;
static unsigned at;

__attribute__((constructor)) static void
prepare(void)
{
    const char *path = getenv("FAULT_COUNT"), *number = getenv("FAULT_AT");
    int fd;

    if (!path || !number || strcmp(program_invocation_short_name, "signet-agent") != 0)
        return;
    at = (unsigned)strtoul(number, NULL, 10);
    fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
    void *map = (void *)syscall(SYS_mmap, NULL, sizeof *count, PROT_READ | PROT_WRITE,
                                MAP_SHARED, fd, 0);
    if (fd >= 0)
        syscall(SYS_close, fd);
    if (map != MAP_FAILED)
        count = map;
}

/* Where it was, for whoever reads what the agent said. */
static void
tell(void)
{
    void *frames[24];

    backtrace_symbols_fd(frames, backtrace(frames, sizeof frames / sizeof *frames),
                         STDERR_FILENO);
}

/* Whether this is the one; errno is set then. */
static int
fails(int code)
{
    if (!count || atomic_fetch_add(count, 1) + 1 != at)
        return 0;
    tell();
    errno = code;
    return 1;
}

EXPORT void *
malloc(size_t size)
{
    return fails(ENOMEM) ? NULL : __libc_malloc(size);
}

EXPORT void *
calloc(size_t n, size_t size)
{
    return fails(ENOMEM) ? NULL : __libc_calloc(n, size);
}

EXPORT void *
realloc(void *old, size_t size)
{
    return fails(ENOMEM) ? NULL : __libc_realloc(old, size);
}

/* A call that the kernel answers, with its ways to fail. */
#define CALL(type, name, code, args, ...) \
    EXPORT type name args; \
    EXPORT type name args \
    { \
        return fails(code) ? (type)-1 : (type)syscall(__VA_ARGS__); \
    }

CALL(ssize_t, read, EIO, (int fd, void *p, size_t n), SYS_read, fd, p, n)
CALL(ssize_t, __read_chk, EIO, (int fd, void *p, size_t n, size_t max), SYS_read, fd, p,
     n < max ? n : max)
CALL(ssize_t, write, ENOSPC, (int fd, const void *p, size_t n), SYS_write, fd, p, n)
CALL(ssize_t, send, ENOBUFS, (int fd, const void *p, size_t n, int flags), SYS_sendto, fd, p, n,
     flags, NULL, 0)
CALL(ssize_t, recv, EIO, (int fd, void *p, size_t n, int flags), SYS_recvfrom, fd, p, n, flags,
     NULL, NULL)
CALL(ssize_t, sendmsg, ENOBUFS, (int fd, const struct msghdr *m, int flags), SYS_sendmsg, fd, m,
     flags)
CALL(ssize_t, recvmsg, ENOMEM, (int fd, struct msghdr *m, int flags), SYS_recvmsg, fd, m, flags)
CALL(int, poll, ENOMEM, (struct pollfd *p, nfds_t n, int ms), SYS_poll, p, n, ms)
CALL(int, __poll_chk, ENOMEM, (struct pollfd *p, nfds_t n, int ms, size_t max), SYS_poll, p,
     n < max ? n : max, ms)
CALL(int, socket, EMFILE, (int a, int b, int c), SYS_socket, a, b, c)
CALL(int, socketpair, EMFILE, (int a, int b, int c, int p[2]), SYS_socketpair, a, b, c, p)
CALL(int, accept4, EMFILE, (int fd, struct sockaddr *a, socklen_t *n, int flags), SYS_accept4,
     fd, a, n, flags)
CALL(int, bind, EADDRINUSE, (int fd, const struct sockaddr *a, socklen_t n), SYS_bind, fd, a, n)
CALL(int, listen, EADDRINUSE, (int fd, int n), SYS_listen, fd, n)
CALL(int, connect, ECONNREFUSED, (int fd, const struct sockaddr *a, socklen_t n), SYS_connect,
     fd, a, n)
CALL(int, getsockopt, ENOBUFS, (int fd, int a, int b, void *p, socklen_t *n), SYS_getsockopt, fd,
     a, b, p, n)
CALL(int, setsockopt, ENOBUFS, (int fd, int a, int b, const void *p, socklen_t n),
     SYS_setsockopt, fd, a, b, p, n)
CALL(int, pipe2, EMFILE, (int p[2], int flags), SYS_pipe2, p, flags)
CALL(int, eventfd, EMFILE, (unsigned n, int flags), SYS_eventfd2, n, flags)
CALL(int, timerfd_create, EMFILE, (int clock, int flags), SYS_timerfd_create, clock, flags)
CALL(int, inotify_init1, EMFILE, (int flags), SYS_inotify_init1, flags)
CALL(int, signalfd, EMFILE, (int fd, const sigset_t *set, int flags), SYS_signalfd4, fd, set,
     sizeof(uint64_t), flags)
CALL(int, fsync, EIO, (int fd), SYS_fsync, fd)
CALL(int, fdatasync, EIO, (int fd), SYS_fdatasync, fd)
CALL(int, ftruncate, EIO, (int fd, off_t n), SYS_ftruncate, fd, n)
CALL(int, flock, ENOLCK, (int fd, int how), SYS_flock, fd, how)
CALL(int, mkdir, ENOSPC, (const char *path, mode_t mode), SYS_mkdir, path, mode)
CALL(int, unlink, EACCES, (const char *path), SYS_unlink, path)
CALL(int, rename, EACCES, (const char *a, const char *b), SYS_rename, a, b)
CALL(int, chmod, EPERM, (const char *path, mode_t mode), SYS_chmod, path, mode)
CALL(int, fchmod, EPERM, (int fd, mode_t mode), SYS_fchmod, fd, mode)
CALL(ssize_t, readlink, EACCES, (const char *path, char *p, size_t n), SYS_readlink, path, p, n)
CALL(int, mlock2, ENOMEM, (const void *p, size_t n, unsigned flags), SYS_mlock2, p, n, flags)
CALL(int, madvise, EAGAIN, (void *p, size_t n, int how), SYS_madvise, p, n, how)

EXPORT void *
mmap(void *p, size_t n, int prot, int flags, int fd, off_t off)
{
    return fails(ENOMEM) ? MAP_FAILED : (void *)syscall(SYS_mmap, p, n, prot, flags, fd, off);
}

static int
open_at(int dir, const char *path, int flags, va_list args)
{
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;

    return fails(EMFILE) ? -1 : (int)syscall(SYS_openat, dir, path, flags, mode);
}

EXPORT int
open(const char *path, int flags, ...)
{
    va_list args;

    va_start(args, flags);
    int fd = open_at(AT_FDCWD, path, flags, args);
    va_end(args);
    return fd;
}

EXPORT int
openat(int dir, const char *path, int flags, ...)
{
    va_list args;

    va_start(args, flags);
    int fd = open_at(dir, path, flags, args);
    va_end(args);
    return fd;
}

EXPORT int
fcntl(int fd, int what, ...)
{
    va_list args;

    va_start(args, what);
    long arg = va_arg(args, long);
    va_end(args);
    return fails(EMFILE) ? -1 : (int)syscall(SYS_fcntl, fd, what, arg);
}

EXPORT int
pthread_create(pthread_t *ret, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
    static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

    if (!real)
        real = (int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *))
            (uintptr_t)dlsym(RTLD_NEXT, "pthread_create");
    return fails(EAGAIN) ? EAGAIN : real(ret, attr, run, arg);
}

EXPORT int
posix_spawn(pid_t *ret, const char *path, const posix_spawn_file_actions_t *files,
            const posix_spawnattr_t *attr, char *const argv[], char *const env[])
{
    static int (*real)(pid_t *, const char *, const posix_spawn_file_actions_t *,
                       const posix_spawnattr_t *, char *const[], char *const[]);

    if (!real)
        real = (int (*)(pid_t *, const char *, const posix_spawn_file_actions_t *,
                        const posix_spawnattr_t *, char *const[], char *const[]))
            (uintptr_t)dlsym(RTLD_NEXT, "posix_spawn");
    return fails(EAGAIN) ? EAGAIN : real(ret, path, files, attr, argv, env);
}

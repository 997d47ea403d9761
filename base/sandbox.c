/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

/* Longest filter that is put together here. */
#define FILTER_MAX 256u

/* What Debian 12's headers do not name yet. */
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif

#define FILE_READ (LANDLOCK_ACCESS_FS_READ_FILE)
#define FILE_RUN (LANDLOCK_ACCESS_FS_EXECUTE | FILE_READ)
#define FILE_WRITE (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE | FILE_READ)
#define FOLDER_READ LANDLOCK_ACCESS_FS_READ_DIR
#define FOLDER_WRITE \
    (LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR | \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | \
     LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_REFER)
#define NEVER \
    (LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK | \
     LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM)

/* The rights that each version of Landlock brought (landlock(7)). */
static const struct {
    int version;
    uint64_t rights;
} later[] = {{2, LANDLOCK_ACCESS_FS_REFER}, {3, LANDLOCK_ACCESS_FS_TRUNCATE}};

bool
sandbox_sanitized(void)
{
    return SANITIZED;
}

int
sandbox_landlock(void)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return version > 0 ? (int)version : 0;
}

/* A path that is not there cannot be used either. */
static int
allow_path(int rules, const char *path, uint64_t file, uint64_t folder, uint64_t known)
{
    struct landlock_path_beneath_attr rule = {
        .parent_fd = open(path, O_PATH | O_CLOEXEC),
    };
    struct stat st;
    int rc = 0;
    if (rule.parent_fd < 0)
        return 0;
    if (fstat(rule.parent_fd, &st) == 0) {
        rule.allowed_access = (S_ISDIR(st.st_mode) ? file | folder : file) & known;
        rc = (int)syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    }
    close(rule.parent_fd);
    return rc;
}

static bool
confine_files(const struct sandbox *s, int version)
{
    struct landlock_ruleset_attr attr = {
        .handled_access_fs = FILE_RUN | FILE_WRITE | FOLDER_READ | FOLDER_WRITE | NEVER,
    };
    const struct {
        const char *const *paths;
        uint64_t file, folder;
    } lists[] = {
        {s->read, FILE_READ, FOLDER_READ},
        {s->write, FILE_WRITE, FOLDER_WRITE},
        {s->run, FILE_RUN, FOLDER_READ},
    };
    for (size_t i = 0; i < sizeof later / sizeof *later; i++)
        if (version < later[i].version)
            attr.handled_access_fs &= ~later[i].rights;
    int rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0), rc = 0;
    if (rules < 0)
        return false;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        for (const char *const *p = lists[i].paths; p != NULL && *p != NULL && rc == 0; p++)
            rc = allow_path(rules, *p, lists[i].file, lists[i].folder, attr.handled_access_fs);
    if (rc == 0)
        rc = (int)syscall(SYS_landlock_restrict_self, rules, 0);
    close(rules);
    return rc == 0;
}

#ifdef ARCHITECTURE
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
/* The low half of an argument; both architectures are little-endian. */
#define ARGUMENT(n) \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args) + 8 * (n))
#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, what)
#define ERRNO(e) RETURN(SECCOMP_RET_ERRNO | ((e) & SECCOMP_RET_DATA))
#define REFUSE_AS(name, e) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), ERRNO(e)
#define REFUSE(name) REFUSE_AS(name, EPERM)
/* Allowed only with this value of the argument; with that bit in it. */
#define ONLY_WITH(name, n, value) \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 4), ARGUMENT(n), \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 1, 0), ERRNO(EPERM), RETURN(SECCOMP_RET_ALLOW)
#define ONLY_WITH_BIT(name, n, bit) \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 4), ARGUMENT(n), \
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bit, 1, 0), ERRNO(EPERM), RETURN(SECCOMP_RET_ALLOW)

static const struct sock_filter begin[] = {
    LOAD(arch),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0), ERRNO(EPERM),
    LOAD(nr),
#ifdef __x86_64__
    /* x32's numbers. */
    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1), ERRNO(ENOSYS),
#endif
};

/* Nobody's. PTRACE_TRACEME (0) harms only who calls it, and modules of vendors do. */
static const struct sock_filter always[] = {
    ONLY_WITH(ptrace, 0, 0),
    REFUSE(process_vm_readv), REFUSE(process_vm_writev), REFUSE(pidfd_getfd),
    REFUSE(process_madvise), REFUSE(kcmp), REFUSE(kexec_load), REFUSE(kexec_file_load),
    REFUSE(init_module), REFUSE(finit_module), REFUSE(delete_module), REFUSE(bpf),
    REFUSE(perf_event_open), REFUSE(userfaultfd), REFUSE(reboot), REFUSE(swapon),
    REFUSE(swapoff), REFUSE(acct), REFUSE(quotactl), REFUSE(settimeofday),
    REFUSE(clock_settime), REFUSE(open_by_handle_at), REFUSE(syslog), REFUSE(fanotify_init),
    /* Their callers go on without. */
    REFUSE_AS(io_uring_setup, ENOSYS),
#ifdef __x86_64__
    REFUSE(iopl), REFUSE(ioperm),
#endif
};

static const struct sock_filter namespaces[] = {
    REFUSE(mount), REFUSE(umount2), REFUSE(pivot_root), REFUSE(chroot), REFUSE(setns),
    REFUSE(unshare), REFUSE(move_mount), REFUSE(fsopen), REFUSE(fsconfig), REFUSE(fsmount),
    REFUSE(fspick), REFUSE(open_tree), REFUSE(mount_setattr), REFUSE(add_key), REFUSE(keyctl),
    REFUSE(request_key),
};

static const struct sock_filter programs[] = {
    REFUSE(execve), REFUSE(execveat),
#ifdef __x86_64__
    REFUSE(fork), REFUSE(vfork),
#endif
    /* Its flags are out of a filter's sight: the C library then uses the older one. */
    REFUSE_AS(clone3, ENOSYS),
    ONLY_WITH_BIT(clone, 0, 0x00010000 /* CLONE_THREAD */),
};

static const struct sock_filter listens[] = {REFUSE(listen), REFUSE(accept), REFUSE(accept4)};
static const struct sock_filter internet[] = {ONLY_WITH(socket, 0, AF_UNIX)};
static const struct sock_filter end[] = {RETURN(SECCOMP_RET_ALLOW)};

static const struct {
    unsigned unless;
    const struct sock_filter *code;
    size_t count;
} parts[] = {
#define PART(unless, code) {unless, code, sizeof code / sizeof *code}
    PART(0, begin), PART(SANDBOX_PROGRAMS, programs), PART(SANDBOX_INTERNET, internet),
    PART(SANDBOX_LISTEN, listens), PART(SANDBOX_NAMESPACES, namespaces), PART(0, always),
    PART(0, end),
};

static bool
filter_calls(unsigned may)
{
    struct sock_filter code[FILTER_MAX];
    struct sock_fprog program = {0, code};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (may & parts[i].unless)
            continue;
        if (program.len + parts[i].count > FILTER_MAX)
            return false;
        memcpy(code + program.len, parts[i].code, parts[i].count * sizeof *code);
        program.len = (unsigned short)(program.len + parts[i].count);
    }
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0
        || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}
#else
static bool
filter_calls(unsigned may)
{
    (void)may;
    return false;
}
#endif

void
sandbox_enter(const struct sandbox *s, struct sandbox_state *ret)
{
    const struct rlimit none = {0, 0};
    struct sandbox_state had = {.wanted_files = s->files};
    had.no_core = setrlimit(RLIMIT_CORE, &none) == 0;
    had.no_new_privileges = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
    had.landlock = sandbox_landlock();
    if (!SANITIZED) {
        had.undumpable = prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
        had.files = s->files && had.landlock > 0 && confine_files(s, had.landlock);
        had.calls = filter_calls(s->may);
    }
    if (ret != NULL)
        *ret = had;
}

const char *
sandbox_missing(const struct sandbox_state *s, unsigned i)
{
    const struct {
        bool missing;
        const char *phrase;
    } rows[] = {
        {SANITIZED, "nearly all: built with sanitizers"},
        {!s->no_new_privileges, "no new privileges (prctl refused it)"},
        {!s->no_core, "no core files (setrlimit refused it)"},
        {!SANITIZED && !s->undumpable, "protection from being traced (prctl refused it)"},
        {!SANITIZED && !s->calls, "a filter of system calls (the kernel has no seccomp filters)"},
        {s->landlock == 0, "Landlock (a kernel from 5.13 on with landlock among its lsm=)"},
        {!SANITIZED && s->wanted_files && s->landlock > 0 && !s->files,
         "Landlock (the kernel refused the rules)"},
        {s->landlock > 0 && s->landlock < 2, "Landlock's rules on moving files (a kernel from 5.19 on)"},
        {s->landlock > 0 && s->landlock < 3, "Landlock's rules on cutting files (a kernel from 6.2 on)"},
    };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
        if (rows[k].missing && i-- == 0)
            return rows[k].phrase;
    return NULL;
}

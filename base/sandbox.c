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
        .handled_access_fs = LANDLOCK_ACCESS_FS_EXECUTE | FILE_WRITE | FOLDER_WRITE | NEVER,
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

/* Calls that are allowed only with some argument. PTRACE_TRACEME (0) harms only who calls it, and
 * modules of vendors do. */
static const struct sock_filter trace[] = {ONLY_WITH(ptrace, 0, 0)};
static const struct sock_filter threads[] = {
    ONLY_WITH_BIT(clone, 0, 0x00010000 /* CLONE_THREAD */),
};
static const struct sock_filter internet[] = {ONLY_WITH(socket, 0, AF_UNIX)};

static const struct {
    unsigned unless;
    const struct sock_filter *code;
    size_t count;
} parts[] = {
#define PART(unless, code) {unless, code, sizeof code / sizeof *code}
    PART(0, begin), PART(0, trace), PART(SANDBOX_PROGRAMS, threads),
    PART(SANDBOX_INTERNET, internet),
};

/* Calls that are refused, unless one of these is needed. After ENOSYS callers go on without, and
 * clone3's flags are out of a filter's sight: the C library then uses clone. */
static const struct refusal {
    unsigned nr, unless;
    int error;
} refusals[] = {
#define REFUSE(name, unless) {SYS_##name, unless, EPERM}
    REFUSE(process_vm_readv, 0), REFUSE(process_vm_writev, 0), REFUSE(pidfd_getfd, 0),
    REFUSE(process_madvise, 0), REFUSE(kcmp, 0), REFUSE(kexec_load, 0),
    REFUSE(kexec_file_load, 0), REFUSE(init_module, 0), REFUSE(finit_module, 0),
    REFUSE(delete_module, 0), REFUSE(bpf, 0), REFUSE(perf_event_open, 0),
    REFUSE(userfaultfd, 0), REFUSE(reboot, 0), REFUSE(swapon, 0), REFUSE(swapoff, 0),
    REFUSE(acct, 0), REFUSE(quotactl, 0), REFUSE(settimeofday, 0), REFUSE(clock_settime, 0),
    REFUSE(open_by_handle_at, 0), REFUSE(syslog, 0), REFUSE(fanotify_init, 0),
    {SYS_io_uring_setup, 0, ENOSYS},
    REFUSE(mount, SANDBOX_NAMESPACES), REFUSE(umount2, SANDBOX_NAMESPACES),
    REFUSE(pivot_root, SANDBOX_NAMESPACES), REFUSE(chroot, SANDBOX_NAMESPACES),
    REFUSE(setns, SANDBOX_NAMESPACES), REFUSE(unshare, SANDBOX_NAMESPACES),
    REFUSE(move_mount, SANDBOX_NAMESPACES), REFUSE(fsopen, SANDBOX_NAMESPACES),
    REFUSE(fsconfig, SANDBOX_NAMESPACES), REFUSE(fsmount, SANDBOX_NAMESPACES),
    REFUSE(fspick, SANDBOX_NAMESPACES), REFUSE(open_tree, SANDBOX_NAMESPACES),
    REFUSE(mount_setattr, SANDBOX_NAMESPACES), REFUSE(add_key, SANDBOX_NAMESPACES),
    REFUSE(keyctl, SANDBOX_NAMESPACES), REFUSE(request_key, SANDBOX_NAMESPACES),
    REFUSE(execve, SANDBOX_PROGRAMS), REFUSE(execveat, SANDBOX_PROGRAMS),
    {SYS_clone3, SANDBOX_PROGRAMS, ENOSYS},
    REFUSE(listen, SANDBOX_LISTEN), REFUSE(accept, SANDBOX_LISTEN),
    REFUSE(accept4, SANDBOX_LISTEN),
#ifdef __x86_64__
    REFUSE(iopl, 0), REFUSE(ioperm, 0), REFUSE(fork, SANDBOX_PROGRAMS),
    REFUSE(vfork, SANDBOX_PROGRAMS),
#endif
};

#define REFUSALS (sizeof refusals / sizeof *refusals)
/* Calls in a group of the filter. */
#define GROUP 7u

static size_t
sort_refusals(unsigned may, struct refusal sorted[REFUSALS])
{
    size_t n = 0;
    for (size_t i = 0; i < REFUSALS; i++) {
        size_t at = n;
        if (may & refusals[i].unless)
            continue;
        for (; at > 0 && sorted[at - 1].nr > refusals[i].nr; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = refusals[i];
        n++;
    }
    return n;
}

/* In groups by number, so that few instructions are run: when a filter is loaded the kernel runs
 * it for every call there is, to remember which are always allowed, and that is what loading
 * costs. Returns the new length. */
static size_t
put_refusals(struct sock_filter *code, size_t len, const struct refusal *sorted, size_t n)
{
    for (size_t i = 0; i < n; i += GROUP) {
        size_t count = n - i < GROUP ? n - i : GROUP;
        if (i + count < n)
            code[len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K,
                                                       sorted[i + count].nr,
                                                       (unsigned char)(2 * count + 1), 0);
        for (size_t k = i; k < i + count; k++) {
            code[len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, sorted[k].nr, 0, 1);
            code[len++] = (struct sock_filter)ERRNO((unsigned)sorted[k].error);
        }
        code[len++] = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
    }
    return len;
}

static bool
filter_calls(unsigned may)
{
    struct sock_filter code[FILTER_MAX];
    struct refusal sorted[REFUSALS];
    size_t len = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (may & parts[i].unless)
            continue;
        memcpy(code + len, parts[i].code, parts[i].count * sizeof *code);
        len += parts[i].count;
    }
    len = put_refusals(code, len, sorted, sort_refusals(may, sorted));
    struct sock_fprog program = {(unsigned short)len, code};
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0
        || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

/* Each refusal takes two instructions, each group two more, each part no more than ten. */
_Static_assert(2 * REFUSALS + 2 * (REFUSALS / GROUP + 1) + 10 * (sizeof parts / sizeof *parts) <=
                   FILTER_MAX, "the longest filter has room");
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

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fetch/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sandbox.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
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

static const struct {
    int resource;
    rlim_t most;
    int with_sanitizers;
} limits[] = {
    {RLIMIT_CORE, 0, 1},
    {RLIMIT_NOFILE, CONFINE_FILES_MAX, 1},
    {RLIMIT_DATA, CONFINE_MEMORY_MAX, 0},
};

#ifdef ARCHITECTURE
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
/* The low half of an argument; both architectures are little-endian. */
#define ARGUMENT(n) \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args) + 8 * (n))
#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, what)
#define ERRNO(e) RETURN(SECCOMP_RET_ERRNO | ((e) & SECCOMP_RET_DATA))
#define REFUSE(name) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), ERRNO(EPERM)
/* Refuse when one of the bits is, or none of them is, in the argument. */
#define REFUSE_WITH(name, n, bits) \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 4), ARGUMENT(n), \
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1), ERRNO(EPERM), RETURN(SECCOMP_RET_ALLOW)
#define REFUSE_WITHOUT(name, n, bits) \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 4), ARGUMENT(n), \
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 1, 0), ERRNO(EPERM), RETURN(SECCOMP_RET_ALLOW)
#define WRITES (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)

static struct sock_filter filter[] = {
    LOAD(arch),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0), RETURN(SECCOMP_RET_KILL_PROCESS),
    LOAD(nr),
#ifdef __x86_64__
    /* x32's numbers. */
    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1), ERRNO(ENOSYS),
    REFUSE(fork), REFUSE(vfork), REFUSE(creat), REFUSE(unlink), REFUSE(rename), REFUSE(mkdir),
    REFUSE(rmdir), REFUSE(link), REFUSE(symlink), REFUSE(mknod), REFUSE(chmod), REFUSE(chown),
    REFUSE(lchown), REFUSE(utime), REFUSE(utimes), REFUSE_WITH(open, 1, WRITES),
#endif
    REFUSE(execve), REFUSE(execveat), REFUSE(ptrace), REFUSE(process_vm_readv),
    REFUSE(process_vm_writev), REFUSE(pidfd_open), REFUSE(unlinkat), REFUSE(renameat),
    REFUSE(renameat2), REFUSE(mkdirat), REFUSE(linkat), REFUSE(symlinkat), REFUSE(mknodat),
    REFUSE(fchmod), REFUSE(fchmodat), REFUSE(fchown), REFUSE(fchownat), REFUSE(utimensat),
    REFUSE(truncate), REFUSE(setxattr), REFUSE(lsetxattr), REFUSE(fsetxattr), REFUSE(mount),
    REFUSE(umount2), REFUSE(pivot_root), REFUSE(chroot), REFUSE(unshare), REFUSE(setns),
    REFUSE(bpf), REFUSE(perf_event_open), REFUSE(userfaultfd), REFUSE(io_uring_setup),
    REFUSE(add_key), REFUSE(keyctl), REFUSE(request_key), REFUSE(listen), REFUSE(accept),
    REFUSE(accept4), REFUSE(kexec_load), REFUSE(init_module), REFUSE(finit_module),
    REFUSE(personality), REFUSE(memfd_secret), REFUSE(open_by_handle_at),
    /* Their flags are out of a filter's sight: the C library then uses the older ones. */
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1), ERRNO(ENOSYS),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1), ERRNO(ENOSYS),
    REFUSE_WITHOUT(clone, 0, CLONE_THREAD),
    REFUSE_WITH(openat, 2, WRITES),
    RETURN(SECCOMP_RET_ALLOW),
};

static int
filter_calls(void)
{
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}
#else
static int
filter_calls(void)
{
    return 0;
}
#endif

/* Threads of libcurl's and libunbound's count against the memory. */
static int
small_stacks(void)
{
    pthread_attr_t attr;
    if (pthread_attr_init(&attr) != 0)
        return -1;
    int rc = pthread_attr_setstacksize(&attr, CONFINE_STACK);
    if (rc == 0)
        rc = pthread_setattr_default_np(&attr);
    pthread_attr_destroy(&attr);
    return rc == 0 ? 0 : -1;
}

int
confine(struct err *err)
{
    pid_t parent = getppid();
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
        || (!SANITIZED && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0))
        return err_set_sys(err, E_SYSTEM, errno, "signet-fetch cannot confine itself");
    /* The parent's end before this call raised no signal; its socket tells. */
    if (getppid() != parent)
        return err_set(err, E_CANCELLED, "nobody waits");
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        struct rlimit now, l;
        if (SANITIZED && !limits[i].with_sanitizers)
            continue;
        if (getrlimit(limits[i].resource, &now) != 0)
            return err_set_sys(err, E_SYSTEM, errno, "signet-fetch cannot limit itself");
        l.rlim_max = now.rlim_max < limits[i].most ? now.rlim_max : limits[i].most;
        l.rlim_cur = l.rlim_max;
        if (setrlimit(limits[i].resource, &l) != 0)
            return err_set_sys(err, E_SYSTEM, errno, "signet-fetch cannot limit itself");
    }
    if (small_stacks() != 0 || (!SANITIZED && filter_calls() != 0))
        return err_set_sys(err, E_SYSTEM, errno, "signet-fetch cannot confine itself");
    return 0;
}

/* Folders of the system's configuration, certificates and libraries; nothing is written, and
 * nothing of any user's is read. */
void
confine_files(const char *anchor)
{
    const char *const read[] = {"/etc", "/usr", "/opt", "/run/systemd/resolve", "/var/lib/unbound",
                                "/dev/urandom", anchor[0] != '\0' ? anchor : NULL, NULL};
    const struct sandbox s = {.may = SANDBOX_INTERNET, .files = true, .read = read};
    sandbox_enter(&s, NULL);
}

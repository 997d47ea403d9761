/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Each thing that is denied really is, in a process of its own; and what is needed still works. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sandbox.h"
#include "tests/base/run.h"

extern char **environ;

/* The errno of what was tried, 0 when it could be done. */
static int
outcome(long rc)
{
    return rc < 0 ? errno : 0;
}

static int
opening(const char *name, int flags)
{
    int fd = open(scratch_path(name), flags, 0600), rc = outcome(fd);
    if (fd >= 0)
        close(fd);
    return rc;
}

static int
running(const char *program)
{
    char *argv[] = {(char *)(uintptr_t)program, NULL};
    pid_t pid;
    int rc = posix_spawn(&pid, program, NULL, NULL, argv, environ), status = 0;
    if (rc == 0 && waitpid(pid, &status, 0) != pid)
        return ECHILD;
    return rc != 0 ? rc : WIFEXITED(status) && WEXITSTATUS(status) == 127 ? EACCES : 0;
}

static int try_read(void) { return opening("secret/file", O_RDONLY); }
static int try_list(void) { return opening("secret", O_RDONLY | O_DIRECTORY); }
static int try_read_allowed(void) { return opening("read/file", O_RDONLY); }
static int try_write_read_only(void) { return opening("read/file", O_WRONLY); }
static int try_create_read_only(void) { return opening("read/new", O_WRONLY | O_CREAT); }
static int try_create(void) { return opening("secret/new", O_WRONLY | O_CREAT); }
static int try_create_allowed(void) { return opening("write/new", O_RDWR | O_CREAT); }
static int try_cut(void) { return outcome(truncate(scratch_path("read/file"), 0)); }
static int try_remove(void) { return outcome(unlink(scratch_path("secret/file"))); }
static int try_mkdir(void) { return outcome(mkdir(scratch_path("secret/d"), 0700)); }
static int try_run(void) { return running("/bin/true"); }
static int try_exec(void)
{
    char *argv[] = {(char *)(uintptr_t)"true", NULL};
    return outcome(execve("/bin/true", argv, environ));
}
static int try_fork(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return pid < 0 ? errno : 0;
}
static int try_inet(void) { return outcome(socket(AF_INET, SOCK_STREAM, 0)); }
static int try_inet6(void) { return outcome(socket(AF_INET6, SOCK_DGRAM, 0)); }
static int try_netlink(void) { return outcome(socket(AF_NETLINK, SOCK_RAW, 0)); }
static int try_unix(void) { return outcome(socket(AF_UNIX, SOCK_STREAM, 0)); }
static int try_listen(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(a.sun_path, sizeof a.sun_path, "%s", scratch_path("write/s"));
    if (bind(fd, (struct sockaddr *)&a, sizeof a) != 0)
        return errno;
    return outcome(listen(fd, 1));
}
static int try_ptrace(void) { return outcome(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL)); }
static int try_seize(void) { return outcome(ptrace(PTRACE_SEIZE, getppid(), NULL, NULL)); }
static int try_traceme(void) { return outcome(ptrace(PTRACE_TRACEME, 0, NULL, NULL)); }
static int try_look(void)
{
    char c, d;
    struct iovec to = {&c, 1}, from = {&d, 1};
    return outcome(process_vm_readv(getppid(), &to, 1, &from, 1, 0));
}
static int try_mount(void) { return outcome(syscall(SYS_mount, "none", "/", "tmpfs", 0, NULL)); }
static int try_unshare(void) { return outcome(syscall(SYS_unshare, 0x10000000)); }
static int try_bpf(void) { return outcome(syscall(SYS_bpf, 0, NULL, 0)); }
static int try_perf(void) { return outcome(syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0)); }
static int try_kexec(void) { return outcome(syscall(SYS_kexec_load, 0, 0, NULL, 0)); }
static int try_module(void) { return outcome(syscall(SYS_init_module, NULL, 0, "")); }
static int try_io_uring(void) { return outcome(syscall(SYS_io_uring_setup, 0, NULL)); }
static void *nothing(void *arg) { return arg; }
static int try_thread(void)
{
    pthread_t t;
    int rc = pthread_create(&t, NULL, nothing, NULL);
    return rc == 0 ? pthread_join(t, NULL) : rc;
}
static int try_memory(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? errno : outcome(mlock(p, 4096));
}
static int try_core(void)
{
    struct rlimit l;
    return getrlimit(RLIMIT_CORE, &l) == 0 && l.rlim_max == 0 && prctl(PR_GET_DUMPABLE) == 0 &&
                   prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1
               ? 0 : EBADF;
}

#define SYSTEM SANDBOX_PROGRAMS | SANDBOX_INTERNET | SANDBOX_LISTEN | SANDBOX_NAMESPACES
static const struct {
    const char *name;
    int (*attempt)(void);
    unsigned may;
    bool files;
    int expected;
} rows[] = {
    {"read", try_read, 0, true, EACCES},
    {"list", try_list, 0, true, EACCES},
    {"read what is allowed", try_read_allowed, 0, true, 0},
    {"write what is read", try_write_read_only, 0, true, EACCES},
    {"create beside what is read", try_create_read_only, 0, true, EACCES},
    {"create", try_create, 0, true, EACCES},
    {"create where it is allowed", try_create_allowed, 0, true, 0},
    {"cut", try_cut, 0, true, EACCES},
    {"remove", try_remove, 0, true, EACCES},
    {"make a folder", try_mkdir, 0, true, EACCES},
    {"run a program not named", try_run, SANDBOX_PROGRAMS, true, EACCES},
    {"run a program", try_run, SANDBOX_PROGRAMS, false, 0},
    {"exec", try_exec, 0, false, EPERM},
    {"fork", try_fork, 0, false, EPERM},
    {"spawn", try_run, 0, false, EPERM},
    {"internet", try_inet, 0, false, EPERM},
    {"internet 6", try_inet6, 0, false, EPERM},
    {"netlink", try_netlink, 0, false, EPERM},
    {"internet where it is needed", try_inet, SANDBOX_INTERNET, false, 0},
    {"unix", try_unix, 0, true, 0},
    {"listen", try_listen, 0, false, EPERM},
    {"listen where it is needed", try_listen, SANDBOX_LISTEN, false, 0},
    {"ptrace", try_ptrace, SYSTEM, false, EPERM},
    {"seize", try_seize, SYSTEM, false, EPERM},
    {"be traced", try_traceme, SYSTEM, false, 0},
    {"process_vm_readv", try_look, SYSTEM, false, EPERM},
    {"mount", try_mount, 0, false, EPERM},
    {"unshare", try_unshare, 0, false, EPERM},
    {"bpf", try_bpf, SYSTEM, false, EPERM},
    {"perf", try_perf, SYSTEM, false, EPERM},
    {"kexec", try_kexec, SYSTEM, false, EPERM},
    {"kernel module", try_module, SYSTEM, false, EPERM},
    {"io_uring", try_io_uring, SYSTEM, false, ENOSYS},
    {"thread", try_thread, 0, true, 0},
    {"lock memory", try_memory, 0, true, 0},
    {"core", try_core, SYSTEM, false, 0},
};

static struct sandbox_state
enter(unsigned may, bool files)
{
    static char folders[2][256];
    snprintf(folders[0], sizeof folders[0], "%s", scratch_path("read"));
    snprintf(folders[1], sizeof folders[1], "%s", scratch_path("write"));
    const char *const read[] = {folders[0], "/nonexistent", NULL};
    const char *const write[] = {folders[1], NULL};
    const struct sandbox s = {.may = may, .files = files, .read = read, .write = write};
    struct sandbox_state had;
    sandbox_enter(&s, &had);
    return had;
}

static void
fill(void)
{
    scratch_setup();
    static const char *const folders[] = {"read", "write", "secret"};
    for (size_t i = 0; i < 3; i++)
        ck_assert_int_eq(mkdir(scratch_path(folders[i]), 0700), 0);
    scratch_write("read/file", "x");
    scratch_write("secret/file", "x");
}

/* What the child says, 0 to 254; 255 when it did not end by itself. */
static int
in_child(int (*work)(size_t), size_t i)
{
    pid_t pid = fork();
    int status = 0;
    if (pid == 0)
        _exit(work(i));
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static int
one_row(size_t i)
{
    enter(rows[i].may, rows[i].files);
    return rows[i].attempt();
}

START_TEST(held_to_what_is_needed)
{
    size_t i = (size_t)_i;
    if (sandbox_sanitized() || (rows[i].files && rows[i].expected == EACCES && !sandbox_landlock()))
        return;
    int rc = in_child(one_row, i);
    ck_assert_msg(rc == rows[i].expected, "%s: %s", rows[i].name, strerror(rc));
}
END_TEST

/* As a kernel without Landlock answers. */
static void
take_landlock_away(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_landlock_create_ruleset, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0)
        _exit(200);
}

static int
old_kernel(size_t i)
{
    (void)i;
    take_landlock_away();
    struct sandbox_state had = enter(0, true);
    const char *said = sandbox_missing(&had, 0);
    if (had.files || had.landlock != 0 || !had.calls || !had.undumpable)
        return 201;
    if (said == NULL || strstr(said, "Landlock") == NULL || sandbox_missing(&had, 1) != NULL)
        return 202;
    if (try_read() != 0)
        return 203;
    return try_exec() == EPERM ? 0 : 204;
}

START_TEST(kernel_without_landlock)
{
    if (sandbox_sanitized())
        return;
    ck_assert_int_eq(in_child(old_kernel, 0), 0);
}
END_TEST

static int
all_had(size_t i)
{
    (void)i;
    struct sandbox_state had = enter(0, true);
    return had.no_new_privileges && had.undumpable && had.no_core && had.calls &&
                   had.files == (had.landlock > 0) &&
                   (had.landlock < 3 || sandbox_missing(&had, 0) == NULL)
               ? 0 : 1;
}

START_TEST(says_what_was_had)
{
    if (sandbox_sanitized())
        return;
    ck_assert_int_eq(in_child(all_had, 0), 0);
}
END_TEST

/* Only what sanitizers can live with. */
static int
with_sanitizers(size_t i)
{
    (void)i;
    struct sandbox_state had = enter(0, true);
    return had.no_new_privileges && had.no_core && !had.calls && !had.files &&
                   sandbox_missing(&had, 0) != NULL && try_read() == 0
               ? 0 : 1;
}

START_TEST(sanitizers_live)
{
    if (sandbox_sanitized())
        ck_assert_int_eq(in_child(with_sanitizers, 0), 0);
}
END_TEST

int
main(void)
{
    TCase *c = tcase_create("sandbox");
    tcase_add_checked_fixture(c, fill, scratch_teardown);
    tcase_add_loop_test(c, held_to_what_is_needed, 0, (int)(sizeof rows / sizeof *rows));
    tcase_add_test(c, kernel_without_landlock);
    tcase_add_test(c, says_what_was_had);
    tcase_add_test(c, sanitizers_live);
    TCase *const cases[] = {c};
    return run_suite("sandbox", cases, 1);
}

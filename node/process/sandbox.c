/* sandbox: one table, process x rights.

   What a call not in the table does: it ends the process (SIGSYS). What is refused softly, with an error, are calls that libraries
   make in passing and take a refusal of. Landlock then says which files the allowed calls reach:

                 files            sockets                         processes, memory
     net         none             TCP over IPv4 and IPv6          threads; no exec, fork, ptrace; no new executable memory
     engine      below DIR only   inherited ones, accept          the same
     key         none             inherited ones                  the same
     web         none             TCP sockets that listen already the same
     live        none             TCP over IPv4 and IPv6          the same
     hook        the folders of   inherited ones                  the same
                 its files only
     resolve     read only        any (names may be asked for     no exec, ptrace
                                  over UDP, TCP or a local one)

   The hook process reads strangers' objects and starts nothing. What it wants started it asks of its launcher (node/hook/launcher.c), which
   was forked before and reads nothing but numbers: of a hook of the operator's file, whose words it has from there. The program itself
   is confined by sandbox_program.c: by name what it may not, because nobody knows what a program of the operator's needs.             */
#define _GNU_SOURCE /* AT_EMPTY_PATH, CLONE_THREAD */
#include "node/process/sandbox.h"

#include "node/process/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define NET_DESCRIPTORS_MAX 4096
#define FILELESS            (N | K | W | L)
#define FOLDERS_MAX         64

enum {
    N = 1 << ROLE_NET,
    E = 1 << ROLE_ENGINE,
    K = 1 << ROLE_KEY,
    W = 1 << ROLE_WEB,
    L = 1 << ROLE_LIVE,
    H = 1 << ROLE_HOOK,
    ALL = N | E | K | W | L | H
};

static const struct right {
    const char *call;
    unsigned roles;
} rights[] = {
    /* descriptors that are there already */
    {"read", ALL},
    {"write", ALL},
    {"readv", ALL},
    {"writev", ALL},
    {"close", ALL},
    {"fstat", ALL},
    {"lseek", ALL},
    {"fcntl", ALL},
    {"dup", ALL},
    {"poll", ALL},
    {"ppoll", ALL},
    {"select", ALL},
    {"pselect6", ALL},
    {"epoll_create1", ALL},
    {"epoll_create", ALL},
    {"epoll_ctl", ALL},
    {"epoll_wait", ALL},
    {"epoll_pwait", ALL},
    {"eventfd2", ALL},
    {"pipe2", ALL},
    {"timerfd_create", ALL},
    {"timerfd_settime", ALL},
    {"sendmsg", ALL},
    {"recvmsg", ALL},
    {"sendto", ALL},
    {"recvfrom", ALL},
    {"shutdown", ALL},
    {"getsockopt", ALL},
    {"setsockopt", ALL},
    {"getsockname", ALL},
    {"getpeername", ALL},
    /* memory, threads, time */
    {"brk", ALL},
    {"munmap", ALL},
    {"mremap", ALL},
    {"madvise", ALL},
    {"mlock", ALL},
    {"mlock2", ALL},
    {"munlock", ALL},
    {"msync", ALL},
    {"mincore", ALL},
    {"futex", ALL},
    {"set_robust_list", ALL},
    {"get_robust_list", ALL},
    {"rseq", ALL},
    {"set_tid_address", ALL},
    {"membarrier", ALL},
    {"sched_yield", ALL},
    {"sched_getaffinity", ALL},
    {"sched_setaffinity", ALL},
    {"sched_getparam", ALL},
    {"sched_getscheduler", ALL},
    {"sched_setscheduler", ALL},
    {"sched_get_priority_max", ALL},
    {"sched_get_priority_min", ALL},
    {"getcpu", ALL},
    {"setpriority", ALL},
    {"getpriority", ALL},
    {"exit", ALL},
    {"exit_group", ALL},
    {"restart_syscall", ALL},
    {"clock_gettime", ALL},
    {"clock_getres", ALL},
    {"clock_nanosleep", ALL},
    {"nanosleep", ALL},
    {"gettimeofday", ALL},
    {"time", ALL},
    {"getrandom", ALL},
    {"getpid", ALL},
    {"getppid", ALL},
    {"gettid", ALL},
    {"getuid", ALL},
    {"geteuid", ALL},
    {"getgid", ALL},
    {"getegid", ALL},
    {"getrusage", ALL},
    {"times", ALL},
    {"sysinfo", ALL},
    {"uname", ALL},
    {"rt_sigaction", ALL},
    {"rt_sigprocmask", ALL},
    {"rt_sigreturn", ALL},
    {"rt_sigtimedwait", ALL},
    {"sigaltstack", ALL},
    {"getrlimit", ALL},
    /* network: the kinds of sockets are told apart below */
    {"connect", N | L},
    {"bind", N | L},
    {"listen", N | L},
    {"accept", N | E | W | L},
    {"accept4", N | E | W | L},
    /* files: landlock says where */
    {"open", E | H},
    {"openat", E | H},
    {"creat", E | H},
    {"stat", E | H},
    {"lstat", E | H},
    {"newfstatat", E | H},
    {"statx", E | H},
    {"access", E | H},
    {"faccessat", E | H},
    {"faccessat2", E | H},
    {"readlink", E},
    {"readlinkat", E},
    {"getcwd", E},
    {"pread64", E | H},
    {"pwrite64", E},
    {"preadv", E},
    {"pwritev", E},
    {"preadv2", E},
    {"pwritev2", E},
    {"fsync", E | H},
    {"fdatasync", E | H},
    {"sync_file_range", E | H},
    {"syncfs", E},
    {"ftruncate", E},
    {"truncate", E},
    {"fallocate", E},
    {"fadvise64", E},
    {"readahead", E},
    {"getdents64", E | H},
    {"getdents", E},
    {"rename", E | H},
    {"renameat", E | H},
    {"renameat2", E | H},
    {"link", E},
    {"linkat", E},
    {"unlink", E | H},
    {"unlinkat", E | H},
    {"mkdir", E | H},
    {"mkdirat", E | H},
    {"rmdir", E},
    {"flock", E},
    {"fchmod", E | H},
    {"chmod", E},
    {"fchmodat", E},
    {"umask", E},
    {"utimensat", E},
    {"futimesat", E},
    {"statfs", E},
    {"fstatfs", E},
    {"copy_file_range", E},
    {"sendfile", E},
    {"dup2", E},
    {"dup3", E},
    {"ioprio_set", E},
    {"ioprio_get", E},
#ifdef __SANITIZE_ADDRESS__
    /* The sanitizers' own, in their builds only. */
    {"process_vm_readv", ALL},
    {"socketpair", ALL},
    {"personality", ALL},
    {"arch_prctl", ALL},
    {"prlimit64", ALL},
#endif
};

/* Refused with an error instead of an end: libraries try them in passing. */
static const struct refusal {
    const char *call;
    unsigned roles;
    int error;
} refusals[] = {
    {"clone3", ALL, ENOSYS}, /* its flags stand in memory, where no filter sees them: the C library falls back to clone */
    {"io_uring_setup", ALL, ENOSYS},  {"open", FILELESS, EACCES},
    {"openat", FILELESS, EACCES},     {"stat", FILELESS, EACCES},
    {"lstat", FILELESS, EACCES},      {"statx", FILELESS, EACCES},
    {"access", FILELESS, EACCES},     {"faccessat", FILELESS, EACCES},
    {"faccessat2", FILELESS, EACCES}, {"readlink", FILELESS, EACCES},
    {"readlinkat", FILELESS, EACCES}, {"unlink", FILELESS, EACCES},
    {"ioctl", ALL, ENOTTY},           {"mbind", ALL, EPERM},
    {"get_mempolicy", ALL, EPERM},
};

/* What the name helper may not: all else is as it was. */
static const char *const resolve_denied[] = {
    "execve",     "execveat",    "ptrace",       "process_vm_readv", "process_vm_writev", "fork", "vfork", "bpf", "mount",
    "kexec_load", "init_module", "finit_module", "listen",           "unshare",           "setns"};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* A name that this architecture does not have cannot be called there. */
static bool rule_add(scmp_filter_ctx filter, uint32_t action, const char *call, unsigned count, struct scmp_arg_cmp first,
                     struct scmp_arg_cmp second) {
    int number = seccomp_syscall_resolve_name(call);
    if (number == __NR_SCMP_ERROR || number < 0) return true;
    const struct scmp_arg_cmp comparisons[] = {first, second};
    return seccomp_rule_add_array(filter, action, number, count, comparisons) == 0;
}

static bool rule_plain(scmp_filter_ctx filter, uint32_t action, const char *call) {
    struct scmp_arg_cmp none = {0};
    return rule_add(filter, action, call, 0, none, none);
}

static bool rule_one(scmp_filter_ctx filter, uint32_t action, const char *call, struct scmp_arg_cmp only) {
    return rule_add(filter, action, call, 1, only, only);
}

/* Rules that look at arguments. */
static bool rules_compared(scmp_filter_ctx filter, enum role role) {
    const scmp_datum_t thread = CLONE_THREAD | CLONE_VM | CLONE_SIGHAND;
    bool good = rule_one(filter, SCMP_ACT_ALLOW, "clone", SCMP_A0(SCMP_CMP_MASKED_EQ, thread, thread));
    /* Nothing becomes executable that was not when the program was loaded. */
    good = good && rule_one(filter, SCMP_ACT_ALLOW, "mmap", SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    good = good && rule_one(filter, SCMP_ACT_ALLOW, "mprotect", SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    good = good && rule_one(filter, SCMP_ACT_ALLOW, "prctl", SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME));
    good = good && rule_one(filter, SCMP_ACT_ALLOW, "prctl", SCMP_A0(SCMP_CMP_EQ, PR_SET_VMA));
    /* Signals to oneself only: abort() after a failed assertion. */
    scmp_datum_t self = (scmp_datum_t)getpid();
    good = good && rule_one(filter, SCMP_ACT_ALLOW, "tgkill", SCMP_A0(SCMP_CMP_EQ, self));
    good = good && rule_one(filter, SCMP_ACT_ALLOW, "kill", SCMP_A0(SCMP_CMP_EQ, self));
#ifndef __SANITIZE_ADDRESS__
    good = good && rule_one(filter, SCMP_ACT_ALLOW, "prlimit64", SCMP_A2(SCMP_CMP_EQ, 0));
#endif
    if (role != ROLE_ENGINE && role != ROLE_HOOK) {
        /* By descriptor yes, by name no. */
        good = good && rule_one(filter, SCMP_ACT_ALLOW, "newfstatat", SCMP_A3(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH));
        good = good && rule_one(filter, SCMP_ACT_ERRNO(EACCES), "newfstatat", SCMP_A3(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, 0));
    }
    if (role == ROLE_NET || role == ROLE_LIVE) {
        good = good && rule_one(filter, SCMP_ACT_ALLOW, "socket", SCMP_A0(SCMP_CMP_EQ, AF_INET));
        good = good && rule_one(filter, SCMP_ACT_ALLOW, "socket", SCMP_A0(SCMP_CMP_EQ, AF_INET6));
        /* libzmq asks for the list of interfaces before it takes an address as such, and takes this error for "there is no list". */
        good = good && rule_one(filter, SCMP_ACT_ERRNO(EINVAL), "socket", SCMP_A0(SCMP_CMP_EQ, AF_NETLINK));
    }
    return good;
}

static bool rules_role(scmp_filter_ctx filter, enum role role) {
    unsigned bit = 1u << role;
    bool good = true;
    for (size_t i = 0; i < COUNT(rights); i++) {
        if ((rights[i].roles & bit) != 0) good = good && rule_plain(filter, SCMP_ACT_ALLOW, rights[i].call);
    }
    for (size_t i = 0; i < COUNT(refusals); i++) {
        if ((refusals[i].roles & bit) == 0) continue;
        good = good && rule_plain(filter, SCMP_ACT_ERRNO((uint32_t)refusals[i].error), refusals[i].call);
    }
    return good && rules_compared(filter, role);
}

static bool rules_resolve(scmp_filter_ctx filter) {
    bool good = true;
    for (size_t i = 0; i < COUNT(resolve_denied); i++) good = good && rule_plain(filter, SCMP_ACT_KILL_PROCESS, resolve_denied[i]);
    return good;
}

static bool calls_restrict(enum role role) {
    scmp_filter_ctx filter = seccomp_init(role == ROLE_RESOLVE ? SCMP_ACT_ALLOW : SCMP_ACT_KILL_PROCESS);
    if (filter == NULL) return false;
    bool good = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0;
    /* A binary tree instead of a list: reads and writes are a hundred thousand a second. */
    good = good && seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2) == 0;
    good = good && (role == ROLE_RESOLVE ? rules_resolve(filter) : rules_role(filter, role));
    good = good && seccomp_load(filter) == 0;
    seccomp_release(filter);
    return good;
}

static void limits_set(enum role role) {
    struct rlimit none = {0, 0}, descriptors;
    setrlimit(RLIMIT_CORE, &none);
    if ((role == ROLE_NET || role == ROLE_WEB || role == ROLE_LIVE) && getrlimit(RLIMIT_NOFILE, &descriptors) == 0) {
        if (descriptors.rlim_max > NET_DESCRIPTORS_MAX) descriptors.rlim_max = NET_DESCRIPTORS_MAX;
        descriptors.rlim_cur = descriptors.rlim_max;
        setrlimit(RLIMIT_NOFILE, &descriptors);
    }
}

#ifdef __SANITIZE_ADDRESS__
static bool sandbox_entered;

/* The leak checker's hook: it would trace the process from outside, which no sandboxed process may. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void) { return sandbox_entered; }
#endif

enum err sandbox_enter(enum role role, const char *dir, char why[static 256]) {
    return sandbox_enter_folders(role, &dir, dir != NULL ? 1 : 0, why);
}

enum err sandbox_enter_folders(enum role role, const char *const *folders, size_t count, char why[static 256]) {
    struct landlock_path paths[FOLDERS_MAX];
    const char *failed;
    if (count > FOLDERS_MAX) return ERR_TOO_BIG;
    for (size_t i = 0; i < count; i++)
        paths[i] = (struct landlock_path){folders[i], LANDLOCK_READ | LANDLOCK_WRITE, role == ROLE_HOOK};
    limits_set(role);
    if (prctl(PR_SET_DUMPABLE, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        snprintf(why, 256, "prctl: %s", strerror(errno));
        return ERR_IO;
    }
    struct landlock_wish wish = {.paths = paths,
                                 .count = role == ROLE_ENGINE || role == ROLE_HOOK ? count : 0,
                                 .read_anywhere = role == ROLE_RESOLVE,
                                 .tcp_denied = role == ROLE_ENGINE || role == ROLE_KEY || role == ROLE_WEB || role == ROLE_HOOK};
    if (landlock_enter(&wish, &failed) != OK) {
        snprintf(why, 256, "landlock: %s%s%.150s", strerror(errno), failed != NULL ? ": " : "", failed != NULL ? failed : "");
        return ERR_IO;
    }
    if (!calls_restrict(role)) {
        snprintf(why, 256, "seccomp: the kernel or libseccomp refused the rules");
        return ERR_IO;
    }
#ifdef __SANITIZE_ADDRESS__
    sandbox_entered = true;
#endif
    return OK;
}

int sandbox_landlock_abi(void) { return landlock_abi(); }

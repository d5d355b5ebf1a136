/* sandbox_program: what a program may do that the node starts for its operator. */
#define _GNU_SOURCE /* CLONE_NEWNS and others */
#include "node/process/sandbox_program.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define DESCRIPTORS_MAX 256
#define FILE_BYTES_MAX  (UINT64_C(4) << 30)
#define FAMILIES        64 /* of sockets; those beyond are refused as well */
#define COUNT(array)    (sizeof(array) / sizeof(array)[0])

/* Reaching into other processes, into the kernel, out of the folders, and out of the group of processes that is ended with the program. */
static const char *const denied[] = {"ptrace",
                                     "process_vm_readv",
                                     "process_vm_writev",
                                     "kcmp",
                                     "pidfd_getfd",
                                     "bpf",
                                     "perf_event_open",
                                     "userfaultfd",
                                     "keyctl",
                                     "add_key",
                                     "request_key",
                                     "mount",
                                     "umount2",
                                     "move_mount",
                                     "open_tree",
                                     "fsopen",
                                     "fsmount",
                                     "mount_setattr",
                                     "pivot_root",
                                     "chroot",
                                     "unshare",
                                     "kexec_load",
                                     "kexec_file_load",
                                     "init_module",
                                     "finit_module",
                                     "delete_module",
                                     "open_by_handle_at",
                                     "name_to_handle_at",
                                     "reboot",
                                     "swapon",
                                     "swapoff",
                                     "acct",
                                     "quotactl",
                                     "settimeofday",
                                     "clock_settime",
                                     "adjtimex",
                                     "clock_adjtime",
                                     "setsid",
                                     "setpgid"};
/* Their arguments stand in memory, where no filter sees them: the C library does without. */
static const char *const missing[] = {"clone3", "io_uring_setup"};

static const uint64_t namespaces[] = {CLONE_NEWNS,  CLONE_NEWUSER, CLONE_NEWPID,   CLONE_NEWNET,
                                      CLONE_NEWIPC, CLONE_NEWUTS,  CLONE_NEWCGROUP};

static bool rule(scmp_filter_ctx filter, int error, const char *call, unsigned count, struct scmp_arg_cmp only) {
    int number = seccomp_syscall_resolve_name(call);
    if (number == __NR_SCMP_ERROR || number < 0) return true; /* not on this architecture, or newer than the library */
    return seccomp_rule_add_array(filter, SCMP_ACT_ERRNO((uint32_t)error), number, count, &only) == 0;
}

static bool family_allowed(int family, bool network) {
    return family == AF_NETLINK || (network && (family == AF_UNIX || family == AF_INET || family == AF_INET6));
}

static bool rules(scmp_filter_ctx filter, bool network) {
    struct scmp_arg_cmp none = {0};
    bool good = true;
    for (size_t i = 0; i < COUNT(denied); i++) good = good && rule(filter, EPERM, denied[i], 0, none);
    for (size_t i = 0; i < COUNT(missing); i++) good = good && rule(filter, ENOSYS, missing[i], 0, none);
    for (size_t i = 0; i < COUNT(namespaces); i++)
        good = good && rule(filter, EPERM, "clone", 1, SCMP_A0(SCMP_CMP_MASKED_EQ, namespaces[i], namespaces[i]));
    /* Another network namespace may be entered by who has the right to: a firewall's rules may be meant for one. */
    good = good && rule(filter, EPERM, "setns", 1, SCMP_A1(SCMP_CMP_NE, CLONE_NEWNET));
    for (int family = 0; family < FAMILIES; family++)
        if (!family_allowed(family, network))
            good = good && rule(filter, EAFNOSUPPORT, "socket", 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)family));
    return good && rule(filter, EAFNOSUPPORT, "socket", 1, SCMP_A0(SCMP_CMP_GE, FAMILIES));
}

static bool calls_restrict(bool network) {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (filter == NULL) return false;
    bool good = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0;
    good = good && rules(filter, network) && seccomp_load(filter) == 0;
    seccomp_release(filter);
    return good;
}

static void limit(int resource, uint64_t most) {
    struct rlimit now;
    if (getrlimit((__rlimit_resource_t)resource, &now) != 0) return;
    if (now.rlim_max == RLIM_INFINITY || now.rlim_max > most) now.rlim_max = most;
    now.rlim_cur = now.rlim_max;
    setrlimit((__rlimit_resource_t)resource, &now);
}

enum err sandbox_program_enter(const struct sandbox_program *wish, char why[static 256]) {
    const char *failed;
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_NOFILE, DESCRIPTORS_MAX);
    limit(RLIMIT_FSIZE, FILE_BYTES_MAX);
    if (wish->cpu_seconds > 0) limit(RLIMIT_CPU, wish->cpu_seconds);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        snprintf(why, 256, "prctl: %s", strerror(errno));
        return ERR_IO;
    }
    struct landlock_wish files = {.paths = wish->paths, .count = wish->count, .tcp_denied = !wish->network};
    if (landlock_enter(&files, &failed) != OK) {
        snprintf(why, 256, "%.180s: %s", failed != NULL ? failed : "landlock", strerror(errno));
        return ERR_IO;
    }
    if (!calls_restrict(wish->network)) {
        snprintf(why, 256, "seccomp: the kernel or libseccomp refused the rules");
        return ERR_IO;
    }
    return OK;
}

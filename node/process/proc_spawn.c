/* proc_spawn: fork and exec of ourselves as a role, with nothing inherited that it does not need. */
#define _GNU_SOURCE /* close_range */
#include "node/process/proc_spawn.h"

#include "node/process/clock.h"
#include "node/process/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define ARGUMENTS_MAX     32
#define ENVIRONMENT_BYTES 1024
#define SEND_BUFFER_BYTES (1024 * 1024) /* asked for; the kernel gives what net.core.wmem_max allows */

/* All that a role's environment may hold; the sanitizers' settings matter only to builds that have them. */
static const char *const environment_kept[] = {CLOCK_OFFSET_VARIABLE, LOG_FORMAT_VARIABLE, "JOURNAL_STREAM",
                                               "ASAN_OPTIONS",        "UBSAN_OPTIONS",     "LSAN_OPTIONS"};
#define ENVIRONMENT_KEPT (sizeof environment_kept / sizeof environment_kept[0])

enum err proc_pair(int fds[static 2]) {
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) return ERR_IO;
    int bytes = SEND_BUFFER_BYTES;
    for (int i = 0; i < 2; i++) setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    return OK;
}

static void signals_reset(void) {
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    struct sigaction action = {.sa_handler = SIG_DFL};
    for (int number = 1; number < SIGRTMIN; number++) {
        if (number != SIGKILL && number != SIGSTOP) sigaction(number, &action, NULL);
    }
    /* A terminal's Ctrl-C and systemd's stop reach every process; only the parent knows the order in which to stop. */
    action.sa_handler = SIG_IGN;
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++) sigaction(ignored[i], &action, NULL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static void descriptors_reset(int parent_fd) {
    /* Out of the way of 0 to 3 first: the parent may itself run without a standard input. */
    int channel = fcntl(parent_fd, F_DUPFD, PROC_PARENT_FD + 1);
    int null = open("/dev/null", O_RDWR);
    if (channel < 0 || null < 0) _exit(126);
    if (dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0) _exit(126);
    if (fcntl(STDERR_FILENO, F_GETFD) < 0 && dup2(null, STDERR_FILENO) < 0) _exit(126);
    if (dup2(channel, PROC_PARENT_FD) < 0 || close_range(PROC_PARENT_FD + 1, ~0u, 0) != 0) _exit(126);
}

static void child_exec(const struct proc_options *options, enum role role, int parent_fd, pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(0);
    signals_reset();
    descriptors_reset(parent_fd);

    static char program[] = "comity", flag[] = "--role";
    char name[16], values[ENVIRONMENT_KEPT][ENVIRONMENT_BYTES];
    snprintf(name, sizeof name, "%s", role_name(role));
    char *arguments[ARGUMENTS_MAX + 4] = {program}, *environment[ENVIRONMENT_KEPT + 1] = {NULL};
    size_t count = 1, kept = 0;
    for (size_t i = 0; options->exec_args != NULL && options->exec_args[i] != NULL && i < ARGUMENTS_MAX; i++) {
        memcpy(&arguments[count++], &options->exec_args[i], sizeof(char *));
    }
    arguments[count++] = flag;
    arguments[count] = name;
    for (size_t i = 0; i < ENVIRONMENT_KEPT; i++) {
        const char *value = getenv(environment_kept[i]);
        if (value == NULL) continue;
        int length = snprintf(values[kept], ENVIRONMENT_BYTES, "%s=%s", environment_kept[i], value);
        if (length > 0 && length < ENVIRONMENT_BYTES) {
            environment[kept] = values[kept];
            kept++;
        }
    }
    execve(options->exec_path != NULL ? options->exec_path : "/proc/self/exe", arguments, environment);
    _exit(127);
}

enum err proc_spawn(const struct proc_options *options, enum role role, struct channel *channel, pid_t *pid) {
    int fds[2];
    if (proc_pair(fds) != OK) {
        log_warn("cannot make a socket pair for %s: %s", role_name(role), strerror(errno));
        return ERR_IO;
    }
    pid_t parent = getpid();
    *pid = fork();
    if (*pid == 0) child_exec(options, role, fds[1], parent);
    close(fds[1]);
    if (*pid < 0) {
        log_warn("cannot start %s: %s", role_name(role), strerror(errno));
        close(fds[0]);
        return ERR_IO;
    }
    channel_init(channel, fds[0]);
    return OK;
}

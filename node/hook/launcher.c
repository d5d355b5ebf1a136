#define _GNU_SOURCE /* close_range, SOCK_CLOEXEC */
#include "node/hook/launcher.h"

#include "node/hook/program.h"
#include "node/process/clock.h"
#include "node/process/log.h"
#include "node/process/sandbox_program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define QUESTION_BYTES    8
#define FDS               3 /* that come with a question: in, out, result */
#define ENVIRONMENT_BYTES 1100
#define NOT_STARTED       126 /* exit code of what never became the program; so in shells */

struct run {
    pid_t pid; /* 0: free; its group of processes has the same number */
    int result_fd;
    uint64_t due_ms;
    bool late;
};

struct launcher {
    const struct hook_file *hooks;
    int fd, signal_fd;
    struct run runs[HOOKS_MAX];
};

/* --- the program's side, between fork and exec --- */

__attribute__((noreturn)) static void give_up(const char *what, const char *why) {
    dprintf(STDERR_FILENO, "not started: %s%s%s\n", what, why[0] ? ": " : "", why);
    _exit(NOT_STARTED);
}

static void signals_reset(void) {
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigset_t none;
    for (int number = 1; number < SIGRTMIN; number++)
        if (number != SIGKILL && number != SIGSTOP) sigaction(number, &action, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Descriptors 0 to 2 are what came with the question, whatever their numbers were; nothing else stays open. */
static void descriptors_set(const int *fds) {
    int in = fcntl(fds[0], F_DUPFD, 10), out = fcntl(fds[1], F_DUPFD, 10);
    if (in < 0 || out < 0 || dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(out, STDERR_FILENO) < 0)
        _exit(NOT_STARTED);
    if (close_range(STDERR_FILENO + 1, ~0u, 0) != 0) _exit(NOT_STARTED);
}

__attribute__((noreturn)) static void program_exec(const struct hook *hook, unsigned attempt, const int *fds) {
    static struct program_paths paths;
    static char texts[3][ENVIRONMENT_BYTES], path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                                             language[] = "LANG=C.UTF-8";
    char why[256] = "", *environment[6] = {path, language, texts[0], texts[1], hook->file ? texts[2] : NULL, NULL};
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* with the launcher */
    descriptors_set(fds);
    signals_reset();
    if (chdir("/") != 0) give_up("/", strerror(errno));
    if (program_paths(&paths, hook, why) != OK) give_up(why, "");
    struct sandbox_program wish = {
        .paths = paths.paths, .count = paths.count, .network = hook->network, .cpu_seconds = hook->limit_ms / 1000 + 1};
    if (sandbox_program_enter(&wish, why) != OK) give_up(why, "");
    snprintf(texts[0], sizeof texts[0], "COMITY_HOOK=%s", hook->name);
    snprintf(texts[1], sizeof texts[1], "COMITY_ATTEMPT=%u", attempt);
    snprintf(texts[2], sizeof texts[2], "COMITY_FILE=%s", hook->file ? hook->file : "");
    execve(hook->command.words[0], hook->command.words, environment);
    give_up(hook->command.words[0], strerror(errno));
}

/* --- the launcher's side --- */

static void result_send(int fd, enum launch_end end, int status) {
    struct buf bytes = {0};
    buf_put_u32(&bytes, end);
    buf_put_u32(&bytes, (uint32_t)status);
    /* Whoever asked may be gone. */
    ssize_t ignored = bytes.failed ? 0 : write(fd, bytes.data, bytes.size);
    (void)ignored;
    buf_free(&bytes);
}

static struct run *run_free(struct launcher *launcher) {
    for (size_t i = 0; i < HOOKS_MAX; i++)
        if (launcher->runs[i].pid == 0) return &launcher->runs[i];
    return NULL;
}

/* Keeps the descriptor for the result when it was started. */
static bool run_start(struct launcher *launcher, struct bytes question, const int *fds) {
    struct cursor in = cursor_of(question);
    uint32_t index = cursor_u32(&in), attempt = cursor_u32(&in);
    struct run *run = run_free(launcher);
    if (!cursor_done(&in) || index >= launcher->hooks->count || launcher->hooks->hooks[index].command.count == 0 || !run)
        return false;
    const struct hook *hook = &launcher->hooks->hooks[index];
    pid_t pid = fork();
    if (pid == 0) program_exec(hook, attempt, fds);
    if (pid < 0) return false;
    *run = (struct run){.pid = pid, .result_fd = fds[2], .due_ms = clock_monotonic_ms() + hook->limit_ms};
    return true;
}

/* False: the hook process is gone. */
static bool question_read(struct launcher *launcher) {
    uint8_t bytes[QUESTION_BYTES + 1];
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(FDS * sizeof(int))];
    } control;
    struct iovec part = {bytes, sizeof bytes};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    int fds[FDS];
    ssize_t size = recvmsg(launcher->fd, &message, MSG_CMSG_CLOEXEC);
    if (size < 0) return errno == EINTR || errno == EAGAIN;
    if (size == 0) return false;
    const struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    if (!head || head->cmsg_type != SCM_RIGHTS || head->cmsg_len != CMSG_LEN(sizeof fds)) return false;
    memcpy(fds, CMSG_DATA(head), sizeof fds);
    bool started = run_start(launcher, bytes_of(bytes, (size_t)size), fds);
    if (!started) result_send(fds[2], LAUNCH_FAILED, 0);
    close(fds[0]);
    close(fds[1]);
    if (!started) close(fds[2]);
    return true;
}

static void ended_collect(struct launcher *launcher) {
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (size_t i = 0; i < HOOKS_MAX; i++) {
            struct run *run = &launcher->runs[i];
            if (run->pid != pid) continue;
            kill(-pid, SIGKILL); /* what it started and left behind */
            result_send(run->result_fd, run->late ? LAUNCH_TIME : LAUNCH_ENDED, status);
            close(run->result_fd);
            *run = (struct run){0};
        }
    }
}

static int late_end(struct launcher *launcher) {
    uint64_t now_ms = clock_monotonic_ms(), wait_ms = 60000;
    for (size_t i = 0; i < HOOKS_MAX; i++) {
        struct run *run = &launcher->runs[i];
        if (run->pid == 0) continue;
        if (now_ms >= run->due_ms) {
            run->late = true;
            kill(-run->pid, SIGKILL);
            kill(run->pid, SIGKILL); /* not yet a group of its own */
            run->due_ms = now_ms + 1000;
        }
        if (run->due_ms - now_ms < wait_ms) wait_ms = run->due_ms - now_ms;
    }
    return (int)wait_ms;
}

__attribute__((noreturn)) static void launcher_run(struct launcher *launcher) {
    sigset_t wanted;
    struct rlimit none = {0, 0};
    bool open = true;
    prctl(PR_SET_NAME, "comity-launch");
    prctl(PR_SET_DUMPABLE, 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    setrlimit(RLIMIT_CORE, &none);
    signal(SIGCHLD, SIG_DFL);
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGCHLD);
    sigprocmask(SIG_BLOCK, &wanted, NULL);
    launcher->signal_fd = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
    if (launcher->signal_fd < 0) _exit(1);
    while (open) {
        struct signalfd_siginfo ignored;
        struct pollfd fds[] = {{.fd = launcher->fd, .events = POLLIN}, {.fd = launcher->signal_fd, .events = POLLIN}};
        poll(fds, 2, late_end(launcher));
        while (read(launcher->signal_fd, &ignored, sizeof ignored) > 0) continue;
        ended_collect(launcher);
        if (fds[0].revents != 0) open = question_read(launcher);
    }
    for (size_t i = 0; i < HOOKS_MAX; i++)
        if (launcher->runs[i].pid != 0) kill(-launcher->runs[i].pid, SIGKILL);
    _exit(0);
}

/* --- the hook process's side --- */

enum err launcher_open(const struct hook_file *hooks, int *fd) {
    static struct launcher launcher;
    int fds[2];
    /* Whole questions: threads may ask at the same time. */
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) return ERR_IO;
    pid_t pid = fork();
    if (pid < 0) {
        close(fds[0]);
        close(fds[1]);
        return ERR_IO;
    }
    if (pid == 0) {
        launcher = (struct launcher){.hooks = hooks, .fd = fcntl(fds[1], F_DUPFD_CLOEXEC, 10)};
        if (launcher.fd < 0) _exit(1);
        /* Standard error stays, for the log; the channel to the parent and all else goes. */
        close_range(STDERR_FILENO + 1, (unsigned)launcher.fd - 1, 0);
        close_range((unsigned)launcher.fd + 1, ~0u, 0);
        launcher_run(&launcher);
    }
    close(fds[1]);
    *fd = fds[0];
    return OK;
}

enum err launcher_start(int fd, size_t index, unsigned attempt, int in, int out, int result) {
    uint8_t bytes[QUESTION_BYTES];
    struct buf question = {0};
    int fds[FDS] = {in, out, result};
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof fds)];
    } control = {0};
    buf_put_u32(&question, (uint32_t)index);
    buf_put_u32(&question, attempt);
    if (question.failed) return ERR_MEMORY;
    memcpy(bytes, question.data, sizeof bytes);
    buf_free(&question);
    struct iovec part = {bytes, sizeof bytes};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    control.head.cmsg_level = SOL_SOCKET;
    control.head.cmsg_type = SCM_RIGHTS;
    control.head.cmsg_len = CMSG_LEN(sizeof fds);
    memcpy(CMSG_DATA(&control.head), fds, sizeof fds);
    for (;;) {
        ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL);
        if (sent == (ssize_t)sizeof bytes) return OK;
        if (sent >= 0 || errno != EINTR) return ERR_IO;
    }
}

bool launcher_result(struct launch_result *out, struct bytes in) {
    struct cursor cursor = cursor_of(in);
    uint32_t end = cursor_u32(&cursor);
    out->status = (int)cursor_u32(&cursor);
    out->end = (enum launch_end)end;
    return cursor_done(&cursor) && end <= LAUNCH_FAILED;
}

/* The sandbox: each role tries in a process of its own what it may not, and what it must be able to do. */
#define _GNU_SOURCE
#include "node/process/sandbox.h"
#include "node/process/sandbox_program.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define EXIT_DONE    0  /* the thing could be done */
#define EXIT_REFUSED 40 /* it was refused with an error */
#define KILLED       -1

static char dir[64];

typedef bool try_function(void);

static char path_buffer[128];
static const char *inside(const char *name) {
    snprintf(path_buffer, sizeof path_buffer, "%s/%s", dir, name);
    return path_buffer;
}

/* What becomes of the attempt when the role makes it. */
static int outcome(enum role role, try_function *attempt) {
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        char why[256];
        if (sandbox_enter(role, dir, why) != OK) _exit(99);
        _exit(attempt() ? EXIT_DONE : EXIT_REFUSED);
    }
    int status;
    waitpid(pid, &status, 0);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) return KILLED;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}

static bool try_socket_tcp(void) { return socket(AF_INET, SOCK_STREAM, 0) >= 0; }
static bool try_socket_tcp6(void) { return socket(AF_INET6, SOCK_STREAM, 0) >= 0; }
static bool try_socket_unix(void) { return socket(AF_UNIX, SOCK_STREAM, 0) >= 0; }
static bool try_socket_packet(void) { return socket(AF_PACKET, SOCK_RAW, 0) >= 0; }
static bool try_socket_netlink(void) { return socket(AF_NETLINK, SOCK_RAW, 0) >= 0; }

static int made_before = -1; /* a TCP socket from before the sandbox */

static bool try_connect(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(1), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return connect(made_before, (const struct sockaddr *)&address, sizeof address) == 0 || errno == ECONNREFUSED;
}

static bool try_bind(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return bind(made_before, (const struct sockaddr *)&address, sizeof address) == 0;
}

static bool try_read_outside(void) { return open("/etc/passwd", O_RDONLY) >= 0; }
static bool try_read_outside_raw(void) { return syscall(SYS_openat2, AT_FDCWD, "/etc/passwd", NULL, 0) >= 0; }
static bool try_write_outside(void) { return open("/tmp/comity_sandbox_outside", O_WRONLY | O_CREAT, 0600) >= 0; }
static bool try_list_outside(void) { return open("/", O_RDONLY | O_DIRECTORY) >= 0; }
static bool try_mkdir_outside(void) { return mkdir("/tmp/comity_sandbox_outside_dir", 0700) == 0; }
static bool try_rename_outside(void) { return rename(inside("kept"), "/tmp/comity_sandbox_moved") == 0; }
static bool try_read_inside(void) { return open(inside("kept"), O_RDONLY) >= 0; }

static bool try_exec(void) {
    char *arguments[] = {NULL};
    execve("/bin/true", arguments, arguments);
    return false;
}

static bool try_fork(void) { return fork() >= 0; }
static bool try_vfork_raw(void) { return syscall(SYS_fork) >= 0; }
static bool try_ptrace(void) { return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0; }
static bool try_kill_parent(void) { return kill(getppid(), 0) == 0; }
static bool try_executable_memory(void) {
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}
static bool try_bpf(void) { return syscall(SYS_bpf, 0, NULL, 0) >= 0; }
static bool try_setuid(void) { return setuid(65534) == 0; }
static bool try_mount(void) { return syscall(SYS_mount, "none", "/mnt", "tmpfs", 0, NULL) == 0; }
static bool try_keyctl(void) { return syscall(SYS_keyctl, 0, 0, 0, 0, 0) >= 0; }
static bool try_io_uring(void) { return syscall(SYS_io_uring_setup, 1, NULL) >= 0; }

static void *thread_main(void *argument) {
    *(int *)argument = 1;
    return NULL;
}

static bool try_everyday(void) {
    uint8_t random[16];
    int ran = 0;
    pthread_t thread;
    if (pthread_create(&thread, NULL, thread_main, &ran) != 0 || pthread_join(thread, NULL) != 0 || ran != 1) return false;
    randombytes_buf(random, sizeof random);
    void *guarded = sodium_malloc(32);
    if (guarded == NULL) return false;
    sodium_free(guarded);
    int event = eventfd(0, EFD_CLOEXEC), poll_fd = epoll_create1(0);
    if (event < 0 || poll_fd < 0) return false;
    void *large = malloc(64 * 1024 * 1024);
    if (large == NULL) return false;
    memset(large, 1, 64 * 1024 * 1024);
    free(large);
    return getrandom(random, sizeof random, 0) == (ssize_t)sizeof random && write(STDERR_FILENO, "", 0) == 0;
}

static bool try_store(void) {
    if (mkdir(inside("sub"), 0700) != 0) return false;
    int fd = open(inside("sub/file"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || flock(fd, LOCK_EX) != 0 || ftruncate(fd, 8192) != 0 || posix_fallocate(fd, 0, 8192) != 0) return false;
    if (pwrite(fd, "x", 1, 0) != 1 || fsync(fd) != 0 || fdatasync(fd) != 0 || posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) != 0)
        return false;
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (sync_file_range(fd, 0, 4096, SYNC_FILE_RANGE_WRITE) != 0 || fcntl(fd, F_SETLK, &lock) != 0 || close(fd) != 0) return false;
    char old_name[128];
    snprintf(old_name, sizeof old_name, "%s", inside("sub/file"));
    if (rename(old_name, inside("sub/renamed")) != 0) return false;
    snprintf(old_name, sizeof old_name, "%s", inside("sub/renamed"));
    if (link(old_name, inside("linked")) != 0) return false; /* across folders */
    struct stat facts;
    if (stat(inside("linked"), &facts) != 0 || unlink(inside("linked")) != 0 || unlink(inside("sub/renamed")) != 0) return false;
    int folder = open(inside("sub"), O_RDONLY | O_DIRECTORY);
    return folder >= 0 && fsync(folder) == 0 && rmdir(inside("sub")) == 0;
}

static bool try_network(void) {
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0) return false;
    if (bind(fd, (const struct sockaddr *)&address, size) != 0 || listen(fd, 1) != 0) return false;
    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0) return false;
    int other = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(other, (const struct sockaddr *)&address, size) != 0) return false;
    return accept4(fd, NULL, NULL, SOCK_CLOEXEC) >= 0;
}

enum wanted { DONE, DENIED, SOFT, DEATH }; /* DENIED: with an error or by the end of the process, both close the way */

static void check(enum role role, const char *what, try_function *attempt, enum wanted wanted) {
    int got = outcome(role, attempt);
    bool good = false;
    switch (wanted) {
    case DONE: good = got == EXIT_DONE; break;
    case DENIED: good = got == KILLED || got == EXIT_REFUSED; break;
    case SOFT: good = got == EXIT_REFUSED; break;
    case DEATH: good = got == KILLED; break;
    }
    if (!good) fail_msg("%s: %s: outcome %d", role_name(role), what, got);
}

/* The table of the sandbox, tried row by row. Where landlock is missing, files of the engine are not restricted: said, not failed. */
static void test_table(void **state) {
    (void)state;
    enum wanted engine_files = sandbox_landlock_abi() > 0 ? SOFT : DONE;
    if (sandbox_landlock_abi() == 0) print_message("no landlock in this kernel: the engine's files are not restricted\n");
    const struct {
        const char *what;
        try_function *attempt;
        enum wanted net, engine, key;
    } rows[] = {
        {"TCP socket", try_socket_tcp, DONE, DEATH, DEATH},
        {"TCP socket over IPv6", try_socket_tcp6, DONE, DEATH, DEATH},
        {"local socket", try_socket_unix, DEATH, DEATH, DEATH},
        {"packet socket", try_socket_packet, DEATH, DEATH, DEATH},
        {"netlink socket", try_socket_netlink, SOFT, DEATH, DEATH},
        {"connect", try_connect, DONE, DEATH, DEATH},
        {"bind", try_bind, DONE, DEATH, DEATH},
        {"read a file elsewhere", try_read_outside, SOFT, engine_files, SOFT},
        {"read with openat2", try_read_outside_raw, DEATH, DEATH, DEATH},
        {"write a file elsewhere", try_write_outside, SOFT, engine_files, SOFT},
        {"list the root", try_list_outside, SOFT, engine_files, SOFT},
        {"make a folder elsewhere", try_mkdir_outside, DENIED, engine_files, DENIED},
        {"move a file out", try_rename_outside, DENIED, engine_files, DENIED},
        {"read a file of the node", try_read_inside, SOFT, DONE, SOFT},
        {"exec", try_exec, DEATH, DEATH, DEATH},
        {"fork", try_fork, DEATH, DEATH, DEATH},
        {"fork, the old call", try_vfork_raw, DEATH, DEATH, DEATH},
        {"ptrace", try_ptrace, DEATH, DEATH, DEATH},
        {"signal the parent", try_kill_parent, DEATH, DEATH, DEATH},
        {"executable memory", try_executable_memory, DEATH, DEATH, DEATH},
        {"bpf", try_bpf, DEATH, DEATH, DEATH},
        {"setuid", try_setuid, DEATH, DEATH, DEATH},
        {"mount", try_mount, DEATH, DEATH, DEATH},
        {"keyctl", try_keyctl, DEATH, DEATH, DEATH},
        {"io_uring", try_io_uring, SOFT, SOFT, SOFT},
        {"threads, memory, random numbers", try_everyday, DONE, DONE, DONE},
        {"what a store does", try_store, DENIED, DONE, DENIED},
        {"listen and accept", try_network, DONE, DEATH, DEATH},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        check(ROLE_NET, rows[i].what, rows[i].attempt, rows[i].net);
        check(ROLE_ENGINE, rows[i].what, rows[i].attempt, rows[i].engine);
        check(ROLE_KEY, rows[i].what, rows[i].attempt, rows[i].key);
        /* A door of the same kind; the one socket that was made before is bound by now. */
        if (rows[i].attempt != try_bind) check(ROLE_LIVE, rows[i].what, rows[i].attempt, rows[i].net);
    }
}

static bool try_everything_written(void) {
    int fd = open(inside("hooked"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    return fd >= 0 && write(fd, "x", 1) == 1 && fchmod(fd, 0644) == 0 && fsync(fd) == 0 && unlink(inside("hooked")) == 0;
}

/* The hook process writes into its folders, and neither starts programs nor talks to anybody: its launcher does, which is none of it. */
static void test_hook(void **state) {
    (void)state;
    enum wanted elsewhere = sandbox_landlock_abi() > 0 ? SOFT : DONE;
    check(ROLE_HOOK, "write into its folder", try_everything_written, DONE);
    check(ROLE_HOOK, "read in its folder", try_read_inside, DONE);
    check(ROLE_HOOK, "read a file elsewhere", try_read_outside, elsewhere);
    check(ROLE_HOOK, "write a file elsewhere", try_write_outside, elsewhere);
    check(ROLE_HOOK, "threads, memory, random numbers", try_everyday, DONE);
    check(ROLE_HOOK, "exec", try_exec, DEATH);
    check(ROLE_HOOK, "fork", try_fork, DEATH);
    check(ROLE_HOOK, "fork, the old call", try_vfork_raw, DEATH);
    check(ROLE_HOOK, "TCP socket", try_socket_tcp, DEATH);
    check(ROLE_HOOK, "local socket", try_socket_unix, DEATH);
    check(ROLE_HOOK, "connect", try_connect, DEATH);
    check(ROLE_HOOK, "ptrace", try_ptrace, DEATH);
    check(ROLE_HOOK, "signal the parent", try_kill_parent, DEATH);
    check(ROLE_HOOK, "executable memory", try_executable_memory, DEATH);
    check(ROLE_HOOK, "mount", try_mount, DEATH);
}

/* What becomes of the attempt when a program of the operator's makes it. */
static int program_outcome(bool network, try_function *attempt) {
    const struct landlock_path paths[] = {{dir, LANDLOCK_READ | LANDLOCK_WRITE, false},
                                          {"/usr", LANDLOCK_READ, true},
                                          {"/lib", LANDLOCK_READ, true},
                                          {"/lib64", LANDLOCK_READ, true},
                                          {"/bin/true", LANDLOCK_RUN, false},
                                          {"/lib64/ld-linux-x86-64.so.2", LANDLOCK_RUN, true}};
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        char why[256];
        struct sandbox_program wish = {
            .paths = paths, .count = sizeof paths / sizeof *paths, .network = network, .cpu_seconds = 10};
        if (sandbox_program_enter(&wish, why) != OK) _exit(99);
        _exit(attempt() ? EXIT_DONE : EXIT_REFUSED);
    }
    int status;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : KILLED;
}

static bool try_exec_other(void) {
    char *arguments[] = {NULL};
    execve("/bin/false", arguments, arguments);
    return errno != EACCES;
}
static bool try_new_space(void) { return syscall(SYS_unshare, 0x10000000) == 0; } /* CLONE_NEWUSER */
static bool try_leave_group(void) { return setsid() >= 0; }

/* A program of the operator's: its own folder and programs, the internet with leave only, and nothing of the kernel's inside. */
static void test_program(void **state) {
    (void)state;
    int elsewhere = sandbox_landlock_abi() > 0 ? EXIT_REFUSED : EXIT_DONE;
    assert_int_equal(program_outcome(false, try_read_inside), EXIT_DONE);
    assert_int_equal(program_outcome(false, try_everything_written), EXIT_DONE);
    assert_int_equal(program_outcome(false, try_exec), EXIT_DONE); /* /bin/true ends with 0 */
    assert_int_equal(program_outcome(false, try_exec_other), elsewhere == EXIT_DONE ? 1 : EXIT_REFUSED);
    assert_int_equal(program_outcome(false, try_fork), EXIT_DONE);
    assert_int_equal(program_outcome(false, try_write_outside), elsewhere);
    assert_int_equal(program_outcome(false, try_socket_netlink), EXIT_DONE);
    assert_int_equal(program_outcome(false, try_socket_tcp), EXIT_REFUSED);
    assert_int_equal(program_outcome(false, try_socket_unix), EXIT_REFUSED);
    assert_int_equal(program_outcome(true, try_socket_tcp), EXIT_DONE);
    assert_int_equal(program_outcome(true, try_connect), EXIT_DONE);
    assert_int_equal(program_outcome(true, try_socket_packet), EXIT_REFUSED);
    assert_int_equal(program_outcome(true, try_new_space), EXIT_REFUSED);
    assert_int_equal(program_outcome(true, try_leave_group), EXIT_REFUSED);
    assert_int_equal(program_outcome(true, try_ptrace), EXIT_REFUSED);
    assert_int_equal(program_outcome(true, try_bpf), EXIT_REFUSED);
    assert_int_equal(program_outcome(true, try_mount), EXIT_REFUSED);
    assert_int_equal(program_outcome(true, try_keyctl), EXIT_REFUSED);
    assert_int_equal(program_outcome(true, try_io_uring), EXIT_REFUSED);
}

/* The name helper reads files and asks servers, writes nothing and starts nothing. */
static void test_resolve(void **state) {
    (void)state;
    check(ROLE_RESOLVE, "read a file", try_read_outside, DONE);
    check(ROLE_RESOLVE, "TCP socket", try_socket_tcp, DONE);
    if (sandbox_landlock_abi() > 0) check(ROLE_RESOLVE, "write a file", try_write_outside, SOFT);
    check(ROLE_RESOLVE, "exec", try_exec, DEATH);
    check(ROLE_RESOLVE, "ptrace", try_ptrace, DEATH);
}

/* An engine whose folder does not exist does not start. */
static void test_no_folder(void **state) {
    (void)state;
    if (sandbox_landlock_abi() == 0) return;
    pid_t pid = fork();
    if (pid == 0) {
        char why[256] = "";
        _exit(sandbox_enter(ROLE_ENGINE, "/nonexistent/comity", why) == ERR_IO && strstr(why, "/nonexistent") != NULL ? 0 : 1);
    }
    int status;
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
}

int main(void) {
    if (sodium_init() < 0) return 1;
    snprintf(dir, sizeof dir, "/tmp/test_sandbox.XXXXXX");
    if (mkdtemp(dir) == NULL) return 1;
    int kept = open(inside("kept"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (kept < 0) return 1;
    close(kept);
    made_before = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_table), cmocka_unit_test(test_hook), cmocka_unit_test(test_program),
                                       cmocka_unit_test(test_resolve), cmocka_unit_test(test_no_folder)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(inside("kept"));
    rmdir(dir);
    return failed;
}

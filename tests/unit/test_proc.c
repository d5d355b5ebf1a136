/* The parent of the processes: all start, know each other, are restarted, stopped, and given up in the right way.
   The test binary is its own set of roles: run with "--role NAME" it plays that role, as the scenario in its settings says. */
#define _GNU_SOURCE
#include "node/process/clock.h"
#include "node/net/endpoint.h"
#include "node/process/log.h"
#include "node/process/proc.h"

#include <setjmp.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Roles report to the test over a datagram socket: "ROLE WHAT PID". */
#define REPORT_BYTES 128

/* --- the roles, in processes of their own --- */

static int report_fd = -1;
static struct sockaddr_un report_to = {.sun_family = AF_UNIX};

static void report(const char *role, const char *what) {
    char text[REPORT_BYTES];
    snprintf(text, sizeof text, "%s %s %d", role, what, (int)getpid());
    ssize_t sent = sendto(report_fd, text, strlen(text), 0, (const struct sockaddr *)&report_to, sizeof report_to);
    if (sent < 0) _exit(90);
}

static bool scenario_is(const struct proc_child *child, const char *scenario) {
    return memmem(child->settings, child->settings_bytes, scenario, strlen(scenario)) != NULL;
}

static void environment_check(void) {
    char target[256];
    ssize_t length = readlink("/proc/self/fd/0", target, sizeof target - 1);
    if (length < 0 || memcmp(target, "/dev/null", 9) != 0) _exit(91);
    for (int fd = 4; fd < 64; fd++) {
        if (fcntl(fd, F_GETFD) >= 0) _exit(92);
    }
    if (getenv("COMITY_TEST_SECRET") != NULL || getenv("PATH") != NULL) _exit(93);
}

/* The test says by a signal when the hooks are to be read again. */
static volatile sig_atomic_t reload_asked;

static void on_reload_asked(int number) {
    (void)number;
    reload_asked = 1;
}

static void reloaded_report(const char *name, const struct frame *frame) {
    struct cursor in = cursor_of(frame->body);
    unsigned code = cursor_u16(&in), changed = cursor_u8(&in), count = cursor_u32(&in);
    char text[64];
    snprintf(text, sizeof text, "reloaded-%s-%u-%u", code == OK ? "good" : "bad", changed, count);
    report(name, text);
}

/* A greeting over each peer channel shows that the other end is the right one; the engine is greeted and reports. */
static int role_loop(struct proc_child *child, const char *name) {
    for (;;) {
        struct frame frame;
        enum err error = channel_wait(&child->parent, &frame, 20);
        if (error == ERR_CLOSED) return 0;
        if (error == OK && frame.type == FRAME_STOP) {
            report(name, "stop");
            if (scenario_is(child, "stubborn")) {
                for (;;) pause();
            }
            return 0;
        }
        if (error == OK && frame.type == FRAME_RELOADED) reloaded_report(name, &frame);
        if (reload_asked && channel_send(&child->parent, FRAME_RELOAD, 3, bytes_of(NULL, 0)) != OK) return 94;
        reload_asked = 0;
        if (error == OK && frame.type == FRAME_RESOLVED) {
            struct cursor list = cursor_of(frame.body);
            char text[ENDPOINT_BYTES_MAX] = "nothing";
            endpoint_list_next(&list, text);
            report(name, text);
        }
        if (error == OK && frame.type == FRAME_PEER) {
            int peer = proc_child_peer(child, &frame);
            report(name, "peer");
            if (peer != 0 && channel_send(&child->peers[peer], FRAME_NET_CLOSE, child->role, bytes_of(NULL, 0)) != OK) return 94;
        }
        for (int role = ROLE_NET; role <= ROLE_KEY; role++) {
            struct channel *peer = &child->peers[role];
            if (peer->fd < 0 || channel_fill(peer) != OK) continue;
            while (channel_next(peer, &frame) == OK) {
                if ((int)frame.tag != role) _exit(95);
                report(name, role_name(role));
            }
        }
    }
}

static int role_main(const char *name) {
    struct proc_child child;
    environment_check();
    if (proc_child_start(&child, (enum role)role_of(name), PROC_PARENT_FD) != OK) return 96;
    log_open(name, LOG_LEVEL_FATAL);
    report_fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    memcpy(report_to.sun_path, child.settings, strnlen((const char *)child.settings, sizeof report_to.sun_path - 1));
    if (child.role == ROLE_ENGINE) signal(SIGUSR1, on_reload_asked);
    report(name, "start");
    if (scenario_is(&child, "fatal") && child.role == ROLE_NET) return proc_child_fatal(&child, 42, "no %s", "luck");
    if (scenario_is(&child, "netcrash") ? child.role == ROLE_NET : scenario_is(&child, "crash") && child.role == ROLE_KEY) return 7;
    for (int role = ROLE_NET; role <= ROLE_KEY; role++) {
        if (child.peers[role].fd < 0) continue;
        if (channel_send(&child.peers[role], FRAME_NET_CLOSE, child.role, bytes_of(NULL, 0)) != OK) return 97;
    }
    if (proc_child_ready(&child) != OK) return 98;
    if (scenario_is(&child, "resolve") && child.role == ROLE_ENGINE) {
        if (channel_send(&child.parent, FRAME_RESOLVE, 5, bytes_of_text("tcp://localhost:9000")) != OK) return 99;
    }
    int exit_code = role_loop(&child, name);
    proc_child_end(&child);
    return exit_code;
}

/* --- the test's side --- */

struct run {
    char dir[64], socket_path[108];
    int fd;
    pid_t parent;
    pid_t pids[ROLE_COUNT]; /* the latest that started */
    char scenario[256];
};

/* What the parent makes of its file each time: nothing good; a first one; the same; another; none. */
static enum err hooks_again(void *context, struct buf *out, uint32_t *count, char why[static PROC_WHY_BYTES]) {
    static unsigned times;
    const struct bytes *settings = context;
    times++;
    *count = times == 4 ? 2 : 1;
    if (times == 1) return snprintf(why, PROC_WHY_BYTES, "bad"), ERR_SYNTAX;
    if (times == 5) return *count = 0, OK;
    buf_put(out, *settings);
    if (times == 4) buf_put_text(out, " another");
    return buf_result(out);
}

static void run_start(struct run *run, const char *scenario) {
    memset(run, 0, sizeof *run);
    snprintf(run->dir, sizeof run->dir, "/tmp/test_proc.XXXXXX");
    assert_non_null(mkdtemp(run->dir));
    snprintf(run->socket_path, sizeof run->socket_path, "%s/report", run->dir);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, run->socket_path, strlen(run->socket_path));
    run->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(run->fd, (const struct sockaddr *)&address, sizeof address), 0);
    struct timeval patience = {.tv_sec = 10};
    setsockopt(run->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);

    size_t path_bytes = strlen(run->socket_path) + 1;
    memcpy(run->scenario, run->socket_path, path_bytes);
    memcpy(run->scenario + path_bytes, scenario, strlen(scenario));
    struct bytes settings = bytes_of(run->scenario, path_bytes + strlen(scenario));
    setenv("COMITY_TEST_SECRET", "not for children", 1);
    fflush(NULL);
    run->parent = fork();
    if (run->parent == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        log_open("test", LOG_LEVEL_FATAL);
        bool noisy = strstr(scenario, "fatal") != NULL || strstr(scenario, "crash") != NULL;
        if (noisy && freopen("/dev/null", "w", stderr) == NULL) _exit(89);
        struct proc_options options = {.settings = {[ROLE_NET] = settings, [ROLE_ENGINE] = settings, [ROLE_KEY] = settings},
                                       .hooks_again = hooks_again,
                                       .context = &settings};
        _exit(proc_run(&options));
    }
}

/* Takes reports until this one. */
static void run_expect(struct run *run, const char *role, const char *what) {
    for (;;) {
        char text[REPORT_BYTES] = "", got_role[32], got_what[80];
        int pid;
        ssize_t size = recv(run->fd, text, sizeof text - 1, 0);
        if (size < 0) fail_msg("no report \"%s %s\" came", role, what);
        assert_int_equal(sscanf(text, "%31s %79s %d", got_role, got_what, &pid), 3);
        if (strcmp(got_what, "start") == 0) run->pids[role_of(got_role)] = pid;
        if (strcmp(got_role, role) == 0 && strcmp(got_what, what) == 0) return;
    }
}

/* Takes reports until each of these nine has come once, in any order: three starts, six greetings. */
static void run_expect_all(struct run *run) {
    unsigned seen = 0;
    while (seen != 0x1ff) {
        char text[REPORT_BYTES] = "", got_role[32], got_what[80];
        int pid;
        ssize_t size = recv(run->fd, text, sizeof text - 1, 0);
        if (size < 0) fail_msg("reports are missing, seen %x", seen);
        assert_int_equal(sscanf(text, "%31s %79s %d", got_role, got_what, &pid), 3);
        int from = role_of(got_role), about = role_of(got_what);
        if (strcmp(got_what, "start") == 0) {
            run->pids[from] = pid;
            about = from;
        }
        if (about != 0) seen |= 1u << ((from - 1) * 3 + about - 1);
    }
}

static int run_end(struct run *run) {
    int status;
    char text[REPORT_BYTES];
    struct pollfd report_waits = {.fd = run->fd, .events = POLLIN};
    /* Reports are taken meanwhile, because a role waits when there are too many. */
    while (waitpid(run->parent, &status, WNOHANG) == 0) {
        if (poll(&report_waits, 1, 20) > 0 && recv(run->fd, text, sizeof text, 0) < 0) break;
    }
    close(run->fd);
    unlink(run->socket_path);
    rmdir(run->dir);
    for (int role = ROLE_NET; role <= ROLE_KEY; role++) {
        if (run->pids[role] != 0) assert_int_equal(kill(run->pids[role], 0), -1);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* All roles start, hear each other over the right channels, and stop in order: the engine first. */
static void test_start_and_stop(void **state) {
    (void)state;
    struct run run;
    run_start(&run, "");
    run_expect_all(&run);
    kill(run.parent, SIGTERM);
    run_expect(&run, "engine", "stop");
    run_expect(&run, "net", "stop");
    assert_int_equal(run_end(&run), 0);
}

/* The network process dies: it alone is started again, and the others get its new channel. */
static void test_net_restarts(void **state) {
    (void)state;
    struct run run;
    run_start(&run, "");
    run_expect_all(&run);
    pid_t net = run.pids[ROLE_NET], engine = run.pids[ROLE_ENGINE];
    kill(net, SIGKILL);
    run_expect(&run, "net", "start");
    run_expect(&run, "net", "engine"); /* the engine greets it on the new channel */
    assert_int_not_equal(run.pids[ROLE_NET], net);
    assert_int_equal(run.pids[ROLE_ENGINE], engine);
    kill(run.parent, SIGINT);
    assert_int_equal(run_end(&run), 0);
}

/* Whoever can end the network process from outside gets a longer pause each time, and never the node. */
static void test_net_never_ends_the_node(void **state) {
    (void)state;
    struct run run;
    run_start(&run, "");
    run_expect_all(&run);
    pid_t engine = run.pids[ROLE_ENGINE];
    for (int deaths = 1; deaths <= PROC_FAILURES_MAX; deaths++) {
        uint64_t killed_ms = clock_monotonic_ms();
        kill(run.pids[ROLE_NET], SIGKILL);
        run_expect(&run, "net", "start");
        run_expect(&run, "net", "engine");
        assert_true(clock_monotonic_ms() - killed_ms >= (uint64_t)PROC_NET_PAUSE_FIRST_MS << (deaths - 1));
    }
    assert_int_equal(run.pids[ROLE_ENGINE], engine);
    kill(run.parent, SIGTERM);
    assert_int_equal(run_end(&run), 0);
}

/* A network process that never was ready is given up as any other: the node cannot start. */
static void test_net_that_cannot_start(void **state) {
    (void)state;
    struct run run;
    run_start(&run, "netcrash");
    assert_int_equal(run_end(&run), PROC_EXIT_CRASHES);
}

/* The engine dies: all start again. */
static void test_engine_restarts_all(void **state) {
    (void)state;
    struct run run;
    run_start(&run, "");
    run_expect_all(&run);
    pid_t net = run.pids[ROLE_NET], key = run.pids[ROLE_KEY];
    kill(run.pids[ROLE_ENGINE], SIGKILL);
    run_expect_all(&run);
    assert_int_not_equal(run.pids[ROLE_NET], net);
    assert_int_not_equal(run.pids[ROLE_KEY], key);
    kill(run.parent, SIGTERM);
    assert_int_equal(run_end(&run), 0);
}

/* A role that says what is wrong ends everything with its exit code. */
static void test_fatal(void **state) {
    (void)state;
    struct run run;
    run_start(&run, "fatal");
    assert_int_equal(run_end(&run), 42);
}

/* A role that crashes at every start is given up. */
static void test_gives_up(void **state) {
    (void)state;
    struct run run;
    run_start(&run, "crash");
    assert_int_equal(run_end(&run), PROC_EXIT_CRASHES);
}

/* A role that does not stop is killed; all is over within five seconds. */
static void test_stubborn(void **state) {
    (void)state;
    struct run run;
    run_start(&run, "stubborn");
    run_expect_all(&run);
    uint64_t start_ms = clock_monotonic_ms();
    kill(run.parent, SIGTERM);
    assert_int_equal(run_end(&run), 0);
    assert_true(clock_monotonic_ms() - start_ms < 5000);
}

/* A name is resolved by a helper, and only literal addresses come back. */
static void test_resolve(void **state) {
    (void)state;
    struct run run;
    run_start(&run, "resolve");
    char text[REPORT_BYTES] = "";
    while (strstr(text, ":9000") == NULL) {
        ssize_t size = recv(run.fd, text, sizeof text - 1, 0);
        assert_true(size > 0);
        text[size] = '\0';
        assert_null(strstr(text, "nothing"));
    }
    assert_true(strstr(text, "tcp://127.0.0.1:9000") != NULL || strstr(text, "tcp://[::1]:9000") != NULL);
    kill(run.parent, SIGTERM);
    assert_int_equal(run_end(&run), 0);
}

/* Hooks are read again: what is bad or the same changes nothing; another process takes the place of the old one, which stops first; or none does. */
static void test_reload(void **state) {
    (void)state;
    struct run run;
    run_start(&run, "");
    run_expect_all(&run);
    pid_t engine = run.pids[ROLE_ENGINE];
    kill(engine, SIGUSR1);
    run_expect(&run, "engine", "reloaded-bad-0-1");
    kill(engine, SIGUSR1);
    run_expect(&run, "hook", "start"); /* what the engine says may come before or after */
    pid_t hook = run.pids[ROLE_HOOK];
    kill(engine, SIGUSR1);
    run_expect(&run, "engine", "reloaded-good-0-1");
    assert_int_equal(kill(hook, 0), 0);
    kill(engine, SIGUSR1);
    run_expect(&run, "hook", "stop");
    run_expect(&run, "hook", "start");
    assert_int_not_equal(run.pids[ROLE_HOOK], hook);
    kill(engine, SIGUSR1);
    run_expect(&run, "hook", "stop");
    assert_int_equal(run.pids[ROLE_ENGINE], engine);
    kill(run.parent, SIGTERM);
    assert_int_equal(run_end(&run), 0);
    assert_int_equal(kill(run.pids[ROLE_HOOK], 0), -1);
}

/* The parent is killed: nobody stays behind. */
static void test_parent_killed(void **state) {
    (void)state;
    struct run run;
    run_start(&run, "");
    run_expect_all(&run);
    kill(run.parent, SIGKILL);
    uint64_t deadline_ms = clock_monotonic_ms() + 5000;
    for (int role = ROLE_NET; role <= ROLE_KEY; role++) {
        while (kill(run.pids[role], 0) == 0 && clock_monotonic_ms() < deadline_ms) usleep(1000);
    }
    assert_int_equal(run_end(&run), -1);
}

int main(int count, char **arguments) {
    for (int i = 1; i + 1 < count; i++) {
        if (strcmp(arguments[i], "--role") != 0) continue;
        if (role_of(arguments[i + 1]) == ROLE_RESOLVE) return resolve_main(PROC_PARENT_FD);
        return role_main(arguments[i + 1]);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_start_and_stop),
        cmocka_unit_test(test_net_restarts),
        cmocka_unit_test(test_net_never_ends_the_node),
        cmocka_unit_test(test_net_that_cannot_start),
        cmocka_unit_test(test_engine_restarts_all),
        cmocka_unit_test(test_fatal),
        cmocka_unit_test(test_gives_up),
        cmocka_unit_test(test_stubborn),
        cmocka_unit_test(test_resolve),
        cmocka_unit_test(test_reload),
        cmocka_unit_test(test_parent_killed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

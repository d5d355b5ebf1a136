/* proc: the parent of a node's processes: starts them, watches them, restarts what dies, stops all in order. */
#include "node/process/proc.h"

#include "node/process/clock.h"
#include "node/process/log_event.h"
#include "node/process/proc_names.h"
#include "node/process/proc_spawn.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define RESTART_DELAY_MS 200 /* times the recent failures but one */
#define CLOSED_MS        2000
#define STOP_ENGINE_MS   3000 /* then net and key are told to stop, whatever the engine does */

struct child {
    pid_t pid; /* 0: not running */
    struct channel channel;
    bool ready;
    bool stop_sent;
    bool settings_unsent; /* some of the settings still stands in the channel's buffer */
    uint64_t closed_ms;   /* its channel ended then: it has CLOSED_MS to follow */
    uint64_t restart_ms;  /* when to start it again; 0: not planned */
    uint64_t started_ms;
    uint64_t leave_ms; /* it was asked to make room for one with newer settings; until then it may take; 0: it was not */
};

struct parent {
    const struct proc_options *options;
    struct child children[ROLE_COUNT]; /* ROLE_NET to ROLE_LAST */
    struct proc_names names;
    int signal_fd;
    uint64_t failures_ms[PROC_FAILURES_MAX]; /* times of the latest, as a ring */
    size_t failure_count;
    uint64_t restarts[ROLE_COUNT];  /* deaths that nobody asked for */
    uint64_t pauses_ms[ROLE_COUNT]; /* after the next death of net or an outer role */
    bool proven[ROLE_COUNT];        /* net or an outer role was ready once: what ends it now came from outside */
    bool running;                   /* READY was told */
    bool stopping;
    bool asked;      /* to stop, by a signal: the next one means at once */
    bool restarting; /* the engine died: all go, then all start */
    uint64_t stop_ms;
    uint64_t watchdog_ms, watchdog_due_ms; /* how often the service manager wants to hear of us; 0: never */
    int exit_code;
    struct buf hooks; /* the hook role's settings, once they were read again; */
    bool hooks_read;  /* then they count, though they are empty */
};

static bool child_alive(const struct parent *parent, int role) { return parent->children[role].pid != 0; }

static struct bytes settings_of(const struct parent *parent, int role) {
    return role == ROLE_HOOK && parent->hooks_read ? bytes_of_buf(&parent->hooks) : parent->options->settings[role];
}

static bool wanted(const struct parent *parent, int role) { return !role_outer(role) || settings_of(parent, role).size > 0; }

static void child_kill(struct parent *parent, int role) {
    if (child_alive(parent, role)) kill(parent->children[role].pid, SIGKILL);
}

/* A new socket pair between two roles; each side learns of it as FRAME_PEER. A failure shows when one of them dies of it. */
static void children_link(struct parent *parent, int a, int b) {
    int fds[2];
    if (!child_alive(parent, a) || !child_alive(parent, b)) return;
    if (proc_pair(fds) != OK) {
        log_warn("cannot make a socket pair: %s", strerror(errno));
        child_kill(parent, a);
        return;
    }
    uint8_t name_a = (uint8_t)a, name_b = (uint8_t)b;
    if (channel_send_fd(&parent->children[a].channel, FRAME_PEER, 0, bytes_of(&name_b, 1), fds[0]) != OK) child_kill(parent, a);
    if (channel_send_fd(&parent->children[b].channel, FRAME_PEER, 0, bytes_of(&name_a, 1), fds[1]) != OK) child_kill(parent, b);
    close(fds[0]);
    close(fds[1]);
}

/* Wipes the settings from the channel's buffer as soon as they have left it. */
static void child_flush(struct child *child) {
    /* A closed channel is noticed when the child is reaped. */
    enum err error = channel_flush(&child->channel);
    (void)error;
    if (child->settings_unsent && channel_backlog(&child->channel) == 0) {
        channel_wipe(&child->channel);
        child->settings_unsent = false;
    }
}

/* The engine tells them to who asks for figures. Until it is ready it takes nothing but its settings and peers. */
static void restarts_tell(struct parent *parent) {
    struct buf body = {0};
    uint64_t all = 0;
    for (int role = ROLE_NET; role <= ROLE_LAST; role++) {
        buf_put_u8(&body, (uint8_t)role);
        buf_put_u64(&body, parent->restarts[role]);
        all += parent->restarts[role];
    }
    if (all > 0 && child_alive(parent, ROLE_ENGINE) && parent->children[ROLE_ENGINE].ready && !body.failed &&
        channel_queue(&parent->children[ROLE_ENGINE].channel, FRAME_RESTARTS, 0, bytes_of_buf(&body)) != OK)
        log_debug("the engine was not told of a restart");
    buf_free(&body);
}

static enum err child_start(struct parent *parent, int role) {
    struct child *child = &parent->children[role];
    *child = (struct child){.channel.fd = -1};
    enum err error = proc_spawn(parent->options, (enum role)role, &child->channel, &child->pid);
    if (error != OK) {
        child->pid = 0;
        return error;
    }
    error = channel_queue(&child->channel, FRAME_SETTINGS, 0, settings_of(parent, role));
    if (error != OK) {
        child_kill(parent, role);
        return OK;
    }
    child->settings_unsent = true;
    child->started_ms = clock_monotonic_ms();
    child_flush(child);
    for (int other = ROLE_NET; !role_outer(role) && other <= ROLE_KEY; other++) {
        if (other != role) children_link(parent, role, other);
    }
    log_debug("started %s as process %d", role_name(role), (int)child->pid);
    return OK;
}

/* --- stopping --- */

static void child_stop(struct parent *parent, int role) {
    struct child *child = &parent->children[role];
    if (child->pid == 0 || child->stop_sent) return;
    child->stop_sent = true;
    if (channel_send(&child->channel, FRAME_STOP, 0, bytes_of(NULL, 0)) != OK) child_kill(parent, role);
}

static void stop_begin(struct parent *parent, int exit_code) {
    if (parent->stopping) return;
    parent->stopping = true;
    parent->stop_ms = clock_monotonic_ms();
    parent->exit_code = exit_code;
    sd_notify(0, "STOPPING=1");
    proc_names_end(&parent->names);
    for (int role = ROLE_NET; role <= ROLE_LAST; role++) parent->children[role].restart_ms = 0;
    for (int role = ROLE_NET; role <= ROLE_LAST; role++)
        if (role_outer(role)) child_stop(parent, role);
    child_stop(parent, ROLE_ENGINE);
}

static void stop_step(struct parent *parent) {
    uint64_t since_ms = clock_monotonic_ms() - parent->stop_ms;
    if (!child_alive(parent, ROLE_ENGINE) || since_ms >= STOP_ENGINE_MS) {
        child_stop(parent, ROLE_NET);
        child_stop(parent, ROLE_KEY);
    }
    if (since_ms < PROC_STOP_MS) return;
    for (int role = ROLE_NET; role <= ROLE_LAST; role++) child_kill(parent, role);
}

/* --- failures --- */

/* False when it is one too many. */
static bool failure_count(struct parent *parent, uint64_t *delay_ms) {
    uint64_t now_ms = clock_monotonic_ms();
    parent->failures_ms[parent->failure_count % PROC_FAILURES_MAX] = now_ms;
    parent->failure_count++;
    size_t recent = 0;
    for (size_t i = 0; i < PROC_FAILURES_MAX && i < parent->failure_count; i++) {
        if (now_ms - parent->failures_ms[i] < PROC_FAILURES_MS) recent++;
    }
    *delay_ms = (recent - 1) * RESTART_DELAY_MS;
    return recent < PROC_FAILURES_MAX;
}

/* Of one that meets the world and was ready once. */
static void proven_failed(struct parent *parent, int role) {
    struct child *child = &parent->children[role];
    uint64_t now_ms = clock_monotonic_ms(), *pause_ms = &parent->pauses_ms[role];
    if (*pause_ms == 0 || now_ms - child->started_ms >= PROC_NET_STEADY_MS) *pause_ms = PROC_NET_PAUSE_FIRST_MS;
    child->restart_ms = now_ms + *pause_ms;
    *pause_ms *= 2;
    if (*pause_ms > PROC_NET_PAUSE_LAST_MS) *pause_ms = PROC_NET_PAUSE_LAST_MS;
}

static void child_failed(struct parent *parent, int role) {
    uint64_t delay_ms;
    if (parent->proven[role]) {
        proven_failed(parent, role);
        return;
    }
    if (!failure_count(parent, &delay_ms)) {
        log_event(LOG_NODE_FATAL, LOG_FIELDS(LOG_TEXT("process", role_name(role))),
                  "%d failures within %d s, the last of %s: giving up", PROC_FAILURES_MAX, PROC_FAILURES_MS / 1000,
                  role_name(role));
        stop_begin(parent, PROC_EXIT_CRASHES);
        return;
    }
    uint64_t restart_ms = clock_monotonic_ms() + delay_ms + 1;
    if (role != ROLE_ENGINE) {
        parent->children[role].restart_ms = restart_ms;
        return;
    }
    /* What the others know belongs to the engine that died: all start again. */
    proc_names_end(&parent->names);
    parent->restarting = true;
    for (int other = ROLE_NET; other <= ROLE_LAST; other++) {
        child_kill(parent, other);
        if (wanted(parent, other)) parent->children[other].restart_ms = restart_ms;
    }
}

static void exit_describe(int status, char out[static 64]) {
    if (WIFSIGNALED(status)) {
        snprintf(out, 64, "was ended by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    } else {
        snprintf(out, 64, "ended with exit code %d", WEXITSTATUS(status));
    }
}

/* What the outer roles need to begin. */
static bool inner_ready(const struct parent *parent) {
    for (int role = ROLE_NET; role <= ROLE_KEY; role++) {
        if (!child_alive(parent, role) || !parent->children[role].ready) return false;
    }
    return true;
}

static bool child_startable(const struct parent *parent, int role) {
    if (parent->children[role].restart_ms == 0 || child_alive(parent, role)) return false;
    return !role_outer(role) || inner_ready(parent);
}

/* --- frames from children --- */

static void ready_check(struct parent *parent) {
    if (parent->running) return;
    for (int role = ROLE_NET; role <= ROLE_LAST; role++)
        if (wanted(parent, role) && !(child_alive(parent, role) && parent->children[role].ready)) return;
    parent->running = true;
    sd_notify(0, "READY=1");
    log_event(LOG_NODE_RUNNING, NULL, "running%s%s", parent->options->what != NULL ? ": " : "",
              parent->options->what != NULL ? parent->options->what : "");
}

static void fatal_take(struct parent *parent, int role, struct bytes body) {
    char text[1200];
    int exit_code = body.size > 0 && body.data[0] >= 1 && body.data[0] <= 125 ? body.data[0] : 1;
    log_escape(text, sizeof text, body.size > 1 ? bytes_of(body.data + 1, body.size - 1) : bytes_of(NULL, 0));
    if (role_outer(role) && parent->proven[role]) {
        log_warn("%s: %s", role_name(role), text);
        return;
    }
    log_event(LOG_NODE_FATAL, LOG_FIELDS(LOG_TEXT("process", role_name(role)), LOG_NUMBER("exit_code", (uint64_t)exit_code)),
              "%s: %s", role_name(role), text);
    /* It is on its way out by itself: a request to stop would find its channel closed. */
    parent->children[role].stop_sent = true;
    stop_begin(parent, exit_code);
}

/* --- hooks are read again --- */

/* Another hook process takes the place of the running one, whose sandbox was made for the file as it was. */
static void hooks_replace(struct parent *parent) {
    struct child *child = &parent->children[ROLE_HOOK];
    parent->proven[ROLE_HOOK] = true; /* the node runs: a hook process that cannot start does not end it */
    parent->pauses_ms[ROLE_HOOK] = 0;
    if (child->pid == 0) {
        child->restart_ms = wanted(parent, ROLE_HOOK) ? 1 : 0;
        return;
    }
    child->leave_ms = clock_monotonic_ms() + PROC_LEAVE_MS;
    if (child->channel.fd < 0 || channel_send(&child->channel, FRAME_STOP, 1, bytes_of(NULL, 0)) != OK)
        child_kill(parent, ROLE_HOOK);
}

static void hooks_reload(struct parent *parent, uint64_t tag) {
    struct buf fresh = {0}, body = {0};
    char why[PROC_WHY_BYTES] = "";
    uint32_t count = 0;
    const struct proc_options *options = parent->options;
    enum err error = options->hooks_again ? options->hooks_again(options->context, &fresh, &count, why) : ERR_NOT_FOUND;
    bool changed = error == OK && !bytes_equal(bytes_of_buf(&fresh), settings_of(parent, ROLE_HOOK));
    if (changed) {
        buf_free(&parent->hooks);
        parent->hooks = fresh;
        parent->hooks_read = true;
        hooks_replace(parent);
    } else {
        buf_free(&fresh);
    }
    buf_put_u16(&body, (uint16_t)error);
    buf_put_u8(&body, changed);
    buf_put_u32(&body, count);
    buf_put_text(&body, why);
    if (body.failed || channel_send(&parent->children[ROLE_ENGINE].channel, FRAME_RELOADED, tag, bytes_of_buf(&body)) != OK)
        log_debug("the engine was not told of the hooks");
    buf_free(&body);
}

static bool frame_take(struct parent *parent, int role, const struct frame *frame) {
    switch (frame->type) {
    case FRAME_READY:
        parent->children[role].ready = true;
        if (role == ROLE_ENGINE) restarts_tell(parent);
        if (role == ROLE_NET || role_outer(role)) parent->proven[role] = true;
        ready_check(parent);
        return true;
    case FRAME_FATAL: fatal_take(parent, role, frame->body); return true;
    case FRAME_RESOLVE:
        if (role != ROLE_ENGINE) return false;
        if (!parent->stopping) proc_names_ask(&parent->names, &parent->children[role].channel, frame->tag, frame->body);
        return true;
    case FRAME_RELOAD:
        if (role != ROLE_ENGINE) return false;
        if (!parent->stopping && !parent->restarting) hooks_reload(parent, frame->tag);
        return true;
    default: return false;
    }
}

static void child_read(struct parent *parent, int role) {
    struct child *child = &parent->children[role];
    struct frame frame;
    enum err error = channel_fill(&child->channel), next;
    while ((next = channel_next(&child->channel, &frame)) == OK) {
        if (!frame_take(parent, role, &frame)) break;
    }
    if (next != ERR_NOT_FOUND) {
        log_warn("%s sent what it may not send: killed", role_name(role));
        child_kill(parent, role);
    }
    /* A role without its parent channel is of no use, and is on its way out. Polling a closed descriptor would spin. */
    if (error != OK || next != ERR_NOT_FOUND) {
        channel_close(&child->channel);
        child->closed_ms = clock_monotonic_ms();
    }
}

static void children_reap(struct parent *parent) {
    for (int role = ROLE_NET; role <= ROLE_LAST; role++) {
        struct child *child = &parent->children[role];
        int status;
        if (child->pid == 0 || waitpid(child->pid, &status, WNOHANG) != child->pid) continue;
        /* Last words first: they say why. */
        if (child->channel.fd >= 0) child_read(parent, role);
        if (child->channel.fd >= 0) channel_close(&child->channel);
        child->pid = 0;
        child->ready = false;
        char how[64];
        exit_describe(status, how);
        bool expected = parent->stopping || parent->restarting;
        if (child->leave_ms > 0 && !expected) {
            child->leave_ms = 0;
            child->restart_ms = wanted(parent, role) ? 1 : 0;
            continue;
        }
        if (expected && child->stop_sent && status != 0) log_warn("%s %s", role_name(role), how);
        if (expected) continue;
        parent->restarts[role]++;
        log_event(LOG_ROLE_RESTART,
                  LOG_FIELDS(LOG_TEXT("process", role_name(role)), LOG_NUMBER("restarts", parent->restarts[role])),
                  "%s %s; it is started again", role_name(role), how);
        restarts_tell(parent);
        child_failed(parent, role);
    }
}

/* Who was to make room and did not. */
static void leavers_end(struct parent *parent) {
    uint64_t now_ms = clock_monotonic_ms();
    for (int role = ROLE_NET; role <= ROLE_LAST; role++) {
        struct child *child = &parent->children[role];
        if (!child_alive(parent, role) || child->leave_ms == 0 || now_ms < child->leave_ms) continue;
        child_kill(parent, role);
        child->leave_ms = now_ms + CLOSED_MS;
    }
}

static void children_restart(struct parent *parent) {
    uint64_t now_ms = clock_monotonic_ms();
    if (parent->restarting) {
        for (int role = ROLE_NET; role <= ROLE_LAST; role++) {
            if (child_alive(parent, role) || parent->children[role].restart_ms > now_ms) return;
        }
        parent->restarting = false;
    }
    for (int role = ROLE_NET; role <= ROLE_LAST; role++) {
        if (!child_startable(parent, role) || parent->children[role].restart_ms > now_ms) continue;
        if (child_start(parent, role) != OK) child_failed(parent, role);
    }
}

static void signals_read(struct parent *parent) {
    struct signalfd_siginfo info;
    while (read(parent->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGCHLD) continue;
        if (parent->asked) {
            log_warn("stopping at once");
            for (int role = ROLE_NET; role <= ROLE_LAST; role++) child_kill(parent, role);
        } else {
            parent->asked = true;
            if (!parent->stopping) {
                log_event(LOG_NODE_STOPPING, NULL, "stopping (%s)", strsignal((int)info.ssi_signo));
                stop_begin(parent, 0);
            }
        }
    }
}

/* --- the watchdog of the service manager --- */

static void watchdog_open(struct parent *parent) {
    uint64_t within_us = 0;
    if (sd_watchdog_enabled(0, &within_us) > 0) parent->watchdog_ms = within_us / 1000 / 3 + 1;
    parent->watchdog_due_ms = clock_monotonic_ms();
}

/* From the loop itself, which watches the children: while it turns, one that dies is started again. */
static void watchdog_step(struct parent *parent) {
    uint64_t now_ms = clock_monotonic_ms();
    if (parent->watchdog_ms == 0 || now_ms < parent->watchdog_due_ms) return;
    parent->watchdog_due_ms = now_ms + parent->watchdog_ms;
    sd_notify(0, "WATCHDOG=1");
}

/* --- the loop --- */

static int wait_ms(const struct parent *parent) {
    uint64_t now_ms = clock_monotonic_ms(), deadline_ms = proc_names_deadline(&parent->names);
    if (parent->stopping) deadline_ms = now_ms + 50;
    if (parent->watchdog_ms > 0 && parent->watchdog_due_ms < deadline_ms) deadline_ms = parent->watchdog_due_ms;
    for (int role = ROLE_NET; role <= ROLE_LAST; role++) {
        uint64_t restart_ms = parent->children[role].restart_ms;
        if (child_startable(parent, role) && restart_ms < deadline_ms) deadline_ms = restart_ms;
        uint64_t leave_ms = parent->children[role].leave_ms;
        if (child_alive(parent, role) && leave_ms > 0 && leave_ms < deadline_ms) deadline_ms = leave_ms;
    }
    if (deadline_ms == UINT64_MAX) return -1;
    return deadline_ms <= now_ms ? 1 : (int)(deadline_ms - now_ms);
}

static void turn(struct parent *parent) {
    struct pollfd fds[1 + ROLE_COUNT + PROC_NAMES_RUNNING_MAX];
    int roles[ROLE_COUNT];
    size_t count = 0, role_count = 0;
    fds[count++] = (struct pollfd){.fd = parent->signal_fd, .events = POLLIN};
    for (int role = ROLE_NET; role <= ROLE_LAST; role++) {
        struct channel *channel = &parent->children[role].channel;
        if (!child_alive(parent, role) || channel->fd < 0) continue;
        roles[role_count++] = role;
        fds[count++] = (struct pollfd){.fd = channel->fd, .events = (short)(POLLIN | (channel_backlog(channel) > 0 ? POLLOUT : 0))};
    }
    count += proc_names_poll(&parent->names, fds + count);
    if (poll(fds, count, wait_ms(parent)) < 0 && errno != EINTR) log_warn("poll: %s", strerror(errno));

    signals_read(parent);
    for (size_t i = 0; i < role_count; i++) {
        struct child *child = &parent->children[roles[i]];
        if ((fds[1 + i].revents & POLLOUT) != 0) child_flush(child);
        if ((fds[1 + i].revents & ~POLLOUT) != 0 && child->channel.fd >= 0) child_read(parent, roles[i]);
    }
    watchdog_step(parent);
    if (!parent->stopping) proc_names_step(&parent->names, &parent->children[ROLE_ENGINE].channel);
    children_reap(parent);
    if (parent->stopping) {
        stop_step(parent);
    } else {
        leavers_end(parent);
        children_restart(parent);
    }
}

static bool parent_done(const struct parent *parent) {
    if (!parent->stopping) return false;
    for (int role = ROLE_NET; role <= ROLE_LAST; role++) {
        if (child_alive(parent, role)) return false;
    }
    return true;
}

static void secrets_protect(void) {
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
#ifndef __SANITIZE_ADDRESS__
    /* The leak check at the end looks at the process from outside, which this forbids. */
    prctl(PR_SET_DUMPABLE, 0);
#endif
}

static int signals_open(sigset_t *before) {
    sigset_t wanted;
    struct sigaction hangup;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGCHLD);
    sigaddset(&wanted, SIGTERM);
    sigaddset(&wanted, SIGINT);
    /* Under nohup it is ignored, and stays so. */
    if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN) sigaddset(&wanted, SIGHUP);
    sigprocmask(SIG_BLOCK, &wanted, before);
    return signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
}

int proc_run(const struct proc_options *options) {
    struct parent parent = {.options = options};
    sigset_t before;
    secrets_protect();
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_DFL);
    parent.signal_fd = signals_open(&before);
    proc_names_init(&parent.names, options);
    for (int role = ROLE_NET; role <= ROLE_LAST; role++) parent.children[role].channel.fd = -1;
    if (parent.signal_fd < 0) {
        log_fatal("signalfd: %s", strerror(errno));
        parent.exit_code = 1;
    } else {
        for (int role = ROLE_NET; role <= ROLE_LAST; role++)
            if (wanted(&parent, role)) parent.children[role].restart_ms = 1;
        watchdog_open(&parent);
        children_restart(&parent);
        while (!parent_done(&parent)) turn(&parent);
        close(parent.signal_fd);
    }
    proc_names_end(&parent.names);
    buf_free(&parent.hooks);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return parent.exit_code;
}

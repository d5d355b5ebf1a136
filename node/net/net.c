/* net: the network process: ZeroMQ and CURVE, nothing else. Its life: settings, sandbox, key, self-test, then one loop. */
#include "node/net/net.h"

#include "crypto/secret.h"
#include "node/process/clock.h"
#include "node/net/net_state.h"
#include "node/process/sandbox.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEY_WAIT_MS  120000 /* the key process derives its key from a passphrase first */
#define COUNTS_MS    1000
#define IDLE_MS      1000
#define EXIT_BAD     1
#define EXIT_SANDBOX 6
#define EXIT_NETWORK 5
#define POLL_MAX     (6 + 2 * NET_LINKS_TABLE_MAX)

/* --- the engine's side --- */

static void engine_lost(struct net *net) {
    if (NET_ENGINE(net)->fd >= 0) channel_close(NET_ENGINE(net));
    net_links_drop(net, "the engine went away");
    enum err error = curve_zap_allow(&net->door.zap, bytes_of(NULL, 0));
    if (error != OK) net->door.zap.key_count = 0;
}

void net_tell(struct net *net, enum frame_type type, uint64_t tag, struct bytes body) {
    struct channel *engine = NET_ENGINE(net);
    if (engine->fd < 0) return;
    /* Small ones wait for the end of the turn and share a system call; large ones go without a copy. */
    enum err error = body.size < 8192 ? channel_queue(engine, type, tag, body) : channel_send(engine, type, tag, body);
    if (error != OK) net->engine_failed = true;
}

bool net_engine_behind(const struct net *net) {
    return NET_ENGINE(net)->fd < 0 || channel_backlog(NET_ENGINE(net)) > NET_ENGINE_BACKLOG_BYTES_MAX;
}

static void engine_frame(struct net *net, const struct frame *frame) {
    struct net_link *link;
    switch (frame->type) {
    case FRAME_NET_ALLOW:
        if (curve_zap_allow(&net->door.zap, frame->body) != OK)
            log_warn("the engine's list of allowed keys is damaged or too long: ignored");
        net_links_review(net);
        break;
    case FRAME_NET_DIAL: net_dial(net, frame->tag, frame->body); break;
    case FRAME_NET_SEND:
        link = net_link_by_number(net, frame->tag);
        if (link != NULL) net_send(net, link, frame->body);
        break;
    case FRAME_NET_CLOSE:
        link = net_link_by_number(net, frame->tag);
        if (link != NULL) net_link_down(net, link, "closed by this node");
        break;
    default:
        log_warn("the engine sent a frame of type %d, which is not for the network process", (int)frame->type);
        net->engine_failed = true;
        break;
    }
}

static void engine_step(struct net *net) {
    struct channel *engine = NET_ENGINE(net);
    struct frame frame;
    if (engine->fd < 0) return;
    enum err filled = channel_fill(engine), error = OK;
    while (!net->engine_failed && (error = channel_next(engine, &frame)) == OK) engine_frame(net, &frame);
    if (filled != OK || error != ERR_NOT_FOUND) net->engine_failed = true;
}

/* --- the parent's and the key process's side --- */

static enum err key_take(struct net *net, const struct frame *frame) {
    if (frame->type != FRAME_KEY_CURVE || frame->body.size != 2 * CURVE_KEY_BYTES) return ERR_FORMAT;
    /* A restarted key process tells the same again. */
    if (net->curve != NULL) return memcmp(net->curve, frame->body.data, frame->body.size) == 0 ? OK : ERR_KEY;
    net->curve = secret_new(2 * CURVE_KEY_BYTES);
    if (net->curve == NULL) return ERR_MEMORY;
    memcpy(net->curve, frame->body.data, frame->body.size);
    return OK;
}

static void key_step(struct net *net) {
    struct channel *key = &net->child.peers[ROLE_KEY];
    struct frame frame;
    if (key->fd < 0) return;
    enum err filled = channel_fill(key), error;
    while ((error = channel_next(key, &frame)) == OK && (error = key_take(net, &frame)) == OK) {
    }
    channel_wipe(key);
    if (error != ERR_NOT_FOUND) log_warn("the key process sent what it may not: %s", err_text(error));
    /* A new channel comes through the parent. */
    if (filled != OK || error != ERR_NOT_FOUND) channel_close(key);
}

static void parent_step(struct net *net) {
    struct frame frame;
    enum err filled = channel_fill(&net->child.parent), error;
    while ((error = channel_next(&net->child.parent, &frame)) == OK) {
        if (frame.type == FRAME_STOP) {
            net->stop = true;
        } else {
            /* Links belong to the engine that knows them. Its old channel is lost even if it did not end yet. */
            if (frame.type == FRAME_PEER && frame.body.size == 1 && frame.body.data[0] == ROLE_ENGINE) engine_lost(net);
            if (proc_child_peer(&net->child, &frame) == ROLE_ENGINE) net->engine_failed = false;
        }
    }
    if (filled != OK || error != ERR_NOT_FOUND) net->stop = true;
}

/* --- the loop --- */

static void counts_tell(struct net *net, uint64_t now_ms) {
    if (now_ms - net->counts_ms < COUNTS_MS) return;
    net->counts_ms = now_ms;
    uint64_t sum = net->door.zap.refused + net->cut_links + net->bytes_in + net->bytes_out;
    if (sum == net->counts_told) return;
    net->counts_told = sum;
    uint8_t body[32];
    put_be64(body, net->door.zap.refused);
    put_be64(body + 8, net->cut_links);
    put_be64(body + 16, net->bytes_in);
    put_be64(body + 24, net->bytes_out);
    net_tell(net, FRAME_NET_COUNTS, 0, bytes_of(body, sizeof body));
}

/* Ends connections that received far more than came out as messages: a message without an end fills memory past every limit of
   ZeroMQ. While we do not read, what honest peers sent waits in ZeroMQ's own queue. */
static void guard_step(struct net *net, uint64_t now_ms) {
    curve_guard_limit(&net->door.guard, net->settings.strangers_max, now_ms);
    if (now_ms - net->guard_ms < CURVE_GUARD_MS) return;
    net->guard_ms = now_ms;
    for (int fd = 0; fd < net->door.guard.used_end; fd++) {
        struct curve_connection *connection = curve_guard_at(&net->door.guard, fd);
        if (connection == NULL || connection->cut) continue;
        struct net_link *link = net_link_by_connection(net, fd);
        bool drained = link != NULL && link->number % 2 == 1 ? !link->socket.check : !net->door.router.check;
        uint64_t bytes_max = NET_UNDELIVERED_BYTES_MAX;
        if (!drained) bytes_max += (uint64_t)NET_RECEIVE_HWM * NET_MESSAGE_BYTES_MAX;
        if (curve_guard_undelivered_bytes(connection) <= bytes_max) continue;
        if (link != NULL) {
            net_link_cut(net, link, "it sends without ever completing a message");
        } else {
            log_warn("a connection without a link is cut: it sends without ever completing a message");
            curve_guard_cut(&net->door.guard, fd);
        }
    }
}

static void poll_add(struct pollfd *fds, size_t *count, int fd, short events) {
    if (fd >= 0) fds[(*count)++] = (struct pollfd){.fd = fd, .events = events};
}

static bool sockets_pending(struct net *net) {
    if (curve_socket_pending(&net->door.zap.socket)) return true;
    if (net_engine_behind(net)) return false;
    bool pending = curve_socket_pending(&net->door.router);
    for (size_t i = 0; i < net->link_count; i++) pending = curve_socket_pending(&net->links[i]->socket) || pending;
    return pending;
}

/* Waits for news. Which socket it was is not kept: every step looks for itself, and an idle one answers in nanoseconds. */
static void news_wait(struct net *net, int wait_ms) {
    static struct pollfd fds[POLL_MAX];
    size_t count = 0;
    bool behind = net_engine_behind(net);
    struct channel *engine = NET_ENGINE(net);
    poll_add(fds, &count, net->child.parent.fd, POLLIN);
    poll_add(fds, &count, net->child.peers[ROLE_KEY].fd, POLLIN);
    poll_add(fds, &count, engine->fd, (short)(POLLIN | (engine->fd >= 0 && channel_backlog(engine) > 0 ? POLLOUT : 0)));
    poll_add(fds, &count, net->door.zap.socket.fd, POLLIN);
    poll_add(fds, &count, net->door.monitor.fd, POLLIN);
    if (!behind) poll_add(fds, &count, net->door.router.fd, POLLIN);
    for (size_t i = 0; i < net->link_count; i++) {
        struct net_link *link = net->links[i];
        poll_add(fds, &count, link->monitor.fd, POLLIN);
        if (!behind) poll_add(fds, &count, link->socket.fd, POLLIN);
    }
    if (poll(fds, count, wait_ms) < 0 && errno != EINTR) log_warn("poll: %s", strerror(errno));
    /* ZeroMQ's descriptors tell of news, not of what kind: look everywhere. */
    net->door.router.check = net->door.router.sock != NULL;
    net->door.zap.socket.check = net->door.zap.socket.sock != NULL;
    for (size_t i = 0; i < net->link_count; i++) net->links[i]->socket.check = net->links[i]->socket.sock != NULL;
}

static void links_step(struct net *net, uint64_t now_ms) {
    for (size_t i = net->link_count; i-- > 0 && i < net->link_count;) {
        struct net_link *link = net->links[i];
        if (link->number % 2 == 0) continue;
        net_dial_step(net, link, now_ms);
        net_receive_dealer(net, link);
    }
}

static int turn(struct net *net) {
    uint64_t now_ms = clock_monotonic_ms();
    parent_step(net);
    key_step(net);
    /* The engine first: a key that it allowed before its peer dialled is admitted. */
    engine_step(net);
    if (net->door.router.sock != NULL) {
        curve_door_admit(&net->door, now_ms);
        net_receive_router(net, now_ms);
    }
    links_step(net, now_ms);
    guard_step(net, now_ms);
    net_links_closing(net);
    /* In this order: the look at the sockets lets ZeroMQ learn which queues have room again. */
    bool pending = sockets_pending(net);
    int wait_ms = net_send_step(net);
    if (pending || net->stop) wait_ms = 0;
    counts_tell(net, now_ms);
    if (NET_ENGINE(net)->fd >= 0 && channel_flush(NET_ENGINE(net)) != OK) net->engine_failed = true;
    if (net->engine_failed) {
        engine_lost(net);
        net->engine_failed = false;
    }
    if (wait_ms < 0) wait_ms = net->door.guard.used_count > 0 || net->link_count > 0 ? CURVE_GUARD_MS : IDLE_MS;
    return wait_ms;
}

/* --- start and end --- */

static enum err key_wait(struct net *net) {
    uint64_t deadline_ms = clock_monotonic_ms() + KEY_WAIT_MS;
    while (net->curve == NULL && !net->stop) {
        if (clock_monotonic_ms() >= deadline_ms) return ERR_TIMEOUT;
        struct pollfd fds[2] = {{.fd = net->child.parent.fd, .events = POLLIN},
                                {.fd = net->child.peers[ROLE_KEY].fd, .events = POLLIN}};
        if (poll(fds, 2, IDLE_MS) < 0 && errno != EINTR) return ERR_IO;
        parent_step(net);
        key_step(net);
    }
    return OK;
}

static int net_start(struct net *net) {
    char why[256];
    if (net_settings_decode(bytes_of(net->child.settings, net->child.settings_bytes), &net->settings) != OK) {
        return proc_child_fatal(&net->child, EXIT_BAD, "its settings are damaged");
    }
    proc_child_settings_free(&net->child);
    log_open("net", net->settings.log_level);
    if (sandbox_enter(ROLE_NET, NULL, why) != OK) return proc_child_fatal(&net->child, EXIT_SANDBOX, "sandbox: %s", why);
    enum err error = key_wait(net);
    if (error != OK) return proc_child_fatal(&net->child, EXIT_BAD, "no key from the key process: %s", err_text(error));
    if (net->stop) return 0;
    curve_socket_setup();
    net->zsys_open = true;
    if (net->settings.listen[0] != '\0' && curve_door_open(&net->door, &net_limits, net->curve, net->settings.listen, why) != OK) {
        return proc_child_fatal(&net->child, EXIT_NETWORK, "%s", why);
    }
    if (net->door.bound[0] != '\0') log_info("listening on %s", net->door.bound);
    if (channel_send(&net->child.parent, FRAME_READY, 0, bytes_of_text(net->door.bound)) != OK) net->stop = true;
    return 0;
}

static void net_end(struct net *net) {
    net_links_drop(net, "the network process ends");
    curve_door_end(&net->door);
    if (NET_ENGINE(net)->fd >= 0 && channel_flush(NET_ENGINE(net)) != OK) log_debug("the engine was gone first");
    if (net->zsys_open) curve_socket_teardown();
    secret_free(net->curve);
    proc_child_end(&net->child);
    free(net);
}

static void connection_ended(void *context, int fd) {
    struct net *net = context;
    struct net_link *link = net_link_by_connection(net, fd);
    if (link == NULL || link->number % 2 == 1) return;
    link->connection = -1;
    link->closing = true;
    net->door.router.check = true;
}

int net_main(int parent_fd) {
    log_open("net", LOG_LEVEL_INFO);
    struct net *net = calloc(1, sizeof *net);
    if (net == NULL) return EXIT_BAD;
    net->number_next = 2;
    curve_door_init(&net->door, connection_ended, net);
    int exit_code = 0;
    if (proc_child_start(&net->child, ROLE_NET, parent_fd) != OK) {
        net->stop = true;
    } else {
        exit_code = net_start(net);
    }
    if (exit_code != 0) net->stop = true;
    /* What start-up left in the buffers, and no poll would tell of. */
    parent_step(net);
    engine_step(net);
    while (!net->stop) news_wait(net, turn(net));
    net_end(net);
    return exit_code;
}

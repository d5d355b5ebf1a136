/* live: the process of the live feed. Its life: settings, connections to the engine, sandbox, self-test, then one loop. */
#include "node/live/live.h"

#include "crypto/secret.h"
#include "crypto/selftest.h"
#include "gossip/pack.h"
#include "node/engine/control.h"
#include "node/live/live_state.h"
#include "node/process/log_event.h"
#include "node/process/clock.h"
#include "node/process/sandbox.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENGINE_MS    30000
#define COUNTS_MS    1000
#define IDLE_MS      1000
#define SESSIONS_MS  250 /* how soon a clock of a session is looked at */
#define SENDING_MS   4   /* while something is not acknowledged by a kernel */
#define EXIT_BAD     1
#define EXIT_LISTEN  3
#define EXIT_SANDBOX 5
#define POLL_MAX     (LIVE_LINKS + 6)

static const struct curve_limits limits = {
    .message_bytes_max = LIVE_ASK_BYTES_MAX,
    .receive_hwm = 16,
    .send_hwm = 1000, /* LIVE_WINDOW_BYTES_MAX bounds what stands in it */
    .receive_buffer_bytes = 64 * 1024,
    .handshake_ms = 3000,
    .heartbeat_ms = 10000,
    .heartbeat_timeout_ms = 30000,
    .heartbeat_ttl_ms = 60000,
};

void live_break(struct live *live, const char *why) {
    if (!live->broken) log_event(LOG_LIVE_LOST, NULL, "the engine cannot be asked any more: %s", why);
    live->broken = true;
}

/* --- what the engine tells --- */

static void clients_take(struct live *live, struct bytes file) {
    struct live_clients fresh;
    size_t line;
    enum err err = live_clients_parse(&fresh, file, &line);
    if (err != OK) {
        /* Fail closed: what cannot be read permits nobody. */
        log_event(LOG_CLIENTS_BAD, LOG_FIELDS(LOG_NUMBER("line", line)),
                  DIR_CLIENTS ":%zu: %s: nobody is let in until it is corrected", line, err_text(err));
        live_clients_free(&fresh);
    }
    live_clients_free(&live->clients);
    live->clients = fresh;
    live->clients_known = true;
    if (live->door.router.sock) live_sessions_review(live, clock_monotonic_ms());
}

static enum err newest_take(struct live *live, struct bytes body) {
    struct pack_reader in = pack_reader_of(body);
    if (pack_read_array(&in) != 3) return ERR_FORMAT;
    uint64_t cursor = pack_read_uint(&in);
    pack_read_uint(&in);
    uint64_t gone = pack_read_uint(&in);
    if (pack_done(&in) != OK) return ERR_FORMAT;
    /* A page may have told of newer ones. */
    if (cursor > live->newest.cursor) live->newest.cursor = cursor;
    if (gone > live->newest.gone) live->newest.gone = gone;
    live->newest_known = true;
    return OK;
}

static enum err watch_take(struct live *live, const struct frame *frame) {
    static const uint8_t nothing = 0x90; /* an empty array */
    switch (frame->type) {
    case FRAME_ANSWER_CLIENTS:
        clients_take(live, frame->body);
        return channel_send(&live->watch, FRAME_ASK_HELD, 1, bytes_of(&nothing, 1));
    case FRAME_ANSWER_WATCH: return newest_take(live, frame->body);
    case FRAME_ANSWER_DONE: return OK; /* our counts were taken */
    default: return ERR_FORMAT;
    }
}

static void watch_read(struct live *live) {
    struct frame frame;
    enum err filled = channel_fill(&live->watch), err = OK, next;
    while (err == OK && (next = channel_next(&live->watch, &frame)) == OK) err = watch_take(live, &frame);
    if (err != OK || filled != OK || next != ERR_NOT_FOUND) live_break(live, "its connection ended");
}

/* Clients and the newest object are known before the door opens. */
static bool watch_begin(struct live *live) {
    static const uint8_t clients[] = {0x91, CONTROL_WATCH_CLIENTS | CONTROL_WATCH_SAYS};
    struct frame frame;
    if (channel_send(&live->watch, FRAME_ASK_WATCH, 1, bytes_of(clients, sizeof clients)) != OK) return false;
    while (!live->newest_known || !live->clients_known)
        if (channel_wait(&live->watch, &frame, ENGINE_MS) != OK || watch_take(live, &frame) != OK) return false;
    return true;
}

/* For `comity status` and the figures: now and then, when something changed, and once at the start. */
static void counts_tell(struct live *live, uint64_t now_ms) {
    live->counts[CONTROL_LIVE_SESSIONS] = live->session_count;
    live->counts[CONTROL_LIVE_KEYS_REFUSED] = live->door.zap.refused;
    bool same = memcmp(live->counts, live->told, sizeof live->counts) == 0;
    if (live->told_ms > 0 && (same || now_ms - live->told_ms < COUNTS_MS)) return;
    struct buf body = {0};
    live->told_ms = now_ms;
    memcpy(live->told, live->counts, sizeof live->told);
    pack_write_array(&body, CONTROL_LIVE_COUNT);
    for (size_t i = 0; i < CONTROL_LIVE_COUNT; i++) pack_write_uint(&body, live->counts[i]);
    if (body.failed || channel_send(&live->watch, FRAME_ASK_CLIENTS, 2, bytes_of_buf(&body)) != OK)
        live_break(live, "its connection ended");
    buf_free(&body);
}

/* --- the loop --- */

/* Ends connections that received far more than came out as messages: a message without an end fills memory past every limit of
   ZeroMQ. Whole messages prove that nothing is held back, but for ZeroMQ's own signs of life, which the count forgets then. */
static void guard_step(struct live *live, uint64_t now_ms) {
    curve_guard_limit(&live->door.guard, LIVE_STRANGERS_MAX, now_ms);
    if (now_ms - live->guarded_ms < SESSIONS_MS) return;
    uint64_t before_ms = live->guarded_ms;
    live->guarded_ms = now_ms;
    for (size_t i = 0; i < live->session_count; i++) {
        struct live_session *session = live->sessions[i];
        struct curve_connection *connection = curve_guard_at(&live->door.guard, session->origin.fd);
        if (!connection || connection->cut) continue;
        uint64_t held = curve_guard_undelivered_bytes(connection);
        if (session->heard_ms >= before_ms) {
            connection->delivered_bytes += held;
        } else if (held > LIVE_OVERFULL_BYTES_MAX) {
            log_warn("%s is cut: it sends without ever completing a message", session->name);
            curve_guard_cut(&live->door.guard, session->origin.fd);
        }
    }
}

static void parent_read(struct live *live) {
    struct frame frame;
    enum err filled = channel_fill(&live->child.parent), next;
    while ((next = channel_next(&live->child.parent, &frame)) == OK)
        if (frame.type == FRAME_STOP) live->stop = true;
    if (filled != OK || next != ERR_NOT_FOUND) live->stop = true;
}

static void poll_add(struct pollfd *fds, size_t *count, int fd, short events) {
    if (fd >= 0) fds[(*count)++] = (struct pollfd){.fd = fd, .events = events};
}

static void news_wait(struct live *live, int wait_ms) {
    struct pollfd fds[POLL_MAX];
    size_t count = 0;
    struct curve_door *door = &live->door;
    poll_add(fds, &count, live->child.parent.fd, POLLIN);
    poll_add(fds, &count, live->watch.fd, (short)(POLLIN | (channel_backlog(&live->watch) > 0 ? POLLOUT : 0)));
    for (size_t i = 0; i < LIVE_LINKS; i++) {
        struct channel *channel = &live->links[i].channel;
        poll_add(fds, &count, channel->fd, (short)(POLLIN | (channel_backlog(channel) > 0 ? POLLOUT : 0)));
    }
    poll_add(fds, &count, door->zap.socket.fd, POLLIN);
    poll_add(fds, &count, door->monitor.fd, POLLIN);
    poll_add(fds, &count, door->router.fd, POLLIN);
    if (poll(fds, count, wait_ms) < 0 && errno != EINTR) log_warn("poll: %s", strerror(errno));
    /* ZeroMQ's descriptors tell of news, not of what kind: look everywhere. */
    door->router.check = door->router.sock != NULL;
    door->zap.socket.check = door->zap.socket.sock != NULL;
}

static void door_step(struct live *live, uint64_t now_ms) {
    if (!live->door.router.sock) return;
    curve_door_admit(&live->door, now_ms);
    live_receive(live, now_ms);
    live_sessions_step(live, now_ms);
    guard_step(live, now_ms);
}

/* In how many ms the next turn is due at the latest. */
static int turn(struct live *live) {
    uint64_t now_ms = clock_monotonic_ms();
    bool sending = false;
    parent_read(live);
    watch_read(live);
    for (size_t i = 0; i < LIVE_LINKS && !live->broken; i++) live_link_read(live, &live->links[i], now_ms);
    door_step(live, now_ms);
    live_pub_step(live, now_ms);
    if (!live->broken) live_links_ask(live, now_ms);
    for (size_t i = 0; i < live->session_count; i++) sending = live_send_step(live, live->sessions[i], now_ms) || sending;
    counts_tell(live, now_ms);
    for (size_t i = 0; i < LIVE_LINKS && !live->broken; i++)
        if (channel_flush(&live->links[i].channel) != OK) live_break(live, "its connection ended");
    if (live->stop || live->broken) return 0;
    if (curve_socket_pending(&live->door.router) || curve_socket_pending(&live->door.zap.socket)) return 0;
    if (sending) return SENDING_MS;
    return live->session_count > 0 || live->door.guard.used_count > 0 ? SESSIONS_MS : IDLE_MS;
}

/* --- start and end --- */

static bool settings_take(struct live *live) {
    if (live_settings_decode(bytes_of(live->child.settings, live->child.settings_bytes), &live->settings) != OK) return false;
    live->keys = secret_new(2 * CURVE_KEY_BYTES);
    if (!live->keys) return false;
    if (live->settings.keys.size > 0) memcpy(live->keys, live->settings.keys.data, live->settings.keys.size);
    live->settings.keys = bytes_of(NULL, 0);
    proc_child_settings_free(&live->child);
    return true;
}

static int start(struct live *live, char why[static 256]) {
    const char *what = "libsodium";
    snprintf(why, 256, "its settings are not understood");
    if (!settings_take(live)) return EXIT_BAD;
    log_open("live", live->settings.log_level);
    if (selftest_run(&what) != OK) return snprintf(why, 256, "the cryptographic self-test '%s' failed", what), EXIT_BAD;
    snprintf(why, 256, "the engine does not answer at the control socket");
    if (live_links_open(live) != OK) return EXIT_BAD;
    if (sandbox_enter(ROLE_LIVE, NULL, why) != OK) return EXIT_SANDBOX;
    if (!watch_begin(live)) return EXIT_BAD;
    curve_socket_setup();
    live->zsys_open = true;
    if (live->settings.listen[0]) {
        if (curve_door_open(&live->door, &limits, live->keys, live->settings.listen, why) != OK) return EXIT_LISTEN;
        char key[CURVE_KEY_CHARS + 1];
        curve_key_text(key, live->keys);
        log_info("listening on %s, public key %s", live->door.bound, key);
        live_sessions_review(live, clock_monotonic_ms());
    }
    return live_pub_open(live, why) == OK ? 0 : EXIT_LISTEN;
}

static void end(struct live *live) {
    live_sessions_drop(live);
    curve_door_end(&live->door);
    live_pub_close(live);
    if (live->zsys_open) curve_socket_teardown();
    live_links_close(live);
    live_clients_free(&live->clients);
    secret_free(live->keys);
    proc_child_end(&live->child);
    free(live);
}

int live_main(int parent_fd) {
    struct live *live = calloc(1, sizeof *live);
    char why[256] = "";
    if (!live) return EXIT_BAD;
    live->watch.fd = live->pub.socket.fd = -1;
    for (size_t i = 0; i < LIVE_LINKS; i++) live->links[i].channel.fd = -1;
    curve_door_init(&live->door, live_connection_ended, live);
    if (proc_child_start(&live->child, ROLE_LIVE, parent_fd) != OK) {
        end(live);
        return EXIT_BAD;
    }
    int code = start(live, why);
    if (code != 0)
        code = proc_child_fatal(&live->child, code, "the live process cannot start: %s", why);
    else if (proc_child_ready(&live->child) == OK)
        while (!live->stop && !live->broken) news_wait(live, turn(live));
    if (code == 0 && live->broken && !live->stop) code = EXIT_BAD;
    end(live);
    return code;
}

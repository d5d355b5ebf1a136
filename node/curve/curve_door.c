/* curve_door: the listener: proof that a stranger is refused, then the door opens; and what happens at the door. */
#include "node/curve/curve_door.h"

#include "node/process/clock.h"
#include "node/process/log.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define SELFTEST_MS   6000
#define USER_PROPERTY "User-Id"

void curve_door_init(struct curve_door *door, void (*closed)(void *context, int fd), void *context) {
    door->router.fd = door->monitor.fd = door->zap.socket.fd = -1;
    door->closed = closed;
    door->context = context;
    curve_guard_init(&door->guard);
}

void curve_door_events(struct curve_door *door, uint64_t now_ms) {
    unsigned event;
    uint32_t value;
    while (curve_monitor_next(&door->monitor, &event, &value)) {
        if (event == ZMQ_EVENT_LISTENING) {
            curve_guard_listening(&door->guard, (int)value);
        } else if (event == ZMQ_EVENT_ACCEPTED) {
            curve_guard_opened(&door->guard, (int)value, true, door->zap.serial_next, now_ms);
        } else if (event == ZMQ_EVENT_DISCONNECTED) {
            door->closed(door->context, (int)value);
            curve_guard_closed(&door->guard, (int)value);
        }
    }
    door->monitor.check = false;
}

static void before_admission(void *context) { curve_door_events(context, clock_monotonic_ms()); }

void curve_door_admit(struct curve_door *door, uint64_t now_ms) {
    curve_door_events(door, now_ms);
    curve_zap_step(&door->zap, before_admission, door);
}

/* --- messages --- */

bool curve_door_origin(struct curve_door *door, zmq_msg_t *content, struct curve_origin *out) {
    const char *user = zmq_msg_gets(content, USER_PROPERTY), *serial = zmq_msg_gets(content, CURVE_ZAP_SERIAL_PROPERTY);
    int fd = zmq_msg_get(content, ZMQ_SRCFD);
    struct curve_connection *connection = curve_guard_at(&door->guard, fd);
    uint8_t serial_raw[8];
    if (connection == NULL || connection->cut) return false;
    if (user == NULL || serial == NULL || !hex_decode(out->key, sizeof out->key, bytes_of_text(user)) ||
        !hex_decode(serial_raw, sizeof serial_raw, bytes_of_text(serial))) {
        log_warn("a message without an authenticated key: its connection is cut");
        curve_guard_cut(&door->guard, fd);
        return false;
    }
    /* The message came late, after its connection ended and the number was given to another. */
    if (get_be64(serial_raw) < connection->serial_first) return false;
    out->fd = fd;
    hex_encode(out->user, bytes_of(out->key, sizeof out->key));
    hex_encode(out->serial, bytes_of(serial_raw, sizeof serial_raw));
    return true;
}

static bool property_is(zmq_msg_t *content, const char *name, const char *expected) {
    const char *value = zmq_msg_gets(content, name);
    return value != NULL && strcmp(value, expected) == 0;
}

bool curve_origin_same(const struct curve_origin *origin, zmq_msg_t *content) {
    return property_is(content, USER_PROPERTY, origin->user) && property_is(content, CURVE_ZAP_SERIAL_PROPERTY, origin->serial);
}

/* --- opening --- */

static bool bound_endpoint(struct curve_door *door, char out[static ENDPOINT_BYTES_MAX]) {
    size_t size = ENDPOINT_BYTES_MAX;
    return zmq_getsockopt(door->router.handle, ZMQ_LAST_ENDPOINT, out, &size) == 0;
}

/* The stranger's view: true when it was refused because our own handler was asked and said no. */
static bool stranger_refused(struct curve_door *door, struct curve_socket *monitor, char why[static 256]) {
    uint64_t deadline_ms = clock_monotonic_ms() + SELFTEST_MS, refused_before = door->zap.refused;
    for (;;) {
        uint64_t now_ms = clock_monotonic_ms();
        zmq_pollitem_t items[] = {{monitor->handle, 0, ZMQ_POLLIN, 0},
                                  {door->zap.socket.handle, 0, ZMQ_POLLIN, 0},
                                  {door->monitor.handle, 0, ZMQ_POLLIN, 0}};
        if (now_ms >= deadline_ms || zmq_poll(items, 3, (long)(deadline_ms - now_ms)) < 0) {
            snprintf(why, 256, "self-test: a stranger was neither admitted nor refused in time");
            return false;
        }
        curve_door_events(door, now_ms);
        curve_zap_step(&door->zap, NULL, NULL);
        unsigned event;
        uint32_t value;
        while (curve_monitor_next(monitor, &event, &value)) {
            if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
                snprintf(why, 256, "self-test: a stranger with a random key was admitted; nothing is opened");
                return false;
            }
            if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) return door->zap.refused > refused_before;
        }
    }
}

static enum err selftest(struct curve_door *door, const struct curve_limits *limits,
                         const uint8_t server_key[static CURVE_KEY_BYTES], char why[static 256]) {
    static const char *const ways[] = {"tcp://127.0.0.1:*", "tcp://[::1]:*"};
    struct curve_socket stranger = {.fd = -1}, monitor = {.fd = -1};
    uint8_t public_key[CURVE_KEY_BYTES], secret_key[CURVE_KEY_BYTES];
    char way[ENDPOINT_BYTES_MAX];
    if ((zmq_bind(door->router.handle, ways[0]) != 0 && zmq_bind(door->router.handle, ways[1]) != 0) ||
        !bound_endpoint(door, way)) {
        snprintf(why, 256, "self-test: no loopback address to listen on: %s", zmq_strerror(errno));
        return ERR_IO;
    }
    crypto_box_keypair(public_key, secret_key);
    bool refused = false;
    snprintf(why, 256, "self-test: no socket could be made");
    if (curve_socket_dealer(&stranger, limits, public_key, secret_key, server_key) == OK &&
        curve_socket_monitor(&monitor, &stranger) == OK && zmq_connect(stranger.handle, way) == 0) {
        refused = stranger_refused(door, &monitor, why);
    }
    if (stranger.sock != NULL) zmq_socket_monitor(stranger.handle, NULL, 0);
    curve_socket_close(&monitor);
    curve_socket_close(&stranger);
    zmq_unbind(door->router.handle, way);
    door->zap.refused = 0;
    return refused ? OK : ERR_SELFTEST;
}

enum err curve_door_open(struct curve_door *door, const struct curve_limits *limits, const uint8_t keys[static 2 * CURVE_KEY_BYTES],
                         const char *endpoint, char why[static 256]) {
    snprintf(why, 256, "no socket could be made");
    enum err error = curve_zap_open(&door->zap);
    if (error == OK) error = curve_socket_router(&door->router, limits, keys + CURVE_KEY_BYTES);
    if (error == OK) error = curve_socket_monitor(&door->monitor, &door->router);
    if (error == OK) error = selftest(door, limits, keys, why);
    if (error != OK) return error;
    if (zmq_bind(door->router.handle, endpoint) != 0 || !bound_endpoint(door, door->bound)) {
        snprintf(why, 256, "cannot listen on %.100s: %.100s", endpoint, zmq_strerror(errno));
        return ERR_IO;
    }
    return OK;
}

void curve_door_end(struct curve_door *door) {
    /* The watcher is told to stop first: ZeroMQ's I/O thread would wait for ever for a reader that is gone. */
    if (door->router.sock != NULL) zmq_socket_monitor(door->router.handle, NULL, 0);
    curve_socket_close(&door->monitor);
    curve_socket_close(&door->router);
    curve_zap_close(&door->zap);
    curve_guard_end(&door->guard);
}

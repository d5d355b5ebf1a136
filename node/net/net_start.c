/* net_start: the listener: proof that a stranger is refused, then the door opens; and what happens at the door. */
#include "node/process/clock.h"
#include "node/net/net_state.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define SELFTEST_MS 6000

void net_router_events(struct net *net, uint64_t now_ms) {
    unsigned event;
    uint32_t value;
    while (net_monitor_next(&net->router_monitor, &event, &value)) {
        if (event == ZMQ_EVENT_LISTENING) {
            net_guard_listening(&net->guard, (int)value);
        } else if (event == ZMQ_EVENT_ACCEPTED) {
            net_guard_opened(&net->guard, (int)value, true, net->zap.serial_next, now_ms);
        } else if (event == ZMQ_EVENT_DISCONNECTED) {
            struct net_link *link = net_link_by_connection(net, (int)value);
            if (link != NULL && link->number % 2 == 0) {
                link->connection = -1;
                link->closing = true;
                net->router.check = true;
            }
            net_guard_closed(&net->guard, (int)value);
        }
    }
    net->router_monitor.check = false;
}

static bool bound_endpoint(struct net *net, char out[static ENDPOINT_BYTES_MAX]) {
    size_t size = ENDPOINT_BYTES_MAX;
    return zmq_getsockopt(net->router.handle, ZMQ_LAST_ENDPOINT, out, &size) == 0;
}

/* The stranger's view: true when it was refused because our own handler was asked and said no. */
static bool stranger_refused(struct net *net, struct net_socket *monitor, char why[static 256]) {
    uint64_t deadline_ms = clock_monotonic_ms() + SELFTEST_MS, refused_before = net->zap.refused;
    for (;;) {
        uint64_t now_ms = clock_monotonic_ms();
        zmq_pollitem_t items[] = {{monitor->handle, 0, ZMQ_POLLIN, 0},
                                  {net->zap.socket.handle, 0, ZMQ_POLLIN, 0},
                                  {net->router_monitor.handle, 0, ZMQ_POLLIN, 0}};
        if (now_ms >= deadline_ms || zmq_poll(items, 3, (long)(deadline_ms - now_ms)) < 0) {
            snprintf(why, 256, "self-test: a stranger was neither admitted nor refused in time");
            return false;
        }
        net_router_events(net, now_ms);
        net_zap_step(&net->zap, NULL, NULL);
        unsigned event;
        uint32_t value;
        while (net_monitor_next(monitor, &event, &value)) {
            if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
                snprintf(why, 256, "self-test: a stranger with a random key was admitted; nothing is opened");
                return false;
            }
            if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) return net->zap.refused > refused_before;
        }
    }
}

static enum err selftest(struct net *net, char why[static 256]) {
    static const char *const doors[] = {"tcp://127.0.0.1:*", "tcp://[::1]:*"};
    struct net_socket stranger = {.fd = -1}, monitor = {.fd = -1};
    uint8_t public_key[NET_CURVE_KEY_BYTES], secret_key[NET_CURVE_KEY_BYTES];
    char door[ENDPOINT_BYTES_MAX];
    if ((zmq_bind(net->router.handle, doors[0]) != 0 && zmq_bind(net->router.handle, doors[1]) != 0) ||
        !bound_endpoint(net, door)) {
        snprintf(why, 256, "self-test: no loopback address to listen on: %s", zmq_strerror(errno));
        return ERR_IO;
    }
    crypto_box_keypair(public_key, secret_key);
    bool refused = false;
    snprintf(why, 256, "self-test: no socket could be made");
    if (net_socket_dealer(&stranger, public_key, secret_key, net->curve) == OK && net_socket_monitor(&monitor, &stranger) == OK &&
        zmq_connect(stranger.handle, door) == 0) {
        refused = stranger_refused(net, &monitor, why);
    }
    if (stranger.sock != NULL) zmq_socket_monitor(stranger.handle, NULL, 0);
    net_socket_close(&monitor);
    net_socket_close(&stranger);
    zmq_unbind(net->router.handle, door);
    net->zap.refused = 0;
    return refused ? OK : ERR_SELFTEST;
}

enum err net_start_listener(struct net *net, char why[static 256]) {
    snprintf(why, 256, "no socket could be made");
    enum err error = net_zap_open(&net->zap);
    if (error == OK) error = net_socket_router(&net->router, net->curve + NET_CURVE_KEY_BYTES);
    if (error == OK) error = net_socket_monitor(&net->router_monitor, &net->router);
    if (error == OK) error = selftest(net, why);
    if (error != OK) return error;
    if (zmq_bind(net->router.handle, net->settings.listen) != 0 || !bound_endpoint(net, net->bound)) {
        snprintf(why, 256, "cannot listen on %.100s: %.100s", net->settings.listen, zmq_strerror(errno));
        return ERR_IO;
    }
    return OK;
}

/* curve_socket: ZeroMQ sockets with every option of reliability.md section 1 and 2 set, in one place. */
#include "node/curve/curve_socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Live in Debian's libzmq 4.3.4, although its header shows it to users of the draft interface only. */
#define OPTION_ZAP_ENFORCE_DOMAIN 93
/* What CURVE adds inside a frame: "\x07MESSAGE", short nonce, authenticator, flags. ZeroMQ compares the limit with the whole. */
#define CURVE_BYTES    33
#define CONNECT_MS     8000
#define LISTEN_BACKLOG 128
#define DIAL_LINGER_MS 500 /* what was sent just before a close */

void curve_socket_setup(void) {
    setenv("ZSYS_SIGHANDLER", "false", 1);
    zsys_init();
    zsys_set_io_threads(1);
    zsys_set_ipv6(1);
    zsys_set_linger(0);
    zsys_set_max_sockets(4096);
}

void curve_socket_teardown(void) { zsys_shutdown(); }

static bool option_int(struct curve_socket *socket, int option, int value) {
    return zmq_setsockopt(socket->handle, option, &value, sizeof value) == 0;
}

static bool option_bytes(struct curve_socket *socket, int option, const void *value, size_t size) {
    return zmq_setsockopt(socket->handle, option, value, size) == 0;
}

static bool socket_new(struct curve_socket *out, int type) {
    *out = (struct curve_socket){.fd = -1, .check = true};
    out->sock = zsock_new(type);
    if (out->sock == NULL) return false;
    out->handle = zsock_resolve(out->sock);
    size_t size = sizeof out->fd;
    return zmq_getsockopt(out->handle, ZMQ_FD, &out->fd, &size) == 0;
}

/* What both ends of a link share. */
static bool options_link(struct curve_socket *socket, const struct curve_limits *limits) {
    int64_t message_bytes_max = (int64_t)limits->message_bytes_max + CURVE_BYTES;
    return option_bytes(socket, ZMQ_MAXMSGSIZE, &message_bytes_max, sizeof message_bytes_max) &&
           option_int(socket, ZMQ_HANDSHAKE_IVL, limits->handshake_ms) &&
           option_int(socket, ZMQ_HEARTBEAT_IVL, limits->heartbeat_ms) &&
           option_int(socket, ZMQ_HEARTBEAT_TIMEOUT, limits->heartbeat_timeout_ms) &&
           option_int(socket, ZMQ_HEARTBEAT_TTL, limits->heartbeat_ttl_ms) && option_int(socket, ZMQ_RCVHWM, limits->receive_hwm) &&
           option_int(socket, ZMQ_SNDHWM, limits->send_hwm) && option_int(socket, ZMQ_RCVBUF, limits->receive_buffer_bytes) &&
           option_int(socket, ZMQ_IPV6, 1) && option_int(socket, ZMQ_IMMEDIATE, 1);
}

static enum err socket_result(struct curve_socket *socket, bool good) {
    if (good) return OK;
    curve_socket_close(socket);
    return ERR_IO;
}

enum err curve_socket_router(struct curve_socket *out, const struct curve_limits *limits,
                             const uint8_t secret_key[static CURVE_KEY_BYTES]) {
    bool good = socket_new(out, ZMQ_ROUTER) && options_link(out, limits) && option_int(out, ZMQ_LINGER, 0) &&
                option_int(out, ZMQ_BACKLOG, LISTEN_BACKLOG) && option_int(out, ZMQ_ROUTER_MANDATORY, 1) &&
                option_bytes(out, ZMQ_ZAP_DOMAIN, CURVE_ZAP_DOMAIN, sizeof CURVE_ZAP_DOMAIN - 1) &&
                option_int(out, OPTION_ZAP_ENFORCE_DOMAIN, 1) && option_int(out, ZMQ_CURVE_SERVER, 1) &&
                option_bytes(out, ZMQ_CURVE_SECRETKEY, secret_key, CURVE_KEY_BYTES);
    return socket_result(out, good);
}

enum err curve_socket_dealer(struct curve_socket *out, const struct curve_limits *limits,
                             const uint8_t public_key[static CURVE_KEY_BYTES], const uint8_t secret_key[static CURVE_KEY_BYTES],
                             const uint8_t server_key[static CURVE_KEY_BYTES]) {
    bool good = socket_new(out, ZMQ_DEALER) && options_link(out, limits) && option_int(out, ZMQ_LINGER, DIAL_LINGER_MS) &&
                option_int(out, ZMQ_RECONNECT_IVL, -1) && option_int(out, ZMQ_CONNECT_TIMEOUT, CONNECT_MS) &&
                option_bytes(out, ZMQ_CURVE_SERVERKEY, server_key, CURVE_KEY_BYTES) &&
                option_bytes(out, ZMQ_CURVE_PUBLICKEY, public_key, CURVE_KEY_BYTES) &&
                option_bytes(out, ZMQ_CURVE_SECRETKEY, secret_key, CURVE_KEY_BYTES);
    return socket_result(out, good);
}

enum err curve_socket_zap(struct curve_socket *out) {
    bool good = socket_new(out, ZMQ_REP) && option_int(out, ZMQ_LINGER, 0);
    if (good && zmq_bind(out->handle, CURVE_ZAP_ENDPOINT) == 0) return OK;
    enum err error = good && errno == EADDRINUSE ? ERR_EXISTS : ERR_IO;
    curve_socket_close(out);
    return error;
}

enum err curve_socket_monitor(struct curve_socket *out, const struct curve_socket *of) {
    /* A number and not the address of the socket: addresses come again while the old end still closes. */
    static uint64_t number;
    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "inproc://monitor-%llu", (unsigned long long)++number);
    *out = (struct curve_socket){.fd = -1};
    bool good = zmq_socket_monitor(of->handle, endpoint, ZMQ_EVENT_ALL) == 0 && socket_new(out, ZMQ_PAIR) &&
                option_int(out, ZMQ_LINGER, 0) && option_int(out, ZMQ_RCVHWM, 0) && zmq_connect(out->handle, endpoint) == 0;
    return socket_result(out, good);
}

bool curve_socket_pending(struct curve_socket *socket) {
    int events = 0;
    size_t size = sizeof events;
    if (socket->sock == NULL || !socket->check) return false;
    socket->check = zmq_getsockopt(socket->handle, ZMQ_EVENTS, &events, &size) == 0 && (events & ZMQ_POLLIN) != 0;
    return socket->check;
}

void curve_socket_close(struct curve_socket *socket) {
    if (socket->sock != NULL) zsock_destroy(&socket->sock);
    *socket = (struct curve_socket){.fd = -1};
}

bool curve_monitor_next(struct curve_socket *monitor, unsigned *event, uint32_t *value) {
    zmq_msg_t message;
    zmq_msg_init(&message);
    bool found = false;
    while (!found && monitor->sock != NULL && zmq_msg_recv(&message, monitor->handle, ZMQ_DONTWAIT) >= 0) {
        /* First frame: event u16 and value u32 in the machine's own order; second frame: our end's address, of no use here. */
        found = zmq_msg_size(&message) == 6;
        if (found) {
            uint16_t raw_event;
            memcpy(&raw_event, zmq_msg_data(&message), sizeof raw_event);
            memcpy(value, (const uint8_t *)zmq_msg_data(&message) + sizeof raw_event, sizeof *value);
            *event = raw_event;
        }
        while (zmq_msg_more(&message) && zmq_msg_recv(&message, monitor->handle, ZMQ_DONTWAIT) >= 0) {
        }
    }
    zmq_msg_close(&message);
    return found;
}

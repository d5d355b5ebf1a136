/* curve_socket: ZeroMQ sockets with every option of reliability.md section 1 and 2 set, in one place. */
#ifndef NODE_CURVE_SOCKET_H
#define NODE_CURVE_SOCKET_H

#include "crypto/agency.h"

#include <czmq.h>

#define CURVE_ZAP_DOMAIN   "comity"
#define CURVE_ZAP_ENDPOINT "inproc://zeromq.zap.01"

/* What is bounded on both ends of a connection. Queues are in messages for each peer. */
struct curve_limits {
    size_t message_bytes_max; /* that is received */
    int receive_hwm, send_hwm;
    int receive_buffer_bytes; /* the kernel's */
    int handshake_ms;
    int heartbeat_ms, heartbeat_timeout_ms, heartbeat_ttl_ms;
};

/* `check`: something may wait in the socket although its descriptor is silent: ZeroMQ tells of news once. */
struct curve_socket {
    zsock_t *sock; /* null: closed */
    void *handle;
    int fd;
    bool check;
};

/* Once, before the first socket: no signal handlers of CZMQ, one I/O thread, IPv6. */
void curve_socket_setup(void);
/* After the last socket was closed. */
void curve_socket_teardown(void);

/* The listener: CURVE server, asks ZAP, refuses when nobody answers. Not bound yet. ERR_IO. */
enum err curve_socket_router(struct curve_socket *out, const struct curve_limits *limits,
                             const uint8_t secret_key[static CURVE_KEY_BYTES]) MUST_USE;
/* One dial: CURVE client, no reconnect. Not connected yet. ERR_IO. */
enum err curve_socket_dealer(struct curve_socket *out, const struct curve_limits *limits,
                             const uint8_t public_key[static CURVE_KEY_BYTES], const uint8_t secret_key[static CURVE_KEY_BYTES],
                             const uint8_t server_key[static CURVE_KEY_BYTES]) MUST_USE;
/* Where ZAP requests arrive. ERR_EXISTS: there is one already. */
enum err curve_socket_zap(struct curve_socket *out) MUST_USE;
/* Watches the connections of `of`. ERR_IO. */
enum err curve_socket_monitor(struct curve_socket *out, const struct curve_socket *of) MUST_USE;
/* Does something wait in a socket that its descriptor will not tell of? */
bool curve_socket_pending(struct curve_socket *socket);
void curve_socket_close(struct curve_socket *socket);

/* The next event (ZMQ_EVENT_*) and its value; false when there is none now. */
bool curve_monitor_next(struct curve_socket *monitor, unsigned *event, uint32_t *value);

#endif

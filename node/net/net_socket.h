/* net_socket: ZeroMQ sockets with every option of reliability.md section 1 and 2 set, in one place. */
#ifndef NODE_NET_SOCKET_H
#define NODE_NET_SOCKET_H

#include "node/net/net.h"

#include <czmq.h>

#define NET_CURVE_KEY_BYTES 32
#define NET_ZAP_DOMAIN      "comity"
#define NET_ZAP_ENDPOINT    "inproc://zeromq.zap.01"

/* `check`: something may wait in the socket although its descriptor is silent: ZeroMQ tells of news once. */
struct net_socket {
    zsock_t *sock; /* null: closed */
    void *handle;
    int fd;
    bool check;
};

/* Once, before the first socket: no signal handlers of CZMQ, one I/O thread, IPv6. */
void net_socket_setup(void);
/* After the last socket was closed. */
void net_socket_teardown(void);

/* The listener: CURVE server, asks ZAP, refuses when nobody answers. Not bound yet. ERR_IO. */
enum err net_socket_router(struct net_socket *out, const uint8_t secret_key[static NET_CURVE_KEY_BYTES]) MUST_USE;
/* One dial: CURVE client, no reconnect. Not connected yet. ERR_IO. */
enum err net_socket_dealer(struct net_socket *out, const uint8_t public_key[static NET_CURVE_KEY_BYTES],
                           const uint8_t secret_key[static NET_CURVE_KEY_BYTES],
                           const uint8_t server_key[static NET_CURVE_KEY_BYTES]) MUST_USE;
/* Where ZAP requests arrive. ERR_EXISTS: there is one already. */
enum err net_socket_zap(struct net_socket *out) MUST_USE;
/* Watches the connections of `of`. ERR_IO. */
enum err net_socket_monitor(struct net_socket *out, const struct net_socket *of) MUST_USE;
void net_socket_close(struct net_socket *socket);

/* The next event (ZMQ_EVENT_*) and its value; false when there is none now. */
bool net_monitor_next(struct net_socket *monitor, unsigned *event, uint32_t *value);

#endif

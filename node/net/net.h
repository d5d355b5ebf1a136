/* net: the network process: ZeroMQ and CURVE, nothing else. It knows links, keys and opaque
   messages. What it may be told and what it tells stands in node/process/frame.h (FRAME_NET_*).

   Caveats first. CURVE and ZAP are the first of two locks: the engine's signed HELLO is the second.
   What it shares with the live feed stands in node/curve/.

   FRAME_SETTINGS of the role (fixed layout, net_settings_encode): u8 version 1, u8 log level, u16 authenticated links at most,
   u16 strangers in handshake at most, u8 length and text of the listen endpoint ("tcp://ADDRESS:PORT", literal; port 0 picks a free
   one for tests; empty: only dials). FRAME_READY carries the bound endpoint as its body. */
#ifndef NODE_NET_H
#define NODE_NET_H

#include "node/net/endpoint.h"
#include "node/process/log.h"

#define NET_MESSAGE_BYTES_MAX        (512 * 1024) /* one content frame on the wire */
#define NET_LINKS_MAX                64           /* authenticated, both directions */
#define NET_STRANGERS_MAX            32           /* inbound connections that have not finished their handshake */
#define NET_RECEIVE_HWM              16           /* messages per peer */
#define NET_SEND_HWM                 64
#define NET_RECEIVE_BUFFER_BYTES     (256 * 1024)
#define NET_UNDELIVERED_BYTES_MAX    (8 * 1024 * 1024) /* received by the kernel and not yet a delivered message */
#define NET_SEND_BYTES_MAX           (8 * 1024 * 1024) /* accepted for one peer and not acknowledged by its kernel; then NET_LOSSY */
#define NET_HANDSHAKE_MS             3000
#define NET_HEARTBEAT_MS             10000
#define NET_HEARTBEAT_TIMEOUT_MS     30000
#define NET_HEARTBEAT_TTL_MS         60000
#define NET_DIAL_MS                  10000             /* from NET_DIAL to NET_UP, else NET_DOWN */
#define NET_ENGINE_BACKLOG_BYTES_MAX (4 * 1024 * 1024) /* to the engine; above it nothing is read from the network */

struct net_settings {
    enum log_level log_level;
    uint16_t links_max;     /* 1 to 1024; NET_LINKS_MAX by default */
    uint16_t strangers_max; /* 1 to 1024; NET_STRANGERS_MAX by default */
    char listen[ENDPOINT_BYTES_MAX];
};

/* Defaults: info, NET_LINKS_MAX, NET_STRANGERS_MAX, no listener. */
void net_settings_default(struct net_settings *settings);
enum err net_settings_encode(const struct net_settings *settings, struct buf *out) MUST_USE;
/* ERR_FORMAT, ERR_VERSION, ERR_RANGE (an endpoint that is no literal). */
enum err net_settings_decode(struct bytes in, struct net_settings *out) MUST_USE;

#endif

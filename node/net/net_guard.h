/* net_guard: the connections below ZeroMQ: which descriptors there are, what they have received, and how to end one.
   ZeroMQ tells of a descriptor when it accepts or connects and before it closes it. Meanwhile we hold a duplicate, so that what we
   measure and shut down is that connection for sure, also when the number has come again. */
#ifndef NODE_NET_GUARD_H
#define NODE_NET_GUARD_H

#include "node/net/net.h"

#define NET_GUARD_FDS_MAX 4096 /* as the sandbox's RLIMIT_NOFILE for this process */

struct net_connection {
    bool used;
    bool inbound;
    bool linked; /* an authenticated link stands on it; else a stranger in handshake */
    bool cut;    /* we shut it down and wait for ZeroMQ to notice */
    int fd;      /* our duplicate */
    uint64_t since_ms;
    uint64_t order;           /* of acceptance: many come in one millisecond */
    uint64_t serial_first;    /* messages with an earlier serial belong to an earlier connection of this number */
    uint64_t delivered_bytes; /* on the wire, of messages that came out of ZeroMQ */
};

struct net_guard {
    struct net_connection connections[NET_GUARD_FDS_MAX]; /* by ZeroMQ's descriptor number */
    int used_end;                                         /* one past the highest used */
    size_t used_count;
    size_t strangers; /* inbound, neither linked nor cut */
    int listen_fd;    /* our duplicate of the listener's; -1: none */
    bool paused;
    uint64_t order_next;
};

void net_guard_init(struct net_guard *guard);
void net_guard_end(struct net_guard *guard);

/* From monitor events. */
void net_guard_listening(struct net_guard *guard, int fd);
void net_guard_opened(struct net_guard *guard, int fd, bool inbound, uint64_t serial_next, uint64_t now_ms);
void net_guard_closed(struct net_guard *guard, int fd);

/* Null when there is none of that number. */
struct net_connection *net_guard_at(struct net_guard *guard, int fd);
void net_guard_linked(struct net_guard *guard, int fd); /* no stranger any more */
void net_guard_cut(struct net_guard *guard, int fd);    /* shuts it down in both directions; once */
void net_guard_cut_strangers(struct net_guard *guard);  /* all inbound ones without a link */

/* Cuts the oldest strangers above `strangers_max` and those that are too slow, and stops or resumes accepting. */
void net_guard_limit(struct net_guard *guard, size_t strangers_max, uint64_t now_ms);

/* Received by the kernel and not yet delivered as messages. */
uint64_t net_guard_undelivered_bytes(const struct net_connection *connection);
/* Sent and acknowledged by the other side's kernel. */
uint64_t net_guard_acknowledged_bytes(const struct net_connection *connection);
/* "ADDRESS:PORT" of the other side. */
void net_guard_address(const struct net_connection *connection, char out[static 64]);
/* What a message of `size` bytes takes on the wire: ZMTP frame header and CURVE's envelope. */
uint64_t net_guard_wire_bytes(size_t size);

#endif

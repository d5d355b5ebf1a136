/* curve_guard: the connections below ZeroMQ: which descriptors there are, what they have received, and how to end one.
   ZeroMQ tells of a descriptor when it accepts or connects and before it closes it. Meanwhile we hold a duplicate, so that what we
   measure and shut down is that connection for sure, also when the number has come again. */
#ifndef NODE_CURVE_GUARD_H
#define NODE_CURVE_GUARD_H

#include "crypto/bytes.h"

#define CURVE_GUARD_FDS_MAX 4096 /* as the sandbox's RLIMIT_NOFILE for these processes */
#define CURVE_GUARD_MS      100  /* how often undelivered bytes are looked at */

struct curve_connection {
    bool used;
    bool inbound;
    bool linked;        /* an authenticated link stands on it; else a stranger in handshake */
    bool cut;           /* we shut it down and wait for ZeroMQ to notice */
    int fd;             /* our duplicate */
    uint8_t network[8]; /* of the other side: an IPv4 address, or the first 64 bits of an IPv6 one */
    uint64_t since_ms;
    uint64_t order;           /* of acceptance: many come in one millisecond */
    uint64_t serial_first;    /* messages with an earlier serial belong to an earlier connection of this number */
    uint64_t delivered_bytes; /* on the wire, of messages that came out of ZeroMQ */
};

struct curve_guard {
    struct curve_connection connections[CURVE_GUARD_FDS_MAX]; /* by ZeroMQ's descriptor number */
    int used_end;                                             /* one past the highest used */
    size_t used_count;
    size_t strangers; /* inbound, neither linked nor cut */
    int listen_fd;    /* our duplicate of the listener's; -1: none */
    bool paused;
    uint64_t order_next;
};

void curve_guard_init(struct curve_guard *guard);
void curve_guard_end(struct curve_guard *guard);

/* From monitor events. */
void curve_guard_listening(struct curve_guard *guard, int fd);
void curve_guard_opened(struct curve_guard *guard, int fd, bool inbound, uint64_t serial_next, uint64_t now_ms);
void curve_guard_closed(struct curve_guard *guard, int fd);

/* Null when there is none of that number. */
struct curve_connection *curve_guard_at(struct curve_guard *guard, int fd);
void curve_guard_linked(struct curve_guard *guard, int fd); /* no stranger any more */
void curve_guard_cut(struct curve_guard *guard, int fd);    /* shuts it down in both directions; once */
void curve_guard_cut_strangers(struct curve_guard *guard);  /* all inbound ones without a link */

/* Above `strangers_max` cuts the oldest stranger of the network that has the most of them; cuts those that are too slow; stops or resumes
   accepting. */
void curve_guard_limit(struct curve_guard *guard, size_t strangers_max, uint64_t now_ms);

/* Received by the kernel and not yet delivered as messages. */
uint64_t curve_guard_undelivered_bytes(const struct curve_connection *connection);
/* Sent and acknowledged by the other side's kernel. */
uint64_t curve_guard_acknowledged_bytes(const struct curve_connection *connection);
/* "ADDRESS:PORT" of the other side. */
void curve_guard_address(const struct curve_connection *connection, char out[static 64]);
/* What a message of `size` bytes takes on the wire: ZMTP frame header and CURVE's envelope. */
uint64_t curve_guard_wire_bytes(size_t size);

#endif

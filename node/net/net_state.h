/* net_state: what the network process holds, shared by its files (net*.c) and nobody else. */
#ifndef NODE_NET_STATE_H
#define NODE_NET_STATE_H

#include "node/curve/curve_door.h"
#include "node/net/net.h"
#include "node/process/proc.h"

#define NET_LINKS_TABLE_MAX 2048 /* inbound and outbound, both bounded by settings.links_max of at most 1,024 */

/* One authenticated connection, or a dial on its way to become one. */
struct net_link {
    uint64_t number; /* odd: we dialled */
    uint8_t key[CURVE_KEY_BYTES];
    bool up;        /* NET_UP was told */
    bool closing;   /* the connection ended; what still waits in ZeroMQ is delivered, then NET_DOWN */
    bool lossy;     /* messages are dropped until the queue is half empty */
    int connection; /* ZeroMQ's descriptor number for the guard; -1: none yet, or no longer */
    const char *reason;

    /* inbound */
    uint8_t routing_id[CURVE_DOOR_ROUTING_ID_BYTES_MAX];
    size_t routing_id_bytes;
    struct curve_origin origin; /* every message must be of the same */

    /* outbound */
    struct curve_socket socket, monitor;
    char endpoint[ENDPOINT_BYTES_MAX];
    uint64_t deadline_ms;

    /* sending: queue -> ZeroMQ -> TCP -> acknowledged by the peer's kernel */
    struct buf queue;            /* u32 size and bytes of each message that ZeroMQ did not take yet */
    size_t queue_taken;          /* prefix that it took */
    uint64_t handed_bytes;       /* of messages given to ZeroMQ */
    uint64_t reported_bytes;     /* of those told as NET_SENT */
    uint64_t dropped_bytes;      /* of dropped messages, to be told as NET_SENT */
    uint64_t wire_bytes;         /* position in the TCP stream after all that was handed over */
    uint64_t acknowledged_bytes; /* position that the peer's kernel has, when last looked */
    uint64_t looked_ns;
};

struct net {
    struct proc_child child;
    struct net_settings settings;
    uint8_t *curve; /* public key 32, secret key 32, in guarded memory */
    struct curve_door door;
    struct net_link *links[NET_LINKS_TABLE_MAX];
    size_t link_count;
    struct net_link *link_recent, *link_inbound_recent; /* the last ones looked up; null after one of them went */
    uint64_t number_next;                               /* of the next inbound link */
    bool stop;
    bool engine_failed; /* its channel is to be given up at the end of the turn */
    bool zsys_open;
    uint64_t bytes_in, bytes_out, cut_links, counts_told, counts_ms, guard_ms;
};

#define NET_ENGINE(net) (&(net)->child.peers[ROLE_ENGINE])

/* net.c: queues a frame to the engine; without an engine it is dropped. */
void net_tell(struct net *net, enum frame_type type, uint64_t tag, struct bytes body);
bool net_engine_behind(const struct net *net); /* nothing more is read from the network until it has caught up */

/* net_link.c */
struct net_link *net_link_new(struct net *net, uint64_t number); /* null without memory or room */
struct net_link *net_link_by_number(struct net *net, uint64_t number);
struct net_link *net_link_by_routing_id(struct net *net, struct bytes routing_id);
struct net_link *net_link_by_connection(struct net *net, int connection);
size_t net_link_count(const struct net *net, bool outbound);
/* Tells NET_DOWN and frees the link. An inbound connection is shut down; an outbound one closes after what was just sent. */
void net_link_down(struct net *net, struct net_link *link, const char *reason);
/* As above for a misbehaving or removed peer: at once, counted, said in the log and to the engine. */
void net_link_cut(struct net *net, struct net_link *link, const char *reason);
void net_links_drop(struct net *net, const char *reason); /* all */
/* Closes the links and connections of keys that are no longer allowed. */
void net_links_review(struct net *net);
/* NET_DOWN for links whose connection ended, once nothing of them waits in ZeroMQ. */
void net_links_closing(struct net *net);

/* net_dial.c */
void net_dial(struct net *net, uint64_t number, struct bytes body);
void net_dial_step(struct net *net, struct net_link *link, uint64_t now_ms); /* monitor events, deadline */

/* net_send.c */
void net_send(struct net *net, struct net_link *link, struct bytes body);
void net_send_start(struct net *net, struct net_link *link); /* at NET_UP: where the stream stands */
/* Gives queued messages to ZeroMQ, tells NET_SENT. Returns in how many ms it wants to be called again, -1: not needed. */
int net_send_step(struct net *net);

/* net_receive.c: up to a batch; clears the socket's `check` when nothing is left. */
void net_receive_router(struct net *net, uint64_t now_ms);
void net_receive_dealer(struct net *net, struct net_link *link);

/* net_limits.c: the bounds of the mesh's sockets */
extern const struct curve_limits net_limits;

#endif

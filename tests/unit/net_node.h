/* net_node: a network process under test, whose parent, engine and key process is the test. */
#ifndef TESTS_UNIT_NET_NODE_H
#define TESTS_UNIT_NET_NODE_H

#include "node/net/endpoint.h"
#include "node/process/frame.h"

#include <sys/types.h>

struct net_node {
    pid_t pid;
    struct channel parent, engine, key;
    uint8_t public_key[32], secret_key[32];
    char endpoint[ENDPOINT_BYTES_MAX]; /* bound; empty: only dials */
};

/* Starts it with new keys and waits until it is ready. `listen` may be empty. */
void net_node_start(struct net_node *node, const char *listen);
/* The same without waiting for READY. */
void net_node_launch(struct net_node *node, const char *listen);
void net_node_peer(struct net_node *node, int role, struct channel *ours); /* a new socket pair */
/* FRAME_STOP; returns the exit status as of waitpid. */
int net_node_stop(struct net_node *node);
void net_node_allow(struct net_node *node, const struct net_node *const *peers, size_t count);
void net_node_dial(struct net_node *node, uint64_t number, const uint8_t key[static 32], const char *endpoint);
void net_node_send(struct net_node *node, uint64_t link, struct bytes message);

/* The next frame of this type to the engine within 8 s; others are passed over. False: none came. */
bool net_node_expect(struct net_node *node, enum frame_type type, struct frame *frame);
bool net_node_next(struct net_node *node, enum frame_type type, struct frame *frame, int ms); /* the same within `ms` */
/* False when a frame of this type comes within `ms`. */
bool net_node_quiet(struct net_node *node, enum frame_type type, int ms);

#endif

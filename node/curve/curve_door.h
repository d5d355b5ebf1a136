/* curve_door: a listener that admits by key: a ROUTER with CURVE, the list of who may enter (curve_zap) and the connections below it
   (curve_guard). It opens only after it has refused a stranger, as a proof. Shared by the network process and the live feed's.

   libzmq cannot disconnect one peer of a ROUTER: a connection is cut by shutdown() of its descriptor (curve_guard_cut), which libzmq
   names in each message and in its monitor events. */
#ifndef NODE_CURVE_DOOR_H
#define NODE_CURVE_DOOR_H

#include "node/curve/curve_guard.h"
#include "node/curve/curve_socket.h"
#include "node/curve/curve_zap.h"
#include "node/net/endpoint.h"

#define CURVE_DOOR_ROUTING_ID_BYTES_MAX 255

struct curve_door {
    struct curve_socket router, monitor;
    struct curve_zap zap;
    struct curve_guard guard;
    char bound[ENDPOINT_BYTES_MAX];        /* where it listens: "" while it does not */
    void (*closed)(void *context, int fd); /* a connection ended; what it sent before may still wait in the router */
    void *context;
};

/* Whose message it is. */
struct curve_origin {
    int fd; /* ZeroMQ's number of the connection, for the guard */
    uint8_t key[CURVE_KEY_BYTES];
    char user[2 * CURVE_KEY_BYTES + 1], serial[17]; /* as ZAP gave them: every message of a connection carries the same */
};

void curve_door_init(struct curve_door *door, void (*closed)(void *context, int fd), void *context);
/* Self-test, then listens at the literal `endpoint`. `keys`: public 32, secret 32. ERR_SELFTEST, ERR_IO, ERR_EXISTS, with `why`. */
enum err curve_door_open(struct curve_door *door, const struct curve_limits *limits, const uint8_t keys[static 2 * CURVE_KEY_BYTES],
                         const char *endpoint, char why[static 256]) MUST_USE;
void curve_door_end(struct curve_door *door);

/* Takes what ZeroMQ tells of connections. */
void curve_door_events(struct curve_door *door, uint64_t now_ms);
/* Answers those who ask to enter. A connection is known before anybody on it gets a serial: so a message with an earlier serial is of
   an earlier connection. */
void curve_door_admit(struct curve_door *door, uint64_t now_ms);

/* Of the first message of a connection. False: it is of no admitted connection, or of one that ended; without a key it was cut. */
bool curve_door_origin(struct curve_door *door, zmq_msg_t *content, struct curve_origin *out);
/* Is a later message of the same connection and key? */
bool curve_origin_same(const struct curve_origin *origin, zmq_msg_t *content);

#endif

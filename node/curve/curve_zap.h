/* curve_zap: who may connect. Answers ZeroMQ's authentication requests (RFC 27) from an allow list in memory.
   What is not exactly a CURVE request with an allowed key is refused; nobody in the list, nobody enters. */
#ifndef NODE_CURVE_ZAP_H
#define NODE_CURVE_ZAP_H

#include "node/curve/curve_socket.h"

#define CURVE_ALLOW_MAX 4096 /* keys in the list */

/* Each admission gets a serial number that travels with every message of the connection: a descriptor or a routing id may come
   again, a serial never does. */
#define CURVE_ZAP_SERIAL_PROPERTY "Comity-Serial"

struct curve_zap {
    struct curve_socket socket;
    uint8_t *keys; /* sorted, each once */
    size_t key_count;
    uint64_t serial_next;
    uint64_t refused;
};

enum err curve_zap_open(struct curve_zap *zap) MUST_USE;
void curve_zap_close(struct curve_zap *zap);

/* Replaces the list; `keys` holds 32 bytes each. ERR_FORMAT, ERR_TOO_BIG (then the old list stays), ERR_MEMORY. */
enum err curve_zap_allow(struct curve_zap *zap, struct bytes keys) MUST_USE;
bool curve_zap_allowed(const struct curve_zap *zap, const uint8_t key[static CURVE_KEY_BYTES]);

/* Answers all requests that wait. `before` (may be null) is called after a request was read and before it gets its serial: all that
   ZeroMQ said of the connection so far can be heard then. */
void curve_zap_step(struct curve_zap *zap, void (*before)(void *context), void *context);

#endif

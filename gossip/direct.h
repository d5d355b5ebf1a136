/* direct: own `direct` blocks whose readers have not all said that they have them. In memory only, and bounded: it is told to the
   operator and decides nothing. PROTOCOL.md 5.4 */
#ifndef GOSSIP_DIRECT_H
#define GOSSIP_DIRECT_H

#include "crypto/agency.h"
#include "gossip/limits.h"

struct direct_block {
    uint64_t seq;
    uint64_t since_ms; /* monotonic */
    uint8_t (*readers)[NODE_ID_BYTES];
    size_t count; /* of those that have not acknowledged it; never 0 */
    size_t readers_all;
};

struct direct {
    struct direct_block *list; /* ascending by seq; at most LIMIT_DIRECT_BLOCKS */
    size_t count, capacity;
    uint64_t forgotten; /* blocks that were let go although somebody had not acknowledged them */
};

void direct_free(struct direct *direct);
/* A block became durable here; `readers` are all that read it, and `self` is not waited for. When the list is full the oldest goes. False
   without memory. */
bool direct_add(struct direct *direct, uint64_t seq, const uint8_t (*readers)[NODE_ID_BYTES], size_t count,
                const uint8_t self[static NODE_ID_BYTES], uint64_t monotonic_ms);
/* Is this reader one that has not acknowledged it? */
bool direct_waits(const struct direct_block *block, const uint8_t node_id[static NODE_ID_BYTES]);
/* It was recalled: nobody is waited for. */
void direct_forget(struct direct *direct, uint64_t seq);
/* A reader has it. */
void direct_have(struct direct *direct, uint64_t seq, const uint8_t node_id[static NODE_ID_BYTES]);

#endif

/* lastentry: which node this directory is, and which entry of a log is the last one here: asked of the running node, or looked up in
   the store of a stopped one. */
#ifndef NODE_LASTENTRY_H
#define NODE_LASTENTRY_H

#include "crypto/agency.h"
#include "node/cmd/command.h"

struct lastentry {
    uint8_t node_id[NODE_ID_BYTES];
    uint64_t seq; /* 0: nothing is held */
    uint8_t id[HASH_BYTES];
};

/* Entry `seq` of the node's log, or with `last` the last one held. `node_id` null: this directory's own node. */
enum outcome lastentry_find(const struct invocation *invocation, const uint8_t *node_id, bool last, uint64_t seq,
                            struct lastentry *out) MUST_USE;

/* The node of this directory, when that can be told without a passphrase; false otherwise. */
bool lastentry_self(const struct invocation *invocation, uint8_t node_id[static NODE_ID_BYTES]);

#endif

/* inflight: which items are on their way into blocks, as keyed hashes: what the index of the store does not know yet counts as published all
   the same. Pure. */
#ifndef NODE_INFLIGHT_H
#define NODE_INFLIGHT_H

#include "crypto/hash.h"
#include "gossip/item.h"

/* A table with open addressing. Zero-initialise, then fill the key. */
struct inflight {
    uint64_t *slots;
    size_t count, capacity; /* slots in use, those of what was taken out among them; a power of two */
    uint8_t key[16];        /* random: nobody can choose items whose hashes are the same */
};

void inflight_free(struct inflight *inflight);
/* Of one version of an object for one audience; `flags`: CONTROL_ITEM_ bits of whoever publishes it. */
uint64_t inflight_mark(const struct inflight *inflight, const struct item *item, unsigned flags,
                       const uint8_t audience_key[static HASH_BYTES]);
/* False: it is there already. Without memory it is added nowhere, and true. */
bool inflight_add(struct inflight *inflight, uint64_t mark);
void inflight_remove(struct inflight *inflight, uint64_t mark);
void inflight_clear(struct inflight *inflight); /* nothing is on its way any more */

#endif

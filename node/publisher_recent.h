/* publisher_recent: keyed hashes of items that are on their way into blocks: what the index does not know yet. */
#ifndef NODE_PUBLISHER_RECENT_H
#define NODE_PUBLISHER_RECENT_H

#include "node/engine_core.h"

/* Of the item, its label and marks, for this audience; `generated` ones have no version of their own. Odd. */
uint64_t publisher_recent_hash(const struct publisher *publisher, const struct item *item, bool generated,
                               const uint8_t *audience_key);
/* False: it is there already. Without memory nothing is remembered. */
bool publisher_recent_add(struct publisher *publisher, uint64_t hash);
void publisher_recent_remove(struct publisher *publisher, uint64_t hash);
/* Once nothing is in flight the index knows all that was published. */
void publisher_recent_clear(struct engine *engine);

#endif

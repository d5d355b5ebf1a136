/* versions: which version of an object is the latest, which the first. Once all items of the store are noted, most ids are known to stand
   there once, and nothing is looked up. */
#ifndef NODE_VERSIONS_H
#define NODE_VERSIONS_H

#include "gossip/item.h"
#include "node/store/store.h"

struct engine;

void versions_start(struct engine *engine); /* the node runs now: a large store is noted at once */
void versions_begin(struct engine *engine); /* somebody will ask: notes all items, in turns */
void versions_go_on(struct engine *engine);
bool versions_busy(const struct engine *engine);
/* Is it known that at most one item stands under its id in the index? */
bool versions_single(struct engine *engine, const struct item *item);
void versions_note(struct engine *engine, const struct item *item); /* it is being stored */
/* CONTROL_VERSION_ bits; the views in `item` may die: it looks at other pages when the id may stand more than once. */
unsigned versions_of(struct engine *engine, uint64_t cursor, const struct page_head *head, const struct item *item);

#endif

/* prove: the proof of an item that this node holds. The salts' key of a block stands sealed in meta, so that any reader can make the proof
   as long as it holds the block's items, after the epoch's secret and the payload are gone. Once an item was taken back, what stays
   is proved by the block that replaces it: the old key goes, so that nobody tests a guess against what was erased. PROTOCOL.md 5.9 */
#ifndef NODE_PROVE_H
#define NODE_PROVE_H

#include "gossip/proof.h"
#include "node/store/store.h"

struct engine;

/* Keeps what proofs of this block need, in the batch of its pages. `block` was closed or opened. */
void prove_keep(struct store_batch *batch, const struct page_head *head, const struct block *block);
/* The block of `head` replaces one whose items stand in the pages of block `holder`: they are proved by it from now on. */
void prove_replace(struct store_batch *batch, const struct page_head *head, uint64_t holder, const struct block *block);
/* Items in the pages of block `holder` go. Because block `recalled` was taken back: what replaced it is kept; 0: they are over. */
void prove_withdraw(struct engine *engine, struct store_batch *batch, const uint8_t node_id[static NODE_ID_BYTES], uint64_t holder,
                    uint64_t recalled);

/* Appends the proof of the item at `cursor` to `out` (cleared first), verified against its author's chain; `facts` has views into it.
   ERR_NOT_FOUND: a part of its block is not held any more, or it came before such keys were kept. ERR_UNKNOWN_AUTHOR: its author is
   not pinned. ERR_SIGNATURE, ERR_REVOKED: of the entry. ERR_CORRUPT, ERR_MEMORY. */
enum err prove_item(struct engine *engine, uint64_t cursor, struct buf *out, struct proof_facts *facts) MUST_USE;

#endif

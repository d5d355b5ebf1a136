/* prove: the proof of an item that this node holds. The salts' key of a block stands sealed beside its pages, so that any reader can make
   the proof as long as it holds the block's items, after the epoch's secret and the payload are gone. PROTOCOL.md 5.9 */
#ifndef NODE_PROVE_H
#define NODE_PROVE_H

#include "gossip/proof.h"
#include "node/store.h"

struct engine;

/* Keeps what proofs of this block need, in the batch of its pages. `block` was closed or opened. */
void prove_keep(struct store_batch *batch, const struct page_head *head, const struct block *block);
/* The block's items were erased: nobody shall test a guess against their leaves. */
void prove_forget(struct store_batch *batch, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq);

/* Appends the proof of the item at `cursor` to `out` (cleared first), verified against its author's chain; `facts` has views into it.
   ERR_NOT_FOUND: a part of its block is not held any more, or it came before such keys were kept. ERR_UNKNOWN_AUTHOR: its author is
   not pinned. ERR_SIGNATURE, ERR_REVOKED: of the entry. ERR_CORRUPT, ERR_MEMORY. */
enum err prove_item(struct engine *engine, uint64_t cursor, struct buf *out, struct proof_facts *facts) MUST_USE;

#endif

/* recall_text: the texts of the statements about recalls: the notice that stands first in a replacement, and the receipts of readers.
   Canonical MessagePack. PROTOCOL.md 5.6 */
#ifndef NODE_RECALL_TEXT_H
#define NODE_RECALL_TEXT_H

#include "gossip/entry.h"
#include "gossip/pack.h"

#define RECALL_NOTICE_TYPE      "comity-recall"
#define RECALL_RECEIPT_TYPE     "comity-receipt"
#define RECALL_REASON_BYTES_MAX 1024

enum recall_cause { RECALL_BY_AUTHOR = 1, RECALL_BY_EXPIRY = 2, RECALL_BY_ERASURE = 3 };

struct recall_notice {
    uint64_t block;
    enum recall_cause cause;
    uint64_t time_ms;
    struct bytes reason;      /* UTF-8, at most RECALL_REASON_BYTES_MAX */
    struct pack_reader items; /* `item_count` uints: indexes, strictly rising, below BLOCK_ITEMS_MAX */
    uint32_t item_count;
};
/* Appends it; `marked` has a bit for each item, as in a RECALL's map; `ids` is `id_count` object ids, each with its length (2) in front. */
void recall_notice_write(struct buf *out, const struct recall_notice *notice, const uint8_t *marked, struct bytes ids,
                         uint32_t id_count);
/* ERR_FORMAT. Views into the text. */
enum err recall_notice_read(struct recall_notice *out, struct bytes text) MUST_USE;

enum recall_state { RECALL_NOTED = 0, RECALL_WITHDRAWN = 1, RECALL_ERASED = 2 };
struct recall_receipt {
    uint8_t node_id[NODE_ID_BYTES]; /* the author's node */
    uint64_t block;
    uint64_t count; /* of items that the reader held */
    enum recall_state state;
    uint64_t time_ms;
    bool passed_on; /* the reader got one object of the block from another agency: */
    uint8_t via[AGENCY_ID_BYTES];
    uint32_t index; /* of that object in the block; both as the proof tells that came with it */
};
/* Version 1, or of what was passed on 2. */
void recall_receipt_write(struct buf *out, const struct recall_receipt *receipt);
enum err recall_receipt_read(struct recall_receipt *out, struct bytes text) MUST_USE;

#endif

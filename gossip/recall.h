/* recall: the body of a RECALL entry, and the blocks of a log that were recalled. It says in clear which block and which of its items are
   taken back, and where those that stay were sealed again; never what they were, nor why. PROTOCOL.md 5.6 */
#ifndef GOSSIP_RECALL_H
#define GOSSIP_RECALL_H

#include "crypto/agency.h"
#include "crypto/block.h"

/* version 1, zero 1, block 8, replacement 8, length of the map 2 */
#define RECALL_HEAD_BYTES     20
#define RECALL_MAP_BYTES_MAX  (BLOCK_ITEMS_MAX / 8)
#define RECALL_BODY_BYTES_MAX (RECALL_HEAD_BYTES + RECALL_MAP_BYTES_MAX)

struct recall {
    uint64_t block;                    /* number of the BLOCK entry in the same log */
    uint64_t replacement;              /* number of the BLOCK entry that holds what stays, and the notice; 0: none */
    uint16_t map_bytes;                /* 1 to RECALL_MAP_BYTES_MAX; the last byte is not 0 */
    uint8_t map[RECALL_MAP_BYTES_MAX]; /* bit i % 8 of byte i / 8: item i is taken back */
};

void recall_mark(struct recall *recall, uint32_t item); /* below BLOCK_ITEMS_MAX */
bool recall_marked(const struct recall *recall, uint32_t item);
size_t recall_count(const struct recall *recall);
/* Where an item that stays of a recalled block stands in the block that replaces it: behind the notice, those that stay in their order. */
uint32_t recall_index_behind(const struct recall *recall, uint32_t item);

void recall_write(struct buf *out, const struct recall *recall);
/* `seq` is the RECALL entry's own number: both blocks stand before it, the replacement behind the block. ERR_FORMAT. */
enum err recall_read(struct recall *out, uint64_t seq, struct bytes body) MUST_USE;

/* Recalled blocks of a log, by number, and the entries that said so. Zero-initialise. */
struct recalled_row {
    uint64_t block, by;
};
struct recalled {
    struct recalled_row *rows;
    size_t count, capacity;
};
void recalled_free(struct recalled *recalled);
/* False without memory. A block that is there already stays as it is. */
bool recalled_add(struct recalled *recalled, uint64_t block, uint64_t by);
bool recalled_has(const struct recalled *recalled, uint64_t block);
/* Another branch of the log counts from `seq` on: what those entries recalled is not. */
void recalled_truncate(struct recalled *recalled, uint64_t seq);

#endif

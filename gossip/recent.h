/* recent: the newest entries that passed through, as they came: to tell a copy from news, and to answer those who graft before the
   disk has them. A ring with bounds in entries and bytes; forgetting early costs traffic, never correctness. PROTOCOL.md 7.2 */
#ifndef GOSSIP_RECENT_H
#define GOSSIP_RECENT_H

#include "gossip/entry.h"

struct recent_row {
    uint8_t node_id[NODE_ID_BYTES];
    uint64_t seq; /* 0: empty */
    uint8_t id[HASH_BYTES];
    struct buf entry;
    struct buf payload; /* only when it rides along */
    bool block;
    uint64_t from;   /* slots of the links that pushed it to us */
    unsigned copies; /* how often it was pushed to us, the first time included */
    uint32_t next;   /* in its row of the table: index + 1, 0: the end */
};

/* Zero-initialise; rows are made at the first use. */
struct recent {
    struct recent_row *rows; /* LIMIT_RECENT_ROWS, a ring */
    uint32_t *table;         /* as many, by node and number: index + 1 */
    size_t first, count, bytes;
};

void recent_free(struct recent *recent);
/* False without memory. A row of the same node and number is kept as it is. */
bool recent_put(struct recent *recent, const struct entry *entry, struct bytes bytes, struct bytes payload);
/* Its payload is not given to anybody any more. */
void recent_forget(struct recent *recent, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq);
struct recent_row *recent_find(const struct recent *recent, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq);

#endif

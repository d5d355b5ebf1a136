/* reader: from payloads to pages. Those whose epoch the key process has not opened yet wait for it (epochs.h). */
#ifndef NODE_READER_H
#define NODE_READER_H

#include "gossip/action.h"
#include "gossip/entry.h"
#include "node/engine/epochs.h"
#include "node/store/store.h"

struct engine;

#define READER_HELD_MAX        1024
#define READER_HELD_BYTES_EACH (8 * 1024 * 1024) /* payloads of one agency that wait for their epochs; others are asked for again */
#define READER_COUNT_KEY       "blocks-read"
/* A payload that waits for its epoch. */
struct held {
    uint64_t ticket;
    uint8_t agency_id[AGENCY_ID_BYTES];
    uint8_t node_id[NODE_ID_BYTES];
    uint64_t seq;
    struct block_body body;
    struct buf payload;
};
struct reader {
    struct held *held;
    size_t held_count, held_capacity;
    struct block *block;
    uint64_t blocks_read; /* of the payloads that are here, own ones included, those that were read */
    uint64_t blocks_bad;  /* blocks addressed to us whose content was not as signed or not well formed */
};

enum err reader_init(struct engine *engine) MUST_USE;
void reader_free(struct engine *engine);
void reader_entries(struct engine *engine, struct store_batch *batch, struct bytes entries, uint64_t ticket);
void reader_payload(struct engine *engine, const struct action *action);
/* Tells the core that a payload cannot be taken now. */
void reader_refused(struct engine *engine, uint64_t ticket);
/* The key process has spoken about an epoch: what waited for it goes on. */
void reader_released(struct engine *engine, const struct epoch *epoch);
/* Another branch of this log is coming: payloads from `seq` on that wait for their epochs are asked for again, if they are wanted still. */
void reader_truncate(struct engine *engine, const uint8_t *node_id, uint64_t seq);
void reader_count(struct engine *engine, struct store_batch *batch, int change); /* payloads that were read and are here */
void reader_count_load(struct engine *engine);                                   /* once the store is open */
/* Adds the pages and terms of an opened or closed block to a batch. `head` gives author, seq, expiry; cursors are drawn here. */
enum err reader_pages(struct engine *engine, struct store_batch *batch, const struct page_head *head,
                      const struct block *block) MUST_USE;

#endif

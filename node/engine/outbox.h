/* outbox: what waits in the store to become blocks: publications of clients (outbox.c), and what this node says itself
   (node/sharing/statement.h). */
#ifndef NODE_OUTBOX_H
#define NODE_OUTBOX_H

#include "node/engine/publisher.h"
#include "node/sharing/statement.h"

struct outbox {
    uint64_t first, next;  /* numbers of the records that wait; none when equal */
    uint64_t items, bytes; /* in them */
    uint64_t tickets, tickets_durable;
    /* The first one, while it is turned into blocks. */
    bool open;
    struct buf record;
    struct cursor items_left;
    uint64_t record_items, refused;
    const char *refused_why;
    struct publication publication;
};

struct statements {
    uint64_t first, next; /* numbers of the records that wait, with gaps; none when equal */
    uint64_t at;          /* the next one to be looked at */
    uint64_t bytes;       /* in them, about */
    bool passed;          /* some cannot be sealed now: all are looked at again at again_ms */
    uint64_t again_ms;
    struct buf record, readers;
    /* Those in the block under way, all to the same readers. */
    bool open;
    enum carriage carriage;
    struct publication publication;
    uint64_t taken[STATEMENT_BATCH_MAX];
    size_t taken_count;
};

enum err outbox_load(struct engine *engine) MUST_USE; /* once store and core are open */
void outbox_free(struct engine *engine);
bool outbox_takes(const struct engine *engine); /* must a publication that is opened now go there? */
enum err outbox_item(struct engine *engine, struct publication *publication, struct bytes encoded, unsigned flags,
                     struct item_verdict *verdict) MUST_USE;
enum err outbox_put(struct engine *engine, struct publication *publication) MUST_USE; /* what was let through becomes a record */
bool outbox_durable(const struct engine *engine, const struct publication *publication);
void outbox_stored(struct engine *engine, uint64_t ticket);
void outbox_drain(struct engine *engine); /* goes on turning records into blocks */
/* What waits and tells of any of these goes, out of all files too; nothing may be under way to the disk, and the batch is to be on it before
   the outbox goes on. Their ids are noted (ledger_id_add). */
enum err outbox_erase(struct engine *engine, struct store_batch *batch, const struct observable *asked, size_t asked_count,
                      struct buf *ids, uint64_t *dropped) MUST_USE;
/* Nothing of what waits is published; returns how many objects that were. */
uint64_t outbox_drop(struct engine *engine);
void outbox_again(struct engine *engine); /* the recipients of the record under way are resolved anew: trust changed */

#endif

#include "node/engine/engine_core.h"

#include <stdio.h>
#include <string.h>

/* Was this object published before, to all whom this publication addresses? */

/* Was that block sealed to everyone whom this publication addresses? */
static bool covered(struct engine *engine, uint64_t block_seq, const struct audience *audience) {
    struct publisher *publisher = &engine->publisher;
    struct entry entry;
    struct block_body body;
    char name[64];
    bool verified;
    if (publisher->epoch_cache_seq != block_seq) {
        buf_clear(&engine->scratch_entry);
        if (store_entry(engine->store, engine->node_id, block_seq, &engine->scratch_entry, &verified) != OK) return false;
        if (entry_parse(&entry, bytes_of_buf(&engine->scratch_entry)) != OK || block_body_read(&body, entry.body) != OK)
            return false;
        publisher->epoch_cache_seq = block_seq;
        publisher->epoch_cache_epoch = body.epoch_seq;
    }
    snprintf(name, sizeof name, "secret/audience/%016llx", (unsigned long long)publisher->epoch_cache_epoch);
    buf_clear(&engine->scratch_entry);
    if (store_meta(engine->store, name, &engine->scratch_entry) != OK) return false;
    return audience_covered(audience, bytes_of_buf(&engine->scratch_entry));
}

bool publisher_known(struct engine *engine, const struct publication *publication, const struct item *item, bool generated) {
    static struct item held;
    uint64_t cursors[64];
    size_t count = store_find_id(engine->store, item->id, cursors, 64);
    if (store_find_result(engine->store) != OK)
        engine_event(engine, LOG_STORE_DAMAGED, NULL, "the index cannot be read: an object may be published twice");
    for (size_t i = count; i-- > 0;) {
        struct page_head head;
        struct bytes encoded;
        if (store_item(engine->store, cursors[i], &head, &held, &encoded) != OK) continue;
        if (memcmp(head.node_id, engine->node_id, NODE_ID_BYTES) != 0 || !bytes_equal(held.id, item->id)) continue;
        if (held.tlp != item->tlp || !bytes_equal(held.marks, item->marks) || (!generated && held.modified_ms != item->modified_ms))
            continue;
        if (!generated && item->modified_ms == 0 && !bytes_equal(held.text, item->text)) continue;
        if (covered(engine, head.seq, &publication->audience)) return true;
    }
    return false;
}

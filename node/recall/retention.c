#include "node/process/clock.h"
#include "node/engine/engine_core.h"

#include <string.h>

/* How long this node's policy lets it keep what others published: labels.LABEL.retention_max, from the arrival on. Pages of others say by
   their due rows when to look; when the policy file has changed since the last start, they all get one. */

#define META_KEY    "retention"
#define BATCH_PAGES 4096

static bool foreign(const struct engine *engine, const struct page_head *head) {
    return memcmp(head->agency_id, engine->agency_id, AGENCY_ID_BYTES) != 0;
}

/* What nodes say to each other is kept as long as it is needed; an object inside a share is an object. */
static uint64_t label_end_ms(const struct engine *engine, uint64_t arrived_ms, const struct item *item) {
    uint64_t most_ms = item->tlp <= TLP_RED ? engine->policy.labels[item->tlp].retention_max_ms : 0;
    if (most_ms == 0 || (statement_is(item->type) && !bytes_equal_text(item->type, SHARE_TYPE))) return 0;
    return arrived_ms + most_ms;
}

uint64_t retention_end_ms(const struct engine *engine, const struct page_head *head, const struct item *item) {
    uint64_t end_ms = expiry_end_ms(item);
    uint64_t label_ms = foreign(engine, head) ? label_end_ms(engine, head->arrived_ms, item) : 0;
    return label_ms != 0 && (end_ms == 0 || label_ms < end_ms) ? label_ms : end_ms;
}

bool retention_over(const struct engine *engine, const struct page_head *head, const struct item *item, uint64_t now_ms) {
    uint64_t end_ms = retention_end_ms(engine, head, item);
    return end_ms != 0 && end_ms <= now_ms;
}

/* --- a block whose items stand in the pages of another one --- */

void retention_alias(struct engine *engine, struct store_batch *batch, const struct page_head *head, uint64_t holder,
                     const struct block *block) {
    static struct recall_place place;
    static struct item item;
    struct page_head first;
    uint64_t arrived_ms = 0, end_ms = 0;
    struct bytes encoded;
    if (!foreign(engine, head)) return;
    /* The pages may have gone already: then so must this. */
    if (recall_place_find(engine, head->node_id, holder, &place) && store_page_head(engine->store, place.cursor, &first) == OK &&
        first.seq == holder && memcmp(first.node_id, head->node_id, NODE_ID_BYTES) == 0)
        arrived_ms = first.arrived_ms;
    for (size_t i = 0; i < block_frame_count(block); i++) {
        struct cursor walk = cursor_of(block_frame_plain(block, i));
        while (block_frame_next(&walk, &encoded)) {
            uint64_t item_ms = item_decode(&item, encoded) == OK ? label_end_ms(engine, arrived_ms, &item) : 0;
            if (item_ms != 0 && (end_ms == 0 || item_ms < end_ms)) end_ms = item_ms;
        }
    }
    if (end_ms == 0) return;
    store_batch_due_payload(batch, end_ms > head->arrived_ms ? end_ms : head->arrived_ms, head->node_id, head->seq);
}

void retention_payload(struct engine *engine, struct store_batch *batch, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq,
                       uint64_t now_ms) {
    static struct recall_place place;
    struct entry entry;
    struct block_body body;
    struct recall notice = {0};
    bool early = recall_reads(engine, node_id, seq) == OURS_YES &&
                 entry_parse(&entry, bytes_of_buf(&engine->scratch_entry)) == OK && block_body_read(&body, entry.body) == OK &&
                 body.expires_ms > now_ms;
    if (early && recall_place_find(engine, node_id, seq, &place) && !place.own) {
        recall_mark(&notice, 0); /* what it tells of the block before */
        withdraw_bar(engine, batch, node_id, entry.agency_id, seq, &notice);
    } else {
        withdraw_payload(engine, batch, node_id, seq);
    }
}

/* --- the start --- */

static uint64_t shortest_ms(const struct policy_settings *policy) {
    uint64_t shortest = 0;
    for (size_t label = 0; label <= TLP_RED; label++) {
        uint64_t most_ms = policy->labels[label].retention_max_ms;
        if (most_ms != 0 && (shortest == 0 || most_ms < shortest)) shortest = most_ms;
    }
    return shortest;
}

/* True: they are what they were at the last start. Without a word of that, nothing had a maximum. */
static bool maxima_kept(struct engine *engine, struct bytes maxima) {
    struct buf before = {0};
    bool told = store_meta(engine->store, META_KEY, &before) == OK;
    bool same = told ? bytes_equal(bytes_of_buf(&before), maxima) : shortest_ms(&engine->policy) == 0;
    buf_free(&before);
    return same;
}

enum err retention_load(struct engine *engine) {
    uint8_t maxima[8 * (TLP_RED + 1)];
    uint64_t shortest = shortest_ms(&engine->policy), count = 0;
    struct page_head head;
    for (size_t label = 0; label <= TLP_RED; label++) put_be64(maxima + 8 * label, engine->policy.labels[label].retention_max_ms);
    if (maxima_kept(engine, bytes_of(maxima, sizeof maxima))) return OK;
    struct store_batch *batch = store_batch_new(engine->store);
    for (uint64_t cursor = 1; batch && shortest != 0; cursor = head.cursor + head.item_count) {
        enum err err = store_page_head(engine->store, cursor, &head);
        if (err == ERR_NOT_FOUND) break;
        if (err != OK) {
            store_batch_free(batch);
            return err;
        }
        /* At the earliest moment at which one of its items can be over; then it is looked at, and told when the next is. */
        if (foreign(engine, &head)) store_batch_due_page(batch, head.arrived_ms + shortest, head.cursor);
        if (++count % BATCH_PAGES != 0) continue;
        store_commit(engine->store, batch, 0);
        batch = store_batch_new(engine->store);
    }
    if (!batch) return ERR_MEMORY;
    store_batch_meta(batch, META_KEY, bytes_of(maxima, sizeof maxima));
    store_commit(engine->store, batch, 0);
    return OK;
}

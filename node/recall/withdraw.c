#include "node/process/clock.h"
#include "node/engine/engine_core.h"
#include "node/sharing/prove.h"

#include <stdlib.h>
#include <string.h>

/* Taking items out: first nothing shows them any more (withdrawn), then no file holds them (erased); the author hears of both. One commit
   that changes pages is under way at a time. */

#define SOON_MS      50
#define UNKNOWN_EACH 64 /* erased blocks looked at in one go whose epoch the key process has not opened yet */

/* --- pages --- */

struct change {
    struct engine *engine;
    struct store_batch *batch;
    const struct recall *marked;
    enum gone_cause cause;
    struct buf plain;
    size_t removed;
};

/* The page with its marked items empty. */
static void page_change(struct change *change, const struct page *page) {
    static struct item item;
    struct cursor walk = cursor_of(page->plain);
    struct bytes encoded;
    size_t removed = 0, left = 0;
    buf_clear(&change->plain);
    for (uint32_t i = 0; block_frame_next(&walk, &encoded); i++) {
        bool gone = encoded.size > 0 && recall_marked(change->marked, page->head.item_first + i);
        if (gone && item_decode(&item, encoded) == OK) {
            store_batch_terms_delete(change->batch, page->head.cursor + i, &item);
            gone_note(change->engine, change->batch, &page->head, page->head.cursor + i, &item, change->cause);
        }
        removed += gone;
        left += !gone && encoded.size > 0;
        buf_put_u32(&change->plain, gone ? 0 : (uint32_t)encoded.size);
        if (!gone) buf_put(&change->plain, encoded);
    }
    if (removed == 0) return;
    struct bytes plain = left > 0 ? bytes_of_buf(&change->plain) : bytes_of(NULL, 0);
    enum err err = change->plain.failed ? ERR_MEMORY : store_batch_page_change(change->batch, &page->head, plain, removed);
    if (err != OK) engine_fail(change->engine, 5, "a page cannot be changed: %s", err_text(err));
    change->removed += removed;
}

static bool page_marked(const struct recall *marked, const struct page_head *head) {
    for (uint32_t i = 0; i < head->item_count; i++)
        if (recall_marked(marked, head->item_first + i)) return true;
    return false;
}

size_t withdraw_items(struct engine *engine, struct store_batch *batch, const struct recall_place *place,
                      const struct recall *marked, enum gone_cause cause) {
    struct change change = {.engine = engine, .batch = batch, .marked = marked, .cause = cause};
    uint64_t end = place->cursor + place->items;
    for (uint64_t cursor = place->cursor; cursor < end && !engine->stopping;) {
        struct page page;
        enum err err = store_page_from(engine->store, cursor, &page);
        if (err == ERR_NOT_FOUND || page.head.item_count == 0 || page.head.cursor >= end) break;
        cursor = page.head.cursor + page.head.item_count;
        if (err == OK && page_marked(marked, &page.head)) page_change(&change, &page);
    }
    buf_free(&change.plain);
    /* It may have waited in the outbox once, sealed under the store's key. */
    if (change.removed > 0) store_batch_erase_between(batch, "secret/", "secret/~");
    return change.removed;
}

void withdraw_commit(struct engine *engine, struct store_batch *batch) {
    struct recalls *recalls = &engine->recalls;
    gone_seal(engine, batch);
    recalls->writing = true;
    recalls->ticket = RECALL_TICKET | ++recalls->tickets;
    store_commit(engine->store, batch, recalls->ticket);
}

void withdraw_stored(struct engine *engine, uint64_t ticket) {
    struct recalls *recalls = &engine->recalls;
    if (ticket == 0) return;
    if (recalls->writing && ticket == recalls->ticket) {
        recalls->writing = false;
        gone_stored(engine);
        if (recalls->round_due_ms == 0 && store_erase_due(engine->store))
            recalls->round_due_ms = clock_monotonic_ms() + RECALL_ROUND_MS;
    }
    for (size_t i = 0; i < recalls->count; i++)
        if (recalls->waiting[i].ticket == ticket) recalls->waiting[i].ticket = 0;
}

/* --- receipts --- */

static void receipt_say(struct engine *engine, struct store_batch *batch, const struct recall_waiting *waiting,
                        const struct recall_row *row) {
    struct recall_receipt receipt = {.block = waiting->block, .count = row->count, .state = row->state, .time_ms = clock_wall_ms()};
    struct statement statement = {.type = RECALL_RECEIPT_TYPE, .tlp = TLP_AMBER, .carriage = CARRIAGE_RELAY};
    struct buf text = {0};
    if (row->reader != OURS_YES) return;
    memcpy(receipt.node_id, waiting->node_id, NODE_ID_BYTES);
    recall_receipt_write(&text, &receipt);
    statement.text = bytes_of_buf(&text);
    statement.valid_until_ms = receipt.time_ms + PUBLISHER_EXPIRE_MS;
    bool sister = memcmp(row->agency_id, engine->agency_id, AGENCY_ID_BYTES) == 0;
    statement.agencies = row->agency_id, statement.agency_count = sister ? 0 : 1;
    enum err err = statement_publish(engine, batch, &statement);
    if (err != OK)
        engine_event(engine, LOG_RECALL_FAILED, NULL, "a receipt for a recall of %s cannot be said: %s",
                     engine_agency_name(engine, row->agency_id), err_text(err));
    buf_free(&text);
}

/* --- withdrawn --- */

/* The block's marked items as items of the pages that hold them. */
static void marks_of(const struct recall_place *place, const struct recall *recall, bool all, struct recall *out) {
    uint32_t held;
    *out = (struct recall){0};
    for (uint32_t i = 0; all && i < place->items; i++) recall_mark(out, i);
    for (uint32_t i = 0; !all && i < 8u * recall->map_bytes; i++)
        if (recall_marked(recall, i) && recall_place_of(place, i, &held)) recall_mark(out, held);
}

void withdraw_payload(struct engine *engine, struct store_batch *batch, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq) {
    struct event event = {.kind = EVENT_DROPPED, .dropped = {.node_id = node_id}};
    bool own = memcmp(node_id, engine->node_id, NODE_ID_BYTES) == 0;
    if (!store_payload_exists(engine->store, node_id, seq)) return;
    event.dropped.bytes = store_payload_bytes(engine->store, node_id, seq);
    store_batch_payload_erase(batch, node_id, seq);
    if (own || recall_reads(engine, node_id, seq) == OURS_YES) reader_count(engine, batch, -1);
    if (!own && engine_step(engine, &event) != OK) engine_fail(engine, 5, "out of memory");
}

/* What is marked of a recalled block and was not taken back, as items of the block that replaced it. */
static void marks_behind(const struct recall *recall, struct recall *marked) {
    struct recall behind = {0};
    for (uint32_t i = 0; i < 8u * marked->map_bytes; i++)
        if (recall_marked(marked, i) && !recall_marked(recall, i)) recall_mark(&behind, recall_index_behind(recall, i));
    *marked = behind;
}

void withdraw_bar(struct engine *engine, struct store_batch *batch, const uint8_t node_id[static NODE_ID_BYTES],
                  const uint8_t agency_id[static AGENCY_ID_BYTES], uint64_t block, const struct recall *of_block) {
    struct recall marks = *of_block, *marked = &marks;
    while (block != 0 && marked->map_bytes > 0) {
        struct recall_row row;
        bool recalled = recall_row_get(engine, node_id, block, &row) == OK;
        struct event event = {.kind = EVENT_RECALL};
        withdraw_payload(engine, batch, node_id, block);
        event.recall.node_id = node_id;
        event.recall.block = block;
        event.recall.by = block + 1;
        if (!recalled && engine_step(engine, &event) != OK) engine_fail(engine, 5, "out of memory");
        if (!recalled) {
            uint64_t now_ms = clock_wall_ms();
            row = (struct recall_row){.state = RECALL_WITHDRAWN, .by = block + 1, .noted_ms = now_ms, .withdrawn_ms = now_ms};
            memcpy(row.agency_id, agency_id, AGENCY_ID_BYTES);
            row.recall = *marked;
            row.recall.block = block;
            row.recall.replacement = 0;
            recall_row_put(batch, node_id, block, &row);
            recall_await_erased(engine, node_id, block);
        }
        block = recalled ? row.recall.replacement : 0;
        if (recalled) marks_behind(&row.recall, marked);
    }
}

static void withdraw(struct engine *engine, struct recall_waiting *waiting) {
    static struct recall_place place;
    struct recall marked;
    struct recall_row row;
    uint64_t cursor;
    uint32_t items;
    struct recall_waiting copy = *waiting; /* the list may move */
    waiting->withdrawn = true;
    if (recall_row_get(engine, copy.node_id, copy.block, &row) != OK) return;
    struct store_batch *batch = store_batch_new(engine->store);
    if (!batch) {
        engine_fail(engine, 5, "out of memory for a recall");
        return;
    }
    withdraw_payload(engine, batch, copy.node_id, copy.block);
    row.reader = recall_reads(engine, copy.node_id, copy.block);
    if (recall_place_find(engine, copy.node_id, copy.block, &place)) {
        /* The replacement came first and has pages of its own: then all of this block goes. */
        bool all = place.own && row.recall.replacement != 0 &&
                   store_block(engine->store, copy.node_id, row.recall.replacement, &cursor, &items);
        marks_of(&place, &row.recall, all, &marked);
        third_withdrawn(engine, batch, copy.node_id, copy.block, row.agency_id, &place, &marked);
        row.count = withdraw_items(engine, batch, &place, &marked, GONE_RECALL);
        prove_withdraw(engine, batch, copy.node_id, place.holder, copy.block);
        if (all) store_batch_block_delete(batch, copy.node_id, copy.block);
        if (!all) recall_alias_ahead(engine, batch, copy.node_id, &place, &row.recall);
    }
    share_recalled(engine, batch, copy.node_id, &row.recall);
    row.state = RECALL_WITHDRAWN;
    row.withdrawn_ms = clock_wall_ms();
    recall_row_put(batch, copy.node_id, copy.block, &row);
    receipt_say(engine, batch, &copy, &row);
    withdraw_commit(engine, batch);
    const char *who = engine_agency_name(engine, row.agency_id);
    engine->tallies.blocks_withdrawn++;
    engine->tallies.objects_withdrawn += row.count;
    log_event(LOG_RECALL_WITHDRAWN,
              LOG_FIELDS(LOG_TEXT("agency", who), LOG_NUMBER("block", copy.block), LOG_NUMBER("objects", row.count)),
              "block %llu of %s was recalled: %llu objects are withdrawn", (unsigned long long)copy.block, who,
              (unsigned long long)row.count);
}

/* --- erased --- */

/* False: not yet. Whether its author waits for a receipt is not known; the key process' answer has it looked at again. */
static bool erased(struct engine *engine, struct store_batch *batch, const struct recall_waiting *waiting) {
    struct recall_row row;
    if (recall_row_get(engine, waiting->node_id, waiting->block, &row) != OK) return true;
    if (row.reader == OURS_UNKNOWN) row.reader = recall_reads(engine, waiting->node_id, waiting->block);
    if (row.reader == OURS_UNKNOWN) return false;
    row.state = RECALL_ERASED;
    row.erased_ms = clock_wall_ms();
    recall_row_put(batch, waiting->node_id, waiting->block, &row);
    receipt_say(engine, batch, waiting, &row);
    third_erased(engine, batch, waiting->node_id, waiting->block, row.agency_id);
    return true;
}

static void round_finish(struct engine *engine) {
    struct recalls *recalls = &engine->recalls;
    uint64_t finished = store_erased(engine->store), gone = 0;
    struct store_batch *batch = NULL;
    size_t kept = 0;
    unsigned unknown = 0;
    for (size_t i = 0; i < recalls->count; i++) {
        struct recall_waiting waiting = recalls->waiting[i];
        bool over = waiting.begun && waiting.round <= finished && unknown < UNKNOWN_EACH;
        if (over && !batch) batch = store_batch_new(engine->store);
        bool done = over && batch && erased(engine, batch, &waiting);
        unknown += over && !done;
        if (done)
            gone++;
        else
            recalls->waiting[kept++] = waiting;
    }
    recalls->count = kept;
    if (gone == 0) {
        if (batch) store_batch_free(batch);
        return;
    }
    store_commit(engine->store, batch, 0);
    engine->tallies.blocks_erased += gone;
    log_event(LOG_RECALL_ERASED, LOG_FIELDS(LOG_NUMBER("blocks", gone)), "%llu recalled block%s out of all files",
              (unsigned long long)gone, gone == 1 ? " is" : "s are");
}

static void round_begin(struct engine *engine) {
    struct recalls *recalls = &engine->recalls;
    uint64_t now = clock_monotonic_ms();
    if (recalls->writing || store_erasing(engine->store)) return;
    if (recalls->round_due_ms > now) {
        if (recalls->due_ms > recalls->round_due_ms) recalls->due_ms = recalls->round_due_ms;
        return;
    }
    /* Nothing was held of what was recalled: there is nothing to rewrite. */
    uint64_t round = recalls->round_due_ms ? store_erase(engine->store) : 0;
    recalls->round_due_ms = 0;
    for (size_t i = 0; i < recalls->count; i++) {
        struct recall_waiting *waiting = &recalls->waiting[i];
        if (waiting->withdrawn && !waiting->begun) waiting->begun = true, waiting->round = round;
    }
}

void withdraw_pump(struct engine *engine) {
    struct recalls *recalls = &engine->recalls;
    recalls->due_ms = UINT64_MAX;
    for (size_t i = 0; i < recalls->count && !recalls->writing && !engine->stopping; i++) {
        struct recall_waiting *waiting = &recalls->waiting[i];
        if (waiting->withdrawn || waiting->ticket != 0) continue;
        if (!store_terms_ready(engine->store)) {
            recalls->due_ms = clock_monotonic_ms() + SOON_MS;
            break;
        }
        withdraw(engine, waiting);
    }
    round_begin(engine);
    round_finish(engine);
    recall_due_pump(engine);
}

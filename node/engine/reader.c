#include "node/process/clock.h"
#include "node/engine/engine_core.h"
#include "node/sharing/prove.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* From payloads to pages; payloads that arrive before the secret of their epoch wait. */

enum err reader_init(struct engine *engine) {
    struct reader *reader = &engine->reader;
    reader->block = block_new(engine->codec);
    return reader->block ? OK : ERR_MEMORY;
}

void reader_free(struct engine *engine) {
    struct reader *reader = &engine->reader;
    for (size_t i = 0; i < reader->held_count; i++) buf_free(&reader->held[i].payload);
    free(reader->held);
    block_free(reader->block);
}

void reader_entries(struct engine *engine, struct store_batch *batch, struct bytes entries, uint64_t ticket) {
    while (entries.size > 0) {
        struct entry entry;
        char name[64], hex[2 * NODE_ID_BYTES + 1];
        if (entry_parse(&entry, entries) != OK) return; /* the core parsed it */
        if (entry.type == ENTRY_EPOCH) epochs_arrived(engine, &entry);
        if (entry.type == ENTRY_PREKEY) {
            hex_encode(hex, bytes_of(entry.node_id, NODE_ID_BYTES));
            snprintf(name, sizeof name, "prekey/%s", hex);
            store_batch_meta(batch, name, entry.body);
        }
        if (entry.type == ENTRY_RECALL) recall_entry(engine, batch, &entry, ticket);
        entries = bytes_of(entries.data + entry.size, entries.size - entry.size);
    }
}

/* --- pages --- */

/* Returns when the first of the items is over; 0: none ever is. */
static uint64_t frame_terms(struct engine *engine, struct store_batch *batch, const struct page_head *page, struct bytes plain) {
    static struct item item; /* 24 KiB; one thread */
    struct bytes encoded;
    struct cursor walk = cursor_of(plain);
    struct statement_seen seen = {
        .agency_id = page->agency_id, .node_id = page->node_id, .seq = page->seq, .arrived_ms = page->arrived_ms, .item = &item};
    uint64_t first_ms = 0;
    labelmap_note(&engine->labels, page->cursor, TLP_NONE); /* makes room */
    for (uint32_t i = 0; block_frame_next(&walk, &encoded); i++) {
        if (item_decode(&item, encoded) != OK) {
            engine->reader.blocks_bad++; /* kept, never shown: its author's mistake */
            continue;
        }
        store_batch_terms(batch, page->cursor + i, &item);
        labelmap_note(&engine->labels, page->cursor + i, item.tlp);
        versions_note(engine, &item);
        seen.index = page->item_first + i;
        if (statement_is(item.type)) statement_take(engine, batch, &seen);
        groups_arrived(engine, batch, page->cursor + i, &item);
        uint64_t end_ms = retention_end_ms(engine, page, &item);
        if (end_ms != 0 && (first_ms == 0 || end_ms < first_ms)) first_ms = end_ms;
    }
    return first_ms;
}

/* Every item before `end` that was stored since the start was noted. */
static void labels_go_on(struct engine *engine, uint64_t end) {
    uint64_t whole = end / LABELMAP_SPAN * LABELMAP_SPAN;
    labelmap_known(&engine->labels, engine->labels_from, end);
    if (whole > engine->labels_from) engine->labels_from = whole;
}

static bool first_item(const struct block *block, struct bytes *first) {
    struct cursor walk = cursor_of(block_frame_count(block) > 0 ? block_frame_plain(block, 0) : bytes_of(NULL, 0));
    return block_frame_next(&walk, first);
}

/* A replacement whose items stand here already: its statements are heard, and it gets no pages. */
static bool aliased(struct engine *engine, struct store_batch *batch, const struct page_head *head, const struct block *block,
                    uint64_t *holder) {
    struct bytes first;
    return first_item(block, &first) && recall_alias(engine, batch, head, first, holder);
}

/* Counted in the same batch, so that status never disagrees with the pages. */
void reader_count(struct engine *engine, struct store_batch *batch, int change) {
    uint8_t count[8];
    if (change > 0 || engine->reader.blocks_read > 0) engine->reader.blocks_read += (uint64_t)(int64_t)change;
    put_be64(count, engine->reader.blocks_read);
    store_batch_meta(batch, READER_COUNT_KEY, bytes_of(count, sizeof count));
}

#define ADDED_AHEAD_US 5000 /* at most, of the clock */

/* When the first of `count` items is added. The last is added at a full millisecond: a client whose dates have no microseconds
   (JavaScript's) says after what it has seen exactly that, and is not told all of a page again at every poll. Not where that would let
   the dates run ahead of the clock, as many small pages in one millisecond would. */
static uint64_t added_at(struct engine *engine, uint64_t arrived_ms, uint32_t count) {
    uint64_t now_us = arrived_ms * 1000, first_us = now_us > engine->added_next_us ? now_us : engine->added_next_us;
    uint64_t to_full_us = (1000 - (first_us + count - 1) % 1000) % 1000;
    if (first_us + to_full_us <= now_us + ADDED_AHEAD_US) first_us += to_full_us;
    engine->added_next_us = first_us + count;
    return first_us;
}

enum err reader_pages(struct engine *engine, struct store_batch *batch, const struct page_head *head, const struct block *block) {
    struct page_head page = *head;
    uint64_t first = 0, holder = 0;
    bool pages = !aliased(engine, batch, head, block, &holder);
    page.item_first = 0;
    for (size_t i = 0; pages && i < block_frame_count(block); i++) {
        struct block_frame frame = block_frame_at(block, i);
        page.cursor = store_cursor_next(engine->store);
        if (page.cursor == 0) page.cursor = 1; /* 0 means "from the beginning" to those who ask for a feed */
        if (first == 0) first = page.cursor;
        page.item_count = frame.item_count;
        page.added_us = added_at(engine, head->arrived_ms, frame.item_count);
        page.plain_bytes = frame.plain_bytes;
        enum err err = store_batch_page(batch, &page, frame.packed);
        if (err != OK) return err;
        uint64_t over_ms = frame_terms(engine, batch, &page, block_frame_plain(block, i));
        labels_go_on(engine, page.cursor + page.item_count);
        if (over_ms != 0) store_batch_due_page(batch, over_ms > page.arrived_ms ? over_ms : page.arrived_ms, page.cursor);
        page.item_first += frame.item_count;
    }
    if (pages) store_batch_block(batch, head->node_id, head->seq, first, page.item_first);
    if (!pages) retention_alias(engine, batch, head, holder, block);
    pages ? prove_keep(batch, head, block) : prove_replace(batch, head, holder, block);
    reader_count(engine, batch, 1);
    return OK;
}

void reader_count_load(struct engine *engine) {
    uint64_t cursor, added_us;
    if (store_newest(engine->store, &cursor, &added_us) == OK && added_us > 0) engine->added_next_us = added_us + 1;
    engine->labels_from = store_cursor_next(engine->store);
    buf_clear(&engine->scratch);
    if (store_meta(engine->store, READER_COUNT_KEY, &engine->scratch) == OK && engine->scratch.size == 8)
        engine->reader.blocks_read = get_be64(engine->scratch.data);
}

/* --- payloads --- */

/* It is taken for not there, and asked for again. */
static void refuse(struct engine *engine, uint64_t ticket) {
    engine_follow_up(engine, &(struct follow_up){.kind = ACTION_STORE_PAYLOAD, .ticket = ticket});
}

/* The batch of one payload: as received, and its items when they are ours to read. */
static void payload_store(struct engine *engine, uint64_t ticket, const uint8_t *node_id, uint64_t seq,
                          const struct block_body *body, struct bytes payload, const struct epoch *epoch) {
    if (gossip_recalled(engine->gossip, node_id, seq)) { /* meanwhile */
        refuse(engine, ticket);
        return;
    }
    struct store_batch *batch = store_batch_new(engine->store);
    if (!batch) {
        engine_fail(engine, 5, "out of memory while storing a payload");
        return;
    }
    if (epoch && epoch->state == EPOCH_OURS) {
        struct page_head head = {.seq = seq, .arrived_ms = clock_wall_ms(), .expires_ms = body->expires_ms};
        memcpy(head.node_id, node_id, NODE_ID_BYTES);
        memcpy(head.agency_id, epoch->agency_id, AGENCY_ID_BYTES);
        struct bytes first;
        enum err err = block_open(engine->reader.block, payload, &body->seal, epoch->secret, body->index);
        if (err == OK && first_item(engine->reader.block, &first) && recall_early(engine, node_id, seq, first)) {
            block_reset(engine->reader.block);
            store_batch_free(batch);
            refuse(engine, ticket);
            return;
        }
        if (err == OK) err = reader_pages(engine, batch, &head, engine->reader.block);
        if (err == OK) ledger_in(engine, batch, &head, body, block_item_count(engine->reader.block));
        if (err != OK) {
            /* Signed so by its author: carried for the others, shown to nobody here. */
            engine->reader.blocks_bad++;
            const char *who = engine_agency_name(engine, epoch->agency_id);
            engine_event(engine, LOG_BLOCK_UNREADABLE, LOG_FIELDS(LOG_TEXT("agency", who), LOG_NUMBER("block", seq)),
                         "block %llu of %s is addressed to us and cannot be read: %s", (unsigned long long)seq, who, err_text(err));
        }
        block_reset(engine->reader.block);
    }
    store_batch_payload(batch, node_id, seq, payload);
    uint64_t most = clock_wall_ms() + PUBLISHER_EXPIRE_MS;
    store_batch_due_payload(batch, body->expires_ms < most ? body->expires_ms : most, node_id, seq);
    store_commit(engine->store, batch, ticket);
}

static size_t held_bytes_of(const struct reader *reader, const uint8_t *agency_id) {
    size_t bytes = 0;
    for (size_t i = 0; i < reader->held_count; i++)
        if (memcmp(reader->held[i].agency_id, agency_id, AGENCY_ID_BYTES) == 0) bytes += reader->held[i].payload.size;
    return bytes;
}

/* False: too much waits already. */
static bool hold(struct engine *engine, const struct action *action, const struct epoch *epoch) {
    struct reader *reader = &engine->reader;
    struct bytes payload = action->store_payload.payload;
    if (held_bytes_of(reader, epoch->agency_id) + payload.size > READER_HELD_BYTES_EACH) return false;
    if (reader->held_count == reader->held_capacity) {
        size_t capacity = reader->held_capacity ? 2 * reader->held_capacity : 16;
        struct held *grown = capacity <= READER_HELD_MAX ? realloc(reader->held, capacity * sizeof *grown) : NULL;
        if (!grown) return false;
        reader->held = grown, reader->held_capacity = capacity;
    }
    struct held *held = &reader->held[reader->held_count++];
    *held =
        (struct held){.ticket = action->store_payload.ticket, .seq = action->store_payload.seq, .body = action->store_payload.body};
    memcpy(held->agency_id, epoch->agency_id, AGENCY_ID_BYTES);
    memcpy(held->node_id, action->store_payload.node_id, NODE_ID_BYTES);
    buf_put(&held->payload, payload);
    if (held->payload.failed) engine_fail(engine, 5, "out of memory while a payload waits for its epoch");
    return true;
}

void reader_refused(struct engine *engine, uint64_t ticket) {
    struct event event = {.kind = EVENT_STORED, .stored = {.ticket = ticket, .refused = true}};
    engine_must_step(engine, &event);
}

void reader_payload(struct engine *engine, const struct action *action) {
    bool busy = false;
    const struct epoch *epoch = epochs_of_block(engine, action->store_payload.node_id, action->store_payload.seq,
                                                action->store_payload.body.epoch_seq, &busy);
    bool pending = epoch && epoch->state == EPOCH_PENDING;
    if (busy || (pending && !hold(engine, action, epoch))) {
        refuse(engine, action->store_payload.ticket); /* stored without being read it would never be read */
        return;
    }
    if (pending) return;
    payload_store(engine, action->store_payload.ticket, action->store_payload.node_id, action->store_payload.seq,
                  &action->store_payload.body, action->store_payload.payload, epoch);
}

void reader_released(struct engine *engine, const struct epoch *epoch) {
    struct reader *reader = &engine->reader;
    size_t kept = 0;
    for (size_t i = 0; i < reader->held_count; i++) {
        struct held *held = &reader->held[i];
        if (held->body.epoch_seq != epoch->seq || memcmp(held->node_id, epoch->node_id, NODE_ID_BYTES) != 0) {
            reader->held[kept++] = *held;
            continue;
        }
        payload_store(engine, held->ticket, held->node_id, held->seq, &held->body, bytes_of_buf(&held->payload), epoch);
        buf_free(&held->payload);
    }
    reader->held_count = kept;
}

void reader_truncate(struct engine *engine, const uint8_t *node_id, uint64_t seq) {
    struct reader *reader = &engine->reader;
    size_t kept = 0;
    for (size_t i = 0; i < reader->held_count; i++) {
        struct held *held = &reader->held[i];
        if (held->seq < seq || memcmp(held->node_id, node_id, NODE_ID_BYTES) != 0) {
            reader->held[kept++] = *held;
            continue;
        }
        refuse(engine, held->ticket);
        buf_free(&held->payload);
    }
    reader->held_count = kept;
}

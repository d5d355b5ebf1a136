#include "node/engine/engine_core.h"
#include "node/engine/engine_load.h"

#include <string.h>

/* What the core asked of the store, as the events that answer it. */

struct range {
    struct buf *out;
    size_t size_max;
    size_t verified_bytes;
};

static bool range_visit(void *context, uint64_t seq, bool verified, struct bytes entry) {
    struct range *range = context;
    (void)seq;
    /* At least one entry, so that a large one passes too. */
    if (range->out->size > 0 && range->out->size + entry.size > range->size_max) return false;
    buf_put(range->out, entry);
    if (verified) range->verified_bytes = range->out->size;
    return !range->out->failed;
}

void load_entries(struct engine *engine, const struct follow_up *ask) {
    struct range range = {.out = &engine->scratch, .size_max = ask->size_max};
    struct event event = {.kind = EVENT_LOADED_ENTRIES};
    buf_clear(range.out);
    enum err err = store_entries(engine->store, ask->node_id, ask->seq, range_visit, &range);
    if (err != OK) {
        engine_event(engine, LOG_STORE_DAMAGED, NULL, "stored entries cannot be read: %s", err_text(err));
        buf_clear(range.out);
    }
    event.loaded_entries.ticket = ask->ticket;
    event.loaded_entries.entries = bytes_of_buf(range.out);
    event.loaded_entries.verified_bytes = range.verified_bytes;
    engine_must_step(engine, &event);
}

static bool block_of(struct engine *engine, const uint8_t *node_id, uint64_t seq, struct block_body *body) {
    struct entry entry;
    bool verified;
    buf_clear(&engine->scratch_entry);
    return store_entry(engine->store, node_id, seq, &engine->scratch_entry, &verified) == OK &&
           entry_parse(&entry, bytes_of_buf(&engine->scratch_entry)) == OK && entry.type == ENTRY_BLOCK &&
           block_body_read(body, entry.body) == OK;
}

void load_payload(struct engine *engine, const struct follow_up *ask) {
    struct event event = {.kind = EVENT_LOADED_PAYLOAD};
    buf_clear(&engine->scratch);
    event.loaded_payload.ticket = ask->ticket;
    if (block_of(engine, ask->node_id, ask->seq, &event.loaded_payload.body)) {
        enum err err = store_payload(engine->store, ask->node_id, ask->seq, &engine->scratch);
        if (err != OK && err != ERR_NOT_FOUND)
            engine_event(engine, LOG_STORE_DAMAGED, NULL, "a stored payload cannot be read: %s", err_text(err));
        /* Whatever the disk gave, only what the author signed goes out. */
        event.loaded_payload.present =
            err == OK && block_payload_matches(bytes_of_buf(&engine->scratch), &event.loaded_payload.body.seal);
        event.loaded_payload.payload = bytes_of_buf(&engine->scratch);
    }
    engine_must_step(engine, &event);
}

#define SCAN_ROWS_MAX    1024
#define SCAN_ENTRIES_MAX 20000 /* a look at so many in one go; the rest is asked for again */

struct scan {
    struct engine *engine;
    const uint8_t *node_id;
    struct scanned rows[SCAN_ROWS_MAX];
    size_t count, rows_max;
    uint64_t seen, next;
};

static bool scan_visit(void *context, uint64_t seq, bool verified, struct bytes bytes) {
    struct scan *scan = context;
    struct entry entry;
    (void)verified;
    if (scan->count == scan->rows_max || scan->seen++ == SCAN_ENTRIES_MAX) {
        scan->next = seq;
        return false;
    }
    if (bytes.size > ENTRY_HEADER_BYTES && bytes.data[1] == ENTRY_EPOCH) epochs_seen(scan->engine, bytes);
    /* The type alone tells most entries apart; the rest of the parsing is for blocks only. */
    if (bytes.size < ENTRY_HEADER_BYTES || bytes.data[1] != ENTRY_BLOCK) return true;
    if (store_payload_exists(scan->engine->store, scan->node_id, seq)) return true;
    if (entry_parse(&entry, bytes) != OK || block_body_read(&scan->rows[scan->count].body, entry.body) != OK) return true;
    scan->rows[scan->count++].seq = seq;
    return true;
}

void load_scan(struct engine *engine, const struct follow_up *ask) {
    static struct scan scan; /* 150 KiB; one thread */
    struct event event = {.kind = EVENT_SCANNED};
    store_wait(engine->store); /* what was just accepted must be seen: nobody asks twice */
    scan = (struct scan){
        .engine = engine, .node_id = ask->node_id, .rows_max = ask->size_max < SCAN_ROWS_MAX ? ask->size_max : SCAN_ROWS_MAX};
    enum err err = store_entries(engine->store, ask->node_id, ask->seq, scan_visit, &scan);
    if (err != OK) engine_event(engine, LOG_STORE_DAMAGED, NULL, "stored entries cannot be read: %s", err_text(err));
    event.scanned.ticket = ask->ticket;
    event.scanned.rows = scan.rows;
    event.scanned.count = scan.count;
    event.scanned.next_seq = scan.next;
    engine_must_step(engine, &event);
}

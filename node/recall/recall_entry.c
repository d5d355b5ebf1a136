#include "node/process/clock.h"
#include "node/engine/engine_core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What RECALL entries say, kept and told to the core, and where the items of a block stand. */

#define ROW_VERSION 1
#define NAME_BYTES  64

static void name_of(char out[static NAME_BYTES], const char *prefix, const uint8_t *node_id, uint64_t block) {
    char hex[2 * NODE_ID_BYTES + 1];
    hex_encode(hex, bytes_of(node_id, NODE_ID_BYTES));
    snprintf(out, NAME_BYTES, "%s/%s/%016llx", prefix, hex, (unsigned long long)block);
}

/* --- rows --- */

void recall_row_put(struct store_batch *batch, const uint8_t node_id[static NODE_ID_BYTES], uint64_t block,
                    const struct recall_row *row) {
    struct buf value = {0};
    char name[NAME_BYTES];
    buf_put_u8(&value, ROW_VERSION);
    buf_put_u8(&value, (uint8_t)row->state);
    buf_put_u8(&value, row->reader);
    buf_put_u64(&value, row->by);
    buf_put_u64(&value, row->noted_ms);
    buf_put_u64(&value, row->withdrawn_ms);
    buf_put_u64(&value, row->erased_ms);
    buf_put_u64(&value, row->count);
    buf_put_raw(&value, row->agency_id, AGENCY_ID_BYTES);
    recall_write(&value, &row->recall);
    name_of(name, "recall", node_id, block);
    if (!value.failed) store_batch_meta(batch, name, bytes_of_buf(&value));
    buf_free(&value);
}

static enum err row_read(struct recall_row *out, struct bytes value) {
    struct cursor cursor = cursor_of(value);
    uint8_t version = cursor_u8(&cursor);
    out->state = (enum recall_state)cursor_u8(&cursor);
    out->reader = (enum ours)cursor_u8(&cursor);
    out->by = cursor_u64(&cursor);
    out->noted_ms = cursor_u64(&cursor);
    out->withdrawn_ms = cursor_u64(&cursor);
    out->erased_ms = cursor_u64(&cursor);
    out->count = cursor_u64(&cursor);
    cursor_copy(&cursor, out->agency_id, AGENCY_ID_BYTES);
    if (cursor.failed || version != ROW_VERSION || out->reader > OURS_UNKNOWN) return ERR_CORRUPT;
    return recall_read(&out->recall, out->by, bytes_of(cursor.at, cursor.left)) == OK ? OK : ERR_CORRUPT;
}

enum err recall_row_get(struct engine *engine, const uint8_t node_id[static NODE_ID_BYTES], uint64_t block,
                        struct recall_row *out) {
    struct buf value = {0};
    char name[NAME_BYTES];
    name_of(name, "recall", node_id, block);
    enum err err = store_meta(engine->store, name, &value);
    if (err == OK) err = row_read(out, bytes_of_buf(&value));
    buf_free(&value);
    return err;
}

static struct recall_waiting *waiting_new(struct engine *engine) {
    struct recalls *recalls = &engine->recalls;
    if (recalls->count == recalls->capacity) {
        size_t capacity = recalls->capacity ? 2 * recalls->capacity : 16;
        struct recall_waiting *grown = realloc(recalls->waiting, capacity * sizeof *grown);
        if (!grown) {
            engine_fail(engine, 5, "out of memory for a recall");
            return NULL;
        }
        recalls->waiting = grown, recalls->capacity = capacity;
    }
    struct recall_waiting *waiting = &recalls->waiting[recalls->count++];
    *waiting = (struct recall_waiting){0};
    return waiting;
}

enum ours recall_reads(struct engine *engine, const uint8_t node_id[static NODE_ID_BYTES], uint64_t block) {
    struct entry entry;
    struct block_body body;
    bool verified;
    if (memcmp(node_id, engine->node_id, NODE_ID_BYTES) == 0) return OURS_NO;
    buf_clear(&engine->scratch_entry);
    if (store_entry(engine->store, node_id, block, &engine->scratch_entry, &verified) != OK) return OURS_NO;
    if (entry_parse(&entry, bytes_of_buf(&engine->scratch_entry)) != OK || entry.type != ENTRY_BLOCK) return OURS_NO;
    if (block_body_read(&body, entry.body) != OK) return OURS_NO;
    return epochs_ours(engine, node_id, body.epoch_seq);
}

enum err recall_block_readers(struct engine *engine, uint64_t block, struct buf *out) {
    struct entry entry;
    struct block_body body;
    char name[NAME_BYTES];
    bool verified;
    buf_clear(&engine->scratch_entry);
    enum err err = store_entry(engine->store, engine->node_id, block, &engine->scratch_entry, &verified);
    if (err == OK) err = entry_parse(&entry, bytes_of_buf(&engine->scratch_entry));
    if (err == OK) err = entry.type == ENTRY_BLOCK ? block_body_read(&body, entry.body) : ERR_NOT_FOUND;
    if (err != OK) return err;
    snprintf(name, sizeof name, "secret/audience/%016llx", (unsigned long long)body.epoch_seq);
    return store_meta(engine->store, name, out);
}

/* Did an earlier entry of the log say what is known? What this node took out by itself (ledger_erase.c) gives way to its author's word. */
static bool said_before(struct engine *engine, const struct entry *entry, uint64_t block) {
    struct recall_row held;
    struct recall recall;
    struct entry before;
    bool verified;
    if (recall_row_get(engine, entry->node_id, block, &held) != OK || held.by >= entry->seq) return false;
    buf_clear(&engine->scratch_entry);
    return store_entry(engine->store, entry->node_id, held.by, &engine->scratch_entry, &verified) == OK &&
           entry_parse(&before, bytes_of_buf(&engine->scratch_entry)) == OK && before.type == ENTRY_RECALL &&
           recall_read(&recall, before.seq, before.body) == OK && recall.block == block;
}

void recall_entry(struct engine *engine, struct store_batch *batch, const struct entry *entry, uint64_t ticket) {
    struct recall_row row = {.by = entry->seq, .noted_ms = clock_wall_ms()};
    if (recall_read(&row.recall, entry->seq, entry->body) != OK) return;
    /* A block is recalled once: another one changes nothing, and costs no round and no receipts. */
    if (said_before(engine, entry, row.recall.block)) return;
    memcpy(row.agency_id, entry->agency_id, AGENCY_ID_BYTES);
    struct recall_waiting *waiting = waiting_new(engine);
    if (!waiting) return;
    memcpy(waiting->node_id, entry->node_id, NODE_ID_BYTES);
    waiting->block = row.recall.block;
    waiting->ticket = ticket;
    recall_row_put(batch, entry->node_id, row.recall.block, &row);
    bool own = memcmp(entry->node_id, engine->node_id, NODE_ID_BYTES) == 0;
    own ? engine->tallies.recalls_made++ : engine->tallies.recalls_heard++;
    if (own) recall_due_add(engine, row.recall.block, row.noted_ms, false);
}

void recall_await_erased(struct engine *engine, const uint8_t node_id[static NODE_ID_BYTES], uint64_t block) {
    struct recall_waiting *waiting = waiting_new(engine);
    if (!waiting) return;
    memcpy(waiting->node_id, node_id, NODE_ID_BYTES);
    waiting->block = block;
    waiting->withdrawn = true;
}

/* --- the start --- */

/* Tells the core of a row; false: it is none that can be read. */
static bool row_tell(struct engine *engine, const char *key, struct bytes value, struct recall_row *row,
                     uint8_t node_id[static NODE_ID_BYTES]) {
    struct event event = {.kind = EVENT_RECALL};
    const char *hex = key + strlen("recall/");
    if (strlen(hex) != 2 * NODE_ID_BYTES + 17 || !hex_decode(node_id, NODE_ID_BYTES, bytes_of(hex, 2 * NODE_ID_BYTES)))
        return false;
    if (row_read(row, value) != OK) {
        engine_event(engine, LOG_STORE_DAMAGED, NULL, "what is known of a recall cannot be read");
        return false;
    }
    event.recall.node_id = node_id;
    event.recall.block = row->recall.block;
    event.recall.by = row->by;
    engine_must_step(engine, &event);
    return true;
}

static bool row_load(void *context, const char *key, struct bytes value) {
    struct engine *engine = context;
    struct recall_row row;
    uint8_t node_id[NODE_ID_BYTES];
    if (!row_tell(engine, key, value, &row, node_id)) return true;
    if (memcmp(node_id, engine->node_id, NODE_ID_BYTES) == 0) recall_due_add(engine, row.recall.block, row.noted_ms, true);
    struct recall_waiting *waiting = row.state == RECALL_ERASED ? NULL : waiting_new(engine);
    if (!waiting) return true;
    memcpy(waiting->node_id, node_id, NODE_ID_BYTES);
    waiting->block = row.recall.block;
    waiting->withdrawn = row.state == RECALL_WITHDRAWN;
    /* Nobody remembers what exactly was to be rewritten. */
    if (waiting->withdrawn) store_erase_all(engine->store), engine->recalls.round_due_ms = 1;
    return true;
}

static bool row_load_again(void *context, const char *key, struct bytes value) {
    struct recall_row row;
    uint8_t node_id[NODE_ID_BYTES];
    (void)row_tell(context, key, value, &row, node_id);
    return true;
}

enum err recalls_load_again(struct engine *engine, const uint8_t node_id[static NODE_ID_BYTES]) {
    char prefix[NAME_BYTES];
    name_of(prefix, "recall", node_id, 0);
    prefix[strlen("recall/") + 2 * NODE_ID_BYTES + 1] = 0;
    return store_meta_each(engine->store, prefix, row_load_again, engine);
}

enum err recalls_load(struct engine *engine) { return store_meta_each(engine->store, "recall/", row_load, engine); }

void recalls_free(struct engine *engine) {
    free(engine->recalls.waiting);
    free(engine->recalls.due);
    recall_task_free(&engine->recalls.expired);
    for (size_t i = 0; i < engine->recalls.left_count; i++) recall_task_free(&engine->recalls.left[i]);
    engine->recalls.left_count = 0;
}

struct dropping {
    struct store_batch *batch;
    uint64_t seq;
};

static bool row_drop(void *context, const char *key, struct bytes value) {
    const struct dropping *dropping = context;
    struct recall_row row;
    if (row_read(&row, value) == OK && row.by >= dropping->seq) store_batch_meta_delete(dropping->batch, key);
    return true;
}

void recall_truncate(struct engine *engine, struct store_batch *batch, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq) {
    struct dropping dropping = {batch, seq};
    char prefix[NAME_BYTES];
    name_of(prefix, "recall", node_id, 0);
    prefix[strlen("recall/") + 2 * NODE_ID_BYTES + 1] = 0;
    if (store_meta_each(engine->store, prefix, row_drop, &dropping) != OK)
        engine_event(engine, LOG_STORE_DAMAGED, NULL, "what was recalled cannot be read");
}

/* --- where items stand --- */

bool recall_place_find(struct engine *engine, const uint8_t node_id[static NODE_ID_BYTES], uint64_t block,
                       struct recall_place *out) {
    struct buf value = {0};
    char name[NAME_BYTES];
    *out = (struct recall_place){.holder = block, .own = true};
    if (store_block(engine->store, node_id, block, &out->cursor, &out->items)) return true;
    name_of(name, "alias", node_id, block);
    if (store_meta(engine->store, name, &value) == OK) {
        struct cursor cursor = cursor_of(bytes_of_buf(&value));
        out->own = false;
        out->holder = cursor_u64(&cursor);
        while (cursor.left >= 2 && out->map_count < BLOCK_ITEMS_MAX) out->map[out->map_count++] = cursor_u16(&cursor);
    }
    buf_free(&value);
    return !out->own && store_block(engine->store, node_id, out->holder, &out->cursor, &out->items);
}

bool recall_place_of(const struct recall_place *place, uint32_t index, uint32_t *held) {
    if (place->own) {
        *held = index;
        return index < place->items;
    }
    if (index == 0 || index - 1 >= place->map_count) return false;
    *held = place->map[index - 1];
    return *held < place->items;
}

/* Block `seq` has what is not marked of the block in this place, behind a notice. */
static void alias_put(struct engine *engine, struct store_batch *batch, const uint8_t *node_id, uint64_t seq,
                      const struct recall_place *place, const struct recall *gone) {
    struct buf value = {0};
    char name[NAME_BYTES];
    uint32_t held, items = place->own ? place->items : place->map_count + 1;
    buf_put_u64(&value, place->holder);
    for (uint32_t i = 0; i < items; i++)
        if (!recall_marked(gone, i) && recall_place_of(place, i, &held)) buf_put_u16(&value, (uint16_t)held);
    if (value.failed) engine_fail(engine, 5, "out of memory for a recall");
    name_of(name, "alias", node_id, seq);
    store_batch_meta(batch, name, bytes_of_buf(&value));
    buf_free(&value);
}

void recall_alias_ahead(struct engine *engine, struct store_batch *batch, const uint8_t node_id[static NODE_ID_BYTES],
                        const struct recall_place *place, const struct recall *recall) {
    static struct recall_place known;
    if (recall->replacement == 0 || recall_place_find(engine, node_id, recall->replacement, &known)) return;
    alias_put(engine, batch, node_id, recall->replacement, place, recall);
}

/* Something of this log is noted as recalled and not withdrawn yet. */
static bool withdrawing(const struct engine *engine, const uint8_t *node_id) {
    const struct recalls *recalls = &engine->recalls;
    for (size_t i = 0; i < recalls->count; i++)
        if (!recalls->waiting[i].withdrawn && memcmp(recalls->waiting[i].node_id, node_id, NODE_ID_BYTES) == 0) return true;
    return false;
}

/* The notice with which a replacement begins; false: this is none. */
static bool notice_of(struct recall_notice *out, uint64_t seq, struct bytes first) {
    static struct item item;
    return item_decode(&item, first) == OK && bytes_equal_text(item.type, RECALL_NOTICE_TYPE) &&
           recall_notice_read(out, item.text) == OK && out->block < seq;
}

bool recall_early(struct engine *engine, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq, struct bytes first) {
    static struct recall_place place;
    struct recall_notice notice;
    return withdrawing(engine, node_id) && notice_of(&notice, seq, first) &&
           !recall_place_find(engine, node_id, notice.block, &place);
}

bool recall_alias(struct engine *engine, struct store_batch *batch, const struct page_head *head, struct bytes first,
                  uint64_t *holder) {
    static struct recall_place place;
    struct recall_notice notice;
    struct recall gone = {0};
    char name[NAME_BYTES];
    if (!notice_of(&notice, head->seq, first)) return false;
    if (!recall_place_find(engine, head->node_id, notice.block, &place)) {
        if (store_pending(engine->store) == 0) return false;
        store_wait(engine->store); /* both come together: the block may be on its way to the disk */
        if (!recall_place_find(engine, head->node_id, notice.block, &place)) return false;
    }
    for (uint32_t i = 0; i < notice.item_count; i++) recall_mark(&gone, (uint32_t)pack_read_uint(&notice.items));
    *holder = place.holder;
    alias_put(engine, batch, head->node_id, head->seq, &place, &gone);
    if (memcmp(head->node_id, engine->node_id, NODE_ID_BYTES) == 0) {
        uint8_t now[8];
        snprintf(name, sizeof name, "recall-now/%016llx", (unsigned long long)place.holder);
        put_be64(now, head->seq);
        store_batch_meta(batch, name, bytes_of(now, sizeof now));
    }
    return true;
}

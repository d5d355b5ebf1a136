#include "gossip/share.h"
#include "node/process/clock.h"
#include "node/engine/engine_core.h"

#include <stdio.h>
#include <string.h>

/* Third readers: who got an object from another agency than its author (PROTOCOL.md 5.10) takes it out when that agency recalls its copy, and
   then tells the author as well, whose proof it checked. Until it can say "erased", what was in the recalled block stands under
   "secret/third/NODE/BLOCK": for each object author's agency 32, author's node 16, number of the author's block 8, index in it 4. */

#define ROW_BYTES (AGENCY_ID_BYTES + NODE_ID_BYTES + 8 + 4)

static void name_of(char out[static STORE_META_KEY_BYTES_MAX + 1], const uint8_t *node_id, uint64_t block) {
    char hex[2 * NODE_ID_BYTES + 1];
    hex_encode(hex, bytes_of(node_id, NODE_ID_BYTES));
    snprintf(out, STORE_META_KEY_BYTES_MAX + 1, "secret/third/%s/%016llx", hex, (unsigned long long)block);
}

static void row_add(struct buf *rows, struct bytes encoded) {
    static struct item item, original;
    static struct share_facts facts;
    if (item_decode(&item, encoded) != OK || !bytes_equal_text(item.type, SHARE_TYPE)) return;
    if (share_read(&facts, &original, item.text) != OK) return;
    buf_put_raw(rows, facts.object.entry.agency_id, AGENCY_ID_BYTES);
    buf_put_raw(rows, facts.object.entry.node_id, NODE_ID_BYTES);
    buf_put_u64(rows, facts.object.entry.seq);
    buf_put_u32(rows, facts.item_index);
}

static void say(struct engine *engine, struct store_batch *batch, struct bytes rows, const uint8_t *via, enum recall_state state) {
    for (struct cursor cursor = cursor_of(rows); cursor.left >= ROW_BYTES;) {
        struct recall_receipt receipt = {.count = 1, .state = state, .time_ms = clock_wall_ms(), .passed_on = true};
        struct statement statement = {.type = RECALL_RECEIPT_TYPE, .tlp = TLP_AMBER, .carriage = CARRIAGE_RELAY};
        struct buf text = {0};
        statement.agencies = cursor_take(&cursor, AGENCY_ID_BYTES).data;
        statement.agency_count = 1;
        statement.valid_until_ms = receipt.time_ms + PUBLISHER_EXPIRE_MS;
        cursor_copy(&cursor, receipt.node_id, NODE_ID_BYTES);
        receipt.block = cursor_u64(&cursor);
        receipt.index = cursor_u32(&cursor);
        memcpy(receipt.via, via, AGENCY_ID_BYTES);
        recall_receipt_write(&text, &receipt);
        statement.text = bytes_of_buf(&text);
        enum err err = statement_publish(engine, batch, &statement);
        if (err != OK)
            engine_notice(engine, "a receipt for a recall of %s cannot be said: %s", engine_agency_name(engine, statement.agencies),
                          err_text(err));
        buf_free(&text);
    }
}

void third_withdrawn(struct engine *engine, struct store_batch *batch, const uint8_t node_id[static NODE_ID_BYTES], uint64_t block,
                     const uint8_t via[static AGENCY_ID_BYTES], const struct recall_place *place, const struct recall *marked) {
    struct buf rows = {0};
    char name[STORE_META_KEY_BYTES_MAX + 1];
    if (memcmp(via, engine->agency_id, AGENCY_ID_BYTES) == 0) return;
    for (uint64_t cursor = place->cursor, end = place->cursor + place->items; cursor < end && !engine->stopping;) {
        struct page page;
        struct bytes encoded;
        enum err err = store_page_from(engine->store, cursor, &page);
        if (err == ERR_NOT_FOUND || page.head.item_count == 0 || page.head.cursor >= end) break;
        cursor = page.head.cursor + page.head.item_count;
        struct cursor walk = cursor_of(err == OK ? page.plain : bytes_of(NULL, 0));
        for (uint32_t i = 0; block_frame_next(&walk, &encoded); i++)
            if (encoded.size > 0 && recall_marked(marked, page.head.item_first + i)) row_add(&rows, encoded);
    }
    if (rows.size > 0 && !rows.failed) {
        name_of(name, node_id, block);
        store_batch_meta(batch, name, bytes_of_buf(&rows));
        say(engine, batch, bytes_of_buf(&rows), via, RECALL_WITHDRAWN);
    }
    buf_free(&rows);
}

void third_erased(struct engine *engine, struct store_batch *batch, const uint8_t node_id[static NODE_ID_BYTES], uint64_t block,
                  const uint8_t via[static AGENCY_ID_BYTES]) {
    struct buf rows = {0};
    char name[STORE_META_KEY_BYTES_MAX + 1];
    name_of(name, node_id, block);
    if (store_meta(engine->store, name, &rows) == OK) {
        say(engine, batch, bytes_of_buf(&rows), via, RECALL_ERASED);
        store_batch_meta_delete(batch, name);
    }
    buf_free(&rows);
}

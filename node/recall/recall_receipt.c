#include "node/engine/engine_core.h"

#include <stdio.h>
#include <string.h>

/* What readers said of own recalled blocks. */

#define RECEIPT_VERSION 1

/* Two receipts of a reader may come in any order, the second while the first is on its way to the disk. So each has a name of its own, and
   neither is written over the other: that it is erased under the bare name, that it was withdrawn behind it. */
#define WITHDRAWN_SUFFIX "/w"

static void receipt_name(char out[static 72], uint64_t block, const uint8_t *node_id, enum recall_state state) {
    char hex[2 * NODE_ID_BYTES + 1];
    hex_encode(hex, bytes_of(node_id, NODE_ID_BYTES));
    snprintf(out, 72, "receipt/%016llx/%s%s", (unsigned long long)block, hex, state == RECALL_WITHDRAWN ? WITHDRAWN_SUFFIX : "");
}

static void third_name(char out[static 72], uint64_t block, const uint8_t *node_id, uint32_t index, enum recall_state state) {
    char hex[2 * NODE_ID_BYTES + 1];
    hex_encode(hex, bytes_of(node_id, NODE_ID_BYTES));
    snprintf(out, 72, "third/%016llx/%s/%04x%s", (unsigned long long)block, hex, index,
             state == RECALL_WITHDRAWN ? WITHDRAWN_SUFFIX : "");
}

static bool receipt_read(struct receipt *out, struct bytes value) {
    struct cursor cursor = cursor_of(value);
    *out = (struct receipt){0};
    uint8_t version = cursor_u8(&cursor);
    out->state = (enum recall_state)cursor_u8(&cursor);
    out->count = cursor_u64(&cursor);
    out->withdrawn_ms = cursor_u64(&cursor);
    out->erased_ms = cursor_u64(&cursor);
    if (cursor.left > 0) cursor_copy(&cursor, out->via, AGENCY_ID_BYTES);
    bool held = version == RECEIPT_VERSION && cursor_done(&cursor);
    if (!held) *out = (struct receipt){0};
    return held;
}

/* What both of a reader's receipts say together. */
static void receipt_join(struct receipt *into, const struct receipt *from) {
    if (into->state < from->state) into->state = from->state;
    if (into->count < from->count) into->count = from->count;
    if (into->withdrawn_ms == 0) into->withdrawn_ms = from->withdrawn_ms;
    if (into->erased_ms == 0) into->erased_ms = from->erased_ms;
    memcpy(into->via, from->via, AGENCY_ID_BYTES);
}

static void receipt_get(struct engine *engine, uint64_t block, const uint8_t *node_id, struct receipt *out) {
    static const enum recall_state said[] = {RECALL_WITHDRAWN, RECALL_ERASED};
    *out = (struct receipt){0};
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        struct buf value = {0};
        struct receipt receipt;
        char name[72];
        receipt_name(name, block, node_id, said[i]);
        if (store_meta(engine->store, name, &value) == OK && receipt_read(&receipt, bytes_of_buf(&value)))
            receipt_join(out, &receipt);
        buf_free(&value);
    }
}

/* Where the object was taken back that a third reader knows by its place in an earlier block. False: it was not. */
static bool third_place(struct engine *engine, uint64_t *block, uint32_t *index) {
    struct recall_row row;
    while (recall_row_get(engine, engine->node_id, *block, &row) == OK) {
        if (recall_marked(&row.recall, *index)) return true;
        if (row.recall.replacement <= *block) return false; /* it only grows: this ends */
        *index = recall_index_behind(&row.recall, *index);
        *block = row.recall.replacement;
    }
    return false;
}

void recall_receipt_take(struct engine *engine, struct store_batch *batch, const struct statement_seen *seen) {
    struct recall_receipt said;
    struct recall_row row;
    struct buf value = {0};
    char name[72];
    if (recall_receipt_read(&said, seen->item->text) != OK || memcmp(said.node_id, engine->node_id, NODE_ID_BYTES) != 0) return;
    if (said.passed_on && !third_place(engine, &said.block, &said.index)) return;
    if (recall_row_get(engine, engine->node_id, said.block, &row) != OK) return; /* nobody asked for it */
    if (said.passed_on)
        third_name(name, said.block, seen->node_id, said.index, said.state);
    else
        receipt_name(name, said.block, seen->node_id, said.state);
    buf_put_u8(&value, RECEIPT_VERSION);
    buf_put_u8(&value, (uint8_t)said.state);
    buf_put_u64(&value, said.count);
    buf_put_u64(&value, said.state == RECALL_WITHDRAWN ? said.time_ms : 0);
    buf_put_u64(&value, said.state == RECALL_ERASED ? said.time_ms : 0);
    if (said.passed_on) buf_put_raw(&value, said.via, AGENCY_ID_BYTES);
    if (!value.failed) store_batch_meta(batch, name, bytes_of_buf(&value));
    buf_free(&value);
    recall_due_again(engine, said.block);
}

/* --- what is known of a recalled block --- */

void recall_readers(struct engine *engine, uint64_t block, recall_reader *visit, void *context) {
    struct buf readers = {0};
    if (recall_block_readers(engine, block, &readers) != OK) buf_clear(&readers);
    for (size_t at = 0; at + NODE_ID_BYTES <= readers.size; at += NODE_ID_BYTES) {
        struct receipt receipt;
        if (memcmp(readers.data + at, engine->node_id, NODE_ID_BYTES) == 0) continue;
        receipt_get(engine, block, readers.data + at, &receipt);
        visit(context, block, readers.data + at, &receipt);
    }
    buf_free(&readers);
}

#define THIRD_READER_CHARS (sizeof "third/" - 1 + 17)                       /* before the reader in a name */
#define THIRD_NAME_CHARS   (THIRD_READER_CHARS + 2 * NODE_ID_BYTES + 1 + 4) /* without what says the state */

/* The receipts of one reader and object follow each other. */
struct thirds {
    uint64_t block;
    recall_reader *visit;
    void *context;
    char name[THIRD_NAME_CHARS + 1]; /* of those met last; empty: none yet */
    struct receipt receipt;
};

static void third_visit(const struct thirds *thirds) {
    uint8_t node_id[NODE_ID_BYTES];
    if (thirds->name[0] && hex_decode(node_id, NODE_ID_BYTES, bytes_of(thirds->name + THIRD_READER_CHARS, 2 * NODE_ID_BYTES)))
        thirds->visit(thirds->context, thirds->block, node_id, &thirds->receipt);
}

static bool third_join(void *context, const char *key, struct bytes value) {
    struct thirds *thirds = context;
    struct receipt receipt;
    if (strlen(key) < THIRD_NAME_CHARS || !receipt_read(&receipt, value)) return true;
    if (strncmp(thirds->name, key, THIRD_NAME_CHARS) != 0) {
        third_visit(thirds);
        snprintf(thirds->name, sizeof thirds->name, "%.*s", (int)THIRD_NAME_CHARS, key);
        thirds->receipt = (struct receipt){0};
    }
    receipt_join(&thirds->receipt, &receipt);
    return true;
}

void recall_thirds(struct engine *engine, uint64_t block, recall_reader *visit, void *context) {
    struct thirds thirds = {.block = block, .visit = visit, .context = context};
    char prefix[64];
    snprintf(prefix, sizeof prefix, "third/%016llx/", (unsigned long long)block);
    if (store_meta_each(engine->store, prefix, third_join, &thirds) != OK)
        engine_notice(engine, "the receipts of third readers cannot be read");
    third_visit(&thirds);
}

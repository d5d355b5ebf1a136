/* store: taking things back: which pages a block has, pages with fewer items, terms that go, and the rounds after which no file holds
   what was taken out. */
#include "node/store/store_private.h"

#include "crypto/secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_ROW_BYTES 12 /* first cursor 8, items 4 */

static void put(struct store_batch *batch, enum rocks_family family, struct bytes key, struct bytes value) {
    rocksdb_writebatch_put_cf(batch->commit.batch, batch->store->rocks.families[family], (const char *)key.data, key.size,
                              (const char *)value.data, value.size);
    batch->bytes += key.size + value.size;
}

static void drop(struct store_batch *batch, enum rocks_family family, struct bytes key) {
    rocksdb_writebatch_delete_cf(batch->commit.batch, batch->store->rocks.families[family], (const char *)key.data, key.size);
    batch->bytes += key.size;
}

/* --- which pages a block has --- */

void store_batch_block(struct store_batch *batch, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq, uint64_t cursor,
                       uint32_t items) {
    uint8_t raw[STORE_RECORD_KEY_BYTES], row[BLOCK_ROW_BYTES];
    put_be64(row, cursor);
    put_be32(row + 8, items);
    put(batch, ROCKS_BLOCKS, store_record_key(raw, node_id, seq), bytes_of(row, sizeof row));
}

void store_batch_block_delete(struct store_batch *batch, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq) {
    uint8_t raw[STORE_RECORD_KEY_BYTES];
    drop(batch, ROCKS_BLOCKS, store_record_key(raw, node_id, seq));
}

bool store_block(struct store *store, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq, uint64_t *cursor,
                 uint32_t *items) {
    uint8_t raw[STORE_RECORD_KEY_BYTES];
    rocksdb_pinnableslice_t *slice;
    struct bytes value;
    if (rocks_get(&store->rocks, ROCKS_BLOCKS, store_record_key(raw, node_id, seq), &slice, &value) != OK) return false;
    bool whole = value.size == BLOCK_ROW_BYTES;
    if (whole) *cursor = get_be64(value.data), *items = get_be32(value.data + 8);
    rocksdb_pinnableslice_destroy(slice);
    return whole;
}

/* --- pages and terms --- */

static void erase_add(struct store_batch *batch, enum rocks_family family, struct bytes key) {
    if (!erasure_add(&batch->erasure, family, key) && batch->commit.result == OK) batch->commit.result = ERR_MEMORY;
}

enum err store_batch_page_change(struct store_batch *batch, const struct page_head *head, struct bytes plain, size_t removed) {
    struct store *store = batch->store;
    uint8_t key[PAGES_KEY_BYTES];
    put_be64(key, head->cursor + head->item_count - 1);
    erase_add(batch, ROCKS_PAGES, bytes_of(key, sizeof key));
    batch->rewrote = true;
    batch->added.items -= removed;
    if (plain.size == 0) {
        drop(batch, ROCKS_PAGES, bytes_of(key, sizeof key));
        batch->added.pages--;
        bucket_counts_change(&store->bucket_counts, &store->rocks, batch->commit.batch, head->bucket, -1);
        return OK;
    }
    struct page_head changed = *head;
    changed.plain_bytes = (uint32_t)plain.size;
    return pages_seal_plain(store->pages, batch->commit.batch, &batch->buckets, &changed, plain);
}

bool store_terms_ready(struct store *store) { return !index_writing(store->index); }

void store_batch_terms_delete(struct store_batch *batch, uint64_t cursor, const struct item *item) {
    struct store *store = batch->store;
    struct index_lengths lengths = {0};
    struct term *terms = NULL;
    size_t count = 0, capacity = 0;
    if (!store_terms_of(store, item, cursor, &lengths, &terms, &count, &capacity)) {
        if (batch->commit.result == OK) batch->commit.result = ERR_MEMORY;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uint8_t key[16];
        put_be64(key, terms[i].hash);
        put_be64(key + 8, terms[i].cursor);
        drop(batch, ROCKS_INDEX, bytes_of(key, sizeof key));
        index_forget(store->index, terms[i]);
        erase_add(batch, ROCKS_INDEX, bytes_of(key, sizeof key));
    }
    free(terms);
}

void store_batch_erase_between(struct store_batch *batch, const char *first, const char *last) {
    erase_add(batch, ROCKS_META, bytes_of_text(first));
    erase_add(batch, ROCKS_META, bytes_of_text(last));
}

void store_batch_erase_meta(struct store_batch *batch, const char *key) {
    store_batch_meta_delete(batch, key);
    erase_add(batch, ROCKS_META, bytes_of_text(key));
}

void store_batch_payload_erase(struct store_batch *batch, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq) {
    uint8_t raw[STORE_RECORD_KEY_BYTES];
    struct bytes key = store_record_key(raw, node_id, seq);
    store_batch_payload_delete(batch, node_id, seq);
    erase_add(batch, ROCKS_PLACES, key); /* where its key stands */
}

/* The month that now lies in and the one before may still get pages, of a clock that is set back a little. */
static uint32_t bucket_first(uint64_t now_ms) {
    uint32_t today = buckets_number(now_ms, now_ms);
    return today > 0 ? today - 1 : 0;
}

bool store_buckets_over(const struct store *store, uint64_t now_ms) {
    return bucket_counts_any_over(&store->bucket_counts, bucket_first(now_ms));
}

void store_batch_buckets_end(struct store_batch *batch, uint64_t now_ms) {
    struct store *store = batch->store;
    uint32_t number;
    while (bucket_counts_over(&store->bucket_counts, &store->rocks, batch->commit.batch, bucket_first(now_ms), &number)) {
        char name[STORE_META_KEY_BYTES_MAX];
        snprintf(name, sizeof name, BUCKETS_NAME "%lu", (unsigned long)number);
        store_batch_erase_meta(batch, name);
        pages_bucket_end(store->pages, number);
    }
}

/* --- rounds --- */

uint64_t store_erase(struct store *store) {
    if (erasure_empty(&store->erasure) || eraser_busy(store->eraser)) return 0;
    pages_changed(store->pages);
    index_rest(store->index);
    eraser_start(store->eraser, &store->erasure);
    return ++store->erase_rounds;
}

void store_erase_all(struct store *store) {
    static const uint8_t last[ERASURE_KEY_BYTES_MAX] = {[0 ... ERASURE_KEY_BYTES_MAX - 1] = 0xff};
    const enum rocks_family families[] = {ROCKS_META, ROCKS_PLACES, ROCKS_PAGES, ROCKS_INDEX};
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        (void)erasure_add(&store->erasure, families[i], bytes_of(last, 0));
        (void)erasure_add(&store->erasure, families[i], bytes_of(last, sizeof last));
    }
}

bool store_erasing(struct store *store) { return eraser_busy(store->eraser); }

bool store_erase_due(const struct store *store) { return !erasure_empty(&store->erasure); }

uint64_t store_erased(struct store *store) {
    if (store->erase_rounds == store->erase_finished || eraser_busy(store->eraser)) return store->erase_finished;
    /* What still looked at the old files lets them go; RocksDB then deletes them. */
    pages_changed(store->pages);
    index_rest(store->index);
    if (store->error == OK) store->error = eraser_error(store->eraser, store->why);
    if (store->error == OK) store->erase_finished = store->erase_rounds;
    return store->erase_finished;
}

/* --- what falls due --- */

static struct bytes due_key(uint8_t out[static STORE_DUE_KEY_BYTES], uint64_t due_ms, uint8_t kind, const uint8_t *node_id,
                            uint64_t number) {
    put_be64(out, due_ms);
    out[8] = kind;
    memset(out + 9, 0, NODE_ID_BYTES);
    if (node_id != NULL) memcpy(out + 9, node_id, NODE_ID_BYTES);
    put_be64(out + 9 + NODE_ID_BYTES, number);
    return bytes_of(out, STORE_DUE_KEY_BYTES);
}

void store_batch_due_page(struct store_batch *batch, uint64_t due_ms, uint64_t cursor) {
    uint8_t raw[STORE_DUE_KEY_BYTES];
    put(batch, ROCKS_DUE, due_key(raw, due_ms, STORE_DUE_PAGE, NULL, cursor), bytes_of(NULL, 0));
}

void store_batch_due_payload(struct store_batch *batch, uint64_t due_ms, const uint8_t node_id[static NODE_ID_BYTES],
                             uint64_t seq) {
    uint8_t raw[STORE_DUE_KEY_BYTES];
    put(batch, ROCKS_DUE, due_key(raw, due_ms, STORE_DUE_PAYLOAD, node_id, seq), bytes_of(NULL, 0));
}

void store_batch_due_item(struct store_batch *batch, uint64_t due_ms, uint64_t cursor) {
    uint8_t raw[STORE_DUE_KEY_BYTES];
    put(batch, ROCKS_DUE, due_key(raw, due_ms, STORE_DUE_ITEM, NULL, cursor), bytes_of(NULL, 0));
}

void store_batch_due_done(struct store_batch *batch, const struct store_due *due) {
    uint8_t raw[STORE_DUE_KEY_BYTES];
    drop(batch, ROCKS_DUE, due_key(raw, due->due_ms, (uint8_t)due->kind, due->node_id, due->number));
}

size_t store_due(struct store *store, uint64_t after_ms, uint64_t now_ms, struct store_due *out, size_t max) {
    uint8_t from[8];
    struct rocks_range range;
    struct bytes key, value;
    size_t count = 0;
    put_be64(from, after_ms);
    rocks_range_begin(&range, &store->rocks, ROCKS_DUE, bytes_of(NULL, 0), bytes_of(from, sizeof from));
    while (count < max && rocks_range_next(&range, &key, &value)) {
        if (key.size != STORE_DUE_KEY_BYTES || get_be64(key.data) > now_ms) break;
        struct store_due *due = &out[count++];
        *due = (struct store_due){.due_ms = get_be64(key.data), .kind = (enum store_due_kind)key.data[8]};
        memcpy(due->node_id, key.data + 9, NODE_ID_BYTES);
        due->number = get_be64(key.data + 9 + NODE_ID_BYTES);
    }
    enum err error = rocks_range_end(&range);
    return error == OK ? count : 0;
}

/* store: batches and their way through the committer. */
#include "node/store/store_private.h"

#include "crypto/secret.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CURSOR_SKIP_MAX (1ULL << 20)

struct store_batch *store_batch_new(struct store *store) {
    struct store_batch *batch = calloc(1, sizeof *batch);
    if (batch == NULL) return NULL;
    batch->commit.batch = rocksdb_writebatch_create();
    batch->store = store;
    batch->cursor_first = UINT64_MAX;
    batch->next = store->batches;
    if (batch->next != NULL) batch->next->previous = batch;
    store->batches = batch;
    return batch;
}

void store_batch_free(struct store_batch *batch) {
    if (batch == NULL) return;
    if (batch->previous != NULL)
        batch->previous->next = batch->next;
    else
        batch->store->batches = batch->next;
    if (batch->next != NULL) batch->next->previous = batch->previous;
    rocksdb_writebatch_destroy(batch->commit.batch);
    store_ledger_batch_free(batch);
    free(batch->terms);
    free(batch);
}

size_t store_batch_bytes(const struct store_batch *batch) { return batch->bytes + batch->term_count * sizeof *batch->terms; }

void store_batch_failed(struct store_batch *batch, enum err error) {
    if (batch->commit.result == OK) batch->commit.result = error;
}

void store_batch_put(struct store_batch *batch, enum rocks_family family, struct bytes key, struct bytes a, struct bytes b) {
    const char *keys[] = {(const char *)key.data};
    const size_t key_sizes[] = {key.size};
    const char *values[] = {(const char *)a.data, (const char *)b.data};
    const size_t value_sizes[] = {a.size, b.size};
    rocksdb_writebatch_putv_cf(batch->commit.batch, batch->store->rocks.families[family], 1, keys, key_sizes, 2, values,
                               value_sizes);
    batch->bytes += key.size + a.size + b.size;
}

static void drop(struct store_batch *batch, enum rocks_family family, struct bytes key) {
    rocksdb_writebatch_delete_cf(batch->commit.batch, batch->store->rocks.families[family], (const char *)key.data, key.size);
    batch->bytes += key.size;
}

/* What stands at a key now, for the counts only. */
static bool stands(struct store *store, enum rocks_family family, struct bytes key, uint32_t *number) {
    rocksdb_pinnableslice_t *slice;
    struct bytes value;
    if (rocks_get(&store->rocks, family, key, &slice, &value) != OK) return false;
    if (number != NULL) *number = value.size == STORE_PLACE_BYTES ? get_be32(value.data) : 0;
    rocksdb_pinnableslice_destroy(slice);
    return true;
}

void store_batch_entry(struct store_batch *batch, const struct entry *entry, bool verified) {
    struct store *store = batch->store;
    uint8_t raw[STORE_RECORD_KEY_BYTES], tag[VAULT_TAG_BYTES];
    struct bytes key = store_record_key(raw, entry->node_id, entry->seq);
    struct buf *value = &store->scratch;
    buf_clear(value);
    buf_put_u8(value, verified ? STORE_ENTRY_VERIFIED : 0);
    buf_put_raw(value, entry->unsigned_bytes.data, entry->size);
    if (value->failed) {
        store_batch_failed(batch, buf_result(value));
        return;
    }
    vault_tag(store->vault, tag, ROCKS_ENTRIES, key, bytes_of_buf(value));
    if (!stands(store, ROCKS_ENTRIES, key, NULL)) batch->added.entries++;
    store_batch_put(batch, ROCKS_ENTRIES, key, bytes_of_buf(value), bytes_of(tag, sizeof tag));
}

void store_batch_payload(struct store_batch *batch, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq,
                         struct bytes payload) {
    struct store *store = batch->store;
    uint8_t raw[STORE_RECORD_KEY_BYTES], tag[VAULT_TAG_BYTES], place[STORE_PLACE_BYTES];
    struct bytes key = store_record_key(raw, node_id, seq);
    struct buf *locked = &store->scratch;
    buf_clear(locked);
    uint8_t *out = payload.size <= UINT32_MAX ? buf_grow(locked, payload.size) : NULL;
    if (out == NULL) {
        store_batch_failed(batch, payload.size <= UINT32_MAX ? ERR_MEMORY : ERR_TOO_BIG);
        return;
    }
    pages_random(store->pages, place + 4, 32);
    store_payload_lock(out, payload, place + 4);
    uint32_t before = 0;
    if (!stands(store, ROCKS_PLACES, key, &before)) batch->added.payloads++;
    batch->added.payload_bytes += payload.size - before;
    put_be32(place, (uint32_t)payload.size);
    vault_tag(store->vault, tag, ROCKS_PAYLOADS, key, bytes_of_buf(locked));
    store_batch_put(batch, ROCKS_PAYLOADS, key, bytes_of_buf(locked), bytes_of(tag, sizeof tag));
    store_batch_put(batch, ROCKS_PLACES, key, bytes_of(place, sizeof place), bytes_of(NULL, 0));
    secret_wipe(place, sizeof place);
}

void store_batch_payload_delete(struct store_batch *batch, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq) {
    uint8_t raw[STORE_RECORD_KEY_BYTES];
    struct bytes key = store_record_key(raw, node_id, seq);
    uint32_t before = 0;
    if (stands(batch->store, ROCKS_PLACES, key, &before)) {
        batch->added.payloads--;
        batch->added.payload_bytes -= before;
    }
    drop(batch, ROCKS_PAYLOADS, key);
    drop(batch, ROCKS_PLACES, key);
}

/* By keys alone: what is damaged goes as well. */
enum err store_batch_truncate(struct store_batch *batch, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq) {
    uint8_t raw[STORE_RECORD_KEY_BYTES];
    struct bytes from = store_record_key(raw, node_id, seq), key, value;
    struct rocks_range range;
    rocks_range_begin(&range, &batch->store->rocks, ROCKS_ENTRIES, bytes_of(node_id, NODE_ID_BYTES), from);
    while (rocks_range_next(&range, &key, &value) && key.size == STORE_RECORD_KEY_BYTES && batch->commit.result == OK) {
        store_batch_payload_delete(batch, node_id, get_be64(key.data + NODE_ID_BYTES));
        drop(batch, ROCKS_ENTRIES, key);
        batch->added.entries--;
    }
    return rocks_range_end(&range);
}

static bool meta_key_good(struct store_batch *batch, struct bytes key) {
    bool good = key.size > 0 && key.size <= STORE_META_KEY_BYTES_MAX;
    if (!good) store_batch_failed(batch, ERR_RANGE);
    return good;
}

void store_batch_meta(struct store_batch *batch, const char *key, struct bytes value) {
    struct bytes name = bytes_of_text(key);
    if (!meta_key_good(batch, name)) return;
    if (strncmp(key, STORE_SECRET_PREFIX, sizeof STORE_SECRET_PREFIX - 1) != 0) {
        store_batch_put(batch, ROCKS_META, name, value, bytes_of(NULL, 0));
        return;
    }
    struct buf *sealed = &batch->store->scratch;
    buf_clear(sealed);
    vault_seal(batch->store->vault, sealed, name, value);
    if (sealed->failed)
        store_batch_failed(batch, buf_result(sealed));
    else
        store_batch_put(batch, ROCKS_META, name, bytes_of_buf(sealed), bytes_of(NULL, 0));
}

void store_batch_meta_delete(struct store_batch *batch, const char *key) {
    struct bytes name = bytes_of_text(key);
    if (meta_key_good(batch, name)) drop(batch, ROCKS_META, name);
}

enum err store_batch_page(struct store_batch *batch, const struct page_head *head, struct bytes packed) {
    struct store *store = batch->store;
    if (head->item_count == 0 || head->item_count > BLOCK_ITEMS_MAX || head->plain_bytes > BLOCK_PLAIN_BYTES_MAX) return ERR_RANGE;
    if (head->cursor < store->totals.cursor_next || head->cursor - store->totals.cursor_next > CURSOR_SKIP_MAX) return ERR_RANGE;
    struct page_head own = *head;
    own.bucket = buckets_number(head->expires_ms, head->arrived_ms);
    enum err error = pages_seal(store->pages, batch->commit.batch, &batch->buckets, &own, packed);
    if (error != OK) return error;
    if (batch->cursor_first == UINT64_MAX) batch->cursor_first = head->cursor;
    store->totals.cursor_next = head->cursor + head->item_count;
    batch->added.items += head->item_count;
    batch->added.pages++;
    bucket_counts_change(&store->bucket_counts, &store->rocks, batch->commit.batch, own.bucket, 1);
    batch->bytes += PAGES_KEY_BYTES + PAGES_OVERHEAD_BYTES + packed.size;
    return OK;
}

void store_batch_terms(struct store_batch *batch, uint64_t cursor, const struct item *item) {
    if (!store_terms_of(batch->store, item, cursor, &batch->lengths, &batch->terms, &batch->term_count, &batch->term_capacity))
        store_batch_failed(batch, ERR_MEMORY);
}

void store_commit(struct store *store, struct store_batch *batch, uint64_t ticket) {
    assert(batch->store == store);
    struct store_totals *totals = &store->totals;
    totals->items += batch->added.items;
    totals->pages += batch->added.pages;
    totals->entries += batch->added.entries;
    totals->payloads += batch->added.payloads;
    totals->payload_bytes += batch->added.payload_bytes;
    store_ledger_commit(batch);
    enum err error = store_totals_put(store, batch->commit.batch);
    if (error != OK) store_batch_failed(batch, error);
    batch->ticket = ticket;
    committer_add(store->committer, &batch->commit);
}

int store_fd(const struct store *store) { return store->event_fd; }

size_t store_pending(const struct store *store) { return committer_pending(store->committer); }

void store_gather(struct store *store, bool gather) { committer_gather(store->committer, gather); }

void store_wait(struct store *store) { committer_wait(store->committer); }

uint64_t store_cursor_uncompleted(const struct store *store) {
    uint64_t lowest = store->totals.cursor_next;
    for (const struct store_batch *batch = store->batches; batch != NULL; batch = batch->next)
        if (batch->cursor_first < lowest) lowest = batch->cursor_first;
    return lowest;
}

/* The error of the disk, or of an ingestion: both end everything. */
static enum err ended(struct store *store) {
    if (store->error == OK) store->error = committer_error(store->committer, store->why);
    if (store->error == OK) store->error = index_error(store->index, store->why);
    return store->error;
}

enum err store_completed(struct store *store, uint64_t *ticket) {
    if (store->error != OK) return store->error;
    struct commit *commit = committer_take(store->committer);
    if (commit == NULL) {
        if (ended(store) != OK) return store->error;
        /* Cleared before the last look, or a completion in between would wait for the one after it. */
        uint64_t signals;
        if (read(store->event_fd, &signals, sizeof signals) < 0) return ERR_NOT_FOUND;
        commit = committer_take(store->committer);
        if (commit == NULL) return ended(store) != OK ? store->error : ERR_NOT_FOUND;
    }
    struct store_batch *batch = (struct store_batch *)commit;
    *ticket = batch->ticket;
    if (commit->result != OK) {
        store->error = commit->result;
        (void)committer_error(store->committer, store->why);
        store_batch_free(batch);
        return store->error;
    }
    pages_buckets_durable(store->pages, &batch->buckets);
    pages_changed(store->pages);
    if (batch->rewrote) {
        pages_forget(store->pages);
        index_rest(store->index);
    }
    erasure_join(&store->erasure, &batch->erasure);
    batch->cursor_first = UINT64_MAX;
    enum err error = index_add(store->index, batch->terms, batch->term_count, &batch->lengths, store_cursor_uncompleted(store));
    store_batch_free(batch);
    if (error != OK) {
        store->error = error;
        (void)index_error(store->index, store->why);
    }
    return error;
}

/* store: reading entries, payloads, meta, pages and items. */
#include "node/store/store_private.h"

#include "crypto/secret.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

void store_payload_lock(uint8_t *out, struct bytes payload, const uint8_t key[static 32]) {
    static const uint8_t nonce[crypto_stream_chacha20_ietf_NONCEBYTES]; /* each key locks one payload */
    crypto_stream_chacha20_ietf_xor(out, payload.data, payload.size, nonce, key);
}

/* The value without its tag; ERR_CORRUPT when the tag is not that of this place and value. */
static enum err untag(const struct store *store, enum rocks_family family, struct bytes key, struct bytes *value) {
    if (value->size < VAULT_TAG_BYTES) return ERR_CORRUPT;
    struct bytes body = bytes_of(value->data, value->size - VAULT_TAG_BYTES);
    struct bytes tag = bytes_of(value->data + body.size, VAULT_TAG_BYTES);
    *value = body;
    return vault_tag_matches(store->vault, tag, (uint8_t)family, key, body) ? OK : ERR_CORRUPT;
}

static enum err record_get(struct store *store, enum rocks_family family, struct bytes key, rocksdb_pinnableslice_t **slice,
                           struct bytes *value) {
    enum err error = rocks_get(&store->rocks, family, key, slice, value);
    if (error != OK) return error;
    error = untag(store, family, key, value);
    if (error != OK) rocksdb_pinnableslice_destroy(*slice);
    return error;
}

/* Flags 1, entry. */
static bool entry_split(struct bytes value, bool *verified, struct bytes *entry) {
    if (value.size == 0 || value.data[0] > STORE_ENTRY_VERIFIED) return false;
    *verified = value.data[0] == STORE_ENTRY_VERIFIED;
    *entry = bytes_of(value.data + 1, value.size - 1);
    return true;
}

enum err store_entry(struct store *store, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq, struct buf *out,
                     bool *verified) {
    uint8_t raw[STORE_RECORD_KEY_BYTES];
    rocksdb_pinnableslice_t *slice;
    struct bytes value, entry;
    enum err error = record_get(store, ROCKS_ENTRIES, store_record_key(raw, node_id, seq), &slice, &value);
    if (error != OK) return error;
    if (entry_split(value, verified, &entry)) {
        buf_put(out, entry);
        error = buf_result(out);
    } else {
        error = ERR_CORRUPT;
    }
    rocksdb_pinnableslice_destroy(slice);
    return error;
}

enum err store_entries(struct store *store, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq, store_visit_entry *visit,
                       void *context) {
    uint8_t raw[STORE_RECORD_KEY_BYTES];
    struct bytes from = store_record_key(raw, node_id, seq), key, value, entry;
    struct rocks_range range;
    enum err error = OK;
    bool going = true, verified;
    rocks_range_begin(&range, &store->rocks, ROCKS_ENTRIES, bytes_of(node_id, NODE_ID_BYTES), from);
    while (going && rocks_range_next(&range, &key, &value)) {
        if (key.size != STORE_RECORD_KEY_BYTES || untag(store, ROCKS_ENTRIES, key, &value) != OK ||
            !entry_split(value, &verified, &entry)) {
            error = ERR_CORRUPT;
            break;
        }
        going = visit(context, get_be64(key.data + NODE_ID_BYTES), verified, entry);
    }
    enum err read = rocks_range_end(&range);
    return error != OK ? error : read;
}

enum err store_log_end(struct store *store, const uint8_t node_id[static NODE_ID_BYTES], uint64_t *seq) {
    rocksdb_iterator_t *iterator =
        rocksdb_create_iterator_cf(store->rocks.db, store->rocks.read, store->rocks.families[ROCKS_ENTRIES]);
    uint8_t raw[STORE_RECORD_KEY_BYTES];
    struct bytes last = store_record_key(raw, node_id, UINT64_MAX);
    size_t size = 0;
    char *said = NULL;
    rocksdb_iter_seek_for_prev(iterator, (const char *)last.data, last.size);
    const char *key = rocksdb_iter_valid(iterator) ? rocksdb_iter_key(iterator, &size) : NULL;
    bool found = size == sizeof raw && memcmp(key, node_id, NODE_ID_BYTES) == 0;
    if (found) *seq = get_be64((const uint8_t *)key + NODE_ID_BYTES);
    rocksdb_iter_get_error(iterator, &said);
    rocksdb_iter_destroy(iterator);
    enum err err = rocks_err(said, NULL);
    return err != OK || found ? err : ERR_NOT_FOUND;
}

/* For each log two seeks: to its last entry, and to what comes behind it. */
enum err store_logs(struct store *store, store_visit_log *visit, void *context) {
    rocksdb_iterator_t *iterator =
        rocksdb_create_iterator_cf(store->rocks.db, store->rocks.read, store->rocks.families[ROCKS_ENTRIES]);
    enum err error = OK;
    bool going = true;
    rocksdb_iter_seek_to_first(iterator);
    while (going && rocksdb_iter_valid(iterator)) {
        size_t size;
        const char *key = rocksdb_iter_key(iterator, &size);
        uint8_t first[STORE_RECORD_KEY_BYTES], last[STORE_RECORD_KEY_BYTES];
        if (size != sizeof first) {
            error = ERR_CORRUPT;
            break;
        }
        memcpy(first, key, sizeof first);
        (void)store_record_key(last, first, UINT64_MAX);
        rocksdb_iter_seek_for_prev(iterator, (const char *)last, sizeof last);
        if (!rocksdb_iter_valid(iterator)) break;
        key = rocksdb_iter_key(iterator, &size);
        if (size != sizeof last || memcmp(key, first, NODE_ID_BYTES) != 0) {
            error = ERR_CORRUPT;
            break;
        }
        memcpy(last, key, sizeof last);
        rocksdb_iter_next(iterator);
        going = visit(context, first, get_be64(first + NODE_ID_BYTES), get_be64(last + NODE_ID_BYTES));
    }
    char *said = NULL;
    rocksdb_iter_get_error(iterator, &said);
    rocksdb_iter_destroy(iterator);
    enum err read = rocks_err(said, NULL);
    return error != OK ? error : read;
}

enum err store_payload(struct store *store, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq, struct buf *out) {
    uint8_t raw[STORE_RECORD_KEY_BYTES], lock[32];
    struct bytes key = store_record_key(raw, node_id, seq), value;
    rocksdb_pinnableslice_t *slice;
    enum err error = rocks_get(&store->rocks, ROCKS_PLACES, key, &slice, &value);
    if (error != OK) return error;
    bool whole = value.size == STORE_PLACE_BYTES;
    if (whole) memcpy(lock, value.data + 4, sizeof lock);
    rocksdb_pinnableslice_destroy(slice);
    if (!whole) return ERR_CORRUPT;
    error = record_get(store, ROCKS_PAYLOADS, key, &slice, &value);
    if (error == OK) {
        uint8_t *plain = buf_grow(out, value.size);
        if (plain != NULL) store_payload_lock(plain, value, lock);
        rocksdb_pinnableslice_destroy(slice);
        error = buf_result(out);
    }
    secret_wipe(lock, sizeof lock);
    return error;
}

uint64_t store_payload_bytes(struct store *store, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq) {
    uint8_t raw[STORE_RECORD_KEY_BYTES];
    rocksdb_pinnableslice_t *slice;
    struct bytes value;
    if (rocks_get(&store->rocks, ROCKS_PLACES, store_record_key(raw, node_id, seq), &slice, &value) != OK) return 0;
    uint64_t bytes = value.size == STORE_PLACE_BYTES ? get_be32(value.data) : 0;
    rocksdb_pinnableslice_destroy(slice);
    return bytes;
}

bool store_payload_exists(struct store *store, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq) {
    uint8_t raw[STORE_RECORD_KEY_BYTES];
    rocksdb_pinnableslice_t *slice;
    struct bytes value;
    if (rocks_get(&store->rocks, ROCKS_PLACES, store_record_key(raw, node_id, seq), &slice, &value) != OK) return false;
    rocksdb_pinnableslice_destroy(slice);
    return true;
}

enum err store_payloads(struct store *store, const uint8_t node_id[static NODE_ID_BYTES], store_visit_payload *visit,
                        void *context) {
    struct bytes prefix = bytes_of(node_id, NODE_ID_BYTES), key, value;
    struct rocks_range range;
    enum err error = OK;
    bool going = true;
    rocks_range_begin(&range, &store->rocks, ROCKS_PLACES, prefix, prefix);
    while (going && rocks_range_next(&range, &key, &value)) {
        if (key.size != STORE_RECORD_KEY_BYTES || value.size != STORE_PLACE_BYTES) {
            error = ERR_CORRUPT;
            break;
        }
        going = visit(context, get_be64(key.data + NODE_ID_BYTES), get_be32(value.data));
    }
    enum err read = rocks_range_end(&range);
    return error != OK ? error : read;
}

static bool is_secret(struct bytes key) {
    size_t size = sizeof STORE_SECRET_PREFIX - 1;
    return key.size >= size && memcmp(key.data, STORE_SECRET_PREFIX, size) == 0;
}

static enum err meta_open(const struct store *store, struct bytes key, struct bytes value, struct buf *out) {
    if (is_secret(key)) return vault_unseal(store->vault, out, key, value);
    buf_put(out, value);
    return buf_result(out);
}

enum err store_meta(struct store *store, const char *key, struct buf *out) {
    struct bytes name = bytes_of_text(key), value;
    rocksdb_pinnableslice_t *slice;
    enum err error = rocks_get(&store->rocks, ROCKS_META, name, &slice, &value);
    if (error != OK) return error;
    error = meta_open(store, name, value, out);
    rocksdb_pinnableslice_destroy(slice);
    return error;
}

enum err store_meta_settled(struct store *store, const char *key, struct buf *out) {
    bool settled = store_pending(store) == 0; /* before the look: a commit ends at any moment */
    enum err error = store_meta(store, key, out);
    return error == ERR_NOT_FOUND && !settled ? ERR_BUSY : error;
}

enum err store_meta_each(struct store *store, const char *prefix, store_visit_meta *visit, void *context) {
    return store_meta_from(store, prefix, prefix, visit, context);
}

enum err store_meta_from(struct store *store, const char *prefix, const char *from, store_visit_meta *visit, void *context) {
    struct bytes name = bytes_of_text(prefix), key, value;
    if (name.size > STORE_META_KEY_BYTES_MAX) return ERR_RANGE;
    struct rocks_range range;
    struct buf plain;
    enum err error = OK;
    bool going = true;
    buf_init(&plain, 0);
    rocks_range_begin(&range, &store->rocks, ROCKS_META, name, bytes_of_text(from));
    while (going && error == OK && rocks_range_next(&range, &key, &value)) {
        char text[STORE_META_KEY_BYTES_MAX + 1];
        if (key.size > STORE_META_KEY_BYTES_MAX) {
            error = ERR_CORRUPT;
            break;
        }
        memcpy(text, key.data, key.size);
        text[key.size] = '\0';
        buf_clear(&plain);
        error = meta_open(store, key, value, &plain);
        if (error == OK) going = visit(context, text, bytes_of_buf(&plain));
    }
    if (plain.data != NULL) secret_wipe(plain.data, plain.capacity);
    buf_free(&plain);
    enum err read = rocks_range_end(&range);
    return error != OK ? error : read;
}

enum err store_page_at(struct store *store, uint64_t cursor, struct page *out) { return pages_at(store->pages, cursor, out); }

enum err store_page_from(struct store *store, uint64_t cursor, struct page *out) {
    enum err error = pages_from(store->pages, cursor, out);
    bool hidden = out->head.item_count > 0 && out->head.cursor >= store_cursor_uncompleted(store);
    if ((error == OK || error == ERR_CORRUPT) && hidden) {
        out->head.item_count = 0;
        return ERR_NOT_FOUND;
    }
    return error;
}

enum err store_item(struct store *store, uint64_t cursor, struct page_head *head, struct item *out, struct bytes *encoded) {
    struct page page;
    enum err error = pages_at(store->pages, cursor, &page);
    if (error != OK) return error;
    struct cursor items = cursor_of(page.plain);
    for (uint64_t i = page.head.cursor; i <= cursor; i++)
        if (!block_frame_next(&items, encoded)) return ERR_CORRUPT;
    *head = page.head;
    return item_decode(out, *encoded) == OK ? OK : ERR_CORRUPT;
}

static size_t find_end(struct store *store, enum err result, size_t count) {
    store->find_result = result;
    return count;
}

size_t store_find_id(struct store *store, struct bytes id, uint64_t *cursors, size_t max) {
    size_t count;
    enum err error = index_find(store->index, index_hash_id(store->vault, id), cursors, max, &count);
    return find_end(store, error, count);
}

enum err store_find_id_all(struct store *store, struct bytes id, uint64_t **cursors, size_t *count) {
    *cursors = NULL;
    for (size_t room = 64;; room *= 2) {
        uint64_t *grown = realloc(*cursors, room * sizeof *grown);
        if (!grown) break;
        *cursors = grown;
        *count = store_find_id(store, id, grown, room);
        if (*count < room) return store->find_result;
    }
    free(*cursors);
    *cursors = NULL, *count = 0;
    return ERR_MEMORY;
}

size_t store_find_value(struct store *store, struct observable observable, uint64_t *cursors, size_t max) {
    size_t count;
    enum err error = index_find_observable(store->index, observable, cursors, max, &count);
    return find_end(store, error, count);
}

enum err store_find_result(const struct store *store) { return store->find_result; }

uint64_t store_id_mark(const struct store *store, struct bytes id) { return index_hash_id(store->vault, id); }

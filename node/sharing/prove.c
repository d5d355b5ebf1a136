#include "node/sharing/prove.h"

#include "gossip/fork.h"
#include "node/engine/engine_core.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

/* In meta under the block whose pages hold the items, sealed: block that proves them 8, the salts' key 32, count of its items 2, leaf of
   its first item 32 (a replacement's notice, which no page holds). */
#define LEAF_PREFIX       "secret/leaf/"
#define LEAF_RECORD_BYTES (8 + HASH_BYTES + 2 + HASH_BYTES)

static void leaf_name(char out[static STORE_META_KEY_BYTES_MAX + 1], const uint8_t *node_id, uint64_t seq) {
    char hex[2 * NODE_ID_BYTES + 1];
    hex_encode(hex, bytes_of(node_id, NODE_ID_BYTES));
    snprintf(out, STORE_META_KEY_BYTES_MAX + 1, LEAF_PREFIX "%s/%016llx", hex, (unsigned long long)seq);
}

static void record_put(struct store_batch *batch, const struct page_head *head, uint64_t holder, const struct block *block) {
    char name[STORE_META_KEY_BYTES_MAX + 1];
    uint8_t record[LEAF_RECORD_BYTES], *key = record + 8, *first = key + HASH_BYTES + 2, salt[HASH_BYTES];
    struct cursor walk = cursor_of(block_frame_plain(block, 0));
    struct bytes item;
    if (!block_frame_next(&walk, &item)) return; /* a block has an item */
    put_be64(record, head->seq);
    block_leaf_key(key, block);
    put_be16(key + HASH_BYTES, (uint16_t)block_item_count(block));
    block_leaf_salt(salt, key, 0);
    block_leaf_salted(first, salt, item);
    leaf_name(name, head->node_id, holder);
    store_batch_meta(batch, name, bytes_of(record, sizeof record));
    sodium_memzero(record, sizeof record);
}

void prove_keep(struct store_batch *batch, const struct page_head *head, const struct block *block) {
    record_put(batch, head, head->seq, block);
}

void prove_replace(struct store_batch *batch, const struct page_head *head, uint64_t holder, const struct block *block) {
    char name[STORE_META_KEY_BYTES_MAX + 1];
    leaf_name(name, head->node_id, holder);
    store_batch_erase_meta(batch, name); /* no file keeps the key before */
    record_put(batch, head, holder, block);
}

void prove_withdraw(struct engine *engine, struct store_batch *batch, const uint8_t node_id[static NODE_ID_BYTES], uint64_t holder,
                    uint64_t recalled) {
    char name[STORE_META_KEY_BYTES_MAX + 1];
    struct buf record = {0};
    leaf_name(name, node_id, holder);
    bool replaced = recalled != 0 && store_meta(engine->store, name, &record) == OK && record.size == LEAF_RECORD_BYTES &&
                    get_be64(record.data) > recalled;
    if (!replaced) store_batch_erase_meta(batch, name);
    buf_free(&record);
}

/* One proof under way. */
struct making {
    struct engine *engine;
    uint8_t agency_id[AGENCY_ID_BYTES], node_id[NODE_ID_BYTES];
    uint64_t seq;          /* of the block that proves it */
    uint32_t held;         /* its place in the holder */
    uint32_t index, count; /* and in the block that proves it, which has so many */
    bool found;
    uint8_t leaf_key[HASH_BYTES];
    struct buf leaves, item, entries;
};

/* The record of the block whose pages hold the item. */
static enum err record_read(struct making *making, uint64_t holder) {
    struct buf record = {0};
    char name[STORE_META_KEY_BYTES_MAX + 1];
    leaf_name(name, making->node_id, holder);
    enum err err = store_meta(making->engine->store, name, &record);
    if (err == OK && record.size != LEAF_RECORD_BYTES) err = ERR_CORRUPT;
    if (err == OK) {
        const uint8_t *key = record.data + 8;
        making->seq = get_be64(record.data);
        memcpy(making->leaf_key, key, HASH_BYTES);
        making->count = get_be16(key + HASH_BYTES);
        if (making->count == 0 || making->count > BLOCK_ITEMS_MAX) err = ERR_CORRUPT;
        uint8_t *leaves = err == OK ? buf_grow(&making->leaves, making->count * HASH_BYTES) : NULL;
        if (err == OK && !leaves) err = ERR_MEMORY;
        if (err == OK) memcpy(leaves, key + HASH_BYTES + 2, HASH_BYTES);
    }
    if (record.size > 0) sodium_memzero(record.data, record.size);
    buf_free(&record);
    return err;
}

static void leaf_put(struct making *making, uint32_t index, struct bytes encoded) {
    uint8_t salt[HASH_BYTES];
    block_leaf_salt(salt, making->leaf_key, index);
    block_leaf_salted(making->leaves.data + index * HASH_BYTES, salt, encoded);
}

/* Goes through the holder's pages; `place` says which of their items are those of the block, and in what order. */
static enum err leaves_read(struct making *making, const struct recall_place *place) {
    uint32_t next = place->own ? 0 : 1; /* of the block; its notice is known */
    uint64_t cursor = place->cursor, end = place->cursor + place->items;
    while (cursor < end && next < making->count) {
        struct page page;
        struct bytes encoded;
        enum err err = store_page_from(making->engine->store, cursor, &page);
        if (err != OK) return err;
        struct cursor walk = cursor_of(page.plain);
        uint32_t held = (uint32_t)(page.head.cursor - place->cursor);
        for (; block_frame_next(&walk, &encoded) && next < making->count; held++) {
            uint32_t wanted;
            if (!recall_place_of(place, next, &wanted)) return ERR_NOT_FOUND;
            if (held > wanted || (held == wanted && encoded.size == 0)) return ERR_NOT_FOUND; /* it was taken out */
            if (held < wanted) continue;
            leaf_put(making, next, encoded);
            if (held == making->held) {
                making->index = next;
                making->found = true;
                buf_put(&making->item, encoded);
            }
            next++;
        }
        cursor = page.head.cursor + page.head.item_count;
    }
    return next == making->count && making->found ? buf_result(&making->item) : ERR_NOT_FOUND;
}

/* Where the item stands, and the leaves of the block that proves it. */
static enum err block_read(struct making *making, uint64_t cursor) {
    static struct recall_place place;
    struct page page;
    enum err err = store_page_at(making->engine->store, cursor, &page);
    if (err != OK) return err;
    memcpy(making->agency_id, page.head.agency_id, AGENCY_ID_BYTES);
    memcpy(making->node_id, page.head.node_id, NODE_ID_BYTES);
    making->held = page.head.item_first + (uint32_t)(cursor - page.head.cursor);
    err = record_read(making, page.head.seq);
    if (err != OK) return err;
    if (!recall_place_find(making->engine, making->node_id, making->seq, &place)) return ERR_NOT_FOUND;
    uint32_t count = place.own ? place.items : place.map_count + 1;
    return count == making->count ? leaves_read(making, &place) : ERR_NOT_FOUND;
}

static bool entry_take(void *context, uint64_t seq, bool verified, struct bytes entry) {
    struct making *making = context;
    (void)seq, (void)verified;
    if (making->entries.size + entry.size > PROOF_ENTRIES_BYTES_MAX) return false;
    buf_put(&making->entries, entry);
    return !making->entries.failed;
}

static enum err proof_put(struct making *making, struct buf *out, struct proof_facts *facts) {
    const struct agency *agency = engine_agency(making->engine, making->agency_id);
    const struct agency_node *node = agency ? agency_node_find(agency, making->node_id) : NULL;
    uint8_t path[PROOF_PATH_MAX * HASH_BYTES];
    struct proof proof = {.item = bytes_of_buf(&making->item)};
    if (!node) return ERR_UNKNOWN_AUTHOR;
    enum err err = store_entries(making->engine->store, making->node_id, making->seq, entry_take, making);
    if (err == OK) err = buf_result(&making->entries);
    if (err != OK) return err;
    proof.entries = fork_run_shorten(bytes_of_buf(&making->entries), node->sign_public);
    if (proof.entries.size == 0) return ERR_SIGNATURE;
    proof_make(&proof, path, making->leaves.data, making->count, making->index);
    block_leaf_salt(proof.salt, making->leaf_key, making->index);
    buf_clear(out);
    err = proof_encode(out, &proof);
    /* Nobody is given a proof that does not hold. */
    if (err == OK) err = proof_decode(&proof, bytes_of_buf(out));
    return err == OK ? proof_verify(facts, &proof, agency) : err;
}

enum err prove_item(struct engine *engine, uint64_t cursor, struct buf *out, struct proof_facts *facts) {
    struct making making = {.engine = engine};
    enum err err = block_read(&making, cursor);
    if (err == OK) err = proof_put(&making, out, facts);
    sodium_memzero(making.leaf_key, sizeof making.leaf_key);
    buf_free(&making.leaves), buf_free(&making.item), buf_free(&making.entries);
    return err;
}

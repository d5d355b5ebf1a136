#include "node/prove.h"

#include "gossip/fork.h"
#include "node/engine_core.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

/* In meta, sealed: the salts' key 32, count of items 2. */
#define LEAF_PREFIX       "secret/leaf/"
#define LEAF_RECORD_BYTES (HASH_BYTES + 2)

static void leaf_name(char out[static STORE_META_KEY_BYTES_MAX + 1], const uint8_t *node_id, uint64_t seq) {
    char hex[2 * NODE_ID_BYTES + 1];
    hex_encode(hex, bytes_of(node_id, NODE_ID_BYTES));
    snprintf(out, STORE_META_KEY_BYTES_MAX + 1, LEAF_PREFIX "%s/%016llx", hex, (unsigned long long)seq);
}

void prove_keep(struct store_batch *batch, const struct page_head *head, const struct block *block) {
    char name[STORE_META_KEY_BYTES_MAX + 1];
    uint8_t record[LEAF_RECORD_BYTES];
    leaf_name(name, head->node_id, head->seq);
    block_leaf_key(record, block);
    put_be16(record + HASH_BYTES, (uint16_t)block_item_count(block));
    store_batch_meta(batch, name, bytes_of(record, sizeof record));
    sodium_memzero(record, sizeof record);
}

void prove_forget(struct store_batch *batch, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq) {
    char name[STORE_META_KEY_BYTES_MAX + 1];
    leaf_name(name, node_id, seq);
    store_batch_meta_delete(batch, name);
}

/* One proof under way. */
struct making {
    struct engine *engine;
    uint8_t agency_id[AGENCY_ID_BYTES], node_id[NODE_ID_BYTES];
    uint64_t seq, cursor_first;
    uint32_t index, count;
    uint8_t leaf_key[HASH_BYTES];
    struct buf leaves, item, entries;
};

/* Where the item stands in its block, and how many the block has. */
static enum err place_read(struct making *making, uint64_t cursor) {
    struct page page;
    struct buf record = {0};
    char name[STORE_META_KEY_BYTES_MAX + 1];
    enum err err = store_page_at(making->engine->store, cursor, &page);
    if (err != OK) return err;
    memcpy(making->agency_id, page.head.agency_id, AGENCY_ID_BYTES);
    memcpy(making->node_id, page.head.node_id, NODE_ID_BYTES);
    making->seq = page.head.seq;
    making->index = page.head.item_first + (uint32_t)(cursor - page.head.cursor);
    making->cursor_first = cursor - making->index;
    leaf_name(name, making->node_id, making->seq);
    err = store_meta(making->engine->store, name, &record);
    if (err == OK && record.size != LEAF_RECORD_BYTES) err = ERR_CORRUPT;
    if (err == OK) {
        memcpy(making->leaf_key, record.data, HASH_BYTES);
        making->count = get_be16(record.data + HASH_BYTES);
        sodium_memzero(record.data, record.size);
        if (making->count > BLOCK_ITEMS_MAX || making->index >= making->count) err = ERR_CORRUPT;
    }
    buf_free(&record);
    return err;
}

/* The leaves of one page; the item itself is kept. */
static enum err page_leaves(struct making *making, const struct page *page, uint32_t at) {
    const struct page_head *head = &page->head;
    bool same = head->seq == making->seq && memcmp(head->node_id, making->node_id, NODE_ID_BYTES) == 0;
    if (!same || head->item_first != at || head->cursor != making->cursor_first + at) return ERR_NOT_FOUND;
    struct cursor walk = cursor_of(page->plain);
    struct bytes encoded;
    uint32_t index = at;
    for (; block_frame_next(&walk, &encoded); index++) {
        uint8_t salt[HASH_BYTES], *leaf = buf_grow(&making->leaves, HASH_BYTES);
        if (!leaf) return ERR_MEMORY;
        block_leaf_salt(salt, making->leaf_key, index);
        block_leaf_salted(leaf, salt, encoded);
        if (index == making->index) buf_put(&making->item, encoded);
    }
    return index == at + head->item_count ? buf_result(&making->item) : ERR_NOT_FOUND;
}

static enum err leaves_read(struct making *making) {
    uint32_t at = 0;
    enum err err = OK;
    while (err == OK && at < making->count) {
        struct page page;
        err = store_page_at(making->engine->store, making->cursor_first + at, &page);
        if (err == OK) err = page_leaves(making, &page, at);
        if (err == OK) at += page.head.item_count;
    }
    return err == OK && at != making->count ? ERR_NOT_FOUND : err;
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
    enum err err = place_read(&making, cursor);
    if (err == OK) err = leaves_read(&making);
    if (err == OK) err = proof_put(&making, out, facts);
    sodium_memzero(making.leaf_key, sizeof making.leaf_key);
    buf_free(&making.leaves), buf_free(&making.item), buf_free(&making.entries);
    return err;
}

#include "node/store/pages.h"

#include "crypto/random.h"
#include "crypto/secret.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS          8
#define SLOT_BYTES_MAX (256 * 1024) /* a slot that held a larger page gives its memory back */
#define AD_BYTES       (PAGES_KEY_BYTES + PAGES_HEAD_BYTES)

struct slot {
    struct page_head head;
    struct buf plain;
    uint64_t used; /* 0: empty */
};

struct pages {
    struct rocks *rocks;
    struct buckets *buckets;
    struct block_codec *codec;
    struct rocks_walk walk;
    struct slot slots[SLOTS];
    uint64_t uses;
    struct random random; /* for nonces: a system call for each page would cost more than its sealing */
    struct buf sealed;    /* scratch for sealing */
    struct buf packed;    /* scratch for opening */
};

struct pages *pages_new(struct rocks *rocks, const struct vault *vault) {
    struct pages *pages = calloc(1, sizeof *pages);
    if (pages == NULL) return NULL;
    pages->rocks = rocks;
    pages->buckets = buckets_new(rocks, vault);
    pages->codec = block_codec_new();
    random_init_kernel(&pages->random);
    for (size_t i = 0; i < SLOTS; i++) buf_init(&pages->slots[i].plain, BLOCK_PLAIN_BYTES_MAX);
    buf_init(&pages->sealed, 0);
    buf_init(&pages->packed, 0);
    if (pages->buckets == NULL || pages->codec == NULL) {
        pages_free(pages);
        return NULL;
    }
    return pages;
}

static void wipe_and_free(struct buf *buf) {
    if (buf->data != NULL) secret_wipe(buf->data, buf->capacity);
    buf_free(buf);
}

void pages_free(struct pages *pages) {
    if (pages == NULL) return;
    rocks_walk_drop(&pages->walk);
    buckets_free(pages->buckets);
    if (pages->codec != NULL) block_codec_free(pages->codec);
    for (size_t i = 0; i < SLOTS; i++) wipe_and_free(&pages->slots[i].plain);
    wipe_and_free(&pages->packed);
    buf_free(&pages->sealed);
    random_wipe(&pages->random);
    free(pages);
}

static void head_write(struct buf *out, const struct page_head *head) {
    buf_put_u8(out, PAGES_VERSION);
    buf_put_u8(out, 0);
    buf_put_u16(out, head->item_count);
    buf_put_u32(out, head->plain_bytes);
    buf_put_raw(out, head->node_id, sizeof head->node_id);
    buf_put_raw(out, head->agency_id, sizeof head->agency_id);
    buf_put_u64(out, head->seq);
    buf_put_u32(out, head->item_first);
    buf_put_u64(out, head->added_us ? head->added_us : head->arrived_ms * 1000);
    buf_put_u64(out, head->expires_ms);
    buf_put_u32(out, head->bucket);
}

static enum err head_read(struct page_head *out, struct bytes key, struct bytes value) {
    struct cursor cursor = cursor_of(value);
    if (key.size != PAGES_KEY_BYTES || cursor_u8(&cursor) != PAGES_VERSION || cursor_u8(&cursor) != 0) return ERR_CORRUPT;
    out->item_count = cursor_u16(&cursor);
    out->cursor = get_be64(key.data) - out->item_count + 1;
    out->plain_bytes = cursor_u32(&cursor);
    cursor_copy(&cursor, out->node_id, sizeof out->node_id);
    cursor_copy(&cursor, out->agency_id, sizeof out->agency_id);
    out->seq = cursor_u64(&cursor);
    out->item_first = cursor_u32(&cursor);
    out->added_us = cursor_u64(&cursor);
    out->arrived_ms = out->added_us / 1000;
    out->expires_ms = cursor_u64(&cursor);
    out->bucket = cursor_u32(&cursor);
    return !cursor.failed && out->item_count > 0 && out->cursor < UINT64_MAX - out->item_count ? OK : ERR_CORRUPT;
}

enum err pages_seal(struct pages *pages, rocksdb_writebatch_t *batch, struct buckets_carried *carried, const struct page_head *head,
                    struct bytes packed) {
    const uint8_t *key;
    enum err error = buckets_key_for(pages->buckets, head->bucket, batch, carried, &key);
    if (error != OK) return error;
    struct buf *out = &pages->sealed;
    buf_clear(out);
    buf_put_u64(out, head->cursor + head->item_count - 1);
    head_write(out, head);
    uint8_t *nonce = buf_grow(out, PAGES_OVERHEAD_BYTES - PAGES_HEAD_BYTES + packed.size);
    if (out->failed) return buf_result(out);
    random_bytes(&pages->random, nonce, 24);
    crypto_aead_xchacha20poly1305_ietf_encrypt(nonce + 24, NULL, packed.data, packed.size, out->data, AD_BYTES, NULL, nonce, key);
    rocksdb_writebatch_put_cf(batch, pages->rocks->families[ROCKS_PAGES], (const char *)out->data, PAGES_KEY_BYTES,
                              (const char *)out->data + PAGES_KEY_BYTES, out->size - PAGES_KEY_BYTES);
    return OK;
}

void pages_buckets_durable(struct pages *pages, const struct buckets_carried *carried) { buckets_durable(pages->buckets, carried); }

enum err pages_seal_plain(struct pages *pages, rocksdb_writebatch_t *batch, struct buckets_carried *carried,
                          const struct page_head *head, struct bytes plain) {
    struct buf packed = {0};
    enum err error = block_frame_pack(pages->codec, &packed, plain);
    if (error == OK) error = pages_seal(pages, batch, carried, head, bytes_of_buf(&packed));
    buf_free(&packed);
    return error;
}

void pages_bucket_end(struct pages *pages, uint32_t number) { buckets_forget(pages->buckets, number); }

void pages_changed(struct pages *pages) { rocks_walk_drop(&pages->walk); }

void pages_forget(struct pages *pages) {
    for (size_t i = 0; i < SLOTS; i++) {
        pages->slots[i].used = 0;
        wipe_and_free(&pages->slots[i].plain);
    }
}

void pages_random(struct pages *pages, uint8_t *out, size_t bytes) { random_bytes(&pages->random, out, bytes); }

static enum err unseal(struct pages *pages, const struct page_head *head, struct bytes key, struct bytes value, struct buf *plain) {
    const uint8_t *secret;
    if (value.size < PAGES_OVERHEAD_BYTES) return ERR_CORRUPT;
    enum err error = buckets_key(pages->buckets, head->bucket, &secret);
    if (error != OK) return error == ERR_NOT_FOUND ? ERR_CORRUPT : error;
    uint8_t ad[AD_BYTES];
    memcpy(ad, key.data, PAGES_KEY_BYTES);
    memcpy(ad + PAGES_KEY_BYTES, value.data, PAGES_HEAD_BYTES);
    const uint8_t *nonce = value.data + PAGES_HEAD_BYTES;
    size_t packed_bytes = value.size - PAGES_OVERHEAD_BYTES;
    buf_clear(&pages->packed);
    uint8_t *packed = buf_grow(&pages->packed, packed_bytes + 1);
    if (packed == NULL) return ERR_MEMORY;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(packed, NULL, NULL, nonce + 24, value.size - PAGES_HEAD_BYTES - 24, ad,
                                                   sizeof ad, nonce, secret) != 0)
        return ERR_CORRUPT;
    error = block_frame_unpack(pages->codec, plain, bytes_of(packed, packed_bytes), head->plain_bytes);
    return error == OK || error == ERR_MEMORY ? error : ERR_CORRUPT;
}

static bool covers(const struct page_head *head, uint64_t cursor) {
    return cursor >= head->cursor && cursor - head->cursor < head->item_count;
}

static struct slot *slot_find(struct pages *pages, uint64_t cursor) {
    for (size_t i = 0; i < SLOTS; i++)
        if (pages->slots[i].used > 0 && covers(&pages->slots[i].head, cursor)) return &pages->slots[i];
    return NULL;
}

static struct slot *slot_oldest(struct pages *pages) {
    struct slot *oldest = &pages->slots[0];
    for (size_t i = 1; i < SLOTS; i++)
        if (pages->slots[i].used < oldest->used) oldest = &pages->slots[i];
    oldest->used = 0;
    if (oldest->plain.capacity > SLOT_BYTES_MAX) wipe_and_free(&oldest->plain);
    return oldest;
}

static void slot_give(struct pages *pages, struct slot *slot, struct page *out) {
    slot->used = ++pages->uses;
    out->head = slot->head;
    out->plain = bytes_of_buf(&slot->plain);
}

/* Where the iterator stands, as a page in the cache. */
static enum err page_load(struct pages *pages, rocksdb_iterator_t *iterator, const struct page_head *head, struct page *out) {
    out->head = *head;
    size_t key_bytes, value_bytes;
    const char *key = rocksdb_iter_key(iterator, &key_bytes);
    const char *value = rocksdb_iter_value(iterator, &value_bytes);
    struct slot *slot = slot_oldest(pages);
    enum err error = unseal(pages, head, bytes_of(key, key_bytes), bytes_of(value, value_bytes), &slot->plain);
    if (error != OK) return error;
    slot->head = *head;
    slot_give(pages, slot, out);
    return OK;
}

/* The head where the iterator stands. ERR_NOT_FOUND at its end. */
static enum err head_here(struct pages *pages, rocksdb_iterator_t *iterator, struct page_head *head) {
    if (rocksdb_iter_valid(iterator)) {
        size_t key_bytes, value_bytes;
        const char *key = rocksdb_iter_key(iterator, &key_bytes);
        const char *value = rocksdb_iter_value(iterator, &value_bytes);
        return head_read(head, bytes_of(key, key_bytes), bytes_of(value, value_bytes));
    }
    char *error = NULL;
    rocksdb_iter_get_error(iterator, &error);
    if (error == NULL) return ERR_NOT_FOUND;
    rocks_walk_drop(&pages->walk);
    return rocks_err(error, NULL);
}

enum err pages_from(struct pages *pages, uint64_t cursor, struct page *out) {
    out->head.item_count = 0;
    struct slot *slot = slot_find(pages, cursor);
    if (slot != NULL) {
        slot_give(pages, slot, out);
        return OK;
    }
    uint8_t key[PAGES_KEY_BYTES];
    put_be64(key, cursor);
    rocksdb_iterator_t *iterator = rocks_walk_use(pages->rocks, ROCKS_PAGES, &pages->walk);
    rocksdb_iter_seek(iterator, (const char *)key, sizeof key);
    struct page_head head;
    enum err error = head_here(pages, iterator, &head);
    return error == OK ? page_load(pages, iterator, &head, out) : error;
}

enum err pages_head_from(struct pages *pages, uint64_t cursor, struct page_head *out) {
    uint8_t key[PAGES_KEY_BYTES];
    put_be64(key, cursor);
    rocksdb_iterator_t *iterator = rocks_walk_use(pages->rocks, ROCKS_PAGES, &pages->walk);
    rocksdb_iter_seek(iterator, (const char *)key, sizeof key);
    return head_here(pages, iterator, out);
}

enum err pages_at(struct pages *pages, uint64_t cursor, struct page *out) {
    enum err error = pages_from(pages, cursor, out);
    if ((error == OK || error == ERR_CORRUPT) && out->head.item_count > 0 && !covers(&out->head, cursor)) return ERR_NOT_FOUND;
    return error;
}

enum err pages_end(struct pages *pages, uint64_t *cursor) {
    *cursor = 0;
    rocksdb_iterator_t *iterator = rocks_walk_use(pages->rocks, ROCKS_PAGES, &pages->walk);
    rocksdb_iter_seek_to_last(iterator);
    struct page_head head;
    enum err error = head_here(pages, iterator, &head);
    if (error == ERR_NOT_FOUND) return OK;
    if (error == OK) *cursor = head.cursor + head.item_count;
    return error;
}

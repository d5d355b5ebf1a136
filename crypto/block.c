/* block: one payload: compress, pad, seal; open, with the salted leaves. PROTOCOL.md 5.2 */
#include "crypto/block.h"

#include "crypto/dictionary.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define NONCE_BYTES            crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_BYTES              crypto_aead_xchacha20poly1305_ietf_ABYTES
#define CONTAINER_HEAD_BYTES   3
#define CONTAINER_FRAME_BYTES  10
#define ITEM_HEAD_BYTES        4
#define FRAME_PLAIN_BYTES_MAX  (BLOCK_ITEM_BYTES_MAX + ITEM_HEAD_BYTES)
#define PLAIN_CLASS_MIN        12 /* the sizes of very small blocks look alike */
#define PLAIN_CLASS_MAX        22
#define ITEM_LARGE_BYTES       (16 * 1024) /* from here on, an item's packed size is tried and not guessed */
#define SIZE_CLASS_STEP_BYTES  32
#define SIZE_CLASS_SMALL_BYTES 512
#define AD_LABEL               "comity-block"
#define AD_BYTES               (sizeof AD_LABEL - 1 + 4)

_Static_assert(BLOCK_OVERHEAD_BYTES == NONCE_BYTES + TAG_BYTES, "what the AEAD adds");
_Static_assert(BLOCK_PLAIN_BYTES_MAX == 1 << PLAIN_CLASS_MAX, "the largest class");

struct frame_place {
    uint32_t packed_at, packed_bytes, plain_at, plain_bytes;
    uint16_t item_count;
};

struct block {
    struct block_codec *codec;
    struct buf plain;   /* all items with their lengths; what follows pending_at is in no frame yet */
    struct buf packed;  /* the frames; of an opened block: the container */
    struct buf scratch; /* one frame unpacked */
    struct frame_place *frames;
    size_t frame_count;
    size_t pending_at;
    uint16_t pending_count;
    size_t item_count;
    uint8_t leaf_key[HASH_BYTES]; /* of a closed block */
    bool closed;
};

struct block *block_new(struct block_codec *codec) {
    struct block *block = calloc(1, sizeof *block);
    struct frame_place *frames = calloc(BLOCK_FRAMES_MAX, sizeof *frames);
    if (block == NULL || frames == NULL) {
        free(block);
        free(frames);
        return NULL;
    }
    block->codec = codec;
    block->frames = frames;
    return block;
}

void block_free(struct block *block) {
    if (block == NULL) return;
    buf_free(&block->plain);
    buf_free(&block->packed);
    buf_free(&block->scratch);
    free(block->frames);
    free(block);
}

void block_reset(struct block *block) {
    buf_clear(&block->plain);
    buf_clear(&block->packed);
    buf_clear(&block->scratch);
    block->frame_count = 0;
    block->pending_at = 0;
    block->pending_count = 0;
    block->item_count = 0;
    sodium_memzero(block->leaf_key, sizeof block->leaf_key);
    block->closed = false;
}

size_t block_item_count(const struct block *block) { return block->item_count; }

size_t block_frame_count(const struct block *block) { return block->frame_count; }

struct block_frame block_frame_at(const struct block *block, size_t index) {
    assert(index < block->frame_count);
    const struct frame_place *place = &block->frames[index];
    return (struct block_frame){bytes_of(block->packed.data + place->packed_at, place->packed_bytes), place->plain_bytes,
                                place->item_count};
}

struct bytes block_frame_plain(const struct block *block, size_t index) {
    assert(index < block->frame_count);
    return bytes_of(block->plain.data + block->frames[index].plain_at, block->frames[index].plain_bytes);
}

size_t block_size_class(size_t bytes) {
    if (bytes <= SIZE_CLASS_SMALL_BYTES) return (bytes + SIZE_CLASS_STEP_BYTES - 1) / SIZE_CLASS_STEP_BYTES * SIZE_CLASS_STEP_BYTES;
    size_t size = SIZE_CLASS_SMALL_BYTES;
    while (size < bytes && size < BLOCK_PAYLOAD_BYTES_MAX) size += size * 12 / 100 / SIZE_CLASS_STEP_BYTES * SIZE_CLASS_STEP_BYTES;
    return size < BLOCK_PAYLOAD_BYTES_MAX ? size : BLOCK_PAYLOAD_BYTES_MAX;
}

static size_t container_bytes(size_t frames, size_t packed_bytes) {
    return CONTAINER_HEAD_BYTES + frames * CONTAINER_FRAME_BYTES + packed_bytes;
}

/* Does a payload with these frames keep to the limit? */
static bool payload_fits(size_t frames, size_t packed_bytes) {
    return frames <= BLOCK_FRAMES_MAX && BLOCK_OVERHEAD_BYTES + container_bytes(frames, packed_bytes) <= BLOCK_PAYLOAD_BYTES_MAX;
}

static size_t pending_bytes(const struct block *block) { return block->plain.size - block->pending_at; }

/* Would the pending frame with `more` in it fit, however badly it compresses? */
static bool pending_fits(const struct block *block, size_t more) {
    return payload_fits(block->frame_count + 1, block->packed.size + ZSTD_compressBound(pending_bytes(block) + more));
}

/* Compresses what is pending into a frame. */
static enum err pending_flush(struct block *block) {
    if (block->pending_count == 0) return OK;
    size_t start = block->packed.size;
    struct bytes plain = bytes_of(block->plain.data + block->pending_at, pending_bytes(block));
    enum err error = block_frame_pack(block->codec, &block->packed, plain);
    if (error != OK) return error;
    block->frames[block->frame_count++] = (struct frame_place){
        .packed_at = (uint32_t)start,
        .packed_bytes = (uint32_t)(block->packed.size - start),
        .plain_at = (uint32_t)block->pending_at,
        .plain_bytes = (uint32_t)plain.size,
        .item_count = block->pending_count,
    };
    block->pending_at = block->plain.size;
    block->pending_count = 0;
    return OK;
}

static enum err pending_append(struct block *block, struct bytes item) {
    if (!buf_reserve(&block->plain, ITEM_HEAD_BYTES + item.size)) {
        enum err error = buf_result(&block->plain);
        block->plain.failed = false;
        return error;
    }
    buf_put_u32(&block->plain, (uint32_t)item.size);
    buf_put(&block->plain, item);
    block->pending_count++;
    block->item_count++;
    return OK;
}

/* A large item gets a frame of its own when it compresses to what is left. */
static enum err large_add(struct block *block, struct bytes item) {
    size_t plain_start = block->plain.size, packed_start = block->packed.size;
    enum err error = pending_append(block, item);
    if (error == OK) error = pending_flush(block);
    if (error == OK && payload_fits(block->frame_count, block->packed.size)) return OK;
    if (block->plain.size > plain_start) {
        if (block->pending_count == 0) block->frame_count--;
        block->item_count--;
        block->plain.size = block->pending_at = plain_start;
        block->packed.size = packed_start;
        block->pending_count = 0;
    }
    if (error != OK) return error;
    return block->item_count == 0 ? ERR_TOO_BIG : ERR_FULL;
}

enum err block_add(struct block *block, struct bytes item) {
    assert(!block->closed);
    if (item.size > BLOCK_ITEM_BYTES_MAX) return ERR_TOO_BIG;
    size_t need = ITEM_HEAD_BYTES + item.size;
    if (block->item_count >= BLOCK_ITEMS_MAX || block->plain.size + need > BLOCK_PLAIN_BYTES_MAX) return ERR_FULL;
    enum err error = OK;
    if (block->pending_count >= BLOCK_FRAME_ITEMS || pending_bytes(block) + need > BLOCK_FRAME_PLAIN_BYTES)
        error = pending_flush(block);
    /* Towards the end of the payload, real sizes in place of guessed ones make room, as long as frames stay worth their heads. */
    bool large = need > ITEM_LARGE_BYTES;
    if (error == OK && !pending_fits(block, need) && (large || block->pending_count >= BLOCK_FRAME_ITEMS / 2))
        error = pending_flush(block);
    if (error != OK) return error;
    if (pending_fits(block, need)) return pending_append(block, item);
    return large ? large_add(block, item) : ERR_FULL;
}

void block_key(uint8_t out[static 32], const uint8_t epoch_secret[static EPOCH_SECRET_BYTES], uint32_t index) {
    uint8_t raw[4];
    put_be32(raw, index);
    hash_derive(out, epoch_secret, "comity-block", bytes_of(raw, sizeof raw));
}

/* The salts of `count` items from `first`, which is even: a ChaCha20 keystream, as one hash an item would cost as much again as
   compressing it. PROTOCOL.md 5.2 */
static void leaf_salts(uint8_t *out, const uint8_t *leaf_key, uint32_t first, size_t count) {
    static const uint8_t nonce[crypto_stream_chacha20_NONCEBYTES] = {0};
    memset(out, 0, count * HASH_BYTES);
    crypto_stream_chacha20_xor_ic(out, out, count * HASH_BYTES, nonce, first / 2, leaf_key);
}

void block_leaf_key(uint8_t out[static 32], const struct block *block) {
    assert(block->closed);
    memcpy(out, block->leaf_key, HASH_BYTES);
}

void block_leaf_salt(uint8_t out[static HASH_BYTES], const uint8_t leaf_key[static 32], uint32_t item_index) {
    uint8_t salts[2 * HASH_BYTES];
    leaf_salts(salts, leaf_key, item_index & ~1u, 2);
    memcpy(out, salts + (item_index & 1) * HASH_BYTES, HASH_BYTES);
    sodium_memzero(salts, sizeof salts);
}

void block_leaf_salted(uint8_t out[static HASH_BYTES], const uint8_t salt[static HASH_BYTES], struct bytes item) {
    crypto_generichash(out, HASH_BYTES, item.data, item.size, salt, HASH_BYTES);
}

void block_leaf(uint8_t out[static HASH_BYTES], const uint8_t block_key[static 32], uint32_t item_index, struct bytes item) {
    uint8_t key[HASH_BYTES], salt[HASH_BYTES];
    hash_derive(key, block_key, "comity-leaf", bytes_of(NULL, 0));
    block_leaf_salt(salt, key, item_index);
    block_leaf_salted(out, salt, item);
    sodium_memzero(key, sizeof key);
    sodium_memzero(salt, sizeof salt);
}

/* The Merkle root over all items of the frames, which were counted. `scratch` of the block holds the leaves. */
static enum err leaves_root(struct block *block, uint8_t *root, const uint8_t *key) {
    buf_clear(&block->scratch);
    uint8_t *leaves = buf_grow(&block->scratch, block->item_count * HASH_BYTES);
    if (leaves == NULL) return ERR_MEMORY;
    hash_derive(block->leaf_key, key, "comity-leaf", bytes_of(NULL, 0));
    leaf_salts(leaves, block->leaf_key, 0, block->item_count);
    struct cursor cursor = cursor_of(bytes_of_buf(&block->plain));
    struct bytes item;
    size_t index = 0;
    while (block_frame_next(&cursor, &item)) {
        assert(index < block->item_count);
        /* Each leaf takes the place of its salt. */
        uint8_t *leaf = leaves + index++ * HASH_BYTES;
        block_leaf_salted(leaf, leaf, item);
    }
    assert(!cursor.failed && index == block->item_count);
    hash_merkle_root(root, leaves, index);
    return OK;
}

static void block_additional(uint8_t out[static AD_BYTES], uint32_t index) {
    memcpy(out, AD_LABEL, sizeof AD_LABEL - 1);
    put_be32(out + sizeof AD_LABEL - 1, index);
}

static uint8_t plain_class_of(size_t plain_bytes) {
    uint8_t plain_class = PLAIN_CLASS_MIN;
    while (((size_t)1 << plain_class) < plain_bytes) plain_class++;
    return plain_class;
}

/* Writes the container, `size` bytes with its padding. */
static void container_write(uint8_t *out, const struct block *block, size_t size) {
    uint8_t *at = out;
    *at++ = DICTIONARY_VERSION;
    put_be16(at, (uint16_t)block->frame_count);
    at += 2;
    for (size_t i = 0; i < block->frame_count; i++, at += CONTAINER_FRAME_BYTES) {
        put_be32(at, block->frames[i].packed_bytes);
        put_be32(at + 4, block->frames[i].plain_bytes);
        put_be16(at + 8, block->frames[i].item_count);
    }
    memcpy(at, block->packed.data, block->packed.size);
    at += block->packed.size;
    memset(at, 0, size - (size_t)(at - out));
}

enum err block_close(struct block *block, struct buf *payload, struct block_seal *seal,
                     const uint8_t epoch_secret[static EPOCH_SECRET_BYTES], uint32_t index, struct random *random) {
    assert(!block->closed);
    if (block->item_count == 0) return ERR_RANGE;
    enum err error = pending_flush(block);
    if (error != OK) return error;
    size_t used = BLOCK_OVERHEAD_BYTES + container_bytes(block->frame_count, block->packed.size);
    assert(used <= BLOCK_PAYLOAD_BYTES_MAX);
    size_t payload_bytes = block_size_class(used), size = payload_bytes - BLOCK_OVERHEAD_BYTES;
    uint8_t key[32], seal_key[HASH_BYTES], additional[AD_BYTES];
    uint8_t *nonce = buf_grow(payload, payload_bytes);
    if (nonce == NULL) return buf_result(payload);
    block_key(key, epoch_secret, index);
    error = leaves_root(block, seal->root, key);
    if (error == OK) {
        hash_derive(seal_key, key, "comity-block-seal", bytes_of(NULL, 0));
        block_additional(additional, index);
        random_bytes(random, nonce, NONCE_BYTES);
        container_write(nonce + NONCE_BYTES, block, size);
        crypto_aead_xchacha20poly1305_ietf_encrypt(nonce + NONCE_BYTES, NULL, nonce + NONCE_BYTES, size, additional, AD_BYTES, NULL,
                                                   nonce, seal_key);
        hash_of(seal->payload_hash, "comity-payload", bytes_of(nonce, payload_bytes), bytes_of(NULL, 0));
        seal->payload_bytes = (uint32_t)payload_bytes;
        seal->plain_class = plain_class_of(block->plain.size);
        block->closed = true;
    } else {
        payload->size -= payload_bytes;
    }
    sodium_memzero(key, sizeof key);
    sodium_memzero(seal_key, sizeof seal_key);
    return error;
}

bool block_payload_matches(struct bytes payload, const struct block_seal *seal) {
    uint8_t hash[HASH_BYTES];
    if (payload.size != seal->payload_bytes) return false;
    hash_of(hash, "comity-payload", payload, bytes_of(NULL, 0));
    return memcmp(hash, seal->payload_hash, HASH_BYTES) == 0;
}

/* Reads the container's table into `frames`: sizes, counts and ratios in range, the frames within it, only zeros behind them. */
static enum err container_read(struct block *block, size_t plain_bytes_max) {
    struct cursor cursor = cursor_of(bytes_of_buf(&block->packed));
    uint8_t version = cursor_u8(&cursor);
    size_t count = cursor_u16(&cursor), items = 0, plain_at = 0;
    if (cursor.failed) return ERR_FORMAT;
    if (version != DICTIONARY_VERSION) return ERR_VERSION;
    if (count < 1 || count > BLOCK_FRAMES_MAX || count * CONTAINER_FRAME_BYTES > cursor.left) return ERR_FORMAT;
    size_t packed_at = container_bytes(count, 0);
    for (size_t i = 0; i < count; i++) {
        struct frame_place *place = &block->frames[i];
        place->packed_at = (uint32_t)packed_at;
        place->packed_bytes = cursor_u32(&cursor);
        place->plain_at = (uint32_t)plain_at;
        place->plain_bytes = cursor_u32(&cursor);
        place->item_count = cursor_u16(&cursor);
        if (place->packed_bytes > block->packed.size - packed_at) return ERR_FORMAT;
        if (place->item_count < 1 || place->item_count > BLOCK_FRAME_ITEMS) return ERR_FORMAT;
        if (place->plain_bytes < ITEM_HEAD_BYTES * (size_t)place->item_count) return ERR_FORMAT;
        if (place->plain_bytes > FRAME_PLAIN_BYTES_MAX) return ERR_TOO_BIG;
        if (place->plain_bytes > (uint64_t)place->packed_bytes * BLOCK_RATIO_MAX) return ERR_TOO_BIG;
        packed_at += place->packed_bytes;
        plain_at += place->plain_bytes;
        items += place->item_count;
        if (plain_at > plain_bytes_max || items > BLOCK_ITEMS_MAX) return ERR_TOO_BIG;
    }
    if (block_size_class(packed_at + BLOCK_OVERHEAD_BYTES) != block->packed.size + BLOCK_OVERHEAD_BYTES) return ERR_FORMAT;
    if (!sodium_is_zero(block->packed.data + packed_at, block->packed.size - packed_at)) return ERR_FORMAT;
    block->frame_count = count;
    block->item_count = items;
    return OK;
}

/* Unpacks every frame and counts its items. */
static enum err frames_unpack(struct block *block) {
    for (size_t i = 0; i < block->frame_count; i++) {
        struct block_frame frame = block_frame_at(block, i);
        enum err error = block_frame_unpack(block->codec, &block->scratch, frame.packed, frame.plain_bytes);
        if (error != OK) return error;
        struct cursor cursor = cursor_of(bytes_of_buf(&block->scratch));
        struct bytes item;
        size_t count = 0;
        while (block_frame_next(&cursor, &item)) {
            if (item.size > BLOCK_ITEM_BYTES_MAX) return ERR_TOO_BIG;
            count++;
        }
        if (cursor.failed || count != frame.item_count) return ERR_FORMAT;
        buf_put(&block->plain, bytes_of_buf(&block->scratch));
        if (block->plain.failed) return buf_result(&block->plain);
    }
    return OK;
}

enum err block_open(struct block *block, struct bytes payload, const struct block_seal *seal,
                    const uint8_t epoch_secret[static EPOCH_SECRET_BYTES], uint32_t index) {
    block_reset(block);
    if (payload.size > BLOCK_PAYLOAD_BYTES_MAX || seal->plain_class > PLAIN_CLASS_MAX) return ERR_TOO_BIG;
    if (payload.size < BLOCK_OVERHEAD_BYTES) return ERR_FORMAT;
    if (!block_payload_matches(payload, seal)) return ERR_HASH;
    uint8_t *container = buf_grow(&block->packed, payload.size - BLOCK_OVERHEAD_BYTES);
    if (container == NULL) return buf_result(&block->packed);
    uint8_t key[32], seal_key[HASH_BYTES], additional[AD_BYTES], root[HASH_BYTES];
    block_key(key, epoch_secret, index);
    hash_derive(seal_key, key, "comity-block-seal", bytes_of(NULL, 0));
    block_additional(additional, index);
    enum err error = OK;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(container, NULL, NULL, payload.data + NONCE_BYTES, payload.size - NONCE_BYTES,
                                                   additional, AD_BYTES, payload.data, seal_key) != 0)
        error = ERR_DECRYPT;
    if (error == OK) error = container_read(block, (size_t)1 << seal->plain_class);
    if (error == OK) error = frames_unpack(block);
    if (error == OK) error = leaves_root(block, root, key);
    if (error == OK && memcmp(root, seal->root, HASH_BYTES) != 0) error = ERR_HASH;
    sodium_memzero(key, sizeof key);
    sodium_memzero(seal_key, sizeof seal_key);
    if (error != OK) {
        block_reset(block);
    } else {
        block->closed = true;
    }
    return error;
}

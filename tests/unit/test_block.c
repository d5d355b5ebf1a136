/* block: what goes in comes out, at every size and mix, and nothing that is sealed is ever refused. */
#include "crypto/block.h"

#include "tests/unit/fixture_crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sodium.h>

static const uint8_t epoch_secret[EPOCH_SECRET_BYTES] = {42};
static struct block_codec *codec;
static struct random stream;

/* Items that were accepted, to compare with. */
struct kept {
    struct buf bytes;
    size_t starts[BLOCK_ITEMS_MAX + 1];
    size_t count;
};

static enum err keep(struct kept *kept, struct block *block, struct bytes item) {
    enum err error = block_add(block, item);
    if (error == OK) {
        kept->starts[kept->count++] = kept->bytes.size;
        buf_put(&kept->bytes, item);
        kept->starts[kept->count] = kept->bytes.size;
    }
    return error;
}

/* The frames of a block hold the kept items in order, both as left in the block and unpacked again. */
static void frames_compare(const struct kept *kept, const struct block *block) {
    struct buf plain = {0};
    size_t index = 0;
    assert_int_equal(block_item_count(block), kept->count);
    for (size_t i = 0; i < block_frame_count(block); i++) {
        struct block_frame frame = block_frame_at(block, i);
        size_t in_frame = 0;
        struct bytes item;
        assert_int_equal(block_frame_unpack(codec, &plain, frame.packed, frame.plain_bytes), OK);
        assert_true(bytes_equal(bytes_of_buf(&plain), block_frame_plain(block, i)));
        struct cursor cursor = cursor_of(bytes_of_buf(&plain));
        while (block_frame_next(&cursor, &item)) {
            assert_true(index < kept->count);
            struct bytes expected = {kept->bytes.data + kept->starts[index], kept->starts[index + 1] - kept->starts[index]};
            assert_true(bytes_equal(item, expected));
            index++;
            in_frame++;
        }
        assert_false(cursor.failed);
        assert_int_equal(in_frame, frame.item_count);
        assert_in_range(in_frame, 1, BLOCK_FRAME_ITEMS);
    }
    assert_int_equal(index, kept->count);
    buf_free(&plain);
}

/* Seals what was kept, opens it as a reader, and compares. */
static void close_and_compare(struct kept *kept, struct block *block, struct buf *payload, struct block_seal *seal) {
    struct block *reader = block_new(codec);
    size_t before = payload->size;
    assert_non_null(reader);
    assert_int_equal(block_close(block, payload, seal, epoch_secret, 7, &stream), OK);
    assert_int_equal(payload->size - before, seal->payload_bytes);
    assert_true(seal->payload_bytes <= BLOCK_PAYLOAD_BYTES_MAX);
    assert_int_equal(seal->payload_bytes, block_size_class(seal->payload_bytes));
    struct bytes sealed = bytes_of(payload->data + before, seal->payload_bytes);
    assert_true(block_payload_matches(sealed, seal));
    frames_compare(kept, block);
    assert_int_equal(block_open(reader, sealed, seal, epoch_secret, 7), OK);
    frames_compare(kept, reader);
    block_free(reader);
}

static void kept_reset(struct kept *kept, struct block *block) {
    buf_clear(&kept->bytes);
    kept->count = 0;
    block_reset(block);
}

static struct kept *kept_new(void) {
    struct kept *kept = calloc(1, sizeof *kept);
    assert_non_null(kept);
    return kept;
}

static void kept_free(struct kept *kept) {
    buf_free(&kept->bytes);
    free(kept);
}

/* One indicator of 540 bytes is at most 300 bytes on the wire. */
static void test_one(void **state) {
    (void)state;
    struct kept *kept = kept_new();
    struct block *block = block_new(codec);
    struct buf item = {0}, payload = {0};
    struct block_seal seal;
    fixture_item(&item, 1, 538);
    assert_in_range(item.size, 538, 545);
    assert_int_equal(keep(kept, block, bytes_of_buf(&item)), OK);
    close_and_compare(kept, block, &payload, &seal);
    assert_in_range(seal.payload_bytes, 64, 300);
    buf_free(&item);
    buf_free(&payload);
    block_free(block);
    kept_free(kept);
}

/* 4,096 items and not one more. */
static void test_items_max(void **state) {
    (void)state;
    struct kept *kept = kept_new();
    struct block *block = block_new(codec);
    struct buf item = {0}, payload = {0};
    struct block_seal seal;
    for (uint32_t i = 0; i < BLOCK_ITEMS_MAX; i++) {
        buf_clear(&item);
        fixture_item(&item, i, 400);
        assert_int_equal(keep(kept, block, bytes_of_buf(&item)), OK);
    }
    assert_int_equal(block_add(block, bytes_of_buf(&item)), ERR_FULL);
    close_and_compare(kept, block, &payload, &seal);
    assert_int_equal(block_frame_count(block), BLOCK_ITEMS_MAX / BLOCK_FRAME_ITEMS);
    assert_true(seal.payload_bytes < 80 * BLOCK_ITEMS_MAX);
    buf_free(&item);
    buf_free(&payload);
    block_free(block);
    kept_free(kept);
}

/* Items of every compressibility and size until the block is full: what was accepted always fits. */
static void test_mixes(void **state) {
    (void)state;
    struct kept *kept = kept_new();
    struct block *block = block_new(codec);
    uint8_t *raw = malloc(BLOCK_ITEM_BYTES_MAX);
    assert_non_null(raw);
    for (uint32_t round = 0; round < 60; round++) {
        struct buf payload = {0};
        struct block_seal seal;
        uint64_t size_max = round % 6 == 0   ? 100
                            : round % 6 == 1 ? 2000
                            : round % 6 == 2 ? 20000
                            : round % 6 == 3 ? 70000
                            : round % 6 == 4 ? 300000
                                             : BLOCK_ITEM_BYTES_MAX;
        kept_reset(kept, block);
        enum err error = OK;
        while (error == OK || (error == ERR_TOO_BIG && kept->count < 3)) {
            size_t size = (size_t)random_below(&stream, size_max + 1);
            size_t noise = round / 6 % 3 == 0 ? size : round / 6 % 3 == 1 ? 0 : (size_t)random_below(&stream, size + 1);
            memset(raw, (int)random_below(&stream, 256), size);
            random_bytes(&stream, raw, noise);
            error = keep(kept, block, bytes_of(raw, size));
            if (error == ERR_TOO_BIG && size < 200000) fail();
        }
        assert_true(error == ERR_FULL || error == ERR_TOO_BIG);
        if (kept->count > 0) close_and_compare(kept, block, &payload, &seal);
        /* Small items fill a payload, or one of the other limits stopped them. */
        if (size_max <= 20000 && round / 6 % 3 == 0 && kept->count < BLOCK_ITEMS_MAX)
            assert_true(seal.payload_bytes > BLOCK_PAYLOAD_BYTES_MAX * 85 / 100);
        buf_free(&payload);
    }
    free(raw);
    block_free(block);
    kept_free(kept);
}

/* Zeros shrink a thousandfold; readers accept 200. */
static void test_ratio(void **state) {
    (void)state;
    struct kept *kept = kept_new();
    struct block *block = block_new(codec);
    uint8_t *zeros = calloc(1, BLOCK_ITEM_BYTES_MAX);
    struct buf payload = {0}, plain = {0};
    struct block_seal seal;
    assert_non_null(zeros);
    assert_int_equal(keep(kept, block, bytes_of(zeros, 1)), OK);
    assert_int_equal(keep(kept, block, bytes_of(zeros, 0)), OK);
    assert_int_equal(keep(kept, block, bytes_of(zeros, 60000)), OK);
    assert_int_equal(keep(kept, block, bytes_of(zeros, BLOCK_ITEM_BYTES_MAX)), OK);
    assert_int_equal(keep(kept, block, bytes_of(zeros, BLOCK_ITEM_BYTES_MAX)), OK);
    close_and_compare(kept, block, &payload, &seal);
    for (size_t i = 0; i < block_frame_count(block); i++) {
        struct block_frame frame = block_frame_at(block, i);
        assert_true(frame.plain_bytes <= frame.packed.size * BLOCK_RATIO_MAX);
    }
    /* A frame that claims more is refused before memory is taken. */
    struct block_frame frame = block_frame_at(block, 0);
    assert_int_equal(block_frame_unpack(codec, &plain, frame.packed, (uint32_t)(frame.packed.size * BLOCK_RATIO_MAX + 1)),
                     ERR_TOO_BIG);
    assert_int_equal(block_frame_unpack(codec, &plain, bytes_of(zeros, BLOCK_ITEM_BYTES_MAX), BLOCK_PLAIN_BYTES_MAX + 1),
                     ERR_TOO_BIG);
    assert_null(plain.data);
    free(zeros);
    buf_free(&payload);
    block_free(block);
    kept_free(kept);
}

/* An item that can never fit is told from one that comes too late. */
static void test_too_big(void **state) {
    (void)state;
    struct kept *kept = kept_new();
    struct block *block = block_new(codec);
    uint8_t *noise = malloc(BLOCK_ITEM_BYTES_MAX + 1);
    struct buf payload = {0};
    struct block_seal seal;
    assert_non_null(noise);
    random_bytes(&stream, noise, BLOCK_ITEM_BYTES_MAX + 1);
    assert_int_equal(block_close(block, &payload, &seal, epoch_secret, 7, &stream), ERR_RANGE);
    assert_int_equal(block_add(block, bytes_of(noise, BLOCK_ITEM_BYTES_MAX + 1)), ERR_TOO_BIG);
    assert_int_equal(block_add(block, bytes_of(noise, BLOCK_ITEM_BYTES_MAX)), ERR_TOO_BIG);
    assert_int_equal(keep(kept, block, bytes_of(noise, 100)), OK);
    assert_int_equal(block_add(block, bytes_of(noise, BLOCK_PAYLOAD_BYTES_MAX)), ERR_FULL);
    assert_int_equal(block_item_count(block), 1);
    assert_int_equal(keep(kept, block, bytes_of(noise, 261000)), OK);
    assert_int_equal(block_add(block, bytes_of(noise, 1000)), ERR_FULL);
    assert_int_equal(keep(kept, block, bytes_of(noise, 200)), OK);
    close_and_compare(kept, block, &payload, &seal);
    free(noise);
    buf_free(&payload);
    block_free(block);
    kept_free(kept);
}

static void sealed_example(struct buf *payload, struct block_seal *seal) {
    struct block *block = block_new(codec);
    struct buf item = {0};
    for (uint32_t i = 0; i < 40; i++) {
        buf_clear(&item);
        fixture_item(&item, i, 300);
        assert_int_equal(block_add(block, bytes_of_buf(&item)), OK);
    }
    assert_int_equal(block_close(block, payload, seal, epoch_secret, 7, &stream), OK);
    buf_free(&item);
    block_free(block);
}

/* The wrong key, index, hash, class or root: refused, each by its name, and nothing is left in the block. */
static void test_refusals(void **state) {
    (void)state;
    struct block *block = block_new(codec);
    struct buf payload = {0};
    struct block_seal seal;
    uint8_t other_secret[32] = {43};
    sealed_example(&payload, &seal);
    struct bytes sealed = bytes_of_buf(&payload);
    assert_int_equal(block_open(block, sealed, &seal, other_secret, 7), ERR_DECRYPT);
    assert_int_equal(block_open(block, sealed, &seal, epoch_secret, 8), ERR_DECRYPT);
    assert_int_equal(block_open(block, bytes_of(payload.data, payload.size - 1), &seal, epoch_secret, 7), ERR_HASH);
    for (size_t bit = 3; bit < 8 * payload.size; bit += 1009) {
        struct block_seal resealed = seal;
        payload.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(block_payload_matches(sealed, &seal));
        assert_int_equal(block_open(block, sealed, &seal, epoch_secret, 7), ERR_HASH);
        hash_of(resealed.payload_hash, "comity-payload", sealed, bytes_of(NULL, 0));
        assert_int_equal(block_open(block, sealed, &resealed, epoch_secret, 7), ERR_DECRYPT);
        payload.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    struct block_seal changed = seal;
    changed.root[0] ^= 1;
    assert_int_equal(block_open(block, sealed, &changed, epoch_secret, 7), ERR_HASH);
    changed = seal;
    changed.plain_class--;
    assert_int_equal(block_open(block, sealed, &changed, epoch_secret, 7), ERR_TOO_BIG);
    changed.plain_class = 23;
    assert_int_equal(block_open(block, sealed, &changed, epoch_secret, 7), ERR_TOO_BIG);
    assert_int_equal(block_frame_count(block), 0);
    assert_int_equal(block_item_count(block), 0);
    assert_int_equal(block_open(block, bytes_of(payload.data, 39), &seal, epoch_secret, 7), ERR_FORMAT);
    assert_int_equal(block_open(block, sealed, &seal, epoch_secret, 7), OK);
    block_free(block);
    buf_free(&payload);
}

/* Any one item can be shown to a third party with its salt and path, and the leaf depends on key, place and item. */
static void test_leaves(void **state) {
    (void)state;
    struct block *block = block_new(codec);
    struct buf payload = {0};
    struct block_seal seal;
    uint8_t key[32], leaves[40][HASH_BYTES], path[HASH_MERKLE_PATH_MAX * HASH_BYTES], other[HASH_BYTES];
    sealed_example(&payload, &seal);
    assert_int_equal(block_open(block, bytes_of_buf(&payload), &seal, epoch_secret, 7), OK);
    block_key(key, epoch_secret, 7);
    uint32_t index = 0;
    struct bytes item = {0};
    for (size_t i = 0; i < block_frame_count(block); i++) {
        struct cursor cursor = cursor_of(block_frame_plain(block, i));
        while (block_frame_next(&cursor, &item)) {
            block_leaf(leaves[index], key, index, item);
            index++;
        }
    }
    assert_int_equal(index, 40);
    for (uint32_t i = 0; i < 40; i++) {
        size_t length = hash_merkle_path(path, leaves[0], 40, i);
        assert_true(hash_merkle_verify(seal.root, leaves[i], i, 40, bytes_of(path, length * HASH_BYTES)));
    }
    block_leaf(other, key, 38, item);
    assert_memory_not_equal(other, leaves[39], HASH_BYTES);
    key[0] ^= 1;
    block_leaf(other, key, 39, item);
    assert_memory_not_equal(other, leaves[39], HASH_BYTES);
    /* The salt by the specification: ChaCha20 keystream under the derived key, 32 bytes an item. */
    uint8_t salts[40][HASH_BYTES], leaf_key[32];
    static const uint8_t nonce[8] = {0};
    block_key(key, epoch_secret, 7);
    hash_derive(leaf_key, key, "comity-leaf", bytes_of(NULL, 0));
    crypto_stream_chacha20(salts[0], sizeof salts, nonce, leaf_key);
    crypto_generichash(other, HASH_BYTES, item.data, item.size, salts[39], HASH_BYTES);
    assert_memory_equal(other, leaves[39], HASH_BYTES);
    block_free(block);
    buf_free(&payload);
}

static void test_size_classes(void **state) {
    (void)state;
    size_t classes = 0, last = 0;
    for (size_t bytes = 1; bytes <= BLOCK_PAYLOAD_BYTES_MAX; bytes++) {
        size_t size = block_size_class(bytes);
        assert_true(size >= bytes && size <= BLOCK_PAYLOAD_BYTES_MAX);
        assert_int_equal(block_size_class(size), size);
        if (bytes > 512) assert_true(size - bytes <= bytes * 12 / 100);
        assert_int_equal(size % 32, 0);
        classes += size != last;
        last = size;
    }
    assert_in_range(classes, 50, 80);
}

/* Frames outside a block, as the store packs them. */
static void test_frames(void **state) {
    (void)state;
    struct buf plain = {0}, packed = {0}, again = {0};
    struct bytes item;
    for (uint32_t i = 0; i < 10; i++) {
        size_t start = plain.size;
        buf_put_u32(&plain, 0);
        fixture_item(&plain, i, 300);
        put_be32(plain.data + start, (uint32_t)(plain.size - start - 4));
    }
    buf_put_text(&packed, "before");
    assert_int_equal(block_frame_pack(codec, &packed, bytes_of_buf(&plain)), OK);
    struct bytes frame = bytes_of(packed.data + 6, packed.size - 6);
    assert_int_equal(block_frame_unpack(codec, &again, frame, (uint32_t)plain.size), OK);
    assert_true(bytes_equal(bytes_of_buf(&plain), bytes_of_buf(&again)));
    assert_int_equal(block_frame_unpack(codec, &again, frame, (uint32_t)plain.size + 1), ERR_FORMAT);
    assert_int_equal(again.size, 0);
    assert_int_equal(block_frame_unpack(codec, &again, frame, (uint32_t)plain.size - 1), ERR_FORMAT);
    assert_int_equal(block_frame_unpack(codec, &again, bytes_of(frame.data, frame.size - 1), (uint32_t)plain.size), ERR_FORMAT);
    /* An item that is said to go on past its frame. */
    put_be32(plain.data, (uint32_t)plain.size);
    struct cursor cursor = cursor_of(bytes_of_buf(&plain));
    assert_false(block_frame_next(&cursor, &item));
    assert_true(cursor.failed);
    assert_false(block_frame_next(&cursor, &item));
    buf_free(&plain);
    buf_free(&packed);
    buf_free(&again);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one),    cmocka_unit_test(test_items_max),    cmocka_unit_test(test_mixes),
        cmocka_unit_test(test_ratio),  cmocka_unit_test(test_too_big),      cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_leaves), cmocka_unit_test(test_size_classes), cmocka_unit_test(test_frames),
    };
    if (sodium_init() < 0 || (codec = block_codec_new()) == NULL) return 1;
    fixture_random(&stream, 1);
    int failed = cmocka_run_group_tests_name("block", tests, NULL, NULL);
    block_codec_free(codec);
    return failed;
}

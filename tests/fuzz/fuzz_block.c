/* fuzz_block: the container behind the seal. The input is sealed under a fixed key first, so that the parser, zstd and the walk
   over items are reached; then it is opened as found; and then its bytes are items that must come back. */
#include "crypto/block.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t epoch_secret[EPOCH_SECRET_BYTES] = {1};

/* Seals a container; the root is that of nothing, so the end of a good one is ERR_HASH. */
static void container_open(struct block *block, struct bytes container) {
    uint8_t key[32], seal_key[32], additional[16] = "comity-block";
    size_t size = block_size_class(container.size + BLOCK_OVERHEAD_BYTES);
    struct block_seal seal = {.payload_bytes = (uint32_t)size, .plain_class = 22};
    struct buf payload = {0};
    uint8_t *at = buf_grow(&payload, size);
    assert(at != NULL);
    memset(at, 0, size);
    if (container.size > 0) memcpy(at + 24, container.data, container.size);
    block_key(key, epoch_secret, 0);
    hash_derive(seal_key, key, "comity-block-seal", bytes_of(NULL, 0));
    crypto_aead_xchacha20poly1305_ietf_encrypt(at + 24, NULL, at + 24, size - BLOCK_OVERHEAD_BYTES, additional, 16, NULL, at,
                                               seal_key);
    hash_of(seal.payload_hash, "comity-payload", bytes_of_buf(&payload), bytes_of(NULL, 0));
    enum err error = block_open(block, bytes_of_buf(&payload), &seal, epoch_secret, 0);
    assert(error != OK && error != ERR_DECRYPT && block_frame_count(block) == 0);
    buf_free(&payload);
}

/* The input as items, each with a length byte in front: what is accepted can be sealed and opened. */
static void items_round(struct block *block, struct block *reader, struct cursor cursor) {
    static const uint8_t seed[RANDOM_SEED_BYTES] = {2};
    struct block_seal seal;
    struct random random;
    struct buf payload = {0};
    block_reset(block);
    random_init_seed(&random, seed);
    while (cursor.left > 0) {
        size_t size = cursor_u8(&cursor) * (size_t)7;
        enum err added = block_add(block, cursor_take(&cursor, size < cursor.left ? size : cursor.left));
        if (added != OK) break;
    }
    if (block_item_count(block) == 0) return;
    enum err error = block_close(block, &payload, &seal, epoch_secret, 3, &random);
    assert(error == OK);
    error = block_open(reader, bytes_of_buf(&payload), &seal, epoch_secret, 3);
    assert(error == OK && block_item_count(reader) == block_item_count(block));
    buf_free(&payload);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct block_codec *codec;
    static struct block *block, *reader;
    struct block_seal seal = {.payload_bytes = (uint32_t)size, .plain_class = 22};
    if (sodium_init() < 0 || size > BLOCK_PAYLOAD_BYTES_MAX - BLOCK_OVERHEAD_BYTES) return 0;
    if (codec == NULL) codec = block_codec_new();
    if (block == NULL) block = block_new(codec);
    if (reader == NULL) reader = block_new(codec);
    assert(codec != NULL && block != NULL && reader != NULL);
    container_open(block, bytes_of(data, size));
    hash_of(seal.payload_hash, "comity-payload", bytes_of(data, size), bytes_of(NULL, 0));
    enum err error = block_open(block, bytes_of(data, size), &seal, epoch_secret, 0);
    assert(error != OK);
    items_round(block, reader, cursor_of(bytes_of(data, size)));
    return 0;
}

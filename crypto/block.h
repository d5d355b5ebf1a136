/* block: one payload: compress, pad, seal; open, with the salted leaves. PROTOCOL.md 5.2
   Items are opaque byte strings here; gossip/item gives them a shape. */
#ifndef CRYPTO_BLOCK_H
#define CRYPTO_BLOCK_H

#include "crypto/epoch.h"
#include "crypto/hash.h"

#define BLOCK_ITEMS_MAX         4096
#define BLOCK_PAYLOAD_BYTES_MAX (256 * 1024)
#define BLOCK_PLAIN_BYTES_MAX   (4 * 1024 * 1024)
#define BLOCK_RATIO_MAX         200
#define BLOCK_FRAME_ITEMS       32              /* items compressed together: what a page of the store holds */
#define BLOCK_FRAMES_MAX        BLOCK_ITEMS_MAX /* a frame holds at least one item */
#define BLOCK_FRAME_PLAIN_BYTES (64 * 1024)     /* a frame is closed when it holds so much, so a large object has one of its own */
#define BLOCK_ITEM_BYTES_MAX    (1024 * 1024)
#define BLOCK_OVERHEAD_BYTES    40 /* nonce 24, tag 16 */

/* Compression contexts and the shipped dictionary; make one per thread and keep it. */
struct block_codec;
struct block_codec *block_codec_new(void); /* null without memory */
void block_codec_free(struct block_codec *codec);

/* A frame: up to BLOCK_FRAME_ITEMS items, each with its u32 length in front, as one zstd frame. */
struct block_frame {
    struct bytes packed;  /* the zstd frame, borrowed */
    uint32_t plain_bytes; /* size when unpacked */
    uint16_t item_count;
};

/* The sealed payload's public facts, signed in the BLOCK entry's body. */
struct block_seal {
    uint8_t payload_hash[HASH_BYTES]; /* hash_of("comity-payload", payload) */
    uint32_t payload_bytes;
    uint8_t plain_class;      /* unpacked frames together hold at most 1 << plain_class bytes */
    uint8_t root[HASH_BYTES]; /* Merkle root over the salted leaves */
};

/* A block under construction, or an opened one: frames and leaves, in memory of its own. */
struct block;
struct block *block_new(struct block_codec *codec); /* borrows the codec for its life; null without memory */
void block_free(struct block *block);
void block_reset(struct block *block);

/* Appends one item. ERR_TOO_BIG: this item alone can never fit. ERR_FULL: seal this block first and add it to the next one.
   (The estimate is on packed sizes: block_seal of what was accepted always fits.) */
enum err block_add(struct block *block, struct bytes item) MUST_USE;
size_t block_item_count(const struct block *block);

/* Closes the last frame, seals and appends the payload to `payload`. The block then holds its frames for reading. */
enum err block_close(struct block *block, struct buf *payload, struct block_seal *seal,
                     const uint8_t epoch_secret[static EPOCH_SECRET_BYTES], uint32_t index, struct random *random) MUST_USE;

/* Verifies hash, tag, sizes, ratio and Merkle root, and leaves the frames in `block` for reading. Nothing is kept on an error:
   ERR_HASH, ERR_DECRYPT, ERR_FORMAT, ERR_TOO_BIG. */
enum err block_open(struct block *block, struct bytes payload, const struct block_seal *seal,
                    const uint8_t epoch_secret[static EPOCH_SECRET_BYTES], uint32_t index) MUST_USE;

/* Is this payload what the entry names? (Everybody can check; no key.) */
bool block_payload_matches(struct bytes payload, const struct block_seal *seal);

size_t block_frame_count(const struct block *block);
/* Borrowed until the block is reset. */
struct block_frame block_frame_at(const struct block *block, size_t index);
/* The same frame unpacked, as block_open or block_close left it: no need to unpack again. Borrowed likewise. */
struct bytes block_frame_plain(const struct block *block, size_t index);

/* Unpacks one frame into `plain` (cleared first); used by block readers and by the store's pages. Sizes are checked before memory
   is taken. ERR_FORMAT, ERR_TOO_BIG. */
enum err block_frame_unpack(struct block_codec *codec, struct buf *plain, struct bytes packed, uint32_t plain_bytes) MUST_USE;

/* Walks the items of an unpacked frame: *cursor starts at cursor_of(plain). False at the end; check cursor->failed then. */
bool block_frame_next(struct cursor *cursor, struct bytes *item);

/* leaf = BLAKE2b-256 keyed with the item's salt, over the item. The salt of item i is bytes 32i to 32i + 31 of the ChaCha20
   keystream under hash_derive(block key, "comity-leaf"). block key = hash_derive(epoch secret, "comity-block", u32 index). */
void block_leaf(uint8_t out[static HASH_BYTES], const uint8_t block_key[static 32], uint32_t item_index, struct bytes item);
void block_key(uint8_t out[static 32], const uint8_t epoch_secret[static EPOCH_SECRET_BYTES], uint32_t index);

/* The salts' key alone: hash_derive(block key, "comity-leaf"), of a block that was closed or opened. It opens nothing; with it and all items
   any one of them can be proved later. PROTOCOL.md 5.9 */
void block_leaf_key(uint8_t out[static 32], const struct block *block);
void block_leaf_salt(uint8_t out[static HASH_BYTES], const uint8_t leaf_key[static 32], uint32_t item_index);
/* The leaf of an item under its salt. */
void block_leaf_salted(uint8_t out[static HASH_BYTES], const uint8_t salt[static HASH_BYTES], struct bytes item);

/* The size class that a payload of `bytes` is padded to: at most 12 % above, few classes. */
size_t block_size_class(size_t bytes);

/* Pack one run of items into a frame outside a block (the store repacks pages after a recall). Appends to `packed`. */
enum err block_frame_pack(struct block_codec *codec, struct buf *packed, struct bytes plain) MUST_USE;

#endif

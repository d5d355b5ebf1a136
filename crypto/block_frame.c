/* block: the frames: items compressed together under the shipped dictionary. PROTOCOL.md 5.2 */
#include "crypto/block.h"

#include "crypto/dictionary.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

/* Measured with indicators of 540 to 700 bytes, 32 to a frame: level 2 costs a third of the speed and saves nothing. A small frame
   is worth more work (12 us for one indicator in place of 3), because it is mostly a block of its own and pays its size alone. */
#define LEVEL_BULK        1
#define LEVEL_SMALL       12
#define SMALL_PLAIN_BYTES 4096

#define SKIPPABLE_MAGIC      0x184D2A50u
#define SKIPPABLE_HEAD_BYTES 8

struct block_codec {
    ZSTD_CCtx *compress;
    ZSTD_DCtx *decompress;
    ZSTD_CDict *bulk, *small;
    ZSTD_DDict *dictionary;
};

struct block_codec *block_codec_new(void) {
    struct block_codec *codec = calloc(1, sizeof *codec);
    if (codec == NULL) return NULL;
    codec->compress = ZSTD_createCCtx();
    codec->decompress = ZSTD_createDCtx();
    codec->bulk = ZSTD_createCDict(dictionary_bytes, dictionary_size, LEVEL_BULK);
    codec->small = ZSTD_createCDict(dictionary_bytes, dictionary_size, LEVEL_SMALL);
    codec->dictionary = ZSTD_createDDict(dictionary_bytes, dictionary_size);
    if (codec->compress == NULL || codec->decompress == NULL || codec->bulk == NULL || codec->small == NULL ||
        codec->dictionary == NULL) {
        block_codec_free(codec);
        return NULL;
    }
    /* The container says sizes and version, and the payload's tag covers all. */
    ZSTD_CCtx_setParameter(codec->compress, ZSTD_c_contentSizeFlag, 0);
    ZSTD_CCtx_setParameter(codec->compress, ZSTD_c_checksumFlag, 0);
    ZSTD_CCtx_setParameter(codec->compress, ZSTD_c_dictIDFlag, 0);
    return codec;
}

void block_codec_free(struct block_codec *codec) {
    if (codec == NULL) return;
    ZSTD_freeCCtx(codec->compress);
    ZSTD_freeDCtx(codec->decompress);
    ZSTD_freeCDict(codec->bulk);
    ZSTD_freeCDict(codec->small);
    ZSTD_freeDDict(codec->dictionary);
    free(codec);
}

/* Brings a frame that shrank too well up to the ratio that readers accept, with a frame that zstd skips. */
static enum err ratio_pad(struct buf *packed, size_t packed_bytes, size_t plain_bytes) {
    size_t least = (plain_bytes + BLOCK_RATIO_MAX - 1) / BLOCK_RATIO_MAX;
    if (packed_bytes >= least) return OK;
    size_t padding = least - packed_bytes > SKIPPABLE_HEAD_BYTES ? least - packed_bytes : SKIPPABLE_HEAD_BYTES;
    uint8_t *at = buf_grow(packed, padding);
    if (at == NULL) return buf_result(packed);
    /* zstd's own fields are little-endian. */
    uint32_t head[2] = {SKIPPABLE_MAGIC, (uint32_t)(padding - SKIPPABLE_HEAD_BYTES)};
    memset(at, 0, padding);
    for (size_t i = 0; i < SKIPPABLE_HEAD_BYTES; i++) at[i] = (uint8_t)(head[i / 4] >> 8 * (i % 4));
    return OK;
}

enum err block_frame_pack(struct block_codec *codec, struct buf *packed, struct bytes plain) {
    if (plain.size > BLOCK_PLAIN_BYTES_MAX) return ERR_TOO_BIG;
    size_t start = packed->size, room = ZSTD_compressBound(plain.size);
    if (!buf_reserve(packed, room)) return buf_result(packed);
    ZSTD_CCtx_refCDict(codec->compress, plain.size <= SMALL_PLAIN_BYTES ? codec->small : codec->bulk);
    size_t size = ZSTD_compress2(codec->compress, packed->data + start, room, plain.data, plain.size);
    if (ZSTD_isError(size)) return ERR_INTERNAL;
    packed->size += size;
    enum err error = ratio_pad(packed, size, plain.size);
    if (error != OK) packed->size = start;
    return error;
}

enum err block_frame_unpack(struct block_codec *codec, struct buf *plain, struct bytes packed, uint32_t plain_bytes) {
    buf_clear(plain);
    if (plain_bytes > BLOCK_PLAIN_BYTES_MAX || plain_bytes > packed.size * BLOCK_RATIO_MAX) return ERR_TOO_BIG;
    uint8_t *out = buf_grow(plain, plain_bytes);
    if (out == NULL) return buf_result(plain);
    size_t size = ZSTD_decompress_usingDDict(codec->decompress, out, plain_bytes, packed.data, packed.size, codec->dictionary);
    if (!ZSTD_isError(size) && size == plain_bytes) return OK;
    buf_clear(plain);
    return ERR_FORMAT;
}

bool block_frame_next(struct cursor *cursor, struct bytes *item) {
    if (cursor->failed || cursor->left == 0) return false;
    uint32_t size = cursor_u32(cursor);
    *item = cursor_take(cursor, size);
    return !cursor->failed;
}

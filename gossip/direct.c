#include "gossip/direct.h"

#include <stdlib.h>
#include <string.h>

static void block_drop(struct direct *direct, size_t at) {
    free(direct->list[at].readers);
    direct->count--;
    memmove(&direct->list[at], &direct->list[at + 1], (direct->count - at) * sizeof direct->list[0]);
}

void direct_free(struct direct *direct) {
    while (direct->count > 0) block_drop(direct, direct->count - 1);
    free(direct->list);
    *direct = (struct direct){0};
}

static bool room(struct direct *direct) {
    if (direct->count == LIMIT_DIRECT_BLOCKS) {
        block_drop(direct, 0);
        direct->forgotten++;
    }
    if (direct->count < direct->capacity) return true;
    size_t capacity = direct->capacity ? 2 * direct->capacity : 16;
    struct direct_block *grown = realloc(direct->list, capacity * sizeof *grown);
    if (!grown) return false;
    direct->list = grown, direct->capacity = capacity;
    return true;
}

bool direct_add(struct direct *direct, uint64_t seq, const uint8_t (*readers)[NODE_ID_BYTES], size_t count,
                const uint8_t self[static NODE_ID_BYTES], uint64_t monotonic_ms) {
    struct direct_block block = {.seq = seq, .since_ms = monotonic_ms};
    block.readers = room(direct) ? calloc(count + 1, NODE_ID_BYTES) : NULL;
    if (!block.readers) return false;
    for (size_t i = 0; i < count; i++)
        if (memcmp(readers[i], self, NODE_ID_BYTES) != 0) memcpy(block.readers[block.count++], readers[i], NODE_ID_BYTES);
    block.readers_all = block.count;
    if (block.count == 0) {
        free(block.readers);
        return true;
    }
    direct->list[direct->count++] = block;
    return true;
}

bool direct_waits(const struct direct_block *block, const uint8_t node_id[static NODE_ID_BYTES]) {
    for (size_t i = 0; i < block->count; i++)
        if (memcmp(block->readers[i], node_id, NODE_ID_BYTES) == 0) return true;
    return false;
}

/* direct->count when it is not there. */
static size_t block_find(const struct direct *direct, uint64_t seq) {
    size_t low = 0, high = direct->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (direct->list[middle].seq < seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low < direct->count && direct->list[low].seq == seq ? low : direct->count;
}

void direct_forget(struct direct *direct, uint64_t seq) {
    size_t at = block_find(direct, seq);
    if (at < direct->count) block_drop(direct, at);
}

void direct_have(struct direct *direct, uint64_t seq, const uint8_t node_id[static NODE_ID_BYTES]) {
    size_t low = block_find(direct, seq);
    if (low == direct->count) return;
    struct direct_block *block = &direct->list[low];
    for (size_t i = 0; i < block->count; i++) {
        if (memcmp(block->readers[i], node_id, NODE_ID_BYTES) != 0) continue;
        block->count--;
        memmove(block->readers[i], block->readers[i + 1], (block->count - i) * NODE_ID_BYTES);
        break;
    }
    if (block->count == 0) block_drop(direct, low);
}

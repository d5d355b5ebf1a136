#include "gossip/recall.h"

#include <stdlib.h>
#include <string.h>

#define RECALL_VERSION 1

void recall_mark(struct recall *recall, uint32_t item) {
    recall->map[item / 8] |= (uint8_t)(1u << item % 8);
    if (recall->map_bytes <= item / 8) recall->map_bytes = (uint16_t)(item / 8 + 1);
}

bool recall_marked(const struct recall *recall, uint32_t item) {
    return item / 8 < recall->map_bytes && (recall->map[item / 8] >> item % 8 & 1);
}

size_t recall_count(const struct recall *recall) {
    size_t count = 0;
    for (size_t i = 0; i < recall->map_bytes; i++)
        for (unsigned bits = recall->map[i]; bits; bits &= bits - 1) count++;
    return count;
}

uint32_t recall_index_behind(const struct recall *recall, uint32_t item) {
    uint32_t stays = 1;
    for (uint32_t i = 0; i < item; i++) stays += !recall_marked(recall, i);
    return stays;
}

void recall_write(struct buf *out, const struct recall *recall) {
    buf_put_u8(out, RECALL_VERSION);
    buf_put_u8(out, 0);
    buf_put_u64(out, recall->block);
    buf_put_u64(out, recall->replacement);
    buf_put_u16(out, recall->map_bytes);
    buf_put_raw(out, recall->map, recall->map_bytes);
}

enum err recall_read(struct recall *out, uint64_t seq, struct bytes body) {
    struct cursor cursor = cursor_of(body);
    *out = (struct recall){0};
    uint8_t version = cursor_u8(&cursor), zero = cursor_u8(&cursor);
    out->block = cursor_u64(&cursor);
    out->replacement = cursor_u64(&cursor);
    out->map_bytes = cursor_u16(&cursor);
    struct bytes map = cursor_take(&cursor, out->map_bytes);
    if (!cursor_done(&cursor) || version != RECALL_VERSION || zero != 0) return ERR_FORMAT;
    if (map.size == 0 || map.size > RECALL_MAP_BYTES_MAX || map.data[map.size - 1] == 0) return ERR_FORMAT;
    if (out->block == 0 || out->block >= seq) return ERR_FORMAT;
    if (out->replacement != 0 && (out->replacement <= out->block || out->replacement >= seq)) return ERR_FORMAT;
    memcpy(out->map, map.data, map.size);
    return OK;
}

void recalled_free(struct recalled *recalled) {
    free(recalled->rows);
    *recalled = (struct recalled){0};
}

/* Index of the first row with at least this number. */
static size_t row_at(const struct recalled *recalled, uint64_t block) {
    size_t low = 0, high = recalled->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (recalled->rows[middle].block < block)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool recalled_has(const struct recalled *recalled, uint64_t block) {
    size_t at = row_at(recalled, block);
    return at < recalled->count && recalled->rows[at].block == block;
}

bool recalled_add(struct recalled *recalled, uint64_t block, uint64_t by) {
    size_t at = row_at(recalled, block);
    if (at < recalled->count && recalled->rows[at].block == block) return true;
    if (recalled->count == recalled->capacity) {
        size_t capacity = recalled->capacity ? 2 * recalled->capacity : 8;
        struct recalled_row *grown = realloc(recalled->rows, capacity * sizeof *grown);
        if (!grown) return false;
        recalled->rows = grown, recalled->capacity = capacity;
    }
    memmove(recalled->rows + at + 1, recalled->rows + at, (recalled->count - at) * sizeof *recalled->rows);
    recalled->rows[at] = (struct recalled_row){block, by};
    recalled->count++;
    return true;
}

void recalled_truncate(struct recalled *recalled, uint64_t seq) {
    size_t kept = 0;
    for (size_t i = 0; i < recalled->count; i++)
        if (recalled->rows[i].by < seq) recalled->rows[kept++] = recalled->rows[i];
    recalled->count = kept;
}

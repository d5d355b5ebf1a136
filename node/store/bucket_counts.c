#include "node/store/bucket_counts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_BYTES 32

static struct bytes name_of(char out[static NAME_BYTES], uint32_t number) {
    snprintf(out, NAME_BYTES, BUCKET_COUNTS_NAME "%lu", (unsigned long)number);
    return bytes_of_text(out);
}

enum err bucket_counts_load(struct bucket_counts *counts, struct rocks *rocks) {
    struct bytes prefix = bytes_of_text(BUCKET_COUNTS_NAME), key, value;
    struct rocks_range range;
    *counts = (struct bucket_counts){0};
    rocks_range_begin(&range, rocks, ROCKS_META, prefix, prefix);
    while (counts->count < BUCKET_COUNTS_MAX && rocks_range_next(&range, &key, &value)) {
        char text[NAME_BYTES] = "";
        if (key.size >= sizeof text || value.size != 8) continue;
        memcpy(text, key.data, key.size);
        uint32_t number = (uint32_t)strtoul(text + prefix.size, NULL, 10);
        counts->rows[counts->count++] = (struct bucket_count){.number = number, .pages = get_be64(value.data)};
    }
    return rocks_range_end(&range);
}

void bucket_counts_change(struct bucket_counts *counts, struct rocks *rocks, rocksdb_writebatch_t *batch, uint32_t number,
                          int change) {
    char text[NAME_BYTES];
    uint8_t pages[8];
    size_t at = 0;
    while (at < counts->count && counts->rows[at].number != number) at++;
    if (at == BUCKET_COUNTS_MAX) return;
    if (at == counts->count) counts->rows[counts->count++] = (struct bucket_count){.number = number};
    if (change < 0 && counts->rows[at].pages == 0) return;
    counts->rows[at].pages += (uint64_t)(int64_t)change;
    put_be64(pages, counts->rows[at].pages);
    struct bytes name = name_of(text, number);
    rocksdb_writebatch_put_cf(batch, rocks->families[ROCKS_META], (const char *)name.data, name.size, (const char *)pages,
                              sizeof pages);
}

static bool over(const struct bucket_count *row, uint32_t first) { return row->pages == 0 && row->number < first; }

bool bucket_counts_any_over(const struct bucket_counts *counts, uint32_t first) {
    for (size_t i = 0; i < counts->count; i++)
        if (over(&counts->rows[i], first)) return true;
    return false;
}

bool bucket_counts_over(struct bucket_counts *counts, struct rocks *rocks, rocksdb_writebatch_t *batch, uint32_t first,
                        uint32_t *number) {
    char text[NAME_BYTES];
    for (size_t i = 0; i < counts->count; i++) {
        if (!over(&counts->rows[i], first)) continue;
        *number = counts->rows[i].number;
        struct bytes name = name_of(text, *number);
        rocksdb_writebatch_delete_cf(batch, rocks->families[ROCKS_META], (const char *)name.data, name.size);
        counts->rows[i] = counts->rows[--counts->count];
        return true;
    }
    return false;
}

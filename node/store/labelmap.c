#include "node/store/labelmap.h"

#include <stdlib.h>
#include <string.h>

#define KNOWN 0x80

void labelmap_free(struct labelmap *map) {
    free(map->spans);
    *map = (struct labelmap){0};
}

static bool reach(struct labelmap *map, uint64_t span) {
    if (span < map->count) return true;
    if (span >= LABELMAP_BYTES_MAX) return false;
    size_t count = map->count ? map->count : 1024;
    while (count <= span) count *= 2;
    uint8_t *grown = realloc(map->spans, count);
    if (!grown) return false;
    memset(grown + map->count, 0, count - map->count);
    map->spans = grown, map->count = count;
    return true;
}

void labelmap_note(struct labelmap *map, uint64_t cursor, enum tlp tlp) {
    uint64_t span = cursor / LABELMAP_SPAN;
    if (reach(map, span)) map->spans[span] |= (uint8_t)(1u << tlp);
}

void labelmap_known(struct labelmap *map, uint64_t first, uint64_t end) {
    uint64_t from = (first + LABELMAP_SPAN - 1) / LABELMAP_SPAN, until = end / LABELMAP_SPAN;
    if (until > map->count) until = map->count;
    for (uint64_t span = from; span < until; span++) map->spans[span] |= KNOWN;
}

uint64_t labelmap_skip(const struct labelmap *map, uint64_t cursor, uint64_t end, unsigned labels) {
    for (;;) {
        uint64_t span = cursor / LABELMAP_SPAN, next = (span + 1) * LABELMAP_SPAN;
        if (span >= map->count || next > end) return cursor;
        if ((map->spans[span] & KNOWN) == 0 || (map->spans[span] & labels) != 0) return cursor;
        cursor = next;
    }
}

#include "node/engine/inflight.h"

#include "node/engine/control.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define KEPT 512 /* slots that stay when it is cleared */
#define GONE 2   /* a slot that held a mark: look-ups go on past it (marks are odd) */

void inflight_free(struct inflight *inflight) {
    free(inflight->slots);
    inflight->slots = NULL;
    inflight->count = inflight->capacity = 0;
}

uint64_t inflight_mark(const struct inflight *inflight, const struct item *item, unsigned flags,
                       const uint8_t audience_key[static HASH_BYTES]) {
    uint8_t text[ITEM_ID_BYTES_MAX + 17 + HASH_BYTES], out[crypto_shorthash_BYTES];
    memcpy(text, audience_key, HASH_BYTES);
    put_be64(text + HASH_BYTES, flags & CONTROL_ITEM_GENERATED ? 0 : item->modified_ms);
    text[HASH_BYTES + 8] = (uint8_t)item->tlp;
    crypto_shorthash(text + HASH_BYTES + 9, item->marks.size > 0 ? item->marks.data : text, item->marks.size, inflight->key);
    memcpy(text + HASH_BYTES + 17, item->id.data, item->id.size);
    crypto_shorthash(out, text, HASH_BYTES + 17 + item->id.size, inflight->key);
    return get_be64(out) | 1;
}

static size_t slot_of(const uint64_t *slots, size_t capacity, uint64_t mark) {
    size_t at = mark & (capacity - 1);
    while (slots[at] && slots[at] != mark) at = (at + 1) & (capacity - 1);
    return at;
}

static bool grow(struct inflight *inflight) {
    size_t capacity = inflight->capacity ? 2 * inflight->capacity : KEPT;
    uint64_t *grown = calloc(capacity, sizeof *grown);
    if (!grown) return false;
    for (size_t i = 0; i < inflight->capacity; i++) {
        uint64_t mark = inflight->slots[i];
        if (mark && mark != GONE) grown[slot_of(grown, capacity, mark)] = mark;
    }
    free(inflight->slots);
    inflight->slots = grown, inflight->capacity = capacity;
    return true;
}

bool inflight_add(struct inflight *inflight, uint64_t mark) {
    if (inflight->count * 2 >= inflight->capacity && !grow(inflight)) return true;
    size_t at = slot_of(inflight->slots, inflight->capacity, mark);
    if (inflight->slots[at] == mark) return false;
    inflight->slots[at] = mark;
    inflight->count++;
    return true;
}

void inflight_remove(struct inflight *inflight, uint64_t mark) {
    if (inflight->capacity == 0) return;
    size_t at = slot_of(inflight->slots, inflight->capacity, mark);
    if (inflight->slots[at]) inflight->slots[at] = GONE;
}

void inflight_clear(struct inflight *inflight) {
    /* A table that a bulk publication grew is not swept again for each single one after it. */
    if (inflight->capacity > KEPT)
        inflight_free(inflight);
    else if (inflight->capacity > 0)
        memset(inflight->slots, 0, inflight->capacity * sizeof *inflight->slots);
    inflight->count = 0;
}

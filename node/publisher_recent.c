#include "node/publisher_recent.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define RECENT_KEPT 512 /* slots */
#define RECENT_GONE 2   /* a slot that held a hash: look-ups go on past it (hashes are odd) */

uint64_t publisher_recent_hash(const struct publisher *publisher, const struct item *item, bool generated,
                               const uint8_t *audience_key) {
    uint8_t text[ITEM_ID_BYTES_MAX + 17 + HASH_BYTES], out[crypto_shorthash_BYTES];
    memcpy(text, audience_key, HASH_BYTES);
    put_be64(text + HASH_BYTES, generated ? 0 : item->modified_ms);
    text[HASH_BYTES + 8] = (uint8_t)item->tlp;
    crypto_shorthash(text + HASH_BYTES + 9, item->marks.size > 0 ? item->marks.data : text, item->marks.size,
                     publisher->recent_key);
    memcpy(text + HASH_BYTES + 17, item->id.data, item->id.size);
    crypto_shorthash(out, text, HASH_BYTES + 17 + item->id.size, publisher->recent_key);
    return get_be64(out) | 1;
}

bool publisher_recent_add(struct publisher *publisher, uint64_t hash) {
    if (publisher->recent_count * 2 >= publisher->recent_capacity) {
        size_t capacity = publisher->recent_capacity ? 2 * publisher->recent_capacity : RECENT_KEPT;
        uint64_t *grown = calloc(capacity, sizeof *grown);
        if (!grown) return true;
        for (size_t i = 0; i < publisher->recent_capacity; i++) {
            if (!publisher->recent[i] || publisher->recent[i] == RECENT_GONE) continue;
            size_t at = publisher->recent[i] & (capacity - 1);
            while (grown[at]) at = (at + 1) & (capacity - 1);
            grown[at] = publisher->recent[i];
        }
        free(publisher->recent);
        publisher->recent = grown, publisher->recent_capacity = capacity;
    }
    size_t at = hash & (publisher->recent_capacity - 1);
    while (publisher->recent[at]) {
        if (publisher->recent[at] == hash) return false;
        at = (at + 1) & (publisher->recent_capacity - 1);
    }
    publisher->recent[at] = hash;
    publisher->recent_count++;
    return true;
}

void publisher_recent_remove(struct publisher *publisher, uint64_t hash) {
    if (publisher->recent_capacity == 0) return;
    size_t at = hash & (publisher->recent_capacity - 1);
    while (publisher->recent[at] && publisher->recent[at] != hash) at = (at + 1) & (publisher->recent_capacity - 1);
    if (publisher->recent[at]) publisher->recent[at] = RECENT_GONE;
}

/* Once nothing is in flight the index knows all that was published. */
void publisher_recent_clear(struct engine *engine) {
    struct publisher *publisher = &engine->publisher;
    if (publisher->recent_count == 0 || publisher->count > 0) return;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        for (int carriage = CARRIAGE_RELAY; carriage <= CARRIAGE_DIRECT; carriage++) {
            const struct block *block = engine->clients[i].publication.builders[carriage].block;
            if (engine->clients[i].used && block && block_item_count(block) > 0) return;
        }
    for (int carriage = CARRIAGE_RELAY; carriage <= CARRIAGE_DIRECT; carriage++) {
        const struct block *block = engine->outbox.publication.builders[carriage].block;
        if (block && block_item_count(block) > 0) return;
    }
    /* A table that a bulk publication grew is not swept again for each single one after it. */
    if (publisher->recent_capacity > RECENT_KEPT) {
        free(publisher->recent);
        publisher->recent = NULL;
        publisher->recent_capacity = 0;
    } else {
        memset(publisher->recent, 0, publisher->recent_capacity * sizeof *publisher->recent);
    }
    publisher->recent_count = 0;
}

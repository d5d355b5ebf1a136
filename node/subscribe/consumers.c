#include "node/subscribe/consumers.h"

#include "node/engine/engine_core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX    "secret/~consumer/"
#define KEY_BYTES (sizeof PREFIX + 2 * CONSUMERS_HASH_BYTES)
#define ROW_BYTES (CONSUMERS_HASH_BYTES + 8)

/* --- who, and under which terms --- */

static void key_of(uint8_t out[static CONSUMERS_HASH_BYTES], enum take_kind kind, struct bytes name) {
    const uint8_t byte = (uint8_t)kind;
    uint8_t hash[HASH_BYTES];
    hash_of(hash, "comity-consumer", bytes_of(&byte, 1), name);
    memcpy(out, hash, CONSUMERS_HASH_BYTES);
}

static int ids_compare(const void *a, const void *b) { return memcmp(a, b, HASH_BYTES); }

bool consumer_of(struct consumer_stand *out, const struct take_question *question) {
    uint8_t facts[4 + 4], hash[HASH_BYTES];
    struct scope scope = question->scope;
    *out = (struct consumer_stand){0};
    if (question->kind == TAKE_KIND_NONE) return false;
    /* In which order a token names its groups says nothing. */
    qsort(scope.groups, scope.count, HASH_BYTES, ids_compare);
    put_be32(facts, question->labels);
    put_be32(facts + 4, (uint32_t)(scope.any | scope.only << 1));
    hash_of(hash, "comity-consumer-scope", bytes_of(facts, sizeof facts),
            bytes_of(scope.groups, scope.any ? 0 : scope.count * HASH_BYTES));
    hash_of(hash, "comity-consumer-terms", bytes_of(hash, sizeof hash), question->terms);
    memcpy(out->terms, hash, CONSUMERS_HASH_BYTES);
    key_of(out->key, question->kind, question->who);
    return true;
}

void consumer_of_subscription(struct consumer_stand *out, const struct subscription *subscription) {
    *out = (struct consumer_stand){0};
    key_of(out->key, TAKE_KIND_SUBSCRIPTION, bytes_of_text(subscription->name));
    /* Its filter, label and exit never change; what a filter names is nowhere but in itself. */
    put_be64(out->terms, subscription->number);
    put_be64(out->terms + 8, subscription->created_ms);
}

/* --- rows --- */

static size_t place_of(const struct consumers *all, const uint8_t *key, bool *found) {
    size_t low = 0, high = all->count;
    *found = false;
    while (low < high && !*found) {
        size_t middle = low + (high - low) / 2;
        int order = memcmp(all->rows[middle].stand.key, key, CONSUMERS_HASH_BYTES);
        *found = order == 0;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return high;
}

const struct consumer_row *consumers_find(const struct consumers *all, const struct consumer_stand *stand) {
    bool found;
    size_t at = place_of(all, stand->key, &found);
    return found ? &all->rows[at] : NULL;
}

static bool agrees(const struct consumer_row *row, const struct consumer_stand *stand) {
    return row && memcmp(row->stand.terms, stand->terms, CONSUMERS_HASH_BYTES) == 0;
}

bool consumers_agree(const struct consumers *all, const struct consumer_stand *stands, size_t count, uint64_t *fence) {
    *fence = 0;
    for (size_t i = 0; i < count; i++) {
        const struct consumer_row *row = consumers_find(all, &stands[i]);
        if (!agrees(row, &stands[i])) return false;
        if (row->fence > *fence) *fence = row->fence;
    }
    return true;
}

static void meta_key(char out[static KEY_BYTES], const struct consumer_stand *stand) {
    memcpy(out, PREFIX, sizeof PREFIX);
    hex_encode(out + sizeof PREFIX - 1, bytes_of(stand->key, sizeof stand->key));
}

/* The one that changed longest ago. */
static void oldest_forget(struct consumers *all, struct store_batch *batch) {
    char key[KEY_BYTES];
    size_t oldest = 0;
    for (size_t i = 1; i < all->count; i++)
        if (all->rows[i].fence < all->rows[oldest].fence) oldest = i;
    meta_key(key, &all->rows[oldest].stand);
    store_batch_meta_delete(batch, key);
    memmove(&all->rows[oldest], &all->rows[oldest + 1], (all->count - oldest - 1) * sizeof *all->rows);
    all->count--;
}

static enum err grow(struct consumers *all) {
    if (all->count < all->capacity) return OK;
    size_t capacity = all->capacity ? 2 * all->capacity : 16;
    struct consumer_row *grown = realloc(all->rows, capacity * sizeof *grown);
    if (!grown) return ERR_MEMORY;
    all->rows = grown, all->capacity = capacity;
    return OK;
}

static enum err row_set(struct consumers *all, struct store_batch *batch, const struct consumer_row *row) {
    char key[KEY_BYTES];
    uint8_t value[ROW_BYTES];
    bool found;
    place_of(all, row->stand.key, &found);
    if (!found && all->count == CONSUMERS_MAX) oldest_forget(all, batch);
    enum err err = grow(all);
    if (err != OK) return err;
    size_t at = place_of(all, row->stand.key, &found);
    if (!found) {
        memmove(&all->rows[at + 1], &all->rows[at], (all->count - at) * sizeof *all->rows);
        all->count++;
    }
    all->rows[at] = *row;
    memcpy(value, row->stand.terms, CONSUMERS_HASH_BYTES);
    put_be64(value + CONSUMERS_HASH_BYTES, row->fence);
    meta_key(key, &row->stand);
    store_batch_meta(batch, key, bytes_of(value, sizeof value));
    return OK;
}

enum err consumers_fence(struct engine *engine, struct store_batch *batch, const struct consumer_stand *stands, size_t count) {
    struct consumers *all = &engine->consumers;
    uint64_t fence = gone_number(&engine->gone);
    enum err err = OK;
    for (size_t i = 0; err == OK && i < count; i++) {
        const struct consumer_row row = {stands[i], fence};
        if (!agrees(consumers_find(all, &stands[i]), &stands[i])) err = row_set(all, batch, &row);
    }
    return err;
}

/* --- on disk --- */

struct loading {
    struct consumers *all;
    enum err err;
};

/* They come in the order of their keys. */
static bool one_load(void *context, const char *key, struct bytes value) {
    struct loading *loading = context;
    struct consumers *all = loading->all;
    struct consumer_row row = {0};
    const char *hex = key + sizeof PREFIX - 1;
    bool good = value.size == ROW_BYTES && hex_decode(row.stand.key, sizeof row.stand.key, bytes_of_text(hex));
    loading->err = good ? grow(all) : ERR_CORRUPT;
    if (loading->err != OK) return false;
    memcpy(row.stand.terms, value.data, CONSUMERS_HASH_BYTES);
    row.fence = get_be64(value.data + CONSUMERS_HASH_BYTES);
    all->rows[all->count++] = row;
    return true;
}

enum err consumers_load(struct engine *engine) {
    struct loading loading = {&engine->consumers, OK};
    enum err err = store_meta_each(engine->store, PREFIX, one_load, &loading);
    return err == OK ? loading.err : err;
}

void consumers_free(struct engine *engine) {
    free(engine->consumers.rows);
    engine->consumers = (struct consumers){0};
}

#include "node/subscribe/subscriptions.h"

#include "node/engine/engine_core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLACE_BYTES     65 /* cursor, gone, high, taken, looked, matched, refused, delivered: 8 each; told: 1 */
#define PLACE_BYTES_OLD 64 /* without told, which may then have been */
#define KEY_BYTES       48

/* Where a name stands, or would stand. */
static size_t place_of(const struct subscriptions *all, struct bytes name, bool *found) {
    size_t low = 0, high = all->count;
    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = bytes_compare(bytes_of_text(all->list[middle]->name), name);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct subscription *subscription_find(struct engine *engine, struct bytes name) {
    bool found;
    size_t at = place_of(&engine->subscriptions, name, &found);
    return found ? engine->subscriptions.list[at] : NULL;
}

size_t subscriptions_behind(const struct engine *engine, struct bytes name) {
    bool found;
    size_t at = place_of(&engine->subscriptions, name, &found);
    return found ? at + 1 : at;
}

static void one_free(struct subscription *subscription) {
    if (subscription) free(subscription->filter);
    free(subscription);
}

void subscriptions_free(struct engine *engine) {
    struct subscriptions *all = &engine->subscriptions;
    for (size_t i = 0; i < all->count; i++) one_free(all->list[i]);
    free(all->list);
    *all = (struct subscriptions){0};
}

struct subscription *subscription_new(struct bytes name, struct bytes filter) {
    struct subscription *made = calloc(1, sizeof *made);
    if (!made) return NULL;
    made->filter = calloc(1, filter.size + 1);
    if (!made->filter) {
        free(made);
        return NULL;
    }
    memcpy(made->name, name.data, name.size);
    if (filter.size > 0) memcpy(made->filter, filter.data, filter.size);
    return made;
}

enum err subscription_insert(struct engine *engine, struct subscription **made) {
    struct subscriptions *all = &engine->subscriptions;
    bool found;
    size_t at = place_of(all, bytes_of_text((*made)->name), &found);
    enum err err = found ? ERR_EXISTS : all->count >= SUBSCRIPTIONS_MAX ? ERR_FULL : OK;
    if (err == OK && all->count == all->capacity) {
        size_t capacity = all->capacity ? 2 * all->capacity : 16;
        struct subscription **grown = realloc(all->list, capacity * sizeof *grown);
        if (grown) all->list = grown, all->capacity = capacity;
        if (!grown) err = ERR_MEMORY;
    }
    if (err != OK) {
        one_free(*made);
        *made = NULL;
        return err;
    }
    if ((*made)->number == 0) (*made)->number = all->next;
    if ((*made)->number >= all->next) all->next = (*made)->number + 1;
    memmove(&all->list[at + 1], &all->list[at], (all->count - at) * sizeof *all->list);
    all->list[at] = *made;
    all->count++;
    return OK;
}

/* --- on disk --- */

static void key_of(char out[static KEY_BYTES], const char *prefix, uint64_t number) {
    snprintf(out, KEY_BYTES, "%s%016llx", prefix, (unsigned long long)number);
}

void subscription_put(struct store_batch *batch, const struct subscription *subscription) {
    const struct subscription_counts *counts = &subscription->counts;
    const uint64_t values[] = {subscription->at.cursor, subscription->at.gone, subscription->high, subscription->taken_ms,
                               counts->looked,          counts->matched,       counts->refused,    counts->delivered};
    uint8_t place[PLACE_BYTES];
    char key[KEY_BYTES];
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) put_be64(place + 8 * i, values[i]);
    place[PLACE_BYTES - 1] = subscription->told;
    key_of(key, SUBSCRIPTION_PLACE_PREFIX, subscription->number);
    store_batch_meta(batch, key, bytes_of(place, sizeof place));
}

enum err subscription_put_all(struct store_batch *batch, const struct subscription *subscription) {
    struct buf value = {0};
    char key[KEY_BYTES];
    pack_write_array(&value, 5);
    pack_write_str(&value, bytes_of_text(subscription->name));
    pack_write_str(&value, bytes_of_text(subscription->filter));
    pack_write_uint(&value, subscription->tlp_max);
    pack_write_uint(&value, subscription->exit);
    pack_write_uint(&value, subscription->created_ms);
    key_of(key, SUBSCRIPTION_PREFIX, subscription->number);
    enum err err = buf_result(&value);
    if (err == OK) store_batch_meta(batch, key, bytes_of_buf(&value));
    buf_free(&value);
    subscription_put(batch, subscription);
    return err;
}

void subscription_remove(struct engine *engine, struct store_batch *batch, struct subscription *subscription) {
    struct subscriptions *all = &engine->subscriptions;
    char key[KEY_BYTES];
    bool found;
    size_t at = place_of(all, bytes_of_text(subscription->name), &found);
    key_of(key, SUBSCRIPTION_PREFIX, subscription->number);
    store_batch_erase_meta(batch, key); /* a filter may name a value */
    key_of(key, SUBSCRIPTION_PLACE_PREFIX, subscription->number);
    store_batch_meta_delete(batch, key);
    one_free(subscription);
    memmove(&all->list[at], &all->list[at + 1], (all->count - at - 1) * sizeof *all->list);
    all->count--;
}

struct loading {
    struct engine *engine;
    enum err err;
};

static enum err place_load(struct engine *engine, struct subscription *into) {
    struct subscription_counts *counts = &into->counts;
    uint64_t *const values[] = {&into->at.cursor, &into->at.gone,   &into->high,      &into->taken_ms,
                                &counts->looked,  &counts->matched, &counts->refused, &counts->delivered};
    struct buf place = {0};
    char key[KEY_BYTES];
    key_of(key, SUBSCRIPTION_PLACE_PREFIX, into->number);
    enum err err = store_meta(engine->store, key, &place);
    if (err == OK && place.size != PLACE_BYTES && place.size != PLACE_BYTES_OLD) err = ERR_CORRUPT;
    for (size_t i = 0; err == OK && i < sizeof values / sizeof *values; i++) *values[i] = get_be64(place.data + 8 * i);
    into->told = err == OK && (place.size == PLACE_BYTES_OLD || place.data[PLACE_BYTES - 1] != 0);
    buf_free(&place);
    return err == ERR_NOT_FOUND ? ERR_CORRUPT : err;
}

static bool one_load(void *context, const char *key, struct bytes value) {
    struct loading *loading = context;
    struct pack_reader reader = pack_reader_of(value);
    uint32_t fields = pack_read_array(&reader);
    struct bytes name = pack_read_str(&reader), filter = pack_read_str(&reader);
    uint64_t tlp_max = pack_read_uint(&reader), exit = pack_read_uint(&reader), created_ms = pack_read_uint(&reader);
    bool good = fields == 5 && pack_done(&reader) == OK && fields_name_valid(name) && filter.size <= FILTER_BYTES_MAX &&
                tlp_max <= TLP_RED && exit < POLICY_EXIT_END;
    struct subscription *made = good ? subscription_new(name, filter) : NULL;
    loading->err = made ? OK : good ? ERR_MEMORY : ERR_CORRUPT;
    if (!made) return false;
    made->number = strtoull(key + strlen(SUBSCRIPTION_PREFIX), NULL, 16);
    made->tlp_max = (enum tlp)tlp_max;
    made->exit = (enum policy_exit)exit;
    made->created_ms = created_ms;
    loading->err = place_load(loading->engine, made);
    if (loading->err != OK)
        one_free(made);
    else
        loading->err = subscription_insert(loading->engine, &made);
    return loading->err == OK;
}

enum err subscriptions_load(struct engine *engine) {
    struct loading loading = {engine, OK};
    engine->subscriptions.next = 1;
    enum err err = store_meta_each(engine->store, SUBSCRIPTION_PREFIX, one_load, &loading);
    return err == OK ? loading.err : err;
}

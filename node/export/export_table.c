#include "node/export/export_table.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define PLACES_FIRST 1024
#define ORDER_FIRST  1024
#define AUTHORS_MAX  65535
#define RECORD_BYTES 7 /* in front of a value: how far behind the beginning of its block it stands (4), kind (1), size (2) */
#define AHEAD        8 /* rows that are fetched from memory while others are written */

/* An object: its id and its records stand in `data`. */
struct export_held {
    uint64_t cursor, modified_ms, arrived_ms, valid_until_ms;
    uint32_t bytes; /* of all of it */
    uint16_t author, value_count;
    uint8_t id_bytes, tlp;
    uint8_t data[];
};

/* --- records --- */

struct record {
    const struct export_held *held;
    struct observable value;
};

static struct record record_of(const uint8_t *at) {
    uint32_t back;
    uint16_t size;
    memcpy(&back, at, sizeof back);
    memcpy(&size, at + 5, sizeof size);
    return (struct record){(const struct export_held *)(const void *)(at - back),
                           {(enum observable_kind)at[4], bytes_of(at + RECORD_BYTES, size)}};
}

static struct bytes id_of(const struct export_held *held) { return bytes_of(held->data, held->id_bytes); }

/* The order of export_rows_sort, and where that leaves it to who came first, by cursor. */
static int record_compare(const uint8_t *a, const uint8_t *b) {
    if (a == b) return 0;
    struct record x = record_of(a), y = record_of(b);
    if (x.value.kind != y.value.kind) return x.value.kind < y.value.kind ? -1 : 1;
    int order = bytes_compare(x.value.value, y.value.value);
    if (order != 0) return order;
    if (x.held->arrived_ms != y.held->arrived_ms) return x.held->arrived_ms > y.held->arrived_ms ? -1 : 1;
    order = bytes_compare(id_of(x.held), id_of(y.held));
    if (order != 0 || x.held->cursor == y.held->cursor) return order;
    return x.held->cursor < y.held->cursor ? -1 : 1;
}

/* --- the table --- */

void export_table_init(struct export_table *table, const struct export_options *options,
                       const uint8_t key[static EXPORT_TABLE_KEY_BYTES]) {
    *table = (struct export_table){.options = options};
    memcpy(table->key, key, EXPORT_TABLE_KEY_BYTES);
}

/* What was in it may have been withdrawn. */
static void held_free(struct export_held *held) {
    if (held) sodium_memzero(held, held->bytes);
    free(held);
}

static void gone_free(struct export_table *table) {
    for (size_t i = 0; i < table->gone_count; i++) held_free(table->gone[i]);
    table->gone_count = 0;
}

void export_table_clear(struct export_table *table) {
    for (size_t i = 0; i < table->place_count; i++) {
        held_free(table->places[i]);
        table->places[i] = NULL;
    }
    gone_free(table);
    table->objects = table->count = table->sorted = 0;
    table->changed = true;
}

void export_table_free(struct export_table *table) {
    export_table_clear(table);
    free(table->places);
    free(table->order);
    free(table->gone);
    for (size_t i = 0; i < table->author_count; i++) free((void *)(uintptr_t)table->authors[i].data);
    free(table->authors);
    *table = (struct export_table){0};
}

/* --- authors: pages are of one each, so the last one is asked first --- */

/* False: unknown. */
static bool author_find(const struct export_table *table, struct bytes name, size_t *out) {
    *out = table->author_last;
    if (*out < table->author_count && bytes_equal(table->authors[*out], name)) return true;
    for (*out = 0; *out < table->author_count; ++*out)
        if (bytes_equal(table->authors[*out], name)) return true;
    return false;
}

static enum err author_of(struct export_table *table, struct bytes name, size_t *out) {
    bool known = author_find(table, name, out);
    table->author_last = *out;
    if (known) return OK;
    if (table->author_count == AUTHORS_MAX) return ERR_LIMIT;
    struct bytes *grown = realloc(table->authors, (table->author_count + 1) * sizeof *grown);
    if (!grown) return ERR_MEMORY;
    table->authors = grown;
    uint8_t *copy = malloc(name.size + 1);
    if (!copy) return ERR_MEMORY;
    if (name.size > 0) memcpy(copy, name.data, name.size);
    table->authors[table->author_count++] = bytes_of(copy, name.size);
    return OK;
}

/* --- places of objects --- */

static size_t place_first(const struct export_table *table, size_t author, struct bytes id) {
    uint8_t text[2 + UINT8_MAX], hash[crypto_shorthash_BYTES];
    assert(crypto_shorthash_KEYBYTES == EXPORT_TABLE_KEY_BYTES && id.size <= UINT8_MAX);
    put_be16(text, (uint16_t)author);
    memcpy(text + 2, id.data, id.size);
    crypto_shorthash(hash, text, 2 + id.size, table->key);
    return (size_t)get_be64(hash) & (table->place_count - 1);
}

/* Where it stands, or the free place where it would; there is one. */
static size_t place_of(const struct export_table *table, size_t author, struct bytes id) {
    size_t at = place_first(table, author, id);
    while (table->places[at] && !(table->places[at]->author == author && bytes_equal(id_of(table->places[at]), id)))
        at = (at + 1) & (table->place_count - 1);
    return at;
}

static size_t place_vacant(const struct export_table *table, size_t author, struct bytes id) {
    size_t at = place_first(table, author, id);
    while (table->places[at]) at = (at + 1) & (table->place_count - 1);
    return at;
}

static struct export_held *held_find(const struct export_table *table, struct bytes author, struct bytes id, size_t *at) {
    size_t number;
    if (table->objects == 0 || id.size == 0 || id.size > UINT8_MAX || !author_find(table, author, &number)) return NULL;
    *at = place_of(table, number, id);
    return table->places[*at];
}

/* Room for one more, at most three quarters full. */
static enum err places_ready(struct export_table *table) {
    struct export_held **before = table->places;
    size_t count = table->place_count;
    if (4 * (table->objects + 1) <= 3 * count) return OK;
    size_t wanted = count ? 2 * count : PLACES_FIRST;
    struct export_held **grown = calloc(wanted, sizeof *grown);
    if (!grown) return ERR_MEMORY;
    table->places = grown;
    table->place_count = wanted;
    for (size_t i = 0; i < count; i++)
        if (before[i]) table->places[place_vacant(table, before[i]->author, id_of(before[i]))] = before[i];
    free(before);
    return OK;
}

/* The place becomes free; those behind it that had to pass it by move up. */
static void place_free(struct export_table *table, size_t at) {
    size_t mask = table->place_count - 1;
    table->places[at] = NULL;
    table->objects--;
    for (size_t next = (at + 1) & mask; table->places[next]; next = (next + 1) & mask) {
        struct export_held *held = table->places[next];
        table->places[next] = NULL;
        table->places[place_vacant(table, held->author, id_of(held))] = held;
    }
}

/* --- coming and going --- */

/* What it takes out stays in the order until that is settled. */
static enum err held_take(struct export_table *table, size_t at) {
    if (table->gone_count == table->gone_capacity) {
        size_t capacity = table->gone_capacity ? 2 * table->gone_capacity : 64;
        struct export_held **grown = realloc(table->gone, capacity * sizeof *grown);
        if (!grown) return ERR_MEMORY;
        table->gone = grown, table->gone_capacity = capacity;
    }
    table->gone[table->gone_count++] = table->places[at];
    place_free(table, at);
    table->changed = true;
    return OK;
}

static enum err order_add(struct export_table *table, const uint8_t *record) {
    if (table->count == table->capacity) {
        size_t capacity = table->capacity ? table->capacity + table->capacity / 2 : ORDER_FIRST;
        const uint8_t **grown = realloc(table->order, capacity * sizeof *grown);
        if (!grown) return ERR_MEMORY;
        table->order = grown, table->capacity = capacity;
    }
    table->order[table->count++] = record;
    return OK;
}

/* Null with *err OK: no value of it fits. */
static struct export_held *held_make(const struct export_table *table, const struct answer *answer, size_t author, enum err *err) {
    const struct item *item = &answer->item;
    bool fits[ITEM_OBSERVABLES_MAX];
    size_t count = 0, bytes = sizeof(struct export_held) + item->id.size;
    for (size_t i = 0; i < item->observable_count; i++) {
        fits[i] = export_value_fits(table->options, item->observables[i]);
        if (fits[i]) count++, bytes += RECORD_BYTES + item->observables[i].value.size;
    }
    *err = OK;
    if (count == 0) return NULL;
    struct export_held *held = malloc(bytes);
    if (!held) *err = ERR_MEMORY;
    if (!held) return NULL;
    *held = (struct export_held){.cursor = answer->cursor,
                                 .modified_ms = item->modified_ms,
                                 .arrived_ms = answer->arrived_ms,
                                 .valid_until_ms = item->valid_until_ms,
                                 .bytes = (uint32_t)bytes,
                                 .author = (uint16_t)author,
                                 .value_count = (uint16_t)count,
                                 .id_bytes = (uint8_t)item->id.size,
                                 .tlp = (uint8_t)answer->tlp};
    memcpy(held->data, item->id.data, item->id.size);
    uint8_t *at = held->data + item->id.size;
    for (size_t i = 0; i < item->observable_count; i++) {
        struct bytes value = item->observables[i].value;
        uint32_t back = (uint32_t)(at - (uint8_t *)held);
        uint16_t size = (uint16_t)value.size;
        if (!fits[i]) continue;
        memcpy(at, &back, sizeof back);
        at[4] = (uint8_t)item->observables[i].kind;
        memcpy(at + 5, &size, sizeof size);
        if (size > 0) memcpy(at + RECORD_BYTES, value.data, size);
        at += RECORD_BYTES + size;
    }
    return held;
}

static const uint8_t *record_next(const uint8_t *record) { return record + RECORD_BYTES + record_of(record).value.value.size; }

enum err export_table_put(struct export_table *table, const struct answer *answer, bool apart) {
    const struct item *item = &answer->item;
    size_t at, author;
    enum err err = item->id.size == 0 || item->id.size > UINT8_MAX ? ERR_RANGE : OK;
    if (err == OK && !apart && held_find(table, answer->author, item->id, &at)) err = held_take(table, at);
    if (err != OK || !export_object_fits(table->options, answer)) return err;
    err = author_of(table, answer->author, &author);
    if (err == OK) err = places_ready(table);
    struct export_held *held = err == OK ? held_make(table, answer, author, &err) : NULL;
    if (!held) return err;
    table->places[place_vacant(table, author, item->id)] = held;
    table->objects++;
    table->changed = true;
    const uint8_t *record = held->data + held->id_bytes;
    for (size_t i = 0; err == OK && i < held->value_count; i++, record = record_next(record)) err = order_add(table, record);
    return err;
}

enum err export_table_take(struct export_table *table, struct bytes author, struct bytes id) {
    size_t at;
    return held_find(table, author, id, &at) ? held_take(table, at) : OK;
}

uint64_t export_table_cursor(const struct export_table *table, struct bytes author, struct bytes id) {
    size_t at;
    const struct export_held *held = held_find(table, author, id, &at);
    return held ? held->cursor : 0;
}

/* --- the order --- */

/* What is sorted of those that are new: the head settles almost every comparison without touching the records (export_rows.c). */
struct place {
    uint64_t high, low;
    const uint8_t *record;
};

static struct place place_make(const uint8_t *at) {
    struct record record = record_of(at);
    uint8_t head[16] = {(uint8_t)record.value.kind};
    struct bytes value = record.value.value;
    if (value.size > 0) memcpy(head + 1, value.data, value.size < sizeof head - 1 ? value.size : sizeof head - 1);
    return (struct place){get_be64(head), get_be64(head + 8), at};
}

static int place_compare(const void *a, const void *b) {
    const struct place *x = a, *y = b;
    if (x->high != y->high) return x->high < y->high ? -1 : 1;
    if (x->low != y->low) return x->low < y->low ? -1 : 1;
    return record_compare(x->record, y->record);
}

/* How many of the first `count` stand before it. */
static size_t order_before(const struct export_table *table, size_t count, const uint8_t *record) {
    size_t from = 0, to = count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (record_compare(table->order[middle], record) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

/* Each to its place among the sorted ones, the last one first: what stands behind it moves once, by as many as are still to come. */
static void fresh_merge(struct export_table *table, const struct place *fresh, size_t count) {
    size_t end = table->sorted;
    for (size_t i = count; i-- > 0;) {
        size_t at = order_before(table, end, fresh[i].record);
        memmove(table->order + at + i + 1, table->order + at, (end - at) * sizeof *table->order);
        table->order[at + i] = fresh[i].record;
        end = at;
    }
    table->sorted = table->count;
}

static enum err fresh_sort(struct export_table *table) {
    size_t count = table->count - table->sorted;
    if (count == 0) return OK;
    struct place *fresh = malloc(count * sizeof *fresh);
    if (!fresh) return ERR_MEMORY;
    for (size_t i = 0; i < count; i++) fresh[i] = place_make(table->order[table->sorted + i]);
    qsort(fresh, count, sizeof *fresh, place_compare);
    fresh_merge(table, fresh, count);
    free(fresh);
    return OK;
}

static int number_compare(const void *a, const void *b) {
    const size_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* Closes the gaps; `gaps` are in order. */
static void gaps_close(struct export_table *table, const size_t *gaps, size_t count) {
    for (size_t i = 0; i < count; i++) {
        size_t from = gaps[i] + 1, to = i + 1 < count ? gaps[i + 1] : table->count;
        memmove(table->order + gaps[i] - i, table->order + from, (to - from) * sizeof *table->order);
    }
    table->count -= count;
    table->sorted = table->count;
}

static enum err gone_sweep(struct export_table *table) {
    size_t room = 0, count = 0;
    for (size_t i = 0; i < table->gone_count; i++) room += table->gone[i]->value_count;
    if (room == 0) return OK;
    size_t *gaps = malloc(room * sizeof *gaps);
    if (!gaps) return ERR_MEMORY;
    for (size_t i = 0; i < table->gone_count; i++) {
        const uint8_t *record = table->gone[i]->data + table->gone[i]->id_bytes;
        for (size_t j = 0; j < table->gone[i]->value_count; j++, record = record_next(record)) {
            size_t at = order_before(table, table->count, record);
            while (at < table->count && table->order[at] != record) at++; /* the same object may have come again */
            assert(at < table->count);
            gaps[count++] = at;
        }
    }
    qsort(gaps, count, sizeof *gaps, number_compare);
    gaps_close(table, gaps, count);
    free(gaps);
    gone_free(table);
    return OK;
}

/* --- writing --- */

struct reading {
    const struct export_table *table;
    size_t at;
};

static bool row_next(void *context, struct export_row *row) {
    struct reading *reading = context;
    const struct export_table *table = reading->table;
    if (reading->at == table->count) return false;
    if (reading->at + AHEAD < table->count) __builtin_prefetch(table->order[reading->at + AHEAD]);
    struct record record = record_of(table->order[reading->at++]);
    const struct export_held *held = record.held;
    *row = (struct export_row){.value = record.value,
                               .id = id_of(held),
                               .author = table->authors[held->author],
                               .tlp = (enum tlp)held->tlp,
                               .modified_ms = held->modified_ms,
                               .arrived_ms = held->arrived_ms,
                               .valid_until_ms = held->valid_until_ms};
    return true;
}

enum err export_table_write(struct export_table *table, struct export *work) {
    struct reading reading = {.table = table};
    enum err err = fresh_sort(table);
    if (err == OK) err = gone_sweep(table);
    return err == OK ? export_write_rows(work, &(struct export_source){&reading, table->count, row_next}) : err;
}

#include "node/store/terms.h"

#include <stdlib.h>
#include <string.h>

#define BUCKET_BITS_MIN 4
#define BUCKET_BITS_MAX 24
#define PREFETCH_AHEAD  8
#define BASE_SLACK      (1ULL << 30)
#define REMOVED         UINT32_MAX /* a cursor_offset that no term has */
#define SEEN_FACTOR     8          /* bits a bucket: about one absent term in ten is looked for in vain */

struct terms_entry {
    uint64_t hash;
    uint32_t cursor_offset;
    uint32_t next; /* plus one; 0 ends the chain */
};

struct terms *terms_new(size_t count, uint64_t cursor_base) {
    struct terms *terms = calloc(1, sizeof *terms);
    if (terms == NULL) return NULL;
    terms->cursor_base = cursor_base;
    terms->bucket_bits = BUCKET_BITS_MIN;
    while (terms->bucket_bits < BUCKET_BITS_MAX && (size_t)1 << terms->bucket_bits < count) terms->bucket_bits++;
    terms->capacity = count + 16;
    terms->entries = malloc(terms->capacity * sizeof *terms->entries);
    terms->chains = calloc((size_t)2 << terms->bucket_bits, sizeof *terms->chains);
    terms->seen = calloc(((size_t)SEEN_FACTOR << terms->bucket_bits) / 64, sizeof *terms->seen);
    if (terms->entries == NULL || terms->chains == NULL || terms->seen == NULL) {
        terms_free(terms);
        return NULL;
    }
    return terms;
}

void terms_free(struct terms *terms) {
    if (terms == NULL) return;
    free(terms->entries);
    free(terms->chains);
    free(terms->seen);
    free(terms);
}

static uint32_t *chain_of(const struct terms *terms, uint64_t hash) {
    return terms->chains + 2 * (size_t)(hash >> (64 - terms->bucket_bits));
}

static size_t seen_bit(const struct terms *terms, uint64_t hash) {
    return (size_t)(hash & (((uint64_t)SEEN_FACTOR << terms->bucket_bits) - 1));
}

static bool reserve(struct terms *terms, size_t more) {
    if (more <= terms->capacity - terms->count) return true;
    size_t capacity = terms->capacity;
    while (capacity - terms->count < more) capacity += capacity / 2;
    if (capacity >= UINT32_MAX) return false;
    struct terms_entry *entries = realloc(terms->entries, capacity * sizeof *entries);
    if (entries == NULL) return false;
    terms->entries = entries;
    terms->capacity = capacity;
    return true;
}

bool terms_add(struct terms *terms, const struct term *added, size_t count) {
    if (!reserve(terms, count)) return false;
    /* An empty table whose base is far behind (old pages are gone) moves up, with room for batches that complete out of order. */
    if (terms->count == 0 && count > 0 && added[0].cursor > terms->cursor_base + BASE_SLACK)
        terms->cursor_base = added[0].cursor - BASE_SLACK;
    for (size_t i = 0; i < count; i++) {
        if (i + PREFETCH_AHEAD < count) __builtin_prefetch(chain_of(terms, added[i + PREFETCH_AHEAD].hash), 1);
        uint64_t offset = added[i].cursor - terms->cursor_base;
        if (added[i].cursor < terms->cursor_base || offset >= REMOVED) return false;
        uint32_t *chain = chain_of(terms, added[i].hash);
        size_t bit = seen_bit(terms, added[i].hash);
        terms->seen[bit / 64] |= 1ULL << bit % 64;
        terms->entries[terms->count] = (struct terms_entry){.hash = added[i].hash, .cursor_offset = (uint32_t)offset};
        uint32_t place = (uint32_t)++terms->count;
        if (chain[0] == 0)
            chain[0] = place;
        else
            terms->entries[chain[1] - 1].next = place;
        chain[1] = place;
    }
    return true;
}

void terms_remove(struct terms *terms, struct term term) {
    uint64_t offset = term.cursor - terms->cursor_base;
    if (term.cursor < terms->cursor_base || offset >= REMOVED) return;
    for (uint32_t place = chain_of(terms, term.hash)[0]; place != 0; place = terms->entries[place - 1].next) {
        struct terms_entry *entry = &terms->entries[place - 1];
        if (entry->hash == term.hash && entry->cursor_offset == offset) entry->cursor_offset = REMOVED;
    }
}

size_t terms_find(const struct terms *terms, uint64_t hash, uint64_t *cursors, size_t max) {
    size_t found = 0, bit = seen_bit(terms, hash);
    if (!(terms->seen[bit / 64] >> bit % 64 & 1)) return 0;
    for (uint32_t place = chain_of(terms, hash)[0]; place != 0 && found < max;) {
        const struct terms_entry *entry = &terms->entries[place - 1];
        if (entry->hash == hash && entry->cursor_offset != REMOVED) cursors[found++] = terms->cursor_base + entry->cursor_offset;
        place = entry->next;
    }
    return found;
}

static int term_compare(const void *a, const void *b) {
    const struct term *x = a, *y = b;
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    return x->cursor < y->cursor ? -1 : x->cursor > y->cursor;
}

/* Buckets are in the order of the hashes, so sorting each one's few terms sorts all. */
static bool bucket_visit(const struct terms *terms, uint32_t place, struct term **sorted, size_t *capacity, terms_visit *visit,
                         void *context) {
    size_t count = 0;
    bool in_order = true;
    for (; place != 0; place = terms->entries[place - 1].next) {
        const struct terms_entry *entry = &terms->entries[place - 1];
        if (entry->cursor_offset == REMOVED) continue;
        if (count == *capacity) {
            size_t wider = *capacity == 0 ? 64 : *capacity * 2;
            struct term *grown = realloc(*sorted, wider * sizeof *grown);
            if (grown == NULL) return false;
            *sorted = grown;
            *capacity = wider;
        }
        (*sorted)[count] = (struct term){.hash = entry->hash, .cursor = terms->cursor_base + entry->cursor_offset};
        if (count > 0 && term_compare(&(*sorted)[count - 1], &(*sorted)[count]) > 0) in_order = false;
        count++;
    }
    if (!in_order) qsort(*sorted, count, sizeof **sorted, term_compare);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && term_compare(&(*sorted)[i - 1], &(*sorted)[i]) == 0) continue;
        if (!visit(context, (*sorted)[i])) return false;
    }
    return true;
}

bool terms_each_sorted(const struct terms *terms, terms_visit *visit, void *context) {
    struct term *sorted = NULL;
    size_t capacity = 0, bucket_count = (size_t)1 << terms->bucket_bits;
    bool going = true;
    for (size_t i = 0; i < bucket_count && going; i++) {
        if (i + PREFETCH_AHEAD < bucket_count) {
            uint32_t ahead = terms->chains[2 * (i + PREFETCH_AHEAD)];
            if (ahead != 0) __builtin_prefetch(&terms->entries[ahead - 1]);
        }
        going = bucket_visit(terms, terms->chains[2 * i], &sorted, &capacity, visit, context);
    }
    free(sorted);
    return going;
}

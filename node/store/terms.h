/* terms: a table in memory of where index terms stand, and its contents in order for a sorted file. Insertion takes the same time
   however often a hash repeats: a value that everybody sends must not cost more than a rare one. */
#ifndef NODE_TERMS_H
#define NODE_TERMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct term {
    uint64_t hash;
    uint64_t cursor;
};

/* Chains through one dense array, in insertion order. One thread writes; while nobody writes, several may read. */
struct terms {
    struct terms_entry *entries;
    size_t count;
    size_t capacity;
    uint32_t *chains; /* first and last entry, plus one, of each bucket; a bucket is the upper bits of a hash */
    unsigned bucket_bits;
    uint64_t
        *seen; /* a bit for each of 8 places a bucket, by the lower bits: most absent terms cost one look into it, and no chain */
    uint64_t cursor_base; /* no cursor is below */
};

/* Made for about `count` terms; takes more. Null without memory. */
struct terms *terms_new(size_t count, uint64_t cursor_base);
void terms_free(struct terms *terms);

/* A term that is there already may be kept twice. False: without memory, or a cursor out of [base, base + 2^32). */
bool terms_add(struct terms *terms, const struct term *added, size_t count);

/* Takes the term out; one that is not there is none. */
void terms_remove(struct terms *terms, struct term term);

/* Cursors under this hash in the order of their adding, at most `max`; returns how many. */
size_t terms_find(const struct terms *terms, uint64_t hash, uint64_t *cursors, size_t max);

/* Walks all by (hash, cursor), without doubles. False: stopped by `visit`, or without memory. */
typedef bool terms_visit(void *context, struct term term);
bool terms_each_sorted(const struct terms *terms, terms_visit *visit, void *context);

#endif

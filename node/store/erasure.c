#include "node/store/erasure.h"

#include <string.h>

static int key_compare(struct bytes a, struct bytes b) {
    size_t both = a.size < b.size ? a.size : b.size;
    int order = both > 0 ? memcmp(a.data, b.data, both) : 0;
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

bool erasure_add(struct erasure *erasure, enum rocks_family family, struct bytes key) {
    struct erasure_range *range = &erasure->ranges[family];
    if (key.size > ERASURE_KEY_BYTES_MAX) return false;
    if (!range->used || key_compare(key, bytes_of(range->low, range->low_bytes)) < 0) {
        memcpy(range->low, key.data, key.size);
        range->low_bytes = key.size;
    }
    if (!range->used || key_compare(key, bytes_of(range->high, range->high_bytes)) > 0) {
        memcpy(range->high, key.data, key.size);
        range->high_bytes = key.size;
    }
    range->used = true;
    return true;
}

void erasure_join(struct erasure *into, const struct erasure *from) {
    for (int family = 0; family < ROCKS_FAMILY_COUNT; family++) {
        const struct erasure_range *range = &from->ranges[family];
        if (!range->used) continue;
        (void)erasure_add(into, (enum rocks_family)family, bytes_of(range->low, range->low_bytes));
        (void)erasure_add(into, (enum rocks_family)family, bytes_of(range->high, range->high_bytes));
    }
}

bool erasure_empty(const struct erasure *erasure) {
    for (int family = 0; family < ROCKS_FAMILY_COUNT; family++)
        if (erasure->ranges[family].used) return false;
    return true;
}

static enum err family_flush(struct rocks *rocks, enum rocks_family family, char *why) {
    char *error = NULL;
    rocksdb_flushoptions_t *flush = rocksdb_flushoptions_create();
    rocksdb_flushoptions_set_wait(flush, 1);
    rocksdb_flush_cf(rocks->db, flush, rocks->families[family], &error);
    rocksdb_flushoptions_destroy(flush);
    return rocks_err(error, why);
}

/* The list of files was last written before the last of them were dropped, with their first and last keys: one more change, and it is
   written again without them. */
static enum err list_renew(struct rocks *rocks, char *why) {
    char *error = NULL;
    rocksdb_put_cf(rocks->db, rocks->write, rocks->families[ROCKS_DEFAULT], "round", 5, "", 0, &error);
    return error != NULL ? rocks_err(error, why) : family_flush(rocks, ROCKS_DEFAULT, why);
}

enum err erasure_run(struct rocks *rocks, const struct erasure *erasure, char why[static ROCKS_WHY_BYTES]) {
    for (int family = 0; family < ROCKS_FAMILY_COUNT; family++) {
        enum err result = family_flush(rocks, (enum rocks_family)family, why);
        if (result != OK) return result;
    }
    rocksdb_compactoptions_t *compact = rocksdb_compactoptions_create();
    rocksdb_compactoptions_set_exclusive_manual_compaction(compact, 0);
    rocksdb_compactoptions_set_bottommost_level_compaction(compact, 3); /* also what lies at the last level already */
    for (int family = 0; family < ROCKS_FAMILY_COUNT; family++) {
        const struct erasure_range *range = &erasure->ranges[family];
        if (!range->used) continue;
        /* The call tells no error: what it met stops the store at its next write. */
        rocksdb_compact_range_cf_opt(rocks->db, rocks->families[family], compact, (const char *)range->low, range->low_bytes,
                                     (const char *)range->high, range->high_bytes);
    }
    rocksdb_compactoptions_destroy(compact);
    return list_renew(rocks, why);
}

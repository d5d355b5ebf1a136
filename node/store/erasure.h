/* erasure: places in the store's families whose old bytes have to leave every file: what a batch took out, and what a round cleans. */
#ifndef NODE_ERASURE_H
#define NODE_ERASURE_H

#include "node/store/rocks.h"

#define ERASURE_KEY_BYTES_MAX 64

/* The keys taken out of one family, as the range that holds them all: neighbours are rewritten together. */
struct erasure_range {
    bool used;
    uint8_t low[ERASURE_KEY_BYTES_MAX], high[ERASURE_KEY_BYTES_MAX];
    size_t low_bytes, high_bytes;
};
/* Zero-initialise. Holds no memory. */
struct erasure {
    struct erasure_range ranges[ROCKS_FAMILY_COUNT];
};

/* False: the key is too long. */
bool erasure_add(struct erasure *erasure, enum rocks_family family, struct bytes key);
void erasure_join(struct erasure *into, const struct erasure *from);
bool erasure_empty(const struct erasure *erasure);

/* Rewrites what overlaps the ranges, on the calling thread: flushes every family, so that the write-ahead log is cut, and compacts the
   ranges down to the last level. Old files go when nobody reads them any more. */
enum err erasure_run(struct rocks *rocks, const struct erasure *erasure, char why[static ROCKS_WHY_BYTES]) MUST_USE;

#endif

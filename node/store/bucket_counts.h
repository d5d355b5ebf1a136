/* bucket_counts: how many pages each retention bucket has, so that a key goes when its bucket is over and empty. In meta as
   "store/bucket/N", in the same batches as the pages. */
#ifndef NODE_BUCKET_COUNTS_H
#define NODE_BUCKET_COUNTS_H

#include "node/store/rocks.h"

#define BUCKET_COUNTS_MAX  512 /* ten years ahead are 122; what does not fit keeps its key */
#define BUCKET_COUNTS_NAME "store/bucket/"

struct bucket_count {
    uint32_t number;
    uint64_t pages;
};
struct bucket_counts {
    struct bucket_count rows[BUCKET_COUNTS_MAX];
    size_t count;
};

enum err bucket_counts_load(struct bucket_counts *counts, struct rocks *rocks) MUST_USE;
/* One page more or less, noted in the batch. */
void bucket_counts_change(struct bucket_counts *counts, struct rocks *rocks, rocksdb_writebatch_t *batch, uint32_t number,
                          int change);
/* A bucket below `first` without pages: taken out of the table and, in the batch, out of meta. False: there is none. */
bool bucket_counts_over(struct bucket_counts *counts, struct rocks *rocks, rocksdb_writebatch_t *batch, uint32_t first,
                        uint32_t *number);
/* Is there one? */
bool bucket_counts_any_over(const struct bucket_counts *counts, uint32_t first);

#endif

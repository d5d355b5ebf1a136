/* waltail: what a power cut leaves at the end of RocksDB's write-ahead log, told from damage elsewhere in it.

   The committer writes a group of batches, syncs, and only then begins the next group. So a power cut can spoil the last group only:
   its sectors reach the disk in any order, and those that did not are zeros, since log files are never written twice. Such a tail is
   cut off here, from the first spoilt record on: nothing of it was acknowledged. RocksDB alone would either refuse to open or, when a
   record's head is among the zeros, go on behind the hole without a word. Anything else that does not check is damage to what was
   acknowledged, and refused: bytes that changed in place, or a hole with a later group behind it. */
#ifndef NODE_WALTAIL_H
#define NODE_WALTAIL_H

#include "node/store/rocks.h"

/* Where a batch stands: told in the log by bytes that RocksDB keeps there and applies nowhere. */
struct waltail_place {
    uint64_t run;   /* random, one for each opening */
    uint64_t group; /* from 1 */
    uint32_t index; /* of the batch in its group */
    uint32_t count; /* batches in the group */
};

/* The last thing put into a batch before it is written. */
void waltail_mark(rocksdb_writebatch_t *batch, const struct waltail_place *place);

/* Looks through the logs in `path`, before RocksDB opens it and with the store's lock held, and cuts a spoilt tail off. `cut` tells how
   many bytes. ERR_CORRUPT: there is damage of the other kind, and nothing was changed. ERR_IO, ERR_MEMORY. */
enum err waltail_trim(const char *path, uint64_t *cut) MUST_USE;

#endif

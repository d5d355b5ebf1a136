/* index_file: a table of terms as a sorted file in the database, and the mark that says so. */
#ifndef NODE_INDEX_FILE_H
#define NODE_INDEX_FILE_H

#include "node/store/index.h"

#define INDEX_KEY_BYTES 16 /* hash 8, cursor 8, big-endian; no value */

/* What stands in meta: see index_mark. */
struct index_mark {
    uint64_t cursor;
    struct index_lengths lengths;
};

/* Writes `terms` as a file in `path` and moves it into the index, durable when this returns. */
enum err index_file_ingest(struct rocks *rocks, const char *path, const struct terms *terms,
                           char why[static ROCKS_WHY_BYTES]) MUST_USE;

/* Removes a file that a crash left behind. */
void index_file_clean(const char *path);

enum err index_mark_write(struct rocks *rocks, const struct index_mark *mark, bool sync, char why[static ROCKS_WHY_BYTES]) MUST_USE;
/* Zeros when there is none yet. */
enum err index_mark_read(struct rocks *rocks, struct index_mark *out) MUST_USE;

#endif

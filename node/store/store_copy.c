/* A consistent copy of a store that is open. */
#include "node/store/store_private.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

enum err store_copy(struct store *store, const char *path, char *why, size_t why_bytes) {
    char *error = NULL, text[ROCKS_WHY_BYTES] = "";
    struct stat facts;
    if (lstat(path, &facts) == 0) return ERR_EXISTS;
    store_wait(store);
    rocksdb_checkpoint_t *checkpoint = rocksdb_checkpoint_object_create(store->rocks.db, &error);
    /* No flush: the log is copied instead, which is bounded (LOG_BYTES_MAX in rocks.c) and does not disturb the store. */
    if (error == NULL) rocksdb_checkpoint_create(checkpoint, path, UINT64_MAX, &error);
    if (checkpoint != NULL) rocksdb_checkpoint_object_destroy(checkpoint);
    enum err err = rocks_err(error, text);
    if (err != OK) snprintf(why, why_bytes, "%s", text);
    return err;
}

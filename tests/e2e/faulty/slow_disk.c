/* slow_disk: linked into a node of its own, whose disk takes its time: for so long what is given to it is neither written nor synced. Who
   takes what the store shows for all that there is, or memory for what the store shows, is found out. */
#include <rocksdb/c.h>
#include <stdbool.h>
#include <time.h>

/* What the linker makes of calls of these two, and the library's own (ld, --wrap). */
void __real_rocksdb_write(rocksdb_t *db, const rocksdb_writeoptions_t *options, rocksdb_writebatch_t *batch, char **error);
void __wrap_rocksdb_write(rocksdb_t *db, const rocksdb_writeoptions_t *options, rocksdb_writebatch_t *batch, char **error);
void __real_rocksdb_flush_wal(rocksdb_t *db, unsigned char sync, char **error);
void __wrap_rocksdb_flush_wal(rocksdb_t *db, unsigned char sync, char **error);

static bool begun; /* a group of commits, which ends in one sync; one thread writes them */

void __wrap_rocksdb_write(rocksdb_t *db, const rocksdb_writeoptions_t *options, rocksdb_writebatch_t *batch, char **error) {
    const struct timespec late = {.tv_nsec = 300000000};
    if (!begun) nanosleep(&late, NULL);
    begun = true;
    __real_rocksdb_write(db, options, batch, error);
}

void __wrap_rocksdb_flush_wal(rocksdb_t *db, unsigned char sync, char **error) {
    __real_rocksdb_flush_wal(db, sync, error);
    begun = false;
}

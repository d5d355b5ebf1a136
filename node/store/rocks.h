/* rocks: the one RocksDB database of a store: its column families, their options, and its errors as ours. The only file beside
   those that read and write records which knows RocksDB's C interface. */
#ifndef NODE_ROCKS_H
#define NODE_ROCKS_H

#include "crypto/bytes.h"

#include <rocksdb/c.h>

enum rocks_family {
    ROCKS_DEFAULT, /* RocksDB insists on it; one empty record, of the rounds of erasure */
    ROCKS_META,
    ROCKS_ENTRIES,
    ROCKS_PAYLOADS,
    ROCKS_PLACES, /* sizes of payloads, so that a walk reads no payload, and the keys they are locked with */
    ROCKS_PAGES,
    ROCKS_INDEX,
    ROCKS_BLOCKS, /* where a block's pages stand */
    ROCKS_DUE,    /* what falls due, by time */
    ROCKS_FAMILY_COUNT
};

/* Visible to the store's files only. The handles may be used by several threads at once. */
struct rocks {
    rocksdb_t *db;
    rocksdb_options_t *options;
    rocksdb_options_t *family_options[ROCKS_FAMILY_COUNT];
    rocksdb_column_family_handle_t *families[ROCKS_FAMILY_COUNT];
    rocksdb_cache_t *cache;
    rocksdb_readoptions_t *read;
    rocksdb_readoptions_t *read_prefix; /* an iterator ends where the prefix of its seek ends: for the index */
    rocksdb_readoptions_t *read_once;   /* leaves the cache to others: for pages, which are kept opened elsewhere */
    rocksdb_writeoptions_t *write;      /* no sync: the committer syncs for many */
};

#define ROCKS_WHY_BYTES 256

/* Makes the directory's database when there is none. `torn_log`: accept a write-ahead log with damage before its end and drop what
   follows (an operator's choice). ERR_BUSY, ERR_CORRUPT, ERR_IO, ERR_FULL, ERR_MEMORY, with a text in `why`. On an error nothing is
   left open. */
enum err rocks_open(struct rocks *rocks, const char *path, uint64_t cache_bytes, bool torn_log,
                    char why[static ROCKS_WHY_BYTES]) MUST_USE;
void rocks_close(struct rocks *rocks);

/* What RocksDB said, as one of our errors; releases its text after copying it to `why` (ROCKS_WHY_BYTES, may be null). Null is OK. */
enum err rocks_err(char *error, char *why);

/* Empties a family by making it anew; nobody may hold an iterator on it. */
enum err rocks_family_clear(struct rocks *rocks, enum rocks_family family, char *why) MUST_USE;

/* The value stays valid until rocksdb_pinnableslice_destroy(*slice). ERR_NOT_FOUND, ERR_CORRUPT, ERR_IO. */
enum err rocks_get(struct rocks *rocks, enum rocks_family family, struct bytes key, rocksdb_pinnableslice_t **slice,
                   struct bytes *value) MUST_USE;

/* An iterator that is kept between calls, because making one costs as much as a look-up. It sees the state at its making and holds
   old files and memory there, so it is dropped after every completed commit and after ROCKS_WALK_USES uses. */
#define ROCKS_WALK_USES 4096
struct rocks_walk {
    rocksdb_iterator_t *iterator; /* null: none now */
    unsigned uses;
};
rocksdb_iterator_t *rocks_walk_use(struct rocks *rocks, enum rocks_family family, struct rocks_walk *walk);
void rocks_walk_drop(struct rocks_walk *walk);

/* A pass over the keys that begin with `prefix` (at most ROCKS_PREFIX_BYTES), from `from` on. Done with rocks_range_end, which tells
   how it went. */
#define ROCKS_PREFIX_BYTES 128
struct rocks_range {
    rocksdb_iterator_t *iterator;
    rocksdb_readoptions_t *options;
    uint8_t upper[ROCKS_PREFIX_BYTES];
    bool started;
};
void rocks_range_begin(struct rocks_range *range, struct rocks *rocks, enum rocks_family family, struct bytes prefix,
                       struct bytes from);
bool rocks_range_next(struct rocks_range *range, struct bytes *key, struct bytes *value); /* the first call gives the first */
enum err rocks_range_end(struct rocks_range *range) MUST_USE;

#endif

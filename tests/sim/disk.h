/* disk: one node's store in memory, with the semantics of a sync: what was written is read and survives for sure only once it was
   synced. Its checksums find every damaged record: that is then not there. */
#ifndef TESTS_SIM_DISK_H
#define TESTS_SIM_DISK_H

#include "gossip/gossip.h"
#include "tests/sim/blob.h"

struct disk_entry {
    struct blob *entry;   /* null: this number is not here */
    struct blob *payload; /* null: none */
    uint64_t written;     /* the write that brought the entry */
    uint64_t payload_written;
    bool verified;
    bool damaged, payload_damaged; /* bits rotted */
};

struct disk_log {
    uint8_t node_id[NODE_ID_BYTES];
    struct disk_entry *entries; /* entry `seq` at seq - 1 */
    size_t count, capacity;
};

struct disk_audience {
    uint64_t epoch_seq, written;
    struct blob *readers;
};

struct disk_fork {
    uint8_t node_id[NODE_ID_BYTES];
    struct blob *proof;
};

struct disk {
    struct disk_log *logs;
    size_t count, capacity;
    uint32_t *table; /* open addressing over node ids: index + 1, 0: empty */
    size_t table_size;
    struct disk_audience *audiences;
    size_t audience_count;
    struct disk_fork *forks; /* safe at once: a proof that is lost comes again */
    size_t fork_count;
    uint64_t writes, synced; /* numbers of the last write, and of the last one that is said to be safe */
    uint64_t safe;           /* and that is: less when the disk lies */
    bool lying;              /* a fault: claims syncs that do not happen */
};

void disk_free(struct disk *disk);
uint64_t disk_write(struct disk *disk); /* the number of a new write; what has one number is one atom */
/* The disk takes a reference of its own. An equal entry, or a payload, that is here stays as it is. */
void disk_entry_put(struct disk *disk, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq, struct blob *entry,
                    uint64_t write, bool verified);
void disk_payload_put(struct disk *disk, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq, struct blob *payload,
                      uint64_t write);
void disk_payload_drop(struct disk *disk, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq); /* safe at once */
void disk_audience_put(struct disk *disk, uint64_t epoch_seq, struct bytes readers);
/* Consecutive entries, in one write. */
void disk_entries_put(struct disk *disk, const uint8_t node_id[static NODE_ID_BYTES], struct bytes entries, bool all_verified);
void disk_fork_put(struct disk *disk, const uint8_t node_id[static NODE_ID_BYTES], struct bytes proof);
void disk_truncate(struct disk *disk, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq); /* safe at once, as well */
void disk_sync(struct disk *disk, uint64_t write); /* all writes up to this one are safe */

/* Power goes. Writes that were not synced are lost, or with `random` each by chance; a log then ends before its first hole or damaged
   entry, as the store's recovery leaves it, and damaged payloads are dropped. */
void disk_crash(struct disk *disk, struct random *random);
/* A copy of what is synced. */
void disk_copy(struct disk *out, const struct disk *disk);

/* All of these see what is synced and whole, and nothing else. */
struct disk_log *disk_log_find(const struct disk *disk, const uint8_t node_id[static NODE_ID_BYTES]);
uint64_t disk_head(const struct disk *disk, const uint8_t node_id[static NODE_ID_BYTES]);
const struct disk_entry *disk_entry(const struct disk *disk, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq);
bool disk_payload_here(const struct disk *disk, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq);
/* Was this entry made safe, whatever became of it since? */
bool disk_synced(const struct disk *disk, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq);

#endif

/* disk: one node's store in memory, with the semantics of a sync: what was written is read and survives only once it was synced. */
#ifndef TESTS_SIM_DISK_H
#define TESTS_SIM_DISK_H

#include "gossip/gossip.h"

struct disk_entry {
    struct buf bytes; /* empty: this number is not here */
    bool verified;
    uint64_t written; /* the write that brought it */
    struct buf payload;
    uint64_t payload_written; /* 0: no payload */
};

struct disk_log {
    uint8_t node_id[NODE_ID_BYTES];
    struct disk_entry *entries; /* entry `seq` at seq - 1 */
    size_t count, capacity;
};

struct disk_audience {
    uint64_t epoch_seq, written;
    struct buf readers;
};

struct disk_fork {
    uint8_t node_id[NODE_ID_BYTES];
    struct buf proof;
};

struct disk {
    struct disk_log *logs;
    size_t count, capacity;
    struct disk_audience *audiences;
    size_t audience_count;
    struct disk_fork *forks; /* safe at once: a proof that is lost comes again */
    size_t fork_count;
    uint64_t writes, synced; /* numbers of the last write, and of the last one that is safe */
    bool lying;              /* a planted fault: claims a sync that did not happen */
};

void disk_free(struct disk *disk);
void disk_entries_put(struct disk *disk, const uint8_t node_id[static NODE_ID_BYTES], struct bytes entries, bool all_verified);
void disk_payload_put(struct disk *disk, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq, struct bytes payload);
void disk_audience_put(struct disk *disk, uint64_t epoch_seq, struct bytes readers);
void disk_fork_put(struct disk *disk, const uint8_t node_id[static NODE_ID_BYTES], struct bytes proof);
void disk_truncate(struct disk *disk, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq); /* safe at once, as well */
void disk_sync(struct disk *disk, uint64_t write); /* all writes up to this one are safe */
void disk_crash(struct disk *disk);                /* the others are lost */

/* All of these see what is synced, and nothing else. */
struct disk_log *disk_log_find(const struct disk *disk, const uint8_t node_id[static NODE_ID_BYTES]);
uint64_t disk_head(const struct disk *disk, const uint8_t node_id[static NODE_ID_BYTES]);
const struct disk_entry *disk_entry(const struct disk *disk, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq);
bool disk_payload_here(const struct disk *disk, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq);

#endif

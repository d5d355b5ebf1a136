#include "tests/sim/disk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void payload_drop(struct disk_entry *entry) {
    blob_drop(entry->payload);
    entry->payload = NULL;
    entry->payload_written = 0;
    entry->payload_damaged = false;
}

static void entry_drop(struct disk_entry *entry) {
    payload_drop(entry);
    blob_drop(entry->entry);
    *entry = (struct disk_entry){0};
}

void disk_free(struct disk *disk) {
    for (size_t i = 0; i < disk->count; i++) {
        for (size_t k = 0; k < disk->logs[i].count; k++) entry_drop(&disk->logs[i].entries[k]);
        free(disk->logs[i].entries);
    }
    for (size_t i = 0; i < disk->audience_count; i++) blob_drop(disk->audiences[i].readers);
    free(disk->logs);
    free(disk->table);
    for (size_t i = 0; i < disk->fork_count; i++) blob_drop(disk->forks[i].proof);
    free(disk->audiences);
    free(disk->forks);
    *disk = (struct disk){0};
}

struct disk_log *disk_log_find(const struct disk *disk, const uint8_t node_id[static NODE_ID_BYTES]) {
    for (size_t at = get_be32(node_id); disk->table_size > 0; at++) {
        uint32_t row = disk->table[at & (disk->table_size - 1)];
        if (row == 0) break;
        if (memcmp(disk->logs[row - 1].node_id, node_id, NODE_ID_BYTES) == 0) return &disk->logs[row - 1];
    }
    return NULL;
}

static void table_put(struct disk *disk, size_t index) {
    size_t at = get_be32(disk->logs[index].node_id);
    while (disk->table[at & (disk->table_size - 1)] != 0) at++;
    disk->table[at & (disk->table_size - 1)] = (uint32_t)index + 1;
}

static struct disk_log *log_new(struct disk *disk, const uint8_t *node_id) {
    if (disk->count == disk->capacity) {
        disk->capacity = disk->capacity ? 2 * disk->capacity : 16;
        disk->logs = realloc(disk->logs, disk->capacity * sizeof *disk->logs);
        free(disk->table);
        disk->table_size = 2 * disk->capacity;
        disk->table = calloc(disk->table_size, sizeof *disk->table);
        assert(disk->logs && disk->table);
        for (size_t i = 0; i < disk->count; i++) table_put(disk, i);
    }
    struct disk_log *log = &disk->logs[disk->count++];
    *log = (struct disk_log){0};
    memcpy(log->node_id, node_id, NODE_ID_BYTES);
    table_put(disk, disk->count - 1);
    return log;
}

static struct disk_entry *place(struct disk *disk, const uint8_t *node_id, uint64_t seq) {
    struct disk_log *log = disk_log_find(disk, node_id);
    if (!log) log = log_new(disk, node_id);
    while (log->count < seq) {
        if (log->count == log->capacity) {
            log->capacity = log->capacity ? 2 * log->capacity : 8;
            log->entries = realloc(log->entries, log->capacity * sizeof *log->entries);
            assert(log->entries);
        }
        log->entries[log->count++] = (struct disk_entry){0};
    }
    return &log->entries[seq - 1];
}

uint64_t disk_write(struct disk *disk) { return ++disk->writes; }

void disk_entry_put(struct disk *disk, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq, struct blob *entry,
                    uint64_t write, bool verified) {
    struct disk_entry *at = place(disk, node_id, seq);
    /* Another branch takes its place, and of all that stands behind it. */
    if (at->entry && !bytes_equal(blob_bytes(at->entry), blob_bytes(entry))) {
        disk_truncate(disk, node_id, seq);
        at = place(disk, node_id, seq);
    }
    if (!at->entry) {
        at->entry = blob_keep(entry);
        at->written = write;
    }
    at->verified |= verified;
}

void disk_payload_put(struct disk *disk, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq, struct blob *payload,
                      uint64_t write) {
    struct disk_entry *at = place(disk, node_id, seq);
    if (at->payload && !at->payload_damaged) return;
    payload_drop(at);
    at->payload = blob_keep(payload);
    at->payload_written = write;
}

void disk_payload_drop(struct disk *disk, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq) {
    payload_drop(place(disk, node_id, seq));
}

void disk_audience_put(struct disk *disk, uint64_t epoch_seq, struct bytes readers) {
    disk->audiences = realloc(disk->audiences, (disk->audience_count + 1) * sizeof *disk->audiences);
    assert(disk->audiences);
    disk->audiences[disk->audience_count++] =
        (struct disk_audience){.epoch_seq = epoch_seq, .written = ++disk->writes, .readers = blob_new(readers)};
}

void disk_entries_put(struct disk *disk, const uint8_t node_id[static NODE_ID_BYTES], struct bytes entries, bool all_verified) {
    uint64_t write = disk_write(disk);
    struct entry entry;
    for (; entries.size > 0; entries = bytes_of(entries.data + entry.size, entries.size - entry.size)) {
        enum err err = entry_parse(&entry, entries);
        assert(err == OK);
        struct blob *blob = blob_new(bytes_of(entries.data, entry.size));
        disk_entry_put(disk, node_id, entry.seq, blob, write, all_verified || entry.size == entries.size);
        blob_drop(blob);
    }
}

void disk_fork_put(struct disk *disk, const uint8_t node_id[static NODE_ID_BYTES], struct bytes proof) {
    size_t at = 0;
    while (at < disk->fork_count && memcmp(disk->forks[at].node_id, node_id, NODE_ID_BYTES) != 0) at++;
    if (at == disk->fork_count) {
        disk->forks = realloc(disk->forks, (disk->fork_count + 1) * sizeof *disk->forks);
        assert(disk->forks);
        disk->forks[disk->fork_count++] = (struct disk_fork){0};
        memcpy(disk->forks[at].node_id, node_id, NODE_ID_BYTES);
    }
    blob_drop(disk->forks[at].proof);
    disk->forks[at].proof = blob_new(proof);
}

void disk_truncate(struct disk *disk, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq) {
    struct disk_log *log = disk_log_find(disk, node_id);
    for (uint64_t at = seq; log && at <= log->count; at++) entry_drop(&log->entries[at - 1]);
    if (log && seq > 0 && log->count >= seq) log->count = seq - 1;
}

void disk_sync(struct disk *disk, uint64_t write) {
    if (write > disk->synced) disk->synced = write;
    if (!disk->lying && write > disk->safe) disk->safe = write;
}

/* A write survives by its number, so that an atom does as a whole. */
static bool survives(const struct disk *disk, uint64_t write, uint64_t salt) {
    if (write <= disk->safe) return true;
    uint64_t mix = (write ^ salt) * 0x9e3779b97f4a7c15ull;
    return salt != 0 && write <= disk->writes && (mix >> 40 & 1);
}

static void log_recover(const struct disk *disk, struct disk_log *log, uint64_t salt) {
    size_t good = 0;
    bool whole = true;
    for (size_t k = 0; k < log->count; k++) {
        struct disk_entry *entry = &log->entries[k];
        whole = whole && entry->entry && !entry->damaged && survives(disk, entry->written, salt);
        if (!whole) {
            entry_drop(entry);
            continue;
        }
        good = k + 1;
        if (entry->payload_damaged || !survives(disk, entry->payload_written, salt)) payload_drop(entry);
    }
    log->count = good;
}

void disk_crash(struct disk *disk, struct random *random) {
    uint64_t salt = random ? random_u64(random) | 1 : 0;
    for (size_t i = 0; i < disk->count; i++) log_recover(disk, &disk->logs[i], salt);
    size_t kept = 0;
    for (size_t i = 0; i < disk->audience_count; i++) {
        if (survives(disk, disk->audiences[i].written, salt))
            disk->audiences[kept++] = disk->audiences[i];
        else
            blob_drop(disk->audiences[i].readers);
    }
    disk->audience_count = kept;
    disk->lying = false;
    disk->synced = disk->safe = disk->writes; /* what is there now is what a start finds */
}

void disk_copy(struct disk *out, const struct disk *disk) {
    *out = (struct disk){0};
    for (size_t i = 0; i < disk->count; i++)
        for (uint64_t seq = 1; seq <= disk->logs[i].count; seq++) {
            const struct disk_entry *entry = disk_entry(disk, disk->logs[i].node_id, seq);
            if (!entry) break;
            disk_entry_put(out, disk->logs[i].node_id, seq, entry->entry, 0, entry->verified);
            if (disk_payload_here(disk, disk->logs[i].node_id, seq))
                disk_payload_put(out, disk->logs[i].node_id, seq, entry->payload, 0);
        }
    for (size_t i = 0; i < disk->audience_count; i++)
        if (disk->audiences[i].written <= disk->synced)
            disk_audience_put(out, disk->audiences[i].epoch_seq, blob_bytes(disk->audiences[i].readers));
    for (size_t i = 0; i < disk->fork_count; i++) disk_fork_put(out, disk->forks[i].node_id, blob_bytes(disk->forks[i].proof));
    out->synced = out->safe = out->writes;
}

static struct disk_entry *entry_at(const struct disk *disk, const uint8_t *node_id, uint64_t seq) {
    const struct disk_log *log = disk_log_find(disk, node_id);
    return log && seq > 0 && seq <= log->count ? &log->entries[seq - 1] : NULL;
}

bool disk_synced(const struct disk *disk, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq) {
    const struct disk_entry *entry = entry_at(disk, node_id, seq);
    return entry && entry->entry && entry->written <= disk->synced;
}

const struct disk_entry *disk_entry(const struct disk *disk, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq) {
    const struct disk_entry *entry = entry_at(disk, node_id, seq);
    return entry && entry->entry && !entry->damaged && entry->written <= disk->synced ? entry : NULL;
}

uint64_t disk_head(const struct disk *disk, const uint8_t node_id[static NODE_ID_BYTES]) {
    const struct disk_log *log = disk_log_find(disk, node_id);
    for (uint64_t seq = log ? log->count : 0; seq > 0; seq--) {
        const struct disk_entry *entry = &log->entries[seq - 1];
        if (entry->entry && !entry->damaged && entry->written <= disk->synced) return seq;
    }
    return 0;
}

bool disk_payload_here(const struct disk *disk, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq) {
    const struct disk_entry *entry = disk_entry(disk, node_id, seq);
    return entry && entry->payload && !entry->payload_damaged && entry->payload_written <= disk->synced;
}

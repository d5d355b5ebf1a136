#include "tests/sim/disk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void entry_free(struct disk_entry *entry) {
    buf_free(&entry->bytes);
    buf_free(&entry->payload);
    *entry = (struct disk_entry){0};
}

void disk_free(struct disk *disk) {
    for (size_t i = 0; i < disk->count; i++) {
        for (size_t k = 0; k < disk->logs[i].count; k++) entry_free(&disk->logs[i].entries[k]);
        free(disk->logs[i].entries);
    }
    for (size_t i = 0; i < disk->audience_count; i++) buf_free(&disk->audiences[i].readers);
    for (size_t i = 0; i < disk->fork_count; i++) buf_free(&disk->forks[i].proof);
    free(disk->forks);
    free(disk->logs);
    free(disk->audiences);
    *disk = (struct disk){0};
}

struct disk_log *disk_log_find(const struct disk *disk, const uint8_t node_id[static NODE_ID_BYTES]) {
    for (size_t i = 0; i < disk->count; i++)
        if (memcmp(disk->logs[i].node_id, node_id, NODE_ID_BYTES) == 0) return &disk->logs[i];
    return NULL;
}

static struct disk_entry *place(struct disk *disk, const uint8_t *node_id, uint64_t seq) {
    struct disk_log *log = disk_log_find(disk, node_id);
    if (!log) {
        disk->logs = realloc(disk->logs, (disk->count + 1) * sizeof *disk->logs);
        assert(disk->logs);
        log = &disk->logs[disk->count++];
        *log = (struct disk_log){0};
        memcpy(log->node_id, node_id, NODE_ID_BYTES);
    }
    while (log->count < seq) {
        if (log->count == log->capacity) {
            log->capacity = log->capacity ? 2 * log->capacity : 16;
            log->entries = realloc(log->entries, log->capacity * sizeof *log->entries);
            assert(log->entries);
        }
        log->entries[log->count++] = (struct disk_entry){0};
    }
    return &log->entries[seq - 1];
}

void disk_entries_put(struct disk *disk, const uint8_t node_id[static NODE_ID_BYTES], struct bytes entries, bool all_verified) {
    uint64_t write = ++disk->writes;
    while (entries.size > 0) {
        struct entry entry;
        enum err err = entry_parse(&entry, entries);
        assert(err == OK);
        struct disk_entry *at = place(disk, node_id, entry.seq);
        assert(at->bytes.size == 0 || bytes_equal(bytes_of_buf(&at->bytes), bytes_of(entries.data, entry.size)));
        if (at->bytes.size == 0) {
            buf_put(&at->bytes, bytes_of(entries.data, entry.size));
            at->written = write;
        }
        at->verified |= all_verified || entry.size == entries.size;
        entries = bytes_of(entries.data + entry.size, entries.size - entry.size);
    }
}

void disk_payload_put(struct disk *disk, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq, struct bytes payload) {
    struct disk_entry *at = place(disk, node_id, seq);
    disk->writes++;
    if (at->payload_written) return;
    buf_clear(&at->payload);
    buf_put(&at->payload, payload);
    at->payload_written = disk->writes;
}

void disk_audience_put(struct disk *disk, uint64_t epoch_seq, struct bytes readers) {
    disk->audiences = realloc(disk->audiences, (disk->audience_count + 1) * sizeof *disk->audiences);
    assert(disk->audiences);
    struct disk_audience *audience = &disk->audiences[disk->audience_count++];
    *audience = (struct disk_audience){.epoch_seq = epoch_seq, .written = ++disk->writes};
    buf_put(&audience->readers, readers);
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
    buf_clear(&disk->forks[at].proof);
    buf_put(&disk->forks[at].proof, proof);
}

void disk_truncate(struct disk *disk, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq) {
    struct disk_log *log = disk_log_find(disk, node_id);
    for (; log && seq <= log->count; seq++) {
        buf_free(&log->entries[seq - 1].bytes), buf_free(&log->entries[seq - 1].payload);
        log->entries[seq - 1] = (struct disk_entry){0};
    }
}

void disk_sync(struct disk *disk, uint64_t write) {
    if (!disk->lying && write > disk->synced) disk->synced = write;
}

void disk_crash(struct disk *disk) {
    for (size_t i = 0; i < disk->count; i++)
        for (size_t k = 0; k < disk->logs[i].count; k++) {
            struct disk_entry *entry = &disk->logs[i].entries[k];
            if (entry->payload_written > disk->synced) buf_free(&entry->payload), entry->payload_written = 0;
            if (entry->written > disk->synced) buf_free(&entry->bytes), entry->written = 0, entry->verified = false;
        }
    size_t kept = 0;
    for (size_t i = 0; i < disk->audience_count; i++) {
        if (disk->audiences[i].written <= disk->synced)
            disk->audiences[kept++] = disk->audiences[i];
        else
            buf_free(&disk->audiences[i].readers);
    }
    disk->audience_count = kept;
    disk->lying = false;
}

const struct disk_entry *disk_entry(const struct disk *disk, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq) {
    const struct disk_log *log = disk_log_find(disk, node_id);
    if (!log || seq == 0 || seq > log->count) return NULL;
    const struct disk_entry *entry = &log->entries[seq - 1];
    return entry->bytes.size > 0 && entry->written <= disk->synced ? entry : NULL;
}

uint64_t disk_head(const struct disk *disk, const uint8_t node_id[static NODE_ID_BYTES]) {
    const struct disk_log *log = disk_log_find(disk, node_id);
    for (uint64_t seq = log ? log->count : 0; seq > 0; seq--)
        if (disk_entry(disk, node_id, seq)) return seq;
    return 0;
}

bool disk_payload_here(const struct disk *disk, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq) {
    const struct disk_entry *entry = disk_entry(disk, node_id, seq);
    return entry && entry->payload_written != 0 && entry->payload_written <= disk->synced;
}
